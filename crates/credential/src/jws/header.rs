//! The protected header (RFC 7515 section 4), read strictly.

use thiserror::Error;

use crate::json::{self, JsonError, Object};

/// Members that change how a token is read, or that bring or fetch a key of
/// the sender's choice. Reading on as if they were not there would be to
/// verify another token than the one that was meant.
const REFUSED: [&str; 8] = ["crit", "b64", "zip", "jku", "x5u", "x5c", "jwk", "cty"];

/// What a header says, all of it a stranger's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// `alg` as it was written; it may name no algorithm that exists.
    pub algorithm_name: String,
    /// `kid`, which key the sender says it used.
    pub kid: Option<String>,
    /// `typ`, what the sender says this is.
    pub typ: Option<String>,
}

/// Why a header is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Not a strict JSON object.
    #[error("the header is not strict JSON: {0}")]
    Json(JsonError),
    /// A member that is never taken, whatever its value.
    #[error("the header has `{0}`, which is not supported")]
    Unsupported(&'static str),
    /// `alg` is missing (RFC 7515 section 4.1.1).
    #[error("the header has no `alg`")]
    NoAlgorithm,
    /// A member whose value is not a string.
    #[error("the header's `{0}` is not a string")]
    NotAString(&'static str),
    /// `typ` is there and is not a JWT's (RFC 7519 section 5.1).
    #[error("the header's `typ` is not `JWT`")]
    Type,
}

/// Reads the header of a credential: `typ` is absent, `JWT` or
/// `application/jwt`, in any case (RFC 7515 section 4.1.9, RFC 7519 section
/// 5.1).
///
/// Unknown members are ignored, as RFC 7515 section 4 wants.
///
/// # Errors
/// Whatever is not strict JSON, lacks `alg`, or holds a member of a wrong type
/// or one that is never taken.
pub fn read_header(bytes: &[u8]) -> Result<Header, HeaderError> {
    let header = read_header_of_any_type(bytes)?;
    let is_jwt = header.typ.as_deref().is_none_or(|typ| {
        typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("application/jwt")
    });
    if is_jwt {
        Ok(header)
    } else {
        Err(HeaderError::Type)
    }
}

/// Reads a header, whatever `typ` it names.
pub(super) fn read_header_of_any_type(bytes: &[u8]) -> Result<Header, HeaderError> {
    let header = json::read_object(bytes).map_err(HeaderError::Json)?;
    if let Some(name) = REFUSED.into_iter().find(|name| header.get(name).is_some()) {
        return Err(HeaderError::Unsupported(name));
    }
    Ok(Header {
        algorithm_name: text(&header, "alg")?.ok_or(HeaderError::NoAlgorithm)?,
        kid: text(&header, "kid")?,
        typ: text(&header, "typ")?,
    })
}

fn text(header: &Object<'_>, name: &'static str) -> Result<Option<String>, HeaderError> {
    header
        .get(name)
        .map(|value| {
            value
                .as_str()
                .map(str::to_owned)
                .ok_or(HeaderError::NotAString(name))
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_jwt_says_is_read() {
        let header = read_header(br#"{"alg":"none","kid":"a","typ":"jwt","x5t":"y"}"#).unwrap();
        assert_eq!(header.algorithm_name, "none");
        assert_eq!(header.kid.as_deref(), Some("a"));
        for typ in ["JWT", "jwt", "Application/JWT"] {
            let text = format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#);
            assert_eq!(
                read_header(text.as_bytes()).unwrap().typ.as_deref(),
                Some(typ)
            );
        }
        assert_eq!(read_header(br#"{"alg":"RS256"}"#).unwrap().kid, None);
    }

    #[test]
    fn a_plain_signature_may_be_of_any_type() {
        let header = br#"{"alg":"RS256","typ":"JOSE"}"#;
        assert!(read_header_of_any_type(header).is_ok());
        assert_eq!(read_header(header), Err(HeaderError::Type));
    }

    #[test]
    fn everything_else_is_refused() {
        let cases = [
            (r"{}", "the header has no `alg`"),
            (r#"{"alg":null}"#, "the header's `alg` is not a string"),
            (r#"{"alg":["RS256"]}"#, "the header's `alg` is not a string"),
            (
                r#"{"alg":"RS256","kid":null}"#,
                "the header's `kid` is not a string",
            ),
            (
                r#"{"alg":"RS256","kid":7}"#,
                "the header's `kid` is not a string",
            ),
            (
                r#"{"alg":"RS256","typ":null}"#,
                "the header's `typ` is not a string",
            ),
            (
                r#"{"alg":"RS256","typ":"at+jwt"}"#,
                "the header's `typ` is not `JWT`",
            ),
            (
                r#"{"alg":"RS256","\u0061lg":"none"}"#,
                "the header is not strict JSON: duplicate member name at byte 15",
            ),
            (
                r#""RS256""#,
                "the header is not strict JSON: not an object at byte 0",
            ),
            (
                "",
                "the header is not strict JSON: unexpected end of input at byte 0",
            ),
        ];
        for (text, expected) in cases {
            let error = read_header(text.as_bytes()).expect_err(text);
            assert_eq!(error.to_string(), expected, "{text}");
        }
        for name in REFUSED {
            for value in ["null", "[]", "false", "\"\"", "{}"] {
                let text = format!(r#"{{"{name}":{value},"alg":"RS256"}}"#);
                assert_eq!(
                    read_header(text.as_bytes()),
                    Err(HeaderError::Unsupported(name)),
                    "{text}"
                );
            }
        }
    }
}
