//! What somebody says of themselves: unverified, not unique, and never a way to
//! anybody's history.

use super::visitor::keep;
use crate::access::action::Action;
use crate::access::principal::Principal;
use crate::access::{Facts, authorize};
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::limit;
use crate::model::user::{Identifier, User, UserPatch};
use crate::ports::change::Change;
use crate::ports::fanout::Notice;

/// Keeps what a user or visitor says of themselves, the text of a JSON object, in
/// place of what is kept with them. A visitor who has written nothing is written
/// down by it.
///
/// # Errors
/// `too_large`; `session_ended`.
pub async fn describe(ctx: &Ctx, principal: &Principal, described: String) -> Result<User, Error> {
    let user = principal.user().ok_or_else(|| {
        let detail = "an API key has nothing to say of itself";
        Error::new(Code::BadRequest, detail).hint("change the user: PATCH /v1/users/{id}")
    })?;
    let own = Facts {
        own: true,
        ..Facts::default()
    };
    let permit = authorize(principal, &Action::DescribeUser(user))?.given(&own)?;
    if described.len() > limit::DESCRIBED_BYTES_MAX {
        let most = limit::DESCRIBED_BYTES_MAX;
        let detail = format!("what a user says of themselves has at most {most} bytes");
        return Err(Error::new(Code::TooLarge, detail));
    }
    let application = permit.application();
    let judge = ctx.judge_of(application).await?;
    let patch = UserPatch {
        described: Some(Some(described)),
        ..UserPatch::default()
    };
    let mut changes = keep(principal, &judge, ctx.now());
    changes.push(Change::ChangeUser(user, patch));
    ctx.store.commit(&permit, changes).await?;
    ctx.publish(Notice::User { application, user });
    let found = ctx.store.user(application, Identifier::Id(user)).await?;
    found.ok_or_else(|| Error::not_found("user"))
}
