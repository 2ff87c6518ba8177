//! A node with its native door and its nexmo door, and a backend's key of one
//! application; a clock that the test moves.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, Bytes};
use countersign_core::context::Ctx;
use countersign_core::id::ApplicationId;
use countersign_core::op::api_keys::create_operator_key;
use countersign_core::ports::Clock;
use countersign_credential::acl::Acl;
use countersign_credential::json::read_object;
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::UserName;
use countersign_server::connection::Connection;
use countersign_server::operations::{Operations, Rates};
use countersign_server::realtime::Patience;
use countersign_server::route::Service;
use countersign_server::serve::{Door, Limits, Server};
use countersign_server::{native, nexmo};
use countersign_store::SqlStore;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::node::{self, TestClock};
use crate::numbers::metric;
use crate::quick_passwords::QuickPasswords;
use crate::switched::Switched;

/// 2027-01-15T08:00:00Z.
const BEGIN_MS: i64 = 1_800_000_000_000;
/// How long a credential lives, where a test does not say.
pub(crate) const LIFE_S: u32 = 900;

/// A node with one application.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<SqlStore<Switched>>,
    pub(crate) ctx: Arc<Ctx>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) operations: Operations,
    pub(crate) application: ApplicationId,
    pub(crate) operator: String,
    pub(crate) admin: String,
    pub(crate) kid: String,
    key: SigningKey,
    nexmo: Service,
    native: Service,
    serial: AtomicU64,
    pub(crate) stop: CancellationToken,
    _folder: TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    /// The bytes as JSON, if they are.
    pub(crate) body: Value,
}

/// A user with a credential.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) jti: String,
}

// === impl World ===

impl World {
    pub(crate) async fn new() -> Self {
        Self::patient(Patience::default()).await
    }

