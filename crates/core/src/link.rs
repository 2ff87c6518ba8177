//! What a login means for who the device is. Pure: facts in, plan out.
//!
//! DESIGN's rules of identity live here, one branch each, so that a test can
//! walk them without a store.

use crate::error::{Code, Error};
use crate::id::{ConversationId, SessionId, UserId};
use crate::model::session::{EndReason, SessionIdentity};
use crate::model::settings::{IdentityConflict, MergePolicy, Settings, UnknownUser};
use crate::model::user::User;

/// What is known when a verified credential meets a device.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// The user whom the credential names, if there is one.
    pub user: Option<&'a User>,
    /// The user whom its second identifier names, if it has one.
    pub other: Option<&'a User>,
    /// Whether an unknown user is created or refused for this dialect.
    pub unknown_user: UnknownUser,
    /// The device's own session, where it presented a token of one that lives.
    pub current: Option<Current>,
    /// Whether the device may become another user's.
    pub switch: bool,
}

/// The device's own session, alive.
#[derive(Debug, Clone)]
pub struct Current {
    /// What its token says.
    pub identity: SessionIdentity,
    /// The generation of its row; a visitor without a row has none.
    pub generation: Option<u32>,
    /// The conversations in which its visitor has a place.
    pub conversations: Vec<ConversationId>,
}

/// What the login does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Whether the user is created first.
    pub create_user: bool,
    /// Whether e-mail and external id named two users: an audit event tells.
    pub conflict_with: Option<UserId>,
    /// What becomes of the device's session.
    pub session: SessionPlan,
}

/// What becomes of the device's session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionPlan {
    /// A new one is opened.
    Open {
        /// The device's former session, and why it ends.
        end: Option<(SessionIdentity, EndReason)>,
        /// What becomes of the visitor's conversations.
        conversations: Conversations,
    },
    /// The device's session goes on, one generation further.
    GoOn {
        /// Which.
        session: SessionId,
        /// The generation that it is at.
        from: u32,
    },
}

/// What becomes of a visitor's conversations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversations {
    /// They stay as they are; there may be none.
    Stay,
    /// The visitor's places in these move to the user.
    Move(UserId, Vec<ConversationId>),
    /// These are deleted.
    Delete(Vec<ConversationId>),
}

// === impl Plan ===

impl Plan {
    /// Whether a session is opened, and no conversation is touched.
    pub(crate) fn opens_alone(&self) -> bool {
        match &self.session {
            SessionPlan::Open { conversations, .. } => *conversations == Conversations::Stay,
            SessionPlan::GoOn { .. } => false,
        }
    }
}

/// Plans a login.
///
/// # Errors
/// `unknown_user`, `user_blocked`, `identity_conflict` and `already_identified`,
/// each a rule of identity; nothing is changed then.
pub fn plan(situation: &Situation<'_>, settings: &Settings) -> Result<Plan, Error> {
    let conflict_with = conflict(situation, settings)?;
    let create_user = match situation.user {
        Some(user) if user.blocked => {
            return Err(Error::new(
                Code::UserBlocked,
                "the application has blocked this user",
            ));
        }
        Some(_) => false,
        None if situation.unknown_user == UnknownUser::Refuse => {
            return Err(Error::new(
                Code::UnknownUser,
                "the credential is good, but its user does not exist in this application",
            )
            .hint("create the user first: POST /v1/users"));
        }
        None => true,
    };
    let session = plan_session(situation, settings)?;
    Ok(Plan {
        create_user,
        conflict_with,
        session,
    })
}

fn conflict(situation: &Situation<'_>, settings: &Settings) -> Result<Option<UserId>, Error> {
    let Some(other) = situation.other else {
        return Ok(None);
    };
    if situation.user.is_some_and(|user| user.id == other.id) {
        return Ok(None);
    }
    match settings.identity_conflict {
        IdentityConflict::Email => Ok(Some(other.id)),
        IdentityConflict::Reject => Err(Error::new(
            Code::IdentityConflict,
            "the credential's email and externalId name two different users",
        )
        .hint("send one of them, or set identity_conflict to email")),
    }
}

fn plan_session(situation: &Situation<'_>, settings: &Settings) -> Result<SessionPlan, Error> {
    let open = |end, conversations| Ok(SessionPlan::Open { end, conversations });
    let Some(current) = &situation.current else {
        return open(None, Conversations::Stay);
    };
    let identity = current.identity;
    if identity.anonymous {
        let conversations = match settings.merge {
            MergePolicy::Merge => Conversations::Move(identity.user, current.conversations.clone()),
            MergePolicy::KeepSeparate => Conversations::Stay,
            MergePolicy::Discard => Conversations::Delete(current.conversations.clone()),
        };
        return open(Some((identity, EndReason::Adopted)), conversations);
    }
    let same_user = situation.user.is_some_and(|user| user.id == identity.user);
    match current.generation {
        Some(from) if same_user => Ok(SessionPlan::GoOn {
            session: identity.session,
            from,
        }),
        Some(_) | None if situation.switch => {
            open(Some((identity, EndReason::Switched)), Conversations::Stay)
        }
        Some(_) | None => Err(Error::new(
            Code::AlreadyIdentified,
            "this device is logged in as another user, and nothing was changed",
        )
        .hint("log out first, or send \"switch\": true")),
    }
}

