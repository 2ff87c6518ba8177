//! Connect: the way onto a socket, up to its first channel.
//!
//! Until then it is nobody's, and nothing is told but its id: that is what a pass
//! is bound to. The first pass tells whose it is, from then on.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, Query, State};
use axum::response::Response;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::ApplicationId;
use countersign_core::op;
use countersign_core::token::Token;
use serde::Deserialize;

use super::super::channel::Channel;
use super::super::channel_pass;
use super::super::chats;
use super::super::failure::Refused;
use super::super::organization::Named;
use super::end::{End, close};
use super::frame::{self, Said, Subscribe};
use super::{Entered, Socket};
use crate::door::Door;
use crate::gate;
use crate::operations::Operations;
use crate::passed::Passed;
use crate::rate::Caller;
use crate::realtime::follower::{Follower, Gains};
use crate::realtime::line::Line;
use crate::realtime::{Entering, gated, limit, look_after};
use crate::route::Parameters;
use crate::tasks::Tasks;

/// The versions of the protocol that differ in nothing that is told here.
const VERSIONS: std::ops::RangeInclusive<u16> = 5..=7;
/// What a client is answered that is let into no channel.
const FORBIDDEN: u16 = 403;

/// What an address says beside its key.
#[derive(Debug, Deserialize)]
pub(in crate::kustomer) struct Spoken {
    protocol: Option<String>,
}

/// What a socket brings along from the request that it began with.
struct Entrance {
    ctx: Arc<Ctx>,
    operations: Arc<Operations>,
    tasks: Tasks,
    /// The application of its key, or why there is no use in going on.
    application: Result<ApplicationId, End>,
}

/// Whom the first pass is of, and what it is for.
struct First {
    channel: Channel,
    token: Token,
}

/// `GET /app/{key}`
pub(in crate::kustomer) async fn open(
    State(ctx): State<Arc<Ctx>>,
    Passed { operations, .. }: Passed,
    named: Option<Extension<Named>>,
    tasks: Tasks,
    parameters: Parameters,
    spoken: Result<Query<Spoken>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    let upgrade = upgrade.map_err(|_| {
        Error::new(Code::BadRequest, "this path is for WebSockets alone")
            .hint("open it with a client of the Pusher protocol")
    })?;
    let entering = operations.realtime.enter().ok_or_else(|| {
        let detail = "there are too many sockets at the moment";
        Error::new(Code::Unavailable, detail).hint("try again in a few seconds")
    })?;
    let version = spoken.ok().and_then(|Query(spoken)| spoken.protocol);
    let application = match spoken_version(version.as_deref()) {
        Ok(()) => {
            let named = named.map(|Extension(named)| named).unwrap_or_default();
            of_key(&ctx, named, parameters.get("key").unwrap_or_default()).await?
        }
        Err(end) => Err(end),
    };
    look_after(&ctx, &operations.realtime, &tasks);
    let running = tasks.token();
    let cut = tasks.cut.clone();
    let patience = operations.realtime.patience.close;
    let entrance = Entrance {
        ctx,
        operations,
        tasks,
        application,
    };
    Ok(gated::bounded(upgrade).on_upgrade(move |socket| {
        // Boxed before anything wraps it, which would keep room for it twice.
        let begun = Box::pin(begin(socket, entrance));
        let served = Box::pin(serve(begun, entering, patience));
        async move {
            let _running = running;
            cut.run_until_cancelled(served).await;
        }
    }))
}

fn spoken_version(text: Option<&str>) -> Result<(), End> {
    let text = text.ok_or(End::NoVersion)?;
    let version: u16 = text.parse().map_err(|_| End::Version)?;
    if VERSIONS.contains(&version) {
        Ok(())
    } else {
        Err(End::Version)
    }
}

/// The application that a key names, where the address names no other one.
async fn of_key(ctx: &Ctx, named: Named, key: &str) -> Result<Result<ApplicationId, End>, Error> {
    let Ok(id) = key.parse::<ApplicationId>() else {
        return Ok(Err(End::UnknownKey));
    };
    match ctx.judge_of(id).await {
        Ok(_) => {}
        Err(error) if error.code == Code::NotFound => return Ok(Err(End::UnknownKey)),
        Err(error) => return Err(error),
    }
    let agrees = named.agrees(ctx, id).await?;
    Ok(if agrees { Ok(id) } else { Err(End::UnknownKey) })
}

