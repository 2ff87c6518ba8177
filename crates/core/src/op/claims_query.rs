//! What a credential's claims ask of the store: its user, its revocations, its use.

use countersign_credential::claims::{Claims, OneTimeId, Subject};
use countersign_credential::time::Timestamp;

use crate::error::{Code, Error};
use crate::model::application::Application;
use crate::model::revocation::Target;
use crate::model::session::Timeouts;
use crate::model::user::Identifier;
use crate::ports::store::LoginQuery;
use crate::secret_text::sha256;

/// What a login by these claims needs to know of the application.
///
/// # Errors
/// `no_subject` where they name no user.
pub(super) fn login_query(
    claims: &Claims,
    application: &Application,
    now: Timestamp,
) -> Result<LoginQuery, Error> {
    let (identifier, other) = identifiers(claims)?;
    let mut targets = credential_targets(claims, application);
    targets.push(Target::whoever(application.id, &identifier));
    Ok(LoginQuery {
        identifier,
        other,
        targets,
        issued_at: claims.issued_at,
        one_time_id: one_time_id(claims, application),
        current: None,
        device: None,
        sessions_max: application.settings.sessions_max.max(1),
        timeouts: Timeouts::at(now, &application.settings),
    })
}

/// What a revocation could name a credential by, its user aside.
pub(super) fn credential_targets(claims: &Claims, application: &Application) -> Vec<Target> {
    let mut targets = vec![
        Target::Digest(claims.digest),
        Target::Kid(claims.kid.as_str().to_owned()),
        Target::Application(application.id),
    ];
    let jti = claims.jti.as_deref();
    targets.extend(jti.map(|jti| Target::jti(application.id, jti)));
    targets
}

/// What the credential is used up by, where the application lets one of its
/// dialect open one session only.
fn one_time_id(claims: &Claims, application: &Application) -> Option<[u8; 32]> {
    let one_time = application.settings.one_time.of(claims.dialect);
    one_time.then(|| one_time_digest(claims))
}

fn identifiers(claims: &Claims) -> Result<(Identifier, Option<Identifier>), Error> {
    match &claims.subject {
        Some(Subject::Name(name)) => Ok((Identifier::Name(name.clone()), None)),
        Some(Subject::ExternalId(id)) => Ok((Identifier::ExternalId(id.clone()), None)),
        Some(Subject::Email { email, external_id }) => Ok((
            Identifier::Email(email.clone()),
            external_id.clone().map(Identifier::ExternalId),
        )),
        None => Err(Error::new(Code::NoSubject, "the credential names no user")),
    }
}

/// What a credential is used up by, as the store keeps it: the kinds are told
/// apart, so that a `jti` never equals a nonce.
fn one_time_digest(claims: &Claims) -> [u8; 32] {
    match claims.one_time_id() {
        OneTimeId::Jti(jti) => sha256(format!("jti:{jti}").as_bytes()),
        OneTimeId::Nonce(nonce) => sha256(format!("nonce:{nonce}").as_bytes()),
        OneTimeId::Digest(digest) => *digest,
    }
}
