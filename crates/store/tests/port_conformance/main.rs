//! One suite for every store behind the domain's ports, and what SQLite's has to prove beyond it.
//!
//! A case sees the store only through the ports, with fixed times and seeded ids.

// The attributes say to clippy that helpers are tests, too.
#[cfg(test)]
mod sqlite;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod world;
