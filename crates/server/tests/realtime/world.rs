//! A node on a free port: a real store in a temporary folder, and a clock that
//! the test moves.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use countersign_core::access::action::Action;
use countersign_core::access::principal::Principal;
use countersign_core::access::{Conditional, authorize};
use countersign_core::context::Ctx;
use countersign_core::id::ApplicationId;
use countersign_core::model::api_key::{Role, Roles};
use countersign_core::model::event::EventKind;
use countersign_core::model::revocation::{Revocation, Target};
use countersign_core::model::settings::Settings;
use countersign_core::model::signing_key::KeyMaterial;
use countersign_core::op::api_keys::{NewApiKey, create_api_key, create_operator_key};
use countersign_core::op::applications::{NewApplication, create_application};
use countersign_core::op::authenticate::{Bearer, authenticate};
use countersign_core::op::events::{Content, Send, send};
use countersign_core::op::signing_keys::{NewSigningKey, add_signing_key};
use countersign_core::ports::change::{Change, NewEvent};
use countersign_credential::key::{KeyAlgorithm, Kid};
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::ExternalId;
use countersign_server::connection::Connection;
use countersign_server::native;
use countersign_server::operations::{Operations, Rates};
use countersign_server::realtime::Patience;
use countersign_server::route::Service;
use countersign_server::serve::{Door, Limits, Server, Stopped};
use countersign_store::SqlStore;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::node::{self, TestClock};
use crate::numbers::metric;
use crate::quick_passwords::QuickPasswords;
use crate::switched::Switched;

/// The signing key's name.
pub(crate) const KID: &str = "realtime";

const SECRET: [u8; 32] = [7; 32];
/// 2027-01-15T08:00:00Z.
const BEGIN_MS: i64 = 1_800_000_000_000;

/// A node with one application.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<SqlStore<Switched>>,
    pub(crate) ctx: Arc<Ctx>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) operations: Operations,
    pub(crate) application: ApplicationId,
    pub(crate) operator: String,
    pub(crate) publishable: String,
    pub(crate) key: String,
    pub(crate) admin: String,
    router: Service,
    serial: AtomicU64,
    pub(crate) stop: CancellationToken,
    pub(crate) server: JoinHandle<Stopped>,
    _folder: TempDir,
}

/// What a device keeps.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) session: String,
    pub(crate) device: String,
    pub(crate) user: String,
    /// The `jti` of its credential.
    pub(crate) jti: String,
}

// === impl World ===

impl World {
    pub(crate) async fn new() -> Self {
        Self::patient(Patience::default()).await
    }

    pub(crate) async fn patient(patience: Patience) -> Self {
        Self::with(patience, Rates::for_development()).await
    }

    pub(crate) async fn with(patience: Patience, rates: Rates) -> Self {
        Self::operated(Operations::new(rates, Vec::new()).with_patience(patience)).await
    }

