//! The janitor, by what callers see: nothing of it, but for silent visitors.

use countersign_core::error::Code;
use countersign_core::limit;
use countersign_core::op::janitor::{Progress, Run, clean};
use countersign_core::ports::Clock as _;
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::ExternalId;
use countersign_server::operations::Operations;
use serde_json::{Value, json};

use crate::node::{Node, Reply, text};

const SECRET: &str = "test-secret-0123456789abcdef012345";
const DAY_MS: i64 = 86_400_000;
/// More than any test has work for.
const RUNS_MAX: usize = 100;

/// A node whose application has a signing key and these settings.
struct Kept {
    node: Node,
    application: String,
}

/// The tokens of a session.
struct Tokens {
    access: String,
    refresh: String,
}

// === impl Kept ===

impl Kept {
    async fn new(settings: &Value) -> Self {
        let node = Node::new(Operations::default()).await;
        let call = node.call("POST", "/v1/applications/current/keys");
        let key = json!({"algorithm": "HS256", "kid": "key", "secret": SECRET});
        call.bearer(&node.admin).send_json(&key).await.json(201);
        let call = node.call("GET", "/v1/applications/current");
        let application = call.bearer(&node.admin).send().await.json(200);
        let kept = Self {
            application: text(&application["id"]),
            node,
        };
        kept.set(settings).await;
        kept
    }

    async fn set(&self, settings: &Value) {
        let call = self.node.call("PATCH", "/v1/applications/current/settings");
        let set = call.bearer(&self.node.admin).send_json(settings).await;
        set.json(200);
    }

    fn credential(&self, user: &str, jti: &str) -> String {
        let order = Order {
            claims: Minted::Native {
                subject: &ExternalId::parse(user).expect("the test's id is one"),
                jti: Some(jti),
            },
            application_id: &self.application,
            kid: None,
            issued_at: self.node.clock.now(),
            life_s: Some(86_400),
        };
        let key = SigningKey::from_secret(SECRET.as_bytes()).expect("the test's secret is one");
        mint(&order, &key).expect("the test's credential can be minted")
    }

    async fn log_in(&self, credential: &str) -> Reply {
        let call = self.node.call("POST", "/v1/sessions");
        let body = json!({ "credential": credential });
        call.bearer(&self.node.publishable).send_json(&body).await
    }

    async fn user(&self, name: &str) -> Tokens {
        let credential = self.credential(name, &format!("of {name}"));
        Tokens::of(&self.log_in(&credential).await.json(201))
    }

    /// A visitor with a conversation, to which they have said something.
    async fn visitor(&self) -> (Tokens, String) {
        let call = self.node.call("POST", "/v1/sessions/anonymous");
        let answer = call.bearer(&self.node.publishable).send().await;
        let tokens = Tokens::of(&answer.json(201));
        let conversation = self.node.conversation(&tokens.access).await;
        self.say(&tokens.access, &conversation).await.json(201);
        (tokens, conversation)
    }

    async fn say(&self, bearer: &str, conversation: &str) -> Reply {
        let path = format!("/v1/conversations/{conversation}/events");
        let call = self.node.call("POST", &path).bearer(bearer);
        let body = json!({"type": "text", "body": {"text": "hello"}});
        call.send_json(&body).await
    }

    async fn refresh(&self, tokens: &Tokens) -> Reply {
        let call = self.node.call("POST", "/v1/sessions/refresh");
        let body = json!({ "refresh_token": tokens.refresh });
        call.send_json(&body).await
    }

    async fn log_out(&self, tokens: &Tokens) {
        let call = self.node.call("DELETE", "/v1/sessions/current");
        let out = call.bearer(&tokens.access).send().await;
        assert_eq!(out.status, 204, "{}", out.text());
    }

    /// The history of a conversation, as the backend reads it.
    async fn history(&self, conversation: &str) -> Reply {
        let path = format!("/v1/conversations/{conversation}/events");
        let call = self.node.call("GET", &path).bearer(&self.node.key);
        call.send().await
    }

