//! The native API as the command line speaks it: over HTTP, like everybody.

use std::fmt;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Map, Value};

use crate::exit::Failure;

/// How long a call may take, from connecting to the last byte.
const CALL_S_MAX: u64 = 30;

/// A server's native API.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: Client,
    url: String,
}

/// One call.
pub(crate) struct Call<'a> {
    method: Method,
    path: &'a str,
    bearer: Option<&'a str>,
    body: Option<Value>,
}

/// What a server answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The body; null where there was none.
    pub(crate) body: Value,
}

// === impl Api ===

impl Api {
    /// The API of the server at this URL, which has no slash at its end.
    ///
    /// # Errors
    /// If the machine's TLS set-up cannot be used.
    pub(crate) fn new(url: impl Into<String>) -> Result<Self, Failure> {
        let client = Client::builder()
            .timeout(Duration::from_secs(CALL_S_MAX))
            .build()
            .map_err(|error| Failure::usage(format!("cannot prepare HTTP: {error}")))?;
        Ok(Self {
            client,
            url: url.into(),
        })
    }

    /// Makes a call. A refusal is an answer; an error is only that there was none.
    ///
    /// # Errors
    /// If the server is not reached, or answers what is no JSON.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let unreached = |error: reqwest::Error| {
            Failure::unreached(format!(
                "{} was not reached: {}",
                self.url,
                error.without_url()
            ))
        };
        let mut request = self
            .client
            .request(call.method, format!("{}{}", self.url, call.path));
        if let Some(bearer) = call.bearer {
            request = request.bearer_auth(bearer);
        }
        if let Some(body) = call.body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(unreached)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(unreached)?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).map_err(|_| {
                Failure::unreached(format!(
                    "{} answered {status} with what is no JSON",
                    self.url
                ))
                .hint("is this the URL of a Countersign server's native API?")
            })?
        };
        Ok(Answer { status, body })
    }
}

// === impl Call ===

impl<'a> Call<'a> {
    /// Reads something.
    pub(crate) fn get(path: &'a str) -> Self {
        Self {
            method: Method::GET,
            path,
            bearer: None,
            body: None,
        }
    }

    /// Creates or does something.
    pub(crate) fn post(path: &'a str, body: Value) -> Self {
        Self {
            method: Method::POST,
            path,
            bearer: None,
            body: Some(body),
        }
    }

    /// Changes something.
    pub(crate) fn patch(path: &'a str, body: Value) -> Self {
        Self {
            method: Method::PATCH,
            path,
            bearer: None,
            body: Some(body),
        }
    }

    /// Ends or removes something.
    pub(crate) fn delete(path: &'a str) -> Self {
        Self {
            method: Method::DELETE,
            path,
            bearer: None,
            body: None,
        }
    }

    /// Shows who asks.
    pub(crate) fn bearer(mut self, bearer: &'a str) -> Self {
        self.bearer = Some(bearer);
        self
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

// === impl Answer ===

impl Answer {
    /// The stable code of a refusal.
    pub(crate) fn code(&self) -> Option<&str> {
        self.body.get("code")?.as_str()
    }

    /// The body where the call was accepted, else the refusal as a failure.
    ///
    /// # Errors
    /// The refusal, with the server's own sentence and hint.
    pub(crate) fn accepted(self) -> Result<Value, Failure> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        let problem = Map::new();
        let problem = self.body.as_object().unwrap_or(&problem);
        let text = |member| problem.get(member).and_then(Value::as_str);
        let code = text("code").unwrap_or("no code");
        let detail = text("detail").unwrap_or("the server gave no reason");
        let failure = Failure::refused(format!("{detail} ({code}, {})", self.status.as_u16()));
        Err(match text("hint") {
            Some(hint) => failure.hint(hint),
            None => failure,
        })
    }
}
