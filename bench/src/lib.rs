//! Measurements. The benches are in `benches/`, one file a crate; what one run
//! of them said stands in docs/PERFORMANCE.md, with the command.
//!
//! # Invariants
//! Nothing here is linked into the program, and no test depends on a time.
