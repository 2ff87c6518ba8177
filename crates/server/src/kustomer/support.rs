//! Chats as an organization's backends take part in them: they read them, answer,
//! and write for customers who wrote elsewhere.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::{ConversationId, MemberId, UserId};
use countersign_core::model::conversation::{Ages, Creator};
use countersign_core::model::event::EventKind;
use countersign_core::model::page::{Order, Page};
use countersign_core::op;
use countersign_core::op::conversations::ByAge;
use countersign_core::op::events::{Content, Send};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, one};
use super::asked::{Backend, Customer, Json};
use super::chats::{self, chat_id};
use super::failure::Refused;
use super::messages::{self, checked_client_id, filter};
use super::page::Wanted;
use crate::route::Parameters;

/// A message as a backend sends it. Who of the organization sends it is known by
/// the API key, and not by what it says.
#[derive(Debug, Deserialize)]
pub(super) struct NewMessage {
    #[serde(rename = "customerId")]
    customer_id: String,
    session: String,
    body: String,
    #[serde(rename = "clientMessageId")]
    client_message_id: Option<String>,
}

/// Whose chat it is.
struct Owner {
    user: UserId,
    member: Option<MemberId>,
}

/// `GET /v2.1/chat/sessions?customerId=…`, the chats of a customer, the newest first.
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Backend(asker): Backend,
    wanted: Wanted,
) -> Result<Answer, Refused> {
    let missing = || Error::new(Code::BadRequest, "customerId: whose chats are wanted?");
    let user = wanted.customer.ok_or_else(missing)?;
    let by_age = ByAge {
        user: Some(user),
        state: None,
        ages: Ages {
            order: Order::NewestFirst,
            since: None,
            until: None,
        },
    };
    let window = wanted.window.clone();
    let page = op::conversations::list_by_age(&ctx, &asker, by_age, window).await?;
    let customer = Customer {
        user,
        session: None,
    };
    let mut items = Vec::with_capacity(page.items.len());
    for view in &page.items {
        if !wanted.active || !chats::is_ended(&view.conversation) {
            items.push(chats::shown(&ctx, &asker, customer, view).await?);
        }
    }
    let next = page.next;
    let page = Page { items, next };
    Ok(wanted.answer("/v2.1/chat/sessions", &page, Value::clone))
}

/// `GET /v2.1/chat/sessions/{id}/messages`, the newest first.
pub(super) async fn messages(
    State(ctx): State<Arc<Ctx>>,
    Backend(asker): Backend,
    parameters: Parameters,
    wanted: Wanted,
) -> Result<Answer, Refused> {
    let chat = chat_id(&parameters)?;
    let customer = owner(&ctx, &asker, chat).await?.customer();
    let window = wanted.window.clone();
    let page = op::events::list_event_page(&ctx, &asker, chat, filter(), window).await?;
    let path = format!("/v2.1/chat/sessions/{chat}/messages");
    Ok(wanted.answer(&path, &page, |event| messages::shown(customer, chat, event)))
}

/// `POST /v2.1/chat/messages`: what the customer has written at another place.
pub(super) async fn send_for(
    State(ctx): State<Arc<Ctx>>,
    Backend(asker): Backend,
    Json(new): Json<NewMessage>,
) -> Result<Answer, Refused> {
    let (chat, owner) = named(&ctx, &asker, &new).await?;
    let member = owner
        .member
        .ok_or_else(|| Error::not_found("session").hint("the customer has never been in it"))?;
    send(&ctx, &asker, (chat, owner.customer(), Some(member)), new).await
}

/// `POST /v2.1/chat/outbound/messages`: what the organization answers.
pub(super) async fn answer(
    State(ctx): State<Arc<Ctx>>,
    Backend(asker): Backend,
    Json(new): Json<NewMessage>,
) -> Result<Answer, Refused> {
    let (chat, owner) = named(&ctx, &asker, &new).await?;
    send(&ctx, &asker, (chat, owner.customer(), None), new).await
}

async fn send(
    ctx: &Ctx,
    asker: &Principal,
    (chat, customer, member): (ConversationId, Customer, Option<MemberId>),
    new: NewMessage,
) -> Result<Answer, Refused> {
    if new.body.is_empty() {
        return Err(Error::new(Code::BadRequest, "body: a message has a text").into());
    }
    let body = json!({ "text": new.body }).to_string();
    let send = Send {
        conversation: chat,
        member,
        content: Content::New(EventKind::Text, body),
        files: Vec::new(),
        client_id: new.client_message_id.map(checked_client_id).transpose()?,
    };
    let sent = op::events::send(ctx, asker, send).await?;
    let Answer(_, body) = one(messages::shown(customer, chat, &sent.event));
    let status = if sent.new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(Answer(status, body))
}

/// The chat that a message names, which must be that customer's.
async fn named(
    ctx: &Ctx,
    asker: &Principal,
    new: &NewMessage,
) -> Result<(ConversationId, Owner), Error> {
    let missing = || Error::not_found("session").hint("or it is not this customer's");
    let chat = new.session.parse().map_err(|_| missing())?;
    let owner = owner(ctx, asker, chat).await?;
    if new.customer_id.parse() == Ok(owner.user) {
        Ok((chat, owner))
    } else {
        Err(missing())
    }
}

/// Whose chat it is: who began it. A conversation that no user began is no chat.
async fn owner(ctx: &Ctx, asker: &Principal, chat: ConversationId) -> Result<Owner, Error> {
    let view = op::conversations::read_conversation(ctx, asker, chat).await?;
    match view.conversation.creator {
        Some(Creator::Member(id)) => {
            let member = op::members::read_member(ctx, asker, chat, id).await?;
            Ok(Owner {
                user: member.user,
                member: Some(id),
            })
        }
        Some(Creator::User(user)) => Ok(Owner { user, member: None }),
        None => Err(Error::not_found("session")),
    }
}

// === impl Owner ===

impl Owner {
    fn customer(&self) -> Customer {
        Customer {
            user: self.user,
            session: None,
        }
    }
}
