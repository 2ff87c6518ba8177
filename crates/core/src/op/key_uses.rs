//! Key uses: what the node has noted is written down, for all keys at once.
//!
//! Whoever runs the node calls [`write_due`] now and then, and [`write_all`]
//! once nothing is answered any more.

use crate::context::Ctx;
use crate::error::Error;
use crate::key_use::KeyUse;

/// Writes what is due.
///
/// # Errors
/// If the store fails. The notes are kept for the next time, which is not
/// before another [`crate::limit::KEY_USES_WRITTEN_S`].
pub async fn write_due(ctx: &Ctx) -> Result<(), Error> {
    let uses = ctx.key_uses.take_due(ctx.now());
    write(ctx, uses).await
}

/// Writes all that is noted, due or not.
///
/// # Errors
/// If the store fails; the notes are kept.
pub async fn write_all(ctx: &Ctx) -> Result<(), Error> {
    let uses = ctx.key_uses.take_all(ctx.now());
    write(ctx, uses).await
}

async fn write(ctx: &Ctx, uses: Vec<KeyUse>) -> Result<(), Error> {
    if uses.is_empty() {
        return Ok(());
    }
    if let Err(error) = ctx.registry.note_used(uses.clone()).await {
        ctx.key_uses.put_back(uses);
        return Err(error.into());
    }
    Ok(())
}
