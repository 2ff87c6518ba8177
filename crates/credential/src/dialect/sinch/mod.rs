//! sinch: two forms of one secret. The older is a ticket, JSON with a MAC; the
//! newer a JWT under a key that is derived from the secret for one day.

pub(crate) mod created;
pub(crate) mod jwt;
pub(crate) mod ticket;

/// How every `iss` and `sub` of a Sinch JWT begins.
pub(crate) const RESOURCE_PREFIX: &str = "//rtc.sinch.com/";
