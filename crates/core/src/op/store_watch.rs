//! The watch on the store: revocations that no notice told of are found, and
//! while the store is out of sight nothing is given away from memory.
//!
//! Whoever runs the node calls [`look`] every second.

use countersign_credential::time::Timestamp;

use crate::context::Ctx;
use crate::error::Error;
use crate::id::ApplicationId;
use crate::limit;
use crate::model::revocation::{Revocation, Target};
use crate::ports::fanout::Notice;

/// Looks for the revocations of the last [`limit::REVOCATIONS_REREAD_S`]
/// seconds. One that this node has not heard of is treated like a notice. After
/// a time without the store, or where there are more than one look reads,
/// everything that is remembered is forgotten instead.
///
/// # Errors
/// If the store fails: it was not seen then.
pub async fn look(ctx: &Ctx) -> Result<(), Error> {
    let watch = &ctx.store_watch;
    let now = ctx.now();
    let seen_at = watch.begin(now);
    let since = now.plus_seconds(-limit::REVOCATIONS_REREAD_S);
    let mut found = ctx
        .registry
        .revocations_since(since, limit::REVOCATIONS_REREAD_MAX)
        .await?;
    if !watch.is_seen(now) || !reaches_back(&found, seen_at) {
        ctx.doubt_all();
    }
    watch.keep_unheard(since, &mut found);
    for (application, revocation) in found {
        hear(ctx, application, revocation);
    }
    // As of when it was asked: what was committed meanwhile is not known.
    watch.note_seen(now);
    Ok(())
}

/// Whether the rows, the newest first, are all, or go back to what an earlier
/// look has seen. A row is there some time after the moment that it bears.
fn reaches_back(found: &[(ApplicationId, Revocation)], seen_at: Timestamp) -> bool {
    let known = seen_at.plus_seconds(-limit::COMMIT_S_MAX);
    found.len() < limit::REVOCATIONS_REREAD_MAX
        || found
            .last()
            .is_some_and(|(_, oldest)| oldest.made_at <= known)
}

fn hear(ctx: &Ctx, application: ApplicationId, revocation: Revocation) {
    // Whoever revokes a key tells of the key as well, and that may be lost, too.
    match revocation.target {
        Target::Kid(_) => ctx.hear(Notice::Application(application)),
        Target::ApiKey(id) => ctx.hear(Notice::ApiKey(id)),
        Target::Session(_)
        | Target::Jti(_)
        | Target::Digest(_)
        | Target::User(_)
        | Target::Name(_)
        | Target::ExternalId(_)
        | Target::Email(_)
        | Target::Application(_) => {}
    }
    ctx.hear(Notice::Revoked {
        application,
        revocation,
    });
}
