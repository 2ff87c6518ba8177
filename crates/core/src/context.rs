//! The context: everything that a use case may reach.
//!
//! What is asked for often is remembered ([`crate::memory`]), and believed for a
//! bounded time; a notice ends it earlier. Whether a session lives is checked on
//! every use: against what is remembered of it, which is never older than an
//! access token.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};

use countersign_credential::jws::key::WeakSecret;
use countersign_credential::key::{Key, RingKey};
use countersign_credential::ring::KeyRing;
use countersign_credential::time::Timestamp;
use countersign_credential::verifier::{Rules, Verifier};

use crate::error::Error;
use crate::id::{ApiKeyId, ApplicationId, ConversationId, SessionId};
use crate::key_use::{KeyUses, UsedKey};
use crate::limit;
use crate::memory::{KnownCredential, KnownSession, Mark, Memory, is_fresh};
use crate::model::api_key::ApiKey;
use crate::model::application::{Application, ApplicationName};
use crate::model::epoch::Epochs;
use crate::model::event::Event;
use crate::model::signing_key::KeyMaterial;
use crate::op::origins;
use crate::ports::fanout::{Fanout, Listener, Notice};
use crate::ports::passwords::Passwords;
use crate::ports::store::{Registry, SessionView, Store};
use crate::ports::{Clock, Random};
use crate::replays::Replays;
use crate::secret_reads::SecretReads;
use crate::store_watch::StoreWatch;
use crate::tally::Tally;
use crate::token::{NotOurs, Recognised, Token, TokenKeys, TokenKind, Unchecked};

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
    /// What hashes and compares passwords.
    pub passwords: Arc<dyn Passwords>,
    /// What makes and checks our tokens.
    pub tokens: TokenKeys,
    /// What was done, in numbers.
    pub tally: Tally,
    /// Which keys were used lately.
    pub key_uses: KeyUses,
    /// Whether the store is in sight.
    pub store_watch: StoreWatch,
    pub(crate) replays: Replays,
    pub(crate) secret_reads: SecretReads,
    epochs: Epochs,
    memory: Memory,
    listeners: RwLock<Vec<Weak<dyn Listener>>>,
}

/// An application that is ready to judge credentials: its keys are parsed.
#[derive(Debug)]
pub struct Judge {
    /// The application.
    pub application: Application,
    /// What judges its users' credentials.
    pub verifier: Verifier,
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
    /// What hashes and compares passwords.
    pub passwords: Arc<dyn Passwords>,
    /// What makes and checks our tokens.
    pub tokens: TokenKeys,
}

// === impl Ctx ===

