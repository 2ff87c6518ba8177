//! One suite for every engine, and what each engine has to prove beyond it.
//!
//! `suite!` lists the cases once; an engine is given all of them by naming how to open it. A case
//! sees an engine only through the seam, with the tables of [`schema`].

// The attributes say to clippy that helpers are tests, too.
#[cfg(test)]
mod schema;
#[cfg(test)]
mod sqlite;
#[cfg(test)]
mod suite;
