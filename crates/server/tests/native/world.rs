//! A whole server on a free port: real sockets, a real store in a temporary
//! folder, a clock that the test moves, and randomness that repeats.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::http::{Call, Reply};
use crate::quick_passwords::QuickPasswords;
use aws_lc_rs::digest::{SHA256, digest};
use countersign_core::access::principal::Principal;
use countersign_core::context::{Ctx, Parts};
use countersign_core::id::ApplicationId;
use countersign_core::model::api_key::{Role, Roles};
use countersign_core::model::settings::Settings;
use countersign_core::model::signing_key::KeyMaterial;
use countersign_core::op::api_keys::{NewApiKey, create_api_key, create_operator_key};
use countersign_core::op::applications::{NewApplication, create_application};
use countersign_core::op::authenticate::{Bearer, authenticate};
use countersign_core::op::signing_keys::{NewSigningKey, add_signing_key};
use countersign_core::ports::{Clock, Random};
use countersign_core::token::TokenKeys;
use countersign_credential::key::KeyAlgorithm;
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::{Email, ExternalId};
use countersign_credential::time::Timestamp;
use countersign_fanout::in_process::InProcess;
use countersign_server::native;
use countersign_server::operations::Operations;
use countersign_server::serve::{Door, Limits, Server};
use countersign_store::SqlStore;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::{KeyEncryptionKey, Keyring};
use countersign_store::sqlite::{Options, Sqlite};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// When every test begins.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_800_000_000);

const SECRET: &[u8; 34] = b"test-secret-0123456789abcdef012345";

/// A server with two applications that must not see each other.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) operator: String,
    pub(crate) home: Application,
    pub(crate) other: Application,
    pub(crate) ctx: Arc<Ctx>,
    serial: AtomicU64,
    stop: CancellationToken,
    _folder: TempDir,
}

/// An application with what its backend holds.
#[derive(Clone)]
pub(crate) struct Application {
    pub(crate) id: ApplicationId,
    pub(crate) publishable: String,
    pub(crate) key: String,
    pub(crate) admin: String,
}

/// What a device keeps.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) session: String,
    pub(crate) device: String,
    pub(crate) user: String,
    pub(crate) answer: Value,
}

#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

struct Repeating(AtomicU64);

// === impl World ===

impl World {
    pub(crate) async fn new() -> Self {
        Self::operated(Operations::default()).await
    }

