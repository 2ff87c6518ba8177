//! The store is gone for a while and comes back: what is remembered is not
//! given away meanwhile, and what was revoked without a notice is found.

use std::sync::Arc;

use countersign_core::access::action::Action;
use countersign_core::access::authorize;
use countersign_core::access::principal::Principal;
use countersign_core::id::{ApplicationId, SessionId};
use countersign_core::model::revocation::{Revocation, Target};
use countersign_core::op::authenticate::{Bearer, authenticate};
use countersign_core::op::store_watch::look;
use countersign_core::ports::Clock as _;
use countersign_core::ports::change::Change;
use countersign_core::ports::fanout::Notice;
use countersign_core::ports::store::Store as _;
use countersign_core::{error::Code, limit};
use countersign_fanout::in_process::Received;
use countersign_server::operations::Operations;
use countersign_server::upkeep;
use http::StatusCode;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::node::{ELSEWHERE, Node, Reply};

/// A node whose store is watched, and a visitor with a row and a conversation.
struct Watched {
    node: Node,
    access: String,
    refresh: String,
    principal: Principal,
}

// === impl Watched ===

impl Watched {
    async fn new() -> Self {
        let node = Node::new(Operations::default()).await;
        look(&node.ctx).await.expect("the store is there");
        let call = node.call("POST", "/v1/sessions/anonymous");
        let answer = call.bearer(&node.publishable).send().await.json(201);
        let text = |name: &str| crate::node::text(&answer[name]);
        let [access, refresh] = ["access_token", "refresh_token"].map(text);
        node.conversation(&access).await;
        let bearer = Bearer {
            text: &access,
            peer: ELSEWHERE,
            confidential: true,
            application: None,
        };
        let principal = authenticate(&node.ctx, bearer).await;
        Self {
            principal: principal.expect("the visitor is let in"),
            access,
            refresh,
            node,
        }
    }

    fn application(&self) -> ApplicationId {
        self.principal.application.expect("a visitor has one")
    }

    fn session(&self) -> SessionId {
        let identity = self.principal.session();
        identity.expect("a visitor has one").session
    }

    /// Asks with the visitor's access token.
    async fn ask(&self) -> Reply {
        let call = self.node.call("GET", "/v1/sessions");
        call.bearer(&self.access).send().await
    }

    /// Revokes as another node does whose notice gets lost: in the store alone.
    async fn revoke_unheard(&self, target: Target) -> Revocation {
        let made_at = self.node.clock.now();
        let revocation = Revocation {
            target,
            before: made_at,
            made_at,
            forget_at: made_at.plus_seconds(86_400),
        };
        let permit = authorize(&self.principal, &Action::ListSessions)
            .and_then(|conditional| conditional.outright())
            .expect("a visitor may list its sessions");
        let changes = vec![Change::Revoke(revocation.clone())];
        let committed = self.node.store.commit(&permit, changes).await;
        committed.expect("the store is there");
        revocation
    }
}

#[tokio::test]
async fn nothing_is_answered_from_memory_while_the_store_is_out_of_sight() {
    let watched = Watched::new().await;
    let node = &watched.node;
    let engine = node.store.engine();
    assert_eq!(watched.ask().await.status, 200);
    engine.take_away();
    for (advance_ms, seen) in [(4_999, true), (1, true), (1, false), (60_000, false)] {
        node.clock.advance_ms(advance_ms);
        let failed = look(&node.ctx).await.expect_err("the store is away");
        assert_eq!(failed.code, Code::Unavailable);
        assert_eq!(node.ctx.store_seen(), seen, "{advance_ms}");
    }
    let before = engine.refused();
    let publishable = &node.publishable;
    let calls = [
        ("GET", "/v1/sessions", &watched.access),
        ("GET", "/v1/conversations", &watched.access),
        ("DELETE", "/v1/sessions/current", &watched.access),
        ("POST", "/v1/sessions/anonymous", publishable),
        ("GET", "/v1/users", &node.key),
        ("GET", "/v1/applications/current", &node.admin),
        ("GET", "/metrics", &node.operator),
    ];
    let mut replies = Vec::new();
    for (method, path, bearer) in calls {
        replies.push(node.call(method, path).bearer(bearer).send().await);
    }
    let token = json!({ "refresh_token": watched.refresh });
    let refresh = node.call("POST", "/v1/sessions/refresh");
    replies.push(refresh.send_json(&token).await);
    let credential = json!({"credential": "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJ4In0.AAAA"});
    let login = node.call("POST", "/v1/sessions");
    replies.push(login.send_json(&credential).await);
    replies.push(node.call("GET", "/readyz").send().await);
    for (number, reply) in replies.iter().enumerate() {
        assert_eq!(reply.code(503), "unavailable", "call {number}");
        assert_eq!(reply.header("retry-after"), Some("2"), "call {number}");
    }
    assert_eq!(engine.refused(), before, "nobody waits for the store");
    assert_eq!(node.call("GET", "/healthz").send().await.status, 200);

    engine.give_back();
    assert_eq!(watched.ask().await.code(503), "unavailable");
    assert_eq!(node.ctx.store_watch.gaps(), 0);
    look(&node.ctx).await.expect("the store is back");
    assert_eq!(watched.ask().await.status, 200);
    assert_eq!(node.call("GET", "/readyz").send().await.status, 200);
    assert_eq!(node.ctx.store_watch.gaps(), 1, "sockets are checked again");
}

