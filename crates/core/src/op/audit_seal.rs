//! Seals the audit log: entries are chained in the order of their numbers, a
//! moment after they were written.
//!
//! A batch holds no decision that is made between its statements, so an entry
//! is written without its place in the chain. What its details are is bound from
//! the start all the same, by their own digest. Whoever runs the node calls
//! [`seal`] every second, and once more when it ends.
//!
//! Two nodes may do it at once: the second one finds the log sealed further than
//! it had read, and does nothing.

use crate::audit_chain::Link;
use crate::context::Ctx;
use crate::error::Error;
use crate::id::ApplicationId;
use crate::limit;
use crate::model::audit::AuditRecord;
use crate::op::janitor::Run;
use crate::ports::change::Expectation;
use crate::ports::store::CommitError;
use crate::ports::upkeep::{Salted, Sealing};

/// Seals a batch of each log that has entries to be sealed.
///
/// # Errors
/// If the store fails; the next run goes on.
pub async fn seal(ctx: &Ctx) -> Result<Run, Error> {
    let logs = ctx.registry.unsealed_logs(limit::SEALED_LOGS_MAX).await?;
    let mut run = Run::Idle;
    for application in logs {
        if seal_some(ctx, application).await? == Run::Worked {
            run = Run::Worked;
        }
    }
    Ok(run)
}

async fn seal_some(ctx: &Ctx, application: ApplicationId) -> Result<Run, Error> {
    let most = limit::SEALED_ENTRIES_MAX;
    let unsealed = ctx.registry.unsealed(application, most).await?;
    if unsealed.records.is_empty() {
        return Ok(Run::Idle);
    }
    let mut sealing = Sealing {
        from: unsealed.head,
        heads: Vec::with_capacity(unsealed.records.len()),
        salted: Vec::new(),
    };
    let mut head = unsealed.head;
    for record in unsealed.records {
        let details_digest = match record.details_digest {
            Some(digest) => digest,
            None => {
                let salted = salt(ctx, &record);
                let digest = salted.details_digest;
                sealing.salted.push(salted);
                digest
            }
        };
        head = head.with(&link(application, &record, details_digest));
        sealing.heads.push(head);
    }
    match ctx.registry.seal(application, sealing).await {
        Ok(()) | Err(CommitError::Missed(Expectation::AuditHead)) => Ok(Run::Worked),
        Err(error) => Err(error.into()),
    }
}

/// What the chain covers of an entry.
fn link(application: ApplicationId, record: &AuditRecord, details_digest: [u8; 32]) -> Link<'_> {
    Link {
        application,
        number: record.number,
        id: record.id,
        at: record.at,
        actor: &record.actor,
        action: &record.action,
        target: &record.target,
        user: record.user,
        details_digest,
    }
}

/// Binds the details of an entry from before the chain.
fn salt(ctx: &Ctx, record: &AuditRecord) -> Salted {
    let mut salt = [0; 32];
    ctx.random.fill(&mut salt);
    Salted {
        number: record.number,
        remark: record.details.remark.clone(),
        salt,
        details_digest: record.details.digest(&salt),
    }
}
