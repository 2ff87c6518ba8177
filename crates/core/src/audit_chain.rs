//! The chain of the audit log: each entry's digest covers the entry and the
//! digest before it, so that whoever has the newest one can tell that nothing
//! before it was changed, moved, left out or put in between.
//!
//! The details of an entry are covered by a digest of their own, under a salt.
//! So a person's details can be erased, with the salt, and the chain still holds;
//! and what was erased cannot be found again by guessing.
//!
//! Both digests are SHA-256 over parts. A part is eight bytes that say how long it
//! is, the highest first, and its bytes.
//!
//! | digest | its parts, in order |
//! |---|---|
//! | of the details | `countersign audit details 1`; the salt; of each of `before`, `after` and the remark `1` and then its text, or `0` where there is none |
//! | of the chain | `countersign audit 1`; the digest before, 32 zero bytes at the first; the application's id; the number; the entry's id; the time; actor; action; target; the id of the user whom it is about, empty where there is none; the digest of the details |
//!
//! Digests and salt are bytes, everything else is text: ids as they are spelled
//! everywhere, numbers in decimal digits, the time as milliseconds since 1970.
//!
//! Absent on purpose: any knowledge of where entries are kept.

use aws_lc_rs::digest::{Context, SHA256};
use countersign_credential::time::Timestamp;

use crate::id::{ApplicationId, AuditId, UserId};

/// Up to where a log is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the last sealed entry; 0 before the first.
    pub number: u64,
    /// Its digest.
    pub digest: [u8; 32],
}

/// What the chain covers of an entry.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// Whose log it is.
    pub application: ApplicationId,
    /// The entry's place in it.
    pub number: u64,
    /// Its id.
    pub id: AuditId,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: &'a str,
    /// What was done.
    pub action: &'a str,
    /// What it was done to.
    pub target: &'a str,
    /// The user whom it is about.
    pub user: Option<UserId>,
    /// The digest of its details.
    pub details_digest: [u8; 32],
}

/// The digest of an entry's details: before, after and the remark.
#[must_use]
pub fn details_digest(salt: &[u8; 32], texts: [Option<&str>; 3]) -> [u8; 32] {
    let mut parts = Parts::new("countersign audit details 1");
    parts.add(salt);
    for text in texts {
        parts.add(if text.is_some() { "1" } else { "0" });
        if let Some(text) = text {
            parts.add(text);
        }
    }
    parts.digest()
}

// === impl Head ===

impl Head {
    /// Of a log without a sealed entry.
    pub const START: Self = Self {
        number: 0,
        digest: [0; 32],
    };

    /// The head once an entry is sealed too.
    #[must_use]
    pub fn with(self, link: &Link<'_>) -> Self {
        let mut parts = Parts::new("countersign audit 1");
        parts.add(self.digest);
        parts.add(link.application.to_string());
        parts.add(link.number.to_string());
        parts.add(link.id.to_string());
        parts.add(link.at.milliseconds().to_string());
        parts.add(link.actor);
        parts.add(link.action);
        parts.add(link.target);
        parts.add(link.user.map(|user| user.to_string()).unwrap_or_default());
        parts.add(link.details_digest);
        Self {
            number: link.number,
            digest: parts.digest(),
        }
    }
}

/// What a digest is made of.
struct Parts(Context);

// === impl Parts ===

impl Parts {
    /// The first part tells what the digest is of.
    fn new(what: &str) -> Self {
        let mut parts = Self(Context::new(&SHA256));
        parts.add(what);
        parts
    }

    fn add(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.0.update(&(part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    fn digest(self) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.0.finish().as_ref());
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; 32] = [7; 32];

    fn link() -> Link<'static> {
        Link {
            application: ApplicationId::from_bytes([1; 16]),
            number: 1,
            id: AuditId::from_bytes([2; 16]),
            at: Timestamp::from_milliseconds(1_800_000_000_000),
            actor: "system",
            action: "user.create",
            target: "USR-1",
            user: Some(UserId::from_bytes([3; 16])),
            details_digest: details_digest(&SALT, [None, Some("{}"), None]),
        }
    }

    #[test]
    fn no_two_details_have_one_digest() {
        let details = [
            [None, None, None],
            [Some(""), None, None],
            [None, Some(""), None],
            [None, None, Some("")],
            [Some("ab"), None, None],
            [Some("a"), Some("b"), None],
            [None, Some("a"), Some("b")],
            [Some("a0"), None, Some("b")],
        ];
        for (place, one) in details.iter().enumerate() {
            assert_ne!(details_digest(&SALT, *one), details_digest(&[8; 32], *one));
            for other in &details[..place] {
                let digest = details_digest(&SALT, *one);
                assert_ne!(digest, details_digest(&SALT, *other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn every_field_counts() {
        let whole = Head::START.with(&link());
        assert_eq!(whole, Head::START.with(&link()));
        let elsewhere = Head {
            number: 0,
            digest: [1; 32],
        };
        assert_ne!(elsewhere.with(&link()).digest, whole.digest);
        let other = |change: fn(&mut Link<'static>)| {
            let mut link = link();
            change(&mut link);
            link
        };
        for changed in [
            other(|link| link.application = ApplicationId::INSTALLATION),
            other(|link| link.number = 2),
            other(|link| link.id = AuditId::from_bytes([9; 16])),
            other(|link| link.at = link.at.plus_milliseconds(1)),
            other(|link| link.actor = "client"),
            other(|link| link.action = "user.creat"),
            other(|link| link.target = "eUSR-1"),
            other(|link| link.user = None),
            other(|link| link.details_digest = SALT),
        ] {
            assert_ne!(Head::START.with(&changed).digest, whole.digest);
        }
    }
}
