//! DESIGN's rules of identity through this door, by their numbers.

use serde_json::{Value, json};

use crate::world::{Identity, World, token};

#[tokio::test]
async fn rule_3_and_7_a_visitor_who_logs_in_keeps_the_chat_and_gets_another_token() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    let own = world.chat(&visitor).await;
    let alice = world.log_in(Some(&visitor), "alice").await;
    assert_eq!(world.chats(&alice.token).await, *std::slice::from_ref(&own));
    assert_ne!(alice.token, visitor);
    world.touch(&visitor).await.refused(401, "session_ended");
    let current = world.current(Some(&alice.token)).await.expect(200);
    let attributes = &current["data"]["attributes"];
    assert_eq!(attributes["trackingId"], alice.tracking_id);
    assert_eq!(attributes["verified"], true);
    // On every device.
    let tablet = world.log_in(None, "alice").await;
    assert_eq!(tablet.customer, alice.customer);
    assert_eq!(world.chats(&tablet.token).await, [own]);
}

#[tokio::test]
async fn rule_3_the_policy_says_what_becomes_of_the_chat() {
    for (merge, seen) in [("merge", 1), ("keep_separate", 0), ("discard", 0)] {
        let world = World::new().await;
        world.set(json!({ "merge": merge })).await;
        let visitor = world.visitor().await;
        world.chat(&visitor).await;
        let alice = world.log_in(Some(&visitor), "alice").await;
        assert_eq!(world.chats(&alice.token).await.len(), seen, "{merge}");
        world.touch(&visitor).await.refused(401, "session_ended");
    }
}

#[tokio::test]
async fn rule_4_who_logs_in_again_goes_on_with_the_same_token() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    let alice = world.log_in(Some(&visitor), "alice").await;
    for _ in 0..3 {
        world.clock.advance_s(1);
        let again = world.log_in(Some(&alice.token), "alice").await;
        assert_eq!(again.tracking_id, alice.tracking_id);
        assert_eq!(again.customer, alice.customer);
        for token in [&alice.token, &again.token] {
            world.touch(token).await.expect(200);
        }
    }
    // A token of a session that is over counts as none.
    world.reset(Some(&alice.token)).await.expect(200);
    let anew = world.log_in(Some(&alice.token), "alice").await;
    assert_ne!(anew.tracking_id, alice.tracking_id);
    assert_eq!(anew.customer, alice.customer);
}

#[tokio::test]
async fn rule_5_another_customer_is_refused_or_switched_to_and_nothing_moves() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await;
    let of_alice = world.chat(&alice.token).await;
    let bob = world.credential("bob");
    let refused = world.identify(Some(&alice.token), &bob).await;
    refused.refused(409, "already_identified");
    assert_eq!(
        world.chats(&alice.token).await,
        *std::slice::from_ref(&of_alice)
    );

    let body = json!({ "externalToken": bob, "switch": true });
    let path = "/c/v1/identity";
    let reply = world.device("POST", path, Some(&alice.token), Some(body));
    let bob = Identity::of(&reply.await.expect(200));
    assert_ne!(bob.customer, alice.customer);
    assert_ne!(bob.tracking_id, alice.tracking_id);
    assert_eq!(world.chats(&bob.token).await, [""; 0]);
    world
        .touch(&alice.token)
        .await
        .refused(401, "session_ended");
    let alice = world.log_in(None, "alice").await;
    assert_eq!(world.chats(&alice.token).await, [of_alice]);

    // Without it: log out, and log in.
    let anew = token(&world.reset(Some(&bob.token)).await.expect(200));
    let carol = world.log_in(Some(&anew), "carol").await;
    assert_eq!(world.chats(&carol.token).await, [""; 0]);
}

#[tokio::test]
async fn rule_6_a_failed_login_changes_nothing() {
    let world = World::new().await;
    let visitor = world.visitor().await;
    let own = world.chat(&visitor).await;
    let alice = world.log_in(None, "alice").await;
    let good = world.credential("bob");
    let bad = format!("{}AAAA", &good[..good.len() - 4]);
    let native = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJ4In0.AAAA";
    for device in [&visitor, &alice.token] {
        for (credential, status, code) in [
            (&*bad, 401, "bad_signature"),
            ("", 401, "malformed_token"),
            ("a.b.c", 401, "malformed_token"),
            (native, 401, "bad_claim"),
        ] {
            let refused = world.identify(Some(device), credential).await;
            refused.refused(status, code);
        }
        for body in [json!({}), json!({ "externalToken": 7 }), json!([])] {
            let reply = world.device("POST", "/c/v1/identity", Some(device), Some(body));
            reply.await.refused(400, "bad_request");
        }
        world.touch(device).await.expect(200);
    }
    assert_eq!(world.chats(&visitor).await, [own]);
    let current = world.current(Some(&visitor)).await.expect(200);
    assert_eq!(current["data"]["attributes"]["verified"], false);
    let path = "/v1/users?external_id=bob";
    assert_eq!(world.done("GET", path, None).await["users"], json!([]));
}

