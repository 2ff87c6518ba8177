//! The audit log is sealed by whoever comes first, and as one chain.

use std::sync::Arc;

use countersign_core::access::action::Action;
use countersign_core::access::principal::{Principal, Who};
use countersign_core::access::{Permit, authorize};
use countersign_core::audit_chain::{Head, Link, details_digest};
use countersign_core::id::{ApiKeyId, ApplicationId, UserId};
use countersign_core::op::audit_seal::seal;
use countersign_core::op::janitor::Run;
use countersign_core::ports::change::Change;
use countersign_core::ports::store::Store as _;
use countersign_credential::time::Timestamp;
use countersign_server::operations::Operations;
use countersign_server::upkeep;
use countersign_wire::audit::{Audit, Entry};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::node::{Node, text};

async fn create_user(node: &Node, name: &str) -> String {
    let call = node.call("POST", "/v1/users").bearer(&node.key);
    let made = call.send_json(&json!({ "name": name })).await.json(201);
    text(&made["id"])
}

async fn log(node: &Node) -> Vec<Entry> {
    let path = "/v1/applications/current/audit?after=0";
    let page = node.call("GET", path).bearer(&node.admin).send().await;
    let page: Audit = serde_json::from_value(page.json(200)).expect("it is a page of the log");
    assert_eq!(page.next, None);
    page.audit
}

async fn application(node: &Node) -> ApplicationId {
    let call = node.call("GET", "/v1/applications/current");
    let found = call.bearer(&node.admin).send().await.json(200);
    text(&found["id"]).parse().expect("it is an id")
}

fn permit(application: ApplicationId) -> Permit {
    let operator = Principal {
        application: Some(application),
        who: Who::Operator {
            api_key: ApiKeyId::from_bytes([9; 16]),
        },
        acl: None,
        parameters: Vec::new(),
    };
    let right = authorize(&operator, &Action::ManageApplication).expect("an operator may");
    right.outright().expect("it hangs on nothing more")
}

/// The digests that the entries must have.
fn chain(application: ApplicationId, log: &[Entry]) -> Vec<[u8; 32]> {
    let mut head = Head::START;
    let link = |entry: &Entry| {
        let user = entry.user_id.as_deref().map(str::parse).transpose();
        let at = Timestamp::from_milliseconds(entry.created_at.milliseconds);
        head = head.with(&Link {
            application,
            number: entry.number,
            id: entry.id.parse().expect("it is an id"),
            at,
            actor: &entry.actor,
            action: &entry.action,
            target: &entry.target,
            user: user.expect("it is an id"),
            details_digest: entry.details_digest.expect("it has one").0,
        });
        head.digest
    };
    log.iter().map(link).collect()
}

fn digests(log: &[Entry]) -> Vec<[u8; 32]> {
    let sealed = log
        .iter()
        .map(|entry| entry.digest.expect("it is sealed").0);
    sealed.collect()
}

#[tokio::test]
async fn two_that_seal_at_once_make_one_chain() {
    let node = Node::new(Operations::default()).await;
    let ctx = &node.ctx;
    for round in 0..8 {
        let name = format!("user-{round}");
        let (one, other, _) = tokio::join!(seal(ctx), seal(ctx), create_user(&node, &name));
        one.unwrap();
        other.unwrap();
    }
    while seal(ctx).await.unwrap() == Run::Worked {}
    let log = log(&node).await;
    assert!(log.len() > 8, "{log:?}");
    assert_eq!(digests(&log), chain(application(&node).await, &log));
}

#[tokio::test]
async fn what_the_last_request_did_is_sealed_before_the_node_ends() {
    let node = Node::new(Operations::default()).await;
    create_user(&node, "ada").await;
    let stop = CancellationToken::new();
    stop.cancel();
    upkeep::run(Arc::clone(&node.ctx), stop).await;
    let log = log(&node).await;
    assert_eq!(digests(&log), chain(application(&node).await, &log));
}

#[tokio::test]
async fn what_is_erased_leaves_the_chain_as_it_is() {
    let node = Node::new(Operations::default()).await;
    let id = create_user(&node, "ada").await;
    seal(&node.ctx).await.unwrap();
    let before = log(&node).await;
    let application = application(&node).await;
    let user: UserId = id.parse().unwrap();
    let permit = permit(application);
    let erased = node
        .store
        .commit(&permit, vec![Change::EraseAuditDetails(user)]);
    erased.await.unwrap();
    let after = log(&node).await;
    assert_eq!(digests(&after), digests(&before));
    assert_eq!(digests(&after), chain(application, &after));
    let last = after.last().unwrap();
    assert_eq!(
        (last.action.as_str(), last.target.as_str()),
        ("user.create", id.as_str())
    );
    assert_eq!((&last.after, last.salt), (&None, None));
    let held = before.last().unwrap();
    let texts = [&held.before, &held.after, &held.detail].map(|text| text.as_deref());
    let digest = details_digest(&held.salt.unwrap().0, texts);
    assert_eq!(last.details_digest.unwrap().0, digest);
}
