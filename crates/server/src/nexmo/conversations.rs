//! Conversations: create, list, read, change, delete.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::{ConversationId, UserId};
use countersign_core::limit::PAGE_MAX;
use countersign_core::model::conversation::{Ages, ConversationPatch, ConversationView};
use countersign_core::model::page::{Order, Page, Window};
use countersign_core::op;
use countersign_core::op::conversations::{ByAge, Create, CreatorEnters};
use countersign_credential::time::Timestamp;
use countersign_wire::time::Time;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::{Asked, Query};
use super::failure::Refused;
use super::page::{self, Answer, Noun, Wanted};
use super::shapes;
use super::users::{Properties, custom_data, done, made, text, user_id};

/// What a conversation is asked to be.
#[derive(Deserialize)]
struct Profile {
    name: Option<String>,
    display_name: Option<String>,
    image_url: Option<String>,
    properties: Option<Properties>,
}

/// `POST /{version}/conversations`
pub(super) async fn create(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let profile: Profile = asked.json()?;
    let create = Create {
        name: text("name", profile.name)?,
        display_name: text("display_name", profile.display_name)?,
        image_url: profile.image_url,
        custom_data: custom_data(profile.properties)?,
        client_id: None,
        creator_enters: CreatorEnters::ByJoining,
    };
    let created = op::conversations::create_conversation(&ctx, &asked.principal, create).await?;
    let id = created.view.conversation.id;
    let href = asked.href(&format!("conversations/{id}"));
    let mut shown = shapes::conversation(&created.view, None, &href);
    for members in shown.as_object_mut().into_iter() {
        members.insert("href".to_owned(), json!(href));
    }
    Ok(Answer(made(&asked), shown).into_response())
}

/// `GET /{version}/conversations`
pub(super) async fn list(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    by_age(&ctx, &asked, None).await
}

/// `GET /{version}/users/{id}/conversations`
pub(super) async fn list_of_user(
    State(ctx): State<Arc<Ctx>>,
    asked: Asked,
) -> Result<Response, Refused> {
    let user = user_id(&asked)?;
    by_age(&ctx, &asked, Some(user)).await
}

async fn by_age(ctx: &Ctx, asked: &Asked, user: Option<UserId>) -> Result<Response, Refused> {
    let wanted = Wanted::of(&asked.query)?;
    let state = match asked.query.text("state") {
        None => None,
        Some(text) => Some(shapes::state_of(text).ok_or_else(|| {
            Error::new(Code::BadRequest, "state: expected INVITED, JOINED or LEFT")
        })?),
    };
    let by_age = ByAge {
        user,
        state,
        ages: Ages {
            order: wanted.order,
            since: date(&asked.query, "date_start")?,
            until: date(&asked.query, "date_end")?,
        },
    };
    let window = wanted.window();
    let found = op::conversations::list_by_age(ctx, &asked.principal, by_age, window).await?;
    page::answer(asked, &wanted, Noun::Conversations, listed(asked, found))
}

/// A moment as a backend writes it: RFC 3339, also without the zone, which is UTC then.
fn date(query: &Query, name: &str) -> Result<Option<Timestamp>, Error> {
    let Some(text) = query.text(name) else {
        return Ok(None);
    };
    let parsed = text.parse().or_else(|_| format!("{text}Z").parse());
    let time: Time = parsed.map_err(|_| {
        let detail = format!("{name}: expected a time such as 2026-01-31T12:34:56Z");
        Error::new(Code::BadRequest, detail)
    })?;
    Ok(Some(Timestamp::from_milliseconds(time.milliseconds)))
}

/// Conversations in a list, each with the place of the user whose list it is.
fn listed(asked: &Asked, found: Page<ConversationView>) -> Page<Value> {
    let shown = found.items.iter().map(|view| {
        let href = asked.href(&format!("conversations/{}", view.conversation.id));
        let mut shown = shapes::conversation(view, None, &href);
        with_own_place(&mut shown, view);
        // The newer versions have the conversation's own state there.
        if let (Some(member), true) = (&view.member, asked.version.is_old())
            && let Some(members) = shown.as_object_mut()
        {
            let state = shapes::state(member.state);
            members.insert("state".to_owned(), json!(state));
        }
        shown
    });
    Page {
        items: shown.collect(),
        next: found.next,
    }
}

/// Adds the place of the user whose view it is.
fn with_own_place(shown: &mut Value, view: &ConversationView) {
    if let (Some(member), Some(members)) = (&view.member, shown.as_object_mut()) {
        let (id, state) = (member.id.to_string(), shapes::state(member.state));
        let own = json!({ "id": id, "state": state });
        let embedded = json!({ "id": id, "state": state, "member": own });
        members.insert("member_id".to_owned(), json!(id));
        members.insert("_embedded".to_owned(), embedded);
    }
}

/// `GET /{version}/conversations/{id}`: the oldest versions have its members in it.
pub(super) async fn read(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let id: ConversationId = asked.id("conversation_id", "conversation")?;
    let view = op::conversations::read_conversation(&ctx, &asked.principal, id).await?;
    let members = if asked.version.is_old() {
        Some(members(&ctx, &asked, id).await?)
    } else {
        None
    };
    let href = asked.href(&format!("conversations/{id}"));
    let mut shown = shapes::conversation(&view, members.as_deref(), &href);
    with_own_place(&mut shown, &view);
    Ok(Answer(StatusCode::OK, shown).into_response())
}

/// The members of a conversation, a page of them.
async fn members(ctx: &Ctx, asked: &Asked, id: ConversationId) -> Result<Vec<Value>, Error> {
    let window = Window {
        after: None,
        limit: PAGE_MAX,
    };
    let found =
        op::members::list_members(ctx, &asked.principal, id, Order::OldestFirst, window).await?;
    let shown = found.items.iter().map(|member| {
        let href = asked.href(&format!("conversations/{id}/members/{}", member.id));
        shapes::member(id, member, &href)
    });
    Ok(shown.collect())
}

/// `PUT /{version}/conversations/{id}`: what the body does not name is cleared,
/// but for the name.
pub(super) async fn replace(
    State(ctx): State<Arc<Ctx>>,
    asked: Asked,
) -> Result<Response, Refused> {
    let id: ConversationId = asked.id("conversation_id", "conversation")?;
    let profile: Profile = asked.json()?;
    let patch = ConversationPatch {
        name: text("name", profile.name)?.map(Some),
        display_name: Some(text("display_name", profile.display_name)?),
        image_url: Some(profile.image_url),
        custom_data: Some(custom_data(profile.properties)?),
    };
    let view = op::conversations::update_conversation(&ctx, &asked.principal, id, patch).await?;
    let href = asked.href(&format!("conversations/{id}"));
    let shown = shapes::conversation(&view, None, &href);
    Ok(Answer(StatusCode::OK, shown).into_response())
}

/// `DELETE /{version}/conversations/{id}`
pub(super) async fn delete(State(ctx): State<Arc<Ctx>>, asked: Asked) -> Result<Response, Refused> {
    let id = asked.id("conversation_id", "conversation")?;
    op::conversations::delete_conversation(&ctx, &asked.principal, id).await?;
    Ok(done(&asked))
}
