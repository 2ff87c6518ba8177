//! A node with its native, kustomer and nexmo doors, and two organizations; a
//! clock that the test moves.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::body::Body;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::id::ApplicationId;
use countersign_core::limit;
use countersign_core::model::page::Window;
use countersign_core::op::api_keys::create_operator_key;
use countersign_core::op::conversations::{Create, create_conversation, list_conversations};
use countersign_core::op::tracking::living::living;
use countersign_core::ports::Clock;
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::{Email, ExternalId};
use countersign_server::connection::Connection;
use countersign_server::operations::{Operations, Rates};
use countersign_server::route::Service;
use countersign_server::{kustomer, native, nexmo};
use countersign_store::SqlStore;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::node::{self, TestClock};
use crate::quick_passwords::QuickPasswords;
use crate::switched::Switched;

/// 2023-11-14T22:13:20Z, when the vectors of the door were signed.
pub(crate) const BEGIN_S: i64 = 1_700_000_000;
/// The secret that they were signed with.
pub(crate) const SECRET: &str = "test-secret-0123456789abcdef012345";

/// A node with one organization that matters, and another.
pub(crate) struct World {
    pub(crate) ctx: Arc<Ctx>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) store: Arc<SqlStore<Switched>>,
    operations: Operations,
    pub(crate) application: ApplicationId,
    pub(crate) operator: String,
    /// A key with the roles admin and user.
    pub(crate) backend: String,
    /// The same of the other organization.
    pub(crate) other_backend: String,
    kustomer: Service,
    native: Service,
    nexmo: Service,
    _folder: TempDir,
}

/// A node's doors.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Door {
    Native,
    Kustomer,
    Nexmo,
}

/// A call, before it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) host: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: String,
    pub(crate) peer: IpAddr,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    /// The same, where it is no JSON.
    pub(crate) text: String,
}

/// What a login answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) token: String,
    pub(crate) tracking_id: String,
    pub(crate) customer: String,
}

