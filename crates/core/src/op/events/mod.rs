//! Events: send, read, delete. [`drafts`] is what is known of an event before it
//! has its number, and how several get theirs in one batch.

mod drafts;

use self::drafts::{Drafts, author_of, client_id};
use super::conversations::{facts, in_conversation};
use super::signals::not_joined;
use crate::access::action::Action;
use crate::access::principal::Principal;
use crate::access::{Conditional, Facts, Permit, authorize};
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::{AttachmentId, ConversationId, MemberId, UserId};
use crate::limit;
use crate::model::conversation::Creator;
use crate::model::event::{Event, EventFilter, EventKind, Range};
use crate::model::page::{Page, Window};
use crate::ports::change::{ClientId, Expectation};
use crate::ports::store::{CommitError, OwnPlace, StoreError};

/// An event to be sent.
#[derive(Debug, Clone)]
pub struct Send {
    /// Where.
    pub conversation: ConversationId,
    /// The member for whom a backend sends it; else who asks sends it.
    pub member: Option<MemberId>,
    /// What.
    pub content: Content,
    /// Files that who asks has stored for it: whoever may read the event may
    /// read them.
    pub files: Vec<AttachmentId>,
    /// The client's own id: the same one makes a retry harmless.
    pub client_id: Option<String>,
}

/// What is sent. Texts are those of JSON objects, which the door has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A text, message, image or custom event.
    New(EventKind, String),
    /// A new body for an earlier event; the text of the edit's own body beside.
    Edit {
        /// Which.
        event: u64,
        /// Its new body.
        body: String,
        /// The edit's own body.
        own: String,
    },
    /// An earlier event is no more.
    Delete(u64),
}

/// An event that was sent, or had been by the same request.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The event.
    pub event: Event,
    /// Whether this request appended it.
    pub new: bool,
}

/// What came of events that were to be sent together.
#[derive(Debug)]
pub enum SentTogether {
    /// They are durable, in the order in which they were given.
    All(Vec<Event>),
    /// Nothing has happened: one of them cannot be sent, or was sent before, so
    /// that each is to be sent by itself.
    Apart,
}

/// Sends an event. It is acknowledged when it is durable.
///
/// # Errors
/// `not_found` where who sends is not joined, or who is sent for;
/// `not_permitted` for a user who sends for a member; `client_id_reused` where
/// the client id was sent with something else; `not_found` for a file that who
/// asks may not give away; `bad_request` for too many; `too_large`.
pub async fn send(ctx: &Ctx, principal: &Principal, send: Send) -> Result<Sent, Error> {
    let permit = permit_of(principal, &send)?;
    append(ctx, principal, &permit, send).await
}

/// Sends events that wait together, in one batch and in their order, be they of
/// one conversation or of several. They are sent as a whole, or not at all.
///
/// # Errors
/// Those of the store, which are no single event's: as with one that was sent by
/// itself, it is not known then what will become of them.
pub async fn send_all(
    ctx: &Ctx,
    principal: &Principal,
    sends: &[&Send],
) -> Result<SentTogether, Error> {
    let calls = sends
        .chunk_by(|one, next| (one.conversation, one.member) == (next.conversation, next.member));
    let permits = calls.map(|same| permit_of(principal, same[0]));
    let permits: Result<Vec<Permit>, Error> = permits.collect();
    let (Ok(permits), Ok(drafts)) = (permits, Drafts::of(principal, sends, ctx.now())) else {
        return Ok(SentTogether::Apart);
    };
    let Some(permit) = permits.first() else {
        return Ok(SentTogether::All(Vec::new()));
    };
    let judge = ctx.judge_of(permit.application()).await?;
    match drafts.commit(ctx, (principal, permit), &judge).await {
        Ok(events) if events.len() == sends.len() => Ok(SentTogether::All(events)),
        Ok(_) => Err(Error::internal("not every event was appended")),
        Err(CommitError::Missed(_)) => Ok(SentTogether::Apart),
        Err(CommitError::Store(error)) => Err(error.into()),
    }
}

/// That who asks may send it; that a user is joined is the batch's to hold to.
fn permit_of(principal: &Principal, send: &Send) -> Result<Permit, Error> {
    let action = match send.member {
        Some(member) => Action::SendFor(send.conversation, member),
        None => Action::Send(send.conversation),
    };
    let (permit, _) = authorize(principal, &action)?.in_batch()?;
    Ok(permit)
}