/// Runs a socket to its end. What only its beginning and its end need is gone
/// while it is open: most sockets sleep, and there are many.
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
    let application = match entrance.application {
        Ok(application) => application,
        Err(end) => return Err((socket, end)),
    };
    let patience = entrance.operations.realtime.patience.authenticate;
    let stop = entrance.tasks.stop.clone();
    let id = socket_id(&entrance.ctx);
    let of = (application, id.as_str());
    let first = tokio::time::timeout(patience, first(&mut socket, &entrance.ctx, of));
    let entered = match stop.run_until_cancelled(first).await {
        None => Err(End::Again),
        Some(Err(_)) => Err(End::Late),
        Some(Ok(Err(end))) => Err(end),
        Some(Ok(Ok(first))) => Box::pin(entered(&entrance, id, first)).await,
    };
    match entered {
        Ok(entered) => Ok(Box::new(Socket::new(socket, entered))),
        Err(end) => Err((socket, end)),
    }
}

/// Tells the socket its id, and hears what it wants until it is let in somewhere.
async fn first(
    socket: &mut WebSocket,
    ctx: &Ctx,
    (application, id): (ApplicationId, &str),
) -> Result<First, End> {
    let mut answer = Some(frame::established(id));
    for _ in 0..=limit::ENTERING_FRAMES_MAX {
        if let Some(answer) = answer.take() {
            let sent = socket.send(Message::Text(answer)).await;
            sent.map_err(|_| End::Gone)?;
        }
        let text = match socket.recv().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Binary(_)) | Err(_)) => return Err(End::Protocol),
            Some(Ok(Message::Close(_))) => return Err(End::Answer),
            None => return Err(End::Gone),
        };
        match frame::read(&text).map_err(|_| End::Protocol)? {
            Said::Ping => answer = Some(frame::pong()),
            Said::Subscribe(wanted) => match read(ctx, application, id, &wanted) {
                Ok((channel, token)) => return Ok(First { channel, token }),
                Err(error) => {
                    answer = Some(frame::refused(&wanted.channel, FORBIDDEN, &error));
                }
            },
            Said::Pong | Said::Unsubscribe(_) | Said::Typing { .. } | Said::Other => {}
        }
    }
    Err(End::Later)
}

/// What a socket shows to be let into a channel.
pub(super) fn read(
    ctx: &Ctx,
    application: ApplicationId,
    socket_id: &str,
    wanted: &Subscribe,
) -> Result<(Channel, Token), Error> {
    let data = wanted.channel_data.as_deref().unwrap_or_default();
    let shown = (wanted.channel.as_str(), wanted.auth.as_str(), data);
    channel_pass::read(ctx, application, socket_id, shown)
}

/// Whose it is, where it stands, and what it is told first.
async fn entered(entrance: &Entrance, socket_id: String, first: First) -> Result<Entered, End> {
    let Entrance {
        ctx,
        operations,
        tasks,
        ..
    } = entrance;
    let First { channel, token } = first;
    let caller = Caller::Session(token.identity.session);
    gate::count(&operations.limiter, caller, ctx.now()).map_err(|error| End::of(&error))?;
    let realtime = &operations.realtime;
    let failed = |error: Error| End::of(&error);
    let connected = op::connect::look_again(ctx, &token).await.map_err(failed)?;
    let line = Line::new(
        (Arc::clone(ctx), Door::Kustomer),
        connected.marks,
        token.expires_at,
        realtime.looks(),
    );
    let open = realtime.open(line).ok_or(End::Later)?;
    // From here on the line hears of revocations; what came before is read.
    let connected = op::connect::look_again(ctx, &token).await.map_err(failed)?;
    open.line.set_marks(connected.marks);
    let mut follower = Follower::new(Arc::clone(realtime), Arc::clone(&open.line), Gains::Whole);
    let views = follower.begin(ctx, &connected.principal, None, None).await;
    let views = views.map_err(failed)?;
    let ended = views.iter().map(|view| &view.conversation);
    let ended = ended.filter(|conversation| chats::is_ended(conversation));
    Ok(Entered {
        ctx: Arc::clone(ctx),
        limiter: Arc::clone(&operations.limiter),
        realtime: Arc::clone(realtime),
        stop: tasks.stop.clone(),
        socket_id,
        channels: HashSet::from([channel]),
        ended: ended.map(|conversation| conversation.id).collect(),
        welcome: frame::subscribed(channel, &open.line.user.to_string()),
        open,
        follower,
        token,
        principal: Arc::new(connected.principal),
    })
}

/// Two numbers with a dot between them, which no other socket has.
fn socket_id(ctx: &Ctx) -> String {
    let mut bytes = [0; 16];
    ctx.random.fill(&mut bytes);
    let number = u128::from_be_bytes(bytes);
    format!("{}.{}", number >> 64, number & u128::from(u64::MAX))
}
