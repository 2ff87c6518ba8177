//! A token in a query, and one in a header, reach no log line.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::socket_client::Came;
use crate::world::World;

/// Keeps the lines that are written on one thread: the other tests run beside
/// this one, each with its node on a thread of its own.
struct Lines {
    thread: ThreadId,
    kept: Arc<Mutex<Vec<String>>>,
}

struct Line(String);

#[tokio::test]
async fn no_token_reaches_a_line() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    // What a subscriber of one thread sees depends on what other threads logged
    // first, so that this one is everybody's.
    tracing::subscriber::set_global_default(Lines {
        thread: std::thread::current().id(),
        kept: Arc::clone(&lines),
    })
    .unwrap();
    let world = World::new().await;
    let alice = world.person("alice").await;
    let unknown = world.token("nobody");
    let (mut client, _) = world.connect(&alice.token).await;
    client.emit("hunter2", json!({ "tid": "hunter3" })).await;
    client.event().await;
    client.send("hunter4").await;
    assert_eq!(client.next().await, Came::Closed(Some(1002)));
    let (mut refused, _) = world.login(&format!("token={unknown}")).await;
    refused.rest().await;
    let path = "/v0.3/conversations/hunter5?token=hunter6";
    world.get(path, &alice.token).await.expect(404);
    world.get("/v1/users/me", &unknown).await.expect(401);
    let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    let failed = lines
        .iter()
        .filter(|line| line.contains("route=\"/{version}/"));
    assert_eq!(failed.count(), 2, "{lines:#?}");
    let all = lines.join("\n");
    for secret in ["hunter", &alice.token, &unknown, "eyJ"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

// === impl Lines ===

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("countersign") || *metadata.level() <= Level::INFO
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut line = Line(String::new());
        attributes.record(&mut line);
        self.keep(line);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line(String::new());
        values.record(&mut line);
        self.keep(line);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.keep(line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Lines {
    fn keep(&self, line: Line) {
        if std::thread::current().id() == self.thread {
            let mut lines = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            lines.push(line.0);
        }
    }
}

// === impl Line ===

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
