//! HTTP as a load driver speaks it: connections that are kept, one request at a
//! time on each, on the driver's one thread.
//!
//! [`countersign_client::http`] is for single calls, and brings TLS, proxies and a pool along;
//! what a call costs the driver would be most of what is measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::latency::Latencies;
use crate::exit::Failure;

/// How long one call may take.
const CALL: Duration = Duration::from_secs(30);
/// How long one may take that is answered when there is something to tell.
const HELD: Duration = Duration::from_secs(310);
/// The parts of a path by which a call of a protocol with other paths is named.
const NAMED: [&str; 5] = [
    "subscribe",
    "publish",
    "instance",
    "configuration",
    "transport",
];
/// How long to wait after the server said that it was called too often.
const RETRY: Duration = Duration::from_secs(1);

/// Who asks: an API key or a token. `Debug` says only that it is one.
#[derive(Debug, Clone)]
pub(super) struct Bearer(HeaderValue);

/// A call to be made.
#[derive(Clone)]
pub(super) struct Call {
    method: Method,
    path: String,
    bearer: HeaderValue,
    body: Bytes,
}

/// What a server answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// A kept connection.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
}

/// Calls that were made one after the other on each of some connections.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) calls: usize,
    pub(super) latencies: Latencies,
}

/// What may not be accepted, and is no failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tolerance {
    /// Every call is accepted.
    Nothing,
    /// What is created may be there already.
    Conflict,
}

/// Makes all of these calls over so many connections, and answers in their order.
///
/// # Errors
/// The first call that is not accepted; or if the server is not reached.
pub(super) async fn all(
    authority: &str,
    connections: usize,
    calls: Vec<Call>,
    tolerance: Tolerance,
) -> Result<Vec<Answer>, Failure> {
    let count = calls.len();
    let calls: Arc<[Call]> = calls.into();
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..connections.min(count) {
        let (calls, next) = (Arc::clone(&calls), Arc::clone(&next));
        let mut connection = Connection::open(authority).await?;
        workers.spawn(async move {
            let mut answers = Vec::new();
            while let Some((place, call)) = {
                let place = next.fetch_add(1, Ordering::Relaxed);
                calls.get(place).map(|call| (place, call))
            } {
                answers.push((place, connection.patiently(call, tolerance).await?));
            }
            Ok::<_, Failure>(answers)
        });
    }
    let mut answers: Vec<Option<Answer>> = (0..count).map(|_| None).collect();
    while let Some(worker) = workers.join_next().await {
        let worker = worker.expect("a worker of the driver neither panics nor is cancelled");
        for (place, answer) in worker? {
            answers[place] = Some(answer);
        }
    }
    Ok(answers.into_iter().flatten().collect())
}

/// Makes calls on each of so many connections for so long. Each worker makes its
/// own, from its number and the call's.
///
/// # Errors
/// As [`all`]; also where an answer is not what the call was for.
pub(super) async fn load<M>(
    authority: &str,
    connections: usize,
    duration: Duration,
    make: M,
    is_whole: fn(&[u8]) -> bool,
) -> Result<Load, Failure>
where
    M: Fn(usize, usize) -> Call + Send + Sync + 'static,
{
    let make = Arc::new(make);
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        opened.push(Connection::open(authority).await?);
    }
    let end = Instant::now() + duration;
    let mut workers = JoinSet::new();
    for (worker, mut connection) in opened.into_iter().enumerate() {
        let make = Arc::clone(&make);
        workers.spawn(async move {
            let mut latencies = Latencies::default();
            while Instant::now() < end {
                let call = make(worker, latencies.count());
                let begun = Instant::now();
                let answer = connection.accepted(&call, Tolerance::Nothing).await?;
                latencies.add(begun.elapsed());
                if !is_whole(&answer.body) {
                    return Err(Failure::refused(format!(
                        "the answer to {} is not what was asked for",
                        call.path
                    )));
                }
            }
            Ok::<_, Failure>(latencies)
        });
    }
    let mut latencies = Latencies::default();
    while let Some(worker) = workers.join_next().await {
        latencies.join(worker.expect("a worker of the driver neither panics nor is cancelled")?);
    }
    Ok(Load {
        calls: latencies.count(),
        latencies,
    })
}

// === impl Bearer ===

impl Bearer {
    /// Whoever has this token.
    ///
    /// # Errors
    /// If it has characters that no header takes.
    pub(super) fn new(token: &str) -> Result<Self, Failure> {
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| Failure::usage("a token or key has characters that no header takes"))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

// === impl Call ===

impl Call {
    /// Reads something.
    pub(super) fn get(path: impl Into<String>, bearer: &Bearer) -> Self {
        Self::new(Method::GET, path.into(), bearer, Bytes::new())
    }

    /// Creates something.
    pub(super) fn post(path: impl Into<String>, bearer: &Bearer, body: &Value) -> Self {
        Self::new(Method::POST, path.into(), bearer, body.to_string().into())
    }