    pub(crate) async fn patient(patience: Patience) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = node::store_on(Switched::new(node::sqlite(&folder).await));
        let clock = TestClock::at(BEGIN_MS);
        let parts = node::parts(&store, &clock, Arc::new(QuickPasswords::default())).await;
        let ctx = Arc::new(Ctx::new(parts).await.unwrap());
        let rates = Rates::for_development();
        let operations = Operations::new(rates, Vec::new()).with_patience(patience);
        let native = native::operated(Arc::clone(&ctx), operations.clone());
        let nexmo = nexmo::operated(Arc::clone(&ctx), operations.clone());
        let operator = create_operator_key(&ctx, "test").await.unwrap();
        let (application, admin, made) = application(&native, &operator.text).await;
        let pem = text(&made["private_key_pem"]);
        let door = Door {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            service: nexmo.clone(),
        };
        let server = Server::bind(vec![door], Limits::default()).await.unwrap();
        let address = server.addresses()[0];
        let stop = CancellationToken::new();
        tokio::spawn(server.run(stop.clone()));
        Self {
            address,
            store,
            ctx,
            clock,
            operations,
            application,
            operator: operator.text.to_string(),
            admin,
            kid: text(&made["kid"]),
            key: SigningKey::from_private_key_pem(&pem).unwrap(),
            nexmo,
            native,
            serial: AtomicU64::new(0),
            stop,
            _folder: folder,
        }
    }

    /// A text that this world has not used.
    pub(crate) fn unique(&self, what: &str) -> String {
        format!("{what}-{}", self.serial.fetch_add(1, Ordering::Relaxed))
    }

    /// A user's credential, with an ACL's text.
    pub(crate) fn token_with(&self, name: Option<&str>, acl: Option<&str>, life_s: u32) -> String {
        self.token_named(name, acl, life_s, &self.unique("jti"))
    }

    pub(crate) fn token_named(
        &self,
        name: Option<&str>,
        acl: Option<&str>,
        life_s: u32,
        jti: &str,
    ) -> String {
        let subject = name.map(|name| UserName::parse(name).unwrap());
        let acl = acl.map(|text| {
            let object = format!(r#"{{"acl":{text}}}"#);
            let object = read_object(object.as_bytes()).unwrap();
            Acl::from_json(object.get("acl").unwrap()).unwrap()
        });
        let order = Order {
            claims: Minted::Nexmo {
                subject: subject.as_ref(),
                acl: acl.as_ref(),
                jti: Some(jti),
            },
            application_id: &self.application.to_string(),
            kid: None,
            issued_at: self.clock.now(),
            life_s: Some(life_s),
        };
        mint(&order, &self.key).unwrap()
    }

    /// A user's credential.
    pub(crate) fn token(&self, name: &str) -> String {
        self.token_with(Some(name), None, LIFE_S)
    }

    /// The backend's own bearer.
    pub(crate) fn backend(&self) -> String {
        self.token_with(None, None, LIFE_S)
    }

    /// Creates a user, and mints a credential.
    pub(crate) async fn person(&self, name: &str) -> Person {
        let body = json!({ "name": name, "display_name": name.to_uppercase() });
        let made = self
            .post("/v1/users", &self.backend(), body)
            .await
            .expect(201);
        let jti = self.unique("jti");
        Person {
            id: text(&made["id"]),
            token: self.token_named(Some(name), None, LIFE_S, &jti),
            jti,
        }
    }

    /// A conversation that the first of these people created, all of them joined.
    pub(crate) async fn shared(&self, people: &[&Person]) -> String {
        let creator = &people[0].token;
        let made = self.post("/beta/conversations", creator, json!({})).await;
        let id = text(&made.expect(200)["id"]);
        let members = format!("/v0.3/conversations/{id}/members");
        for person in people {
            let body = json!({
                "state": "joined",
                "channel": { "type": "app" },
                "user": { "id": person.id },
            });
            let bearer = if person.id == people[0].id {
                person.token.clone()
            } else {
                self.backend()
            };
            self.post(&members, &bearer, body).await.expect(201);
        }
        id
    }

    /// Sends a text, and answers its number.
    pub(crate) async fn say(&self, bearer: &str, conversation: &str, what: &str) -> u64 {
        let path = format!("/beta/conversations/{conversation}/events");
        let body = json!({ "type": "text", "body": { "text": what } });
        let sent = self.post(&path, bearer, body).await.expect(200);
        sent["id"].as_u64().unwrap()
    }

    pub(crate) async fn get(&self, path: &str, bearer: &str) -> Reply {
        self.call("GET", path, bearer, None).await
    }

    pub(crate) async fn post(&self, path: &str, bearer: &str, body: Value) -> Reply {
        self.call("POST", path, bearer, Some(body)).await
    }

    /// A call at the nexmo door.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        bearer: &str,
        body: Option<Value>,
    ) -> Reply {
        let header = format!("Bearer {bearer}");
        let body = body.map_or_else(String::new, |body| body.to_string());
        self.raw(method, path, &[("authorization", &header)], body)
            .await
    }

    /// A call at the nexmo door with these headers.
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Reply {
        let mut request = request(method, path).header("host", "nexmo.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        reply(self.nexmo.clone(), request).await
    }

    /// Uploads a picture, as the client SDK does.
    pub(crate) async fn upload(&self, bearer: &str, content: &[u8]) -> Reply {
        let parts = [part("file", content), part("quality_ratio", b"100")];
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        self.send_form(bearer, &content_type, form(&parts)).await
    }

    /// An upload of this body.
    pub(crate) async fn send_form(&self, bearer: &str, content_type: &str, body: Vec<u8>) -> Reply {
        let mut request = request("POST", "/v1/image")
            .header("host", "nexmo.test")
            .header("authorization", format!("Bearer {bearer}"))
            .body(Body::from(body))
            .unwrap();
        let content_type = content_type.parse().unwrap();
        request.headers_mut().insert("content-type", content_type);
        reply(self.nexmo.clone(), request).await
    }

    /// Attaches a file at the native door, as a backend.
    pub(crate) async fn native_file(&self, path: &str, content: &[u8]) -> Reply {
        let request = request("POST", path)
            .header("authorization", format!("Bearer {}", self.admin))
            .body(Body::from(content.to_vec()))
            .unwrap();
        reply(self.native.clone(), request).await
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

    /// One of the node's numbers.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let page = self.native("GET", "/metrics", &self.operator, None).await;
        let page = String::from_utf8(page.bytes.to_vec()).unwrap();
        metric(&page, name)
    }

    /// Looks at all sockets, as the node does every second.
    pub(crate) fn look(&self) {
        self.operations.look_at_sockets(&self.ctx);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
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

    /// The body, where the status and the code are these.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        let body = self.expect(status);
        assert_eq!(body["code"], code, "{body}");
        body
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

// === helpers ===

/// A JSON text's content.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("it is a text").to_owned()
}

/// What stands between the parts of a form.
pub(crate) const BOUNDARY: &str = "----boundary";

/// A part of a form.
pub(crate) fn part(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a.jpg\"\r\n\
         Content-Type: image/jpeg\r\n\r\n"
    );
    [head.as_bytes(), content, b"\r\n"].concat()
}

/// A form of these parts.
pub(crate) fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    let end = format!("--{BOUNDARY}--\r\n");
    [parts.concat(), end.into_bytes()].concat()
}

fn request(method: &str, path: &str) -> http::request::Builder {
    let connection = Connection {
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        tls: false,
    };
    Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json; charset=utf-8")
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
    let header = format!("Bearer {bearer}");
    let request = request(method, path).header("authorization", header);
    reply(router.clone(), request.body(body).unwrap()).await
}

async fn reply(router: Service, request: Request<Body>) -> Reply {
    let response = router.answer(request).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        bytes: body,
    }
}

/// An application with an admin's key and a signing key.
async fn application(native: &Service, operator: &str) -> (ApplicationId, String, Value) {
    let post = async |path: String, bearer: &str, body: Value| {
        let reply = ask(native, "POST", &path, bearer, Some(body)).await;
        reply.expect(201)
    };
    let made = post("/v1/applications".into(), operator, json!({"name": "test"})).await;
    let id = text(&made["id"]);
    let keys = format!("/v1/applications/{id}/api-keys");
    let asked = json!({"name": "admin", "roles": ["admin", "user"]});
    let admin = text(&post(keys, operator, asked).await["key"]);
    let keys = format!("/v1/applications/{id}/keys");
    let key = post(keys, &admin, json!({"algorithm": "RS256"})).await;
    (id.parse().unwrap(), admin, key)
}
