//! Doors whose answers any web page may read: who asks is told by a bearer, a
//! signature or a credential alone, and no answer ever allows what a browser
//! would send by itself (the CORS protocol of the Fetch standard).

use http::{HeaderMap, HeaderValue, Method, header};

/// The methods of the routes.
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
/// What a page may send. A star does not stand for `Authorization`.
const HEADERS: &str = "Authorization, Content-Type, X-Timestamp, *";
/// What a page may read beside what it may read anyway.
const EXPOSED: &str = "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, \
                       X-Request-Id";
/// How long a browser need not ask again, in seconds.
const MAX_AGE_S: u64 = 600;

/// Whether this is a browser's question, and no call.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS && headers.contains_key(header::ORIGIN)
}

/// Lets any page read an answer; the answer to a preflight says what it may send.
pub(crate) fn allow(headers: &mut HeaderMap, preflight: bool) {
    let any = HeaderValue::from_static("*");
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
    if preflight {
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(MAX_AGE_S));
    } else {
        let exposed = HeaderValue::from_static(EXPOSED);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}