    /// Removes something.
    pub(super) fn delete(path: impl Into<String>, bearer: &Bearer) -> Self {
        Self::new(Method::DELETE, path.into(), bearer, Bytes::new())
    }

    fn new(method: Method, path: String, bearer: &Bearer, body: Bytes) -> Self {
        Self {
            method,
            path,
            bearer: bearer.0.clone(),
            body,
        }
    }
}

// === impl Answer ===

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn json(&self) -> Result<Value, Failure> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Failure::unreached("the server answered with what is no JSON"))
    }
}

// === impl Connection ===

impl Connection {
    /// Opens one, in plain HTTP.
    ///
    /// # Errors
    /// If the server is not reached.
    pub(super) async fn open(authority: &str) -> Result<Self, Failure> {
        let unreached = |error: std::io::Error| {
            Failure::unreached(format!("{authority} was not reached: {error}"))
        };
        let stream = TcpStream::connect(authority).await.map_err(unreached)?;
        stream.set_nodelay(true).map_err(unreached)?;
        Self::over(stream, authority).await
    }

    /// Speaks HTTP over this stream to who is called so.
    ///
    /// # Errors
    /// If the other side breaks off.
    pub(super) async fn over<S>(stream: S, authority: &str) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Failure::unreached(format!("{authority} was not reached: {error}")))?;
        tokio::spawn(connection);
        let host = HeaderValue::try_from(authority)
            .map_err(|_| Failure::usage(format!("{authority} is no address")))?;
        Ok(Self { sender, host })
    }

    /// Makes a call, again where it came too early.
    async fn patiently(&mut self, call: &Call, tolerance: Tolerance) -> Result<Answer, Failure> {
        loop {
            let answer = self.call(call).await?;
            if answer.status != StatusCode::TOO_MANY_REQUESTS {
                return accepted(answer, call, tolerance);
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn accepted(&mut self, call: &Call, tolerance: Tolerance) -> Result<Answer, Failure> {
        accepted(self.call(call).await?, call, tolerance)
    }

    async fn call(&mut self, call: &Call) -> Result<Answer, Failure> {
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = call
            .path
            .parse()
            .map_err(|_| Failure::usage(format!("{} is no path", call.path)))?;
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(AUTHORIZATION, call.bearer.clone());
        if !call.body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        self.send(request, &call.path, CALL).await
    }

    /// Makes a request of a protocol's own: the JSON of its answer.
    ///
    /// # Errors
    /// If it is refused, or not answered in time.
    pub(super) async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Value, Failure> {
        self.taken(request, CALL).await
    }

    /// The same, where the server holds the answer back until there is one.
    ///
    /// # Errors
    /// As [`Connection::ask`].
    pub(super) async fn ask_for_long(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Value, Failure> {
        self.taken(request, HELD).await
    }

    async fn taken(
        &mut self,
        mut request: Request<Full<Bytes>>,
        within: Duration,
    ) -> Result<Value, Failure> {
        request.headers_mut().insert(HOST, self.host.clone());
        // Paths of such protocols have keys and messages in them.
        let path = request.uri().path();
        let named = path.rsplit('/').find(|part| NAMED.contains(part));
        let named = named.unwrap_or("a call").to_owned();
        let answer = self.send(request, &named, within).await?;
        if !answer.status.is_success() {
            let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let why = told["message"].as_str().unwrap_or("no reason was given");
            let status = answer.status.as_u16();
            return Err(Failure::refused(format!(
                "{named} was refused: {why} ({status})"
            )));
        }
        answer.json()
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        named: &str,
        within: Duration,
    ) -> Result<Answer, Failure> {
        let lost = |error: hyper::Error| {
            Failure::unreached(format!("the connection was lost during {named}: {error}"))
        };
        let answer = async {
            let answer = self.sender.send_request(request).await.map_err(lost)?;
            let status = answer.status();
            let body = answer.into_body().collect().await.map_err(lost)?.to_bytes();
            Ok(Answer { status, body })
        };
        tokio::time::timeout(within, answer).await.map_err(|_| {
            let seconds = within.as_secs();
            Failure::refused(format!("{named} was not answered within {seconds} seconds"))
        })?
    }
}

fn accepted(answer: Answer, call: &Call, tolerance: Tolerance) -> Result<Answer, Failure> {
    let is_tolerated = tolerance == Tolerance::Conflict && answer.status == StatusCode::CONFLICT;
    if answer.status.is_success() || is_tolerated {
        return Ok(answer);
    }
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let detail = problem["detail"].as_str().unwrap_or("no reason was given");
    let failure = Failure::refused(format!(
        "{} {} was refused: {detail} ({})",
        call.method,
        call.path,
        answer.status.as_u16()
    ));
    Err(if answer.status == StatusCode::TOO_MANY_REQUESTS {
        failure.hint("the server limits how often it is called; `countersign dev` is made for this")
    } else {
        failure
    })
}
