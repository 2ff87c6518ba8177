//! The whole story: a visitor chats, logs in, and has the same history on
//! every device, until they log out.

use serde_json::json;

use crate::world::{Device, World, text};

#[tokio::test]
async fn a_visitor_becomes_a_user_with_one_history_on_every_device() {
    let world = World::new().await;

    // A visitor chats at once.
    let visitor = world.visitor().await;
    assert_eq!(visitor.answer["user"]["anonymous"], true);
    let conversation = world.conversation(&visitor).await;
    let sent = world.say(&visitor, &conversation, "is it in stock?").await;
    let sent = sent.expect(201);
    assert_eq!(sent["id"], 2, "event 1 is the visitor's own joining");
    assert_eq!(sent["from"]["assurance"], "anonymous");
    assert_eq!(sent["from"]["user_id"], visitor.user);

    // The backend answers, and its key's name is in `from`.
    let answered = world
        .post(&format!("/v1/conversations/{conversation}/events"))
        .bearer(&world.home.key)
        .json(&json!({"type": "text", "body": {"text": "it is"}}))
        .send()
        .await
        .expect(201);
    assert_eq!(
        answered["from"],
        json!({"name": "user", "assurance": "verified"})
    );

    // The visitor turns out to be Alice.
    let login = json!({
        "credential": world.credential("alice"),
        "current_token": visitor.access,
        "device": {"name": "Laptop"},
        "nonce": "n-1",
    });
    let laptop = Device::of(&world.login(&login).await.expect(201));
    assert_ne!(laptop.session, visitor.session);
    assert_ne!(laptop.user, visitor.user);
    assert_eq!(laptop.device, visitor.device, "it is the same installation");
    assert_eq!(laptop.answer["user"]["external_id"], "alice");
    assert!(!world.lives(&visitor).await, "the visitor's token is dead");
    let texts = ["is it in stock?", "it is"];
    assert_eq!(world.texts(&laptop.access, &conversation).await, texts);

    // Her phone has the same history, and what she says is there on both.
    let phone = world.user("alice").await;
    assert_eq!(phone.user, laptop.user);
    assert_ne!(phone.device, laptop.device);
    assert_eq!(
        world.conversations(&phone.access).await,
        [conversation.as_str()]
    );
    world.say(&phone, &conversation, "thanks").await.expect(201);
    let texts = ["is it in stock?", "it is", "thanks"];
    assert_eq!(world.texts(&laptop.access, &conversation).await, texts);
    let page = world
        .get(&format!("/v1/conversations/{conversation}/events"))
        .bearer(&laptop.access)
        .send()
        .await
        .expect(200);
    let first = &page["events"][1];
    assert_eq!(first["from"]["user_id"], laptop.user, "the present user");
    assert_eq!(first["from"]["assurance"], "anonymous", "as it was then");
    assert_eq!(page["events"][3]["type"], "member:adopted");

    she_sees_her_sessions_and_logs_out(&world, &laptop, &phone, &conversation).await;
}

