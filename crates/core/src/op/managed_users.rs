//! Users who sign up and sign in with a password, where their application lets
//! them: the setting, and the ticket that they get for it.
//!
//! The ticket has the form of one that the application signs, and no key of the
//! application's signs it: that key follows from our own token keys and from what
//! is kept of the user's password. So a ticket is worth nothing once the password
//! is another or gone, and it never counts as the application's word of who its
//! user is.

use std::fmt;

use countersign_credential::claims::Claims;
use countersign_credential::jws::key::WeakSecret;
use countersign_credential::key::{Key, KeyAlgorithm, KeyState, Kid, RingKey};
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::refusal::{Code as CredentialCode, Refusal};
use countersign_credential::ring::KeyRing;
use countersign_credential::signing_key::SigningKey;
use countersign_credential::time::Timestamp;
use countersign_credential::unverified::{Unverified, parse};
use countersign_credential::verifier::Verifier;
use zeroize::Zeroizing;

use crate::context::{Ctx, Judge};
use crate::error::{Code, Error};
use crate::id::{ApplicationId, UserId};
use crate::model::password::{PASSWORD_KID, PasswordHash};
use crate::model::settings::Settings;
use crate::model::user::{Identifier, User};
use crate::ports::change::SettingsVersion;

/// What a ticket's key is for.
const PURPOSE: &str = "ticket for a password";

/// Who has signed up or signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// What opens a session.
    pub ticket: Ticket,
}

/// A credential that a user got for a password.
#[derive(Clone)]
pub struct Ticket {
    /// Its text.
    pub text: String,
    /// How long it lives, in seconds.
    pub life_s: u32,
}

/// A credential that was found good.
#[derive(Debug)]
pub(super) struct Proven {
    pub(super) claims: Claims,
    /// Where a password stands behind it, and no key of the application.
    pub(super) by_password: Option<ByPassword>,
}

/// What a login by a password rests on, as it was read. A batch expects it to be so
/// still.
#[derive(Debug, Clone)]
pub(super) struct ByPassword {
    pub(super) user: UserId,
    pub(super) hash: PasswordHash,
    pub(super) settings: SettingsVersion,
}

/// Refuses where the application manages its users by itself.
///
/// # Errors
/// `not_permitted`, which names the setting.
pub fn check(settings: &Settings) -> Result<(), Error> {
    if settings.managed_users {
        return Ok(());
    }
    Err(Error::new(
        Code::NotPermitted,
        "this application's users do not sign up or sign in with a password: its setting \
         managed_users is off",
    )
    .hint("log in with a ticket that the application's backend signs, or switch the setting on"))
}

/// Makes a user's ticket.
pub(super) fn ticket(
    ctx: &Ctx,
    application: ApplicationId,
    (user, hash): (&User, &PasswordHash),
    life_s: u32,
) -> Result<Ticket, Error> {
    let nameless = || Error::internal("a user with a password has a name");
    let name = user.name.as_ref().ok_or_else(nameless)?;
    let keyless = || Error::internal("the newest token key is there");
    let secret = secret(ctx, ctx.tokens.newest(), application, user.id, hash);
    let key = SigningKey::from_secret(&*secret.ok_or_else(keyless)?).map_err(Error::internal)?;
    let order = Order {
        claims: Minted::SinchTicket { user: name },
        application_id: &application.to_string(),
        kid: None,
        issued_at: ctx.now(),
        life_s: Some(life_s),
    };
    let text = mint(&order, &key).map_err(Error::internal)?;
    Ok(Ticket { text, life_s })
}

/// Judges a credential that is to log a user in: by the application's keys, and
/// where none of them has signed it, as a ticket for a password.
///
/// # Errors
/// Those of the verifier, and of the store.
pub(super) async fn prove(
    ctx: &Ctx,
    judge: &Judge,
    credential: &Unverified<'_>,
    now: Timestamp,
) -> Result<Proven, Error> {
    let refusal = match judge.verifier.verify_login(credential, now) {
        Ok(claims) => {
            return Ok(Proven {
                claims,
                by_password: None,
            });
        }
        Err(refusal) => refusal,
    };
    if by_another_key(&refusal)
        && let Some(found) = of_password(ctx, judge, credential, now).await?
    {
        let claims = found.verdict?;
        let by_password = ByPassword {
            user: found.user,
            hash: found.hash,
            settings: still_on(ctx, judge.application.id).await?,
        };
        return Ok(Proven {
            claims,
            by_password: Some(by_password),
        });
    }
    Err(refusal.into())
}

