//! What is known of a user once a credential was accepted, and nothing before:
//! only [`crate::verifier::Verifier`] makes these values.

use std::fmt;

use crate::acl::Acl;
use crate::dialect::Dialect;
use crate::key::Kid;
use crate::subject::{Email, ExternalId, UserName};
use crate::time::Timestamp;

/// The claims of an accepted credential.
#[derive(Clone, PartialEq)]
pub struct Claims {
    /// The dialect in which it was written.
    pub dialect: Dialect,
    /// The user; `None` for a nexmo backend's bearer, which is no login.
    pub subject: Option<Subject>,
    /// The application's id, or the alias that stood for it, as the credential
    /// gave it. `None` in the kustomer dialect, which names no application.
    pub application_id: Option<String>,
    /// The key that verified it.
    pub kid: Kid,
    /// When it was made: `iat`, or a ticket's `created`.
    pub issued_at: Timestamp,
    /// From when on it is refused: the earliest of its own expiry and what its
    /// dialect allows.
    pub expires_at: Timestamp,
    /// Its own id, which revocations name.
    pub jti: Option<String>,
    /// The nonce of a sinch JWT.
    pub nonce: Option<String>,
    /// SHA-256 of the bytes that were signed.
    pub digest: [u8; 32],
    /// The ACL of a nexmo credential; `None` where it carries none.
    pub acl: Option<Acl>,
    /// Whether `expires_at` is earlier than the expiry that the credential
    /// states, because it states more than its dialect allows.
    pub capped: bool,
}

/// A user, by the kind of name that the dialect uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// nexmo and sinch: the user's name.
    Name(UserName),
    /// native, and kustomer without `email`: the backend's own id.
    ExternalId(ExternalId),
    /// kustomer: the e-mail address.
    Email {
        /// It decides who the user is.
        email: Email,
        /// What stands beside it, well-formed: it is not used for the login,
        /// and tells whether the two name different users.
        external_id: Option<ExternalId>,
    },
}

/// By what a credential is told apart from every other one, where it may open
/// one session only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OneTimeId<'a> {
    /// Its `jti`.
    Jti(&'a str),
    /// Its nonce, where it has no `jti`.
    Nonce(&'a str),
    /// The digest of its signed bytes, where it has neither.
    Digest(&'a [u8; 32]),
}

// === impl Claims ===

impl Claims {
    /// By what this credential counts as used: `jti`, else nonce, else digest.
    pub fn one_time_id(&self) -> OneTimeId<'_> {
        match (&self.jti, &self.nonce) {
            (Some(jti), _) => OneTimeId::Jti(jti),
            (None, Some(nonce)) => OneTimeId::Nonce(nonce),
            (None, None) => OneTimeId::Digest(&self.digest),
        }
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither ids of the credential nor its ACL: a log line is no place
        // for what a replay needs.
        formatter
            .debug_struct("Claims")
            .field("dialect", &self.dialect)
            .field("subject", &self.subject)
            .field("kid", &self.kid)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

// === impl Subject ===

impl Subject {
    /// The name, the id or the address.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Name(name) => name.as_str(),
            Self::ExternalId(external_id) => external_id.as_str(),
            Self::Email { email, .. } => email.as_str(),
        }
    }

    /// What kind of name it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Name(_) => "user name",
            Self::ExternalId(_) => "external id",
            Self::Email { .. } => "e-mail address",
        }
    }
}

// === impl OneTimeId ===

impl fmt::Display for OneTimeId<'_> {
    /// One text for all three, in which none can be taken for another.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jti(jti) => write!(formatter, "jti:{jti}"),
            Self::Nonce(nonce) => write!(formatter, "nonce:{nonce}"),
            Self::Digest(digest) => {
                formatter.write_str("sha256:")?;
                digest
                    .iter()
                    .try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }
    }
}
