//! How the types look on the wire, against the API as it is written down.

use countersign_wire::api_key::{ApiKey, CreatedApiKey};
use countersign_wire::application::{Application, ExportedKey, NewApplication};
use countersign_wire::conversation::ConversationPatch;
use countersign_wire::event::{Event, From, NewEvent};
use countersign_wire::patch::Patch;
use countersign_wire::problem::Problem;
use countersign_wire::secret::Secret;
use countersign_wire::session::{
    AnonymousRequest, LoginAnswer, LoginRequest, LoginSession, LoginUser, RefreshRequest, Sessions,
};
use countersign_wire::settings::SettingsPatch;
use countersign_wire::signing_key::{AddedSigningKey, NewSigningKey, SigningKey, SigningKeyPatch};
use countersign_wire::time::Time;
use countersign_wire::user::{User, UserPatch};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

const TIME: Time = Time {
    milliseconds: 1_800_000_000_123,
};

fn check<T: Serialize + DeserializeOwned>(value: &T, expected: &str) {
    assert_eq!(
        serde_json::to_string(value).expect("the shape is JSON"),
        expected
    );
    let read: T = serde_json::from_str(expected).expect("the shape is JSON");
    assert_eq!(
        serde_json::to_string(&read).expect("the shape is JSON"),
        expected
    );
}

#[test]
fn the_login_answer_is_as_written() {
    let answer = LoginAnswer {
        session: LoginSession {
            id: "SES-1".to_owned(),
            device_id: "DEV-1".to_owned(),
            expires_at: TIME,
        },
        user: LoginUser {
            id: "USR-1".to_owned(),
            name: None,
            external_id: Some("alice".to_owned()),
            email: None,
            anonymous: false,
        },
        access_token: Secret("cs_at_x".to_owned()),
        access_token_expires_at: TIME,
        refresh_token: Secret("cs_rt_x".to_owned()),
        server_time: TIME,
    };
    check(
        &answer,
        r#"{"session":{"id":"SES-1","device_id":"DEV-1","expires_at":"2027-01-15T08:00:00.123Z"},"user":{"id":"USR-1","name":null,"external_id":"alice","email":null,"anonymous":false},"access_token":"cs_at_x","access_token_expires_at":"2027-01-15T08:00:00.123Z","refresh_token":"cs_rt_x","server_time":"2027-01-15T08:00:00.123Z"}"#,
    );
    let shown = format!("{answer:?}");
    assert!(
        !shown.contains("cs_at_x") && !shown.contains("cs_rt_x"),
        "{shown}"
    );
}

#[test]
fn what_is_marked_optional_is_left_out_and_the_rest_is_null() {
    check(
        &Problem {
            kind: "/errors/not_found".to_owned(),
            title: "Not found".to_owned(),
            status: 404,
            code: "not_found".to_owned(),
            detail: "there is no such user here".to_owned(),
            hint: None,
            server_time: None,
        },
        r#"{"type":"/errors/not_found","title":"Not found","status":404,"code":"not_found","detail":"there is no such user here"}"#,
    );
    check(
        &Sessions {
            sessions: Vec::new(),
            next: None,
        },
        r#"{"sessions":[]}"#,
    );
    check(
        &User {
            id: "USR-1".to_owned(),
            name: None,
            external_id: None,
            email: None,
            display_name: None,
            anonymous: true,
            blocked: None,
            created_at: TIME,
        },
        r#"{"id":"USR-1","name":null,"external_id":null,"email":null,"display_name":null,"anonymous":true,"blocked":null,"created_at":"2027-01-15T08:00:00.123Z"}"#,
    );
}

#[test]
fn an_event_keeps_its_body_to_the_digit() {
    let body = r#"{"z":1.00,"a":123456789012345678901234567890}"#;
    let event = Event {
        id: 7,
        kind: "custom:offer".into(),
        body: RawValue::from_string(body.to_owned()).unwrap(),
        from: From {
            member_id: None,
            user_id: None,
            name: "support".to_owned(),
            assurance: "verified".into(),
        },
        timestamp: TIME,
        client_id: None,
        edited_at: None,
        deleted_at: None,
    };
    check(
        &event,
        &format!(
            r#"{{"id":7,"type":"custom:offer","body":{body},"from":{{"name":"support","assurance":"verified"}},"timestamp":"2027-01-15T08:00:00.123Z"}}"#
        ),
    );
}

