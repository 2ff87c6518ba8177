//! Who asks: from the bearer that a request carries to a principal.
//!
//! The schemes are tried in order of their prefix. A bearer that is of a
//! scheme and wrong is refused; it never counts as none.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use countersign_credential::claims::Claims;
use countersign_credential::dialect::Dialect;
use countersign_credential::unverified::parse;

use super::claims_query::credential_targets;
use crate::access::principal::{Principal, Who};
use crate::context::{Ctx, Judge};
use crate::error::{Code, Error};
use crate::id::ApplicationId;
use crate::key_use::UsedKey;
use crate::memory::KnownCredential;
use crate::model::api_key::{ApiKey, Role};
use crate::model::application::ApplicationName;
use crate::model::event::Assurance;
use crate::model::revocation::Target;
use crate::ports::store::SessionView;
use crate::secret_text;
use crate::token::{ACCESS_PREFIX, REFRESH_PREFIX, Token};

/// What a request carries.
#[derive(Clone, Copy)]
pub struct Bearer<'a> {
    /// The text of the bearer.
    pub text: &'a str,
    /// Where the request came from.
    pub peer: IpAddr,
    /// Whether it came over TLS, or from this machine.
    pub confidential: bool,
    /// The application that the request names, if it names one.
    pub application: Option<ApplicationId>,
}

impl fmt::Debug for Bearer<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Bearer")
    }
}

/// A session that was just checked.
pub(super) struct Checked {
    pub(super) principal: Principal,
    /// Of its application.
    pub(super) judge: Arc<Judge>,
    /// Its row with its user; none of a visitor who has written nothing.
    pub(super) view: Option<Arc<SessionView>>,
}

/// Tells who asks.
///
/// # Errors
/// The 401 codes of sessions, API keys and credentials; `tls_required`;
/// `unavailable` also where it is remembered who asks, and the store is out of
/// sight.
pub async fn authenticate(ctx: &Ctx, bearer: Bearer<'_>) -> Result<Principal, Error> {
    ctx.store_watch.check(ctx.now())?;
    if bearer.text.starts_with(ACCESS_PREFIX) {
        let token = ctx.read_access_token(bearer.text)?;
        return by_access_token(ctx, &token)
            .await
            .and_then(|checked| agree(checked.principal, bearer.application));
    }
    let plain = secret_text::plain(bearer.text);
    let text = &*plain;
    let bearer = Bearer { text, ..bearer };
    if text.starts_with(REFRESH_PREFIX) {
        return Err(
            Error::new(Code::MalformedToken, "a refresh token is no bearer")
                .hint("exchange it at POST /v1/sessions/refresh, and send the access token"),
        );
    }
    if text.starts_with(secret_text::SECRET_PREFIX)
        || text.starts_with(secret_text::PUBLISHABLE_PREFIX)
    {
        return by_api_key(ctx, bearer)
            .await
            .and_then(|p| agree(p, bearer.application));
    }
    by_application_token(ctx, text)
        .await
        .and_then(|p| agree(p, bearer.application))
}

/// What an access token says, with its session checked: it is not over, its
/// row, where it has one, is open, and nothing covers it.
///
/// # Errors
/// `access_expired`, `session_ended`, `user_blocked`.
pub(super) async fn by_access_token(ctx: &Ctx, token: &Token) -> Result<Checked, Error> {
    let now = ctx.now();
    if now >= token.expires_at {
        return Err(Error::new(Code::AccessExpired, "the access token is over")
            .hint("exchange the refresh token: POST /v1/sessions/refresh"));
    }
    check_epoch(ctx, token)?;
    let ended = || Error::new(Code::SessionEnded, "the session is over").hint("log in again");
    let identity = token.identity;
    // With the application its sessions are over, too.
    let found = ctx.judge(ApplicationName::Id(token.application)).await?;
    let judge = found.ok_or_else(ended)?;
    let settings = &judge.application.settings;
    let view = ctx.session(&judge, identity.session, now).await?;
    let (acl, described) = match view.as_deref() {
        Some(view) => {
            if view.revoked || !view.session.is_open(now, settings) {
                return Err(ended());
            }
            let acl = view.session.credential.as_ref().and_then(|c| c.acl.clone());
            let user = &view.user;
            (acl, user.display_name.is_some() || user.described.is_some())
        }
        None if identity.anonymous => {
            let covered = ctx
                .store
                .covered(
                    token.application,
                    targets_of_minted(token),
                    identity.session.made_at(),
                )
                .await?;
            if covered {
                return Err(ended());
            }
            (None, false)
        }
        None => return Err(ended()),
    };
    let assurance = match (identity.anonymous, described) {
        (false, _) => Assurance::Verified,
        (true, true) => Assurance::Described,
        (true, false) => Assurance::Anonymous,
    };
    let principal = Principal {
        application: Some(token.application),
        who: Who::Session {
            identity,
            assurance,
        },
        acl: Some(acl.unwrap_or_else(|| settings.default_acl.clone())),
        parameters: Vec::new(),
    };
    Ok(Checked {
        principal,
        judge,
        view,
    })
}

