//! What this protocol shows of users, members and conversations.

use countersign_core::error::Error;
use countersign_core::id::{ConversationId, UserId};
use countersign_core::model::conversation::ConversationView;
use countersign_core::model::member::{Member, MemberState};
use countersign_core::model::person::{Names, Person};
use countersign_core::model::user::User;
use countersign_credential::time::Timestamp;
use countersign_wire::time::Time;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// A moment, in milliseconds.
pub(super) fn time(at: Timestamp) -> Time {
    Time {
        milliseconds: at.milliseconds(),
    }
}

// === users ===

/// A user, beside what it has sent.
pub(super) fn from_user(id: UserId, person: &Person) -> Value {
    json!({
        "id": id.to_string(),
        "name": user_name(&person.names, id),
        "display_name": person.names.display_name,
        "image_url": person.image_url,
        "custom_data": data(person.custom_data.as_deref()),
    })
}

/// A user's name. Who came by another door may have none, and a client needs
/// one to tell users apart.
pub(super) fn user_name(names: &Names, id: UserId) -> String {
    names.name.clone().unwrap_or_else(|| id.to_string())
}

pub(super) fn user(user: &User, href: &str) -> Value {
    let person = Person::of(user);
    let mut shown = from_user(user.id, &person);
    for members in shown.as_object_mut().into_iter() {
        let data = members.remove("custom_data");
        if person.image_url.is_none() {
            members.remove("image_url");
        }
        if let Some(data) = data.filter(|data| !data.is_null()) {
            members.insert("properties".to_owned(), json!({ "custom_data": data }));
        }
        members.insert("href".to_owned(), json!(href));
        members.insert("_links".to_owned(), json!({ "self": { "href": href } }));
    }
    shown
}

// === members ===

pub(super) fn member(conversation: ConversationId, member: &Member, href: &str) -> Value {
    let user = member.user.to_string();
    let name = user_name(&member.names, member.user);
    let id = member.id.to_string();
    let own = json!({ "is_system": false, "user_id": user, "member_id": id });
    let by = member.invited_by.map(|by| by.to_string());
    let mut initiator = Map::new();
    if member.invited_at.is_some() {
        let invited = json!({ "is_system": by.is_none(), "member_id": by });
        initiator.insert("invited".to_owned(), invited);
    }
    if member.joined_at.is_some() {
        initiator.insert("joined".to_owned(), own);
    }
    let mut shown = json!({
        "id": id,
        "member_id": id,
        "conversation_id": conversation.to_string(),
        "user_id": user,
        "name": name,
        "display_name": member.names.display_name,
        "state": state(member.state),
        "_embedded": { "user": {
            "id": user,
            "name": name,
            "display_name": member.names.display_name,
        } },
        "timestamp": moments(member),
        "initiator": initiator,
        "channel": { "type": "app" },
        "media": media(),
        "_links": { "self": { "href": href } },
    });
    if let (Some(by), Some(members)) = (by, shown.as_object_mut()) {
        members.insert("invited_by".to_owned(), json!(by));
    }
    shown
}

/// Nobody speaks here.
pub(super) fn media() -> Value {
    json!({
        "audio_settings": { "enabled": false, "earmuffed": false, "muted": false },
        "audio": false,
    })
}

pub(super) fn state(state: MemberState) -> &'static str {
    match state {
        MemberState::Invited => "INVITED",
        MemberState::Joined => "JOINED",
        MemberState::Left => "LEFT",
    }
}

/// The state that a query names, in any case.
pub(super) fn state_of(text: &str) -> Option<MemberState> {
    MemberState::from_name(&text.to_ascii_lowercase())
}

fn moments(member: &Member) -> Map<String, Value> {
    [
        ("invited", member.invited_at),
        ("joined", member.joined_at),
        ("left", member.left_at),
    ]
    .into_iter()
    .filter_map(|(name, at)| Some((name.to_owned(), json!(time(at?)))))
    .collect()
}

// === conversations ===

/// A conversation; where the oldest versions ask, with its members.
pub(super) fn conversation(
    view: &ConversationView,
    members: Option<&[Value]>,
    href: &str,
) -> Value {
    let conversation = &view.conversation;
    let id = conversation.id.to_string();
    let created = time(conversation.created_at);
    let updated = time(conversation.updated_at);
    let mut shown = json!({
        "id": id,
        "name": conversation.name.as_ref().unwrap_or(&id),
        "display_name": conversation.display_name,
        "state": "ACTIVE",
        "timestamp": { "created": created, "updated": updated },
        "sequence_number": conversation.last_event_id,
        "properties": properties(conversation.custom_data.as_deref()),
        "_links": { "self": { "href": href } },
    });
    for shown in shown.as_object_mut().into_iter() {
        if let Some(url) = &conversation.image_url {
            shown.insert("image_url".to_owned(), json!(url));
        }
        if let Some(members) = members {
            shown.insert("uuid".to_owned(), json!(id));
            shown.insert("numbers".to_owned(), json!({}));
            shown.insert("members".to_owned(), json!(members));
        }
    }
    shown
}

fn properties(custom_data: Option<&str>) -> Value {
    let mut properties = Map::new();
    let custom = data(custom_data);
    if !custom.is_null() {
        properties.insert("custom_data".to_owned(), custom);
    }
    Value::Object(properties)
}

fn data(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or(Value::Null)
}

pub(super) fn raw(value: &Value) -> Result<Box<RawValue>, Error> {
    serde_json::value::to_raw_value(value).map_err(Error::internal)
}
