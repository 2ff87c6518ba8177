//! Bodies: read under a limit, and strict JSON before anything looks at them.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use bytes::{Bytes, BytesMut};
use countersign_core::error::{Code, Error};
use countersign_core::limit;
use countersign_credential::json::{self, JsonError, Problem as JsonProblem};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;

/// The longest explanation of a decoder that is passed on. It names members,
/// never values; a longer one quotes a name that somebody made long.
const EXPLANATION_BYTES_MAX: usize = 400;

/// What may stand between the tokens of JSON (RFC 8259 section 2).
const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// How long one may take to arrive.
const BODY_MAX: Duration = Duration::from_secs(limit::BODY_S_MAX);

/// The whole body, kept beside the request for whom its bearer makes curious.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReadBody(pub(crate) Bytes);

/// Reads a body to its end. An oversized one is read on and dropped, up to a
/// limit of its own: who is answered in the middle of sending may never see
/// the answer.
pub(crate) async fn read(body: Body) -> Result<Bytes, Error> {
    // Without a timer: most requests have none.
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    read_under(body, limit::BODY_BYTES_MAX, BODY_MAX).await
}

/// Reads a file to its end.
pub(crate) async fn read_file(body: Body) -> Result<Bytes, Error> {
    let patience = Duration::from_secs(limit::ATTACHMENT_S_MAX);
    read_under(body, limit::ATTACHMENT_BYTES_MAX, patience).await
}

/// Reads a body that nobody wanted, so that the answer arrives.
pub(crate) async fn drop_unread(body: Body) {
    // It is refused already, whatever is wrong with its body.
    let _ = read_under(body, 0, BODY_MAX).await;
}

async fn read_under(body: Body, bytes_max: usize, patience: Duration) -> Result<Bytes, Error> {
    let whole = tokio::time::timeout(patience, collect(body, bytes_max));
    whole.await.unwrap_or_else(|_| {
        Err(Error::new(
            Code::BadRequest,
            "the body did not arrive in time",
        ))
    })
}

async fn collect(mut body: Body, bytes_max: usize) -> Result<Bytes, Error> {
    let mut kept = BytesMut::new();
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| Error::new(Code::BadRequest, "the body broke off before its end"))?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        length = length.saturating_add(data.len());
        if length <= bytes_max {
            kept.extend_from_slice(data);
        } else if length > limit::BODY_DROPPED_BYTES_MAX {
            break;
        }
    }
    if length > bytes_max {
        return Err(Error::new(
            Code::TooLarge,
            format!("a body has at most {bytes_max} bytes here"),
        ));
    }
    Ok(kept.freeze())
}

/// One value of a body's JSON, or a part of one that is kept as its text.
///
/// # Errors
/// `bad_request`, which names the member and what was expected there, and
/// quotes no value: it could be a token.
pub(crate) fn decode<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let place = error.path().to_string();
        let explained = explained(&error.into_inner().to_string());
        let detail = if place == "." || place.len() > EXPLANATION_BYTES_MAX {
            explained
        } else {
            format!("{place}: {explained}")
        };
        Error::new(Code::BadRequest, detail)
    })
}

/// What a decoder says, without what it quotes from the input: of a value of
/// the wrong kind only the kind that was expected is told.
fn explained(message: &str) -> String {
    let message = message
        .rsplit_once(" at line ")
        .map_or(message, |(message, _)| message);
    let names_members =
        message.starts_with("missing field `") || message.starts_with("unknown field `");
    if names_members && message.len() <= EXPLANATION_BYTES_MAX {
        return message.replace(" field `", " member `");
    }
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if expected.len() <= EXPLANATION_BYTES_MAX && !names_members => {
            format!("expected {}", in_json(expected))
        }
        Some(_) | None => "a member is unknown, or has a value that it cannot have".to_owned(),
    }
}

/// What a decoder expected, in the words of JSON where its own are Rust's.
fn in_json(expected: &str) -> &str {
    match expected {
        "u64" | "usize" => "a whole number from 0",
        "u32" => "a whole number from 0 to 4294967295",
        "u16" => "a whole number from 0 to 65535",
        "u8" => "a whole number from 0 to 255",
        "i64" | "i32" => "a whole number",
        "f64" => "a number",
        "a map" => "an object",
        "a sequence" => "an array",
        other if other.starts_with("struct ") => "an object",
        other => other,
    }
}

