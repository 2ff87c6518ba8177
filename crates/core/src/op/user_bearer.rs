//! A user's credential as a bearer, for a protocol that has no token of ours:
//! it is shown with every call, beside a session that it may have opened.
//!
//! Who may call by it is judged at every use: by its own bytes, its id, its key,
//! its user and its application. A verdict is remembered like that of a
//! backend's bearer, and forgotten by the same notices.

use countersign_credential::claims::Subject;

use super::authenticate::{Bearer, agree, authenticate, backend_of, credential_revoked, verified};
use super::claims_query::credential_targets;
use super::login::{DeviceClaim, LoggedIn, Login, login};
use crate::access::action::Action;
use crate::access::principal::{Principal, Who};
use crate::access::{Facts, authorize};
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::{ApplicationId, SessionId};
use crate::key_use::UsedKey;
use crate::memory::KnownCredential;
use crate::model::revocation::Target;
use crate::model::session::SessionIdentity;
use crate::model::user::Identifier;
use crate::op::answer::LoginAnswer;
use crate::secret_text::{self, PUBLISHABLE_PREFIX, SECRET_PREFIX};
use crate::token::{ACCESS_PREFIX, REFRESH_PREFIX, Token, TokenKind};

/// How long the token lives that stands for a session while its login goes on.
const CURRENT_TOKEN_S: i64 = 60;

/// Tells who asks, where a user's credential is a bearer, too.
///
/// # Errors
/// As [`authenticate`]; `unknown_user`, `user_blocked`, `credential_revoked`.
pub async fn authenticate_users_too(ctx: &Ctx, bearer: Bearer<'_>) -> Result<Principal, Error> {
    let ours = [
        ACCESS_PREFIX,
        REFRESH_PREFIX,
        SECRET_PREFIX,
        PUBLISHABLE_PREFIX,
    ];
    let plain = secret_text::plain(bearer.text);
    if ours.iter().any(|prefix| plain.starts_with(prefix)) {
        return authenticate(ctx, bearer).await;
    }
    ctx.store_watch.check(ctx.now())?;
    let digest = secret_text::digest_of(bearer.text);
    if let Some(known) = ctx.known_credential(&digest)
        && ctx.now() < known.claims.expires_at
    {
        let key = UsedKey::Signing(known.application, known.claims.kid.clone());
        ctx.note_use(key);
        return agree(principal_of(ctx, &known).await?, bearer.application);
    }
    let mark = ctx.mark();
    let known = known_good(ctx, bearer.text).await?;
    let principal = principal_of(ctx, &known).await?;
    ctx.know_credential(mark, digest, known);
    agree(principal, bearer.application)
}

async fn principal_of(ctx: &Ctx, known: &KnownCredential) -> Result<Principal, Error> {
    let Some(user) = known.user else {
        return Ok(backend_of(known));
    };
    let acl = match &known.claims.acl {
        Some(acl) => acl.clone(),
        None => {
            let judge = ctx.judge_of(known.application).await?;
            judge.application.settings.default_acl.clone()
        }
    };
    Ok(Principal {
        application: Some(known.application),
        who: Who::Bearer { user },
        acl: Some(acl),
        parameters: Vec::new(),
    })
}

/// Judges a credential that is not remembered.
async fn known_good(ctx: &Ctx, text: &str) -> Result<KnownCredential, Error> {
    let (judge, claims) = verified(ctx, text).await?;
    let application = judge.application.id;
    let mut targets = credential_targets(&claims, &judge.application);
    let user = match &claims.subject {
        Some(Subject::Name(name)) => {
            let identifier = Identifier::Name(name.clone());
            let by_name = Target::whoever(application, &identifier);
            let found = ctx.store.user(application, identifier).await?;
            let user = found.ok_or_else(unknown)?;
            if user.blocked {
                let detail = "the application has blocked this user";
                return Err(Error::new(Code::UserBlocked, detail));
            }
            targets.push(Target::User(user.id));
            targets.push(by_name);
            Some(user.id)
        }
        Some(Subject::ExternalId(_) | Subject::Email { .. }) => return Err(unknown()),
        None => None,
    };
    let issued_at = claims.issued_at;
    if ctx.store.covered(application, targets, issued_at).await? {
        return Err(credential_revoked());
    }
    Ok(KnownCredential {
        application,
        claims,
        user,
    })
}