impl Ctx {
    /// A context that remembers nothing yet.
    ///
    /// # Errors
    /// If the store does not tell its epochs.
    pub async fn new(parts: Parts) -> Result<Self, Error> {
        let epochs = parts.registry.epochs().await?;
        Ok(Self {
            store: parts.store,
            registry: parts.registry,
            fanout: parts.fanout,
            clock: parts.clock,
            random: parts.random,
            passwords: parts.passwords,
            tokens: parts.tokens,
            tally: Tally::default(),
            key_uses: KeyUses::default(),
            store_watch: StoreWatch::default(),
            replays: Replays::default(),
            secret_reads: SecretReads::default(),
            epochs,
            memory: Memory::default(),
            listeners: RwLock::default(),
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

    /// Whether the store was seen lately enough to go by what is remembered.
    #[must_use]
    pub fn store_seen(&self) -> bool {
        self.store_watch.is_seen(self.now())
    }

    /// How many signed requests are remembered, so that none is made twice; of
    /// [`limit::SIGNED_REMEMBERED_MAX`] at most.
    #[must_use]
    pub fn signed_requests_remembered(&self) -> usize {
        self.replays.len()
    }

    /// The number of the history that is told.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epochs.present.number
    }

    /// The history that is told, and how far back logins count.
    #[must_use]
    pub fn epochs(&self) -> &Epochs {
        &self.epochs
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
        let mark = self.memory.mark();
        let Some(application) = self.registry.application(name.clone()).await? else {
            self.memory.applications.remove(&name);
            return Ok(None);
        };
        let verifier = verifier_of(&application);
        let judge = Arc::new(Judge {
            application,
            verifier,
        });
        self.memory.remember(mark, |memory| {
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
        let mark = self.memory.mark();
        let Some(key) = self.registry.api_key(id).await? else {
            self.memory.api_keys.remove(&id);
            return Ok(None);
        };
        let key = Arc::new(key);
        self.memory.remember(mark, |memory| {
            memory.api_keys.insert(id, (now, Arc::clone(&key)));
        });
        Ok(Some(key))
    }

    /// A session with its user, as remembered at `now` for at most as long as an
    /// access token of its application lives. Whether what is remembered counts at the
    /// moment is the caller's to ask: [`StoreWatch::check`].
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn session(
        &self,
        judge: &Judge,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<Arc<SessionView>>, Error> {
        let application = judge.application.id;
        let believed_s = i64::from(judge.application.settings.access_s);
        if let Some(known) = self.memory.sessions.get(&id)
            && known.marks.application == application
            && is_fresh(known.since, now, believed_s)
        {
            return Ok(Some(Arc::clone(&known.view)));
        }
        let mark = self.memory.mark();
        let Some(view) = self.store.session(application, id).await? else {
            self.memory.sessions.remove(&id);
            return Ok(None);
        };
        let view = Arc::new(view);
        self.know_session(mark, now, application, Arc::clone(&view));
        Ok(Some(view))
    }

    /// A session whose token was checked for this very call, as it is remembered: how
    /// old that may be was judged then.
    pub(crate) fn checked_session(
        &self,
        application: ApplicationId,
        id: SessionId,
    ) -> Option<Arc<SessionView>> {
        let known = self.memory.sessions.get(&id)?;
        (known.marks.application == application).then(|| Arc::clone(&known.view))
    }

    /// Remembers a session as of a moment, unless something was forgotten since
    /// `mark` was taken: before the store was asked for it, or to open it.
    pub(crate) fn know_session(
        &self,
        mark: Mark,
        since: Timestamp,
        application: ApplicationId,
        view: Arc<SessionView>,
    ) {
        let id = view.session.id;
        let known = Arc::new(KnownSession {
            since,
            marks: view.session.marks(application),
            view,
            token: OnceLock::new(),
        });
        self.memory.remember(mark, |memory| {
            memory.sessions.insert(id, known);
        });
    }

    /// What an access token says, once its MAC is checked, or it is recognised as the
    /// one that was checked for the session that is remembered. Whether it is over,
    /// and whether its session lives, is the caller's to judge.
    ///
    /// # Errors
    /// Those of [`TokenKeys::read`].
    pub(crate) fn read_access_token(&self, text: &str) -> Result<Token, NotOurs> {
        let unchecked = Unchecked::decode(TokenKind::Access, text)?;
        let Some(known) = self.memory.sessions.get(&unchecked.claimed_session()) else {
            return self.tokens.check(&unchecked);
        };
        if let Some(token) = known.token.get().and_then(|it| it.token(&unchecked)) {
            return Ok(token);
        }
        let token = self.tokens.check(&unchecked)?;
        known.token.get_or_init(|| Recognised::checked(unchecked));
        Ok(token)
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

    /// Forgets what a notice makes stale, and lets this node's sockets hear it.
    /// Whoever receives notices calls it.
    pub fn forget(&self, notice: &Notice) {
        if let Notice::Revoked {
            application,
            revocation,
        } = notice
        {
            self.store_watch.hear(*application, revocation);
        }
        self.memory.forget(notice);
        self.each_listener(|listener| listener.hear(notice));
    }

    /// Lets the sockets of this node hear what happens, as long as they are there.
    pub fn listen(&self, listener: Weak<dyn Listener>) {
        let mut listeners = self
            .listeners
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|known| known.strong_count() > 0);
        listeners.push(listener);
    }

    /// Gives this node's sockets an event that was just appended.
    pub(crate) fn tell_appended(&self, conversation: ConversationId, event: &Event) {
        self.each_listener(|listener| listener.appended(conversation, event));
    }

    fn each_listener(&self, tell: impl Fn(&dyn Listener)) {
        let listeners = self
            .listeners
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        for listener in listeners.iter().filter_map(Weak::upgrade) {
            tell(&*listener);
        }
    }

    /// Treats what this node has found by itself like a notice that it got.
    pub(crate) fn hear(&self, notice: Notice) {
        self.forget(&notice);
        self.fanout.publish_here(notice);
    }

    /// Forgets everything that a notice could make stale, and lets this node's
    /// sockets check what they go by: something may have been missed.
    pub(crate) fn doubt_all(&self) {
        self.memory.forget_all();
        self.store_watch.note_gap();
        self.each_listener(|listener| listener.doubt_all());
    }

    /// A credential that is used as a bearer, and was found good, as remembered
    /// for at most a minute. Its expiry is the caller's to check.
    pub(crate) fn known_credential(&self, text_digest: &[u8; 32]) -> Option<Arc<KnownCredential>> {
        let (since, known) = self.memory.credentials.get(text_digest)?;
        is_fresh(since, self.now(), limit::CACHED_APPLICATION_S).then_some(known)
    }

    /// Remembers a credential, by the SHA-256 of its text, unless something was
    /// forgotten since `mark` was taken: before the store was asked for it.
    pub(crate) fn know_credential(
        &self,
        mark: Mark,
        text_digest: [u8; 32],
        known: KnownCredential,
    ) {
        let entry = (self.now(), Arc::new(known));
        self.memory.remember(mark, |memory| {
            memory.credentials.insert(text_digest, entry);
        });
    }

    /// What [`know_credential`](Self::know_credential) wants from before.
    pub(crate) fn mark(&self) -> Mark {
        self.memory.mark()
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