/// Refuses a user's token of a history that was replaced by a restored one: what
/// became of its session meanwhile is not known. A visitor's goes on.
pub(super) fn check_epoch(ctx: &Ctx, token: &Token) -> Result<(), Error> {
    if token.identity.anonymous || !ctx.epochs().is_void(token.epoch) {
        return Ok(());
    }
    Err(Error::new(
        Code::SessionEnded,
        "the history was restored from a backup since this login",
    )
    .hint("log in again"))
}

/// Refuses a credential from before a history was restored: it may have been
/// revoked, or used up, since the backup was made.
pub(super) fn check_issued(ctx: &Ctx, claims: &Claims) -> Result<(), Error> {
    if !ctx.epochs().is_void_credential(claims.issued_at) {
        return Ok(());
    }
    Err(Error::new(
        Code::CredentialRevoked,
        "the history was restored from a backup since this credential was issued",
    )
    .hint("mint another one"))
}

/// What could cover a visitor's session that has no row.
pub(super) fn targets_of_minted(token: &Token) -> Vec<Target> {
    let mut targets = vec![
        Target::Session(token.identity.session),
        Target::User(token.identity.user),
        Target::Application(token.application),
    ];
    targets.extend(token.identity.api_key.map(Target::ApiKey));
    targets
}

async fn by_api_key(ctx: &Ctx, bearer: Bearer<'_>) -> Result<Principal, Error> {
    let refused = || {
        Error::new(Code::UnknownKey, "this is no API key that is in use here")
            .hint("it may be revoked, over, or of another installation")
    };
    let id = secret_text::id_of(bearer.text).ok_or_else(refused)?;
    let key = ctx.api_key(id).await?.ok_or_else(refused)?;
    let digest = secret_text::digest_of(bearer.text);
    verify_slices_are_equal(&digest, &key.digest).map_err(|_| refused())?;
    if key.revoked {
        return Err(refused());
    }
    if let Some(end) = key.expires_at.filter(|end| ctx.now() >= *end) {
        return Err(
            Error::new(Code::Expired, format!("this API key ended at {end}"))
                .hint("make another one, and revoke this one"),
        );
    }
    if key
        .cidr
        .is_some_and(|network| !network.contains(bearer.peer))
    {
        return Err(Error::new(
            Code::NotPermitted,
            "this API key may not be used from this network",
        )
        .hint("use it from the network that it was made for, or make one for this network"));
    }
    let secret = key.roles.has(Role::Operator) || key.roles.has(Role::Admin);
    if secret && !bearer.confidential {
        return Err(Error::new(
            Code::TlsRequired,
            "operator and admin keys do not travel over plain HTTP",
        )
        .hint("use https, or call from the same machine"));
    }
    ctx.note_use(UsedKey::Api(key.id));
    Ok(principal_of(&key))
}

fn principal_of(key: &ApiKey) -> Principal {
    let who = match key.roles.strongest() {
        Role::Operator => Who::Operator { api_key: key.id },
        Role::Admin => Who::Backend {
            api_key: Some(key.id),
            admin: true,
        },
        Role::User => Who::Backend {
            api_key: Some(key.id),
            admin: false,
        },
        Role::Tracking => Who::Client {
            api_key: Some(key.id),
        },
    };
    Principal {
        application: key.application,
        who,
        acl: None,
        parameters: Vec::new(),
    }
}