fn unknown() -> Error {
    Error::new(Code::UnknownUser, "the credential's user is not known here")
        .hint("create the user first")
}

/// Opens a session by a credential that stays a bearer. A client that comes
/// back names the session that it had: it goes on, where it is open and of the
/// same user, and bears this credential from then on.
///
/// # Errors
/// Those of [`login`].
pub async fn open_session(
    ctx: &Ctx,
    credential: &str,
    named: Option<SessionId>,
) -> Result<LoginAnswer, Error> {
    if let Some(session) = named
        && let Some((application, identity)) = open_session_of(ctx, credential, session).await?
    {
        return go_on(ctx, credential, application, identity).await;
    }
    let login_of = Box::pin(login(ctx, of_bearer(credential, None)));
    Ok(opened(login_of.await?))
}

/// Puts a new credential of its user into an open session.
///
/// # Errors
/// `not_found` where the asker has no such open session; those of [`login`].
pub async fn renew_session(
    ctx: &Ctx,
    principal: &Principal,
    credential: &str,
    session: SessionId,
) -> Result<LoginAnswer, Error> {
    let conditional = authorize(principal, &Action::Refresh(session))?;
    let found = open_session_of(ctx, credential, session).await?;
    let own = found
        .as_ref()
        .is_some_and(|(_, identity)| principal.user() == Some(identity.user));
    let facts = Facts {
        own,
        ..Facts::default()
    };
    let (Ok(_), Some((application, identity))) = (conditional.given(&facts), found) else {
        return Err(Error::not_found("session"));
    };
    go_on(ctx, credential, application, identity).await
}

async fn go_on(
    ctx: &Ctx,
    credential: &str,
    application: ApplicationId,
    identity: SessionIdentity,
) -> Result<LoginAnswer, Error> {
    let current = ctx.tokens.write(&Token {
        kind: TokenKind::Access,
        application,
        identity,
        epoch: ctx.epoch(),
        generation: 0,
        expires_at: ctx.now().plus_seconds(CURRENT_TOKEN_S),
    });
    let login_of = Box::pin(login(ctx, of_bearer(credential, Some(current))));
    Ok(opened(login_of.await?))
}

/// The open session of this id, where it is of the credential's own user. What
/// the credential says is only believed by the login that follows.
async fn open_session_of(
    ctx: &Ctx,
    credential: &str,
    session: SessionId,
) -> Result<Option<(ApplicationId, SessionIdentity)>, Error> {
    let (judge, claims) = verified(ctx, credential).await?;
    let application = judge.application.id;
    let Some(view) = ctx.store.session(application, session).await? else {
        return Ok(None);
    };
    let same = match (&claims.subject, &view.user.name) {
        (Some(Subject::Name(named)), Some(own)) => named == own,
        (Some(_) | None, Some(_) | None) => false,
    };
    let open = !view.revoked && view.session.is_open(ctx.now(), &judge.application.settings);
    Ok((same && open).then(|| (application, view.session.identity())))
}

fn of_bearer(credential: &str, current_token: Option<String>) -> Login {
    Login {
        credential: credential.to_owned(),
        application: None,
        client: None,
        device: DeviceClaim::default(),
        follows: current_token.is_none(),
        current_token,
        switch: false,
        nonce: None,
        page: None,
        stays_bearer: true,
    }
}

fn opened(outcome: LoggedIn) -> LoginAnswer {
    match outcome {
        LoggedIn::Opened(answer) | LoggedIn::WentOn(answer) => answer,
    }
}