/// JSON without the white space between its tokens. The text has been read as
/// strict JSON before.
pub(crate) fn compact(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(quote) = rest.find('"') {
        let (between, quoted) = rest.split_at(quote);
        let (string, later) = quoted.split_at(string_length(quoted));
        written.extend(between.split(WHITE_SPACE));
        written.push_str(string);
        rest = later;
    }
    written.extend(rest.split(WHITE_SPACE));
    written
}

/// The bytes of the string with which a JSON text begins, its quotes included.
fn string_length(text: &str) -> usize {
    let quotes = text.match_indices('"').skip(1);
    let is_plain = |end: usize| {
        let before = text.as_bytes()[..end].iter().rev();
        before.take_while(|byte| **byte == b'\\').count() % 2 == 0
    };
    let end = quotes.map(|(at, _)| at).find(|at| is_plain(*at));
    end.map_or(text.len(), |at| at + 1)
}

/// Checks that every reader of this JSON reads the same, and that it is a list.
pub(crate) fn check_strict_list(text: &[u8]) -> Result<(), Error> {
    match json::read(text) {
        Ok(json::Value::Array(_)) => Ok(()),
        Ok(_) => Err(Error::new(
            Code::BadRequest,
            "the body is JSON, and not a list",
        )),
        Err(error) => Err(not_json(error)),
    }
}

/// Checks that every reader of this JSON reads the same.
pub(crate) fn check_strict(text: &[u8]) -> Result<(), Error> {
    match json::read_object(text) {
        Ok(_) => Ok(()),
        Err(error) if error.problem == JsonProblem::NotAnObject => Err(Error::new(
            Code::BadRequest,
            "the body is JSON, and not an object",
        )),
        Err(error) => Err(not_json(error)),
    }
}

fn not_json(error: JsonError) -> Error {
    Error::new(
        Code::MalformedJson,
        format!("the body is not JSON: {error}"),
    )
}

// === impl ReadBody ===