#[tokio::test]
async fn rule_8_the_address_beats_the_id_and_a_conflict_is_told_or_refused() {
    let world = World::new().await;
    let by_id = world.log_in(None, "user_8412").await;
    let by_address = world.log_in(None, "jane@example.com").await;
    assert_ne!(by_id.customer, by_address.customer);
    let both = crate::vectors::BOTH;
    world.clock.advance_s(60);
    let answer = world.identify(None, both).await.expect(200);
    assert_eq!(Identity::of(&answer).customer, by_address.customer);
    assert_eq!(answer["data"]["attributes"]["email"], "jane@example.com");
    assert_eq!(answer["data"]["attributes"]["externalId"], Value::Null);
    let told = world.audit("login.identity_conflict").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["target"], by_address.customer);
    world.set(json!({ "identity_conflict": "reject" })).await;
    let refused = world.identify(None, both).await;
    refused.refused(409, "identity_conflict");
}

#[tokio::test]
async fn rule_10_what_somebody_says_of_themselves_leads_nowhere() {
    let world = World::new().await;
    let jane = world.log_in(None, "jane@example.com").await;
    let secret = world.chat(&jane.token).await;
    let stranger = world.visitor().await;
    let said = json!({ "emails": [{ "email": "jane@example.com", "verified": true }] });
    let path = "/c/v1/customers/current";
    let reply = world.device("PATCH", path, Some(&stranger), Some(said.clone()));
    let told = reply.await.expect(200)["data"]["attributes"].clone();
    assert_eq!(told["emails"], json!([]));
    assert_eq!(told["sharedEmails"][0]["verified"], false);
    assert_eq!(world.chats(&stranger).await, [""; 0]);
    let mallory = world.log_in(Some(&stranger), "mallory").await;
    assert_eq!(world.chats(&mallory.token).await, [""; 0]);
    let reply = world.device("PATCH", path, Some(&mallory.token), Some(said));
    reply.await.expect(200);
    assert_eq!(world.chats(&mallory.token).await, [""; 0]);
    assert_eq!(world.chats(&jane.token).await, [secret]);
    let path = "/v1/users?email=jane@example.com";
    let found = world.done("GET", path, None).await;
    assert_eq!(found["users"][0]["id"], jane.customer);
}

#[tokio::test]
async fn rule_11_an_unknown_customer_is_created_or_refused_and_a_blocked_one_refused() {
    let world = World::new().await;
    let alice = world.log_in(None, "alice").await;
    let path = format!("/v1/users/{}", alice.customer);
    let blocked = json!({ "blocked": true });
    world.done("PATCH", &path, Some(blocked)).await;
    world.clock.advance_s(1);
    let refused = world.identify(None, &world.credential("alice")).await;
    refused.refused(401, "user_blocked");
    let refuse = json!({ "unknown_user": { "kustomer": "refuse" } });
    world.set(refuse).await;
    let refused = world.identify(None, &world.credential("bob")).await;
    refused.refused(401, "unknown_user");
}

#[tokio::test]
async fn rule_14_who_was_deleted_comes_back_as_another() {
    let world = World::new().await;
    let old = world.credential("alice");
    let alice = world.log_in(None, "alice").await;
    world.chat(&alice.token).await;
    let path = format!("/v1/users/{}", alice.customer);
    world.done("DELETE", &path, None).await;
    let refused = world.identify(None, &old).await;
    refused.refused(401, "credential_revoked");
    world.clock.advance_s(1);
    let again = world.log_in(None, "alice").await;
    assert_ne!(again.customer, alice.customer);
    assert_eq!(world.chats(&again.token).await, [""; 0]);
}

#[tokio::test]
async fn rule_15_a_credential_that_is_used_up_opens_no_other_session() {
    let world = World::new().await;
    world.set(json!({ "one_time": { "kustomer": true } })).await;
    let visitor = world.visitor().await;
    let credential = world.credential("alice");
    let answer = world
        .identify(Some(&visitor), &credential)
        .await
        .expect(200);
    let alice = Identity::of(&answer);
    // The answer got lost: the same device asks in the same words.
    let again = world
        .identify(Some(&visitor), &credential)
        .await
        .expect(200);
    assert_eq!(Identity::of(&again), alice);
    let thief = world.visitor().await;
    for token in [None, Some(&*thief)] {
        let refused = world.identify(token, &credential).await;
        refused.refused(401, "credential_used");
    }
    let natively = json!({
        "credential": credential,
        "application_id": world.application.to_string(),
        "nonce": "guessed",
    });
    let page = world.api_key(&["tracking"], json!({})).await;
    let key = page["key"].as_str().unwrap();
    let refused = world
        .native("POST", "/v1/sessions", key, Some(natively))
        .await;
    assert_eq!(refused.expect(401)["code"], "credential_used");
    world.touch(&alice.token).await.expect(200);
}
