//! The audit log: who did what, to whom, and when.

use countersign_credential::time::Timestamp;

use crate::audit_chain;
use crate::id::{ApiKeyId, AuditId, UserId};
use crate::ports::Random;

/// What the entry is called that tells of a person's erasure; its target is the
/// user's id. No other reason makes the log forget what an entry held.
pub const USER_ERASED: &str = "user.erased";

/// One entry. It is only ever added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What was done, as `noun.verb`.
    pub action: &'static str,
    /// What it was done to: an id, a `kid` or a `jti`, and never a person's
    /// name or address.
    pub target: String,
    /// The user whom it is about, and whose data the details may hold.
    pub user: Option<UserId>,
    /// More about it.
    pub details: Details,
    /// What keeps the digest of the details from being guessed.
    pub salt: [u8; 32],
}

/// What an entry says beyond who did what, without any secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// What was there before, as far as it changed: the text of a JSON object.
    pub before: Option<String>,
    /// What is there since, as far as it changed: the text of a JSON object.
    pub after: Option<String>,
    /// A remark.
    pub remark: Option<String>,
}

/// One entry as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place in the log, counted from 1.
    pub number: u64,
    /// Its id.
    pub id: AuditId,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it, in text form.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// The user whom it is about.
    pub user: Option<UserId>,
    /// More about it; nothing, once it was erased.
    pub details: Details,
    /// The salt of the details; absent once they were erased.
    pub salt: Option<[u8; 32]>,
    /// The digest of the details, which stays. Entries that are older than the
    /// chain have none until they are sealed.
    pub details_digest: Option<[u8; 32]>,
    /// The digest of the log up to here; absent until the entry is sealed.
    pub digest: Option<[u8; 32]>,
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// A user or visitor.
    User(UserId),
    /// A backend, by its API key.
    ApiKey(ApiKeyId),
    /// A backend, by a token that one of its signing keys verified.
    Backend,
    /// Somebody who presented a publishable key or nothing.
    Client,
    /// Countersign itself: its janitor, its first start.
    System,
}

// === impl AuditEntry ===

impl AuditEntry {
    /// An entry of a moment, about nobody in particular. Neither target nor
    /// details ever hold a secret.
    #[must_use]
    pub fn new(
        at: Timestamp,
        random: &dyn Random,
        actor: Actor,
        action: &'static str,
        target: &impl ToString,
        details: Details,
    ) -> Self {
        let mut salt = [0; 32];
        random.fill(&mut salt);
        Self {
            id: AuditId::new(at, random),
            at,
            actor,
            action,
            target: target.to_string(),
            user: None,
            details,
            salt,
        }
    }

    /// The same entry, about a user.
    #[must_use]
    pub fn about(self, user: UserId) -> Self {
        Self {
            user: Some(user),
            ..self
        }
    }

    /// The digest of the details, under the salt.
    #[must_use]
    pub fn details_digest(&self) -> [u8; 32] {
        self.details.digest(&self.salt)
    }
}

// === impl Details ===

impl Details {
    /// Nothing but a remark.
    #[must_use]
    pub fn remark(remark: impl Into<String>) -> Self {
        Self {
            remark: Some(remark.into()),
            ..Self::default()
        }
    }

    /// The digest under a salt.
    #[must_use]
    pub fn digest(&self, salt: &[u8; 32]) -> [u8; 32] {
        let texts = [&self.before, &self.after, &self.remark];
        audit_chain::details_digest(salt, texts.map(Option::as_deref))
    }
}
