//! Settings as the JSON text that a row keeps.
//!
//! Only what differs from the defaults is written, so that a better default reaches every
//! application that never chose. A text with a member that is not known here was written by a
//! newer program, and is refused: to leave a setting out could open what it closes.

use crate::columns::acl_of_text;
use crate::error::StoreError;
use countersign_core::model::settings::{
    IdentityConflict, MergePolicy, PerDialect, Settings, UnknownUser,
};
use countersign_credential::acl::Acl;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Stored {
    #[serde(skip_serializing_if = "Option::is_none")]
    managed_users: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_user: Option<Dialects<StoredUnknownUser>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    one_time: Option<Dialects<bool>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merge: Option<StoredMerge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_conflict: Option<StoredConflict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leeway_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    absolute_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions_max: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    anonymous_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_origins: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_acl: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kustomer_keep_token: Option<bool>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dialects<T> {
    nexmo: T,
    kustomer: T,
    sinch: T,
    native: T,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredUnknownUser {
    Refuse,
    Create,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredMerge {
    Merge,
    KeepSeparate,
    Discard,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredConflict {
    Email,
    Reject,
}

/// The text of settings.
///
/// # Errors
/// None that can happen: every setting has a JSON form.
pub(crate) fn write(settings: &Settings) -> Result<String, StoreError> {
    let default = Settings::default();
    let acl = &settings.default_acl;
    let default_acl = if *acl == default.default_acl {
        None
    } else {
        Some(serde_json::from_str(&acl.to_json_text()).map_err(|_| unreadable())?)
    };
    let origins = &settings.allowed_origins;
    let stored = Stored {
        managed_users: differing(settings.managed_users, default.managed_users),
        unknown_user: differing(settings.unknown_user, default.unknown_user)
            .map(|each| Dialects::of(each, StoredUnknownUser::from)),
        one_time: differing(settings.one_time, default.one_time)
            .map(|each| Dialects::of(each, |flag| flag)),
        merge: differing(settings.merge, default.merge).map(StoredMerge::from),
        identity_conflict: differing(settings.identity_conflict, default.identity_conflict)
            .map(StoredConflict::from),
        leeway_s: differing(settings.leeway_s, default.leeway_s),
        access_s: differing(settings.access_s, default.access_s),
        idle_days: differing(settings.idle_days, default.idle_days),
        absolute_days: differing(settings.absolute_days, default.absolute_days),
        sessions_max: differing(settings.sessions_max, default.sessions_max),
        anonymous_days: differing(settings.anonymous_days, default.anonymous_days),
        allowed_origins: (*origins != default.allowed_origins).then(|| origins.clone()),
        default_acl,
        kustomer_keep_token: differing(settings.kustomer_keep_token, default.kustomer_keep_token),
    };
    serde_json::to_string(&stored).map_err(|_| unreadable())
}

/// The settings of a text, the defaults filled in.
///
/// # Errors
/// [`StoreError::Decode`] where it is not what [`write`] writes.
pub(crate) fn read(text: &str) -> Result<Settings, StoreError> {
    let stored: Stored = serde_json::from_str(text).map_err(|_| unreadable())?;
    let default = Settings::default();
    Ok(Settings {
        managed_users: stored.managed_users.unwrap_or(default.managed_users),
        unknown_user: stored
            .unknown_user
            .map_or(default.unknown_user, |each| each.read(UnknownUser::from)),
        one_time: stored
            .one_time
            .map_or(default.one_time, |each| each.read(|flag| flag)),
        merge: stored.merge.map_or(default.merge, MergePolicy::from),
        identity_conflict: stored
            .identity_conflict
            .map_or(default.identity_conflict, IdentityConflict::from),
        leeway_s: stored.leeway_s.unwrap_or(default.leeway_s),
        access_s: stored.access_s.unwrap_or(default.access_s),
        idle_days: stored.idle_days.unwrap_or(default.idle_days),
        absolute_days: stored.absolute_days.unwrap_or(default.absolute_days),
        sessions_max: stored.sessions_max.unwrap_or(default.sessions_max),
        anonymous_days: stored.anonymous_days.unwrap_or(default.anonymous_days),
        allowed_origins: stored.allowed_origins.unwrap_or(default.allowed_origins),
        default_acl: match stored.default_acl {
            None => default.default_acl,
            Some(acl) => read_acl(&acl)?,
        },
        kustomer_keep_token: stored
            .kustomer_keep_token
            .unwrap_or(default.kustomer_keep_token),
    })
}

// === impl Dialects ===

impl<T: Copy> Dialects<T> {
    fn of<U: Copy>(each: PerDialect<U>, write: impl Fn(U) -> T) -> Self {
        Self {
            nexmo: write(each.nexmo),
            kustomer: write(each.kustomer),
            sinch: write(each.sinch),
            native: write(each.native),
        }
    }

    fn read<U>(self, read: impl Fn(T) -> U) -> PerDialect<U> {
        PerDialect {
            nexmo: read(self.nexmo),
            kustomer: read(self.kustomer),
            sinch: read(self.sinch),
            native: read(self.native),
        }
    }
}

macro_rules! both_ways {
    ($domain:ident, $stored:ident: $($variant:ident),*) => {
        impl From<$domain> for $stored {
            fn from(value: $domain) -> Self {
                match value {
                    $($domain::$variant => Self::$variant,)*
                }
            }
        }

        impl From<$stored> for $domain {
            fn from(value: $stored) -> Self {
                match value {
                    $($stored::$variant => Self::$variant,)*
                }
            }
        }
    };
}

both_ways!(UnknownUser, StoredUnknownUser: Refuse, Create);
both_ways!(MergePolicy, StoredMerge: Merge, KeepSeparate, Discard);
both_ways!(IdentityConflict, StoredConflict: Email, Reject);

fn differing<T: PartialEq + Copy>(value: T, default: T) -> Option<T> {
    (value != default).then_some(value)
}

fn read_acl(value: &Value) -> Result<Acl, StoreError> {
    acl_of_text(&value.to_string()).ok_or_else(unreadable)
}

fn unreadable() -> StoreError {
    StoreError::Decode {
        row: 0,
        column: 0,
        wanted: "settings that this program knows",
        found: "a text",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_not_written() {
        assert_eq!(write(&Settings::default()).unwrap(), "{}");
        assert_eq!(read("{}").unwrap(), Settings::default());
    }

    #[test]
    fn everything_that_was_chosen_comes_back() {
        let acl = r#"{"paths":{"/*/sessions/**":{"methods":["GET"],"filters":{"a":"b"}}}}"#;
        let refuse = UnknownUser::Refuse;
        let chosen = Settings {
            managed_users: true,
            unknown_user: PerDialect {
                nexmo: UnknownUser::Create,
                kustomer: refuse,
                sinch: refuse,
                native: refuse,
            },
            one_time: PerDialect {
                nexmo: true,
                kustomer: true,
                sinch: false,
                native: false,
            },
            merge: MergePolicy::KeepSeparate,
            identity_conflict: IdentityConflict::Reject,
            leeway_s: 1,
            access_s: 2,
            idle_days: 3,
            absolute_days: 4,
            sessions_max: 5,
            anonymous_days: 6,
            allowed_origins: vec!["https://a.example".to_owned()],
            default_acl: acl_of_text(acl).unwrap(),
            kustomer_keep_token: true,
        };
        let text = write(&chosen).unwrap();
        assert_eq!(read(&text).unwrap(), chosen);
        assert!(text.contains(r#""merge":"keep_separate""#), "{text}");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for text in [
            "",
            "7",
            r#"{"new_setting":1}"#,
            r#"{"merge":"other"}"#,
            r#"{"one_time":{"native":true}}"#,
            r#"{"default_acl":{"paths":{"nonsense":{}}}}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
