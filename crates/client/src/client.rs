//! A device: who it is, and its calls in that name.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use countersign_wire::code::Code;
use countersign_wire::secret::Secret;
use countersign_wire::session::{DeviceClaim, LoginAnswer, LoginUser, RefreshRequest};
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, watch};

use crate::error::{Error, Refusal};
use crate::http::{Answer, Api, Call};
use crate::identifier::Identifier;
use crate::identity::{Identity, Session, Tokens};
use crate::keep::{InMemory, Keep};
use crate::random::{self, Random};

/// A device of a user, or of nobody yet.
///
/// It is cheap to clone, and all clones are the same device.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

/// How a device is set up.
pub struct Builder {
    url: String,
    publishable_key: String,
    application_id: Option<String>,
    device_name: Option<String>,
    keep: Arc<dyn Keep>,
    random: Arc<dyn Random>,
}

pub(crate) struct Shared {
    pub(crate) api: Api,
    pub(crate) publishable_key: String,
    pub(crate) application_id: Option<String>,
    pub(crate) device_name: Option<String>,
    pub(crate) random: Arc<dyn Random>,
    keep: Arc<dyn Keep>,
    /// Who the device is, for whoever only asks.
    present: RwLock<Option<Session>>,
    /// Whoever changes it holds this meanwhile: so one exchange of tokens is
    /// under way at a time, and all others wait for what it brings.
    pub(crate) changing: Mutex<()>,
    /// The session's id, for those who live only as long as it.
    pub(crate) session: watch::Sender<Option<String>>,
}

// === impl Builder ===

impl Builder {
    /// Sends credentials to this application, where they do not name it.
    #[must_use]
    pub fn application_id(mut self, id: impl Into<String>) -> Self {
        self.application_id = Some(id.into());
        self
    }

    /// What the user reads in the list of their devices.
    #[must_use]
    pub fn device_name(mut self, name: impl Into<String>) -> Self {
        self.device_name = Some(name.into());
        self
    }

    /// Keeps the identity here instead of in memory alone.
    #[must_use]
    pub fn keep(mut self, keep: impl Keep + 'static) -> Self {
        self.keep = Arc::new(keep);
        self
    }

    /// Takes randomness from here instead of from the operating system.
    #[must_use]
    pub fn random(mut self, random: impl Random + 'static) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// The device as it was kept. The server is not asked: a device that is out
    /// of reach of it knows its user nevertheless.
    ///
    /// # Errors
    /// [`Error::Setup`] for a URL that is none; [`Error::Keep`].
    pub async fn open(self) -> Result<Client, Error> {
        let api = Api::new(&self.url)?;
        let kept = load(&self.keep).await?;
        let id = kept.session.as_ref().map(|session| session.id.clone());
        Ok(Client {
            shared: Arc::new(Shared {
                api,
                publishable_key: self.publishable_key,
                application_id: self.application_id,
                device_name: self.device_name,
                random: self.random,
                keep: self.keep,
                present: RwLock::new(kept.session),
                changing: Mutex::new(()),
                session: watch::Sender::new(id),
            }),
        })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Builder")
    }
}

// === impl Client ===

impl Client {
    /// A device of the application with this publishable key, on the server at
    /// this URL.
    pub fn builder(url: impl Into<String>, publishable_key: impl Into<String>) -> Builder {
        Builder {
            url: url.into(),
            publishable_key: publishable_key.into(),
            application_id: None,
            device_name: None,
            keep: Arc::new(InMemory::default()),
            random: Arc::new(random::System),
        }
    }

    /// Who is logged in: what the device knows, without asking. A visitor is
    /// somebody, too.
    #[must_use]
    pub fn user(&self) -> Option<LoginUser> {
        self.shared.present(|session| session.user.clone())
    }

    /// Whether this user is logged in, by the identifier of the last login. It
    /// is a local answer; under another of the user's identifiers it is false.
    #[must_use]
    pub fn is_logged_in(&self, identifier: &Identifier) -> bool {
        let is = |session: &Session| {
            let known = session.identifier.as_ref();
            known.is_some_and(|known| known.is(identifier))
        };
        self.shared.present(is).unwrap_or(false)
    }

    /// The session, which changes with each login of another user.
    #[must_use]
    pub fn session_id(&self) -> Option<String> {
        self.shared.present(|session| session.id.clone())
    }

    /// Makes a call in the name of who is logged in, with a fresh token if the
    /// present one is over.
    ///
    /// # Errors
    /// [`Error::NotLoggedIn`]; [`Error::SignedOut`], after which the device is
    /// nobody's; the refusal; [`Error::Unreached`].
    pub async fn call<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Error> {
        self.ask(call).await?.read()
    }

    /// As [`Client::call`], for what has no answer.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn order(&self, call: Call<'_>) -> Result<(), Error> {
        self.ask(call).await?.done()
    }

