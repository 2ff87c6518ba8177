//! Delivery: what a user's devices are told without asking.
//!
//! Which conversations they follow is judged for each user; the events are
//! read once for all who follow.

use crate::access::action::Action;
use crate::access::principal::Principal;
use crate::access::{Permit, authorize, principal};
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::{ApplicationId, ConversationId};
use crate::limit;
use crate::model::conversation::{ConversationList, ConversationView};
use crate::model::event::{Event, Range};
use crate::model::page::Window;
use crate::op::conversations::facts;

/// A conversation that a user's devices are told of.
#[derive(Debug, Clone)]
pub struct Followed {
    /// The conversation, as the user sees it.
    pub view: ConversationView,
    /// Whether its events may be delivered: the user is joined. Who is only
    /// invited is told of the conversation alone.
    pub delivered: bool,
}

/// The conversations that a user follows.
#[derive(Debug, Clone, Default)]
pub struct Following {
    /// Those that changed last first.
    pub followed: Vec<Followed>,
    /// Whether these are all; there is a limit.
    pub complete: bool,
}

/// The conversations that a user's devices are told of. One whose events the
/// ACL withholds is not among them, and where it withholds the list there are none.
///
/// # Errors
/// `not_permitted` for who is no user; those of the store.
pub async fn following(ctx: &Ctx, principal: &Principal) -> Result<Following, Error> {
    let Some(permit) = may_list(principal)? else {
        return Ok(Following::all_of(Vec::new()));
    };
    let user = principal.user().ok_or_else(|| {
        let role: principal::Role = principal.role();
        let detail = format!("{} is not delivered to", role.described());
        Error::new(Code::NotPermitted, detail)
    })?;
    let mut followed = Vec::new();
    let mut after = None;
    while followed.len() < limit::FOLLOWED_MAX {
        let window = Window {
            after,
            limit: limit::PAGE_MAX,
        };
        let page = ctx
            .store
            .conversations(
                permit.application(),
                ConversationList::Following(user),
                window,
            )
            .await?;
        followed.extend(
            page.items
                .into_iter()
                .filter_map(|view| judged(principal, view)),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(Following {
        followed,
        complete: after.is_none(),
    })
}

/// The same of what the user followed when the session was opened, as its login has
/// read it. Whatever has changed since is to be heard of otherwise.
///
/// # Errors
/// Those of authorization.
pub fn following_of_login(
    principal: &Principal,
    followed: Vec<ConversationView>,
) -> Result<Following, Error> {
    let may_list = may_list(principal)?.is_some();
    let followed = followed.into_iter().filter(|_| may_list);
    let judged = followed.filter_map(|view| judged(principal, view));
    Ok(Following::all_of(judged.collect()))
}

/// Whether the list may be read at all; where the ACL withholds it, it is empty.
fn may_list(principal: &Principal) -> Result<Option<Permit>, Error> {
    match authorize(principal, &Action::ListConversations) {
        Ok(conditional) => conditional.outright().map(Some),
        Err(error) if error.code == Code::AclDenied => Ok(None),
        Err(error) => Err(error),
    }
}

fn judged(principal: &Principal, view: ConversationView) -> Option<Followed> {
    let conditional = authorize(principal, &Action::ListEvents(view.conversation.id)).ok()?;
    let delivered = conditional.given(&facts(&view)).is_ok();
    Some(Followed { view, delivered })
}

/// One conversation, as [`following`] would have it.
///
/// # Errors
/// Those of the store.
pub async fn follows(
    ctx: &Ctx,
    principal: &Principal,
    conversation: ConversationId,
) -> Result<Option<Followed>, Error> {
    let Some(application) = principal.application else {
        return Ok(None);
    };
    let found = ctx
        .store
        .conversation(application, conversation, principal.user())
        .await?;
    let view = found.filter(|view| {
        let place = view.member.as_ref().map(|member| member.state);
        place.is_some_and(|state| state != crate::model::member::MemberState::Left)
    });
    Ok(view.and_then(|view| judged(principal, view)))
}

/// The events that follow a number, ascending, at most a page of them; for
/// nobody in particular: who is shown them was judged by [`following`].
///
/// # Errors
/// Those of the store. A conversation that is gone has no events.
pub async fn events_after(
    ctx: &Ctx,
    application: ApplicationId,
    conversation: ConversationId,
    after: u64,
) -> Result<Vec<Event>, Error> {
    let range = Range::After(after);
    let found = ctx
        .store
        .events(application, conversation, None, range, limit::PAGE_MAX)
        .await?;
    Ok(found.map(|view| view.events).unwrap_or_default())
}

// === impl Following ===

impl Following {
    fn all_of(followed: Vec<Followed>) -> Self {
        Self {
            followed,
            complete: true,
        }
    }
}
