//! The audit log: written with what it tells of, in one batch; read by who
//! administers.

use crate::access::action::Action;
use crate::access::principal::Principal;
use crate::access::{authorize, authorize_installation};
use crate::context::Ctx;
use crate::error::Error;
use crate::id::{ApplicationId, AuditId};
use crate::model::audit::{AuditEntry, AuditRecord};
use crate::model::page::{Page, Window};

/// An application's log, the newest entry first.
///
/// # Errors
/// `not_permitted` without an admin key.
pub async fn list_audit(
    ctx: &Ctx,
    principal: &Principal,
    window: Window,
) -> Result<Page<AuditRecord>, Error> {
    let permit = authorize(principal, &Action::ReadAudit)?.outright()?;
    Ok(ctx.store.audit(permit.application(), window).await?)
}

/// The installation's log: operators' keys, and applications that are gone.
///
/// # Errors
/// `not_permitted` for everybody but an operator.
pub async fn list_installation_audit(
    ctx: &Ctx,
    principal: &Principal,
    window: Window,
) -> Result<Page<AuditRecord>, Error> {
    authorize_installation(principal)?;
    Ok(ctx.store.audit(ApplicationId::INSTALLATION, window).await?)
}

/// An entry of this moment. Neither target nor detail ever holds a secret.
pub(super) fn entry(
    ctx: &Ctx,
    principal: &Principal,
    action: &'static str,
    target: &impl ToString,
    detail: Option<String>,
) -> AuditEntry {
    let now = ctx.now();
    AuditEntry {
        id: AuditId::new(now, &*ctx.random),
        at: now,
        actor: principal.actor(),
        action,
        target: target.to_string(),
        detail,
    }
}
