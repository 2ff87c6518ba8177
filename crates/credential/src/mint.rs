//! Makes credentials of every dialect, as a backend would: for trying things
//! out, for tests, and as the reference of what a verifier accepts.
//!
//! Whatever is minted here is accepted by [`crate::verifier::Verifier`] under
//! the key's public half, at the time it was made; what would not be is
//! refused before it is signed. Time, ids and nonces are arguments; only the
//! randomness inside a signature is not.
//!
//! Absent on purpose: unsigned tokens, and claims that no dialect knows.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use thiserror::Error;

use crate::acl::Acl;
use crate::dialect::claim::ID_BYTES_MAX;
use crate::dialect::lifetime::{LIFE_MAX_S, SHORT_LIFE_S};
use crate::dialect::sinch;
use crate::json;
use crate::key::{KeyAlgorithm, Kid};
use crate::signing_key::SigningKey;
use crate::subject::{Email, ExternalId, UserName};
use crate::time::Timestamp;
use crate::unverified::CREDENTIAL_BYTES_MAX;

/// A credential to be made.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// What it says, in its dialect.
    pub claims: Minted<'a>,
    /// The application's id, or the alias that stands for it. The kustomer
    /// dialect names no application and leaves it out.
    pub application_id: &'a str,
    /// The key's name for the header; a Sinch JWT's is its date, and a ticket
    /// has none.
    pub kid: Option<&'a Kid>,
    /// When it is made; `iat` is this without parts of a second.
    pub issued_at: Timestamp,
    /// How long it lives, in seconds; `None` for what is usual in its dialect.
    pub life_s: Option<u32>,
}

/// What a credential says, by dialect.
#[derive(Debug, Clone)]
pub enum Minted<'a> {
    /// A nexmo JWT; without a user it is a backend's bearer.
    Nexmo {
        /// The user's name.
        subject: Option<&'a UserName>,
        /// What the user may call.
        acl: Option<&'a Acl>,
        /// Its own id.
        jti: Option<&'a str>,
    },
    /// A kustomer JWT, by e-mail address, external id or both, of which the
    /// address wins.
    Kustomer {
        /// The e-mail address.
        email: Option<&'a Email>,
        /// The external id.
        external_id: Option<&'a ExternalId>,
        /// Its own id, which few kustomer backends give.
        jti: Option<&'a str>,
    },
    /// A native JWT.
    Native {
        /// The user.
        subject: &'a ExternalId,
        /// Its own id.
        jti: Option<&'a str>,
    },
    /// A Sinch authentication ticket.
    SinchTicket {
        /// The user's id.
        user: &'a UserName,
    },
    /// A Sinch JWT.
    SinchJwt {
        /// The user's id.
        user: &'a UserName,
        /// A text that no other credential has.
        nonce: &'a str,
    },
}

/// Why a credential cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MintError {
    /// The key is not of a kind that the dialect uses.
    #[error("a {dialect} credential is signed with {needed}, and this key is {found}")]
    Key {
        /// The dialect, or the form of it.
        dialect: &'static str,
        /// What it is signed with.
        needed: &'static str,
        /// What the key is.
        found: &'static str,
    },
    /// A `kid` where the form leaves no choice.
    #[error("a {0} takes no kid")]
    Kid(&'static str),
    /// A life that the dialect would not honour.
    #[error("a {dialect} credential lives 1 to {life_s_max} seconds")]
    Life {
        /// The dialect, or the form of it.
        dialect: &'static str,
        /// The longest life.
        life_s_max: i64,
    },
    /// A `jti` or nonce of no bytes or too many.
    #[error("the jti or nonce has 1 to {ID_BYTES_MAX} bytes")]
    Id,
    /// A kustomer credential that names no user.
    #[error("a kustomer credential names an e-mail address or an external id")]
    NoUser,
    /// An application id that does not fit into the credential.
    #[error("the application id is empty, or has a character that the dialect has no room for")]
    ApplicationId,
    /// A time that cannot be written.
    #[error("the time is outside what the dialect can write")]
    Time,
    /// More than a verifier looks at, by its ACL or its ids.
    #[error("the credential would have {0} bytes, and {CREDENTIAL_BYTES_MAX} are the most")]
    Size(usize),
    /// The cryptographic library refused to sign.
    #[error("the key could not sign")]
    Signing,
}

/// The members of a JSON object as they are written.
struct Members(String);

