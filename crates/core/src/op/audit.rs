//! The audit log: written with what it tells of, in one batch; read by who
//! administers.

use crate::access::action::Action;
use crate::access::principal::Principal;
use crate::access::{authorize, authorize_installation};
use crate::context::Ctx;
use crate::error::Error;
use crate::id::ApplicationId;
use crate::model::audit::{Actor, AuditEntry, AuditRecord, Details};
use crate::model::page::{Order, Page, Window};

/// An application's log.
///
/// # Errors
/// `not_permitted` without an admin key.
pub async fn list_audit(
    ctx: &Ctx,
    principal: &Principal,
    order: Order,
    window: Window,
) -> Result<Page<AuditRecord>, Error> {
    let permit = authorize(principal, &Action::ReadAudit)?.outright()?;
    let application = permit.application();
    Ok(ctx.store.audit(application, order, window).await?)
}

/// The installation's log: operators' keys, and applications that are gone.
///
/// # Errors
/// `not_permitted` for everybody but an operator.
pub async fn list_installation_audit(
    ctx: &Ctx,
    principal: &Principal,
    order: Order,
    window: Window,
) -> Result<Page<AuditRecord>, Error> {
    authorize_installation(principal)?;
    let installation = ApplicationId::INSTALLATION;
    Ok(ctx.store.audit(installation, order, window).await?)
}

/// An entry of this moment. Neither target nor details ever hold a secret.
pub(super) fn entry(
    ctx: &Ctx,
    actor: Actor,
    action: &'static str,
    target: &impl ToString,
    details: Details,
) -> AuditEntry {
    AuditEntry::new(ctx.now(), &*ctx.random, actor, action, target, details)
}
