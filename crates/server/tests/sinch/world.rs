//! A node with its native door and its sinch door, and a backend's key of one
//! application; a clock that the test moves.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use aws_lc_rs::hmac;
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::context::Ctx;
use countersign_core::id::ApplicationId;
use countersign_core::model::password::{Password, PasswordHash};
use countersign_core::op::api_keys::create_operator_key;
use countersign_core::ports::Clock;
use countersign_core::ports::passwords::{Passwords, PasswordsError};
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::UserName;
use countersign_server::connection::Connection;
use countersign_server::operations::{Operations, Rates};
use countersign_server::route::Service;
use countersign_server::sinch::Messaging;
use countersign_server::{native, sinch};
use countersign_store::SqlStore;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::node::{self, TestClock};
use crate::numbers::metric;
use crate::quick_passwords::QuickPasswords;
use crate::switched::Switched;

/// 2027-01-15T08:00:00Z.
const BEGIN_MS: i64 = 1_800_000_000_000;
/// As the SDK writes it.
pub(crate) const CONTENT_TYPE: &str = "application/json; charset=UTF-8";

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A node with one application.
pub(crate) struct World {
    pub(crate) ctx: Arc<Ctx>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) application: ApplicationId,
    operator: String,
    admin: String,
    pub(crate) kid: String,
    pub(crate) secret: Vec<u8>,
    pub(crate) store: Arc<SqlStore<Switched>>,
    pub(crate) operations: Operations,
    sinch: Service,
    /// The listener for messages.
    pub(crate) messages: Service,
    /// The same without a listener for messages.
    silent: Service,
    native: Service,
    folder: TempDir,
    pub(crate) passwords: Arc<Counted>,
}

/// Counts what is worked on.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    quick: QuickPasswords,
    hashed: AtomicUsize,
    compared: AtomicUsize,
    busy: AtomicBool,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// What a client keeps of its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// A request, before it is signed.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: String,
    pub(crate) at: String,
}

// === impl World ===

impl World {
    pub(crate) async fn new() -> Self {
        Self::operated(Operations::new(Rates::for_development(), Vec::new())).await
    }