/// What judges a credential that no key of the application's has signed, where a
/// password stands behind it: for who explains it.
pub(super) async fn verifier(
    ctx: &Ctx,
    judge: &Judge,
    text: &str,
    now: Timestamp,
) -> Result<Option<Verifier>, Error> {
    let Ok(credential) = parse(text) else {
        return Ok(None);
    };
    let found = of_password(ctx, judge, &credential, now).await?;
    Ok(found.map(|found| found.verifier))
}

/// Whether a refusal says that none of the keys has signed it that it was judged by.
pub(super) fn by_another_key(refusal: &Refusal) -> bool {
    [CredentialCode::BadSignature, CredentialCode::UnknownKey].contains(&refusal.code)
}

/// A ticket that was signed for a user's present password.
struct OfPassword {
    user: UserId,
    hash: PasswordHash,
    verifier: Verifier,
    verdict: Result<Claims, Refusal>,
}

async fn of_password(
    ctx: &Ctx,
    judge: &Judge,
    credential: &Unverified<'_>,
    now: Timestamp,
) -> Result<Option<OfPassword>, Error> {
    let application = &judge.application;
    let Some(name) = credential.ticket_user_hint() else {
        return Ok(None);
    };
    if !application.settings.managed_users {
        return Ok(None);
    }
    let by_name = Identifier::Name(name);
    let found = ctx.store.password(application.id, by_name).await?;
    let Some((User { id: user, .. }, hash)) = found else {
        return Ok(None);
    };
    for key in ctx.tokens.ids() {
        let Some(secret) = secret(ctx, key, application.id, user, &hash) else {
            continue;
        };
        let verifier = verifier_of(&judge.verifier, &secret)?;
        let verdict = verifier.verify_login(credential, now);
        if !verdict.as_ref().is_err_and(by_another_key) {
            return Ok(Some(OfPassword {
                user,
                hash,
                verifier,
                verdict,
            }));
        }
    }
    Ok(None)
}

/// The application's own, with this key instead of all of its keys.
fn verifier_of(own: &Verifier, secret: &[u8; 32]) -> Result<Verifier, Error> {
    let algorithm = KeyAlgorithm::SinchHmacSha256;
    let key = Key::from_secret(algorithm, secret, WeakSecret::Refuse);
    let key = RingKey {
        kid: Kid::parse(PASSWORD_KID).map_err(Error::internal)?,
        state: KeyState::Current,
        key: key.map_err(Error::internal)?,
    };
    Ok(Verifier {
        application_id: own.application_id.clone(),
        aliases: own.aliases.clone(),
        ring: KeyRing::new(vec![key]).map_err(Error::internal)?,
        rules: own.rules,
    })
}

/// The settings that let users have passwords, as they are now and not as they are
/// remembered: for a batch that is to be too late once they do not.
///
/// # Errors
/// Those of [`check`], and of the store.
pub(super) async fn still_on(
    ctx: &Ctx,
    application: ApplicationId,
) -> Result<SettingsVersion, Error> {
    let found = ctx.store.settings(application).await?;
    let (settings, version) = found.ok_or_else(|| Error::not_found("application"))?;
    check(&settings)?;
    Ok(version)
}

/// What signs a user's tickets. Each hash has a salt of its own, so that the same
/// password, set again, is another one.
fn secret(
    ctx: &Ctx,
    key: u8,
    application: ApplicationId,
    user: UserId,
    hash: &PasswordHash,
) -> Option<Zeroizing<[u8; 32]>> {
    let ids = [application.bytes(), user.bytes()].concat();
    let of = [&ids, hash.as_str().as_bytes()].concat();
    ctx.tokens.derived(key, PURPOSE, &of)
}

// === impl Ticket ===

impl fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ticket")
    }
}
