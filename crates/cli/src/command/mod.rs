//! One module a noun, one file a verb.

pub(crate) mod dev;
pub(crate) mod demo;
pub(crate) mod token;
