//! A failed request has one line in the log, without anything that is secret.

use serde_json::json;

use crate::lines::Lines;
use crate::world::World;

#[tokio::test]
async fn a_failed_request_has_one_line_without_a_secret() {
    let lines = Lines::keep(|metadata| metadata.target().starts_with("countersign_server"));
    let world = World::new().await;
    let alice = world.user("alice").await;
    let conversation = world.conversation(&alice).await;
    let credential = world.credential("alice");
    lines.take();

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

    let lines = lines.take();
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
