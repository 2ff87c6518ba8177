//! Signals: who types, how far a member has got, and what an application makes
//! something of. They get no number.

use std::sync::Arc;

use super::conversations::in_conversation;
use super::users::own_person;
use crate::access::action::Action;
use crate::access::principal::Principal;
use crate::access::{Facts, Permit, authorize};
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::{ApplicationId, ConversationId, MemberId, UserId};
use crate::limit;
use crate::model::event::{Assurance, Sender};
use crate::model::member::{Member, MemberState};
use crate::model::signal::{Signal, SignalKind};
use crate::ports::change::{Change, Guard};
use crate::ports::fanout::Notice;

/// Where a signal is given, and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct Voice {
    /// Where.
    pub conversation: ConversationId,
    /// The member for whom a backend speaks; else who asks speaks.
    pub member: Option<MemberId>,
}

/// Tells the members who are there that a member types, or has stopped.
///
/// # Errors
/// `not_found` where who asks is not joined, or who is spoken for;
/// `not_permitted` for a user who speaks for a member; `bad_request` for a
/// backend that speaks for nobody.
pub async fn type_in(
    ctx: &Ctx,
    principal: &Principal,
    voice: Voice,
    on: bool,
) -> Result<Signal, Error> {
    pass_on(ctx, principal, voice, SignalKind::Typing { on }).await
}

/// Passes on to the members who are there what the application makes something
/// of, and nobody keeps.
///
/// # Errors
/// As [`type_in`]; `too_large`.
pub async fn send_ephemeral(
    ctx: &Ctx,
    principal: &Principal,
    voice: Voice,
    body: String,
) -> Result<Signal, Error> {
    if body.len() > limit::EPHEMERAL_BODY_BYTES_MAX {
        return Err(Error::new(Code::TooLarge, "the event's body is too large"));
    }
    let body = body.into();
    pass_on(ctx, principal, voice, SignalKind::Ephemeral { body }).await
}

async fn pass_on(
    ctx: &Ctx,
    principal: &Principal,
    voice: Voice,
    kind: SignalKind,
) -> Result<Signal, Error> {
    let (application, member) = if let Some(id) = voice.member {
        let (permit, member) = spoken_for(ctx, principal, voice.conversation, id).await?;
        (permit.application(), member)
    } else {
        own_place(ctx, principal, voice.conversation).await?
    };
    let signal = Signal {
        conversation: voice.conversation,
        from: sender(ctx, application, principal, &member).await?,
        kind,
        at: ctx.now(),
    };
    ctx.publish(Notice::Signal {
        application,
        signal: signal.clone(),
    });
    Ok(signal)
}

/// The place of who asks.
async fn own_place(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
) -> Result<(ApplicationId, Member), Error> {
    let conditional = authorize(principal, &Action::Send(conversation))?;
    let application = conditional.application();
    let user = principal.user().ok_or_else(|| {
        Error::new(
            Code::BadRequest,
            "a backend has no place to send a signal from",
        )
    })?;
    let found = ctx.store.place(application, conversation, user).await?;
    let member = found.ok_or_else(|| Error::not_found("conversation"))?;
    let facts = Facts {
        place: Some(member.state),
        ..Facts::default()
    };
    conditional.given(&facts).map_err(in_conversation)?;
    Ok((application, member))
}

/// The joined member for whom a backend speaks.
pub(super) async fn spoken_for(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
    id: MemberId,
) -> Result<(Permit, Member), Error> {
    let permit = authorize(principal, &Action::SendFor(conversation, id))?.outright()?;
    let application = permit.application();
    let found = ctx.store.member(application, conversation, id).await?;
    let joined = found.filter(|member| member.state == MemberState::Joined);
    let member = joined.ok_or_else(not_joined)?;
    Ok((permit, member))
}

/// Whoever is spoken for must be there.
pub(super) fn not_joined() -> Error {
    Error::not_found("member").hint("a backend speaks for members who are joined")
}

/// Notes how far one's devices have got, or one has seen, and tells the
/// members who are there. What was seen was delivered.
///
/// # Errors
/// As [`type_in`].
pub async fn move_position(
    ctx: &Ctx,
    principal: &Principal,
    voice: Voice,
    delivered: u64,
    seen: u64,
) -> Result<Signal, Error> {
    let conversation = voice.conversation;
    let (permit, user) = whose_position(ctx, principal, voice).await?;
    let change = Change::MovePosition {
        conversation,
        user,
        delivered,
        seen,
    };
    ctx.store.commit(&permit, vec![change]).await?;
    let application = permit.application();
    let found = ctx.store.place(application, conversation, user).await?;
    let member = found.ok_or_else(|| Error::not_found("conversation"))?;
    // What was moved ahead by another device before, or reached the newest
    // event, is told as it is.
    let kind = if seen > 0 {
        SignalKind::Seen { up_to: member.seen }
    } else {
        SignalKind::Delivered {
            up_to: member.delivered,
        }
    };
    let signal = Signal {
        conversation,
        from: sender(ctx, application, principal, &member).await?,
        kind,
        at: ctx.now(),
    };
    ctx.publish(Notice::Signal {
        application,
        signal: signal.clone(),
    });
    Ok(signal)
}

/// The user whose position moves; that they are joined is the batch's to hold to.
async fn whose_position(
    ctx: &Ctx,
    principal: &Principal,
    voice: Voice,
) -> Result<(Permit, UserId), Error> {
    if let Some(id) = voice.member {
        let (permit, member) = spoken_for(ctx, principal, voice.conversation, id).await?;
        return Ok((permit, member.user));
    }
    let action = Action::Send(voice.conversation);
    let (permit, guard) = authorize(principal, &action)?.in_batch()?;
    let Guard::Joined(user) = guard else {
        return Err(Error::new(
            Code::BadRequest,
            "a backend has no position in a conversation",
        ));
    };
    Ok((permit, user))
}

/// Whose a signal is. Of whom a backend speaks for, nothing was proved.
async fn sender(
    ctx: &Ctx,
    application: ApplicationId,
    principal: &Principal,
    member: &Member,
) -> Result<Sender, Error> {
    let person = own_person(ctx, application, principal, member.user).await?;
    let assurance = match principal.user() {
        Some(_) => principal.assurance(),
        None => Assurance::Described,
    };
    Ok(Sender {
        member: Some(member.id),
        user: Some(member.user),
        person: Arc::new(person),
        assurance,
    })
}

// === impl Voice ===

impl From<ConversationId> for Voice {
    fn from(conversation: ConversationId) -> Self {
        Self {
            conversation,
            member: None,
        }
    }
}
