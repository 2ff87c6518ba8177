//! A command of a socket, authorized as the call that it stands for.

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
use countersign_core::op::events::Send;
use countersign_wire::frame as wire;

use super::events::{Sent, check_edit, in_body, read_body};
use super::named::checked_client_id;
use crate::body::decode;

/// A command that is carried out.
pub(super) type Command = Pin<Box<dyn Future<Output = Done> + std::marker::Send>>;

/// A command that is to be carried out.
pub(super) struct Order {
    reference: u64,
    conversation: ConversationId,
    what: What,
    /// As an ACL's filters compare them: the members of the body that the call
    /// would have.
    parameters: Vec<(String, Option<String>)>,
}

enum What {
    Event(Box<Send>),
    Position { delivered: u64, seen: u64 },
    Typing { on: bool },
}

/// What came of a command.
#[derive(Debug)]
pub(super) enum Done {
    /// An event is durable.
    Sent {
        reference: u64,
        conversation: ConversationId,
        event: Event,
    },
    /// A signal was passed on.
    Signalled { reference: u64, signal: Signal },
    /// Nothing has happened.
    Refused { reference: u64, error: Error },
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
    let mut parameters = vec![
        ("type".to_owned(), Some(event.kind.clone())),
        ("body".to_owned(), None),
    ];
    parameters.extend(
        client_id
            .clone()
            .map(|id| ("client_id".to_owned(), Some(id))),
    );
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
                client_id,
            })),
            Sent::Position { delivered, seen } => What::Position { delivered, seen },
        }
    };
    Ok(Order {
        reference: frame.reference,
        conversation,
        what,
        parameters,
    })
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

    /// Begins to carry it out.
    pub(super) fn begin(self, ctx: Arc<Ctx>, principal: Arc<Principal>) -> Command {
        Box::pin(async move {
            let reference = self.reference;
            match self.carry_out(&ctx, &principal).await {
                Ok(done) => done,
                Err(error) => Done::Refused { reference, error },
            }
        })
    }

    async fn carry_out(self, ctx: &Ctx, principal: &Principal) -> Result<Done, Error> {
        let filtered = principal.acl.as_ref().is_some_and(|acl| acl.has_filters());
        let told = filtered.then(|| Principal {
            parameters: self.parameters,
            ..principal.clone()
        });
        let principal = told.as_ref().unwrap_or(principal);
        let (reference, conversation) = (self.reference, self.conversation);
        let signal = match self.what {
            What::Event(send) => {
                check_edit(ctx, principal, conversation, &send.content).await?;
                let sent = op::events::send(ctx, principal, *send).await?;
                return Ok(Done::Sent {
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
        Ok(Done::Signalled { reference, signal })
    }
}