#[tokio::test]
async fn a_short_absence_is_bridged_by_what_is_remembered() {
    let watched = Watched::new().await;
    let node = &watched.node;
    let path = "/v1/users";
    let asked = node.call("GET", path).bearer(&node.publishable).send();
    assert_eq!(asked.await.code(403), "not_permitted");
    node.store.engine().take_away();
    node.clock.advance_ms(5_000);
    let asked = node.call("GET", path).bearer(&node.publishable).send();
    assert_eq!(asked.await.code(403), "not_permitted", "a remembered key");
    node.store.engine().give_back();
    look(&node.ctx).await.expect("the store is back");
    assert_eq!(node.ctx.store_watch.gaps(), 0);
    // A clock that jumps has lost the store only until the next look.
    node.clock.advance_ms(3_600_000);
    assert_eq!(watched.ask().await.status, 503);
    look(&node.ctx).await.expect("the store is there");
    node.clock.advance_ms(-3_600_000);
    assert_eq!(watched.ask().await.status, 503);
    look(&node.ctx).await.expect("the store is there");
    assert_eq!(watched.ask().await.status, 200);
}

#[tokio::test]
async fn a_revocation_whose_notice_was_lost_is_found_by_the_next_look() {
    for by_key in [false, true] {
        let watched = Watched::new().await;
        let node = &watched.node;
        assert_eq!(watched.ask().await.status, 200);
        let mut subscription = node.notices.subscribe();
        let identity = watched.principal.session().expect("a visitor has one");
        let target = if by_key {
            Target::ApiKey(identity.api_key.expect("it came with a key"))
        } else {
            Target::Session(watched.session())
        };
        let revocation = watched.revoke_unheard(target).await;
        assert_eq!(watched.ask().await.status, 200, "it is remembered");
        look(&node.ctx).await.expect("the store is there");
        assert_eq!(watched.ask().await.code(401), "session_ended");
        let notice = Received::Notice(Notice::Revoked {
            application: watched.application(),
            revocation,
        });
        if by_key {
            let of_key = Notice::ApiKey(identity.api_key.expect("it came with a key"));
            let received = subscription.next().await;
            assert_eq!(received, Some(Received::Notice(of_key)));
        }
        assert_eq!(subscription.next().await, Some(notice), "sockets are told");
        // And once only.
        node.clock.advance_ms(1_000);
        look(&node.ctx).await.expect("the store is there");
        let marker = Notice::Application(watched.application());
        node.ctx.publish(marker.clone());
        let received = subscription.next().await;
        assert_eq!(received, Some(Received::Notice(marker)));
        assert_eq!(node.ctx.store_watch.gaps(), 0);
    }
}

#[tokio::test]
async fn what_was_told_by_a_notice_is_not_told_again() {
    let watched = Watched::new().await;
    let node = &watched.node;
    let out = node.call("DELETE", "/v1/sessions/current");
    let out = out.bearer(&watched.access).send().await;
    assert_eq!(out.status, StatusCode::NO_CONTENT.as_u16());
    let mut subscription = node.notices.subscribe();
    look(&node.ctx).await.expect("the store is there");
    let marker = Notice::Application(watched.application());
    node.ctx.publish(marker.clone());
    assert_eq!(
        subscription.next().await,
        Some(Received::Notice(marker)),
        "the revocation was heard of"
    );
}

#[tokio::test]
async fn where_more_is_revoked_than_a_look_reads_everything_is_forgotten() {
    let watched = Watched::new().await;
    let node = &watched.node;
    assert_eq!(watched.ask().await.status, 200);
    // The oldest of them is the one that matters, and is not read.
    watched
        .revoke_unheard(Target::Session(watched.session()))
        .await;
    node.clock.advance_ms(1);
    let made_at = node.clock.now();
    let permit = authorize(&watched.principal, &Action::ListSessions)
        .and_then(|conditional| conditional.outright())
        .expect("a visitor may list its sessions");
    let rows = (0..limit::REVOCATIONS_REREAD_MAX).map(|number| {
        Change::Revoke(Revocation {
            target: Target::jti(permit.application(), &number.to_string()),
            before: made_at,
            made_at,
            forget_at: made_at.plus_seconds(86_400),
        })
    });
    let rows: Vec<Change> = rows.collect();
    for batch in rows.chunks(4_000) {
        let committed = node.store.commit(&permit, batch.to_vec()).await;
        committed.expect("the store is there");
    }
    assert_eq!(watched.ask().await.status, 200, "it is remembered");
    look(&node.ctx).await.expect("the store is there");
    assert_eq!(watched.ask().await.code(401), "session_ended");
    assert_eq!(node.ctx.store_watch.gaps(), 1);
    // A while later they are as many, and reach back to what was looked at.
    let mut gaps = Vec::new();
    for _ in 0..5 {
        node.clock.advance_ms(limit::COMMIT_S_MAX * 500);
        look(&node.ctx).await.expect("the store is there");
        gaps.push(node.ctx.store_watch.gaps());
    }
    assert_eq!(gaps, [2, 3, 3, 3, 3]);
}

#[tokio::test]
async fn a_running_node_looks_by_itself() {
    let watched = Watched::new().await;
    let node = &watched.node;
    node.clock.advance_ms(5_001);
    assert_eq!(watched.ask().await.status, 503);
    let stop = CancellationToken::new();
    let ctx = Arc::clone(&node.ctx);
    let running = tokio::spawn(upkeep::run(ctx, stop.clone()));
    while !node.ctx.store_seen() {
        tokio::task::yield_now().await;
    }
    assert_eq!(watched.ask().await.status, 200);
    stop.cancel();
    running.await.expect("upkeep ends");
}
