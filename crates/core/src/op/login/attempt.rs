//! One attempt at a login: read once, judge what was read, plan.

use countersign_credential::claims::Claims;
use countersign_credential::time::Timestamp;

use super::{LoggedIn, Login};
use crate::access::action::Action;
use crate::access::principal::{Principal, Who};
use crate::access::{Permit, authorize};
use crate::context::{Ctx, Judge};
use crate::error::{Code, Error};
use crate::id::{ApiKeyId, ApplicationId};
use crate::link;
use crate::link::{Current, Situation};
use crate::model::revocation::Target;
use crate::model::session::Session;
use crate::model::user::User;
use crate::op::answer::{LoginAnswer, answer};
use crate::op::authenticate::{check_epoch, check_issued};
use crate::op::claims_query::login_query;
use crate::op::managed_users::{ByPassword, Proven};
use crate::ports::change::Expectation;
use crate::ports::store::{LoginQuery, LoginView};
use crate::secret_text::sha256;
use crate::token::{Token, TokenKind};

/// One login, with all that does not change when it is planned again.
pub(super) struct Attempt<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) judge: &'a Judge,
    pub(super) login: &'a Login,
    pub(super) claims: &'a Claims,
    pub(super) by_password: Option<&'a ByPassword>,
    pub(super) permit: Permit,
    pub(super) now: Timestamp,
    pub(super) current: Option<Token>,
    pub(super) nonce_digest: Option<[u8; 32]>,
    pub(super) query: LoginQuery,
}

pub(super) enum Outcome {
    Done(Box<LoggedIn>),
    /// Somebody else was faster: read and plan again.
    Overtaken(Expectation),
}

// === impl Attempt ===

