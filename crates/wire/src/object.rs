//! A member that is an object, read from an object alone.
//!
//! What serde derives for a struct takes a list of its values too, in their
//! order. No client means that, and a proxy or a filter that looks for a member
//! by its name would not find it there.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::patch::Patch;

/// Reads a member that must be there.
pub(crate) fn required<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    optional(deserializer)?.ok_or_else(|| Error::custom("expected an object"))
}

/// Reads a member that may be null.
pub(crate) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_option(Members(PhantomData))
}

/// Reads a member of a merge patch.
pub(crate) fn patch<'de, D, T>(deserializer: D) -> Result<Patch<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(optional(deserializer)?.map_or(Patch::Null, Patch::Value))
}

/// The members of an object, or null.
struct Members<T>(PhantomData<T>);

// === impl Members ===

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use crate::member::NewMember;
    use crate::session::LoginRequest;
    use crate::settings::SettingsPatch;

    #[test]
    fn a_list_is_no_object() {
        let login = |device: &str| format!(r#"{{"credential":"x","device":{device}}}"#);
        let member = |user: &str| format!(r#"{{"user":{user},"state":"joined"}}"#);
        let settings = |rule: &str| format!(r#"{{"one_time":{rule}}}"#);
        for (given, fine) in [
            (r#"{}"#, true),
            ("[]", false),
            ("[null,null]", false),
            ("\"x\"", false),
            ("7", false),
        ] {
            let read = serde_json::from_str::<LoginRequest>(&login(given));
            assert_eq!(read.is_ok(), fine, "device: {given}");
            let read = serde_json::from_str::<NewMember>(&member(given));
            assert_eq!(read.is_ok(), fine, "user: {given}");
            let read = serde_json::from_str::<SettingsPatch>(&settings(given));
            assert_eq!(read.is_ok(), fine, "one_time: {given}");
        }
        assert!(serde_json::from_str::<LoginRequest>(&login("null")).is_ok());
        assert!(serde_json::from_str::<SettingsPatch>(&settings("null")).is_ok());
        assert!(serde_json::from_str::<NewMember>(&member("null")).is_err());
    }
}
