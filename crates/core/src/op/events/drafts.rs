//! Events that are about to be appended in one batch.

use countersign_credential::time::Timestamp;

use super::{Content, Send};
use crate::access::Permit;
use crate::access::principal::Principal;
use crate::context::{Ctx, Judge};
use crate::error::{Code, Error};
use crate::id::{AttachmentId, ConversationId};
use crate::limit;
use crate::model::event::{Assurance, Author, Event, EventKind, Sender};
use crate::op::members::publish_events;
use crate::op::visitor::keep;
use crate::ports::change::{Change, ClientId, FileChange, NewEvent, Touch};
use crate::ports::store::CommitError;
use crate::secret_text::sha256;

/// Events in their order, and the changes that append them.
pub(super) struct Drafts {
    at: Timestamp,
    changes: Vec<Change>,
    drafts: Vec<Draft>,
}

/// What is known of an event before it has its number.
struct Draft {
    conversation: ConversationId,
    kind: EventKind,
    body: String,
    client_id: Option<String>,
}

// === impl Drafts ===

impl Drafts {
    /// Drafts events, in their order.
    ///
    /// # Errors
    /// `too_large`, `bad_request`: what is wrong with one of them by itself.
    pub(super) fn of(principal: &Principal, sends: &[&Send], at: Timestamp) -> Result<Self, Error> {
        let mut drafts = Self {
            at,
            changes: Vec::new(),
            drafts: Vec::with_capacity(sends.len()),
        };
        for send in sends {
            drafts.add(principal, send)?;
        }
        Ok(drafts)
    }

    fn add(&mut self, principal: &Principal, send: &Send) -> Result<(), Error> {
        let conversation = send.conversation;
        let (author, assurance) = author_of(principal, send);
        let (kind, body, touches) = parts(&send.content)?;
        let new = NewEvent {
            conversation,
            author,
            kind: kind.clone(),
            body: body.clone(),
            assurance,
            client_id: client_id(send),
            at: self.at,
            touches,
        };
        self.changes.push(Change::Append(Box::new(new)));
        attach(&mut self.changes, principal, conversation, &send.files)?;
        self.drafts.push(Draft {
            conversation,
            kind,
            body,
            client_id: send.client_id.clone(),
        });
        Ok(())
    }

    /// Appends them all or none, and tells of them.
    pub(super) async fn commit(
        self,
        ctx: &Ctx,
        (principal, permit): (&Principal, &Permit),
        judge: &Judge,
    ) -> Result<Vec<Event>, CommitError> {
        let mut changes = keep(principal, judge, self.at);
        changes.extend(self.changes);
        let committed = ctx.store.commit(permit, changes).await?;
        let appended = committed.events.iter().zip(&committed.senders);
        let mut events = Vec::with_capacity(self.drafts.len());
        for (draft, ((_, number), from)) in self.drafts.into_iter().zip(appended) {
            let conversation = draft.conversation;
            let event = draft.appended(*number, from.clone(), self.at);
            ctx.tell_appended(conversation, &event);
            events.push(event);
        }
        publish_events(ctx, permit.application(), &committed);
        Ok(events)
    }
}

// === impl Draft ===

impl Draft {
    fn appended(self, id: u64, from: Sender, timestamp: Timestamp) -> Event {
        Event {
            id,
            kind: self.kind,
            body: self.body,
            from,
            subject: None,
            reason: None,
            timestamp,
            client_id: self.client_id,
            edited_at: None,
            deleted_at: None,
        }
    }
}

/// Whose it is, and how sure that is.
pub(super) fn author_of(principal: &Principal, send: &Send) -> (Author, Assurance) {
    match send.member {
        // The backend is sure of itself; the member has proved nothing.
        Some(member) => (Author::Member(member), Assurance::Described),
        None => (principal.author(), principal.assurance()),
    }
}

/// Gives the files to the event before them in the batch.
fn attach(
    changes: &mut Vec<Change>,
    principal: &Principal,
    conversation: ConversationId,
    files: &[AttachmentId],
) -> Result<(), Error> {
    if files.len() > limit::EVENT_FILES_MAX {
        return Err(Error::new(
            Code::BadRequest,
            format!("an event has at most {} files", limit::EVENT_FILES_MAX),
        ));
    }
    let author = principal.author();
    let attached = |file: &AttachmentId| FileChange::Attach {
        file: *file,
        conversation,
        author,
    };
    changes.extend(files.iter().map(attached).map(Change::File));
    Ok(())
}

fn parts(content: &Content) -> Result<(EventKind, String, Option<Touch>), Error> {
    let parts = match content {
        Content::New(kind, body) => (kind.clone(), body.clone(), None),
        Content::Edit { event, body, own } => {
            let (event, body) = (*event, body.clone());
            let touch = Touch::Edit { event, body };
            (EventKind::Edit, own.clone(), Some(touch))
        }
        Content::Delete(event) => {
            let own = format!(r#"{{"event_id":{event}}}"#);
            let touch = Touch::Delete { event: *event };
            (EventKind::Delete, own, Some(touch))
        }
    };
    if parts.1.len() > limit::EVENT_BODY_BYTES_MAX {
        return Err(Error::new(Code::TooLarge, "the event's body is too large"));
    }
    Ok(parts)
}

/// The client's own id of it, and what tells it from another with the same one.
pub(super) fn client_id(send: &Send) -> Option<ClientId> {
    let id = send.client_id.clone()?;
    let digest = sha256(format!("{:?}", send.content).as_bytes());
    Some(ClientId { id, digest })
}
