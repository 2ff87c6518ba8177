//! Log in, be a visitor, log out.

use countersign_wire::code::Code;
use countersign_wire::secret::Secret;
use countersign_wire::session::{AnonymousRequest, LoginAnswer, LoginRequest, LoginUser};

use crate::client::Client;
use crate::error::{Error, Refusal};
use crate::http::Call;
use crate::identifier::Identifier;
use crate::identity::{Identity, Session, Tokens};
use crate::provider::Source;
use crate::random;

/// How often one login is tried: a fresh token or a fresh credential may be
/// needed, each once.
const ATTEMPTS_MAX: usize = 3;

/// How to log in.
#[derive(Debug, Clone)]
pub struct Login {
    source: Source,
    keeps_visit: bool,
    switches: bool,
}

/// What became of a log-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoggedOut {
    /// The session is over on the server, too.
    Everywhere,
    /// The device has forgotten it; the server hears of it at the next contact.
    AtNextContact,
}

// === impl Login ===

impl Login {
    /// With a credential, or with a provider of them.
    pub fn with(source: impl Into<Source>) -> Self {
        Self {
            source: source.into(),
            keeps_visit: true,
            switches: false,
        }
    }

    /// Leaves what the visitor wrote on this device behind, instead of letting
    /// the application's `merge` decide what becomes of it.
    #[must_use]
    pub fn leaving_visit(mut self) -> Self {
        self.keeps_visit = false;
        self
    }

    /// Takes the device over from another user, whose session ends.
    #[must_use]
    pub fn switching(mut self) -> Self {
        self.switches = true;
        self
    }
}

// === impl Client ===

impl Client {
    /// Logs in. A login that fails changes nothing.
    ///
    /// The same user goes on with the session that there is; a visitor's
    /// conversations come along, as the application's `merge` says.
    ///
    /// # Errors
    /// The refusal: `already_identified` where another user is logged in, unless
    /// the login is [`Login::switching`]; [`Error::Provider`];
    /// [`Error::Unreached`], after which the same credential can be tried again.
    pub async fn log_in(&self, login: Login) -> Result<LoginUser, Error> {
        let shared = &self.shared;
        let _changing = shared.changing.lock().await;
        let mut identity = shared.load().await?;
        self.end_what_waits(&mut identity).await?;
        let mut credential = login.source.credential().await?;
        let mut is_fresh = !login.source.is_renewable();
        for _ in 1..ATTEMPTS_MAX {
            let refusal = match self.try_login(&mut identity, &login, &credential).await {
                Err(Error::Refused(refusal)) => refusal,
                other => return other,
            };
            if refusal.code == Code::CurrentTokenExpired {
                self.renew_current(&mut identity).await?;
            } else if wants_another_credential(&refusal) && !is_fresh {
                credential = login.source.credential().await?;
                is_fresh = true;
            } else {
                return Err(Error::Refused(refusal));
            }
        }
        self.try_login(&mut identity, &login, &credential).await
    }

    /// Lets whoever holds the device chat at once, as a visitor; nothing
    /// changes where somebody is logged in already.
    ///
    /// # Errors
    /// The refusal; [`Error::Unreached`].
    pub async fn visit(&self) -> Result<LoginUser, Error> {
        let shared = &self.shared;
        let _changing = shared.changing.lock().await;
        let mut identity = shared.load().await?;
        if let Some(session) = &identity.session {
            let user = session.user.clone();
            shared.show(identity.session);
            return Ok(user);
        }
        self.end_what_waits(&mut identity).await?;
        let request = AnonymousRequest {
            device: Some(shared.device(&identity)),
        };
        let call = Call::post("/v1/sessions/anonymous", &request).bearer(&shared.publishable_key);
        let answer: LoginAnswer = shared.api.call(call).await?.read()?;
        self.take(&mut identity, answer, None).await
    }

    /// Logs out: the session ends on the server, its sockets close, and the
    /// device forgets it. Where the server is out of reach the device forgets at
    /// once, and the server is told at the next contact.
    ///
    /// # Errors
    /// [`Error::Keep`].
    pub async fn log_out(&self) -> Result<LoggedOut, Error> {
        let _changing = self.shared.changing.lock().await;
        let mut identity = self.shared.load().await?;
        identity.leave();
        // Kept before it is told: whatever happens now, the device is nobody's.
        self.shared.store(identity.clone()).await?;
        self.end_what_waits(&mut identity).await?;
        Ok(if identity.ending.is_empty() {
            LoggedOut::Everywhere
        } else {
            LoggedOut::AtNextContact
        })
    }

