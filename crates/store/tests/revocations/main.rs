//! What a revocation covers, in the store: sessions in every read, and what is
//! about to be written.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers fail by panicking, as its tests do"
)]

mod world;
mod effects;
mod agreement;
