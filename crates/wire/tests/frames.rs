//! How frames look on the wire, and what is refused.

use std::collections::BTreeMap;

use countersign_wire::conversation::Conversation;
use countersign_wire::event::{Event, From, NewEvent};
use countersign_wire::frame::{
    Authenticate, ClientFrame, CloseCode, ConversationChange, ConversationFrame, ErrorFrame,
    EventFrame, Expiring, Gap, GoingAway, LostConversation, Refresh, Send, Sent, ServerFrame,
    ShownConversation, Signal, SignalFrame, SyncAnswer, Tokens, Welcome,
};
use countersign_wire::secret::Secret;
use countersign_wire::session::LoginUser;
use countersign_wire::time::Time;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

const TIME: Time = Time {
    milliseconds: 1_800_000_000_123,
};

fn check<T: Serialize + DeserializeOwned>(value: &T, expected: &str) {
    let written = serde_json::to_string(value).expect("the frame is JSON");
    assert_eq!(written, expected);
    let read: T = serde_json::from_str(expected).expect("the frame is one of ours");
    let again = serde_json::to_string(&read).expect("the frame is JSON");
    assert_eq!(again, expected);
}

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("the test's body is JSON")
}

fn alice() -> From {
    From {
        member_id: Some("MEM-1".to_owned()),
        user_id: Some("USR-1".to_owned()),
        name: "Alice".to_owned(),
        assurance: "verified".into(),
    }
}

