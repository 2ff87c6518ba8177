//! What a request says of who made it: the `Authorization` header, and the text
//! that is signed. Pure: bytes in, texts out.
//!
//! A request is signed over its method, the MD5 of its body, its type, its time
//! and its path, a line each. The SDK leaves the query out of the path, and the
//! vendor's library for backends signs it, so that both are right here. MD5 is
//! the protocol's; what keeps a body from being changed is the HMAC over it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::error::{Code, Error};
use countersign_core::limit::TOKEN_BYTES_MAX;
use countersign_core::op::signed_request::Signature;
use countersign_credential::time::Timestamp;
use http::{HeaderMap, HeaderName, Method, header};
use md5::{Digest as _, Md5};

use super::failure::{ErrorCode, Refused};

const TIMESTAMP: HeaderName = HeaderName::from_static("x-timestamp");
const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
/// An HMAC-SHA256.
const MAC_BYTES: usize = 32;

/// What an `Authorization` header says.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Authorization<'a> {
    /// Every copy of an app knows its application's key.
    Application { key: &'a str },
    /// A backend has signed with its application's secret.
    SignedByApplication { key: &'a str, mac: Vec<u8> },
    /// A client has signed with its instance's secret.
    SignedByInstance { id: &'a str, mac: Vec<u8> },
    /// Who logs in: a ticket, or a JWT.
    Credential(&'a str),
}

/// Why a request does not say who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    #[error("the request has no Authorization header")]
    NoAuthorization,
    #[error("the request has several Authorization headers")]
    SeveralAuthorizations,
    #[error("the Authorization header is longer than any, or has characters that none has")]
    UnreadableAuthorization,
    #[error("the Authorization header's scheme is none of application, instance, user and Bearer")]
    UnknownScheme,
    #[error("the Authorization header has a scheme and nothing after it")]
    Empty,
    #[error("the signature is not 32 bytes in base64, with padding")]
    BadMac,
    #[error("the request is signed and has no X-Timestamp header")]
    NoTimestamp,
    #[error("X-Timestamp is no time of ISO 8601, such as 2026-01-02T03:04:05.678Z")]
    BadTimestamp,
    #[error("Content-MD5 is not the MD5 of the body that came, in base64")]
    WrongMd5,
    #[error("the Content-Type header has characters that none has")]
    BadContentType,
}

/// What a signed request consists of, as it came.
pub(super) struct Request<'a> {
    pub(super) method: &'a Method,
    /// With the percent-encodings that it came with.
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// What is signed, and when that was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signable {
    pub(super) texts: Vec<Vec<u8>>,
    pub(super) made_at: Timestamp,
    /// Whether it changes something.
    pub(super) once: bool,
}

/// Reads the `Authorization` header. Schemes are compared in any case (RFC 9110
/// section 11.1): the SDK writes them small, the vendor's guides do not.
pub(super) fn authorization(headers: &HeaderMap) -> Result<Authorization<'_>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Problem::NoAuthorization)?;
    if values.next().is_some() {
        return Err(Problem::SeveralAuthorizations);
    }
    let value = value
        .to_str()
        .map_err(|_| Problem::UnreadableAuthorization)?;
    let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
    let is = |name| scheme.eq_ignore_ascii_case(name);
    let rest = rest.trim_matches(' ');
    if rest.len() > TOKEN_BYTES_MAX {
        return Err(Problem::UnreadableAuthorization);
    }
    if ["application", "instance", "user", "bearer"]
        .into_iter()
        .all(|name| !is(name))
    {
        return Err(Problem::UnknownScheme);
    }
    if rest.is_empty() {
        return Err(Problem::Empty);
    }
    if is("user") || is("bearer") {
        return Ok(Authorization::Credential(rest));
    }
    let signed = rest.rsplit_once(':');
    if is("instance") {
        let (id, mac) = signed.ok_or(Problem::BadMac)?;
        return Ok(Authorization::SignedByInstance {
            id,
            mac: mac_of(mac)?,
        });
    }
    match signed {
        Some((key, mac)) => Ok(Authorization::SignedByApplication {
            key,
            mac: mac_of(mac)?,
        }),
        None => Ok(Authorization::Application { key: rest }),
    }
}

fn mac_of(text: &str) -> Result<Vec<u8>, Problem> {
    let mac = STANDARD.decode(text).map_err(|_| Problem::BadMac)?;
    if mac.len() == MAC_BYTES {
        Ok(mac)
    } else {
        Err(Problem::BadMac)
    }
}

