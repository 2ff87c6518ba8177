//! A failed request has one line in the log, without anything that is secret.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ThreadId;

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::world::World;

/// Keeps the lines that the server writes on one thread: the other tests run
/// beside this one, each with its server on a thread of its own.
struct Lines {
    thread: ThreadId,
    kept: Arc<Mutex<Vec<String>>>,
}

struct Line(String);

#[tokio::test]
async fn a_failed_request_has_one_line_without_a_secret() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    // What a subscriber of one thread sees depends on what other threads logged
    // first, so that this one is everybody's.
    tracing::subscriber::set_global_default(Lines {
        thread: std::thread::current().id(),
        kept: Arc::clone(&lines),
    })
    .unwrap();
    let world = World::new().await;
    let alice = world.user("alice").await;
    let conversation = world.conversation(&alice).await;
    let credential = world.credential("alice");
    take(&lines);

    let path = format!("/v1/conversations/{conversation}/events?secret=hunter2");
    let call = world.post(&path).bearer(&alice.access);
    let reply = call
        .json(&json!({"type": "text", "body": {"text": "hunter3"}}))
        .send()
        .await;
    reply.problem(400, "bad_request");
    let id = reply.header("x-request-id").unwrap().to_owned();
    let reused = json!({"credential": credential, "current_token": "cs_at_hunter4"});
    world
        .login(&reused)
        .await
        .problem(400, "current_token_invalid");
    world.say(&alice, &conversation, "fine").await.expect(201);
    world.call("HUNTER5", "/v1/sessions").send().await;

    let lines = take(&lines);
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[2].contains("method=other"), "{}", lines[2]);
    for part in [
        &format!("request.id={id}"),
        "method=POST",
        "route=\"/v1/conversations/{conversation_id}/events\"",
        "status=400",
        "code=\"bad_request\"",
    ] {
        assert!(lines[0].contains(part), "{part} in {}", lines[0]);
    }
    for secret in [
        "hunter",
        "HUNTER",
        &alice.access,
        &credential,
        &conversation,
        &world.home.publishable,
    ] {
        let lines = lines.join("\n");
        assert!(!lines.contains(secret), "{secret} in {lines}");
    }
}

fn take(lines: &Mutex<Vec<String>>) -> Vec<String> {
    std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner))
}

// === impl Lines ===

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("countersign_server")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        if std::thread::current().id() != self.thread {
            return;
        }
        let mut line = Line(String::new());
        event.record(&mut line);
        let mut lines = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

// === impl Line ===

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
