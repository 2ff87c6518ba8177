//! No ticket, secret, signature or query reaches a log line.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::world::World;

/// Keeps the lines that are written on one thread: the other tests run beside
/// this one, each with its node on a thread of its own.
struct Lines {
    thread: ThreadId,
    kept: Arc<Mutex<Vec<String>>>,
}

struct Line(String);

#[tokio::test]
async fn no_secret_reaches_a_line() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    // What a subscriber of one thread sees depends on what other threads logged
    // first, so that this one is everybody's.
    tracing::subscriber::set_global_default(Lines {
        thread: std::thread::current().id(),
        kept: Arc::clone(&lines),
    })
    .unwrap();
    let world = World::new().await;
    let ticket = world.ticket("alice");
    let alice = world.instance("alice").await;
    let mut bad = world.call("POST", "/v1/report/im", r#"{"sent":"hunter2"}"#);
    let signature = alice.sign(&bad);
    bad.body = "hunter3".to_owned();
    world.send(&bad, &signature).await.refused(40_102);
    world.enter("hunter4").await.refused(40_100);
    world.enter(&ticket[1..]).await;
    world.enter_again(&ticket, "hunter5").await.refused(40_400);
    let path = "/v1/user/profile?secret=hunter6";
    world
        .raw("GET", path, &[], String::new())
        .await
        .refused(40_100);
    let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    let failed = lines.iter().filter(|line| line.contains("route=\"/v1/"));
    assert_eq!(failed.count(), 5, "{lines:#?}");
    let (fields, mac) = ticket.split_once(':').unwrap();
    let (_, signature) = signature.rsplit_once(':').unwrap();
    let all = lines.join("\n");
    for secret in ["hunter", fields, mac, signature, &alice.secret, &alice.id] {
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
