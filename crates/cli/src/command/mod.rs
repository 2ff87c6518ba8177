//! One module a noun, one file a verb.

pub(crate) mod dev;
pub(crate) mod serve;
pub(crate) mod demo;
pub(crate) mod token;
pub(crate) mod application;
pub(crate) mod key;
pub(crate) mod api_key;
pub(crate) mod user;
pub(crate) mod session;
pub(crate) mod audit;
pub(crate) mod chat;
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod backup;
pub(crate) mod restore;
pub(crate) mod doctor;