// === impl World ===

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Rates::for_development()).await
    }

    /// A node at which one may call so often.
    pub(crate) async fn with(rates: Rates) -> Self {
        Self::of(Operations::new(rates, Vec::new())).await
    }

    /// A node that operates like this.
    pub(crate) async fn of(operations: Operations) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = node::store_on(Switched::new(node::sqlite(&folder).await));
        let clock = TestClock::at(BEGIN_S * 1_000);
        let parts = node::parts(&store, &clock, Arc::new(QuickPasswords::default())).await;
        let ctx = Arc::new(Ctx::new(parts).await.unwrap());
        let native = native::operated(Arc::clone(&ctx), operations.clone());
        let operator = create_operator_key(&ctx, "test").await.unwrap();
        let (application, backend) = organization(&native, &operator.text, "demo").await;
        let (_, other_backend) = organization(&native, &operator.text, "other").await;
        Self {
            kustomer: kustomer::operated(Arc::clone(&ctx), operations.clone()),
            nexmo: nexmo::operated(Arc::clone(&ctx), operations.clone()),
            native,
            ctx,
            clock,
            store,
            operations,
            application,
            operator: operator.text.to_string(),
            backend,
            other_backend,
            _folder: folder,
        }
    }

    /// The kustomer door, for who listens with it.
    pub(crate) fn door(&self) -> Service {
        self.kustomer.clone()
    }

    /// Sends a call to a door.
    pub(crate) async fn send(&self, door: Door, call: Call<'_>) -> Reply {
        let service = match door {
            Door::Native => &self.native,
            Door::Kustomer => &self.kustomer,
            Door::Nexmo => &self.nexmo,
        };
        let connection = Connection {
            peer: call.peer,
            tls: !call.peer.is_loopback(),
        };
        let mut request = Request::builder()
            .method(call.method)
            .uri(call.path)
            .extension(connection)
            .header("host", call.host);
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        reply(service, request.body(Body::from(call.body)).unwrap()).await
    }

    /// A call of the organization at the kustomer door, by a backend.
    pub(crate) async fn backend(&self, method: &str, path: &str, bearer: &str) -> Reply {
        let authorization = format!("Bearer {bearer}");
        let headers = [("authorization", &*authorization)];
        let path = format!("/demo{path}");
        let call = Call {
            headers: &headers,
            ..Call::of(method, &path)
        };
        self.send(Door::Kustomer, call).await
    }

    /// The same with a body, by the organization's own backend.
    pub(crate) async fn posted(&self, path: &str, body: Value) -> Reply {
        let authorization = format!("Bearer {}", self.backend);
        let headers = [("authorization", &*authorization)];
        let path = format!("/demo{path}");
        let call = Call {
            headers: &headers,
            body: body.to_string(),
            ..Call::of("POST", &path)
        };
        self.send(Door::Kustomer, call).await
    }

    /// A call of the organization at the kustomer door, by a device.
    pub(crate) async fn device(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Reply {
        let named = [("x-kustomer-tracking-token", token.unwrap_or_default())];
        let path = format!("/demo{path}");
        let call = Call {
            headers: if token.is_some() { &named } else { &[] },
            body: body.map(|body| body.to_string()).unwrap_or_default(),
            ..Call::of(method, &path)
        };
        self.send(Door::Kustomer, call).await
    }

    /// What a client asks when it starts.
    pub(crate) async fn current(&self, token: Option<&str>) -> Reply {
        let path = "/c/v1/tracking/tokens/current";
        self.device("GET", path, token, None).await
    }

    /// A device that is nobody's yet.
    pub(crate) async fn visitor(&self) -> String {
        token(&self.current(None).await.expect(200))
    }

    /// Begins anew.
    pub(crate) async fn reset(&self, token: Option<&str>) -> Reply {
        let path = "/c/v1/tracking/tokens";
        self.device("POST", path, token, Some(json!({}))).await
    }

    /// Uses a token, and changes nothing.
    pub(crate) async fn touch(&self, token: &str) -> Reply {
        let path = "/c/v1/customers/current";
        self.device("PATCH", path, Some(token), Some(json!({})))
            .await
    }

    /// Logs in with the device's token.
    pub(crate) async fn identify(&self, token: Option<&str>, credential: &str) -> Reply {
        let body = json!({ "externalToken": credential });
        self.device("POST", "/c/v1/identity", token, Some(body))
            .await
    }

    /// The same, by external id, which must go well.
    pub(crate) async fn log_in(&self, token: Option<&str>, external_id: &str) -> Identity {
        let credential = self.credential(external_id);
        Identity::of(&self.identify(token, &credential).await.expect(200))
    }

    /// What a backend signs for a customer, by its external id or its address.
    pub(crate) fn credential(&self, customer: &str) -> String {
        let email = Email::parse(customer).ok();
        let external_id = ExternalId::parse(customer).unwrap();
        let claims = Minted::Kustomer {
            email: email.as_ref(),
            external_id: email.is_none().then_some(&external_id),
            jti: None,
        };
        let order = Order {
            claims,
            application_id: &self.application.to_string(),
            kid: None,
            issued_at: self.clock.now(),
            life_s: None,
        };
        let key = SigningKey::from_secret(SECRET.as_bytes()).unwrap();
        mint(&order, &key).unwrap()
    }

    /// Who a token stands for, once it is used.
    pub(crate) async fn principal(&self, token: &str) -> Principal {
        let judge = self.ctx.judge_of(self.application).await.unwrap();
        living(&self.ctx, &judge, token).await.unwrap().principal
    }

    /// Begins a conversation.
    pub(crate) async fn chat(&self, token: &str) -> String {
        let principal = self.principal(token).await;
        let made = create_conversation(&self.ctx, &principal, Create::default()).await;
        made.unwrap().view.conversation.id.to_string()
    }

    /// The conversations that a device sees, the oldest first.
    pub(crate) async fn chats(&self, token: &str) -> Vec<String> {
        let principal = self.principal(token).await;
        let all = Window {
            after: None,
            limit: limit::PAGE_MAX,
        };
        let page = list_conversations(&self.ctx, &principal, all)
            .await
            .unwrap();
        let ids = page
            .items
            .iter()
            .map(|view| view.conversation.id.to_string());
        let mut ids: Vec<String> = ids.collect();
        ids.sort();
        ids
    }

    /// Writes into a chat; the id of what was written.
    pub(crate) async fn say(&self, token: &str, chat: &str, body: &str) -> String {
        let message = json!({ "session": chat, "body": body });
        let path = "/c/v1/chat/messages";
        let reply = self.device("POST", path, Some(token), Some(message)).await;
        text(&reply.expect(201)["data"]["id"])
    }

    /// A call by a device that must go well.
    pub(crate) async fn ask(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Value {
        let reply = self.device(method, path, Some(token), body).await;
        assert!(reply.status < 300, "{method} {path}: {}", reply.body);
        reply.body["data"].clone()
    }

    /// Changes the application's settings.
    pub(crate) async fn set(&self, settings: Value) {
        let path = self.at("/settings");
        self.done("PATCH", &path, Some(settings)).await;
    }

    /// A call at the native door.
    pub(crate) async fn native(
        &self,
        method: &str,
        path: &str,
        bearer: &str,
        body: Option<Value>,
    ) -> Reply {
        ask(&self.native, method, path, bearer, body).await
    }

    /// A call at the native door by the organization's backend, which must do what
    /// is asked.
    pub(crate) async fn done(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let reply = self.native(method, path, &self.backend, body).await;
        assert!(reply.status < 300, "{method} {path}: {}", reply.body);
        reply.body
    }

    /// A path of the native door under the application.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("/v1/applications/{}{path}", self.application)
    }

    /// A new API key of the organization, younger than the last one.
    pub(crate) async fn api_key(&self, roles: &[&str], more: Value) -> Value {
        self.clock.advance_s(1);
        let mut asked = json!({ "name": "a key", "roles": roles });
        for (name, value) in more.as_object().unwrap() {
            asked[name] = value.clone();
        }
        self.done("POST", &self.at("/api-keys"), Some(asked)).await
    }

    /// A number of the node's.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let page = self.native("GET", "/metrics", &self.operator, None).await;
        let name = format!("countersign_{name} ");
        let line = page.text.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap().parse().unwrap()
    }

    /// Looks at all sockets, as the node does every second.
    pub(crate) fn look(&self) {
        self.operations.look_at_sockets(&self.ctx);
    }

    /// The organization's audit log, the newest entry first.
    pub(crate) async fn audit(&self, action: &str) -> Vec<Value> {
        let log = self.done("GET", &self.at("/audit"), None).await;
        let all = log["audit"].as_array().unwrap().iter();
        all.filter(|entry| entry["action"] == action)
            .cloned()
            .collect()
    }
}