    pub(crate) async fn operated(operations: Operations) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let random: Arc<dyn Random> = Arc::new(Repeating(AtomicU64::new(0)));
        let clock = Arc::new(TestClock(AtomicI64::new(START.milliseconds())));
        let engine = Sqlite::open(folder.path(), Options::default(), MIGRATIONS)
            .await
            .expect("the store opens");
        let sealing = KeyEncryptionKey::from_bytes(Zeroizing::new([7; 32]));
        let keyring = Keyring::new(sealing, Vec::new());
        let store = Arc::new(SqlStore::new(engine, keyring, Arc::clone(&random)));
        let tokens = store.token_keys().await.expect("the store makes a key");
        let fanout = InProcess::new(NonZeroUsize::new(64).expect("64 is not 0"));
        let parts = Parts {
            store: store.clone(),
            registry: store,
            fanout: Arc::new(fanout),
            clock: clock.clone(),
            random,
            passwords: Arc::new(QuickPasswords::default()),
            tokens: TokenKeys::new(&tokens),
        };
        let ctx = Arc::new(Ctx::new(parts).await.expect("the store tells its epoch"));
        let operator = create_operator_key(&ctx, "test")
            .await
            .expect("an operator key can be made");
        let operator = operator.text.to_string();
        let home = application(&ctx, &operator, "home").await;
        let other = application(&ctx, &operator, "other").await;
        let door = Door {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            service: native::operated(ctx.clone(), operations),
        };
        let server = Server::bind(vec![door], Limits::default())
            .await
            .expect("a free port can be bound");
        let address = server.addresses()[0];
        let stop = CancellationToken::new();
        tokio::spawn(server.run(stop.clone()));
        Self {
            address,
            clock,
            operator,
            home,
            other,
            ctx,
            serial: AtomicU64::new(0),
            stop,
            _folder: folder,
        }
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        Call::new(self.address, method, path).of_the_api()
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    pub(crate) fn post(&self, path: &str) -> Call {
        self.call("POST", path)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A text that this world has not used.
    pub(crate) fn unique(&self, what: &str) -> String {
        format!("{what}-{}", self.serial.fetch_add(1, Ordering::Relaxed))
    }

    /// A native credential of the home application, each with a `jti` of its own.
    pub(crate) fn credential(&self, subject: &str) -> String {
        self.credential_for(&self.home, subject)
    }

    pub(crate) fn credential_for(&self, application: &Application, subject: &str) -> String {
        let jti = self.unique("jti");
        let subject = ExternalId::parse(subject).expect("the test's subject is one");
        let claims = Minted::Native {
            subject: &subject,
            jti: Some(&jti),
        };
        self.minted(application, claims)
    }

    pub(crate) fn kustomer(&self, email: Option<&str>, external_id: Option<&str>) -> String {
        let email = email.map(|text| Email::parse(text).expect("the test's address is one"));
        let external_id =
            external_id.map(|id| ExternalId::parse(id).expect("the test's id is one"));
        let claims = Minted::Kustomer {
            email: email.as_ref(),
            external_id: external_id.as_ref(),
            jti: None,
        };
        self.minted(&self.home, claims)
    }

    fn minted(&self, application: &Application, claims: Minted<'_>) -> String {
        let order = Order {
            claims,
            application_id: &application.id.to_string(),
            kid: None,
            issued_at: self.now(),
            life_s: None,
        };
        let key = SigningKey::from_secret(SECRET).expect("the test's secret is one");
        mint(&order, &key).expect("the test's credential can be minted")
    }

    /// Becomes a visitor.
    pub(crate) async fn visitor(&self) -> Device {
        let reply = self
            .post("/v1/sessions/anonymous")
            .bearer(&self.home.publishable)
            .json(&json!({}))
            .send()
            .await;
        Device::of(&reply.expect(201))
    }

    /// Logs a user in on a new device.
    pub(crate) async fn user(&self, subject: &str) -> Device {
        let credential = self.credential(subject);
        Device::of(
            &self
                .login(&json!({ "credential": credential }))
                .await
                .expect(201),
        )
    }

    /// Logs in with the publishable key.
    pub(crate) async fn login(&self, body: &Value) -> Reply {
        self.post("/v1/sessions")
            .bearer(&self.home.publishable)
            .json(body)
            .send()
            .await
    }

    /// Creates a conversation, and answers its id.
    pub(crate) async fn conversation(&self, device: &Device) -> String {
        let reply = self
            .post("/v1/conversations")
            .bearer(&device.access)
            .json(&json!({"display_name": "Support"}))
            .send()
            .await;
        text(&reply.expect(201)["id"])
    }

    /// Sends a text.
    pub(crate) async fn say(&self, device: &Device, conversation: &str, what: &str) -> Reply {
        self.post(&format!("/v1/conversations/{conversation}/events"))
            .bearer(&device.access)
            .json(&json!({"type": "text", "body": {"text": what}}))
            .send()
            .await
    }

    /// The texts of a conversation, in order.
    pub(crate) async fn texts(&self, bearer: &str, conversation: &str) -> Vec<String> {
        let reply = self
            .get(&format!("/v1/conversations/{conversation}/events"))
            .bearer(bearer)
            .send()
            .await
            .expect(200);
        let events = reply["events"].as_array().expect("events are a list");
        let texts = events.iter().filter(|event| event["type"] == "text");
        texts.map(|event| text(&event["body"]["text"])).collect()
    }

    /// The ids of the conversations that a bearer lists.
    pub(crate) async fn conversations(&self, bearer: &str) -> Vec<String> {
        let reply = self
            .get("/v1/conversations")
            .bearer(bearer)
            .send()
            .await
            .expect(200);
        let list = reply["conversations"].as_array().expect("it is a list");
        list.iter().map(|one| text(&one["id"])).collect()
    }

    /// Refreshes.
    pub(crate) async fn refresh(&self, token: &str, nonce: Option<&str>) -> Reply {
        self.post("/v1/sessions/refresh")
            .json(&json!({"refresh_token": token, "nonce": nonce}))
            .send()
            .await
    }

    /// Whether an access token opens anything.
    pub(crate) async fn lives(&self, device: &Device) -> bool {
        let reply = self
            .get("/v1/conversations")
            .bearer(&device.access)
            .send()
            .await;
        reply.status == 200
    }

    /// Changes the home application's settings, as its admin does.
    pub(crate) async fn set(&self, patch: &Value) {
        self.call("PATCH", "/v1/applications/current/settings")
            .bearer(&self.home.admin)
            .json(patch)
            .send()
            .await
            .expect(200);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

// === impl Device ===

impl Device {
    pub(crate) fn of(answer: &Value) -> Self {
        Self {
            access: text(&answer["access_token"]),
            refresh: text(&answer["refresh_token"]),
            session: text(&answer["session"]["id"]),
            device: text(&answer["session"]["device_id"]),
            user: text(&answer["user"]["id"]),
            answer: answer.clone(),
        }
    }
}

// === impl TestClock ===

impl TestClock {
    pub(crate) fn advance_s(&self, seconds: i64) {
        self.advance_ms(seconds * 1_000);
    }

    pub(crate) fn advance_ms(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.0.load(Ordering::Relaxed))
    }
}

impl Random for Repeating {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            let block = digest(&SHA256, &number.to_be_bytes());
            chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
        }
    }
}

// === helpers ===

/// A JSON text's content.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("it is a text").to_owned()
}

async fn application(ctx: &Ctx, operator: &str, slug: &str) -> Application {
    let new = NewApplication {
        name: slug.to_owned(),
        slug: Some(slug.parse().expect("the test's slug is one")),
        alias: None,
        settings: Settings::default(),
    };
    let by = principal(ctx, operator, None).await;
    let made = create_application(ctx, &by, new)
        .await
        .expect("an operator creates applications");
    let by = principal(ctx, operator, Some(made.id)).await;
    let key = NewSigningKey {
        kid: None,
        algorithm: KeyAlgorithm::Hs256,
        material: KeyMaterial::Secret(Zeroizing::new(SECRET.to_vec())),
    };
    add_signing_key(ctx, &by, key)
        .await
        .expect("an operator adds keys");
    let mut texts = Vec::new();
    for role in [Role::Tracking, Role::User, Role::Admin] {
        let new = NewApiKey {
            name: role.as_str().to_owned(),
            roles: Roles::new([role]).expect("one role is a set of roles"),
            expires_in_days: None,
            cidr: None,
        };
        let created = create_api_key(ctx, &by, new)
            .await
            .expect("an operator creates API keys");
        texts.push(created.text.to_string());
    }
    let [publishable, key, admin] = texts.try_into().expect("three roles, three keys");
    Application {
        id: made.id,
        publishable,
        key,
        admin,
    }
}

pub(crate) async fn principal(
    ctx: &Ctx,
    text: &str,
    application: Option<ApplicationId>,
) -> Principal {
    let bearer = Bearer {
        text,
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        confidential: true,
        application,
    };
    authenticate(ctx, bearer)
        .await
        .expect("the test's key is one")
}