#[cfg(test)]
mod tests {
    use countersign_credential::time::Timestamp;

    use super::*;
    use crate::id::DeviceId;

    fn user(number: u8) -> User {
        User::new(
            UserId::from_bytes([number; 16]),
            Timestamp::from_milliseconds(0),
        )
    }

    fn identity(user: u8, anonymous: bool) -> SessionIdentity {
        SessionIdentity {
            session: SessionId::from_bytes([9; 16]),
            user: UserId::from_bytes([user; 16]),
            device: DeviceId::from_bytes([8; 16]),
            api_key: None,
            anonymous,
        }
    }

    fn current(user: u8, anonymous: bool, generation: Option<u32>) -> Current {
        let conversations = vec![ConversationId::from_bytes([7; 16])];
        Current {
            identity: identity(user, anonymous),
            generation,
            conversations,
        }
    }

    fn situation<'a>(known: Option<&'a User>, current: Option<Current>) -> Situation<'a> {
        Situation {
            user: known,
            other: None,
            unknown_user: UnknownUser::Create,
            current,
            switch: false,
        }
    }

    fn code(situation: &Situation<'_>, settings: &Settings) -> &'static str {
        plan(situation, settings).unwrap_err().code.as_str()
    }

    #[test]
    fn rule_3_an_anonymous_session_is_adopted_by_the_policy() {
        let alice = user(1);
        let conversations = vec![ConversationId::from_bytes([7; 16])];
        let visitor = UserId::from_bytes([5; 16]);
        for (merge, expected) in [
            (
                MergePolicy::Merge,
                Conversations::Move(visitor, conversations.clone()),
            ),
            (MergePolicy::KeepSeparate, Conversations::Stay),
            (MergePolicy::Discard, Conversations::Delete(conversations)),
        ] {
            let settings = Settings {
                merge,
                ..Settings::default()
            };
            let plan = plan(
                &situation(Some(&alice), Some(current(5, true, Some(0)))),
                &settings,
            );
            let end = Some((identity(5, true), EndReason::Adopted));
            let session = SessionPlan::Open {
                end,
                conversations: expected,
            };
            assert_eq!(plan.unwrap().session, session);
        }
    }

    #[test]
    fn rule_4_the_same_user_goes_on() {
        let alice = user(1);
        let plan = plan(
            &situation(Some(&alice), Some(current(1, false, Some(3)))),
            &Settings::default(),
        );
        let session = SessionId::from_bytes([9; 16]);
        assert_eq!(
            plan.unwrap().session,
            SessionPlan::GoOn { session, from: 3 }
        );
    }

    #[test]
    fn rule_5_another_user_is_refused_or_switched_to_and_nothing_moves() {
        let alice = user(1);
        let mut asked = situation(Some(&alice), Some(current(2, false, Some(3))));
        assert_eq!(code(&asked, &Settings::default()), "already_identified");
        asked.switch = true;
        let end = Some((identity(2, false), EndReason::Switched));
        let session = SessionPlan::Open {
            end,
            conversations: Conversations::Stay,
        };
        assert_eq!(plan(&asked, &Settings::default()).unwrap().session, session);
        let mut new_user = situation(None, Some(current(2, false, Some(3))));
        assert_eq!(code(&new_user, &Settings::default()), "already_identified");
        new_user.switch = true;
        assert!(plan(&new_user, &Settings::default()).unwrap().create_user);
    }

    #[test]
    fn rule_8_email_wins_and_the_conflict_is_told_or_refused() {
        let (alice, bob) = (user(1), user(2));
        for (known, other, conflict) in [
            (Some(&alice), Some(&bob), Some(bob.id)),
            (Some(&alice), Some(&alice), None),
            (None, Some(&bob), Some(bob.id)),
            (Some(&alice), None, None),
        ] {
            let mut asked = situation(known, None);
            asked.other = other;
            let settings = Settings::default();
            assert_eq!(plan(&asked, &settings).unwrap().conflict_with, conflict);
            let reject = Settings {
                identity_conflict: IdentityConflict::Reject,
                ..Settings::default()
            };
            assert_eq!(plan(&asked, &reject).is_err(), conflict.is_some());
        }
    }

    #[test]
    fn rule_11_an_unknown_user_is_created_or_refused_and_a_blocked_one_refused() {
        let mut asked = situation(None, None);
        assert!(plan(&asked, &Settings::default()).unwrap().create_user);
        asked.unknown_user = UnknownUser::Refuse;
        assert_eq!(code(&asked, &Settings::default()), "unknown_user");
        let blocked = User {
            blocked: true,
            ..user(1)
        };
        assert_eq!(
            code(&situation(Some(&blocked), None), &Settings::default()),
            "user_blocked"
        );
    }
}
