//! Sign up: a new user under a name that nobody has, with a password.

use countersign_credential::subject::UserName;

use super::managed_users::{SignedIn, check, still_on, ticket};
use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::Principal;
use crate::context::Ctx;
use crate::error::{Code, Error, Obstacle};
use crate::id::UserId;
use crate::limit;
use crate::model::password::Password;
use crate::model::user::{Identifier, User};
use crate::ports::change::{Change, Expectation, PasswordChange};
use crate::ports::store::CommitError;

/// Who signs up.
#[derive(Debug, Clone)]
pub struct SignUp {
    /// The name.
    pub name: UserName,
    /// The password.
    pub password: Password,
}

/// Signs a user up, and hands out what opens a session. As a first login would, it
/// makes the user; so whoever may log in may do this.
///
/// # Errors
/// `not_permitted` where the application does not let users sign up; `conflict`
/// where somebody has the name, with a password or without: nobody who is there is
/// touched. `unavailable` where too many passwords wait.
pub async fn sign_up(ctx: &Ctx, principal: &Principal, new: SignUp) -> Result<SignedIn, Error> {
    let permit = authorize(principal, &Action::LogIn)?.outright()?;
    let application = permit.application();
    check(&ctx.judge_of(application).await?.application.settings)?;
    let by_name = Identifier::Name(new.name.clone());
    // The answer tells it anyway, and so it may come sooner.
    if ctx.store.user(application, by_name).await?.is_some() {
        return Err(taken());
    }
    let hash = ctx.passwords.hash(&new.password).await?;
    let now = ctx.now();
    let user = User {
        name: Some(new.name),
        ..User::new(UserId::new(now, &*ctx.random), now)
    };
    for _ in 0..limit::PLANS_MAX {
        let changes = vec![
            // Hashing takes its time, and nobody gets in after it was switched off.
            Change::ExpectSettings(still_on(ctx, application).await?),
            Change::AddUser(user.clone()),
            Change::Password(user.id, PasswordChange::Set(hash.clone())),
        ];
        match ctx.store.commit(&permit, changes).await {
            Ok(_) => {
                let ticket = ticket(ctx, application, (&user, &hash), limit::TICKET_S_MAX)?;
                return Ok(SignedIn { user, ticket });
            }
            Err(CommitError::Missed(Expectation::NameFree)) => return Err(taken()),
            Err(CommitError::Missed(Expectation::SettingsUnchanged)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(CommitError::Missed(Expectation::SettingsUnchanged).into())
}

fn taken() -> Error {
    Error::new(
        Code::Conflict,
        "a user is already registered under this name",
    )
    .hint("sign in, or choose another name")
    .because_of(Obstacle::UserName)
}