// === impl Call ===

impl<'a> Call<'a> {
    pub(crate) fn of(method: &'a str, path: &'a str) -> Self {
        Self {
            method,
            path,
            host: "127.0.0.1:7082",
            headers: &[],
            body: String::new(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
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

    /// The one error, where status and code are these. It has the members of both
    /// shapes that are documented.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        let errors = self.body["errors"].as_array().expect("there is a list");
        assert_eq!(errors.len(), 1, "{}", self.body);
        let error = &errors[0];
        assert_eq!(error["code"], code, "{}", self.body);
        assert_eq!(error["status"], status.to_string());
        for member in ["message", "title", "detail"] {
            assert!(error[member].is_string(), "{member}: {}", self.body);
        }
        for member in ["requestId", "serverTime"] {
            assert!(error["meta"][member].is_string(), "{member}: {}", self.body);
        }
        let type_told = self.header("content-type");
        assert_eq!(type_told, "application/json; charset=utf-8");
        assert_eq!(self.header("access-control-allow-origin"), "*");
        error.clone()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

// === impl Identity ===

impl Identity {
    #[track_caller]
    pub(crate) fn of(body: &Value) -> Self {
        let attributes = &body["data"]["attributes"];
        assert_eq!(attributes["verified"], true, "{body}");
        Self {
            token: text(&attributes["trackingToken"]),
            tracking_id: text(&attributes["trackingId"]),
            customer: text(&attributes["customerId"]),
        }
    }
}

// === impl TestClock ===

impl TestClock {
    pub(crate) fn seconds(&self) -> i64 {
        self.now().seconds()
    }
}

// === helpers ===

/// The token in an answer.
#[track_caller]
pub(crate) fn token(body: &Value) -> String {
    text(&body["data"]["attributes"]["token"])
}

/// A JSON text's content.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("it is a text").to_owned()
}

async fn ask(
    service: &Service,
    method: &str,
    path: &str,
    bearer: &str,
    body: Option<Value>,
) -> Reply {
    let connection = Connection {
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        tls: false,
    };
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .extension(connection)
        .header("authorization", format!("Bearer {bearer}"))
        .header("content-type", "application/json");
    reply(service, request.body(body).unwrap()).await
}

async fn reply(service: &Service, request: Request<Body>) -> Reply {
    let response = service.answer(request).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        text: String::from_utf8_lossy(&body).into_owned(),
    }
}

/// An application with a backend's key and a secret.
async fn organization(native: &Service, operator: &str, slug: &str) -> (ApplicationId, String) {
    let post = async |path: String, body: Value| {
        let reply = ask(native, "POST", &path, operator, Some(body)).await;
        reply.expect(201)
    };
    let asked = json!({ "name": slug, "slug": slug });
    let made = post("/v1/applications".into(), asked).await;
    let id = text(&made["id"]);
    let asked = json!({ "name": "backend", "roles": ["admin", "user"] });
    let backend = post(format!("/v1/applications/{id}/api-keys"), asked).await;
    let asked = json!({ "algorithm": "HS256", "kid": "first", "secret": SECRET });
    post(format!("/v1/applications/{id}/keys"), asked).await;
    (id.parse().unwrap(), text(&backend["key"]))
}