impl ReadBody {
    /// The body's top-level members, as an ACL's filters compare them: a value
    /// that is no text is `None`. What is no strict JSON object tells nothing;
    /// it is refused where it is decoded.
    pub(crate) fn members(&self) -> Vec<(String, Option<String>)> {
        let Ok(object) = json::read_object(&self.0) else {
            return Vec::new();
        };
        let member = |(name, value): (&str, &json::Value<'_>)| {
            (name.to_owned(), value.as_str().map(str::to_owned))
        };
        object.iter().map(member).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use countersign_wire::event::PositionBody;
    use countersign_wire::session::LoginRequest;
    use countersign_wire::user::UserPatch;
    use futures_util::{StreamExt as _, stream};

    use super::*;

    #[test]
    fn an_explanation_names_the_member_and_quotes_no_value() {
        for (text, expected) in [
            ("{}", "missing member `credential`"),
            (
                r#"{"credential":"a","device":{"id":7}}"#,
                "device.id: expected a string",
            ),
            (
                r#"{"credential":["cs_at_secret"]}"#,
                "credential: expected a string",
            ),
            (
                r#"{"credential":"a","switch":"cs_at_secret"}"#,
                "switch: expected a boolean",
            ),
            (
                r#"{"credential":"a","switch":"x, expected cs_at_secret"}"#,
                "switch: expected a boolean",
            ),
            (
                r#"{"credential":"a","device":7}"#,
                "device: expected an object",
            ),
            ("7", "expected an object"),
        ] {
            let error = decode::<LoginRequest>(text.as_bytes()).unwrap_err();
            assert_eq!(error.code, Code::BadRequest);
            assert_eq!(error.detail, expected, "{text}");
        }
        for number in ["-1", "1.5", "\"1\"", "18446744073709551616"] {
            let text = format!(r#"{{"up_to":{number}}}"#);
            let error = decode::<PositionBody>(text.as_bytes()).unwrap_err();
            assert_eq!(error.detail, "up_to: expected a whole number from 0");
        }
        let error = decode::<UserPatch>(br#"{"id":"x"}"#).unwrap_err();
        assert!(error.detail.contains("unknown member `id`"), "{error}");
        let long = format!(r#"{{"{}":1}}"#, "x".repeat(1_000));
        let error = decode::<UserPatch>(long.as_bytes()).unwrap_err();
        assert!(error.detail.len() < EXPLANATION_BYTES_MAX, "{error}");
    }

    #[tokio::test]
    async fn a_body_that_does_not_arrive_is_refused_in_time() {
        let slow = |beginning: &'static [u8]| {
            let sent = stream::iter([Ok::<_, Infallible>(Bytes::from_static(beginning))]);
            Body::from_stream(sent.chain(stream::pending()))
        };
        for (beginning, bytes_max) in [(&b""[..], 10), (b"{", 10), (b"too long", 1), (b"x", 0)] {
            let read = read_under(slow(beginning), bytes_max, Duration::from_millis(20)).await;
            let error = read.unwrap_err();
            assert_eq!(error.code, Code::BadRequest, "{error}");
            assert_eq!(error.detail, "the body did not arrive in time");
        }
        let whole = Body::from("{}");
        assert_eq!(read_under(whole, 2, BODY_MAX).await.unwrap(), "{}");
    }

    #[test]
    fn only_what_stands_between_the_tokens_goes() {
        for (text, expected) in [
            ("{}", "{}"),
            (" \t\r\n{ \n} ", "{}"),
            ("{\"a\" : [ 1 , 2.50 ]}", "{\"a\":[1,2.50]}"),
            (r#"{" a ": " b " , "c":"" }"#, r#"{" a ":" b ","c":""}"#),
            (r#"{"a": "\" : \" "} "#, r#"{"a":"\" : \" "}"#),
            (
                r#"{"a\\": "\\\" \\" , "b": 1}"#,
                r#"{"a\\":"\\\" \\","b":1}"#,
            ),
            (
                "{\"ä \u{2028}\": \"\u{a0} ö\"}",
                "{\"ä \u{2028}\":\"\u{a0} ö\"}",
            ),
        ] {
            assert_eq!(compact(text), expected);
        }
        let whole = serde_json::json!({"a \\": ["\" \\", {"b": "\\\" "}, null, " "], "\"": 1.5});
        let spread = serde_json::to_string_pretty(&whole).unwrap();
        assert_eq!(compact(&spread), whole.to_string());
    }

    #[test]
    fn two_readers_cannot_disagree_about_a_body() {
        for (text, expected) in [
            (&b"{}"[..], None),
            (b" {\"a\":[1,2.50,\"\\u00e4\"]} \n", None),
            (b"[]", Some(Code::BadRequest)),
            (b"null", Some(Code::BadRequest)),
            (b"\"a\"", Some(Code::BadRequest)),
            (b"{\"a\":1,\"a\":1}", Some(Code::MalformedJson)),
            (b"{\"a\":1,\"\\u0061\":2}", Some(Code::MalformedJson)),
            (b"{\"a\":\"\xff\"}", Some(Code::MalformedJson)),
            (b"{\"a\":\"\\ud800\"}", Some(Code::MalformedJson)),
            (b"\xef\xbb\xbf{}", Some(Code::MalformedJson)),
            (b"{}{}", Some(Code::MalformedJson)),
            (b"{\"a\":NaN}", Some(Code::MalformedJson)),
            (b"{\"a\":01}", Some(Code::MalformedJson)),
            (b"{'a':1}", Some(Code::MalformedJson)),
            (b"{\"a\":1,}", Some(Code::MalformedJson)),
            (b" ", Some(Code::MalformedJson)),
        ] {
            let found = check_strict(text).err().map(|error| error.code);
            assert_eq!(found, expected, "{}", String::from_utf8_lossy(text));
        }
        let deep = format!("{}1{}", "{\"a\":".repeat(40), "}".repeat(40));
        assert_eq!(
            check_strict(deep.as_bytes()).unwrap_err().code,
            Code::MalformedJson
        );
    }
}
