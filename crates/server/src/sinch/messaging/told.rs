//! What a session is told, sealed for it alone, in frames.

use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::id::{ConversationId, UserId};
use countersign_core::model::event::{Event, Sender};
use countersign_core::op::signed_request::Signed;
use countersign_core::signer::Signer;

use super::limit::OWN_ID_BYTES_MIN;
use super::text;
use crate::sinch::frame;
use crate::sinch::names;
use crate::sinch::sealed::{Content, IV_BYTES, Payload, Writer};

/// What stands between a conversation and a number in the id of a message.
const SEPARATOR: char = ':';

/// Whom something is told.
pub(super) struct Reader {
    signer: Signer,
    pub(super) user: UserId,
    /// Where the user's messages are told.
    pub(super) channel: String,
}

/// The event that a recipient calls by this id, in a conversation.
pub(super) fn number_of(message_id: &str, conversation: ConversationId) -> Option<u64> {
    let (named, number) = message_id.split_once(SEPARATOR)?;
    let number: u64 = number.parse().ok()?;
    (named == conversation.to_string()).then_some(number)
}

/// A user as clients of this protocol call them.
pub(super) fn name_of(sender: &Sender) -> String {
    let name = &sender.person.names.name;
    let id = || sender.user.map(|user| user.to_string());
    name.clone().or_else(id).unwrap_or_default()
}

/// Whether an id that a client has given is good for all of its messages: at other
/// doors one counts within a conversation alone, and may be short.
fn is_unique(id: &str) -> bool {
    id.len() >= OWN_ID_BYTES_MIN && frame::is_id(id)
}

// === impl Reader ===

impl Reader {
    /// # Errors
    /// `session_ended` where the key is gone that its names follow from.
    pub(super) fn of(ctx: &Ctx, signed: &Signed) -> Result<Self, Error> {
        let (signer, user) = (signed.signer, signed.user.id);
        let channel = names::transport_channel(ctx, &signer, user).ok_or_else(names::over)?;
        Ok(Self {
            signer,
            user,
            channel,
        })
    }

    /// The id by which the reader knows a message: its own client's, where it has
    /// one, since that client takes what it has sent for its own by it; else one
    /// of ours that tells which event it is.
    pub(super) fn id_of(&self, conversation: ConversationId, event: &Event) -> String {
        let own = event.client_id.as_ref();
        let own = own.filter(|id| event.from.user == Some(self.user) && is_unique(id));
        let ours = || format!("{conversation}{SEPARATOR}{}", event.id);
        own.cloned().unwrap_or_else(ours)
    }

    /// The frames that tell of an event, where it says something in words.
    pub(super) fn message(
        &self,
        ctx: &Ctx,
        conversation: ConversationId,
        event: &Event,
    ) -> Result<Vec<String>, Error> {
        let Some(said) = text::said(event) else {
            return Ok(Vec::new());
        };
        let content = Content::Message {
            text: said.text,
            headers: said.headers,
        };
        let id = self.id_of(conversation, event);
        self.frames(ctx, conversation, &id, &event.from, content)
    }

    /// The frames that tell that a message has arrived.
    pub(super) fn ack(
        &self,
        ctx: &Ctx,
        conversation: ConversationId,
        message_id: &str,
        by: &Sender,
    ) -> Result<Vec<String>, Error> {
        self.frames(ctx, conversation, message_id, by, Content::Ack)
    }

    fn frames(
        &self,
        ctx: &Ctx,
        conversation: ConversationId,
        message_id: &str,
        from: &Sender,
        content: Content,
    ) -> Result<Vec<String>, Error> {
        let key = names::transport_key(ctx, &self.signer, conversation).ok_or_else(names::over)?;
        let instance = from.user;
        let instance = instance.and_then(|user| names::user_instance(ctx, &self.signer, user));
        let instance = instance.unwrap_or_default();
        let payload = Payload {
            content,
            writer: Writer {
                user: name_of(from),
                instance: format!("{instance}:0"),
                device: instance,
                // A client acknowledges to the one participant who has this
                // channel. Who wrote may have gone, or be a backend, or one of
                // many; the reader is always there, and may send to itself.
                channel: self.channel.clone(),
            },
        };
        let mut iv = [0; IV_BYTES];
        ctx.random.fill(&mut iv);
        let mut group = [0; 4];
        ctx.random.fill(&mut group);
        let sealed = key.seal(iv, &payload);
        let transport = conversation.to_string();
        let frames = frame::split(message_id, &transport, u32::from_be_bytes(group), &sealed);
        Ok(frames.map(|frame| frame.to_string()).collect())
    }
}
