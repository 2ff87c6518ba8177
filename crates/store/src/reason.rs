//! Why a member went out, as the text in a row of the event that tells of it.

use countersign_core::model::member::Reason;
use serde_json::{Map, Value};

/// The text of a row. Without a reason it is that of an empty object, which has none.
pub(crate) fn text_of(reason: Option<&Reason>) -> String {
    let members = reason.map(|reason| [("code", &reason.code), ("text", &reason.text)]);
    let said = members.into_iter().flatten();
    let object: Map<String, Value> = said
        .filter_map(|(name, text)| Some((name.to_owned(), Value::from(text.as_deref()?))))
        .collect();
    Value::from(object).to_string()
}

/// The reason that a text tells.
pub(crate) fn of_text(text: &str) -> Option<Reason> {
    if text == "{}" {
        return None;
    }
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let member = |name| Some(object.get(name)?.as_str()?.to_owned());
    Some(Reason {
        code: member("code"),
        text: member("text"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_comes_back_as_it_was() {
        let text = |text: &str| Some(text.to_owned());
        for (code, said, row) in [
            (None, None, "{}"),
            (text("bye"), None, r#"{"code":"bye"}"#),
            (None, text(""), r#"{"text":""}"#),
            (text("\""), text("ä\0"), r#"{"code":"\"","text":"ä\u0000"}"#),
        ] {
            let reason = Reason { code, text: said };
            assert_eq!(text_of(Some(&reason)), row);
            let expected = Some(reason).filter(|reason| *reason != Reason::default());
            assert_eq!(of_text(row), expected);
        }
        assert_eq!(text_of(None), "{}");
    }
}
