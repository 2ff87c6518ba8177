//! Connect: the way onto a socket, up to the event that says how the login went.
//!
//! The token stands in the query, where this protocol puts it. It is read once,
//! and gone once the login is done. A connection is never refused at the HTTP
//! level for what the token says: a client would wait for ever.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, FromRequestParts, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::SessionId;
use countersign_core::limit::{FRAME_BYTES_MAX, TOKEN_BYTES_MAX};
use countersign_core::op;
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde_json::json;

use super::asked::{Query, principal};
use super::failure::Refused;
use super::frames::Wants;
use super::packet::{self, Packet, Revision};
use super::page::Answer;
use super::resume::Resumes;
use super::socket::{End, Entered, Socket};
use super::{frames, socket::end::close};
use crate::connection::Connection;
use crate::door::Door;
use crate::gate;
use crate::operations::Operations;
use crate::passed::Passed;
use crate::rate::Caller;
use crate::realtime::check::is_ours;
use crate::realtime::follower::{Follower, Gains, Listed};
use crate::realtime::line::Line;
use crate::realtime::{Entering, gated, limit, look_after};
use crate::request_log::OnSocket;
use crate::tasks::Tasks;

/// Packets before the one that asks for the namespace, and before a login.
const ENTERING_PACKETS_MAX: u32 = 10;
/// What the newest client calls itself.
const NEWEST_CLIENT: &str = "@vonage/client-sdk";
/// Logins that may fail on one socket, where they are events.
const LOGINS_MAX: u32 = 5;
/// The login of a client before 9.
const LOG_IN: &str = "session:login";

/// What a socket brings along from the request that it began with.
struct Entrance {
    ctx: Arc<Ctx>,
    operations: Arc<Operations>,
    log: OnSocket,
    resumes: Arc<Resumes>,
    connection: Connection,
    tasks: Tasks,
    revision: Revision,
    wants: Wants,
    origin: Box<str>,
    /// The query's token; none, where the login is an event.
    token: Option<String>,
    named: Option<SessionId>,
    sid: String,
}

/// What is shown to log in.
struct Offered {
    token: String,
    /// What the client calls its login, where that is an event.
    tid: Option<String>,
}

/// The login of a client before 9.
#[derive(Deserialize)]
struct LoginEvent {
    body: Option<LoginBody>,
    tid: Option<String>,
}

#[derive(Deserialize)]
struct LoginBody {
    token: Option<String>,
}

/// What a socket is asked for with, and where.
pub(super) struct SocketAsked {
    connection: Connection,
    origin: Box<str>,
    query: Query,
}

/// Whoever proves to be somebody.
#[derive(Debug)]
pub(super) struct Somebody;

/// `GET /v2/rtc/`
pub(super) async fn open(
    State(ctx): State<Arc<Ctx>>,
    Passed { operations, id, .. }: Passed,
    Extension(resumes): Extension<Arc<Resumes>>,
    tasks: Tasks,
    asked: SocketAsked,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    let SocketAsked {
        connection,
        origin,
        query,
    } = asked;
    let revision = match query.text("EIO") {
        Some("3") => Revision::Three,
        Some("4") => Revision::Four,
        Some(_) | None => return Ok(engine_error(5, "Unsupported protocol version")),
    };
    let Ok(upgrade) = upgrade else {
        return Ok(engine_error(0, "Transport unknown"));
    };
    let entering = operations.realtime.enter().ok_or_else(|| {
        Error::new(
            Code::Unavailable,
            "there are too many sockets at the moment",
        )
    })?;
    let mut bytes = [0; 15];
    ctx.random.fill(&mut bytes);
    let entrance = Entrance {
        log: OnSocket::of(id, Door::Nexmo, &operations),
        ctx,
        operations,
        resumes,
        connection,
        tasks,
        revision,
        wants: match query.text("SDK_name") {
            Some(NEWEST_CLIENT) => Wants::Numbers,
            Some(_) | None => Wants::Order,
        },
        origin,
        token: query.written("token").map(str::to_owned),
        named: query.text("session_id").and_then(|id| id.parse().ok()),
        sid: URL_SAFE_NO_PAD.encode(bytes),
    };
    look_after(
        &entrance.ctx,
        &entrance.operations.realtime,
        &entrance.tasks,
    );
    let running = entrance.tasks.token();
    Ok(gated::bounded(upgrade).on_upgrade(move |socket| {
        let cut = entrance.tasks.cut.clone();
        let patience = entrance.operations.realtime.patience.close;
        // Boxed before anything wraps it, which would keep room for it twice.
        let begun = Box::pin(begin(socket, entrance));
        let served = Box::pin(serve(begun, entering, patience));
        async move {
            let _running = running;
            cut.run_until_cancelled(served).await;
        }
    }))
}

