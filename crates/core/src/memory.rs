//! What a node remembers of the store: bounded, and forgotten by notice.
//!
//! Nothing here decides anything. How long an entry is believed is up to who
//! reads it; what a notice makes stale is dropped, and only that: a user who is
//! blocked costs the others nothing.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use countersign_credential::claims::Claims;
use countersign_credential::time::Timestamp;
use quick_cache::sync::Cache;

use crate::context::Judge;
use crate::id::{ApiKeyId, ApplicationId, SessionId, UserId};
use crate::limit;
use crate::model::api_key::ApiKey;
use crate::model::application::ApplicationName;
use crate::model::password::is_by_password;
use crate::model::revocation::{Marks, Target};
use crate::ports::fanout::Notice;
use crate::ports::store::SessionView;
use crate::token::Recognised;

/// What is remembered, each with the moment at which it was read.
#[derive(Debug)]
pub(crate) struct Memory {
    /// How often something was forgotten.
    forgotten: Mutex<u64>,
    pub(crate) applications: Cache<ApplicationName, (Timestamp, Arc<Judge>)>,
    pub(crate) api_keys: Cache<ApiKeyId, (Timestamp, Arc<ApiKey>)>,
    pub(crate) sessions: Cache<SessionId, Arc<KnownSession>>,
    /// By the SHA-256 of its text, and never the text.
    pub(crate) credentials: Cache<[u8; 32], (Timestamp, Arc<KnownCredential>)>,
    /// One entry.
    pub(crate) origins: Cache<(), (Timestamp, Arc<HashSet<String>>)>,
}

/// A session of which something else has told the application: its token.
#[derive(Debug)]
pub(crate) struct KnownSession {
    /// When it was read.
    pub(crate) since: Timestamp,
    /// What it can be revoked by.
    pub(crate) marks: Marks,
    /// The session with its user.
    pub(crate) view: Arc<SessionView>,
    /// The first access token that was shown for it since: mostly the only one.
    pub(crate) token: OnceLock<Recognised>,
}

/// A credential that was verified, and not revoked when it was.
#[derive(Debug)]
pub(crate) struct KnownCredential {
    /// The application that it is for.
    pub(crate) application: ApplicationId,
    /// What it says.
    pub(crate) claims: Claims,
    /// Whom it names, where it is a user's.
    pub(crate) user: Option<UserId>,
}

/// Taken before the store is read. What was read is not remembered if
/// something was forgotten since: it could be what had to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u64);

// === impl Memory ===

impl Memory {
    /// A mark, to be taken before what is to be remembered is read.
    pub(crate) fn mark(&self) -> Mark {
        let forgotten = self.forgotten.lock();
        Mark(*forgotten.unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what was read, unless something was forgotten since the mark.
    pub(crate) fn remember(&self, mark: Mark, keep: impl FnOnce(&Self)) {
        let now = self
            .forgotten
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if Mark(*now) == mark {
            keep(self);
        }
    }

    /// Drops what a notice makes stale.
    pub(crate) fn forget(&self, notice: &Notice) {
        if let Notice::Events { .. } | Notice::Conversations { .. } | Notice::Signal { .. } = notice
        {
            return;
        }
        let mut forgotten = self
            .forgotten
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *forgotten = forgotten.wrapping_add(1);
        match notice {
            Notice::Events { .. } | Notice::Conversations { .. } | Notice::Signal { .. } => {}
            Notice::Session { session, .. } => {
                self.sessions.remove(session);
            }
            Notice::User { user, .. } => {
                self.sessions.retain(|_, known| known.view.user.id != *user);
                self.credentials
                    .retain(|_, (_, known)| known.user != Some(*user));
            }
            Notice::Revoked {
                application,
                revocation,
            } => {
                // With a session its credential may be over, which a session
                // that is not known does not tell.
                let of_session = match &revocation.target {
                    Target::Session(id) => Some(self.sessions.get(id)),
                    Target::Jti(_)
                    | Target::Digest(_)
                    | Target::Kid(_)
                    | Target::ApiKey(_)
                    | Target::User(_)
                    | Target::Name(_)
                    | Target::ExternalId(_)
                    | Target::Email(_)
                    | Target::Application(_) => None,
                };
                let may_be_its = |user: UserId| {
                    of_session.as_ref().is_some_and(|session| {
                        let owner = session.as_ref().map(|known| known.view.user.id);
                        owner.is_none_or(|owner| owner == user)
                    })
                };
                self.sessions.retain(|_, known| {
                    known.marks.application != *application || !revocation.covers(&known.marks)
                });
                self.credentials.retain(|_, (_, known)| {
                    known.application != *application
                        || !revocation.covers_bearer(*application, &known.claims, known.user)
                            && !known.user.is_some_and(may_be_its)
                });
            }
            Notice::Application(id) => {
                self.applications
                    .retain(|_, (_, judge)| judge.application.id != *id);
                // They may have been ended with the setting that lets them be.
                self.sessions.retain(|_, known| {
                    known.marks.application != *id || !is_by_password(&known.view.session)
                });
                self.credentials
                    .retain(|_, (_, known)| known.application != *id);
                self.origins.remove(&());
            }
            Notice::ApiKey(id) => {
                self.api_keys.remove(id);
            }
        }
    }

    /// Drops everything that a notice could make stale.
    pub(crate) fn forget_all(&self) {
        let mut forgotten = self
            .forgotten
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *forgotten = forgotten.wrapping_add(1);
        self.applications.clear();
        self.api_keys.clear();
        self.sessions.clear();
        self.credentials.clear();
        self.origins.remove(&());
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            forgotten: Mutex::new(0),
            applications: Cache::new(limit::CACHED_APPLICATIONS_MAX),
            api_keys: Cache::new(limit::CACHED_API_KEYS_MAX),
            sessions: Cache::new(limit::CACHED_SESSIONS_MAX),
            credentials: Cache::new(limit::CACHED_CREDENTIALS_MAX),
            origins: Cache::new(1),
        }
    }
}

/// Whether what was read at `since` is not older than so many seconds. A clock
/// that was set back makes nothing fresh for longer.
pub(crate) fn is_fresh(since: Timestamp, now: Timestamp, seconds: i64) -> bool {
    let age = now.milliseconds_since(since);
    (0..=seconds.saturating_mul(1_000)).contains(&age)
}
