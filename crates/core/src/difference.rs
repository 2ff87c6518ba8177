//! What the audit log is told of a change: the members that differ, before and
//! after, as the texts of two JSON objects.

use countersign_credential::json::write_string;

use crate::model::audit::Details;

/// The members of something that was made, changed or removed.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    before: Members,
    after: Members,
}

/// The value of a member.
#[derive(Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Flag(bool),
    Number(u64),
    Text(&'a str),
    Texts(Vec<&'a str>),
    /// The text of a JSON value.
    Json(String),
}

#[derive(Debug, Default)]
struct Members(String);

// === impl Difference ===

impl Difference {
    /// Tells a member, if it changed.
    pub(crate) fn member<'a>(
        mut self,
        name: &str,
        before: impl Into<Value<'a>>,
        after: impl Into<Value<'a>>,
    ) -> Self {
        let (before, after) = (before.into(), after.into());
        if before != after {
            self.before.push(name, &before);
            self.after.push(name, &after);
        }
        self
    }

    /// Tells a member that changed, even where that does not show in how it is told.
    pub(crate) fn replaced<'a>(
        mut self,
        name: &str,
        before: impl Into<Value<'a>>,
        after: impl Into<Value<'a>>,
    ) -> Self {
        self.before.push(name, &before.into());
        self.after.push(name, &after.into());
        self
    }

    /// Tells a member of something new, if there is one.
    pub(crate) fn made<'a>(mut self, name: &str, value: impl Into<Value<'a>>) -> Self {
        self.after.push_known(name, &value.into());
        self
    }

    /// Tells a member of something that is gone, if there was one.
    pub(crate) fn gone<'a>(mut self, name: &str, value: impl Into<Value<'a>>) -> Self {
        self.before.push_known(name, &value.into());
        self
    }

    /// Whether nothing differs.
    pub(crate) fn is_empty(&self) -> bool {
        self.before.0.is_empty() && self.after.0.is_empty()
    }

    /// As an entry has it.
    pub(crate) fn details(self) -> Details {
        Details {
            before: self.before.finish(),
            after: self.after.finish(),
            remark: None,
        }
    }
}

// === impl Value ===

impl Value<'_> {
    fn write(&self, json: &mut String) {
        match self {
            Self::Null => json.push_str("null"),
            Self::Flag(flag) => json.push_str(if *flag { "true" } else { "false" }),
            Self::Number(number) => json.push_str(&number.to_string()),
            Self::Text(text) => write_string(json, text),
            Self::Texts(texts) => {
                json.push('[');
                for (place, text) in texts.iter().enumerate() {
                    if place > 0 {
                        json.push(',');
                    }
                    write_string(json, text);
                }
                json.push(']');
            }
            Self::Json(value) => json.push_str(value),
        }
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [String]> for Value<'a> {
    fn from(texts: &'a [String]) -> Self {
        Self::Texts(texts.iter().map(String::as_str).collect())
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

// === impl Members ===

impl Members {
    fn push(&mut self, name: &str, value: &Value<'_>) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        write_string(&mut self.0, name);
        self.0.push(':');
        value.write(&mut self.0);
    }

    fn push_known(&mut self, name: &str, value: &Value<'_>) {
        if *value != Value::Null {
            self.push(name, value);
        }
    }

    fn finish(mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push('}');
        Some(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let origins = ["https://a.example".to_owned()];
        let details = Difference::default()
            .member("name", "a", "b\"\n")
            .member("email", None::<&str>, "x@example.com")
            .member("blocked", false, false)
            .member("access_s", 600_u32, 60_u32)
            .member("allowed_origins", &[][..], &origins[..])
            .member("one_time", Value::Json("{}".to_owned()), Value::Null)
            .details();
        let before =
            r#"{"name":"a","email":null,"access_s":600,"allowed_origins":[],"one_time":{}}"#;
        let after = r#"{"name":"b\"\u000a","email":"x@example.com","access_s":60,"allowed_origins":["https://a.example"],"one_time":null}"#;
        assert_eq!(details.before.as_deref(), Some(before));
        assert_eq!(details.after.as_deref(), Some(after));
        for text in [before, after] {
            serde_json::from_str::<serde_json::Value>(text).unwrap();
        }
    }

    #[test]
    fn what_is_made_or_gone_has_one_side() {
        let made = Difference::default()
            .made("name", "a")
            .made("email", None::<&str>);
        assert!(!made.is_empty());
        let made = made.details();
        assert_eq!(
            (made.before, made.after.as_deref()),
            (None, Some(r#"{"name":"a"}"#))
        );
        let gone = Difference::default().gone("slug", "demo").details();
        assert_eq!(
            (gone.before.as_deref(), gone.after),
            (Some(r#"{"slug":"demo"}"#), None)
        );
        assert!(Difference::default().is_empty());
        assert_eq!(Difference::default().details(), Details::default());
    }
}