/// How Engine.IO refuses a request (its protocol's error codes).
fn engine_error(code: u8, message: &str) -> Response {
    let body = json!({ "code": code, "message": message });
    Answer(StatusCode::BAD_REQUEST, body).into_response()
}

/// `POST /v2/rtc/metrics`: how long a client took to come back. Nobody keeps it.
pub(super) async fn told_metrics(_: Somebody) -> StatusCode {
    StatusCode::NO_CONTENT
}

async fn serve(
    begun: impl Future<Output = Result<Box<Socket>, (WebSocket, End)>>,
    entering: Entering,
    patience: Duration,
) {
    let begun = begun.await;
    drop(entering);
    match begun {
        Ok(mut socket) => {
            let how = socket.run().await;
            let (socket, entered) = socket.end();
            if let Some(socket) = socket {
                let leave = entered.open.line.leave();
                Box::pin(close(socket, how, patience, (leave, entered))).await;
            }
        }
        Err((socket, how)) => Box::pin(close(socket, how, patience, (None, ()))).await,
    }
}

async fn begin(mut socket: WebSocket, entrance: Entrance) -> Result<Box<Socket>, (WebSocket, End)> {
    let stop = entrance.tasks.stop.clone();
    let begun = stop.run_until_cancelled(log_in_on(&mut socket, entrance));
    match Box::pin(begun).await.unwrap_or(Err(End::GoingAway)) {
        Ok(entered) => Ok(Box::new(Socket::new(socket, *entered))),
        Err(end) => Err((socket, end)),
    }
}

async fn log_in_on(socket: &mut WebSocket, mut entrance: Entrance) -> Result<Box<Entered>, End> {
    let patience = entrance.operations.realtime.patience.authenticate;
    in_time(patience, in_namespace(socket, &entrance)).await?;
    if let Some(token) = entrance.token.take() {
        let offered = Offered { token, tid: None };
        let entered = Box::pin(log_in(&entrance, offered)).await;
        return entered.map_err(|error| {
            entrance.log.refused(&error);
            // Who comes back is to try again where it is our fault.
            if entrance.named.is_some() && is_ours(&error) {
                return End::GoingAway;
            }
            frames::refused(&error, None).map_or(End::GoingAway, End::Refused)
        });
    }
    for _ in 0..LOGINS_MAX {
        let offered = in_time(patience, offered(socket, entrance.revision)).await?;
        let tid = offered.tid.clone();
        match Box::pin(log_in(&entrance, offered)).await {
            Ok(entered) => return Ok(entered),
            // Such a client asks again on the same socket.
            Err(error) => {
                entrance.log.refused(&error);
                let refusal = frames::refused(&error, tid.as_deref());
                let refusal = refusal.map_err(|_| End::GoingAway)?;
                say(socket, packet::event_of(None, &refusal)).await?;
            }
        }
    }
    Err(End::Protocol("too many logins failed"))
}

async fn in_time<T>(
    patience: Duration,
    done: impl Future<Output = Result<T, End>>,
) -> Result<T, End> {
    let late = End::Protocol("the login did not come in time");
    tokio::time::timeout(patience, done)
        .await
        .unwrap_or(Err(late))
}

/// The login of a client before 9, which is an event.
async fn offered(socket: &mut WebSocket, revision: Revision) -> Result<Offered, End> {
    for _ in 0..ENTERING_PACKETS_MAX {
        let text = next_text(socket).await?;
        match packet::read(&text, revision) {
            Ok(Packet::Event(event)) if event.name == LOG_IN => {
                let argument = event.argument.map_or("{}", |argument| argument.get());
                let login: LoginEvent = serde_json::from_str(argument)
                    .map_err(|_| End::Protocol("the login has another form"))?;
                let token = login.body.and_then(|body| body.token);
                return Ok(Offered {
                    token: token.unwrap_or_default(),
                    tid: login.tid,
                });
            }
            Ok(Packet::Ping(data)) => say(socket, packet::pong(data)).await?,
            Ok(Packet::Pong | Packet::Nothing) => {}
            Ok(Packet::Close | Packet::Disconnect) => return Err(End::Answer),
            Ok(Packet::Connect(_) | Packet::Event(_) | Packet::Ack(_)) | Err(packet::Malformed) => {
                return Err(End::Protocol("the first event is session:login"));
            }
        }
    }
    Err(End::Protocol("nobody logs in"))
}

async fn next_text(socket: &mut WebSocket) -> Result<Utf8Bytes, End> {
    for _ in 0..=limit::ENTERING_PINGS_MAX {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => return Ok(text),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_)) | Err(_)) => {
                return Err(End::Protocol("the frame cannot be read"));
            }
            Some(Ok(Message::Close(_))) => return Err(End::Answer),
            None => return Err(End::Gone),
        }
    }
    Err(End::Protocol("too many pings"))
}