async fn she_sees_her_sessions_and_logs_out(
    world: &World,
    laptop: &Device,
    phone: &Device,
    conversation: &str,
) {
    // The access token ends; the refresh token brings the next pair.
    world.clock.advance_s(600);
    let over = world.get("/v1/sessions").bearer(&phone.access).send().await;
    assert!(over.problem(401, "access_expired")["server_time"].is_string());
    let phone = Device::of(&world.refresh(&phone.refresh, Some("p-1")).await.expect(200));
    assert!(world.lives(&phone).await);

    // She sees where she is logged in, and logs the laptop out from the phone.
    let list = world
        .get("/v1/sessions")
        .bearer(&phone.access)
        .send()
        .await
        .expect(200);
    let sessions = list["sessions"].as_array().expect("sessions are a list");
    assert_eq!(sessions.len(), 2);
    let current: Vec<_> = sessions
        .iter()
        .filter(|one| one["current"] == true)
        .collect();
    assert_eq!(current.len(), 1);
    assert_eq!(current[0]["id"], phone.session);
    assert_eq!(current[0]["dialect"], "native");
    let laptop_path = format!("/v1/sessions/{}", laptop.session);
    let ended = world
        .call("DELETE", &laptop_path)
        .bearer(&phone.access)
        .send()
        .await;
    assert_eq!(ended.status, 204);
    assert_eq!(ended.body, b"");
    ended.has_the_headers_of_every_answer();
    world
        .refresh(&laptop.refresh, None)
        .await
        .problem(401, "session_ended");

    // She logs out, and the conversation stays.
    let out = world
        .call("DELETE", "/v1/sessions/current")
        .bearer(&phone.access)
        .send()
        .await;
    assert_eq!(out.status, 204);
    let again = world.get("/v1/sessions").bearer(&phone.access).send().await;
    again.problem(401, "session_ended");
    let back = world.user("alice").await;
    assert_eq!(
        world.texts(&back.access, conversation).await,
        ["is it in stock?", "it is", "thanks"]
    );
}

#[tokio::test]
async fn the_login_answer_is_as_the_api_says() {
    let world = World::new().await;
    let login = json!({"credential": world.credential("alice"), "device": {"name": "Phone"}});
    let reply = world.login(&login).await;
    let answer = reply.expect(201);
    reply.has_the_headers_of_every_answer();
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let id = |value: &serde_json::Value, prefix: &str| {
        assert!(text(value).starts_with(prefix), "{value}");
    };
    id(&answer["session"]["id"], "SES-");
    id(&answer["session"]["device_id"], "DEV-");
    id(&answer["user"]["id"], "USR-");
    id(&answer["access_token"], "cs_at_");
    id(&answer["refresh_token"], "cs_rt_");
    assert_eq!(answer["session"]["expires_at"], "2027-07-14T08:00:00.000Z");
    assert_eq!(
        answer["access_token_expires_at"],
        "2027-01-15T08:10:00.000Z"
    );
    assert_eq!(answer["server_time"], "2027-01-15T08:00:00.000Z");
    let user = answer["user"].as_object().unwrap();
    assert_eq!(user["name"], serde_json::Value::Null);
    assert_eq!(user["email"], serde_json::Value::Null);
    assert_eq!(user["anonymous"], false);
    assert_eq!(user.len(), 5);
    assert_eq!(answer.as_object().unwrap().len(), 6);
}

#[tokio::test]
async fn devices_are_named_listed_and_ended() {
    let world = World::new().await;
    let phone = world.user("alice").await;
    let laptop = world.user("alice").await;
    let path = format!("/v1/devices/{}", phone.device);
    let named = world
        .call("PATCH", &path)
        .bearer(&laptop.access)
        .header("content-type", "application/merge-patch+json")
        .body(br#"{"name":"Phone"}"#)
        .send()
        .await
        .expect(200);
    assert_eq!(named["name"], "Phone");
    assert_eq!(named["current"], false);
    let list = world
        .get("/v1/devices")
        .bearer(&laptop.access)
        .send()
        .await
        .expect(200);
    assert_eq!(list["devices"].as_array().unwrap().len(), 2);
    let ended = world
        .call("DELETE", &path)
        .bearer(&laptop.access)
        .send()
        .await;
    assert_eq!(ended.status, 204);
    assert!(!world.lives(&phone).await);
    assert!(world.lives(&laptop).await);
    let gone = world.get(&path).bearer(&laptop.access).send().await;
    gone.problem(404, "not_found");

    let third = world.user("alice").await;
    let others = world
        .call("DELETE", "/v1/sessions/others")
        .bearer(&third.access)
        .send()
        .await;
    assert_eq!(others.status, 204);
    assert!(!world.lives(&laptop).await);
    assert!(world.lives(&third).await);
}