    pub(crate) async fn operated(operations: Operations) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = node::store_on(Switched::new(node::sqlite(&folder).await));
        let clock = TestClock::at(BEGIN_MS);
        let passwords = Arc::<Counted>::default();
        let parts = node::parts(&store, &clock, Arc::clone(&passwords) as _).await;
        let ctx = Arc::new(Ctx::new(parts).await.unwrap());
        let native = native::operated(Arc::clone(&ctx), operations.clone());
        let messaging = Messaging {
            host: "messages.test".to_owned(),
        };
        let sinch = sinch::operated(Arc::clone(&ctx), operations.clone(), Some(messaging));
        let messages = sinch::messaging::operated(Arc::clone(&ctx), operations.clone());
        let silent = sinch::operated(Arc::clone(&ctx), operations.clone(), None);
        let operator = create_operator_key(&ctx, "test").await.unwrap();
        let (application, admin, key) = application(&native, &operator.text).await;
        Self {
            ctx,
            clock,
            application,
            operator: operator.text.to_string(),
            admin,
            kid: text(&key["kid"]),
            secret: STANDARD.decode(text(&key["secret_base64"])).unwrap(),
            store,
            operations,
            sinch,
            messages,
            silent,
            native,
            folder,
            passwords,
        }
    }

    /// Where the database is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn minted(&self, claims: Minted<'_>) -> String {
        let order = Order {
            claims,
            application_id: &self.application.to_string(),
            kid: None,
            issued_at: self.clock.now(),
            life_s: None,
        };
        let key = SigningKey::from_secret(&self.secret).unwrap();
        mint(&order, &key).unwrap()
    }

    /// A user's ticket, as the vendor's generator makes it.
    pub(crate) fn ticket(&self, name: &str) -> String {
        let user = &UserName::parse(name).unwrap();
        self.minted(Minted::SinchTicket { user })
    }

    /// A user's JWT of today's form.
    pub(crate) fn jwt(&self, name: &str, nonce: &str) -> String {
        let user = &UserName::parse(name).unwrap();
        self.minted(Minted::SinchJwt { user, nonce })
    }

    /// Opens a session with a credential of the SDK's scheme.
    pub(crate) async fn enter(&self, credential: &str) -> Reply {
        self.with_credential("POST", "/v1/instance", &format!("user {credential}"))
            .await
    }

    /// Opens it again by its instance's id.
    pub(crate) async fn enter_again(&self, credential: &str, id: &str) -> Reply {
        let path = format!("/v1/instances/id/{id}/authorization");
        let header = format!("user {credential}");
        self.with_credential("PUT", &path, &header).await
    }

    async fn with_credential(&self, method: &str, path: &str, header: &str) -> Reply {
        let body = json!({
            "version": { "os": "Chrome", "platform": "Linux", "sdk": "js/1.4.12" },
            "services": { "calling": ["online", "im"] },
            "expiresIn": 31_536_000,
        });
        let headers = [("authorization", header), ("content-type", CONTENT_TYPE)];
        self.raw(method, path, &headers, body.to_string()).await
    }

    /// A new session of a user.
    pub(crate) async fn instance(&self, name: &str) -> Instance {
        Instance::of(self.enter(&self.ticket(name)).await)
    }

    /// A request of this moment.
    pub(crate) fn call(&self, method: &'static str, path: &str, body: &str) -> Call {
        Call {
            method,
            path: path.to_owned(),
            body: body.to_owned(),
            at: self.clock.now().to_string(),
        }
    }

    /// Sends a request with this `Authorization`.
    pub(crate) async fn send(&self, call: &Call, authorization: &str) -> Reply {
        let headers = [
            ("authorization", authorization),
            ("content-type", CONTENT_TYPE),
            ("x-timestamp", &call.at),
        ];
        self.raw(call.method, &call.path, &headers, call.body.clone())
            .await
    }

    /// Signs as the SDK does, and sends.
    pub(crate) async fn signed(
        &self,
        instance: &Instance,
        method: &'static str,
        path: &str,
        body: &str,
    ) -> Reply {
        let call = self.call(method, path, body);
        self.send(&call, &instance.sign(&call)).await
    }

    /// Whether the instance is good: what a client asks that comes back.
    pub(crate) async fn profile(&self, instance: &Instance) -> Reply {
        self.signed(instance, "GET", "/v1/user/profile", "").await
    }

    /// The same at a node that has no listener for messages.
    pub(crate) async fn signed_at_silent(&self, instance: &Instance, path: &str) -> Reply {
        let call = self.call("GET", path, "");
        let request = request("GET", path)
            .header("authorization", instance.sign(&call))
            .header("content-type", CONTENT_TYPE)
            .header("x-timestamp", &call.at);
        let request = request.body(Body::empty()).unwrap();
        reply(self.silent.clone(), request).await
    }

    /// A call at the sinch door with these headers alone.
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Reply {
        self.raw_from(LOCAL, method, path, headers, body).await
    }

    /// The same from another machine.
    pub(crate) async fn raw_from(
        &self,
        peer: IpAddr,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Reply {
        let mut request = request_from(peer, method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        reply(self.sinch.clone(), request).await
    }

    /// A call by an app, which names its application.
    pub(crate) async fn app(&self, path: &str, body: &Value) -> Reply {
        self.app_from(LOCAL, path, &body.to_string()).await
    }

    /// The same from another machine.
    pub(crate) async fn app_from(&self, peer: IpAddr, path: &str, body: &str) -> Reply {
        let key = format!("application {}", self.application);
        let headers = [
            ("authorization", key.as_str()),
            ("content-type", CONTENT_TYPE),
        ];
        self.raw_from(peer, "POST", path, &headers, body.to_owned())
            .await
    }

    /// Signs up under a name.
    pub(crate) async fn sign_up(&self, name: &str, password: &str) -> Reply {
        let identities = json!([{ "type": "username", "endpoint": name }]);
        let body = json!({ "password": password, "identities": identities });
        self.app("/v1/users", &body).await
    }

    /// Signs in as the SDK does.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Reply {
        let path = format!("/v1/users/username/{name}/authentication");
        let body = json!({ "username": name, "password": password, "expiresIn": 86_400 });
        self.app(&path, &body).await
    }

    /// A user who signed up, with a session.
    pub(crate) async fn managed(&self, name: &str, password: &str) -> Instance {
        let reply = self.sign_up(name, password).await.expect(200);
        Instance::of(self.enter(&text(&reply["authorization"])).await)
    }

    /// Another session of such a user.
    pub(crate) async fn managed_again(&self, name: &str, password: &str) -> Instance {
        let reply = self.sign_in(name, password).await.expect(200);
        Instance::of(self.enter(&text(&reply["authorization"])).await)
    }

    /// The entries of the application's log for an action, the newest first.
    pub(crate) async fn audit(&self, action: &str) -> Vec<Value> {
        let path = format!("/v1/applications/{}/audit", self.application);
        let log = self.done("GET", &path, None).await;
        let entries = log["audit"].as_array().unwrap().iter();
        let of_action = entries.filter(|entry: &&Value| entry["action"] == action);
        of_action.cloned().collect()
    }

    /// A call at the native door with this bearer.
    pub(crate) async fn native(
        &self,
        method: &str,
        path: &str,
        bearer: &str,
        body: Option<Value>,
    ) -> Reply {
        ask(&self.native, method, path, bearer, body).await
    }

    /// A call at the native door by somebody without a bearer.
    pub(crate) async fn by_stranger(&self, method: &str, path: &str, body: Value) -> Reply {
        let request = request(method, path).header("content-type", "application/json");
        let request = request.body(Body::from(body.to_string())).unwrap();
        reply(self.native.clone(), request).await
    }

    /// A call at the native door by the application's admin.
    pub(crate) async fn by_admin(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        self.native(method, path, &self.admin, body).await
    }

    /// A call at the native door by the application's admin, which must do what
    /// is asked.
    pub(crate) async fn done(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let reply = ask(&self.native, method, path, &self.admin, body).await;
        assert!(reply.status < 300, "{method} {path}: {}", reply.body);
        reply.body
    }

    /// A visitor's id, who has begun a conversation.
    pub(crate) async fn visitor(&self) -> String {
        let path = format!("/v1/applications/{}/api-keys", self.application);
        let asked = json!({ "name": "page", "roles": ["tracking"] });
        let key = text(&self.done("POST", &path, Some(asked)).await["key"]);
        let path = "/v1/sessions/anonymous";
        let entered = ask(&self.native, "POST", path, &key, Some(json!({}))).await;
        let entered = entered.expect(201);
        let token = text(&entered["access_token"]);
        let begun = ask(
            &self.native,
            "POST",
            "/v1/conversations",
            &token,
            Some(json!({})),
        )
        .await;
        begun.expect(201);
        text(&entered["user"]["id"])
    }

    /// The same, whatever it is answered.
    pub(crate) async fn answered(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        ask(&self.native, method, path, &self.admin, body).await
    }

    /// One of the node's numbers.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let request = request("GET", "/metrics")
            .header("authorization", format!("Bearer {}", self.operator))
            .body(Body::empty())
            .unwrap();
        let response = self.native.answer(request).await;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let all = std::str::from_utf8(&body).unwrap();
        metric(all, name)
    }

    /// Deletes the application.
    pub(crate) async fn delete_application(&self) {
        let path = format!("/v1/applications/{}", self.application);
        let reply = ask(&self.native, "DELETE", &path, &self.operator, None).await;
        assert_eq!(reply.status, 204, "{}", reply.body);
    }

    /// Changes the application's settings.
    pub(crate) async fn set(&self, settings: Value) {
        let path = format!("/v1/applications/{}/settings", self.application);
        self.done("PATCH", &path, Some(settings)).await;
    }

    /// A user's id, by their name.
    pub(crate) async fn user(&self, name: &str) -> String {
        let path = format!("/v1/users?name={name}");
        let found = self.done("GET", &path, None).await;
        text(&found["users"][0]["id"])
    }

    /// A user's open sessions, the newest first.
    pub(crate) async fn sessions(&self, name: &str) -> Vec<Value> {
        let path = format!("/v1/sessions?user_id={}", self.user(name).await);
        let found = self.done("GET", &path, None).await;
        found["sessions"].as_array().unwrap().clone()
    }
}