    /// Tells the server of log-outs that it has not heard of. Every login does
    /// it, and every live connection.
    ///
    /// # Errors
    /// [`Error::Keep`].
    pub async fn complete_log_outs(&self) -> Result<(), Error> {
        let _changing = self.shared.changing.lock().await;
        let mut identity = self.shared.load().await?;
        self.end_what_waits(&mut identity).await
    }

    async fn try_login(
        &self,
        identity: &mut Identity,
        login: &Login,
        credential: &Secret,
    ) -> Result<LoginUser, Error> {
        let shared = &self.shared;
        let takes = |session: &&Session| login.keeps_visit || !session.user.anonymous;
        let current = identity.session.as_ref().filter(takes);
        let nonce = match (current, &identity.login_nonce) {
            (Some(session), _) => session.tokens.nonce.clone(),
            (None, Some(nonce)) => nonce.clone(),
            (None, None) => random::nonce(&*shared.random),
        };
        let request = LoginRequest {
            credential: credential.clone(),
            application_id: shared.application_id.clone(),
            device: Some(shared.device(identity)),
            current_token: current.map(|session| session.tokens.access.clone()),
            switch: login.switches.then_some(true),
            nonce: Some(nonce.clone()),
        };
        if current.is_none() && identity.login_nonce.is_none() {
            identity.login_nonce = Some(nonce);
            shared.store(identity.clone()).await?;
        }
        let call = Call::post("/v1/sessions", &request).bearer(&shared.publishable_key);
        let answer: LoginAnswer = shared.api.call(call).await?.read()?;
        let identifier = Identifier::of_credential(&credential.0);
        // A visit that was not brought along is over on this device.
        let visit = identity.session.take_if(|session| !takes(&&*session));
        identity.ending.extend(visit.map(|session| session.tokens));
        self.take(identity, answer, identifier).await
    }

    async fn take(
        &self,
        identity: &mut Identity,
        answer: LoginAnswer,
        identifier: Option<Identifier>,
    ) -> Result<LoginUser, Error> {
        let user = answer.user.clone();
        identity.take(answer, identifier, random::nonce(&*self.shared.random));
        self.shared.store(identity.clone()).await?;
        Ok(user)
    }

    /// Exchanges the tokens of who is logged in, for the login that follows. If
    /// that session is over, nobody is.
    async fn renew_current(&self, identity: &mut Identity) -> Result<(), Error> {
        let Some(session) = identity.session.clone() else {
            return Ok(());
        };
        match self.exchange(&session.tokens).await {
            Ok(answer) => {
                self.take(identity, answer, session.identifier).await?;
            }
            Err(Error::Refused(refusal)) if refusal.ends_session() => {
                identity.session = None;
                self.shared.store(identity.clone()).await?;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn end_what_waits(&self, identity: &mut Identity) -> Result<(), Error> {
        let waiting = std::mem::take(&mut identity.ending);
        if waiting.is_empty() {
            return Ok(());
        }
        for tokens in waiting {
            if let Err(tokens) = self.end(tokens).await {
                identity.ending.push(tokens);
            }
        }
        self.shared.store(identity.clone()).await
    }

    /// Ends a session that the device has left; gives its tokens back where the
    /// server was not reached.
    async fn end(&self, mut tokens: Tokens) -> Result<(), Tokens> {
        for _ in 1..ATTEMPTS_MAX {
            let call = Call::delete("/v1/sessions/current").bearer(&tokens.access.0);
            let Ok(answer) = self.shared.api.call(call).await else {
                return Err(tokens);
            };
            let refusal = match answer.done() {
                Ok(()) => return Ok(()),
                Err(Error::Refused(refusal)) => refusal,
                Err(_) => return Err(tokens),
            };
            if refusal.is_passing() {
                return Err(tokens);
            }
            if refusal.code != Code::AccessExpired {
                return Ok(());
            }
            match self.exchange(&tokens).await {
                Ok(answer) => {
                    // The nonce stays: nobody stores these for later use.
                    tokens.access = answer.access_token;
                    tokens.refresh = answer.refresh_token;
                }
                Err(Error::Refused(refusal)) if !refusal.is_passing() => return Ok(()),
                Err(_) => return Err(tokens),
            }
        }
        Err(tokens)
    }
}

/// Whether a provider may have kept a credential for too long.
fn wants_another_credential(refusal: &Refusal) -> bool {
    matches!(
        refusal.code,
        Code::Expired | Code::TooOld | Code::CredentialUsed | Code::CredentialRevoked
    )
}
