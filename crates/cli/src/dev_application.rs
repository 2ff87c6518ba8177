//! The demo application of `dev` and `demo`: made once, with a key for every
//! door, and the same at every start.
//!
//! Its secrets are for development on this machine. They lie in the data
//! folder, readable by their owner alone; `serve` never makes such a thing.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_core::access::principal::{Principal, Who};
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::generate::generate;
use countersign_core::id::ApiKeyId;
use countersign_core::model::api_key::{Role, Roles};
use countersign_core::model::settings::Settings;
use countersign_core::model::signing_key::KeyMaterial;
use countersign_core::op::api_keys::{NewApiKey, create_api_key};
use countersign_core::op::applications::{NewApplication, create_application};
use countersign_core::op::signing_keys::{NewSigningKey, add_signing_key};
use countersign_credential::key::{KeyAlgorithm, Kid};
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::{Email, ExternalId, UserName};
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::system::System;

const SLUG: &str = "demo";

/// The demo application with its keys.
#[derive(Clone)]
pub(crate) struct DevApplication {
    pub(crate) id: String,
    pub(crate) slug: String,
    pub(crate) publishable_key: String,
    pub(crate) api_key: String,
    pub(crate) private_key_pem: String,
    pub(crate) kustomer_secret: String,
    pub(crate) sinch_secret_base64: String,
}

/// Makes the application with a key for every door.
///
/// # Errors
/// If the store fails, or another application has its slug.
pub(crate) async fn create(ctx: &Ctx, operator: ApiKeyId) -> Result<DevApplication, Error> {
    let principal = |application| Principal {
        application,
        who: Who::Operator { api_key: operator },
        acl: None,
        parameters: Vec::new(),
    };
    let new = NewApplication {
        name: "Demo".to_owned(),
        slug: Some(SLUG.parse().map_err(Error::internal)?),
        alias: None,
        settings: Settings {
            managed_users: true,
            ..Settings::default()
        },
    };
    let application = create_application(ctx, &principal(None), new).await?;
    let operator = principal(Some(application.id));
    let private_key_pem = add_key_pair(ctx, &operator).await?;
    let (kustomer_secret, sinch_secret_base64) = add_secrets(ctx, &operator).await?;
    let publishable_key = add_api_key(ctx, &operator, "demo page", &[Role::Tracking]).await?;
    let api_key = add_api_key(ctx, &operator, "demo backend", &[Role::Admin, Role::User]).await?;
    Ok(DevApplication {
        id: application.id.to_string(),
        slug: application.slug.to_string(),
        publishable_key,
        api_key,
        private_key_pem,
        kustomer_secret,
        sinch_secret_base64,
    })
}

async fn add_key_pair(ctx: &Ctx, operator: &Principal) -> Result<String, Error> {
    let generated = generate(KeyAlgorithm::Rs256, &*ctx.random)?;
    add_key(
        ctx,
        operator,
        "demo-rs256",
        KeyAlgorithm::Rs256,
        generated.material,
    )
    .await?;
    let pem = generated
        .private_key_pem
        .ok_or_else(|| Error::internal("RS256 has key pairs"))?;
    Ok(pem.to_string())
}

/// kustomer's secret is a text whose bytes sign; sinch's is bytes, shown in base64.
async fn add_secrets(ctx: &Ctx, operator: &Principal) -> Result<(String, String), Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    ctx.random.fill(&mut *bytes);
    let kustomer = URL_SAFE_NO_PAD.encode(*bytes);
    let material = KeyMaterial::Secret(Zeroizing::new(kustomer.clone().into_bytes()));
    add_key(ctx, operator, "demo-hs256", KeyAlgorithm::Hs256, material).await?;
    ctx.random.fill(&mut *bytes);
    let material = KeyMaterial::Secret(Zeroizing::new(bytes.to_vec()));
    add_key(
        ctx,
        operator,
        "demo-sinch",
        KeyAlgorithm::SinchHmacSha256,
        material,
    )
    .await?;
    Ok((kustomer, STANDARD.encode(*bytes)))
}