/// A nexmo token without `sub` is a backend's bearer. Every other credential
/// is for logging in. One that was found good is not verified again: the same
/// bytes with the same keys give the same verdict, until they are over.
async fn by_application_token(ctx: &Ctx, text: &str) -> Result<Principal, Error> {
    let digest = secret_text::digest_of(text);
    if let Some(known) = ctx.known_credential(&digest)
        && ctx.now() < known.claims.expires_at
        && known.user.is_none()
    {
        ctx.note_use(UsedKey::Signing(
            known.application,
            known.claims.kid.clone(),
        ));
        return Ok(backend_of(&known));
    }
    let mark = ctx.mark();
    let known = verified_bearer(ctx, text).await?;
    let principal = backend_of(&known);
    ctx.know_credential(mark, digest, known);
    Ok(principal)
}

pub(super) fn backend_of(known: &KnownCredential) -> Principal {
    Principal {
        application: Some(known.application),
        who: Who::Backend {
            api_key: None,
            admin: false,
        },
        acl: known.claims.acl.clone(),
        parameters: Vec::new(),
    }
}

async fn verified_bearer(ctx: &Ctx, text: &str) -> Result<KnownCredential, Error> {
    let (judge, claims) = verified(ctx, text).await?;
    if claims.subject.is_some() {
        return Err(log_in());
    }
    let application = judge.application.id;
    let targets = credential_targets(&claims, &judge.application);
    let issued_at = claims.issued_at;
    if ctx.store.covered(application, targets, issued_at).await? {
        return Err(credential_revoked());
    }
    Ok(KnownCredential {
        application,
        claims,
        user: None,
    })
}

/// Judges a nexmo credential by its own bytes, and its application's keys.
pub(super) async fn verified(ctx: &Ctx, text: &str) -> Result<(Arc<Judge>, Claims), Error> {
    let credential = parse(text)?;
    if credential.dialect() != Dialect::Nexmo {
        return Err(log_in());
    }
    let hint = credential.application_hint().unwrap_or_default();
    let judge = judge_named(ctx, hint).await?.ok_or_else(|| {
        Error::new(
            Code::WrongAudience,
            "there is no application with this application_id here",
        )
    })?;
    let claims = judge.verifier.verify(&credential, ctx.now())?;
    check_issued(ctx, &claims)?;
    let key = UsedKey::Signing(judge.application.id, claims.kid.clone());
    ctx.note_use(key);
    Ok((judge, claims))
}

fn log_in() -> Error {
    Error::new(
        Code::NoCredential,
        "a user's credential opens a session, and is no bearer",
    )
    .hint("send it to POST /v1/sessions, and use the access token of the answer")
}

pub(super) fn credential_revoked() -> Error {
    Error::new(Code::CredentialRevoked, "this credential was revoked").hint("mint another one")
}

/// The application that a credential names, by id or by alias; no alias is another's
/// id. One that comes from elsewhere mostly looks like an id, of another form than
/// ours: the likelier is asked for first.
pub(super) async fn judge_named(ctx: &Ctx, hint: &str) -> Result<Option<Arc<Judge>>, Error> {
    let alias = ApplicationName::Alias(hint.to_owned());
    let Ok(id) = hint.parse::<ApplicationId>() else {
        return ctx.judge(alias).await;
    };
    let (likely, other) = if id.is_as_made_here() {
        (ApplicationName::Id(id), alias)
    } else {
        (alias, ApplicationName::Id(id))
    };
    if let Some(judge) = ctx.judge(likely).await? {
        return Ok(Some(judge));
    }
    ctx.judge(other).await
}

/// Where the bearer and the request both name an application, they agree.
pub(super) fn agree(
    mut principal: Principal,
    named: Option<ApplicationId>,
) -> Result<Principal, Error> {
    match (principal.application, named) {
        (Some(own), Some(named)) if own != named => Err(Error::new(
            Code::WrongAudience,
            "the bearer is of another application than the request names",
        )),
        (None, Some(named)) => {
            principal.application = Some(named);
            Ok(principal)
        }
        (Some(_), Some(_) | None) | (None, None) => Ok(principal),
    }
}

/// The same asker, in the application that the request's path names. To whom
/// another application belongs, this one does not exist.
///
/// # Errors
/// `not_found` for another application than the asker's own.
pub fn in_application(mut principal: Principal, named: ApplicationId) -> Result<Principal, Error> {
    match principal.application {
        Some(own) if own != named => Err(Error::not_found("application")),
        Some(_) => Ok(principal),
        None => {
            principal.application = Some(named);
            Ok(principal)
        }
    }
}
