//! The native API over HTTP: one call, one answer.
//!
//! It knows nothing of sessions. Who has a key of a backend asks with it here;
//! a device goes by [`Client`](crate::client::Client), which stands on this.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use countersign_wire::code::Code;
use countersign_wire::frame::SUBPROTOCOL;
use countersign_wire::problem::Problem;
use reqwest::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use reqwest::header::{SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::error::{Error, Refusal};

/// How long a call may take, from connecting to the last byte.
const CALL: Duration = Duration::from_secs(30);
/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(10);
/// The largest frame that is taken from a server.
const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The stream below a socket: TCP, with TLS where the URL says so.
pub(crate) type Socket = WebSocketStream<reqwest::Upgraded>;

/// A server's native API.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    url: String,
}

/// One call.
#[derive(Clone)]
pub struct Call<'a> {
    method: Method,
    path: &'a str,
    bearer: Option<&'a str>,
    body: Body,
}

/// What a server answered, whether it did what was asked or not.
#[derive(Clone)]
pub struct Answer {
    url: String,
    /// The status.
    pub status: StatusCode,
    body: Bytes,
}

#[derive(Clone)]
enum Body {
    None,
    Json(Result<Bytes, String>),
    File(Bytes),
}

// === impl Api ===

impl Api {
    /// The API of the server at this URL.
    ///
    /// # Errors
    /// [`Error::Setup`] if the URL is none of HTTP, or names a user or a
    /// password; if the machine's TLS set-up cannot be used.
    pub fn new(url: &str) -> Result<Self, Error> {
        check_url(url)?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .build()
            .map_err(|error| Error::Setup(format!("cannot prepare HTTP: {error}")))?;
        Ok(Self {
            http,
            url: url.trim_end_matches('/').to_owned(),
        })
    }

    /// Makes a call. A refusal is an answer; an error is only that there was none.
    ///
    /// # Errors
    /// [`Error::Unreached`].
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, Error> {
        let mut request = self
            .http
            .request(call.method, self.url_of(call.path))
            .timeout(CALL);
        if let Some(bearer) = call.bearer {
            request = request.bearer_auth(bearer);
        }
        request = match call.body {
            Body::None => request,
            Body::Json(json) => request
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .body(json.map_err(Error::Setup)?),
            Body::File(bytes) => request.body(bytes),
        };
        self.answer(request).await
    }

    /// Opens a socket at `/v1/connect`, on which nothing has been said yet. It
    /// goes by the same proxies and trusts the same authorities as the calls.
    ///
    /// # Errors
    /// The server's refusal; [`Error::Unreached`]; [`Error::Foreign`] where
    /// something on the way does not pass sockets on.
    pub(crate) async fn open_socket(&self) -> Result<Socket, Error> {
        let key = generate_key();
        let request = self
            .http
            .get(self.url_of("/v1/connect"))
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key)
            .header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
        let response = tokio::time::timeout(CALL, request.send())
            .await
            .map_err(|_| self.unreached("it did not answer in time"))?
            .map_err(|error| self.unreached(cause_of(&error.without_url())))?;
        let status = response.status();
        if status != StatusCode::SWITCHING_PROTOCOLS {
            let answer = self.read(response).await?;
            return Err(match answer.accepted() {
                Err(error) => error,
                Ok(_) => self.foreign(status),
            });
        }
        let accepted = header(&response, &SEC_WEBSOCKET_ACCEPT);
        let agreed = header(&response, &SEC_WEBSOCKET_PROTOCOL) == Some(SUBPROTOCOL);
        if !agreed || accepted != Some(derive_accept_key(key.as_bytes()).as_str()) {
            return Err(self.foreign(status));
        }
        let stream = response
            .upgrade()
            .await
            .map_err(|error| self.unreached(cause_of(&error.without_url())))?;
        let limits = WebSocketConfig::default()
            .max_message_size(Some(FRAME_BYTES_MAX))
            .max_frame_size(Some(FRAME_BYTES_MAX));
        Ok(WebSocketStream::from_raw_socket(stream, Role::Client, Some(limits)).await)
    }

    /// That this server was not reached.
    pub(crate) fn unreached(&self, cause: impl fmt::Display) -> Error {
        Error::Unreached {
            url: self.url.clone(),
            cause: cause.to_string(),
        }
    }

    /// That something else answered.
    fn foreign(&self, status: StatusCode) -> Error {
        Error::Foreign {
            url: self.url.clone(),
            status: status.as_u16(),
        }
    }

    fn url_of(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Answer, Error> {
        let response = request
            .send()
            .await
            .map_err(|error| self.unreached(cause_of(&error.without_url())))?;
        self.read(response).await
    }

    async fn read(&self, response: Response) -> Result<Answer, Error> {
        let status = response.status();
        let body = response
            .bytes()
            .await
            .map_err(|error| self.unreached(cause_of(&error.without_url())))?;
        Ok(Answer {
            url: self.url.clone(),
            status,
            body,
        })
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Api({})", self.url)
    }
}

// === impl Call ===

impl<'a> Call<'a> {
    /// Reads something.
    #[must_use]
    pub fn get(path: &'a str) -> Self {
        Self::new(Method::GET, path, Body::None)
    }

    /// Creates or does something.
    pub fn post(path: &'a str, body: &impl Serialize) -> Self {
        Self::new(Method::POST, path, Body::json(body))
    }