// === impl Instance ===

impl Instance {
    #[track_caller]
    pub(crate) fn of(reply: Reply) -> Self {
        let body = reply.expect(200);
        Self {
            id: text(&body["id"]),
            secret: text(&body["secret"]),
        }
    }

    /// The header that signs a request.
    pub(crate) fn sign(&self, call: &Call) -> String {
        let secret = STANDARD.decode(&self.secret).unwrap();
        format!("instance {}:{}", self.id, call.signature(&secret))
    }
}

// === impl Call ===

impl Call {
    /// As the SDK signs: without the query.
    pub(crate) fn signature(&self, secret: &[u8]) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        self.signature_over(secret, path)
    }

    pub(crate) fn signature_over(&self, secret: &[u8], path: &str) -> String {
        let Self {
            method, body, at, ..
        } = self;
        let mut md5 = STANDARD.encode(Md5::digest(body.as_bytes()));
        if body.is_empty() {
            md5.clear();
        }
        let text = format!("{method}\n{md5}\n{CONTENT_TYPE}\nx-timestamp:{at}\n{path}");
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        STANDARD.encode(hmac::sign(&key, text.as_bytes()))
    }
}

// === impl Reply ===

impl Reply {
    /// The body, where the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// The body, where the number is this one, and the status its beginning.
    #[track_caller]
    pub(crate) fn refused(self, code: u32) -> Value {
        assert_eq!(self.body["errorCode"], code, "{}", self.body);
        assert_eq!(u32::from(self.status), code / 100);
        assert_eq!(self.header("content-type"), "application/json");
        assert!(self.body["message"].is_string(), "{}", self.body);
        self.body
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

// === impl Counted ===

impl Counted {
    /// How many were hashed and how many compared since this was asked last.
    pub(crate) fn work(&self) -> (usize, usize) {
        let take = |count: &AtomicUsize| count.swap(0, Ordering::Relaxed);
        (take(&self.hashed), take(&self.compared))
    }

    /// From now on as many wait as may, or none.
    pub(crate) fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::Relaxed);
    }

