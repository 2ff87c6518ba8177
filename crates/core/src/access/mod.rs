//! Who may do what. One function decides for every door.
//!
//! A right is the role's right where the ACL allows it; an ACL never adds. The
//! decision has two halves: [`authorize`] judges what the request itself tells
//! (role, ACL, whose it is), and where the right hangs on a place in a
//! conversation, the answer is [`Conditional`]: it becomes a [`Permit`] against
//! facts that were read, or goes into the batch as a guard, so that nobody who
//! lost the place in between gets through.
//!
//! # Invariants
//! Nothing outside this module can make a [`Permit`], and the store commits
//! nothing without one. This module reads no store and no clock.

pub mod action;
pub mod principal;
mod requirement;

use std::fmt;

use countersign_credential::acl::call::{Call, Parameter};

use crate::error::{Code, Error};
use crate::id::{ApplicationId, UserId};
use crate::model::audit::Actor;
use crate::model::member::MemberState;
use crate::ports::change::Guard;
use action::Action;
use principal::Principal;
use requirement::Requirement;

/// Proof that a check was made: who acts, and in which application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    application: ApplicationId,
    actor: Actor,
}

/// A right that hangs on facts which the request does not tell.
#[must_use = "a conditional right is no permit yet"]
#[derive(Debug, Clone, Copy)]
pub struct Conditional {
    permit: Permit,
    requirement: Requirement,
    user: Option<UserId>,
}

/// What was read of the asking user's relation to what is asked for. A backend
/// needs none of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// The state of the user's place in the conversation.
    pub place: Option<MemberState>,
    /// Whether that place is the creator's, or the user created the
    /// conversation and has had no place yet.
    pub creator: bool,
    /// Whether the thing is the user's own: its event, its place, itself.
    pub own: bool,
    /// Whether the user shares a conversation with the user who is asked for.
    pub shares: bool,
}

/// Judges role and ACL.
///
/// # Errors
/// `not_permitted` where the role has no such right, `acl_denied` where the ACL
/// withholds it, `application_required` where an operator names no application.
pub fn authorize(principal: &Principal, action: &Action) -> Result<Conditional, Error> {
    let Some(application) = principal.application else {
        return Err(Error::new(
            Code::ApplicationRequired,
            "an operator key acts in any application, and this request names none",
        )
        .hint("add ?application_id=…"));
    };
    let requirement = requirement::of(principal.role(), action);
    if requirement == Requirement::Never {
        return Err(Error::new(
            Code::NotPermitted,
            format!(
                "{} may not {}",
                principal.role().described(),
                action.described()
            ),
        ));
    }
    check_acl(principal, action)?;
    let permit = Permit {
        application,
        actor: principal.actor(),
    };
    Ok(Conditional {
        permit,
        requirement,
        user: principal.user(),
    })
}

/// Judges what concerns no application, or all of them: the keys of operators,
/// and the log of what they do. The permit holds in
/// [`ApplicationId::INSTALLATION`], which owns nothing else.
///
/// # Errors
/// `not_permitted` for everybody but an operator.
pub fn authorize_installation(principal: &Principal) -> Result<Permit, Error> {
    let anywhere = Principal {
        application: Some(ApplicationId::INSTALLATION),
        ..principal.clone()
    };
    authorize(&anywhere, &Action::ManageApplication)?.outright()
}

fn check_acl(principal: &Principal, action: &Action) -> Result<(), Error> {
    let Some(acl) = &principal.acl else {
        return Ok(());
    };
    let (method, path) = action.call();
    let permitted = if acl.has_filters() {
        let path_parameters = action.path_parameters();
        let told = principal.parameters.iter();
        let all: Vec<Parameter<'_>> = path_parameters
            .iter()
            .map(|(name, text)| Parameter::from_text(name, text))
            .chain(told.map(|(name, text)| Parameter {
                name,
                text: text.as_deref(),
            }))
            .collect();
        acl.permits(&Call {
            method,
            path: &path,
            parameters: &all,
        })
    } else {
        acl.permits(&Call {
            method,
            path: &path,
            parameters: &[],
        })
    };
    if permitted {
        return Ok(());
    }
    Err(Error::new(
        Code::AclDenied,
        format!(
            "the credential's ACL does not allow {} {path}",
            method.as_str()
        ),
    )
    .hint("let the backend put a pattern that covers this path into the token's acl.paths"))
}

// === impl Permit ===

impl Permit {
    /// The application in which the permit holds.
    #[must_use]
    pub fn application(&self) -> ApplicationId {
        self.application
    }

    /// Who acts.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// For what the node does by itself.
    pub(crate) fn of_system(application: ApplicationId) -> Self {
        Self {
            application,
            actor: Actor::System,
        }
    }

    /// For a session that its own token proves, where there is no principal
    /// yet: a refresh.
    pub(crate) fn of_user(application: ApplicationId, user: UserId) -> Self {
        Self {
            application,
            actor: Actor::User(user),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(formatter, "{id}"),
            Self::ApiKey(id) => write!(formatter, "{id}"),
            Self::Backend => formatter.write_str("backend"),
            Self::Client => formatter.write_str("client"),
            Self::System => formatter.write_str("system"),
        }
    }
}

// === impl Conditional ===

impl Conditional {
    /// The application in which the right would hold.
    #[must_use]
    pub fn application(&self) -> ApplicationId {
        self.permit.application
    }

    /// The permit, where the facts bear the right out.
    ///
    /// # Errors
    /// `not_found` where who asks may not know of the thing, else `not_permitted`.
    pub fn given(self, facts: &Facts) -> Result<Permit, Error> {
        if self.requirement.holds(facts) {
            return Ok(self.permit);
        }
        if self.requirement.may_know(facts) {
            return Err(Error::new(Code::NotPermitted, self.requirement.described()));
        }
        Err(Error::not_found("thing").hint("it may exist, but this user has no part in it"))
    }

    /// The permit, where the right hangs on nothing more.
    ///
    /// # Errors
    /// `not_found`, as if the facts had been read and there were none.
    pub fn outright(self) -> Result<Permit, Error> {
        self.given(&Facts::default())
    }

    /// The permit, and the guard that the batch must hold to; for rights that
    /// hang on being joined, and for those that hang on nothing.
    ///
    /// # Errors
    /// As [`Conditional::given`], for a right that a guard cannot express.
    pub fn in_batch(self) -> Result<(Permit, Guard), Error> {
        if let (Requirement::Joined, Some(user)) = (self.requirement, self.user) {
            return Ok((self.permit, Guard::Joined(user)));
        }
        Ok((self.outright()?, Guard::None))
    }
}
