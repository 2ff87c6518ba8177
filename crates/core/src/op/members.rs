//! Members: invite, add, join, leave, remove.

use super::conversations::{facts, in_conversation, view_for};
use super::instant::check_members_change;
use super::signals::spoken_for;
use super::visitor::keep;
use crate::access::action::Action;
use crate::access::principal::Principal;
use crate::access::{Facts, authorize};
use crate::context::Ctx;
use crate::error::{Code, Error, Obstacle};
use crate::id::{ApplicationId, ConversationId, MemberId, UserId};
use crate::limit;
use crate::model::conversation::ConversationView;
use crate::model::event::{Assurance, Author};
use crate::model::member::{Member, MemberState, Reason};
use crate::model::page::{Order, Page, Window};
use crate::model::user::{Identifier, User};
use crate::ports::change::{Change, Committed, Expectation, Guard, MemberChange, NewMember};
use crate::ports::fanout::Notice;
use crate::ports::store::{CommitError, StoreError};

/// A member to be added.
#[derive(Debug, Clone)]
pub struct Add {
    /// Where.
    pub conversation: ConversationId,
    /// Whom.
    pub user: Identifier,
    /// Invited or joined.
    pub state: MemberState,
    /// The member for whom a backend does it; else who asks does it.
    pub by: Option<MemberId>,
}

/// A member as an answer shows it.
#[derive(Debug, Clone)]
pub struct Added {
    /// The member.
    pub member: Member,
    /// Whether this request made it.
    pub new: bool,
}

/// Lists members, by their age.
///
/// # Errors
/// `not_found` where who asks has no place in the conversation.
pub async fn list_members(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
    order: Order,
    window: Window,
) -> Result<Page<Member>, Error> {
    let conditional = authorize(principal, &Action::ListMembers(conversation))?;
    let application = conditional.application();
    view_for(ctx, principal, conditional, conversation).await?;
    Ok(ctx
        .store
        .members(application, conversation, order, window)
        .await?)
}

/// Reads one member.
///
/// # Errors
/// `not_found` where there is none, or who asks has no place in the conversation.
pub async fn read_member(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
    id: MemberId,
) -> Result<Member, Error> {
    let conditional = authorize(principal, &Action::ReadMember(conversation, id))?;
    let application = conditional.application();
    view_for(ctx, principal, conditional, conversation).await?;
    let found = ctx.store.member(application, conversation, id).await?;
    found.ok_or_else(|| Error::not_found("member"))
}

/// Reads the asker's own place: the one that is not left, else the newest.
///
/// # Errors
/// `not_found` where it has none, or has left; `bad_request` for a backend.
pub async fn own(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
) -> Result<Member, Error> {
    let application = principal.application.ok_or_else(no_application)?;
    let user = principal
        .user()
        .ok_or_else(|| Error::new(Code::BadRequest, "a backend has no place in a conversation"))?;
    let found = ctx
        .store
        .conversation(application, conversation, Some(user))
        .await?;
    let view = found.ok_or_else(|| Error::not_found("conversation"))?;
    let id = view.member.as_ref().map(|member| member.id);
    // Who has no place is judged by what lists all of them.
    let action = id.map_or(Action::ListMembers(conversation), |id| {
        Action::ReadMember(conversation, id)
    });
    authorize(principal, &action)?
        .given(&facts(&view))
        .map_err(in_conversation)?;
    view.member.ok_or_else(|| Error::not_found("member"))
}

/// Adds a member: invites another user, joins oneself, or, as a backend, adds
/// a user joined.
///
/// # Errors
/// `not_found`, `not_permitted`, also where its users name the conversation;
/// `user_anonymous`, `conflict` where the user has a place already; `not_found` where who it is done for is not joined.
pub async fn add_member(ctx: &Ctx, principal: &Principal, add: Add) -> Result<Added, Error> {
    if add.state == MemberState::Left {
        return Err(Error::new(
            Code::BadRequest,
            "a member begins as invited or joined",
        ));
    }
    let application = principal.application.ok_or_else(no_application)?;
    let user = ctx.store.user(application, add.user.clone()).await?;
    let own = user
        .as_ref()
        .is_some_and(|user| principal.user() == Some(user.id));
    if own {
        return join(ctx, principal, add.conversation).await;
    }
    let action = match add.state {
        MemberState::Invited => Action::InviteMember(add.conversation),
        MemberState::Joined | MemberState::Left => Action::AddMember(add.conversation),
    };
    let conditional = authorize(principal, &action)?;
    let (view, permit) = view_for(ctx, principal, conditional, add.conversation).await?;
    check_members_change(&view.conversation)?;
    let user = user.ok_or_else(|| Error::not_found("user"))?;
    if user.anonymous {
        return Err(
            Error::new(Code::UserAnonymous, "a visitor cannot be invited or added")
                .hint("join the visitor's conversation instead"),
        );
    }
    let guard = match (principal.user(), view.member.is_some()) {
        (Some(user), true) => Guard::Joined(user),
        (Some(_), false) | (None, _) => Guard::None,
    };
    let place = (add.conversation, user.id);
    let mut new = new_member(ctx, principal, place, add.state, guard);
    if let Some(by) = add.by {
        spoken_for(ctx, principal, add.conversation, by).await?;
        // The backend is sure of itself; the member has proved nothing.
        (new.author, new.assurance) = (Author::Member(by), Assurance::Described);
    }
    let id = new.member;
    let changes = vec![Change::AddMember(Box::new(new))];
    let committed = match ctx.store.commit(&permit, changes).await {
        Err(CommitError::Missed(Expectation::PlaceFree)) => {
            return Err(in_place(ctx, application, place).await?);
        }
        other => other?,
    };
    publish(ctx, application, &committed, &user);
    let found = ctx.store.member(application, add.conversation, id).await?;
    let member = found.ok_or_else(|| Error::not_found("member"))?;
    Ok(Added { member, new: true })
}