    pub(crate) async fn operated(operations: Operations) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = node::store_on(Switched::new(node::sqlite(&folder).await));
        let clock = TestClock::at(BEGIN_MS);
        let parts = node::parts(&store, &clock, Arc::new(QuickPasswords::default())).await;
        let ctx = Arc::new(Ctx::new(parts).await.unwrap());
        let operator = create_operator_key(&ctx, "test").await.unwrap();
        let operator = operator.text.to_string();
        let (application, [publishable, key, admin]) =
            application(&ctx, &operator, Settings::default()).await;
        let router = native::operated(Arc::clone(&ctx), operations.clone());
        let door = Door {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            service: router.clone(),
        };
        let server = Server::bind(vec![door], Limits::default()).await.unwrap();
        let stop = CancellationToken::new();
        Self {
            store,
            address: server.addresses()[0],
            ctx,
            clock,
            operations,
            application,
            operator,
            publishable,
            key,
            admin,
            router,
            serial: AtomicU64::new(0),
            server: tokio::spawn(server.run(stop.clone())),
            stop,
            _folder: folder,
        }
    }

    /// A text that this world has not used.
    pub(crate) fn unique(&self, what: &str) -> String {
        format!("{what}-{}", self.serial.fetch_add(1, Ordering::Relaxed))
    }

    /// Another application, and its publishable key.
    pub(crate) async fn neighbour(&self) -> (ApplicationId, String) {
        let (id, [publishable, ..]) =
            application(&self.ctx, &self.operator, Settings::default()).await;
        (id, publishable)
    }

    /// A user's credential.
    pub(crate) fn credential(&self, subject: &str, jti: &str) -> String {
        self.credential_for(self.application, subject, jti)
    }

    pub(crate) fn credential_for(
        &self,
        application: ApplicationId,
        subject: &str,
        jti: &str,
    ) -> String {
        let subject = ExternalId::parse(subject).unwrap();
        let order = Order {
            claims: Minted::Native {
                subject: &subject,
                jti: Some(jti),
            },
            application_id: &application.to_string(),
            kid: None,
            issued_at: self.ctx.now(),
            life_s: None,
        };
        let key = SigningKey::from_secret(&SECRET).unwrap();
        mint(&order, &key).unwrap()
    }

    /// Logs a user in on a new device.
    pub(crate) async fn user(&self, subject: &str) -> Device {
        let jti = self.unique("jti");
        let credential = self.credential(subject, &jti);
        self.log_in(json!({ "credential": credential }), jti).await
    }

    pub(crate) async fn log_in(&self, body: Value, jti: String) -> Device {
        let answer = self.post("/v1/sessions", &self.publishable, body).await;
        Device::of(&answer, jti)
    }

    /// Becomes a visitor.
    pub(crate) async fn visitor(&self) -> Device {
        let path = "/v1/sessions/anonymous";
        let answer = self.post(path, &self.publishable, json!({})).await;
        Device::of(&answer, String::new())
    }

    /// Creates a conversation, and answers its id.
    pub(crate) async fn conversation(&self, device: &Device) -> String {
        let body = json!({"display_name": "Support"});
        let answer = self.post("/v1/conversations", &device.access, body).await;
        text(&answer["id"])
    }

    /// Lets a backend add a user, and answers the member's id.
    pub(crate) async fn add(&self, conversation: &str, device: &Device, state: &str) -> String {
        let path = format!("/v1/conversations/{conversation}/members");
        let body = json!({"user": {"id": device.user}, "state": state});
        text(&self.post(&path, &self.key, body).await["id"])
    }

    /// A conversation with these users in it, all of them joined.
    pub(crate) async fn shared(&self, devices: &[&Device]) -> String {
        let id = self.conversation(devices[0]).await;
        for device in &devices[1..] {
            self.add(&id, device, "joined").await;
        }
        id
    }

    /// Sends a text over HTTP, and answers its number.
    pub(crate) async fn say(&self, bearer: &str, conversation: &str, what: &str) -> u64 {
        let path = format!("/v1/conversations/{conversation}/events");
        let body = json!({"type": "text", "body": {"text": what}});
        self.post(&path, bearer, body).await["id"].as_u64().unwrap()
    }

    /// Sends a text over HTTP, and answers whether that was done.
    pub(crate) async fn try_say(&self, bearer: &str, conversation: &str, what: &str) -> bool {
        let path = format!("/v1/conversations/{conversation}/events");
        let body = json!({"type": "text", "body": {"text": what}});
        self.call("POST", &path, bearer, Some(body)).await.0 == 201
    }

    /// Changes the application's settings.
    pub(crate) async fn set(&self, patch: Value) {
        let path = "/v1/applications/current/settings";
        let (status, answer) = self.call("PATCH", path, &self.admin, Some(patch)).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// A call that is done.
    pub(crate) async fn post(&self, path: &str, bearer: &str, body: Value) -> Value {
        let (status, answer) = self.call("POST", path, bearer, Some(body)).await;
        assert!(
            (200..300).contains(&status),
            "POST {path}: {status} {answer}"
        );
        answer
    }

    /// A call, with its status and answer.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        bearer: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let connection = Connection {
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            tls: false,
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {bearer}"))
            .header("content-type", "application/json")
            .extension(connection)
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .unwrap();
        let response = self.router.answer(request).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// A socket that has said nothing yet.
    pub(crate) async fn socket(&self) -> Client {
        Client::open(self.address, &[]).await
    }

    /// A socket of a device, for what is new from now on.
    pub(crate) async fn connect(&self, device: &Device) -> Client {
        self.connect_with(json!({"type": "authenticate", "token": device.access}))
            .await
            .0
    }

    /// A socket of a device that takes little before it is read from.
    pub(crate) async fn connect_with_little_room(&self, device: &Device) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        let mut client = Client::on(stream, "/v1/connect", "countersign.v1", &[])
            .await
            .unwrap();
        client
            .send(json!({"type": "authenticate", "token": device.access}))
            .await;
        assert_eq!(client.frame().await["type"], "welcome");
        client
    }

    /// A socket that goes on after what the device has.
    pub(crate) async fn resume(&self, device: &Device, have: Value) -> (Client, Value) {
        self.connect_with(json!({"type": "authenticate", "token": device.access, "have": have}))
            .await
    }

    /// A socket with its welcome.
    pub(crate) async fn connect_with(&self, authenticate: Value) -> (Client, Value) {
        let mut client = self.socket().await;
        client.send(authenticate).await;
        let welcome = client.frame().await;
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        (client, welcome)
    }

    /// One of the node's numbers.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let request = Request::builder()
            .uri("/metrics")
            .header("authorization", format!("Bearer {}", self.operator))
            .extension(Connection {
                peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
                tls: false,
            })
            .body(Body::empty())
            .unwrap();
        let response = self.router.answer(request).await;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let page = String::from_utf8(body.to_vec()).unwrap();
        metric(&page, name)
    }

    /// Sends a text as a door does once it has let somebody in.
    pub(crate) async fn send_past_the_door(&self, by: &Principal, conversation: &str, what: &str) {
        let new = Send {
            conversation: conversation.parse().unwrap(),
            member: None,
            content: Content::New(EventKind::Text, json!({"text": what}).to_string()),
            files: Vec::new(),
            client_id: None,
        };
        send(&self.ctx, by, new).await.unwrap();
    }

    /// Appends a text behind the node's back: as if its notice had been lost.
    pub(crate) async fn db_append_without_notice(
        &self,
        device: &Device,
        conversation: &str,
        what: &str,
    ) {
        let principal = self.principal(device).await;
        let conversation = conversation.parse().unwrap();
        let (permit, _) = authorize(&principal, &Action::Send(conversation))
            .and_then(Conditional::in_batch)
            .unwrap();
        let event = NewEvent {
            conversation,
            author: principal.author(),
            kind: EventKind::Text,
            body: json!({"text": what}).to_string(),
            assurance: principal.assurance(),
            client_id: None,
            at: self.ctx.now(),
            touches: None,
        };
        let changes = vec![Change::Append(Box::new(event))];
        self.ctx.store.commit(&permit, changes).await.unwrap();
    }

    /// Revokes a session behind the node's back: as if its notice had been lost.
    pub(crate) async fn db_revoke_without_notice(&self, principal: &Principal) {
        let now = self.ctx.now();
        let revocation = Revocation {
            target: Target::Session(principal.session().unwrap().session),
            before: now,
            made_at: now,
            forget_at: now.plus_seconds(86_400),
        };
        let permit = authorize(principal, &Action::ListSessions)
            .and_then(Conditional::outright)
            .unwrap();
        let changes = vec![Change::Revoke(revocation)];
        self.ctx.store.commit(&permit, changes).await.unwrap();
    }

    /// Who a device's access token says that it is.
    pub(crate) async fn principal(&self, device: &Device) -> Principal {
        let bearer = Bearer {
            text: &device.access,
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            confidential: true,
            application: None,
        };
        authenticate(&self.ctx, bearer).await.unwrap()
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

// === impl Device ===

impl Device {
    pub(crate) fn of(answer: &Value, jti: String) -> Self {
        Self {
            access: text(&answer["access_token"]),
            refresh: text(&answer["refresh_token"]),
            session: text(&answer["session"]["id"]),
            device: text(&answer["session"]["device_id"]),
            user: text(&answer["user"]["id"]),
            jti,
        }
    }
}

/// A JSON text's content.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("it is a text").to_owned()
}

