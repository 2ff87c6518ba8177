//! What a customer says of itself: kept apart from what is verified, and from
//! what the organization keeps with the customer.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::model::user::User;
use countersign_core::op;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, one, resource, time};
use super::asked::{Device, Json};
use super::failure::Refused;

/// Entries of one list.
const ENTRIES_MAX: usize = 20;

/// What a device sends; what it does not name stays.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Description {
    #[serde(alias = "sharedEmails")]
    emails: Option<Vec<Map<String, Value>>>,
    #[serde(alias = "sharedPhones")]
    phones: Option<Vec<Map<String, Value>>>,
    #[serde(alias = "sharedSocials")]
    socials: Option<Vec<Map<String, Value>>>,
    custom: Option<Map<String, Value>>,
}

/// `PATCH /c/v1/customers/current`
pub(super) async fn describe(
    State(ctx): State<Arc<Ctx>>,
    Device(device): Device,
    Json(description): Json<Description>,
) -> Result<Answer, Refused> {
    let described = description.onto(said(&device.user))?;
    let described = serde_json::to_string(&described).map_err(Error::internal)?;
    let user = op::describe::describe(&ctx, &device.principal, described).await?;
    Ok(one(shown(&user)))
}

/// What a user has said of itself so far.
fn said(user: &User) -> Map<String, Value> {
    let text = user.described.as_deref().unwrap_or("{}");
    serde_json::from_str(text).unwrap_or_default()
}

/// A customer, with what is verified apart from what it says of itself.
pub(super) fn shown(user: &User) -> Value {
    let said = said(user);
    let list = |name: &str| said.get(name).cloned().unwrap_or_else(|| json!([]));
    let email = user.email.as_ref().map(|email| email.as_str());
    let external_id = user.external_id.as_ref().map(|id| id.as_str());
    let attributes = json!({
        "emails": email.map(|email| json!({ "email": email, "verified": true })).as_slice(),
        "externalId": external_id,
        "externalIds": external_id
            .map(|id| json!({ "externalId": id, "verified": true }))
            .as_slice(),
        "sharedEmails": list("emails"),
        "sharedPhones": list("phones"),
        "sharedSocials": list("socials"),
        "custom": said.get("custom").cloned().unwrap_or_else(|| json!({})),
        "displayName": user.display_name,
        "createdAt": time(user.created_at),
    });
    resource("customer", &user.id, attributes)
}

// === impl Description ===

impl Description {
    /// What is said now, after what was. Each entry of a list says of itself that it
    /// is not verified, whatever it said when it came.
    fn onto(self, mut said: Map<String, Value>) -> Result<Map<String, Value>, Error> {
        for (name, entries) in [
            ("emails", self.emails),
            ("phones", self.phones),
            ("socials", self.socials),
        ] {
            let Some(mut entries) = entries else {
                continue;
            };
            if entries.len() > ENTRIES_MAX {
                let detail = format!("{name} has at most {ENTRIES_MAX} entries");
                return Err(Error::new(Code::BadRequest, detail));
            }
            for entry in &mut entries {
                entry.insert("verified".to_owned(), Value::Bool(false));
            }
            said.insert(name.to_owned(), entries.into());
        }
        if let Some(custom) = self.custom {
            let known = said.entry("custom").or_insert_with(|| json!({}));
            if let Value::Object(known) = known {
                known.extend(custom);
            }
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(said: Value, description: Value, expected: &Value) {
        let description: Description = serde_json::from_value(description).unwrap();
        let Value::Object(said) = said else {
            panic!("it is an object");
        };
        let found = description.onto(said).unwrap();
        assert_eq!(&Value::Object(found), expected);
    }

    #[test]
    fn a_description_leaves_what_it_does_not_name() {
        check(json!({}), json!({}), &json!({}));
        check(
            json!({ "phones": [], "custom": { "a": 1, "b": 2 } }),
            json!({
                "emails": [{ "email": "me@example.com", "verified": true }],
                "custom": { "b": 3 },
            }),
            &json!({
                "phones": [],
                "custom": { "a": 1, "b": 3 },
                "emails": [{ "email": "me@example.com", "verified": false }],
            }),
        );
        check(
            json!({ "emails": [{ "email": "a@example.com" }] }),
            json!({ "sharedEmails": [], "phones": [{ "phone": "1" }] }),
            &json!({
                "emails": [],
                "phones": [{ "phone": "1", "verified": false }],
            }),
        );
    }

    #[test]
    fn a_list_is_bounded() {
        let entry = Map::new();
        let description = Description {
            phones: Some(vec![entry; ENTRIES_MAX + 1]),
            ..Description::default()
        };
        assert!(description.onto(Map::new()).is_err());
    }
}
