//! Conversations: create, list, read, change, delete.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::model::conversation::{ConversationPatch, ConversationView};
use countersign_core::op;
use countersign_core::op::conversations::Create;
use countersign_wire::conversation as wire;
use countersign_wire::patch::Patch;
use http::StatusCode;

use super::answer::{Answer, created, cursor, time};
use super::bearer::Asker;
use super::body::Json;
use super::named::{Named, checked_client_id, checked_name};
use super::problem::Problem;
use super::query::Query;

/// `POST /v1/conversations`
pub(super) async fn create(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
    Json(request): Json<wire::NewConversation>,
) -> Result<Answer<wire::Conversation>, Problem> {
    query.only(&[])?;
    let name = |text| checked_name("name", text);
    let display_name = |text| checked_name("display_name", text);
    let client_id = |text| checked_client_id("client_id", text);
    let create = Create {
        name: request.name.map(name).transpose()?,
        display_name: request.display_name.map(display_name).transpose()?,
        client_id: request.client_id.map(client_id).transpose()?,
        ..Create::default()
    };
    let made = op::conversations::create_conversation(&ctx, &asker, create).await?;
    Ok(Answer(created(made.new), shown(made.view)))
}

/// `GET /v1/conversations`
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
) -> Result<Answer<wire::Conversations>, Problem> {
    query.only(&["limit", "cursor"])?;
    let page = op::conversations::list_conversations(&ctx, &asker, query.window()?).await?;
    let list = wire::Conversations {
        conversations: page.items.into_iter().map(shown).collect(),
        next: cursor(page.next),
    };
    Ok(Answer(StatusCode::OK, list))
}

/// `GET /v1/conversations/{id}`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::Conversation>, Problem> {
    query.only(&[])?;
    let id = named.id("conversation_id", "conversation")?;
    let view = op::conversations::read_conversation(&ctx, &asker, id).await?;
    Ok(Answer(StatusCode::OK, shown(view)))
}

/// `PATCH /v1/conversations/{id}`
pub(super) async fn update(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
    Json(request): Json<wire::ConversationPatch>,
) -> Result<Answer<wire::Conversation>, Problem> {
    query.only(&[])?;
    let id = named.id("conversation_id", "conversation")?;
    let patch = ConversationPatch {
        name: changed("name", request.name)?,
        display_name: changed("display_name", request.display_name)?,
        ..ConversationPatch::default()
    };
    let view = op::conversations::update_conversation(&ctx, &asker, id, patch).await?;
    Ok(Answer(StatusCode::OK, shown(view)))
}

/// `DELETE /v1/conversations/{id}`
pub(super) async fn delete(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.only(&[])?;
    let id = named.id("conversation_id", "conversation")?;
    op::conversations::delete_conversation(&ctx, &asker, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn changed(member: &str, patch: Patch<String>) -> Result<Option<Option<String>>, Error> {
    match patch.into_change() {
        None => Ok(None),
        Some(None) => Ok(Some(None)),
        Some(Some(text)) => Ok(Some(Some(checked_name(member, text)?))),
    }
}

pub(super) fn shown(view: ConversationView) -> wire::Conversation {
    let conversation = view.conversation;
    wire::Conversation {
        id: conversation.id.to_string(),
        name: conversation.name,
        display_name: conversation.display_name,
        last_event_id: conversation.last_event_id,
        unread: view.unread,
        created_at: time(conversation.created_at),
        updated_at: time(conversation.updated_at),
    }
}