/// Appends what was permitted, and says why it cannot be.
async fn append(
    ctx: &Ctx,
    principal: &Principal,
    permit: &Permit,
    send: Send,
) -> Result<Sent, Error> {
    let id = send.conversation;
    let drafts = Drafts::of(principal, &[&send], ctx.now())?;
    let judge = ctx.judge_of(permit.application()).await?;
    match drafts.commit(ctx, (principal, permit), &judge).await {
        Ok(events) => {
            let event = events.into_iter().next();
            let event = event.ok_or_else(|| Error::internal("nothing was appended"))?;
            Ok(Sent { event, new: true })
        }
        Err(CommitError::Missed(Expectation::ClientIdUnused)) => {
            let ClientId { id: client, digest } =
                client_id(&send).ok_or_else(|| Error::internal("no client id was sent"))?;
            let (author, _) = author_of(principal, &send);
            match ctx
                .store
                .event_of_client(permit.application(), id, author, client)
                .await?
            {
                Some((event, of)) if of == digest => Ok(Sent { event, new: false }),
                Some(_) | None => Err(CommitError::Missed(Expectation::ClientIdUnused).into()),
            }
        }
        Err(CommitError::Missed(Expectation::Joined)) if send.member.is_some() => Err(not_joined()),
        Err(CommitError::Missed(Expectation::Joined)) => {
            Err(why_not_joined(ctx, principal, id).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Invited members may know of the conversation, and are told to join;
/// everybody else learns nothing.
async fn why_not_joined(
    ctx: &Ctx,
    principal: &Principal,
    id: ConversationId,
) -> Result<Error, StoreError> {
    let Some(application) = principal.application else {
        return Ok(Error::not_found("conversation"));
    };
    let found = ctx
        .store
        .conversation(application, id, principal.user())
        .await?;
    let facts = found.as_ref().map(facts).unwrap_or_default();
    let refused =
        authorize(principal, &Action::Send(id)).and_then(|conditional| conditional.given(&facts));
    Ok(refused
        .err()
        .map_or_else(|| Error::not_found("conversation"), in_conversation))
}

/// What an event is that somebody wants to edit: the door checks the new body
/// by it.
///
/// # Errors
/// `not_found` where it is not there, or who asks may not send there.
pub async fn kind_to_edit(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
    id: u64,
) -> Result<EventKind, Error> {
    let conditional = authorize(principal, &Action::Send(conversation))?;
    let range = Range::After(id.saturating_sub(1));
    let events = read(ctx, principal, conditional, conversation, range, 1).await?;
    let found = events
        .into_iter()
        .find(|event| event.id == id && event.kind.is_counted());
    let event = found.filter(|event| event.deleted_at.is_none());
    Ok(event.ok_or_else(|| Error::not_found("event"))?.kind)
}

/// Reads events, ascending.
///
/// # Errors
/// `not_found` where who asks has no place; `not_permitted` for the invited.
pub async fn list_events(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
    range: Range,
    limit: usize,
) -> Result<Vec<Event>, Error> {
    let conditional = authorize(principal, &Action::ListEvents(conversation))?;
    read(ctx, principal, conditional, conversation, range, limit).await
}

/// Reads events in either order, of some kinds, page by page.
///
/// # Errors
/// As [`list_events`]; `bad_request` for too many kinds.
pub async fn list_event_page(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
    filter: EventFilter,
    window: Window,
) -> Result<Page<Event>, Error> {
    let conditional = authorize(principal, &Action::ListEvents(conversation))?;
    if filter.kinds.len() > limit::EVENT_KINDS_MAX {
        return Err(Error::new(
            Code::BadRequest,
            format!(
                "a page is of at most {} kinds of events",
                limit::EVENT_KINDS_MAX
            ),
        ));
    }
    let application = conditional.application();
    let viewer = principal.user();
    let found = ctx
        .store
        .event_page(application, conversation, viewer, filter, window)
        .await?;
    let page = found.ok_or_else(|| Error::not_found("conversation"))?;
    let facts = facts_of(viewer, page.place, page.creator);
    conditional.given(&facts).map_err(in_conversation)?;
    Ok(page.events)
}

/// Reads one event.
///
/// # Errors
/// As [`list_events`].
pub async fn read_event(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
    id: u64,
) -> Result<Event, Error> {
    let conditional = authorize(principal, &Action::ReadEvent(conversation, id))?;
    let range = Range::After(id.saturating_sub(1));
    let events = read(ctx, principal, conditional, conversation, range, 1).await?;
    let found = events.into_iter().find(|event| event.id == id);
    found.ok_or_else(|| Error::not_found("event"))
}

async fn read(
    ctx: &Ctx,
    principal: &Principal,
    conditional: Conditional,
    conversation: ConversationId,
    range: Range,
    limit: usize,
) -> Result<Vec<Event>, Error> {
    let application = conditional.application();
    let viewer = principal.user();
    let found = ctx
        .store
        .events(application, conversation, viewer, range, limit)
        .await?;
    let view = found.ok_or_else(|| Error::not_found("conversation"))?;
    let facts = facts_of(viewer, view.place, view.creator);
    conditional.given(&facts).map_err(in_conversation)?;
    Ok(view.events)
}

/// What a part of the history tells authorization.
fn facts_of(viewer: Option<UserId>, place: Option<OwnPlace>, creator: Option<Creator>) -> Facts {
    let id = place.map(|place| place.id);
    Facts {
        place: place.map(|place| place.state),
        creator: creator.is_some_and(|creator| creator.is(viewer, id)),
        ..Facts::default()
    }
}

/// Deletes an event: writes a `delete` event, and takes the body away.
///
/// # Errors
/// `not_found` where it is not there; `not_permitted` where it is another's.
pub async fn delete_event(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
    id: u64,
) -> Result<(), Error> {
    let conditional = authorize(principal, &Action::DeleteEvent(conversation, id))?;
    let application = conditional.application();
    let viewer = principal.user();
    let range = Range::After(id.saturating_sub(1));
    let found = ctx
        .store
        .events(application, conversation, viewer, range, 1)
        .await?;
    let view = found.ok_or_else(|| Error::not_found("conversation"))?;
    let event = view.events.into_iter().find(|event| event.id == id);
    let own = event
        .as_ref()
        .is_some_and(|event| viewer.is_some() && event.from.user == viewer);
    let facts = Facts {
        own,
        ..facts_of(viewer, view.place, view.creator)
    };
    let permit = conditional.given(&facts).map_err(in_conversation)?;
    let event = event.ok_or_else(|| Error::not_found("event"))?;
    if event.deleted_at.is_some() || !event.kind.is_counted() {
        return Err(Error::not_found("event").hint("only messages can be deleted, and once"));
    }
    let delete = Send {
        conversation,
        member: None,
        content: Content::Delete(id),
        files: Vec::new(),
        client_id: None,
    };
    append(ctx, principal, &permit, delete).await?;
    Ok(())
}