#[test]
fn what_administrators_see_is_as_written() {
    check(
        &Application {
            id: "0190d1c4".to_owned(),
            slug: "demo".to_owned(),
            name: "Demo".to_owned(),
            alias: None,
            created_at: TIME,
        },
        r#"{"id":"0190d1c4","slug":"demo","name":"Demo","alias":null,"created_at":"2027-01-15T08:00:00.123Z"}"#,
    );
    let key = SigningKey {
        kid: "web".to_owned(),
        algorithm: "HS256".to_owned(),
        state: "current".to_owned(),
        created_at: TIME,
        last_used_at: None,
    };
    let added = AddedSigningKey {
        key,
        private_key_pem: None,
        secret: Some(Secret("hidden".to_owned())),
        secret_base64: None,
    };
    check(
        &added,
        r#"{"kid":"web","algorithm":"HS256","state":"current","created_at":"2027-01-15T08:00:00.123Z","last_used_at":null,"secret":"hidden"}"#,
    );
    let created = CreatedApiKey {
        api_key: ApiKey {
            id: "KEY-1".to_owned(),
            name: "backend".to_owned(),
            roles: vec!["admin".to_owned(), "user".to_owned()],
            expires_at: None,
            cidr: None,
            last_characters: "abcd".to_owned(),
            last_used_at: None,
        },
        key: Secret("cs_sk_hidden".to_owned()),
        jwt: None,
    };
    check(
        &created,
        r#"{"id":"KEY-1","name":"backend","roles":["admin","user"],"expires_at":null,"cidr":null,"last_characters":"abcd","last_used_at":null,"key":"cs_sk_hidden"}"#,
    );
    let as_jwt = CreatedApiKey {
        jwt: Some(Secret("a.b.c".to_owned())),
        ..created.clone()
    };
    check(
        &as_jwt,
        r#"{"id":"KEY-1","name":"backend","roles":["admin","user"],"expires_at":null,"cidr":null,"last_characters":"abcd","last_used_at":null,"key":"cs_sk_hidden","jwt":"a.b.c"}"#,
    );
    let exported = ExportedKey {
        kid: "web".to_owned(),
        state: "previous".to_owned(),
        algorithm: "HS256".to_owned(),
        public_key_pem: None,
        secret: None,
        secret_base64: Some(Secret("hidden".to_owned())),
    };
    check(
        &exported,
        r#"{"kid":"web","state":"previous","algorithm":"HS256","secret_base64":"hidden"}"#,
    );
    let request: NewSigningKey =
        serde_json::from_str(r#"{"secret":"hidden","jwk":{"k":"hidden"}}"#).unwrap();
    let shown = format!("{added:?}{created:?}{exported:?}{request:?}");
    assert!(!shown.contains("hidden"), "{shown}");
}

#[test]
fn settings_are_patched_at_both_levels() {
    for text in [
        "{}",
        r#"{"access_s":null}"#,
        r#"{"one_time":null}"#,
        r#"{"one_time":{"native":null,"sinch":true}}"#,
        r#"{"merge":"keep_separate","default_acl":{"paths":{}}}"#,
    ] {
        let patch: SettingsPatch = serde_json::from_str(text).unwrap();
        let written: serde_json::Value = serde_json::to_value(&patch).unwrap();
        let expected: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(written, expected);
    }
}

#[test]
fn a_patch_has_three_states() {
    for (text, expected) in [
        ("{}", Patch::Absent),
        (r#"{"name":null}"#, Patch::Null),
        (r#"{"name":"support"}"#, Patch::Value("support".to_owned())),
    ] {
        let patch: ConversationPatch = serde_json::from_str(text).unwrap();
        assert_eq!(patch.name, expected, "{text}");
        assert_eq!(serde_json::to_string(&patch).unwrap(), text);
    }
}

#[test]
fn a_request_refuses_what_it_does_not_know_and_an_answer_skips_it() {
    fn is_refused<T: DeserializeOwned>(text: &str) -> bool {
        serde_json::from_str::<T>(text).is_err()
    }
    assert!(is_refused::<LoginRequest>(r#"{"credential":"a","x":1}"#));
    assert!(is_refused::<LoginRequest>(
        r#"{"credential":"a","device":{"x":1}}"#
    ));
    assert!(is_refused::<AnonymousRequest>(r#"{"x":1}"#));
    assert!(is_refused::<RefreshRequest>(
        r#"{"refresh_token":"a","x":1}"#
    ));
    assert!(is_refused::<UserPatch>(r#"{"id":"USR-1"}"#));
    assert!(is_refused::<NewApplication>(r#"{"name":"a","id":"b"}"#));
    assert!(is_refused::<NewSigningKey>(r#"{"private_key_pem":"a"}"#));
    assert!(is_refused::<SigningKeyPatch>(r#"{"state":"a","x":1}"#));
    assert!(is_refused::<SettingsPatch>(r#"{"x":1}"#));
    assert!(is_refused::<SettingsPatch>(r#"{"one_time":{"x":true}}"#));
    assert!(is_refused::<NewEvent>(r#"{"type":"text","body":{},"x":1}"#));
    assert!(!is_refused::<LoginRequest>(
        r#"{"credential":"a","device":null}"#
    ));
    assert!(!is_refused::<Sessions>(r#"{"sessions":[],"x":1}"#));
}
