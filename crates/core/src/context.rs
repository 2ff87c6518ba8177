//! The context: everything that a use case may reach, and what a node remembers.
//!
//! What is remembered is bounded, and believed for a bounded time; a notice
//! ends it earlier. Whether a session lives is checked on every use: against
//! what is remembered of it, which is never older than an access token.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use countersign_credential::jws::key::WeakSecret;
use countersign_credential::key::{Key, RingKey};
use countersign_credential::ring::KeyRing;
use countersign_credential::time::Timestamp;
use countersign_credential::verifier::{Rules, Verifier};
use quick_cache::sync::Cache;

use crate::error::Error;
use crate::id::{ApiKeyId, ApplicationId, SessionId};
use crate::key_use::{KeyUses, UsedKey};
use crate::limit;
use crate::model::api_key::ApiKey;
use crate::model::application::{Application, ApplicationName};
use crate::model::revocation::Target;
use crate::model::signing_key::KeyMaterial;
use crate::op::origins;
use crate::ports::fanout::{Fanout, Notice};
use crate::ports::store::{Registry, SessionView, Store};
use crate::ports::{Clock, Random};
use crate::tally::Tally;
use crate::token::TokenKeys;

/// Everything that a use case may reach.
pub struct Ctx {
    /// What is recorded, an application at a time.
    pub store: Arc<dyn Store>,
    /// What belongs to no application.
    pub registry: Arc<dyn Registry>,
    /// Where notices go.
    pub fanout: Arc<dyn Fanout>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The unguessable.
    pub random: Arc<dyn Random>,
    /// What makes and checks our tokens.
    pub tokens: TokenKeys,
    /// What was done, in numbers.
    pub tally: Tally,
    /// Which keys were used lately.
    pub key_uses: KeyUses,
    epoch: AtomicU64,
    memory: Memory,
}

/// An application that is ready to judge credentials: its keys are parsed.
#[derive(Debug)]
pub struct Judge {
    /// The application.
    pub application: Application,
    /// What judges its users' credentials.
    pub verifier: Verifier,
}

struct Memory {
    /// How often something was forgotten. What was read before that is not
    /// remembered after it: it could be what had to be forgotten.
    forgotten: Mutex<u64>,
    applications: Cache<ApplicationName, (Timestamp, Arc<Judge>)>,
    api_keys: Cache<ApiKeyId, (Timestamp, Arc<ApiKey>)>,
    sessions: Cache<SessionId, (Timestamp, Arc<SessionView>)>,
    /// One entry.
    origins: Cache<(), (Timestamp, Arc<HashSet<String>>)>,
}

/// What the wiring brings along.
pub struct Parts {
    /// What is recorded, an application at a time.
    pub store: Arc<dyn Store>,
    /// What belongs to no application.
    pub registry: Arc<dyn Registry>,
    /// Where notices go.
    pub fanout: Arc<dyn Fanout>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The unguessable.
    pub random: Arc<dyn Random>,
    /// What makes and checks our tokens.
    pub tokens: TokenKeys,
}

// === impl Ctx ===

impl Ctx {
    /// A context that remembers nothing yet.
    ///
    /// # Errors
    /// If the store does not tell its epoch.
    pub async fn new(parts: Parts) -> Result<Self, Error> {
        let epoch = parts.registry.epoch().await?;
        Ok(Self {
            store: parts.store,
            registry: parts.registry,
            fanout: parts.fanout,
            clock: parts.clock,
            random: parts.random,
            tokens: parts.tokens,
            tally: Tally::default(),
            key_uses: KeyUses::default(),
            epoch: AtomicU64::new(epoch),
            memory: Memory {
                forgotten: Mutex::new(0),
                applications: Cache::new(limit::CACHED_APPLICATIONS_MAX),
                api_keys: Cache::new(limit::CACHED_API_KEYS_MAX),
                sessions: Cache::new(limit::CACHED_SESSIONS_MAX),
                origins: Cache::new(1),
            },
        })
    }

    /// The time of this moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Notes that a key is used at this moment.
    pub fn note_use(&self, key: UsedKey) {
        self.key_uses.note(key, self.now());
    }

