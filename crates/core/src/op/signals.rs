//! Signals: who types, how far a member has got, and what an application makes
//! something of. They get no number.

use std::sync::Arc;

use super::conversations::{facts, in_conversation};
use super::users::own_person;
use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::Principal;
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::{ApplicationId, ConversationId};
use crate::limit;
use crate::model::event::Sender;
use crate::model::member::Member;
use crate::model::signal::{Signal, SignalKind};
use crate::ports::change::{Change, Guard};
use crate::ports::fanout::Notice;

/// Tells the members who are there that a member types, or has stopped.
///
/// # Errors
/// `not_found` where who asks is not joined; `bad_request` for a backend.
pub async fn type_in(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
    on: bool,
) -> Result<Signal, Error> {
    pass_on(ctx, principal, conversation, SignalKind::Typing { on }).await
}

/// Passes on to the members who are there what the application makes something
/// of, and nobody keeps.
///
/// # Errors
/// `not_found` where who asks is not joined; `bad_request` for a backend;
/// `too_large`.
pub async fn send_ephemeral(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
    body: String,
) -> Result<Signal, Error> {
    if body.len() > limit::EPHEMERAL_BODY_BYTES_MAX {
        return Err(Error::new(Code::TooLarge, "the event's body is too large"));
    }
    let body = body.into();
    pass_on(ctx, principal, conversation, SignalKind::Ephemeral { body }).await
}

async fn pass_on(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
    kind: SignalKind,
) -> Result<Signal, Error> {
    let conditional = authorize(principal, &Action::Send(conversation))?;
    let application = conditional.application();
    let found = ctx
        .store
        .conversation(application, conversation, principal.user())
        .await?;
    let view = found.ok_or_else(|| Error::not_found("conversation"))?;
    conditional.given(&facts(&view)).map_err(in_conversation)?;
    let member = view.member.ok_or_else(|| {
        Error::new(
            Code::BadRequest,
            "a backend has no place to send a signal from",
        )
    })?;
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

/// Notes how far one's devices have got, or one has seen, and tells the
/// members who are there. What was seen was delivered.
///
/// # Errors
/// `not_found` where who asks is not joined; `bad_request` for a backend.
pub async fn move_position(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
    delivered: u64,
    seen: u64,
) -> Result<Signal, Error> {
    let (permit, guard) = authorize(principal, &Action::Send(conversation))?.in_batch()?;
    let Guard::Joined(user) = guard else {
        return Err(Error::new(
            Code::BadRequest,
            "a backend has no position in a conversation",
        ));
    };
    let change = Change::MovePosition {
        conversation,
        user,
        delivered,
        seen,
    };
    ctx.store.commit(&permit, vec![change]).await?;
    let application = permit.application();
    let found = ctx
        .store
        .conversation(application, conversation, Some(user))
        .await?;
    let member = found
        .and_then(|view| view.member)
        .ok_or_else(|| Error::not_found("conversation"))?;
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

/// Whose a signal is.
async fn sender(
    ctx: &Ctx,
    application: ApplicationId,
    principal: &Principal,
    member: &Member,
) -> Result<Sender, Error> {
    let person = own_person(ctx, application, principal, member.user).await?;
    Ok(Sender {
        member: Some(member.id),
        user: Some(member.user),
        person: Arc::new(person),
        assurance: principal.assurance(),
    })
}