/// The first packets, up to the namespace.
async fn in_namespace(socket: &mut WebSocket, entrance: &Entrance) -> Result<(), End> {
    let Entrance { revision, sid, .. } = entrance;
    say(socket, packet::open(sid, *revision, FRAME_BYTES_MAX)).await?;
    if *revision == Revision::Three {
        return say(socket, packet::connected(sid, *revision)).await;
    }
    for _ in 0..ENTERING_PACKETS_MAX {
        let text = next_text(socket).await?;
        match packet::read(&text, *revision) {
            Ok(Packet::Connect("/")) => {
                return say(socket, packet::connected(sid, *revision)).await;
            }
            Ok(Packet::Connect(other)) => {
                say(socket, packet::no_namespace(other, *revision)).await?;
            }
            Ok(Packet::Pong | Packet::Ping(_) | Packet::Nothing) => {}
            Ok(Packet::Close | Packet::Disconnect) => return Err(End::Answer),
            Ok(Packet::Event(_) | Packet::Ack(_)) | Err(packet::Malformed) => {
                return Err(End::Protocol("the first packet asks for the namespace"));
            }
        }
    }
    Err(End::Protocol("nobody asked for the namespace"))
}

async fn say(socket: &mut WebSocket, text: String) -> Result<(), End> {
    let said = socket.send(Message::Text(text.into())).await;
    said.map_err(|_| End::Gone)
}

/// Who it is, where it stands, and what it is told first.
async fn log_in(entrance: &Entrance, offered: Offered) -> Result<Box<Entered>, Error> {
    let Entrance {
        ctx,
        operations,
        connection,
        named,
        ..
    } = entrance;
    let named = *named;
    gate::count(&operations.limiter, Caller::at(connection.peer), ctx.now())?;
    let credential = offered.token;
    if credential.is_empty() {
        return Err(Error::new(Code::NoCredential, "there is no token"));
    }
    if credential.len() > TOKEN_BYTES_MAX {
        let detail = "the token is longer than any token";
        return Err(Error::new(Code::MalformedToken, detail));
    }
    let realtime = &operations.realtime;
    let since = realtime.moment();
    let mut answer = Box::pin(op::user_bearer::open_session(ctx, &credential, named)).await?;
    let (mut token, marks) = op::connect::opened(&answer);
    // The credential is the bearer here, and says until when.
    let over = answer.session.credential.as_ref();
    let over = over.map_or(token.expires_at, |credential| credential.expires_at);
    token.expires_at = answer.session.expires_at;
    let listed = answer
        .followed
        .take()
        .map(|followed| Listed { since, followed });
    let line = Line::new(
        (Arc::clone(ctx), Door::Nexmo),
        marks,
        over,
        realtime.looks(),
    );
    let too_many = || Error::new(Code::RateLimited, "there are too many connections");
    let open = realtime.open(line).ok_or_else(too_many)?;
    // From here on the line hears of revocations; what came before is read.
    let connected = op::connect::look_again(ctx, &token).await?;
    open.line.set_marks(connected.marks.clone());
    let session = token.identity.session;
    let have = named
        .filter(|named| *named == session)
        .and_then(|session| entrance.resumes.take(session, ctx.now()));
    let mut follower = Follower::new(Arc::clone(realtime), Arc::clone(&open.line), Gains::Newest);
    follower
        .begin(ctx, &connected.principal, have, listed)
        .await?;
    let rid = offered.tid.as_deref();
    let success = frames::success(token.application, session, &connected.user, rid)?;
    Ok(Box::new(Entered {
        ctx: Arc::clone(ctx),
        limiter: Arc::clone(&operations.limiter),
        log: entrance.log.clone(),
        realtime: Arc::clone(realtime),
        resumes: Arc::clone(&entrance.resumes),
        stop: entrance.tasks.stop.clone(),
        revision: entrance.revision,
        wants: entrance.wants,
        origin: entrance.origin.clone(),
        open,
        follower,
        token,
        principal: Arc::new(connected.principal),
        success,
    }))
}

// === impl SocketAsked ===

impl FromRequestParts<Arc<Ctx>> for SocketAsked {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Ctx>) -> Result<Self, Refused> {
        let connection = Connection::of(&parts.extensions);
        Ok(Self {
            connection,
            origin: connection.origin(&parts.headers).into(),
            query: Query::of(&parts.uri)?,
        })
    }
}

// === impl Somebody ===

impl FromRequestParts<Arc<Ctx>> for Somebody {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Refused> {
        principal(parts, ctx).await?;
        Ok(Self)
    }
}