impl<'a> Attempt<'a> {
    pub(super) fn new(
        ctx: &'a Ctx,
        judge: &'a Judge,
        login: &'a Login,
        proven: &'a Proven,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let Proven {
            claims,
            by_password,
        } = proven;
        let application = judge.application.id;
        let current = match &login.current_token {
            None => None,
            // One of a history that is gone is of an ended session.
            Some(text) => Some(current_token(ctx, application, text, now)?)
                .filter(|token| check_epoch(ctx, token).is_ok()),
        };
        let acl = claims
            .acl
            .clone()
            .unwrap_or_else(|| judge.application.settings.default_acl.clone());
        let client = Principal {
            application: Some(application),
            who: Who::Client {
                api_key: api_key(login),
            },
            acl: Some(acl),
            parameters: Vec::new(),
        };
        let permit = authorize(&client, &Action::LogIn)?.outright()?;
        let nonce_digest = login.nonce.as_ref().map(|nonce| sha256(nonce.as_bytes()));
        let mut query = login_query(claims, &judge.application, now)?;
        query.targets.extend(api_key(login).map(Target::ApiKey));
        query.current = current.map(|token| token.identity.session);
        // A ticket for a password is good as often as the password is.
        if login.stays_bearer || by_password.is_some() {
            query.one_time_id = None;
        }
        query.device = login.device.id;
        Ok(Self {
            ctx,
            judge,
            login,
            claims,
            by_password: by_password.as_ref(),
            permit,
            now,
            current,
            nonce_digest,
            query,
        })
    }

    pub(super) async fn run(&self) -> Result<Outcome, Error> {
        check_issued(self.ctx, self.claims)?;
        if let Some(opened) = self.outright().await? {
            return Ok(Outcome::Done(Box::new(opened)));
        }
        let application = self.judge.application.id;
        let query = self.query.clone();
        let mark = self.ctx.mark();
        let view = self.ctx.store.login_view(application, query).await?;
        if view.revoked {
            return Err(
                Error::new(Code::CredentialRevoked, "this credential was revoked")
                    .hint("mint another one"),
            );
        }
        if let Some(used_by) = &view.used_by {
            return self.used(used_by, &view);
        }
        let current = self.living_current(&view);
        let situation = Situation {
            user: view.user.as_ref(),
            other: view.other.as_ref(),
            unknown_user: self
                .judge
                .application
                .settings
                .unknown_user
                .of(self.claims.dialect),
            current,
            switch: self.login.switch,
        };
        let plan = link::plan(&situation, &self.judge.application.settings)?;
        self.carry_out(&plan, &view, mark).await
    }

    /// The credential has opened a session. A client whose answer got lost
    /// sends the same nonce, and gets the same session again while it is at
    /// the generation that this credential began; anybody else is refused.
    fn used(&self, session: &Session, view: &LoginView) -> Result<Outcome, Error> {
        let settings = &self.judge.application.settings;
        let same_nonce = self.nonce_digest.is_some() && session.nonce_digest == self.nonce_digest;
        let went_on = self.current.is_some_and(|token| {
            token.identity.session == session.id
                && token.generation.checked_add(1) == Some(session.generation)
        });
        let first = session.generation == 0;
        let owner = view
            .user
            .as_ref()
            .filter(|user| user.id == session.user && !user.blocked);
        match owner {
            Some(user)
                if same_nonce
                    && (first || went_on)
                    && !view.used_by_revoked
                    && session.is_open(self.now, settings) =>
            {
                let answer = self.answer(session.clone(), user.clone());
                let outcome = if first {
                    LoggedIn::Opened(answer)
                } else {
                    LoggedIn::WentOn(answer)
                };
                Ok(Outcome::Done(Box::new(outcome)))
            }
            Some(_) | None => Err(Error::new(
                Code::CredentialUsed,
                "this credential has opened its one session already",
            )
            .hint("mint a new credential for each login")),
        }
    }

    /// The device's own session, if it lives; an ended one counts as absent, and
    /// so does one of a user whose password this login takes away.
    fn living_current(&self, view: &LoginView) -> Option<Current> {
        let token = self.current?;
        if self
            .outdone(view)
            .is_some_and(|user| user.id == token.identity.user)
        {
            return None;
        }
        let settings = &self.judge.application.settings;
        if view.current_revoked {
            return None;
        }
        match &view.current {
            Some((session, _)) if session.is_open(self.now, settings) => Some(Current {
                identity: token.identity,
                generation: Some(session.generation),
                conversations: view.visitor_conversations.clone(),
            }),
            Some(_) => None,
            None if token.identity.anonymous => Some(Current {
                identity: token.identity,
                generation: None,
                conversations: Vec::new(),
            }),
            None => None,
        }
    }

    /// The user who has a password that a signed credential outdoes: who signed up
    /// under a name need not be the person whom the application calls so. A ticket
    /// for the password itself outdoes nothing.
    pub(super) fn outdone<'v>(&self, view: &'v LoginView) -> Option<&'v User> {
        let outdoes = view.has_password && self.by_password.is_none();
        view.user.as_ref().filter(|_| outdoes)
    }

    pub(super) fn answer(&self, session: Session, user: User) -> LoginAnswer {
        let application = &self.judge.application;
        answer(
            self.ctx,
            application.id,
            &application.settings,
            session,
            user,
        )
    }
}

pub(super) fn api_key(login: &Login) -> Option<ApiKeyId> {
    match login.client.as_ref().map(|client| &client.who) {
        Some(Who::Client { api_key }) => *api_key,
        Some(
            Who::Session { .. } | Who::Bearer { .. } | Who::Backend { .. } | Who::Operator { .. },
        )
        | None => None,
    }
}

/// The device's own token. One of an ended session counts as absent later on;
/// one that is over is told apart from one that is wrong.
fn current_token(
    ctx: &Ctx,
    application: ApplicationId,
    text: &str,
    now: Timestamp,
) -> Result<Token, Error> {
    let invalid = |detail| {
        Error::new(Code::CurrentTokenInvalid, detail)
            .hint("send the device's own access token as current_token, or leave it out")
    };
    let token = ctx
        .tokens
        .read(TokenKind::Access, text)
        .map_err(|_| invalid("current_token is no access token of ours"))?;
    if token.application != application {
        return Err(invalid("current_token is of another application"));
    }
    if now >= token.expires_at {
        return Err(
            Error::new(Code::CurrentTokenExpired, "current_token is over")
                .hint("refresh it at POST /v1/sessions/refresh, then log in again"),
        );
    }
    Ok(token)
}