/// Makes a credential.
///
/// # Errors
/// If it would not be accepted: see [`MintError`].
pub fn mint(order: &Order<'_>, key: &SigningKey) -> Result<String, MintError> {
    let algorithm = order.algorithm(key)?;
    let life_s = order.life_s()?;
    let credential = if let Minted::SinchTicket { user } = &order.claims {
        order.ticket(user, life_s, key)?
    } else {
        let payload = order.payload(life_s)?;
        order.jws(algorithm, &payload, key)?
    };
    if credential.len() > CREDENTIAL_BYTES_MAX {
        return Err(MintError::Size(credential.len()));
    }
    Ok(credential)
}

// === impl Order ===

impl Order<'_> {
    /// The algorithm, if the key goes with the dialect.
    fn algorithm(&self, key: &SigningKey) -> Result<KeyAlgorithm, MintError> {
        let private = key.private_key_algorithm();
        let (needed, algorithm) = match (&self.claims, private) {
            (Minted::Nexmo { .. }, Some(KeyAlgorithm::Rs256)) => return Ok(KeyAlgorithm::Rs256),
            (Minted::Native { .. }, private) => return Ok(private.unwrap_or(KeyAlgorithm::Hs256)),
            (Minted::Nexmo { .. }, _) => ("an RSA private key", None),
            (Minted::Kustomer { .. }, None) => ("a secret", Some(KeyAlgorithm::Hs256)),
            (Minted::SinchTicket { .. } | Minted::SinchJwt { .. }, None) => {
                ("a secret", Some(KeyAlgorithm::SinchHmacSha256))
            }
            (
                Minted::Kustomer { .. } | Minted::SinchTicket { .. } | Minted::SinchJwt { .. },
                Some(_),
            ) => ("a secret", None),
        };
        algorithm.ok_or(MintError::Key {
            dialect: self.claims.name(),
            needed,
            found: private.map_or("a secret", KeyAlgorithm::as_str),
        })
    }

    fn life_s(&self) -> Result<i64, MintError> {
        let (usual, longest) = match self.claims {
            // A kustomer credential ends with its window, whatever it says.
            Minted::Kustomer { .. } => (SHORT_LIFE_S, SHORT_LIFE_S),
            Minted::SinchTicket { .. } => (sinch::ticket::EXPIRES_IN_DEFAULT_S, LIFE_MAX_S),
            Minted::Nexmo { .. } | Minted::Native { .. } | Minted::SinchJwt { .. } => {
                (SHORT_LIFE_S, LIFE_MAX_S)
            }
        };
        let life_s = self.life_s.map_or(usual, i64::from);
        if (1..=longest).contains(&life_s) {
            Ok(life_s)
        } else {
            Err(MintError::Life {
                dialect: self.claims.name(),
                life_s_max: longest,
            })
        }
    }

    fn payload(&self, life_s: i64) -> Result<Members, MintError> {
        let issued_at = self.issued_at.seconds();
        if issued_at < 0 {
            return Err(MintError::Time);
        }
        let mut payload = Members::new();
        match &self.claims {
            Minted::Nexmo { subject, acl, jti } => {
                payload.text("application_id", self.own_id()?);
                payload.optional_text("sub", subject.map(UserName::as_str));
                payload.id("jti", *jti)?;
                if let Some(acl) = acl {
                    payload.raw("acl", &acl.to_json_text());
                }
            }
            Minted::Kustomer {
                email,
                external_id,
                jti,
            } => {
                if email.is_none() && external_id.is_none() {
                    return Err(MintError::NoUser);
                }
                payload.optional_text("externalId", external_id.map(ExternalId::as_str));
                payload.optional_text("email", email.map(Email::as_str));
                payload.id("jti", *jti)?;
            }
            Minted::Native { subject, jti } => {
                payload.text("aud", self.own_id()?);
                payload.text("sub", subject.as_str());
                payload.id("jti", *jti)?;
            }
            // A ticket is no JWT; its fields are written by `ticket`.
            Minted::SinchTicket { .. } => {}
            Minted::SinchJwt { user, nonce } => {
                let key = self.own_id()?;
                if key.contains('/') {
                    return Err(MintError::ApplicationId);
                }
                let issuer = format!("{}applications/{key}", sinch::RESOURCE_PREFIX);
                payload.text("sub", &format!("{issuer}/users/{}", user.as_str()));
                payload.text("iss", &issuer);
                payload.id("nonce", Some(nonce))?;
            }
        }
        payload.raw("iat", &issued_at.to_string());
        let plain_kustomer =
            matches!(self.claims, Minted::Kustomer { .. }) && self.life_s.is_none();
        if !plain_kustomer {
            payload.raw("exp", &issued_at.saturating_add(life_s).to_string());
        }
        Ok(payload)
    }

    fn jws(
        &self,
        algorithm: KeyAlgorithm,
        payload: &Members,
        key: &SigningKey,
    ) -> Result<String, MintError> {
        let day = if algorithm == KeyAlgorithm::SinchHmacSha256 {
            self.refuse_kid()?;
            Some(sinch::jwt::day_name(self.issued_at).ok_or(MintError::Time)?)
        } else {
            None
        };
        let mut header = Members::new();
        let name = match algorithm {
            KeyAlgorithm::SinchHmacSha256 => KeyAlgorithm::Hs256.as_str(),
            KeyAlgorithm::Rs256
            | KeyAlgorithm::Es256
            | KeyAlgorithm::EdDsa
            | KeyAlgorithm::Hs256 => algorithm.as_str(),
        };
        header.text("alg", name);
        header.text("typ", "JWT");
        match &day {
            Some(day) => header.text("kid", &format!("{}{day}", sinch::jwt::KID_PREFIX)),
            None => header.optional_text("kid", self.kid.map(Kid::as_str)),
        }
        let mut token = String::new();
        URL_SAFE_NO_PAD.encode_string(header.finish(), &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(payload.finish(), &mut token);
        let signature = match &day {
            Some(day) => key.sign_on_day(day, token.as_bytes()),
            None => key.sign(token.as_bytes()).ok(),
        };
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.ok_or(MintError::Signing)?, &mut token);
        Ok(token)
    }

    fn ticket(&self, user: &UserName, life_s: i64, key: &SigningKey) -> Result<String, MintError> {
        self.refuse_kid()?;
        let created = self.issued_at.to_string();
        // A time that RFC 3339 cannot write would be written as another one.
        if sinch::created::read(&created) != Some(self.issued_at) {
            return Err(MintError::Time);
        }
        let mut identity = Members::new();
        identity.text("type", "username");
        identity.text("endpoint", user.as_str());
        let mut fields = Members::new();
        fields.text("applicationKey", self.own_id()?);
        fields.raw("identity", &identity.finish());
        fields.text("created", &created);
        fields.raw("expiresIn", &life_s.to_string());
        let json = fields.finish();
        let mac = key.sign(json.as_bytes()).map_err(|_| MintError::Signing)?;
        Ok(format!(
            "{}:{}",
            STANDARD.encode(json),
            STANDARD.encode(mac)
        ))
    }

    fn own_id(&self) -> Result<&str, MintError> {
        if self.application_id.is_empty() {
            Err(MintError::ApplicationId)
        } else {
            Ok(self.application_id)
        }
    }

    fn refuse_kid(&self) -> Result<(), MintError> {
        match self.kid {
            Some(_) => Err(MintError::Kid(self.claims.name())),
            None => Ok(()),
        }
    }
}

// === impl Minted ===

impl Minted<'_> {
    /// The form's name, as the command line spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Nexmo { .. } => "nexmo",
            Self::Kustomer { .. } => "kustomer",
            Self::Native { .. } => "native",
            Self::SinchTicket { .. } => "sinch-ticket",
            Self::SinchJwt { .. } => "sinch-jwt",
        }
    }
}

// === impl Members ===

impl Members {
    fn new() -> Self {
        Self(String::new())
    }

    /// A member whose value is JSON already.
    fn raw(&mut self, name: &str, json: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        json::write_string(&mut self.0, name);
        self.0.push(':');
        self.0.push_str(json);
    }

    fn text(&mut self, name: &str, text: &str) {
        let mut json = String::new();
        json::write_string(&mut json, text);
        self.raw(name, &json);
    }

    fn optional_text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    fn id(&mut self, name: &str, id: Option<&str>) -> Result<(), MintError> {
        if id.is_some_and(|id| !(1..=ID_BYTES_MAX).contains(&id.len())) {
            return Err(MintError::Id);
        }
        self.optional_text(name, id);
        Ok(())
    }

    fn finish(&self) -> String {
        format!("{{{}}}", self.0)
    }
}