fn event() -> Event {
    Event {
        id: 7,
        kind: "text".into(),
        body: raw(r#"{"text":"hi","n":1.00}"#),
        from: alice(),
        timestamp: TIME,
        client_id: None,
        edited_at: None,
        deleted_at: None,
    }
}

const EVENT: &str = r#"{"id":7,"type":"text","body":{"text":"hi","n":1.00},"from":{"member_id":"MEM-1","user_id":"USR-1","name":"Alice","assurance":"verified"},"timestamp":"2027-01-15T08:00:00.123Z"}"#;

#[test]
fn what_a_client_says_is_as_written() {
    let bare = Authenticate {
        token: Secret("cs_at_x".to_owned()),
        epoch: None,
        have: None,
        key: None,
        application_id: None,
        device: None,
        current_token: None,
        switch: None,
        nonce: None,
    };
    check(
        &ClientFrame::Authenticate(Box::new(bare.clone())),
        r#"{"type":"authenticate","token":"cs_at_x"}"#,
    );
    let whole = Authenticate {
        epoch: Some(1),
        have: Some(BTreeMap::from([("CON-1".to_owned(), 41)])),
        key: Some(Secret("cs_pk_x".to_owned())),
        nonce: Some(Secret("n".to_owned())),
        ..bare
    };
    check(
        &ClientFrame::Authenticate(Box::new(whole)),
        r#"{"type":"authenticate","token":"cs_at_x","epoch":1,"have":{"CON-1":41},"key":"cs_pk_x","nonce":"n"}"#,
    );
    let send = Send {
        reference: 1,
        conversation_id: "CON-1".to_owned(),
        event: NewEvent {
            kind: "text".to_owned(),
            body: raw(r#"{"text":"hi","n":1.00}"#),
            client_id: Some("c".to_owned()),
        },
    };
    check(
        &ClientFrame::Send(send),
        r#"{"type":"send","ref":1,"conversation_id":"CON-1","event":{"type":"text","body":{"text":"hi","n":1.00},"client_id":"c"}}"#,
    );
    let refresh = Refresh {
        token: Secret("cs_at_y".to_owned()),
    };
    check(
        &ClientFrame::Refresh(refresh),
        r#"{"type":"refresh","token":"cs_at_y"}"#,
    );
}

#[test]
fn what_is_no_frame_of_a_client_is_refused() {
    for text in [
        r"{}",
        r"[]",
        r#""send""#,
        r#"{"type":7}"#,
        r#"{"type":"welcome"}"#,
        r#"{"type":"Send","ref":1}"#,
        r#"{"type":"authenticate"}"#,
        r#"{"type":"authenticate","token":7}"#,
        r#"{"type":"authenticate","token":"x","tokens":"y"}"#,
        r#"{"type":"authenticate","token":"x","have":["CON-1"]}"#,
        r#"{"type":"authenticate","token":"x","have":{"CON-1":-1}}"#,
        r#"{"type":"authenticate","token":"x","have":{"CON-1":1.5}}"#,
        r#"{"type":"authenticate","token":"x","epoch":"1"}"#,
        r#"{"type":"authenticate","token":"x","device":{"serial":"y"}}"#,
        r#"{"type":"refresh","token":"x","ref":1}"#,
        r#"{"type":"send","conversation_id":"CON-1","event":{"type":"text","body":{}}}"#,
        r#"{"type":"send","ref":-1,"conversation_id":"CON-1","event":{"type":"text","body":{}}}"#,
        r#"{"type":"send","ref":1,"conversation_id":"CON-1"}"#,
        r#"{"type":"send","ref":1,"conversation_id":"CON-1","event":{"type":"text"}}"#,
        r#"{"type":"send","ref":1,"conversation_id":"CON-1","event":{"type":"text","body":{},"id":7}}"#,
    ] {
        assert!(serde_json::from_str::<ClientFrame>(text).is_err(), "{text}");
    }
    let turned = r#"{"token":"x","type":"refresh"}"#;
    assert!(serde_json::from_str::<ClientFrame>(turned).is_ok());
    let escaped = "{\"t\\u0079pe\":\"refresh\",\"tok\\u0065n\":\"x\"}";
    assert!(serde_json::from_str::<ClientFrame>(escaped).is_ok());
}

#[test]
fn what_a_node_says_of_a_conversation_is_as_written() {
    check(
        &ServerFrame::Event(EventFrame {
            conversation_id: "CON-1".to_owned(),
            event: event(),
        }),
        &format!(r#"{{"type":"event","conversation_id":"CON-1","event":{EVENT}}}"#),
    );
    check(
        &ServerFrame::Signal(SignalFrame {
            conversation_id: "CON-1".to_owned(),
            event: Signal {
                kind: "typing".to_owned(),
                body: raw(r#"{"on":true}"#),
                from: alice(),
                timestamp: TIME,
            },
        }),
        r#"{"type":"event","conversation_id":"CON-1","event":{"type":"typing","body":{"on":true},"from":{"member_id":"MEM-1","user_id":"USR-1","name":"Alice","assurance":"verified"},"timestamp":"2027-01-15T08:00:00.123Z"}}"#,
    );
    let sent = |event| {
        ServerFrame::Sent(Sent {
            reference: 1,
            event,
        })
    };
    check(
        &sent(Some(event())),
        &format!(r#"{{"type":"sent","ref":1,"event":{EVENT}}}"#),
    );
    check(&sent(None), r#"{"type":"sent","ref":1}"#);
    check(
        &ServerFrame::Gap(Gap {
            conversation_id: "CON-1".to_owned(),
            after: 41,
            last: 941,
        }),
        r#"{"type":"gap","conversation_id":"CON-1","after":41,"last":941}"#,
    );
    let changed = |change, conversation| {
        ServerFrame::Conversation(ConversationFrame {
            change,
            conversation,
        })
    };
    let conversation = Conversation {
        id: "CON-1".to_owned(),
        name: None,
        display_name: Some("Support".to_owned()),
        last_event_id: 7,
        unread: 2,
        created_at: TIME,
        updated_at: TIME,
    };
    check(
        &changed(
            ConversationChange::Added,
            ShownConversation::Whole(conversation),
        ),
        r#"{"type":"conversation","change":"added","conversation":{"id":"CON-1","name":null,"display_name":"Support","last_event_id":7,"unread":2,"created_at":"2027-01-15T08:00:00.123Z","updated_at":"2027-01-15T08:00:00.123Z"}}"#,
    );
    let lost = ShownConversation::Lost(LostConversation {
        id: "CON-1".to_owned(),
    });
    check(
        &changed(ConversationChange::Removed, lost),
        r#"{"type":"conversation","change":"removed","conversation":{"id":"CON-1"}}"#,
    );
}

#[test]
fn what_a_node_says_of_the_connection_is_as_written() {
    let bare = Welcome {
        epoch: 1,
        session_id: "SES-1".to_owned(),
        device_id: "DEV-1".to_owned(),
        user: LoginUser {
            id: "USR-1".to_owned(),
            name: None,
            external_id: Some("alice".to_owned()),
            email: None,
            anonymous: false,
        },
        server_time: TIME,
        resumed: true,
        unread: BTreeMap::from([("CON-1".to_owned(), 2)]),
        access_token_expires_at: TIME,
        tokens: None,
    };
    let head = r#"{"type":"welcome","epoch":1,"session_id":"SES-1","device_id":"DEV-1","user":{"id":"USR-1","name":null,"external_id":"alice","email":null,"anonymous":false},"server_time":"2027-01-15T08:00:00.123Z","resumed":true,"unread":{"CON-1":2},"access_token_expires_at":"2027-01-15T08:00:00.123Z""#;
    check(
        &ServerFrame::Welcome(Box::new(bare.clone())),
        &format!("{head}}}"),
    );
    let logged_in = Welcome {
        tokens: Some(Tokens {
            access_token: Secret("cs_at_x".to_owned()),
            refresh_token: Secret("cs_rt_x".to_owned()),
            session_expires_at: TIME,
        }),
        ..bare
    };
    check(
        &ServerFrame::Welcome(Box::new(logged_in)),
        &format!(
            r#"{head},"tokens":{{"access_token":"cs_at_x","refresh_token":"cs_rt_x","session_expires_at":"2027-01-15T08:00:00.123Z"}}}}"#
        ),
    );
    check(
        &ServerFrame::Error(ErrorFrame {
            reference: 1,
            code: "not_found".to_owned(),
            detail: "there is no such conversation here".to_owned(),
            hint: None,
        }),
        r#"{"type":"error","ref":1,"code":"not_found","detail":"there is no such conversation here"}"#,
    );
    let expiring = ServerFrame::Expiring(Expiring { in_seconds: 60 });
    check(&expiring, r#"{"type":"expiring","in_seconds":60}"#);
    let frames = vec![expiring];
    check(
        &SyncAnswer { frames },
        r#"{"frames":[{"type":"expiring","in_seconds":60}]}"#,
    );
    let away = GoingAway {
        reconnect_after: 1_500,
    };
    check(&away, r#"{"reconnect_after":1500}"#);
}

#[test]
fn a_newer_node_may_say_more() {
    for text in [
        r#"{"type":"confetti","colour":"red"}"#,
        r#"{"type":"expiring","in_seconds":60,"because":"time"}"#,
    ] {
        let frame: ServerFrame = serde_json::from_str(text).expect("it is skipped");
        let known = matches!(frame, ServerFrame::Expiring(_));
        assert_eq!(known, !matches!(frame, ServerFrame::Unknown), "{text}");
    }
}

#[test]
fn a_close_code_is_its_number() {
    for code in CloseCode::ALL {
        assert_eq!(CloseCode::from_number(code.number()), Some(code));
        assert!((4_000..5_000).contains(&code.number()));
    }
    for number in [1000, 4000, 4402, 4409, 4999] {
        assert_eq!(CloseCode::from_number(number), None);
    }
    assert!(!CloseCode::SessionEnded.may_reconnect());
    assert!(CloseCode::GoingAway.may_reconnect());
}