    /// Uploads a file.
    #[must_use]
    pub fn upload(path: &'a str, file: Bytes) -> Self {
        Self::new(Method::POST, path, Body::File(file))
    }

    /// Changes something.
    pub fn patch(path: &'a str, body: &impl Serialize) -> Self {
        Self::new(Method::PATCH, path, Body::json(body))
    }

    /// Ends or removes something.
    #[must_use]
    pub fn delete(path: &'a str) -> Self {
        Self::new(Method::DELETE, path, Body::None)
    }

    /// Shows who asks.
    #[must_use]
    pub fn bearer(mut self, bearer: &'a str) -> Self {
        self.bearer = Some(bearer);
        self
    }

    fn new(method: Method, path: &'a str, body: Body) -> Self {
        Self {
            method,
            path,
            bearer: None,
            body,
        }
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

// === impl Body ===

impl Body {
    fn json(body: &impl Serialize) -> Self {
        let json = serde_json::to_vec(body).map(Bytes::from);
        Self::Json(json.map_err(|error| error.to_string()))
    }
}

// === impl Answer ===

impl Answer {
    /// The body, where the server did what it was asked; null where there is none.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Foreign`] for a body that is no JSON.
    pub fn accepted(&self) -> Result<Value, Error> {
        if self.body.is_empty() && self.status.is_success() {
            return Ok(Value::Null);
        }
        self.read()
    }

    /// The body as what it is.
    ///
    /// # Errors
    /// [`Error::Refused`]; [`Error::Foreign`] for a body that is something else.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if self.status.is_success() {
            return serde_json::from_slice(&self.body).map_err(|_| self.foreign());
        }
        Err(match self.problem() {
            Some(problem) => Error::Refused(Refusal::from(problem)),
            None => self.foreign(),
        })
    }

    /// That the server did it, whatever it says of it.
    ///
    /// # Errors
    /// As [`Answer::read`].
    pub fn done(&self) -> Result<(), Error> {
        if self.status.is_success() {
            return Ok(());
        }
        self.accepted().map(|_| ())
    }

    /// The body as it came.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.body
    }

    /// The body as JSON, whatever the status says; null where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The stable code, where the server refused.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        self.problem().map(|problem| Code::of(&problem.code))
    }

    /// Why the server refused.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let refused = !self.status.is_success();
        refused.then(|| serde_json::from_slice(&self.body).ok())?
    }

    fn foreign(&self) -> Error {
        Error::Foreign {
            url: self.url.clone(),
            status: self.status.as_u16(),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Answer({})", self.status)
    }
}

/// A segment of a path: what ids and kids are made of, and nothing that a path
/// could be read differently for.
///
/// # Errors
/// [`Error::Setup`] for a text with other characters.
pub fn segment(text: &str) -> Result<&str, Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if text.bytes().all(plain) && !text.bytes().all(|byte| byte == b'.') {
        Ok(text)
    } else {
        Err(Error::Setup(
            "an id or a key's name has letters, digits, '.', '_' and '-' alone".to_owned(),
        ))
    }
}

/// A path with its query.
///
/// # Errors
/// None that can happen: every text can be written in a query.
pub fn with_query(path: &str, pairs: &[(&str, &str)]) -> Result<String, Error> {
    if pairs.is_empty() {
        return Ok(path.to_owned());
    }
    let url = Url::parse_with_params("http://localhost/", pairs);
    let url = url.map_err(|error| Error::Setup(error.to_string()))?;
    Ok(format!("{path}?{}", url.query().unwrap_or_default()))
}

/// Checks the URL before it is told to anybody: messages name it.
fn check_url(url: &str) -> Result<(), Error> {
    let parsed =
        Url::parse(url).map_err(|error| Error::Setup(format!("the URL is none: {error}")))?;
    if !["http", "https"].contains(&parsed.scheme()) {
        return Err(Error::Setup(
            "the URL begins with neither http:// nor https://".to_owned(),
        ));
    }
    if parsed.username().is_empty() && parsed.password().is_none() {
        return Ok(());
    }
    Err(Error::Setup(
        "the URL names a user or a password, which this API does not know".to_owned(),
    ))
}

fn header<'a>(response: &'a Response, name: &reqwest::header::HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// What is behind an error: "error sending request" helps nobody.
fn cause_of(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_checked_and_not_repeated() {
        for good in ["http://127.0.0.1:7080", "https://chat.example/below/"] {
            assert!(Api::new(good).is_ok(), "{good}");
        }
        for bad in [
            "hunter2",
            "hunter2:x",
            "ftp://hunter2",
            "http://hunter2@127.0.0.1:7080",
            "http://:hunter2@127.0.0.1:7080",
            "http://127.0.0.1:hunter2",
        ] {
            let error = Api::new(bad).unwrap_err();
            assert!(matches!(error, Error::Setup(_)), "{bad}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_segment_is_plain() {
        for good in ["current", "KEY-01a3185c-507b", "demo-rs256", "a.b_c"] {
            assert!(segment(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a b", "a%2fb", "a?b", "ä"] {
            assert!(segment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_query_says_what_was_meant() {
        let query = with_query("/v1/users", &[("email", "a+b&c@example.com")]).unwrap();
        assert_eq!(query, "/v1/users?email=a%2Bb%26c%40example.com");
        assert_eq!(with_query("/v1/users", &[]).unwrap(), "/v1/users");
    }
}