async fn add_key(
    ctx: &Ctx,
    operator: &Principal,
    kid: &str,
    algorithm: KeyAlgorithm,
    material: KeyMaterial,
) -> Result<(), Error> {
    let kid = Some(Kid::parse(kid).map_err(Error::internal)?);
    let new = NewSigningKey {
        kid,
        algorithm,
        material,
    };
    add_signing_key(ctx, operator, new).await?;
    Ok(())
}

async fn add_api_key(
    ctx: &Ctx,
    operator: &Principal,
    name: &str,
    roles: &[Role],
) -> Result<String, Error> {
    let roles = Roles::new(roles.iter().copied())
        .ok_or_else(|| Error::internal("a key has at least one role"))?;
    let created = create_api_key(
        ctx,
        operator,
        NewApiKey {
            name: name.to_owned(),
            roles,
            expires_in_days: None,
            cidr: None,
        },
    )
    .await?;
    Ok(created.text.to_string())
}

// === impl DevApplication ===

impl DevApplication {
    /// A native JWT, as a backend that knows Countersign signs it.
    ///
    /// # Errors
    /// If the key does not sign.
    pub(crate) fn native_credential(&self, user: &str, system: System) -> Result<String, Failure> {
        let subject = ExternalId::parse(user).map_err(Failure::usage)?;
        let jti = system.random_id();
        let claims = Minted::Native {
            subject: &subject,
            jti: Some(&jti),
        };
        self.sign(claims, &self.private_key()?, system)
    }

    /// A nexmo JWT, as `@vonage/jwt` signs it.
    ///
    /// # Errors
    /// If the key does not sign.
    pub(crate) fn nexmo_credential(&self, user: &str, system: System) -> Result<String, Failure> {
        let subject = UserName::parse(user).map_err(Failure::usage)?;
        let jti = system.random_id();
        let claims = Minted::Nexmo {
            subject: Some(&subject),
            acl: None,
            jti: Some(&jti),
        };
        self.sign(claims, &self.private_key()?, system)
    }

    /// A kustomer login JWT, as `jsonwebtoken` signs it.
    ///
    /// # Errors
    /// If the key does not sign.
    pub(crate) fn kustomer_credential(
        &self,
        email: &str,
        system: System,
    ) -> Result<String, Failure> {
        let email = Email::parse(email).map_err(Failure::usage)?;
        let key =
            SigningKey::from_secret(self.kustomer_secret.as_bytes()).map_err(Failure::usage)?;
        let claims = Minted::Kustomer {
            email: Some(&email),
            external_id: None,
            jti: None,
        };
        self.sign(claims, &key, system)
    }

    /// A sinch ticket, as `sinch-ticketgen` makes it.
    ///
    /// # Errors
    /// If the key does not sign.
    pub(crate) fn sinch_ticket(&self, user: &str, system: System) -> Result<String, Failure> {
        let user = UserName::parse(user).map_err(Failure::usage)?;
        let secret = STANDARD
            .decode(&self.sinch_secret_base64)
            .map_err(Failure::usage)?;
        let key = SigningKey::from_secret(&secret).map_err(Failure::usage)?;
        self.sign(Minted::SinchTicket { user: &user }, &key, system)
    }

    fn private_key(&self) -> Result<SigningKey, Failure> {
        SigningKey::from_private_key_pem(&self.private_key_pem).map_err(Failure::usage)
    }

    fn sign(
        &self,
        claims: Minted<'_>,
        key: &SigningKey,
        system: System,
    ) -> Result<String, Failure> {
        let order = Order {
            claims,
            application_id: &self.id,
            kid: None,
            issued_at: system.now(),
            life_s: None,
        };
        mint(&order, key).map_err(Failure::usage)
    }
}

impl std::fmt::Debug for DevApplication {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "DevApplication({})", self.id)
    }
}