/// What is signed of a request, if its parts go together.
pub(super) fn signable(request: &Request<'_>) -> Result<Signable, Problem> {
    let headers = request.headers;
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str());
    let timestamp = text(&TIMESTAMP)
        .ok_or(Problem::NoTimestamp)?
        .map_err(|_| Problem::BadTimestamp)?;
    let made_at = Timestamp::from_iso_8601(timestamp).ok_or(Problem::BadTimestamp)?;
    let mut md5 = STANDARD.encode(Md5::digest(request.body));
    if let Some(told) = headers.get(CONTENT_MD5)
        && told.as_bytes() != md5.as_bytes()
    {
        return Err(Problem::WrongMd5);
    }
    if request.body.is_empty() {
        md5.clear();
    }
    let content_type = text(&header::CONTENT_TYPE)
        .transpose()
        .map_err(|_| Problem::BadContentType)?
        .unwrap_or_default();
    let (method, path) = (request.method.as_str(), request.path);
    let before = format!("{method}\n{md5}\n{content_type}\nx-timestamp:{timestamp}\n{path}");
    let mut texts = Vec::with_capacity(2);
    if let Some(query) = request.query {
        texts.push(format!("{before}?{query}").into_bytes());
    }
    texts.push(before.into_bytes());
    Ok(Signable {
        texts,
        made_at,
        once: !request.method.is_safe(),
    })
}

// === impl Authorization ===

impl Authorization<'_> {
    /// The scheme, as a refusal names it.
    pub(super) fn scheme(&self) -> &'static str {
        match self {
            Self::Application { .. } => "application",
            Self::SignedByApplication { .. } => "application, signed",
            Self::SignedByInstance { .. } => "instance",
            Self::Credential(_) => "user",
        }
    }
}

impl std::fmt::Debug for Authorization<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.scheme())
    }
}

// === impl Signable ===

impl Signable {
    /// With its signature.
    pub(super) fn signed<'a>(&'a self, mac: &'a [u8]) -> Signature<'a> {
        Signature {
            texts: &self.texts,
            mac,
            made_at: self.made_at,
            once: self.once,
        }
    }
}

