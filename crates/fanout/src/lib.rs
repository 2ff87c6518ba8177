//! Carries notices behind the domain's fan-out port.
//!
//! # Invariants
//! - Bounded: a subscriber that falls behind loses the oldest notices and is
//!   told so; nobody ever waits for it.
//! - Nothing here is the truth: every subscriber sweeps the store too.

pub mod in_process;