    /// Runs the janitor until it has come through twice with nothing to do.
    async fn clean(&self, progress: &mut Progress) {
        let mut idle = 0;
        for _ in 0..RUNS_MAX {
            let run = clean(&self.node.ctx, progress).await;
            match run.expect("the store is there") {
                Run::Worked => idle = 0,
                Run::Idle => idle += 1,
            }
            if idle == 2 {
                return;
            }
        }
        panic!("the janitor comes to no end");
    }

    /// A number of the metrics, by its name and label.
    async fn counted(&self, name: &str) -> u64 {
        let call = self.node.call("GET", "/metrics");
        let page = call.bearer(&self.node.operator).send().await.text();
        let name = format!("countersign_{name} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&*name));
        line.map_or(0, |count| count.parse().expect("it is a number"))
    }

    async fn removed(&self, kind: &str) -> u64 {
        let name = format!("janitor_removed_total{{kind=\"{kind}\"}}");
        self.counted(&name).await
    }

    async fn ended(&self, why: &str) -> u64 {
        let name = format!("sessions_ended_total{{reason=\"{why}\"}}");
        self.counted(&name).await
    }
}

// === impl Tokens ===

impl Tokens {
    fn of(answer: &Value) -> Self {
        let [access, refresh] = ["access_token", "refresh_token"].map(|name| text(&answer[name]));
        Self { access, refresh }
    }
}

#[tokio::test]
async fn another_sweep_begins_a_while_after_the_last() {
    let kept = Kept::new(&json!({"idle_days": 2, "absolute_days": 3, "anonymous_days": 1})).await;
    let node = &kept.node;
    let mut progress = Progress::sweeping_every(60);
    kept.user("eve").await;
    node.clock.advance_ms(3 * DAY_MS - 1);
    kept.clean(&mut progress).await;
    node.clock.advance_ms(59_999);
    kept.clean(&mut progress).await;
    assert_eq!(kept.removed("session").await, 0, "nobody has looked again");
    node.clock.advance_ms(1);
    kept.clean(&mut progress).await;
    assert_eq!(kept.removed("session").await, 1);
}

#[tokio::test]
async fn what_a_token_can_still_ask_for_stays() {
    let kept = Kept::new(&json!({"idle_days": 2, "absolute_days": 3, "anonymous_days": 1})).await;
    let node = &kept.node;
    let mut progress = Progress::default();
    let credential = kept.credential("ada", "one");
    let out = Tokens::of(&kept.log_in(&credential).await.json(201));
    kept.log_out(&out).await;
    let stolen = kept.user("bob").await;
    kept.refresh(&stolen).await.json(200);
    assert_eq!(kept.refresh(&stolen).await.code(401), "refresh_reused");
    let idle = kept.user("eve").await;

    node.clock.advance_ms(DAY_MS - 1);
    kept.clean(&mut progress).await;
    let used = kept.log_in(&credential).await;
    assert_eq!(used.code(401), "credential_used");
    node.clock.advance_ms(DAY_MS);
    kept.clean(&mut progress).await;
    assert_eq!(kept.refresh(&out).await.code(401), "session_ended");
    assert_eq!(kept.refresh(&stolen).await.code(401), "refresh_reused");
    node.clock.advance_ms(DAY_MS);
    kept.clean(&mut progress).await;
    assert_eq!(kept.removed("session").await, 0, "all are there");

    node.clock.advance_ms(1);
    kept.clean(&mut progress).await;
    assert_eq!(kept.removed("session").await, 3);
    assert_eq!(kept.removed("used_credential").await, 3);
    assert_eq!(kept.ended("timed_out").await, 1);
    for tokens in [&out, &stolen, &idle] {
        assert_eq!(kept.refresh(tokens).await.code(401), "session_ended");
    }
    // Their revocations cover nothing by now, and wait for the sessions' end.
    assert_eq!(kept.removed("tombstone").await, 0);
    node.clock.advance_ms(3 * DAY_MS - 1);
    kept.clean(&mut progress).await;
    assert_eq!(kept.removed("tombstone").await, 0);
    node.clock.advance_ms(1);
    kept.clean(&mut progress).await;
    assert_eq!(kept.removed("tombstone").await, 2);
    let last_run = kept.counted("janitor_last_run_timestamp_seconds").await;
    let now = node.clock.now().seconds();
    assert_eq!(i64::try_from(last_run), Ok(now));
}

#[tokio::test]
async fn a_silent_visitor_goes_and_what_others_said_stays() {
    let kept = Kept::new(&json!({"anonymous_days": 2})).await;
    let node = &kept.node;
    let mut progress = Progress::default();
    let (silent, alone) = kept.visitor().await;
    let (answered, shared) = kept.visitor().await;
    kept.say(&node.key, &shared).await.json(201);
    let (back, own) = kept.visitor().await;
    node.clock.advance_ms(2 * DAY_MS - 1);
    let back = Tokens::of(&kept.refresh(&back).await.json(200));
    node.clock.advance_ms(DAY_MS);
    kept.clean(&mut progress).await;
    assert_eq!(kept.removed("visitor").await, 0);
    let before = kept.history(&alone).await.json(200);
    assert_eq!(before["events"].as_array().map(Vec::len), Some(2));

    node.clock.advance_ms(1);
    kept.clean(&mut progress).await;
    for (kind, expected) in [
        ("session", 2),
        ("visitor", 1),
        ("conversation", 1),
        ("event", 2),
        ("used_credential", 0),
    ] {
        assert_eq!(kept.removed(kind).await, expected, "{kind}");
    }
    assert_eq!(kept.history(&alone).await.code(404), "not_found");
    let history = kept.history(&shared).await.json(200);
    assert_eq!(history["events"][1]["from"]["name"], "visitor");
    assert_eq!(history["events"][2]["from"]["name"], "user");
    for tokens in [&silent, &answered] {
        assert_eq!(kept.refresh(tokens).await.code(401), "session_ended");
    }
    let back = Tokens::of(&kept.refresh(&back).await.json(200));
    kept.say(&back.access, &own).await.json(201);
}

#[tokio::test]
async fn a_token_from_before_the_days_were_cut_opens_nothing_again() {
    let kept = Kept::new(&json!({"anonymous_days": 30})).await;
    let node = &kept.node;
    let (visitor, _) = kept.visitor().await;
    kept.set(&json!({"anonymous_days": 1})).await;
    node.clock.advance_ms(2 * DAY_MS);
    let mut progress = Progress::default();
    assert_eq!(kept.refresh(&visitor).await.code(401), "session_ended");
    kept.clean(&mut progress).await;
    assert_eq!(kept.removed("visitor").await, 1);
    assert_eq!(kept.refresh(&visitor).await.code(401), "session_ended");
    node.clock.advance_ms(20 * DAY_MS);
    kept.clean(&mut progress).await;
    assert_eq!(kept.refresh(&visitor).await.code(401), "session_ended");
}

#[tokio::test]
async fn what_a_revocation_covers_is_ended_before_the_revocation_goes() {
    let long = json!({"idle_days": 3_650, "absolute_days": 3_650, "sessions_max": 9});
    let kept = Kept::new(&long).await;
    let node = &kept.node;
    let mut progress = Progress::default();
    let mut all = Vec::new();
    for user in ["ada", "bob", "eve"] {
        all.push(kept.user(user).await);
    }
    // From now on a revocation is kept for less than these sessions could live.
    kept.set(&json!({"absolute_days": 1, "anonymous_days": 1}))
        .await;
    let call = node.call("POST", "/v1/revocations").bearer(&node.admin);
    call.send_json(&json!({"kid": "key"})).await.json(201);
    for tokens in &all {
        assert_eq!(kept.refresh(tokens).await.code(401), "session_ended");
    }
    assert_eq!(kept.ended("revoked").await, 0);
    kept.clean(&mut progress).await;
    assert_eq!(kept.ended("revoked").await, 3);
    node.clock.advance_ms(10 * DAY_MS);
    // A janitor that has not come through yet does not know what it covered.
    let mut new = Progress::default();
    let first = clean(&node.ctx, &mut new).await;
    assert_eq!(first.expect("the store is there"), Run::Idle);
    assert_eq!(kept.removed("tombstone").await, 0);
    kept.clean(&mut new).await;
    assert_eq!(kept.removed("tombstone").await, 1);
    assert_eq!(
        kept.removed("session").await,
        0,
        "they could live for years"
    );
    for tokens in &all {
        assert_eq!(kept.refresh(tokens).await.code(401), "session_ended");
    }
    assert_eq!(kept.ended("revoked").await, 3);
}

#[tokio::test]
async fn a_run_does_one_batch_and_two_janitors_do_no_harm() {
    let kept = Kept::new(&json!({"idle_days": 1})).await;
    let node = &kept.node;
    let sessions = limit::JANITOR_PAGE + 5;
    for number in 0..sessions {
        kept.user(&format!("user-{number}")).await;
    }
    node.clock.advance_ms(2 * DAY_MS);
    let survivor = kept.user("the last one").await;
    let mut progress = Progress::default();
    let run = clean(&node.ctx, &mut progress).await;
    assert_eq!(run.expect("the store is there"), Run::Worked);
    let page = u64::try_from(limit::JANITOR_PAGE).unwrap();
    assert_eq!(kept.removed("session").await, page);
    let mut other = Progress::default();
    tokio::join!(kept.clean(&mut progress), kept.clean(&mut other));
    let all = u64::try_from(sessions).unwrap();
    assert_eq!(kept.removed("session").await, all);
    assert_eq!(kept.ended("timed_out").await, all);
    kept.refresh(&survivor).await.json(200);
}

#[tokio::test]
async fn a_large_conversation_is_deleted_at_once_and_removed_in_pieces() {
    let kept = Kept::new(&json!({})).await;
    let node = &kept.node;
    let (visitor, large) = kept.visitor().await;
    let (_, small) = kept.visitor().await;
    let events = limit::JANITOR_PIECE.events + 10;
    for _ in 2..events {
        kept.say(&node.key, &large).await.json(201);
    }
    for conversation in [&large, &small] {
        let path = format!("/v1/conversations/{conversation}");
        let call = node.call("DELETE", &path).bearer(&node.key);
        assert_eq!(call.send().await.status, 204);
        assert_eq!(kept.history(conversation).await.code(404), "not_found");
    }
    let said = kept.say(&visitor.access, &large).await;
    assert_eq!(said.code(404), "not_found");
    let mut progress = Progress::default();
    let run = clean(&node.ctx, &mut progress).await;
    assert_eq!(run.expect("the store is there"), Run::Worked);
    let piece = u64::try_from(limit::JANITOR_PIECE.events).unwrap();
    assert_eq!(kept.removed("event").await, piece);
    kept.clean(&mut progress).await;
    assert_eq!(kept.removed("event").await, piece + 10 + 2);
}

#[tokio::test]
async fn without_the_store_a_run_fails_and_the_next_goes_on() {
    let kept = Kept::new(&json!({"idle_days": 1})).await;
    let node = &kept.node;
    kept.user("ada").await;
    node.clock.advance_ms(2 * DAY_MS);
    let mut progress = Progress::default();
    node.store.engine().take_away();
    for _ in 0..4 {
        let failed = clean(&node.ctx, &mut progress).await;
        assert_eq!(failed.expect_err("it is away").code, Code::Unavailable);
    }
    node.store.engine().give_back();
    kept.clean(&mut progress).await;
    assert_eq!(kept.removed("session").await, 1);
}
