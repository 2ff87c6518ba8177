//! The `Authorization` header.
//!
//! Only the scheme `Bearer` is known (RFC 6750 section 2.1). Basic is refused
//! from whatever origin: a browser sends it by itself, to a page of anybody.

use countersign_core::error::{Code, Error};
use countersign_core::limit;
use http::{HeaderMap, header};

/// The text of the bearer, if there is one.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Error::new(
            Code::BadRequest,
            "the request has several Authorization headers",
        ));
    }
    let malformed = |detail| Error::new(Code::MalformedToken, detail);
    let value = visible(value.as_bytes())
        .ok_or_else(|| malformed("the Authorization header has characters that no token has"))?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Error::new(
            Code::NoCredential,
            "the Authorization header's scheme is not Bearer",
        )
        .hint("send Authorization: Bearer …, with an access token or an API key"));
    }
    let token = token.trim_matches(' ');
    let separates = |byte: u8| matches!(byte, b' ' | b'\t' | b',');
    if token.is_empty() || any(token.as_bytes(), separates) {
        return Err(malformed("the bearer is empty, or more than one"));
    }
    if token.len() > limit::TOKEN_BYTES_MAX {
        return Err(malformed("the bearer is longer than any token"));
    }
    Ok(Some(token))
}

/// A header's value as text, if it has visible characters of ASCII, spaces and tabs alone.
fn visible(value: &[u8]) -> Option<&str> {
    let is_other = |byte: u8| byte != b'\t' && !(b' '..=b'~').contains(&byte);
    if any(value, is_other) {
        return None;
    }
    str::from_utf8(value).ok()
}

/// Whether a byte is like that. All are looked at: a loop that could end early would
/// go byte by byte, and a token is long.
fn any(bytes: &[u8], is_like_that: impl Fn(u8) -> bool) -> bool {
    let looked_at = |found, byte: &u8| found | is_like_that(*byte);
    bytes.iter().fold(false, looked_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], expected: Result<Option<&str>, Code>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        let found = bearer(&headers).map_err(|error| error.code);
        assert_eq!(found, expected, "{values:?}");
    }

    #[test]
    fn the_header_has_one_bearer_or_is_refused() {
        check(&[], Ok(None));
        for text in ["Bearer cs_at_x", "bearer cs_at_x", "BEARER   cs_at_x "] {
            check(&[text], Ok(Some("cs_at_x")));
        }
        for text in [
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a,b",
            "Bearer a\tb",
        ] {
            check(&[text], Err(Code::MalformedToken));
        }
        for text in ["Bearer a\u{e4}", "\u{e4}", "Bearer \u{ff}\u{ff}"] {
            check(&[text], Err(Code::MalformedToken));
        }
        for text in [
            "",
            "Basic YTpi",
            "basic YTpi",
            "Digest x",
            "cs_at_x",
            "Bearer\tx",
        ] {
            check(&[text], Err(Code::NoCredential));
        }
        check(&["Bearer a", "Bearer b"], Err(Code::BadRequest));
        check(&["Bearer a", "Basic b"], Err(Code::BadRequest));
        let longest = "x".repeat(limit::TOKEN_BYTES_MAX);
        check(&[&format!("Bearer {longest}")], Ok(Some(&longest)));
        check(&[&format!("Bearer {longest}x")], Err(Code::MalformedToken));
    }
}
