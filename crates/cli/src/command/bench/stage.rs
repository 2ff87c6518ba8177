//! What our server is given before a clock starts: an application of the
//! bench's own, its users, and their credentials.
//!
//! The application is found again by its slug, so that a server that was filled
//! once is not filled again; the demo application is left as it is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_client::http as api;
use countersign_client::http::{segment, with_query};
use countersign_credential::acl::Acl;
use countersign_credential::json;
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::UserName;
use countersign_wire::code::Code;
use serde_json::{Value, json};

use super::http::{self, Bearer, Call, Tolerance};
use super::protocol::Proof;
use crate::exit::Failure;
use crate::ready::Ready;
use crate::system::System;

const SLUG: &str = "bench";
const API_KEY_NAME: &str = "bench";
const KID: &str = "bench-rs256";
const SINCH_KID: &str = "bench-sinch";
/// Connections over which things are made.
pub(super) const MAKING_CONNECTIONS: usize = 64;
/// How long a credential of the bench lives, in seconds.
const CREDENTIAL_S: u32 = 6 * 3_600;

/// The application that everything happens in.
pub(super) struct Stage {
    system: System,
    api: api::Api,
    pub(super) authority: String,
    operator_key: String,
    signing_key: SigningKey,
    /// Signs tickets. It is the demo application's: a secret is told once, and the
    /// next run would not know another.
    sinch_key: SigningKey,
    sinch_secret: String,
    acl: Acl,
    application_id: String,
    publishable_key: String,
    /// What tells this run's own users and conversations from those of others.
    pub(super) run: String,
}

/// A login over HTTP.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) user_id: String,
    pub(super) access_token: String,
}

/// What a user is called.
pub(super) fn user_name(number: usize) -> String {
    format!("user-{number}")
}

// === impl Stage ===

