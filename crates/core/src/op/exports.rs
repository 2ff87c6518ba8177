//! Exports: a backend reads all that is kept of a person, to hand it out to them.

use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::Principal;
use crate::context::Ctx;
use crate::error::Error;
use crate::id::UserId;
use crate::model::export::Record;
use crate::model::page::{Page, Window};
use crate::model::user::Identifier;

/// A page of what is kept of a user, and of every visitor who turned out to be
/// that user. It may be empty where more follow, since nobody is asked to look
/// through a whole history at once; and it has one file at most.
///
/// # Errors
/// `not_found` where there is no such user; `not_permitted` for everybody but a
/// backend.
pub async fn export_user(
    ctx: &Ctx,
    principal: &Principal,
    id: UserId,
    window: Window,
) -> Result<Page<Record>, Error> {
    let permit = authorize(principal, &Action::ExportUser(id))?.outright()?;
    let application = permit.application();
    let found = ctx.store.user(application, Identifier::Id(id)).await?;
    let user = found.ok_or_else(|| Error::not_found("user"))?;
    Ok(ctx.store.export(application, user.id, window).await?)
}
