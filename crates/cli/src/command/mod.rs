//! One module a noun, one file a verb.

pub(crate) mod token;