    async fn ask(&self, call: Call<'_>) -> Result<Answer, Error> {
        let (session, token) = self.access().ok_or(Error::NotLoggedIn)?;
        let answer = self.ask_with(&call, &token).await?;
        let Some(refusal) = answer.problem().map(Refusal::from) else {
            return Ok(answer);
        };
        if refusal.code == Code::AccessExpired {
            let token = self.renewed(&session, &token).await?;
            return self.ask_with(&call, &token).await;
        }
        if refusal.ends_session() {
            self.signed_out(&session).await?;
            return Err(Error::SignedOut(refusal));
        }
        Ok(answer)
    }

    async fn ask_with(&self, call: &Call<'_>, token: &Secret) -> Result<Answer, Error> {
        self.shared.api.call(call.clone().bearer(&token.0)).await
    }

    /// The session and its access token, which may be over.
    pub(crate) fn access(&self) -> Option<(String, Secret)> {
        self.shared
            .present(|session| (session.id.clone(), session.tokens.access.clone()))
    }

    /// Another access token of the session than this one, which is over.
    pub(crate) async fn renewed(&self, session: &str, over: &Secret) -> Result<Secret, Error> {
        let _changing = self.shared.changing.lock().await;
        let mut identity = self.shared.load().await?;
        let of_this = |kept: &&Session| kept.id == session;
        let Some(kept) = identity.session.as_ref().filter(of_this) else {
            // Somebody logged out, or in as somebody else, meanwhile.
            self.shared.show(identity.session);
            return Err(Error::NotLoggedIn);
        };
        if kept.tokens.access != *over {
            let access = kept.tokens.access.clone();
            self.shared.show(identity.session);
            return Ok(access);
        }
        match self.exchange(&kept.tokens).await {
            Ok(answer) => {
                let access = answer.access_token.clone();
                let identifier = kept.identifier.clone();
                identity.take(answer, identifier, random::nonce(&*self.shared.random));
                self.shared.store(identity).await?;
                Ok(access)
            }
            Err(Error::Refused(refusal)) if refusal.ends_session() => {
                identity.session = None;
                self.shared.store(identity).await?;
                Err(Error::SignedOut(refusal))
            }
            Err(error) => Err(error),
        }
    }

    /// Exchanges a refresh token for the next pair. Who asks twice, because an
    /// answer was lost, gets the same pair, since the nonce is the same.
    pub(crate) async fn exchange(&self, tokens: &Tokens) -> Result<LoginAnswer, Error> {
        let request = RefreshRequest {
            refresh_token: tokens.refresh.clone(),
            nonce: Some(tokens.nonce.clone()),
        };
        let call = Call::post("/v1/sessions/refresh", &request);
        self.shared.api.call(call).await?.read()
    }

    /// Forgets a session that the server has ended.
    pub(crate) async fn signed_out(&self, session: &str) -> Result<(), Error> {
        let _changing = self.shared.changing.lock().await;
        let mut identity = self.shared.load().await?;
        if identity
            .session
            .as_ref()
            .is_some_and(|kept| kept.id == session)
        {
            identity.session = None;
            self.shared.store(identity).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Client({:?})", self.shared.api)
    }
}

// === impl Shared ===

impl Shared {
    /// What the device calls itself.
    pub(crate) fn device(&self, identity: &Identity) -> DeviceClaim {
        DeviceClaim {
            id: identity.device_id.clone(),
            name: self.device_name.clone(),
        }
    }

    /// What is kept now: another program may have changed it.
    pub(crate) async fn load(&self) -> Result<Identity, Error> {
        load(&self.keep).await
    }

    /// Keeps an identity, and lets everybody see it.
    pub(crate) async fn store(&self, identity: Identity) -> Result<(), Error> {
        let keep = Arc::clone(&self.keep);
        let text = identity.text();
        self.show(identity.session);
        waiting(move || keep.store(&text)).await
    }

    pub(crate) fn show(&self, session: Option<Session>) {
        let id = session.as_ref().map(|session| session.id.clone());
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = session;
        self.session.send_if_modified(|known| {
            let changes = *known != id;
            *known = id;
            changes
        });
    }

    fn present<T>(&self, read: impl FnOnce(&Session) -> T) -> Option<T> {
        let present = self.present.read().unwrap_or_else(PoisonError::into_inner);
        present.as_ref().map(read)
    }
}

async fn load(keep: &Arc<dyn Keep>) -> Result<Identity, Error> {
    let keep = Arc::clone(keep);
    let text = waiting(move || keep.load()).await?;
    Ok(text.as_deref().map(Identity::read).unwrap_or_default())
}

/// Does what may block on a thread that may wait.
async fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(std::io::Error::other)??)
}
