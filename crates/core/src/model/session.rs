//! A session: one login on one device.

use countersign_credential::acl::Acl;
use countersign_credential::dialect::Dialect;
use countersign_credential::key::Kid;
use countersign_credential::time::Timestamp;

use super::password::is_by_password;
use super::pseudonym::Pseudonym;
use super::revocation::{CredentialMarks, Marks};
use super::settings::Settings;
use crate::id::{ApiKeyId, ApplicationId, DeviceId, SessionId, UserId};

const DAY_S: i64 = 86_400;

/// A session as it is stored. When it was opened stands in its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Where it was opened.
    pub device: DeviceId,
    /// What the device called itself.
    pub device_name: Option<String>,
    /// The publishable key that the client used.
    pub api_key: Option<ApiKeyId>,
    /// The credential that opened it, or that it was last renewed with;
    /// an anonymous session has none.
    pub credential: Option<SessionCredential>,
    /// How often its refresh token was exchanged.
    pub generation: u32,
    /// SHA-256 of the client's nonce that led to this generation.
    pub nonce_digest: Option<[u8; 32]>,
    /// When this generation began; its tokens' times follow from it.
    pub rotated_at: Timestamp,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// When and why it has ended.
    pub ended: Option<Ended>,
}

/// What a session remembers of the credential that opened it.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionCredential {
    /// Its dialect.
    pub dialect: Dialect,
    /// The key that verified it.
    pub kid: Kid,
    /// Its `jti`, where it has one, as a revocation names it.
    pub jti: Option<Pseudonym>,
    /// SHA-256 of its signed bytes.
    pub digest: [u8; 32],
    /// What it is used up by, where the application lets it open one session
    /// only: unique in the application.
    pub one_time_id: Option<[u8; 32]>,
    /// When it says that it was issued.
    pub issued_at: Timestamp,
    /// When it is over.
    pub expires_at: Timestamp,
    /// What it may call, where it says so.
    pub acl: Option<Acl>,
}

/// When and why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: EndReason,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The user logged out.
    LoggedOut,
    /// Somebody else ended it: the user from another device, or a backend.
    Revoked,
    /// Its visitor logged in, and the conversations went with them.
    Adopted,
    /// The device became another user's.
    Switched,
    /// A refresh token was used that had been exchanged already.
    RefreshReused,
    /// The user had more sessions than the application allows.
    TooMany,
    /// It was not used for too long, or reached its end.
    TimedOut,
    /// Its history was restored from a backup.
    Restored,
}

/// What a session's times must lie behind for it to be over, so that the store
/// can leave such sessions out: it knows no settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// A session that ends at this moment, or ended earlier, is over.
    pub end: Timestamp,
    /// So is one of a user that was last renewed then or earlier.
    pub idle_since: Timestamp,
    /// So is one of a visitor that was last renewed then or earlier.
    pub visitor_idle_since: Timestamp,
}

/// What a token says of a session, verified, before the store is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionIdentity {
    /// The session.
    pub session: SessionId,
    /// Its user.
    pub user: UserId,
    /// Its device.
    pub device: DeviceId,
    /// The publishable key that it was opened with.
    pub api_key: Option<ApiKeyId>,
    /// Whether it is anonymous, and so may have no row yet.
    pub anonymous: bool,
}

/// A session with its user, for a person who looks at their own, or a backend.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// What it called itself, or was named since.
    pub name: Option<String>,
    /// When one of its sessions was last refreshed.
    pub last_seen_at: Timestamp,
}

// === impl Session ===

impl Session {
    /// When the session was opened.
    #[must_use]
    pub fn opened_at(&self) -> Timestamp {
        self.id.made_at()
    }

    /// Whether the row itself says that it lives, and its application still lets
    /// users in as it was opened. A revocation may cover it all the same; that is
    /// asked of the store.
    #[must_use]
    pub fn is_open(&self, now: Timestamp, settings: &Settings) -> bool {
        let is_let_in = settings.managed_users || !is_by_password(self);
        self.ended.is_none() && is_let_in && now < self.refresh_expires_at(settings)
    }

    /// When it has been idle for too long, or has reached its end.
    #[must_use]
    pub fn refresh_expires_at(&self, settings: &Settings) -> Timestamp {
        let idle_days = if self.credential.is_some() {
            settings.idle_days
        } else {
            settings.anonymous_days
        };
        self.rotated_at
            .plus_seconds(i64::from(idle_days) * DAY_S)
            .min(self.expires_at)
    }

    /// When the access token of this generation is over.
    #[must_use]
    pub fn access_expires_at(&self, settings: &Settings) -> Timestamp {
        let end = self.rotated_at.plus_seconds(i64::from(settings.access_s));
        end.min(self.refresh_expires_at(settings))
    }

    /// What it can be revoked by.
    #[must_use]
    pub fn marks(&self, application: ApplicationId) -> Marks {
        let credential = self.credential.as_ref().map(|credential| CredentialMarks {
            kid: credential.kid.as_str().into(),
            jti: credential.jti,
            digest: credential.digest,
        });
        Marks {
            session: self.id,
            user: self.user,
            application,
            api_key: self.api_key,
            credential,
        }
    }

    /// What its tokens carry.
    #[must_use]
    pub fn identity(&self) -> SessionIdentity {
        SessionIdentity {
            session: self.id,
            user: self.user,
            device: self.device,
            api_key: self.api_key,
            anonymous: self.credential.is_none(),
        }
    }
}

// === impl Timeouts ===

impl Timeouts {
    /// Leaves none out.
    pub const NONE: Self = {
        let never = Timestamp::from_milliseconds(i64::MIN);
        Self {
            end: never,
            idle_since: never,
            visitor_idle_since: never,
        }
    };

    /// As [`Session::is_open`] judges at this moment.
    #[must_use]
    pub fn at(now: Timestamp, settings: &Settings) -> Self {
        let before = |days: u32| now.plus_seconds(-i64::from(days) * DAY_S);
        Self {
            end: now,
            idle_since: before(settings.idle_days),
            visitor_idle_since: before(settings.anonymous_days),
        }
    }
}

// === impl EndReason ===

impl EndReason {
    /// The word that the store and the audit log use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::Revoked => "revoked",
            Self::Adopted => "adopted",
            Self::Switched => "switched",
            Self::RefreshReused => "refresh_reused",
            Self::TooMany => "too_many",
            Self::TimedOut => "timed_out",
            Self::Restored => "restored",
        }
    }

    /// The reason that the store spells so.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::LoggedOut,
            Self::Revoked,
            Self::Adopted,
            Self::Switched,
            Self::RefreshReused,
            Self::TooMany,
            Self::TimedOut,
            Self::Restored,
        ]
        .into_iter()
        .find(|reason| reason.as_str() == name)
    }
}
