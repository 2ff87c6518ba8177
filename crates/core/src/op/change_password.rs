//! Change of password: a user who knows the present one sets another, and every
//! other device has to sign in anew.

use super::audit::entry;
use super::managed_users::check;
use super::sessions::{all_open, tombstone};
use crate::access::action::Action;
use crate::access::principal::Principal;
use crate::access::{Facts, authorize};
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::model::audit::Details;
use crate::model::password::Password;
use crate::model::revocation::Target;
use crate::model::session::EndReason;
use crate::model::user::Identifier;
use crate::ports::change::{Change, PasswordChange};
use crate::ports::fanout::Notice;

/// A change of password.
#[derive(Debug, Clone)]
pub struct ChangePassword {
    /// The present one.
    pub current: Password,
    /// The one to come.
    pub new: Password,
}

/// Changes the password of who asks. The session that asks goes on; all others of
/// the user end, and with them what was handed out for the password before.
///
/// # Errors
/// `not_permitted` where the application's users have no passwords, or this one has
/// none; `wrong_password`; `conflict` where it changed at the same time;
/// `unavailable` where too many passwords wait.
pub async fn change_password(
    ctx: &Ctx,
    principal: &Principal,
    asked: ChangePassword,
) -> Result<(), Error> {
    let Some(own) = principal.session() else {
        return Err(Error::new(
            Code::NotPermitted,
            "a password is its user's to change, in a session",
        ));
    };
    let conditional = authorize(principal, &Action::UpdateUser(own.user))?;
    let permit = conditional.given(&Facts {
        own: true,
        ..Facts::default()
    })?;
    let application = permit.application();
    let judge = ctx.judge_of(application).await?;
    let settings = &judge.application.settings;
    check(settings)?;
    let by_id = Identifier::Id(own.user);
    let Some((_, before)) = ctx.store.password(application, by_id).await? else {
        return Err(Error::new(
            Code::NotPermitted,
            "this user has no password: the application's backend says who it is",
        ));
    };
    if !ctx.passwords.verify(&asked.current, Some(&before)).await? {
        return Err(Error::new(
            Code::WrongPassword,
            "the current password is incorrect",
        ));
    }
    let after = ctx.passwords.hash(&asked.new).await?;
    let now = ctx.now();
    let open = all_open(ctx, application, own.user).await?;
    let others = open.into_iter().filter(|other| other.id != own.session);
    let ended: Vec<_> = others
        .map(|other| tombstone(Target::Session(other.id), settings, now))
        .collect();
    let mut changes = vec![
        Change::Password(own.user, PasswordChange::Expect(before)),
        Change::Password(own.user, PasswordChange::Set(after)),
        // Whoever signed in since they were read ends, too.
        Change::EndOtherSessions {
            user: own.user,
            keep: Some(own.session),
            why: EndReason::Revoked,
            at: now,
        },
    ];
    changes.extend(ended.iter().cloned().map(Change::Revoke));
    let nothing = Details::default();
    let audit = entry(
        ctx,
        principal.actor(),
        "user.password_changed",
        &own.user,
        nothing,
    );
    changes.push(Change::Audit(audit.about(own.user)));
    let committed = ctx.store.commit(&permit, changes).await?;
    ctx.tally.committed(&committed);
    for revocation in ended {
        ctx.publish(Notice::Revoked {
            application,
            revocation,
        });
    }
    ctx.publish(Notice::User {
        application,
        user: own.user,
    });
    Ok(())
}