// === impl Problem ===

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        let (code, told, hint) = match problem {
            Problem::NoAuthorization | Problem::Empty => (
                Code::NoCredential,
                ErrorCode::BAD_CREDENTIALS,
                "send Authorization: instance ID:SIGNATURE, or what the call wants",
            ),
            Problem::UnknownScheme => (
                Code::NoCredential,
                ErrorCode::BAD_CREDENTIALS,
                "Basic is not taken: sign the request instead",
            ),
            Problem::SeveralAuthorizations | Problem::UnreadableAuthorization => (
                Code::MalformedToken,
                ErrorCode::BAD_CREDENTIALS,
                "send one Authorization header",
            ),
            Problem::BadMac => (
                Code::MalformedToken,
                ErrorCode::BAD_SIGNATURE,
                "write the HMAC-SHA256 in base64 after the last ':'",
            ),
            Problem::NoTimestamp | Problem::BadTimestamp => (
                Code::BadRequest,
                ErrorCode::BAD_TIMESTAMP,
                "send the time of the request as X-Timestamp, and sign it",
            ),
            Problem::WrongMd5 => (
                Code::BadSignature,
                ErrorCode::BAD_SIGNATURE,
                "take the MD5 of the very bytes that are sent, or leave the header out",
            ),
            Problem::BadContentType => (
                Code::BadRequest,
                ErrorCode::BAD_PARAMETER,
                "send Content-Type: application/json; charset=UTF-8",
            ),
        };
        Self::told(Error::new(code, problem.to_string()).hint(hint), told)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::hmac;

    use super::*;

    const UTF8: &str = "application/json; charset=UTF-8";
    const JSON: &str = "application/json";
    const AT: &str = "2026-01-02T03:04:05.678Z";

    /// Secrets that documents publish, or that were made up for these vectors.
    const OF_SMS_GUIDE: &str = "JViE5vDor0Sw3WllZka15Q==";
    const OF_CALLBACK_GUIDE: &str = "BeIukql3pTKJ8RGL5zo0DA==";
    const OF_INSTANCE: &str = "EBESExQVFhcYGRobHB0eHw==";
    const OF_APPLICATION: &str = "AAECAwQFBgcICQoLDA0ODw==";

    /// The body of the guide's callback.
    const CALLBACK: &str = r#"{"event":"ace","callid":"822aa4b7-05b4-4d83-87c7-1f835ee0b6f6_257","timestamp":"2014-09-24T10:59:41Z","version":1}"#;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn signable_of(
        method: &str,
        path: &str,
        body: &str,
        pairs: &[(&'static str, &str)],
    ) -> Result<Signable, Problem> {
        let (path, query) = path
            .split_once('?')
            .map_or((path, None), |(path, query)| (path, Some(query)));
        signable(&Request {
            method: &method.parse().unwrap(),
            path,
            query,
            headers: &headers(pairs),
            body: body.as_bytes(),
        })
    }

    fn fits(signable: &Signable, secret: &str, signature: &str) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(secret).unwrap());
        let mac = mac_of(signature).unwrap();
        signable
            .texts
            .iter()
            .any(|text| hmac::verify(&key, text, &mac).is_ok())
    }

    /// Made by the SDK and by the vendor's library for backends, and the ones of
    /// the vendor's guides.
    #[rustfmt::skip]
    const VECTORS: [(&str, &str, &str, &str, &str, &str, &str); 10] = [
        (OF_INSTANCE, "GET", "/v1/configuration/user", "", UTF8, AT, "nbwPSHy4h29mHmkR7f4XrjGuAbgdtKD6mf5sw9q8Voc="),
        (OF_INSTANCE, "GET", "/v1/configuration/user?a=1&", "", UTF8, AT, "nbwPSHy4h29mHmkR7f4XrjGuAbgdtKD6mf5sw9q8Voc="),
        (OF_INSTANCE, "POST", "/v1/transport", r#"[{"identity":"bob"}]"#, UTF8, AT, "JDIFK2XMk3x+t12fVV77K0afqiPBIkfdltPYT3jyDi0="),
        (OF_INSTANCE, "POST", "/v1/transport", r#"[{"identity":"zoë"}]"#, UTF8, AT, "/08pdWSXW3te0qv2CvZz/x9SmNEH6H9KfkCesdv/dJs="),
        (OF_INSTANCE, "POST", "/v1/report/im", r#"{"version":"2.0","sent":1,"received":0,"failed":0}"#, UTF8, AT, "Z/zL6tGPf2ccOtFvz7t5zZ1bzLNmCXTJG6H6lK8Amy0="),
        (OF_APPLICATION, "POST", "/v1/message/+46700000000", r#"{"message":"hi"}"#, UTF8, AT, "y6fM6OmlSHv/XjFKa8i9bxgbG6sW0k7XV3+7aiao/Hk="),
        (OF_APPLICATION, "GET", "/v1/x", "", JSON, AT, "sGvz1ARHVhfOMxbhMicqF5MsrFtHVdDISWE0JvNwL8A="),
        (OF_SMS_GUIDE, "POST", "/v1/sms/+46700000000", r#"{"message":"Hello world"}"#, JSON, "2014-06-04T13:41:58Z", "qDXMwzfaxCRS849c/2R0hg0nphgdHciTo7OdM6MsdnM="),
        (OF_CALLBACK_GUIDE, "POST", "/verification/v1/verifications", "", JSON, "2014-06-04T13:41:58Z", "srx3SkKXw/ryFJLfwFFzZTigPxR/1+9Ae+eB3olDIjM="),
        (OF_CALLBACK_GUIDE, "POST", "/sinch/callback/ace", CALLBACK, JSON, "2014-09-24T10:59:41Z", "Tg6fMyo8mj9pYfWQ9ssbx3Tc1BNC87IEygAfLbJqZb4="),
    ];

    #[test]
    fn what_the_vendors_libraries_and_guides_sign_is_what_is_checked() {
        for (secret, method, path, body, content_type, at, signature) in VECTORS {
            let pairs = [("content-type", content_type), ("x-timestamp", at)];
            let signable = signable_of(method, path, body, &pairs).unwrap();
            assert!(fits(&signable, secret, signature), "{method} {path} {body}");
            assert_eq!(signable.made_at, Timestamp::from_iso_8601(at).unwrap());
            assert_eq!(signable.once, method == "POST");
        }
    }

    #[test]
    fn a_changed_request_is_another() {
        let (secret, _, _, body, ..) = VECTORS[2];
        let signature = VECTORS[2].6;
        let usual = [("content-type", UTF8), ("x-timestamp", AT)];
        let later = [
            ("content-type", UTF8),
            ("x-timestamp", "2026-01-02T03:04:05.679Z"),
        ];
        let typed = [
            ("content-type", "application/json; charset=utf-8"),
            ("x-timestamp", AT),
        ];
        for (method, path, body, pairs) in [
            ("PUT", "/v1/transport", body, &usual),
            ("POST", "/v1/transport/", body, &usual),
            ("POST", "/v1/Transport", body, &usual),
            ("POST", "/v1/transport", r#"[{"identity":"eve"}]"#, &usual),
            ("POST", "/v1/transport", "", &usual),
            ("POST", "/v1/transport", body, &later),
            ("POST", "/v1/transport", body, &typed),
            ("POST", "/v1/transport", body, &[usual[1], usual[1]]),
        ] {
            let signable = signable_of(method, path, body, pairs).unwrap();
            assert!(
                !fits(&signable, secret, signature),
                "{method} {path} {body} {pairs:?}"
            );
        }
        let right = signable_of("POST", "/v1/transport", body, &usual).unwrap();
        assert!(!fits(&right, OF_APPLICATION, signature));
    }

    #[test]
    fn what_cannot_be_signed_says_why() {
        let time = ("x-timestamp", AT);
        for (pairs, body, expected) in [
            (&[][..], "{}", Some(Problem::NoTimestamp)),
            (&[("x-timestamp", "")], "{}", Some(Problem::BadTimestamp)),
            (&[("x-timestamp", "now")], "{}", Some(Problem::BadTimestamp)),
            (
                &[("x-timestamp", "1767323045")],
                "{}",
                Some(Problem::BadTimestamp),
            ),
            (
                &[("x-timestamp", "2026-01-02T03:04:05é")],
                "{}",
                Some(Problem::BadTimestamp),
            ),
            (
                &[time, ("content-type", "é")],
                "{}",
                Some(Problem::BadContentType),
            ),
            (&[time, ("content-md5", "")], "{}", Some(Problem::WrongMd5)),
            (
                &[time, ("content-md5", "vl5pJORY0sePaha7LYo27w==")],
                "{}",
                Some(Problem::WrongMd5),
            ),
            (
                &[time, ("content-md5", "mZFLkyvTelC5g8XnyQrpOw==")],
                "{}",
                None,
            ),
            (
                &[time, ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==")],
                "",
                None,
            ),
            (&[time], "{}", None),
        ] {
            let found = signable_of("POST", "/v1/report/im", body, pairs).err();
            assert_eq!(found, expected, "{pairs:?} {body}");
        }
    }

    const MAC: &str = "nbwPSHy4h29mHmkR7f4XrjGuAbgdtKD6mf5sw9q8Voc=";

    fn check_header(values: &[&str], expected: Result<&str, Problem>) {
        let pairs: Vec<_> = values
            .iter()
            .map(|value| ("authorization", *value))
            .collect();
        let headers = headers(&pairs);
        let found = authorization(&headers).map(|found| found.scheme());
        assert_eq!(found, expected, "{values:?}");
    }

    #[test]
    fn a_header_says_who_asks_in_one_of_four_ways() {
        let signed = |before: &str| format!("{before}:{MAC}");
        let longest = format!("user {}", "x".repeat(TOKEN_BYTES_MAX));
        for (value, expected) in [
            ("application c0ffee", "application"),
            ("Application  c0ffee ", "application"),
            (&signed("application c0ffee"), "application, signed"),
            (&signed("application a:b"), "application, signed"),
            (&signed("instance I1"), "instance"),
            (&signed("INSTANCE I1"), "instance"),
            ("user YQ==:YQ==", "user"),
            ("user undefined", "user"),
            ("Bearer a.b.c", "user"),
            (&longest, "user"),
        ] {
            check_header(&[value], Ok(expected));
        }
    }

    #[test]
    fn any_other_header_is_refused() {
        let signed = |mac: &str| format!("instance I1:{mac}");
        let too_long = format!("user {}", "x".repeat(TOKEN_BYTES_MAX + 1));
        let short = STANDARD.encode(&STANDARD.decode(MAC).unwrap()[1..]);
        for (values, expected) in [
            (&[][..], Problem::NoAuthorization),
            (&["user a", "user b"], Problem::SeveralAuthorizations),
            (&[&too_long], Problem::UnreadableAuthorization),
            (&["user \u{e4}"], Problem::UnreadableAuthorization),
            (&[""], Problem::UnknownScheme),
            (&["Basic YTpi"], Problem::UnknownScheme),
            (&["c0ffee"], Problem::UnknownScheme),
            (&["instance"], Problem::Empty),
            (&["user  "], Problem::Empty),
            (&["instance I1"], Problem::BadMac),
            (&["instance I1:"], Problem::BadMac),
            (&[&signed("not base64")], Problem::BadMac),
            (&[&signed(MAC.trim_end_matches('='))], Problem::BadMac),
            (&[&signed(&MAC.replace('V', "-"))], Problem::BadMac),
            (&[&signed(&short)], Problem::BadMac),
            (&["application c0ffee:x"], Problem::BadMac),
        ] {
            check_header(values, Err(expected));
        }
    }

    #[test]
    fn no_problem_quotes_what_came() {
        let secret = "hunter2";
        for value in [
            format!("instance {secret}"),
            format!("instance I1:{secret}"),
            secret.to_owned(),
        ] {
            let headers = headers(&[("authorization", &value)]);
            let problem = authorization(&headers).unwrap_err();
            let Refused { error, .. } = problem.into();
            assert!(!format!("{error:?}").contains(secret), "{error:?}");
        }
    }
}