impl Stage {
    /// Finds the application, or makes it.
    ///
    /// # Errors
    /// If the server is not reached or refuses; if the private key cannot be read.
    pub(super) async fn set(system: System, dev: &Ready, authority: &str) -> Result<Self, Failure> {
        let file = PathBuf::from(&dev.application.nexmo.private_key_file);
        let pem = std::fs::read_to_string(&file)
            .map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display())))?;
        let signing_key = SigningKey::from_private_key_pem(&pem)
            .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
        let sinch_secret = dev.application.sinch.secret.clone();
        let bytes = STANDARD.decode(&sinch_secret).map_err(Failure::usage)?;
        let sinch_key = SigningKey::from_secret(&bytes).map_err(Failure::usage)?;
        let mut stage = Self {
            system,
            api: api::Api::new(&dev.url)?,
            authority: authority.to_owned(),
            operator_key: dev.operator_key.clone(),
            signing_key,
            sinch_key,
            sinch_secret,
            acl: ten_paths()?,
            application_id: String::new(),
            publishable_key: String::new(),
            run: system.random_id()[..8].to_owned(),
        };
        stage.application_id = stage.application().await?;
        stage.settle_keys().await?;
        stage.publishable_key = stage.new_publishable_key().await?.1;
        Ok(stage)
    }

    /// The application's id: of the one with our slug, else of a new one.
    async fn application(&self) -> Result<String, Failure> {
        let mut path = "/v1/applications".to_owned();
        loop {
            let page = self.get(&path).await?;
            let none = Vec::new();
            let mut applications = page["applications"].as_array().unwrap_or(&none).iter();
            if let Some(ours) = applications.find(|application| application["slug"] == SLUG) {
                return id_of(ours);
            }
            match page["next"].as_str() {
                Some(next) => path = with_query("/v1/applications", &[("cursor", next)])?,
                None => break,
            }
        }
        let new = json!({"name": "Bench", "slug": SLUG});
        let made = self.post("/v1/applications", new).await?.accepted()?;
        id_of(&made)
    }

    /// The key of the run, under its name; first logins create; and no access
    /// token is over before the run is.
    async fn settle_keys(&self) -> Result<(), Failure> {
        let public = self
            .signing_key
            .public_key_pem()
            .ok_or_else(|| Failure::usage("the nexmo key has no public half"))?;
        let sinch = json!({
            "kid": SINCH_KID,
            "algorithm": "sinch-hmac-sha256",
            "secret_base64": self.sinch_secret,
        });
        for key in [
            json!({"kid": KID, "algorithm": "RS256", "public_key_pem": public}),
            sinch,
        ] {
            let made = self.post(&self.below("/keys"), key).await?;
            if made.code() != Some(Code::Conflict) {
                made.accepted()?;
            }
        }
        let settings = json!({"unknown_user": {"nexmo": "create"}, "access_s": 3_600});
        let path = self.below("/settings");
        let patch = api::Call::patch(&path, &settings).bearer(&self.operator_key);
        self.api.call(patch).await?.accepted()?;
        let keys = self.get(&self.below("/api-keys")).await?;
        for key in keys["api_keys"].as_array().unwrap_or(&Vec::new()) {
            if key["name"] == API_KEY_NAME
                && let Some(id) = key["id"].as_str()
            {
                let path = self.below(&format!("/api-keys/{}", segment(id)?));
                let delete = api::Call::delete(&path).bearer(&self.operator_key);
                self.api.call(delete).await?.accepted()?;
            }
        }
        Ok(())
    }

    /// A publishable key of this run's own: its id, and its text.
    ///
    /// # Errors
    /// If the server refuses.
    pub(super) async fn new_publishable_key(&self) -> Result<(String, String), Failure> {
        let new = json!({"name": API_KEY_NAME, "roles": ["tracking"]});
        let made = self.post(&self.below("/api-keys"), new).await?.accepted()?;
        match (made["id"].as_str(), made["key"].as_str()) {
            (Some(id), Some(key)) => Ok((id.to_owned(), key.to_owned())),
            _ => Err(Failure::unreached(
                "the server made a key without telling it",
            )),
        }
    }

    /// Revokes a publishable key, and with it every session that it opened.
    ///
    /// # Errors
    /// If the server refuses.
    pub(super) async fn revoke_publishable_key(&self, id: &str) -> Result<(), Failure> {
        let path = format!("/v1/revocations?application_id={}", self.application_id);
        self.post(&path, json!({"api_key_id": id}))
            .await?
            .accepted()?;
        Ok(())
    }

    /// The server's version, as its own description tells it.
    ///
    /// # Errors
    /// If the server is not reached.
    pub(super) async fn server_version(&self) -> Result<Option<String>, Failure> {
        let description = self.get("/openapi.json").await?;
        Ok(description["info"]["version"].as_str().map(str::to_owned))
    }

    /// A call of the operator's, in the application.
    ///
    /// # Errors
    /// If the key has characters that no header takes.
    pub(super) fn order(&self, path: &str, body: &Value) -> Result<Call, Failure> {
        let bearer = Bearer::new(&self.operator_key)?;
        Ok(Call::post(self.in_application(path, ""), &bearer, body))
    }

    /// The end of something, by the operator.
    ///
    /// # Errors
    /// If the key has characters that no header takes.
    pub(super) fn removal(&self, path: &str) -> Result<Call, Failure> {
        let bearer = Bearer::new(&self.operator_key)?;
        Ok(Call::delete(self.in_application(path, ""), &bearer))
    }

    /// A question of the operator's, in the application; the query follows `&`.
    ///
    /// # Errors
    /// If the key has characters that no header takes.
    pub(super) fn question(&self, path: &str, query: &str) -> Result<Call, Failure> {
        let bearer = Bearer::new(&self.operator_key)?;
        Ok(Call::get(self.in_application(path, query), &bearer))
    }

    /// Makes all of these calls, of which none may be refused, and answers in their order.
    ///
    /// # Errors
    /// As [`http::all`].
    pub(super) async fn all(&self, calls: Vec<Call>) -> Result<Vec<http::Answer>, Failure> {
        http::all(
            &self.authority,
            MAKING_CONNECTIONS,
            calls,
            Tolerance::Nothing,
        )
        .await
    }

    /// A credential for each of these users, signed on all cores, each with an id
    /// of its own: no server has seen it before.
    ///
    /// # Errors
    /// If the key does not sign.
    pub(super) fn credentials(&self, users: &[String]) -> Result<Vec<String>, Failure> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let share = users.len().div_ceil(cores).max(1);
        thread::scope(|scope| {
            let signers: Vec<_> = users
                .chunks(share)
                .map(|users| {
                    scope.spawn(|| {
                        users
                            .iter()
                            .map(|user| self.credential(user))
                            .collect::<Result<Vec<_>, _>>()
                    })
                })
                .collect();
            let mut credentials = Vec::with_capacity(users.len());
            for signer in signers {
                credentials.extend(signer.join().expect("a signer does not panic")?);
            }
            Ok(credentials)
        })
    }

    /// A ticket for each of these users, with the user's name before it.
    ///
    /// # Errors
    /// If the key does not sign.
    pub(super) fn tickets(&self, users: &[String]) -> Result<Vec<(String, String)>, Failure> {
        let ticket = |user: &String| {
            let name = UserName::parse(user).map_err(Failure::usage)?;
            let order = Order {
                claims: Minted::SinchTicket { user: &name },
                application_id: &self.application_id,
                kid: None,
                issued_at: self.system.now(),
                life_s: Some(CREDENTIAL_S),
            };
            let ticket = mint(&order, &self.sinch_key).map_err(Failure::usage)?;
            Ok((user.clone(), ticket))
        };
        users.iter().map(ticket).collect()
    }

    /// What logs each of these users in over a socket.
    ///
    /// # Errors
    /// If the key does not sign.
    pub(super) fn proofs(&self, users: &[String]) -> Result<Vec<Proof>, Failure> {
        self.proofs_with(users, &self.publishable_key)
    }

    /// The same, with another publishable key.
    ///
    /// # Errors
    /// If the key does not sign.
    pub(super) fn proofs_with(&self, users: &[String], key: &str) -> Result<Vec<Proof>, Failure> {
        let credentials = self.credentials(users)?;
        let proof = |token| Proof {
            token,
            key: Some(key.to_owned()),
        };
        Ok(credentials.into_iter().map(proof).collect())
    }

    /// The calls by which these users log in over HTTP.
    ///
    /// # Errors
    /// If the key does not sign.
    pub(super) fn logins(&self, users: &[String]) -> Result<Vec<Call>, Failure> {
        let bearer = Bearer::new(&self.publishable_key)?;
        let call = |credential: &String| {
            Call::post("/v1/sessions", &bearer, &json!({"credential": credential}))
        };
        Ok(self.credentials(users)?.iter().map(call).collect())
    }

    /// Logs these users in over HTTP.
    ///
    /// # Errors
    /// If a login is refused.
    pub(super) async fn log_in(&self, users: &[String]) -> Result<Vec<Session>, Failure> {
        let calls = self.logins(users)?;
        let answers = self.all(calls).await?;
        answers
            .iter()
            .map(|answer| {
                let answer = answer.json()?;
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                Ok(Session {
                    user_id: segment(&text(&answer["user"]["id"]))?.to_owned(),
                    access_token: text(&answer["access_token"]),
                })
            })
            .collect()
    }

    /// Logs those of these users in who have never been, as far as the last of
    /// them tells: whoever made it to the end has been through the others.
    ///
    /// # Errors
    /// If a login is refused.
    pub(super) async fn make_known(&self, users: &[String]) -> Result<(), Failure> {
        for user in users.iter().rev().take(2 * MAKING_CONNECTIONS) {
            if !self.has_session(user).await? {
                self.log_in(users).await?;
                break;
            }
        }
        Ok(())
    }

    async fn has_session(&self, user: &str) -> Result<bool, Failure> {
        let path = self.in_application("/v1/users", &format!("&name={user}"));
        let users = self.get(&path).await?;
        let user = &users["users"][0];
        if !user.is_object() {
            return Ok(false);
        }
        let query = format!("&limit=1&user_id={}", id_of(user)?);
        let sessions = self
            .get(&self.in_application("/v1/sessions", &query))
            .await?;
        Ok(sessions["sessions"][0].is_object())
    }

    fn credential(&self, user: &str) -> Result<String, Failure> {
        let subject = UserName::parse(user).map_err(Failure::usage)?;
        let jti = self.system.random_id();
        let order = Order {
            claims: Minted::Nexmo {
                subject: Some(&subject),
                acl: Some(&self.acl),
                jti: Some(&jti),
            },
            application_id: &self.application_id,
            kid: None,
            issued_at: self.system.now(),
            life_s: Some(CREDENTIAL_S),
        };
        mint(&order, &self.signing_key).map_err(Failure::usage)
    }

    async fn get(&self, path: &str) -> Result<Value, Failure> {
        let call = api::Call::get(path).bearer(&self.operator_key);
        Ok(self.api.call(call).await?.accepted()?)
    }

    async fn post(&self, path: &str, body: Value) -> Result<api::Answer, Failure> {
        let call = api::Call::post(path, &body).bearer(&self.operator_key);
        Ok(self.api.call(call).await?)
    }

    fn below(&self, path: &str) -> String {
        format!("/v1/applications/{}{path}", self.application_id)
    }

    fn in_application(&self, path: &str, query: &str) -> String {
        format!("{path}?application_id={}{query}", self.application_id)
    }
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Stage({})", self.application_id)
    }
}

fn id_of(thing: &Value) -> Result<String, Failure> {
    let id = thing["id"].as_str().unwrap_or_default();
    Ok(segment(id)?.to_owned())
}

/// What the client SDKs' own documentation has backends sign: ten paths.
fn ten_paths() -> Result<Acl, Failure> {
    const NOUNS: [&str; 10] = [
        "users",
        "conversations",
        "sessions",
        "devices",
        "image",
        "media",
        "applications",
        "push",
        "knocking",
        "legs",
    ];
    let paths: BTreeMap<String, Value> = NOUNS
        .iter()
        .map(|noun| (format!("/*/{noun}/**"), json!({})))
        .collect();
    let text = json!({"paths": paths}).to_string();
    let value = json::read(text.as_bytes()).map_err(Failure::usage)?;
    Acl::from_json(&value).map_err(Failure::usage)
}
