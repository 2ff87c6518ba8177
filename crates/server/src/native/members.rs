//! Members: invite, add, join, leave, remove.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::model::member::{Member, MemberState};
use countersign_core::model::page::Order;
use countersign_core::model::user::Identifier;
use countersign_core::op;
use countersign_core::op::members::Add;
use countersign_wire::member as wire;
use http::StatusCode;

use super::answer::{Answer, created, cursor};
use super::bearer::Asker;
use super::body::Json;
use super::named::Named;
use super::problem::Problem;
use super::query::Query;
use super::users;

/// `POST /v1/conversations/{id}/members`
pub(super) async fn add(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
    Json(request): Json<wire::NewMember>,
) -> Result<Answer<wire::Member>, Problem> {
    query.only(&[])?;
    let add = Add {
        conversation: named.id("conversation_id", "conversation")?,
        user: identifier(request.user)?,
        state: state(request.state),
        by: None,
    };
    let added = op::members::add_member(&ctx, &asker, add).await?;
    Ok(Answer(created(added.new), shown(&added.member)))
}

/// `GET /v1/conversations/{id}/members`
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::Members>, Problem> {
    query.only(&["limit", "cursor"])?;
    let conversation = named.id("conversation_id", "conversation")?;
    let (order, window) = (Order::OldestFirst, query.window()?);
    let page = op::members::list_members(&ctx, &asker, conversation, order, window).await?;
    let list = wire::Members {
        members: page.items.iter().map(shown).collect(),
        next: cursor(page.next),
    };
    Ok(Answer(StatusCode::OK, list))
}

/// `GET /v1/conversations/{id}/members/{id}`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::Member>, Problem> {
    query.only(&[])?;
    let conversation = named.id("conversation_id", "conversation")?;
    let id = named.id("member_id", "member")?;
    let member = op::members::read_member(&ctx, &asker, conversation, id).await?;
    Ok(Answer(StatusCode::OK, shown(&member)))
}

/// `PATCH /v1/conversations/{id}/members/{id}`
pub(super) async fn update(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
    Json(patch): Json<wire::MemberPatch>,
) -> Result<Answer<wire::Member>, Problem> {
    query.only(&[])?;
    let conversation = named.id("conversation_id", "conversation")?;
    let id = named.id("member_id", "member")?;
    let state = state(patch.state);
    let member = op::members::update_member(&ctx, &asker, conversation, id, state, None).await?;
    Ok(Answer(StatusCode::OK, shown(&member)))
}

/// `DELETE /v1/conversations/{id}/members/{id}`
pub(super) async fn remove(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.only(&[])?;
    let conversation = named.id("conversation_id", "conversation")?;
    let id = named.id("member_id", "member")?;
    op::members::remove_member(&ctx, &asker, conversation, id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn identifier(user: wire::UserReference) -> Result<Identifier, Error> {
    match (user.id, user.name, user.external_id) {
        (Some(id), None, None) => id
            .parse()
            .map(Identifier::Id)
            .map_err(|_| Error::not_found("user")),
        (None, Some(name), None) => users::name(&name).map(Identifier::Name),
        (None, None, Some(id)) => users::external_id(&id).map(Identifier::ExternalId),
        _ => Err(Error::new(
            Code::BadRequest,
            "user is named by exactly one of id, name and external_id",
        )),
    }
}

fn state(state: wire::MemberState) -> MemberState {
    match state {
        wire::MemberState::Invited => MemberState::Invited,
        wire::MemberState::Joined => MemberState::Joined,
        wire::MemberState::Left => MemberState::Left,
    }
}

fn shown(member: &Member) -> wire::Member {
    wire::Member {
        id: member.id.to_string(),
        user_id: member.user.to_string(),
        name: member.names.shown().to_owned(),
        state: shown_state(member.state),
        delivered: member.delivered,
        seen: member.seen,
    }
}

/// A state as the wire has it.
pub(super) fn shown_state(state: MemberState) -> wire::MemberState {
    match state {
        MemberState::Invited => wire::MemberState::Invited,
        MemberState::Joined => wire::MemberState::Joined,
        MemberState::Left => wire::MemberState::Left,
    }
}