    fn count(&self, count: &AtomicUsize) -> Result<(), PasswordsError> {
        if self.busy.load(Ordering::Relaxed) {
            return Err(PasswordsError::Busy);
        }
        count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait]
impl Passwords for Counted {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, PasswordsError> {
        self.count(&self.hashed)?;
        self.quick.hash(password).await
    }

    async fn verify(
        &self,
        password: &Password,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordsError> {
        self.count(&self.compared)?;
        self.quick.verify(password, hash).await
    }
}

// === helpers ===

/// A JSON text's content.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("it is a text").to_owned()
}

pub(crate) fn request(method: &str, path: &str) -> http::request::Builder {
    request_from(LOCAL, method, path)
}

fn request_from(peer: IpAddr, method: &str, path: &str) -> http::request::Builder {
    let connection = Connection { peer, tls: false };
    Request::builder()
        .method(method)
        .uri(path)
        .extension(connection)
}

async fn ask(
    router: &Service,
    method: &str,
    path: &str,
    bearer: &str,
    body: Option<Value>,
) -> Reply {
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let request = request(method, path)
        .header("authorization", format!("Bearer {bearer}"))
        .header("content-type", "application/json");
    reply(router.clone(), request.body(body).unwrap()).await
}

pub(crate) async fn reply(router: Service, request: Request<Body>) -> Reply {
    let response = router.answer(request).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    }
}

/// An application with an admin's key and a secret.
async fn application(native: &Service, operator: &str) -> (ApplicationId, String, Value) {
    let post = async |path: String, bearer: &str, body: Value| {
        let reply = ask(native, "POST", &path, bearer, Some(body)).await;
        reply.expect(201)
    };
    let asked = json!({ "name": "test", "alias": "your-app-key" });
    let made = post("/v1/applications".into(), operator, asked).await;
    let id = text(&made["id"]);
    let keys = format!("/v1/applications/{id}/api-keys");
    let asked = json!({"name": "admin", "roles": ["admin", "user"]});
    let admin = text(&post(keys, operator, asked).await["key"]);
    let keys = format!("/v1/applications/{id}/keys");
    let asked = json!({ "algorithm": "sinch-hmac-sha256" });
    let key = post(keys, &admin, asked).await;
    (id.parse().unwrap(), admin, key)
}
