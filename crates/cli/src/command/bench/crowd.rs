//! Many sockets at once: logged in, kept open, and heard in one place.
//!
//! Each socket is a task that passes on what it hears, with the moment; whoever
//! runs a workload has one loop over all of it, and no lock.

use std::time::Duration;

use countersign_wire::frame::Welcome;
use futures_util::{SinkExt as _, StreamExt as _, stream};
use http::HeaderValue;
use http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::latency::Latencies;
use super::protocol::{Entering, Proof, Protocol, Said};
use super::target::Target;
use crate::exit::Failure;

/// How long a login may take.
const LOGIN: Duration = Duration::from_secs(30);
/// What a socket reads at once: small, since there are ten thousand.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// What is written at once, where several messages wait.
const WRITE_BUFFER_BYTES: usize = 4 * 1024;
/// Messages that wait for their socket.
const WAITING_MAX: usize = 256;
/// What was heard and not yet looked at, over all sockets.
const HEARD_MAX: usize = 65_536;
/// What is looked at in one go.
const AT_ONCE_MAX: usize = 512;

/// Sockets that are open.
#[derive(Debug)]
pub(super) struct Crowd {
    protocol: Protocol,
    url: String,
    authority: String,
    lines: Vec<mpsc::Sender<String>>,
    ear: mpsc::Sender<Heard>,
    heard: mpsc::Receiver<Heard>,
}

/// Logins that were made.
#[derive(Debug, Default)]
pub(super) struct Entered {
    /// From the first to the last.
    pub(super) took: Duration,
    /// From each one's connection to its usable session.
    pub(super) latencies: Latencies,
    /// What a server of ours told each, in the order of the proofs.
    pub(super) welcomes: Vec<Welcome>,
}

/// Something that a socket has heard.
#[derive(Debug)]
pub(super) struct Heard {
    /// The socket, by the order of logins.
    pub(super) socket: usize,
    /// When.
    pub(super) at: Instant,
    pub(super) what: What,
}

/// What a socket has heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A message of this number.
    Delivery(u64),
    /// That a message of its own was accepted.
    Accepted,
    /// That something was refused.
    Refused(String),
    /// That the server ends it, with this code.
    Closed(Option<u16>),
}

type Socket = WebSocketStream<TcpStream>;

// === impl Crowd ===

impl Crowd {
    /// Nobody yet, at this server.
    pub(super) fn at(target: &Target) -> Self {
        let (ear, heard) = mpsc::channel(HEARD_MAX);
        Self {
            protocol: target.protocol,
            url: target.socket_url(),
            authority: target.authority.clone(),
            lines: Vec::new(),
            ear,
            heard,
        }
    }

    /// Logs these in, at most so many at the same time. The sockets stay open as
    /// long as the crowd is kept.
    ///
    /// # Errors
    /// The first login that fails.
    pub(super) async fn enter(
        &mut self,
        proofs: &[Proof],
        at_once: usize,
    ) -> Result<Entered, Failure> {
        let first = self.lines.len();
        let mut welcomes: Vec<Option<Welcome>> = proofs.iter().map(|_| None).collect();
        let mut entered = Entered::default();
        let mut lines: Vec<Option<mpsc::Sender<String>>> = proofs.iter().map(|_| None).collect();
        let begun = Instant::now();
        let (protocol, url, authority) = (self.protocol, &self.url, &self.authority);
        let mut logins = stream::iter(proofs.iter().enumerate())
            .map(|(place, proof)| async move {
                let begun = Instant::now();
                let login = tokio::time::timeout(LOGIN, log_in(protocol, url, authority, proof));
                let (socket, welcome) = login.await.map_err(|_| {
                    Failure::refused(format!(
                        "a login took more than {} seconds",
                        LOGIN.as_secs()
                    ))
                })??;
                Ok::<_, Failure>((place, socket, welcome, begun.elapsed()))
            })
            .buffer_unordered(at_once.max(1));
        while let Some(login) = logins.next().await {
            let (place, socket, welcome, took) = login?;
            entered.latencies.add(took);
            welcomes[place] = welcome.map(|welcome| *welcome);
            let (line, said) = mpsc::channel(WAITING_MAX);
            lines[place] = Some(line);
            let ear = self.ear.clone();
            tokio::spawn(run(protocol, socket, first + place, said, ear));
        }
        drop(logins);
        entered.took = begun.elapsed();
        entered.welcomes = welcomes.into_iter().flatten().collect();
        self.lines.extend(lines.into_iter().flatten());
        Ok(entered)
    }

    /// How many are in it.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Says something on one socket, without waiting.
    ///
    /// # Errors
    /// If the server has closed it, or takes nothing any more.
    pub(super) fn say(&self, socket: usize, text: String) -> Result<(), Failure> {
        self.lines[socket]
            .try_send(text)
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Failure::refused(format!(
                    "the server takes nothing any more: {WAITING_MAX} messages wait on one socket"
                )),
                mpsc::error::TrySendError::Closed(_) => {
                    Failure::refused("the server has closed a socket that was to send")
                }
            })
    }

    /// What was heard, as soon as there is something; nothing, if there is
    /// nothing until then. Everything else that sockets say is passed over.
    pub(super) async fn hear(&mut self, until: Instant, into: &mut Vec<Heard>) {
        let heard = self.heard.recv_many(into, AT_ONCE_MAX);
        let _: Result<usize, _> = tokio::time::timeout_at(until, heard).await;
    }

    /// That nobody was sent away, among those who have only stood there.
    ///
    /// # Errors
    /// If the server has closed a socket.
    pub(super) fn check_all_there(&mut self) -> Result<(), Failure> {
        while let Ok(heard) = self.heard.try_recv() {
            if let What::Closed(code) = heard.what {
                return Err(closed(code));
            }
        }
        Ok(())
    }
}

