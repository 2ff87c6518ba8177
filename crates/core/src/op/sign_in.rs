//! Sign in: a name and a password become a ticket, which opens a session.
//!
//! Who does not know the password learns nothing: a name that nobody has, a user
//! without a password and a wrong one are one answer after one and the same work.

use countersign_credential::subject::UserName;

use super::managed_users::{SignedIn, check, ticket};
use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::Principal;
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::limit;
use crate::model::password::Password;
use crate::model::user::Identifier;

/// Who signs in.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// The name; none, where what was given can be nobody's.
    pub name: Option<UserName>,
    /// The password.
    pub password: Password,
    /// How long the ticket is to live, in seconds; at most
    /// [`limit::TICKET_S_MAX`] is given.
    pub life_s: Option<u32>,
}

/// Signs a user in.
///
/// # Errors
/// `not_permitted` where the application does not let users sign in;
/// `wrong_password`; `user_blocked`, to whom the password is known;
/// `unavailable` where too many passwords wait.
pub async fn sign_in(ctx: &Ctx, principal: &Principal, asked: SignIn) -> Result<SignedIn, Error> {
    let permit = authorize(principal, &Action::LogIn)?.outright()?;
    let application = permit.application();
    check(&ctx.judge_of(application).await?.application.settings)?;
    let found = match asked.name {
        Some(name) => {
            let by_name = Identifier::Name(name);
            ctx.store.password(application, by_name).await?
        }
        None => None,
    };
    let hash = found.as_ref().map(|(_, hash)| hash);
    let is_right = ctx.passwords.verify(&asked.password, hash).await?;
    let Some((user, hash)) = found.filter(|_| is_right) else {
        return Err(wrong_password());
    };
    if user.blocked {
        return Err(Error::new(
            Code::UserBlocked,
            "the application has blocked this user",
        ));
    }
    let life_s = asked.life_s.unwrap_or(limit::TICKET_S);
    let life_s = life_s.clamp(1, limit::TICKET_S_MAX);
    let ticket = ticket(ctx, application, (&user, &hash), life_s)?;
    Ok(SignedIn { user, ticket })
}

fn wrong_password() -> Error {
    Error::new(
        Code::WrongPassword,
        "the user name or the password is incorrect",
    )
    .hint("try again; who has no password logs in with a ticket of the application's backend")
}