/// An application with its publishable key, user key and admin key.
async fn application(
    ctx: &Ctx,
    operator: &str,
    settings: Settings,
) -> (ApplicationId, [String; 3]) {
    let by = async |application| {
        let bearer = Bearer {
            text: operator,
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            confidential: true,
            application,
        };
        authenticate(ctx, bearer).await.unwrap()
    };
    let new = NewApplication {
        name: "home".to_owned(),
        slug: None,
        alias: None,
        settings,
    };
    let made = create_application(ctx, &by(None).await, new).await.unwrap();
    let by = by(Some(made.id)).await;
    let key = NewSigningKey {
        kid: Some(Kid::parse(KID).unwrap()),
        algorithm: KeyAlgorithm::Hs256,
        material: KeyMaterial::Secret(SECRET.to_vec().into()),
    };
    add_signing_key(ctx, &by, key).await.unwrap();
    let mut texts = Vec::new();
    for role in [Role::Tracking, Role::User, Role::Admin] {
        let new = NewApiKey {
            name: role.as_str().to_owned(),
            roles: Roles::new([role]).unwrap(),
            expires_in_days: None,
            cidr: None,
        };
        let created = create_api_key(ctx, &by, new).await.unwrap();
        texts.push(created.text.to_string());
    }
    (made.id, texts.try_into().unwrap())
}