    /// How often a history was restored.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// An application, ready to judge credentials.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn judge(&self, name: ApplicationName) -> Result<Option<Arc<Judge>>, Error> {
        let now = self.now();
        if let Some((since, judge)) = self.memory.applications.get(&name)
            && is_fresh(since, now, limit::CACHED_APPLICATION_S)
        {
            return Ok(Some(judge));
        }
        let forgotten = self.memory.forgotten();
        let Some(application) = self.registry.application(name.clone()).await? else {
            self.memory.applications.remove(&name);
            return Ok(None);
        };
        let verifier = verifier_of(&application);
        let judge = Arc::new(Judge {
            application,
            verifier,
        });
        self.memory.remember(forgotten, |memory| {
            memory.applications.insert(name, (now, Arc::clone(&judge)));
        });
        Ok(Some(judge))
    }

    /// The application of this id, which something else has told to exist.
    ///
    /// # Errors
    /// `not_found` if it was deleted in between; the store's errors.
    pub async fn judge_of(&self, id: ApplicationId) -> Result<Arc<Judge>, Error> {
        let found = self.judge(ApplicationName::Id(id)).await?;
        found.ok_or_else(|| Error::not_found("application"))
    }

    /// An API key.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn api_key(&self, id: ApiKeyId) -> Result<Option<Arc<ApiKey>>, Error> {
        let now = self.now();
        if let Some((since, key)) = self.memory.api_keys.get(&id)
            && is_fresh(since, now, limit::CACHED_APPLICATION_S)
        {
            return Ok(Some(key));
        }
        let forgotten = self.memory.forgotten();
        let Some(key) = self.registry.api_key(id).await? else {
            self.memory.api_keys.remove(&id);
            return Ok(None);
        };
        let key = Arc::new(key);
        self.memory.remember(forgotten, |memory| {
            memory.api_keys.insert(id, (now, Arc::clone(&key)));
        });
        Ok(Some(key))
    }

    /// A session with its user, as remembered for at most `believed_s` seconds.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn session(
        &self,
        application: ApplicationId,
        id: SessionId,
        believed_s: i64,
    ) -> Result<Option<Arc<SessionView>>, Error> {
        let now = self.now();
        if let Some((since, view)) = self.memory.sessions.get(&id)
            && is_fresh(since, now, believed_s)
        {
            return Ok(Some(view));
        }
        let forgotten = self.memory.forgotten();
        let Some(view) = self.store.session(application, id).await? else {
            self.memory.sessions.remove(&id);
            return Ok(None);
        };
        let view = Arc::new(view);
        self.memory.remember(forgotten, |memory| {
            memory.sessions.insert(id, (now, Arc::clone(&view)));
        });
        Ok(Some(view))
    }

    /// The origins that any application allows. However many ask at once, one
    /// of them reads, and an answer counts for a while even where it is that
    /// the store is silent: a stranger's question costs no hop.
    pub(crate) async fn allowed_origins(&self) -> Arc<HashSet<String>> {
        loop {
            let now = self.now();
            let guard = match self.memory.origins.get_value_or_guard_async(&()).await {
                Ok((since, origins)) if is_fresh(since, now, limit::CACHED_ORIGINS_S) => {
                    return origins;
                }
                Ok((outdated, _)) => {
                    let is_outdated = |known: &(Timestamp, _)| known.0 == outdated;
                    self.memory.origins.remove_if(&(), is_outdated);
                    continue;
                }
                Err(guard) => guard,
            };
            let origins = match origins::read_all(&*self.registry).await {
                Ok(origins) => Arc::new(origins),
                Err(error) => {
                    tracing::warn!(%error, "the allowed origins cannot be read, so none is allowed");
                    Arc::default()
                }
            };
            // Where they were to be forgotten meanwhile, they are not kept.
            let _ = guard.insert((now, Arc::clone(&origins)));
            return origins;
        }
    }

    /// Tells every node what has happened, and forgets here what it makes stale.
    pub fn publish(&self, notice: Notice) {
        self.forget(&notice);
        self.fanout.publish(notice);
    }

    /// Forgets what a notice makes stale. Whoever receives notices calls it.
    pub fn forget(&self, notice: &Notice) {
        if let Notice::Events { .. } | Notice::Conversations { .. } = notice {
            return;
        }
        self.memory.forget(notice);
    }
}

// === impl Memory ===

impl Memory {
    fn forgotten(&self) -> u64 {
        *self
            .forgotten
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what was read, unless something was forgotten since.
    fn remember(&self, forgotten: u64, keep: impl FnOnce(&Self)) {
        let now = self
            .forgotten
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *now == forgotten {
            keep(self);
        }
    }

    fn forget(&self, notice: &Notice) {
        let mut forgotten = self
            .forgotten
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *forgotten = forgotten.wrapping_add(1);
        match notice {
            Notice::Events { .. } | Notice::Conversations { .. } => {}
            Notice::Session { session, .. } => {
                self.sessions.remove(session);
            }
            Notice::Revoked { revocation, .. } => match &revocation.target {
                Target::Session(id) => {
                    self.sessions.remove(id);
                }
                // What the others cover is not found by key; they are rare, and
                // a miss costs one read.
                Target::Jti(_)
                | Target::Digest(_)
                | Target::Kid(_)
                | Target::ApiKey(_)
                | Target::User(_)
                | Target::Name(_)
                | Target::ExternalId(_)
                | Target::Email(_)
                | Target::Application(_) => self.sessions.clear(),
            },
            Notice::Application(_) => {
                self.applications.clear();
                self.origins.remove(&());
            }
            Notice::ApiKey(id) => {
                self.api_keys.remove(id);
            }
        }
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ctx")
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Parts")
    }
}

/// A clock that was set back makes nothing fresh for longer.
fn is_fresh(since: Timestamp, now: Timestamp, seconds: i64) -> bool {
    let age = now.milliseconds_since(since);
    (0..=seconds.saturating_mul(1_000)).contains(&age)
}

fn verifier_of(application: &Application) -> Verifier {
    let mut usable = Vec::with_capacity(application.keys.len());
    let mut left_out = Vec::new();
    for key in &application.keys {
        let parsed = match &key.material {
            KeyMaterial::Public(pem) => Key::from_public_key_pem(key.algorithm, pem),
            // How weak a secret may be was decided when it was imported.
            KeyMaterial::Secret(secret) => {
                Key::from_secret(key.algorithm, secret, WeakSecret::Allow)
            }
        };
        match parsed {
            Ok(parsed) => usable.push(RingKey {
                kid: key.kid.clone(),
                state: key.state,
                key: parsed,
            }),
            Err(error) => left_out.push((key.kid.clone(), error.to_string())),
        }
    }
    let ring = KeyRing::new(usable).unwrap_or_else(|error| {
        // The store keeps the ring's rules; a ring that breaks them verifies nothing.
        tracing::error!(application.id = %application.id, %error, "the key ring is unusable");
        KeyRing::default()
    });
    let ring = left_out
        .into_iter()
        .fold(ring, |ring, (kid, why)| ring.leave_out(kid, why));
    Verifier {
        application_id: application.id.to_string(),
        aliases: application.alias.iter().cloned().collect(),
        ring,
        rules: Rules {
            leeway_s: application.settings.leeway_s,
            one_time_native: application.settings.one_time.native,
        },
    }
}
