//! Verifies, explains and mints the credentials that log a user in.

pub mod acl;
pub mod json;
pub mod jws;
pub mod time;
pub mod subject;
