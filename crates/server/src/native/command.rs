//! A command of a socket, authorized as the call that it stands for. Events that
//! wait together are sent in one batch, as far as that makes no difference to
//! anybody: where one of them cannot be sent, each is a command of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::id::ConversationId;
use countersign_core::model::event::Event;
use countersign_core::model::signal::Signal;
use countersign_core::op;
use countersign_core::op::events::{Content, Send, SentTogether};
use countersign_wire::frame as wire;

use super::events::{Sent, check_edit, in_body, read_body};
use super::named::checked_client_id;
use crate::body::decode;

/// What is carried out: a command, or events that are sent together.
pub(super) type Command = Pin<Box<dyn Future<Output = Done> + std::marker::Send>>;

/// A command that is to be carried out.
#[derive(Debug)]
pub(super) struct Order {
    reference: u64,
    conversation: ConversationId,
    what: What,
    kind: String,
    client_id: Option<String>,
}

#[derive(Debug)]
enum What {
    Event(Box<Send>),
    Position { delivered: u64, seen: u64 },
    Typing { on: bool },
}

/// What came of what was carried out.
#[derive(Debug)]
pub(super) enum Done {
    /// Each command has its answer, in their order.
    Answered(Vec<Answer>),
    /// Nothing has happened: each is to be carried out by itself.
    Apart(Vec<Order>),
}

/// What came of a command.
#[derive(Debug)]
pub(super) enum Answer {
    /// An event is durable.
    Sent {
        reference: u64,
        conversation: ConversationId,
        event: Event,
    },
    /// A signal was passed on.
    Signalled { reference: u64, signal: Signal },
    /// Nothing has happened.
    Refused(Refused),
}

/// A command that is not carried out.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) reference: u64,
    pub(super) error: Error,
}

/// Reads a command.
///
/// # Errors
/// `not_found` for what is no conversation; `bad_request`.
pub(super) fn read(frame: wire::Send) -> Result<Order, Error> {
    let conversation: ConversationId = frame
        .conversation_id
        .parse()
        .map_err(|_| Error::not_found("conversation"))?;
    let event = frame.event;
    let client_id = event
        .client_id
        .map(|text| checked_client_id("client_id", text))
        .transpose()?;
    let what = if event.kind == "typing" {
        let body: wire::TypingBody = decode(event.body.get().as_bytes()).map_err(in_body)?;
        What::Typing { on: body.on }
    } else {
        match read_body(&event.kind, &event.body)? {
            Sent::Event(content) => What::Event(Box::new(Send {
                conversation,
                member: None,
                content,
                files: Vec::new(),
                client_id: client_id.clone(),
            })),
            Sent::Position { delivered, seen } => What::Position { delivered, seen },
        }
    };
    Ok(Order {
        reference: frame.reference,
        conversation,
        what,
        kind: event.kind,
        client_id,
    })
}

/// Begins to carry a command out, or to send several events together.
pub(super) fn begin(orders: Vec<Order>, ctx: Arc<Ctx>, principal: Arc<Principal>) -> Command {
    Box::pin(async move {
        match <[Order; 1]>::try_from(orders) {
            Ok([order]) => Done::Answered(vec![order.answer(&ctx, &principal).await]),
            Err(orders) => send_together(orders, &ctx, &principal).await,
        }
    })
}

async fn send_together(orders: Vec<Order>, ctx: &Ctx, principal: &Principal) -> Done {
    let sends: Vec<&Send> = orders.iter().filter_map(Order::event).collect();
    match op::events::send_all(ctx, principal, &sends).await {
        Ok(SentTogether::All(events)) => {
            let sent = orders
                .iter()
                .zip(events)
                .map(|(order, event)| Answer::Sent {
                    reference: order.reference,
                    conversation: order.conversation,
                    event,
                });
            Done::Answered(sent.collect())
        }
        Ok(SentTogether::Apart) => Done::Apart(orders),
        Err(error) => {
            let refused = orders.iter().map(|order| Refused {
                reference: order.reference,
                error: error.clone(),
            });
            Done::Answered(refused.map(Answer::Refused).collect())
        }
    }
}

// === impl Order ===

impl Order {
    /// The conversation in which an event will follow.
    pub(super) fn sending(&self) -> Option<ConversationId> {
        match self.what {
            What::Event(_) => Some(self.conversation),
            What::Position { .. } | What::Typing { .. } => None,
        }
    }

    /// Whether it is an event that can be sent together with others: what it says
    /// hangs on no other, and what allows it is the same for all of them.
    pub(super) fn goes_with_others(&self, principal: &Principal) -> bool {
        let is_new = |send: &Send| matches!(send.content, Content::New(..));
        self.event().is_some_and(is_new) && !is_filtered(principal)
    }

    /// The bytes of an event's body.
    pub(super) fn body_bytes(&self) -> usize {
        match self.event().map(|send| &send.content) {
            Some(Content::New(_, body) | Content::Edit { body, .. }) => body.len(),
            Some(Content::Delete(_)) | None => 0,
        }
    }

    /// The members of the body that the call would have, as an ACL's filters
    /// compare them.
    fn parameters(&self) -> Vec<(String, Option<String>)> {
        let client_id = self.client_id.clone();
        let client_id = client_id.map(|id| ("client_id".to_owned(), Some(id)));
        let kind = ("type".to_owned(), Some(self.kind.clone()));
        let body = ("body".to_owned(), None);
        [kind, body].into_iter().chain(client_id).collect()
    }

    fn event(&self) -> Option<&Send> {
        match &self.what {
            What::Event(send) => Some(send),
            What::Position { .. } | What::Typing { .. } => None,
        }
    }

    async fn answer(self, ctx: &Ctx, principal: &Principal) -> Answer {
        let reference = self.reference;
        match self.carry_out(ctx, principal).await {
            Ok(answer) => answer,
            Err(error) => Answer::Refused(Refused { reference, error }),
        }
    }

    async fn carry_out(self, ctx: &Ctx, principal: &Principal) -> Result<Answer, Error> {
        let told = is_filtered(principal).then(|| Principal {
            parameters: self.parameters(),
            ..principal.clone()
        });
        let principal = told.as_ref().unwrap_or(principal);
        let (reference, conversation) = (self.reference, self.conversation);
        let signal = match self.what {
            What::Event(send) => {
                check_edit(ctx, principal, conversation, &send.content).await?;
                let sent = op::events::send(ctx, principal, *send).await?;
                return Ok(Answer::Sent {
                    reference,
                    conversation,
                    event: sent.event,
                });
            }
            What::Position { delivered, seen } => {
                op::signals::move_position(ctx, principal, conversation.into(), delivered, seen)
                    .await?
            }
            What::Typing { on } => {
                op::signals::type_in(ctx, principal, conversation.into(), on).await?
            }
        };
        Ok(Answer::Signalled { reference, signal })
    }
}

/// Whether what allows a call hangs on what it says.
fn is_filtered(principal: &Principal) -> bool {
    principal.acl.as_ref().is_some_and(|acl| acl.has_filters())
}