/// Why a user who has a place gets none.
async fn in_place(
    ctx: &Ctx,
    application: ApplicationId,
    (conversation, user): (ConversationId, UserId),
) -> Result<Error, StoreError> {
    let found = ctx
        .store
        .conversation(application, conversation, Some(user))
        .await?;
    let place = found.and_then(|view| view.member);
    if place.is_some_and(|member| member.state == MemberState::Invited) {
        let error = Error::new(Code::Conflict, "the user is invited already");
        return Ok(error.because_of(Obstacle::Invited));
    }
    Ok(CommitError::Missed(Expectation::PlaceFree).into())
}

fn new_member(
    ctx: &Ctx,
    principal: &Principal,
    (conversation, user): (ConversationId, UserId),
    state: MemberState,
    guard: Guard,
) -> NewMember {
    let now = ctx.now();
    NewMember {
        conversation,
        member: MemberId::new(now, &*ctx.random),
        user,
        state,
        author: principal.author(),
        guard,
        assurance: principal.assurance(),
        at: now,
    }
}

/// Joins: who was invited, or created the conversation. Who is joined already
/// gets the place that is there.
///
/// # Errors
/// `not_found` where who asks was not invited; `conflict` where it goes in and
/// out at the same time.
pub async fn join(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
) -> Result<Added, Error> {
    let action = Action::Join(conversation);
    for _ in 0..limit::PLANS_MAX {
        let conditional = authorize(principal, &action)?;
        let (view, permit) = view_for(ctx, principal, conditional, conversation).await?;
        let Some((id, change)) = entrance(ctx, principal, &view)? else {
            let member = view.member.ok_or_else(|| Error::not_found("member"))?;
            return Ok(Added { member, new: false });
        };
        check_members_change(&view.conversation)?;
        let committed = match ctx.store.commit(&permit, vec![change]).await {
            Ok(committed) => committed,
            // Another of the user's devices was faster.
            Err(CommitError::Missed(Expectation::PlaceFree | Expectation::MemberState)) => continue,
            Err(error) => return Err(error.into()),
        };
        let application = permit.application();
        publish_events(ctx, application, &committed);
        if let Some(user) = principal.user() {
            ctx.publish(Notice::Conversations { application, user });
        }
        let found = ctx.store.member(application, conversation, id).await?;
        let member = found.ok_or_else(|| Error::not_found("member"))?;
        return Ok(Added { member, new: true });
    }
    Err(CommitError::Missed(Expectation::MemberState).into())
}

/// What brings in who asks, and the place that it will have; nothing, where it
/// is in.
fn entrance(
    ctx: &Ctx,
    principal: &Principal,
    view: &ConversationView,
) -> Result<Option<(MemberId, Change)>, Error> {
    let conversation = view.conversation.id;
    let user = principal
        .user()
        .ok_or_else(|| Error::not_found("conversation"))?;
    let Some(member) = &view.member else {
        let guard = Guard::Creator(user);
        let new = new_member(
            ctx,
            principal,
            (conversation, user),
            MemberState::Joined,
            guard,
        );
        return Ok(Some((new.member, Change::AddMember(Box::new(new)))));
    };
    if member.state == MemberState::Joined {
        return Ok(None);
    }
    let change = MemberChange {
        conversation,
        member: member.id,
        from: MemberState::Invited,
        to: MemberState::Joined,
        reason: None,
        author: principal.author(),
        assurance: principal.assurance(),
        at: ctx.now(),
    };
    Ok(Some((member.id, Change::ChangeMember(Box::new(change)))))
}

