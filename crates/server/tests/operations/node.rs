//! A node without sockets: its router is called directly, so that a test can
//! choose the caller's address.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use bytes::Bytes;
use countersign_core::access::principal::Principal;
use countersign_core::context::{Ctx, Parts};
use countersign_core::id::ApplicationId;
use countersign_core::model::api_key::{Role, Roles};
use countersign_core::model::settings::Settings;
use countersign_core::op::api_keys::{NewApiKey, create_api_key, create_operator_key};
use countersign_core::op::applications::{NewApplication, create_application};
use countersign_core::op::authenticate::{Bearer, authenticate};
use countersign_core::ports::{Clock, Random};
use countersign_core::token::TokenKeys;
use countersign_credential::time::Timestamp;
use countersign_fanout::in_process::InProcess;
use countersign_server::connection::Connection;
use countersign_server::native;
use countersign_server::operations::Operations;
use countersign_server::route::Service;
use countersign_store::SqlStore;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::{KeyEncryptionKey, Keyring};
use countersign_store::sqlite::{Options, Sqlite};
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::quick_passwords::QuickPasswords;
use crate::switched::Switched;

/// An address that stands for a machine elsewhere.
pub(crate) const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// A node with one application.
pub(crate) struct Node {
    router: Service,
    pub(crate) ctx: Arc<Ctx>,
    pub(crate) store: Arc<SqlStore<Switched>>,
    pub(crate) notices: InProcess,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) operator: String,
    pub(crate) publishable: String,
    pub(crate) key: String,
    pub(crate) admin: String,
    _folder: TempDir,
}

/// A request in the making.
pub(crate) struct Call<'a> {
    node: &'a Node,
    request: http::request::Builder,
    connection: Connection,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

struct Repeating(AtomicU64);

// === impl Node ===

impl Node {
    pub(crate) async fn new(operations: Operations) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let random: Arc<dyn Random> = Arc::new(Repeating(AtomicU64::new(0)));
        let clock = Arc::new(TestClock(AtomicI64::new(1_800_000_000_000)));
        let engine = Sqlite::open(folder.path(), Options::default(), MIGRATIONS)
            .await
            .expect("the store opens");
        let sealing = KeyEncryptionKey::from_bytes(Zeroizing::new([7; 32]));
        let keyring = Keyring::new(sealing, Vec::new());
        let engine = Switched::new(engine);
        let store = Arc::new(SqlStore::new(engine, keyring, Arc::clone(&random)));
        let tokens = store.token_keys().await.expect("the store makes a key");
        let fanout = InProcess::new(NonZeroUsize::new(64).expect("64 is not 0"));
        let notices = fanout.clone();
        let parts = Parts {
            store: store.clone(),
            registry: store.clone(),
            fanout: Arc::new(fanout),
            clock: clock.clone(),
            random,
            passwords: Arc::new(QuickPasswords::default()),
            tokens: TokenKeys::new(&tokens),
        };
        let ctx = Arc::new(Ctx::new(parts).await.expect("the store tells its epoch"));
        let operator = create_operator_key(&ctx, "test")
            .await
            .expect("an operator key can be made")
            .text
            .to_string();
        let [publishable, key, admin] = application(&ctx, &operator).await;
        Self {
            router: native::operated(Arc::clone(&ctx), operations),
            ctx,
            store,
            notices,
            clock,
            operator,
            publishable,
            key,
            admin,
            _folder: folder,
        }
    }

    /// A call from another machine, encrypted.
    pub(crate) fn call(&self, method: &str, path: &str) -> Call<'_> {
        Call {
            node: self,
            request: Request::builder().method(method).uri(path),
            connection: Connection {
                peer: ELSEWHERE,
                tls: true,
            },
        }
    }

    /// Becomes a visitor, and answers the access token.
    pub(crate) async fn visitor(&self) -> String {
        let call = self.call("POST", "/v1/sessions/anonymous");
        let reply = call.bearer(&self.publishable).send().await;
        text(&reply.json(201)["access_token"])
    }

    /// Creates a conversation, and answers its id.
    pub(crate) async fn conversation(&self, bearer: &str) -> String {
        let call = self.call("POST", "/v1/conversations").bearer(bearer);
        text(&call.send().await.json(201)["id"])
    }
}

// === impl Call ===

impl Call<'_> {
    pub(crate) fn from(mut self, peer: &str) -> Self {
        self.connection.peer = peer.parse().expect("the test's address is one");
        self
    }

    pub(crate) fn bearer(self, text: &str) -> Self {
        self.header("authorization", &format!("Bearer {text}"))
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) async fn send(self) -> Reply {
        self.send_body(Body::empty()).await
    }

    pub(crate) async fn send_json(self, body: &Value) -> Reply {
        let call = self.header("content-type", "application/json");
        call.send_body(Body::from(body.to_string())).await
    }

    pub(crate) async fn send_body(self, body: impl Into<Body>) -> Reply {
        let request = self
            .request
            .extension(self.connection)
            .body(body.into())
            .expect("the test's request is one");
        let router = self.node.router.clone();
        let response = router.answer(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the body arrives").to_bytes();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }
}

// === impl Reply ===

impl Reply {
    /// The body, of an answer with this status.
    #[track_caller]
    pub(crate) fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// The code of a refusal.
    #[track_caller]
    pub(crate) fn code(&self, status: u16) -> String {
        text(&self.json(status)["code"])
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().expect("our headers are ASCII"))
    }
}

// === impl TestClock ===

impl TestClock {
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

/// An application's publishable key, user key and admin key.
async fn application(ctx: &Ctx, operator: &str) -> [String; 3] {
    let new = NewApplication {
        name: "home".to_owned(),
        slug: None,
        alias: None,
        settings: Settings::default(),
    };
    let by = principal(ctx, operator, None).await;
    let made = create_application(ctx, &by, new)
        .await
        .expect("an operator creates applications");
    let by = principal(ctx, operator, Some(made.id)).await;
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
    texts.try_into().expect("three roles, three keys")
}

async fn principal(ctx: &Ctx, text: &str, application: Option<ApplicationId>) -> Principal {
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
