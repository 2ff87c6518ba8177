//! Members: invite, add, join, leave, remove.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::{ConversationId, MemberId};
use countersign_core::model::member::{Member, MemberState, Reason};
use countersign_core::model::page::Page;
use countersign_core::model::user::Identifier;
use countersign_core::op;
use countersign_core::op::members::Add;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::asked::Asked;
use super::events::spoken_for;
use super::failure::Refused;
use super::page::{self, Answer, Noun, Wanted};
use super::shapes;
use super::users::{done, user_name};

/// Whom to add, and how.
#[derive(Deserialize)]
struct NewMember {
    state: Option<String>,
    /// What the oldest server library writes instead of a state.
    action: Option<String>,
    user: Option<NamedUser>,
    user_id: Option<String>,
    user_name: Option<String>,
    /// The member who invites. A client writes its own.
    from: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    id: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Change {
    state: Option<String>,
    reason: Option<Said>,
}

/// Why a member goes out.
#[derive(Deserialize)]
struct Said {
    code: Option<String>,
    text: Option<String>,
}

/// `POST /{version}/conversations/{id}/members`
pub(super) async fn add(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let conversation = asked.id("conversation_id", "conversation")?;
    let new: NewMember = asked.json()?;
    let asker = &asked.principal;
    let state = state_of(new.state.as_deref().or(new.action.as_deref()))?;
    let by = match state {
        MemberState::Invited => spoken_for(asker, new.from.as_deref())?,
        // Nobody else comes in for a user.
        MemberState::Joined | MemberState::Left => None,
    };
    let add = Add {
        conversation,
        user: named(&new)?,
        state,
        by,
    };
    let added = op::members::add_member(&ctx, asker, add).await?;
    let shown = shown(&asked, conversation, &added.member);
    Ok(Answer(StatusCode::CREATED, shown).into_response())
}

/// The user whom a body names: by id, else by name.
fn named(new: &NewMember) -> Result<Identifier, Error> {
    let in_user = |of: fn(&NamedUser) -> &Option<String>| {
        new.user.as_ref().and_then(|user| of(user).as_deref())
    };
    let id = in_user(|user| &user.id).or(new.user_id.as_deref());
    let name = in_user(|user| &user.name).or(new.user_name.as_deref());
    match (id, name) {
        (Some(id), _) => id
            .parse()
            .map(Identifier::Id)
            .map_err(|_| Error::not_found("user")),
        (None, Some(name)) => Ok(Identifier::Name(user_name(name)?)),
        (None, None) => Err(Error::new(
            Code::BadRequest,
            "user: an id or a name is missing",
        )),
    }
}

fn state_of(text: Option<&str>) -> Result<MemberState, Error> {
    match text {
        Some("joined" | "join") => Ok(MemberState::Joined),
        Some("invited" | "invite") => Ok(MemberState::Invited),
        Some("left" | "leave") => Ok(MemberState::Left),
        Some(_) | None => Err(Error::new(
            Code::BadRequest,
            "state: expected invited, joined or left",
        )),
    }
}

/// `GET /{version}/conversations/{id}/members`
pub(super) async fn list(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let conversation = asked.id("conversation_id", "conversation")?;
    let wanted = Wanted::of(&asked.query)?;
    let window = wanted.window();
    let (asker, order) = (&asked.principal, wanted.order);
    let found = op::members::list_members(&ctx, asker, conversation, order, window).await?;
    let items = found.items.iter();
    let found = Page {
        items: items
            .map(|member| shown(&asked, conversation, member))
            .collect(),
        next: found.next,
    };
    page::answer(&asked, &wanted, Noun::Members, found)
}

/// `GET /{version}/conversations/{id}/members/{id}`, or `me`.
pub(super) async fn read(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let conversation = asked.id("conversation_id", "conversation")?;
    let asker = &asked.principal;
    let member = if asked.text("member_id") == Some("me") {
        op::members::own(&ctx, asker, conversation).await?
    } else {
        let id = asked.id("member_id", "member")?;
        op::members::read_member(&ctx, asker, conversation, id).await?
    };
    let shown = shown(&asked, conversation, &member);
    Ok(Answer(StatusCode::OK, shown).into_response())
}

/// `PATCH /{version}/conversations/{id}/members/{id}`
pub(super) async fn update(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let conversation = asked.id("conversation_id", "conversation")?;
    let id = member_id(&ctx, &asked, conversation).await?;
    let change: Change = asked.json()?;
    let state = state_of(change.state.as_deref())?;
    let reason = change.reason.map(|said| Reason {
        code: said.code,
        text: said.text,
    });
    let asker = &asked.principal;
    let member = op::members::update_member(&ctx, asker, conversation, id, state, reason).await?;
    let shown = shown(&asked, conversation, &member);
    Ok(Answer(StatusCode::OK, shown).into_response())
}

/// `DELETE /{version}/conversations/{id}/members/{id}`
pub(super) async fn remove(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let conversation = asked.id("conversation_id", "conversation")?;
    let id = member_id(&ctx, &asked, conversation).await?;
    let said = |name| asked.query.text(name).map(str::to_owned);
    let (code, text) = (said("reason_code"), said("reason_text"));
    let reason = (code.is_some() || text.is_some()).then_some(Reason { code, text });
    op::members::remove_member(&ctx, &asked.principal, conversation, id, reason).await?;
    Ok(done(&asked))
}

/// The member whom the path names, `me` included.
async fn member_id(
    ctx: &Ctx,
    asked: &Asked,
    conversation: ConversationId,
) -> Result<MemberId, Error> {
    if asked.text("member_id") != Some("me") {
        return asked.id("member_id", "member");
    }
    let own = op::members::own(ctx, &asked.principal, conversation).await?;
    Ok(own.id)
}

fn shown(asked: &Asked, conversation: ConversationId, member: &Member) -> Value {
    let id = member.id;
    let href = asked.href(&format!("conversations/{conversation}/members/{id}"));
    shapes::member(conversation, member, &href)
}