/// Changes a member's state: a user joins or leaves by its own place, and a
/// backend does it for anybody. Why it leaves may be said.
///
/// # Errors
/// `not_found`, `not_permitted`; `bad_request` for another state; `too_large`.
pub async fn update_member(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
    id: MemberId,
    state: MemberState,
    reason: Option<Reason>,
) -> Result<Member, Error> {
    let from = match state {
        MemberState::Invited => {
            return Err(Error::new(
                Code::BadRequest,
                "a member's state becomes joined or left",
            ));
        }
        MemberState::Joined => Some(MemberState::Invited),
        MemberState::Left => None,
    };
    let place = Place {
        conversation,
        id,
        action: Action::UpdateMember(conversation, id),
    };
    let (application, _) = change(ctx, principal, &place, (from, state), reason).await?;
    let found = ctx.store.member(application, conversation, id).await?;
    found.ok_or_else(|| Error::not_found("member"))
}

/// Ends a place: one's own, or as creator or backend another's. Why may be said.
///
/// # Errors
/// `not_found`, `not_permitted`, `too_large`.
pub async fn remove_member(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
    id: MemberId,
    reason: Option<Reason>,
) -> Result<(), Error> {
    let place = Place {
        conversation,
        id,
        action: Action::RemoveMember(conversation, id),
    };
    let to = (None, MemberState::Left);
    change(ctx, principal, &place, to, reason).await?;
    Ok(())
}

/// A place, and what is asked for where it is somebody else's.
struct Place {
    conversation: ConversationId,
    id: MemberId,
    action: Action,
}

/// Moves a place to a state, `from` the one that it must have, where that
/// matters. A place that has the state already stays as it is.
async fn change(
    ctx: &Ctx,
    principal: &Principal,
    place: &Place,
    (from, to): (Option<MemberState>, MemberState),
    reason: Option<Reason>,
) -> Result<(ApplicationId, Member), Error> {
    check_reason(reason.as_ref())?;
    let Place {
        conversation,
        id,
        action,
    } = place;
    let application = principal.application.ok_or_else(no_application)?;
    let member = ctx.store.member(application, *conversation, *id).await?;
    let own = member
        .as_ref()
        .is_some_and(|member| principal.user() == Some(member.user));
    let action = if own && to == MemberState::Left {
        Action::Leave(*conversation, *id)
    } else {
        action.clone()
    };
    let conditional = authorize(principal, &action)?;
    let found = ctx
        .store
        .conversation(application, *conversation, principal.user())
        .await?;
    let view = found.ok_or_else(|| Error::not_found("conversation"))?;
    let permit = conditional
        .given(&Facts {
            own,
            ..facts(&view)
        })
        .map_err(in_conversation)?;
    let member = member.ok_or_else(|| Error::not_found("member"))?;
    if member.state == to {
        return Ok((application, member));
    }
    check_members_change(&view.conversation)?;
    if member.state == MemberState::Left || from.is_some_and(|from| from != member.state) {
        return Err(Error::not_found("member").hint("who has left is invited again"));
    }
    let change = MemberChange {
        conversation: *conversation,
        member: *id,
        from: member.state,
        to,
        reason: reason.filter(|_| to == MemberState::Left),
        author: principal.author(),
        assurance: principal.assurance(),
        at: ctx.now(),
    };
    let judge = ctx.judge_of(application).await?;
    let mut changes = keep(principal, &judge, ctx.now());
    changes.push(Change::ChangeMember(Box::new(change)));
    let committed = ctx.store.commit(&permit, changes).await?;
    publish_events(ctx, application, &committed);
    ctx.publish(Notice::Conversations {
        application,
        user: member.user,
    });
    Ok((application, member))
}

fn check_reason(reason: Option<&Reason>) -> Result<(), Error> {
    let texts = reason.map(|reason| [&reason.code, &reason.text]);
    let mut texts = texts.into_iter().flatten().flatten();
    if texts.any(|text| text.len() > limit::REASON_BYTES_MAX) {
        return Err(Error::new(
            Code::TooLarge,
            format!(
                "a reason's code and text have at most {} bytes each",
                limit::REASON_BYTES_MAX
            ),
        ));
    }
    Ok(())
}

fn no_application() -> Error {
    Error::new(
        Code::ApplicationRequired,
        "this request names no application",
    )
    .hint("add ?application_id=…")
}

fn publish(ctx: &Ctx, application: ApplicationId, committed: &Committed, user: &User) {
    publish_events(ctx, application, committed);
    ctx.publish(Notice::Conversations {
        application,
        user: user.id,
    });
}

/// Tells of the events that a commit appended: of each conversation the last.
pub(super) fn publish_events(ctx: &Ctx, application: ApplicationId, committed: &Committed) {
    let mut events = committed.events.as_slice();
    while let Some(((conversation, last_event_id), later)) = events.split_first() {
        events = later;
        if later.iter().any(|(later, _)| later == conversation) {
            continue;
        }
        ctx.publish(Notice::Events {
            application,
            conversation: *conversation,
            last_event_id: *last_event_id,
        });
    }
}