/// A socket that was closed, as a failure.
pub(super) fn closed(code: Option<u16>) -> Failure {
    let code = code.map_or_else(
        || "without a code".to_owned(),
        |code| format!("with {code}"),
    );
    Failure::refused(format!("the server closed a socket {code}"))
}

async fn log_in(
    protocol: Protocol,
    url: &str,
    authority: &str,
    proof: &Proof,
) -> Result<(Socket, Option<Box<Welcome>>), Failure> {
    let mut socket = open(protocol, url, authority, proof).await?;
    let lost = |error: &dyn std::fmt::Display| {
        Failure::refused(format!("{authority} broke off during a login: {error}"))
    };
    if let Some(greeting) = protocol.greeting(proof)? {
        let greeting = Message::text(greeting);
        socket.send(greeting).await.map_err(|error| lost(&error))?;
    }
    loop {
        let message = socket
            .next()
            .await
            .ok_or_else(|| lost(&"the connection ended"))?
            .map_err(|error| lost(&error))?;
        match message {
            Message::Text(text) => match protocol.enter(&text, proof)? {
                Entering::Entered(welcome) => return Ok((socket, welcome)),
                Entering::Say(text) => {
                    let text = Message::text(text);
                    socket.send(text).await.map_err(|error| lost(&error))?;
                }
                Entering::Listen => {}
            },
            Message::Close(close) => {
                let why = close.map_or_else(String::new, |close| {
                    format!(" with {} {}", u16::from(close.code), close.reason)
                });
                return Err(Failure::refused(format!(
                    "{authority} refused a login{why}"
                )));
            }
            Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
        }
    }
}

async fn open(
    protocol: Protocol,
    url: &str,
    authority: &str,
    proof: &Proof,
) -> Result<Socket, Failure> {
    // What is told of a failure is the URL without a token in it.
    let mut request = protocol
        .address(url, proof)
        .into_client_request()
        .map_err(|error| Failure::usage(format!("{url} is no URL of a WebSocket: {error}")))?;
    if let Some(subprotocol) = protocol.subprotocol() {
        let value = HeaderValue::from_static(subprotocol);
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, value);
    }
    let stream = TcpStream::connect(authority)
        .await
        .map_err(|error| Failure::unreached(format!("{authority} was not reached: {error}")))?;
    stream
        .set_nodelay(true)
        .map_err(|error| Failure::unreached(format!("{authority} was not reached: {error}")))?;
    let configuration = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES);
    tokio_tungstenite::client_async_with_config(request, stream, Some(configuration))
        .await
        .map(|(socket, _)| socket)
        .map_err(|error| Failure::refused(format!("{url} opened no WebSocket: {error}")))
}

/// A socket's life: it ends with the crowd, or when the server ends it.
async fn run(
    protocol: Protocol,
    mut socket: Socket,
    number: usize,
    mut said: mpsc::Receiver<String>,
    ear: mpsc::Sender<Heard>,
) {
    loop {
        let what = tokio::select! {
            text = said.recv() => {
                let Some(text) = text else { return };
                match say(&mut socket, text, &mut said).await {
                    Ok(()) => continue,
                    Err(()) => What::Closed(None),
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => match protocol.hear(&text) {
                    Said::Delivery(message) => What::Delivery(message),
                    Said::Accepted => What::Accepted,
                    Said::Refused(why) => What::Refused(why),
                    Said::Nothing => continue,
                    Said::Heartbeat(answer) => match socket.send(Message::text(answer)).await {
                        Ok(()) => continue,
                        Err(_) => What::Closed(None),
                    },
                },
                Some(Ok(Message::Close(close))) => {
                    What::Closed(close.map(|close| close.code.into()))
                }
                Some(Ok(
                    Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_),
                )) => continue,
                Some(Err(_)) | None => What::Closed(None),
            },
        };
        let ends = matches!(what, What::Closed(_));
        let heard = Heard {
            socket: number,
            at: Instant::now(),
            what,
        };
        if ear.send(heard).await.is_err() {
            return;
        }
        if ends {
            // Closing costs the driver more than hearing of it, and others are
            // still to be heard.
            while said.recv().await.is_some() {}
            return;
        }
    }
}

/// Says this, and what else waits, in one go.
async fn say(
    socket: &mut Socket,
    text: String,
    said: &mut mpsc::Receiver<String>,
) -> Result<(), ()> {
    socket.feed(Message::text(text)).await.map_err(drop)?;
    while let Ok(text) = said.try_recv() {
        socket.feed(Message::text(text)).await.map_err(drop)?;
    }
    socket.flush().await.map_err(drop)
}
