//! Connect: the way onto a socket, up to the `welcome`.
//!
//! No token stands in the URL or in the subprotocol, where logs would show it:
//! the first frame has it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, State};
use axum::response::Response;
use countersign_core::access::action::Action;
use countersign_core::access::authorize;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::limit::HAVE_MAX;
use countersign_core::model::conversation::ConversationView;
use countersign_core::model::origin::ForeignPage;
use countersign_core::model::revocation::Marks;
use countersign_core::op;
use countersign_core::op::answer::LoginAnswer;
use countersign_core::op::authenticate::{Bearer, authenticate};
use countersign_core::op::connect::Connected;
use countersign_core::op::login::{LoggedIn, Login};
use countersign_core::token::{ACCESS_PREFIX, Token};
use countersign_wire::frame as wire;
use countersign_wire::frame::{Authenticate, ClientFrame, CloseCode, SUBPROTOCOL};
use countersign_wire::secret::Secret;
use countersign_wire::session::LoginRequest;

use super::answer::time;
use super::close::{Close, close};
use super::problem::Problem;
use super::query::Query;
use super::socket::{self, Socket};
use super::{frames, sessions};
use crate::body;
use crate::connection::Connection;
use crate::door::Door;
use crate::gate;
use crate::operations::Operations;
use crate::passed::Passed;
use crate::rate::Caller;
use crate::realtime::follower::{Follower, Gains, Have, Listed};
use crate::realtime::line::Line;
use crate::realtime::{Entering, gated, limit, look_after};
use crate::request_log::OnSocket;
use crate::tasks::Tasks;

/// What a socket brings along from the request that it began with.
pub(super) struct Entrance {
    pub(super) ctx: Arc<Ctx>,
    pub(super) operations: Arc<Operations>,
    log: OnSocket,
    pub(super) page: Option<ForeignPage>,
    pub(super) connection: Connection,
    pub(super) tasks: Tasks,
}

/// Who has entered.
struct Entered {
    token: Token,
    marks: Marks,
    answer: Option<LoginAnswer>,
    listed: Option<Listed>,
}

/// `GET /v1/connect`
pub(super) async fn open(
    State(ctx): State<Arc<Ctx>>,
    Passed { operations, id, .. }: Passed,
    page: Option<Extension<ForeignPage>>,
    tasks: Tasks,
    query: Query,
    connection: Connection,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    query.none()?;
    let upgrade = upgrade.map_err(|_| {
        Error::new(Code::BadRequest, "this path is for WebSockets alone")
            .hint("open it with a WebSocket client, and the subprotocol countersign.v1")
    })?;
    let upgrade = upgrade.protocols([SUBPROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return Err(Problem(
            Error::new(
                Code::BadRequest,
                "the subprotocol countersign.v1 is not offered",
            )
            .hint(
                "send Sec-WebSocket-Protocol: countersign.v1, and no token: the first frame has it",
            ),
        ));
    }
    let entering = operations.realtime.enter().ok_or_else(|| {
        Error::new(
            Code::Unavailable,
            "there are too many sockets at the moment",
        )
        .hint("try again in a few seconds")
    })?;
    let entrance = Entrance {
        log: OnSocket::of(id, Door::Native, &operations),
        ctx,
        operations,
        page: page.map(|Extension(page)| page),
        connection,
        tasks,
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

/// Runs a socket to its end. What only its beginning and its end need is gone
/// while it is open: most sockets sleep, and there are many.
async fn serve(
    begun: impl Future<Output = Result<Box<Socket>, (WebSocket, Close)>>,
    entering: Entering,
    patience: Duration,
) {
    let begun = begun.await;
    drop(entering);
    match begun {
        Ok(mut socket) => {
            let how = socket.run().await;
            let (socket, entered) = Box::pin(socket.end()).await;
            if let Some(socket) = socket {
                let leave = entered.open.line.leave();
                Box::pin(close(socket, how, patience, (leave, entered))).await;
            }
        }
        Err((socket, how)) => Box::pin(close(socket, how, patience, (None, ()))).await,
    }
}

/// The first frame, and what it leads to.
async fn begin(
    mut socket: WebSocket,
    entrance: Entrance,
) -> Result<Box<Socket>, (WebSocket, Close)> {
    let patience = entrance.operations.realtime.patience.authenticate;
    let stop = entrance.tasks.stop.clone();
    let first = stop.run_until_cancelled(first_frame(&mut socket, patience));
    let entered = match first.await {
        None => Err(Close::going_away(&*entrance.ctx.random)),
        Some(Err(close)) => Err(close),
        Some(Ok(frame)) => Box::pin(welcomed(entrance, *frame)).await,
    };
    match entered {
        Ok(entered) => Ok(Box::new(Socket::new(socket, *entered))),
        Err(close) => Err((socket, close)),
    }
}

/// The first frame, which says who it is.
async fn first_frame(
    socket: &mut WebSocket,
    patience: Duration,
) -> Result<Box<Authenticate>, Close> {
    let text = async {
        for _ in 0..=limit::ENTERING_PINGS_MAX {
            match socket.recv().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => {
                    return Err(Close::bad_frame("binary frames are none of ours"));
                }
                Some(Err(_)) => return Err(Close::bad_frame("the frame cannot be read")),
                Some(Ok(Message::Close(_))) => return Err(Close::Answer),
                None => return Err(Close::Gone),
            }
        }
        let reason = Code::RateLimited.as_str();
        Err(Close::because(CloseCode::TooMany, reason))
    };
    let late = || Close::because(CloseCode::CredentialRefused, Code::NoCredential.as_str());
    let text = tokio::time::timeout(patience, text)
        .await
        .map_err(|_| late())??;
    match read(&text)? {
        ClientFrame::Authenticate(frame) => Ok(frame),
        ClientFrame::Send(_) | ClientFrame::Refresh(_) => {
            Err(Close::bad_frame("the first frame is authenticate"))
        }
    }
}

/// A frame of a client.
pub(super) fn read(text: &str) -> Result<ClientFrame, Close> {
    let read = body::check_strict(text.as_bytes()).and_then(|()| body::decode(text.as_bytes()));
    read.map_err(|error| Close::bad_frame(&error.detail))
}

/// Who it is, where it stands, and what it is told first.
async fn welcomed(entrance: Entrance, frame: Authenticate) -> Result<Box<socket::Entered>, Close> {
    let random = Arc::clone(&entrance.ctx.random);
    let entered = entered(&entrance, frame).await;
    entered.map_err(|error| match error {
        Refused::Error(error) => {
            entrance.log.refused(&error);
            Close::of(&error, &*random)
        }
        Refused::Close(close) => close,
    })
}

enum Refused {
    Error(Error),
    Close(Close),
}

async fn entered(
    entrance: &Entrance,
    mut frame: Authenticate,
) -> Result<Box<socket::Entered>, Refused> {
    let ctx = &entrance.ctx;
    let have = have(frame.have.take())?;
    let epoch = frame.epoch;
    let Entered {
        token,
        marks,
        answer,
        listed,
    } = who(entrance, frame).await?;
    let realtime = &entrance.operations.realtime;
    let line = Line::new(
        (Arc::clone(ctx), Door::Native),
        marks,
        token.expires_at,
        realtime.looks(),
    );
    let open = realtime.open(line).ok_or(Refused::Close(Close::because(
        CloseCode::TooMany,
        "connections",
    )))?;
    // From here on the line hears of revocations; what came before is read.
    let connected = op::connect::look_again(ctx, &token).await?;
    open.line.set_marks(connected.marks.clone());
    let resumed = have.is_some() && epoch.is_none_or(|epoch| epoch == ctx.epoch());
    let mut follower = Follower::new(Arc::clone(realtime), Arc::clone(&open.line), Gains::Whole);
    let views = follower
        .begin(ctx, &connected.principal, have.filter(|_| resumed), listed)
        .await?;
    let welcome = welcome(ctx, &connected, &views, resumed, answer);
    let welcome = frames::text(&wire::ServerFrame::Welcome(Box::new(welcome)))?;
    Ok(Box::new(socket::Entered {
        ctx: Arc::clone(ctx),
        limiter: Arc::clone(&entrance.operations.limiter),
        realtime: Arc::clone(realtime),
        log: entrance.log.clone(),
        page: entrance.page.clone(),
        stop: entrance.tasks.stop.clone(),
        open,
        follower,
        token: connected.token,
        principal: Arc::new(connected.principal),
        welcome,
    }))
}

/// Who it is: by an access token, or by a login.
async fn who(entrance: &Entrance, frame: Authenticate) -> Result<Entered, Error> {
    let ctx = &entrance.ctx;
    let limiter = &entrance.operations.limiter;
    if !frame.token.0.starts_with(ACCESS_PREFIX) {
        gate::count(limiter, Caller::at(entrance.connection.peer), ctx.now())?;
        let since = entrance.operations.realtime.moment();
        let mut answer = Box::pin(log_in(entrance, frame)).await?;
        let (token, marks) = op::connect::opened(&answer);
        let followed = answer.followed.take();
        return Ok(Entered {
            token,
            marks,
            answer: Some(answer),
            listed: followed.map(|followed| Listed { since, followed }),
        });
    }
    let of_a_login = frame.key.is_some()
        || frame.application_id.is_some()
        || frame.device.is_some()
        || frame.current_token.is_some()
        || frame.switch.is_some()
        || frame.nonce.is_some();
    if of_a_login {
        return Err(Error::new(
            Code::BadRequest,
            "an access token stands alone: the rest is a login's",
        ));
    }
    let page = entrance.page.as_ref();
    let Connected { token, marks, .. } = op::connect::connect(ctx, &frame.token.0, page).await?;
    let caller = Caller::Session(token.identity.session);
    gate::count(limiter, caller, ctx.now())?;
    Ok(Entered {
        token,
        marks,
        answer: None,
        listed: None,
    })
}

async fn log_in(entrance: &Entrance, frame: Authenticate) -> Result<LoginAnswer, Error> {
    let ctx = &entrance.ctx;
    let client = match &frame.key {
        None => None,
        Some(key) => {
            let bearer = Bearer {
                text: &key.0,
                peer: entrance.connection.peer,
                confidential: entrance.connection.is_confidential(),
                application: None,
            };
            let client = authenticate(ctx, bearer).await?;
            authorize(&client, &Action::LogIn)?.outright()?;
            if let Some(page) = &entrance.page {
                op::origins::check_page(ctx, &client, page).await?;
            }
            Some(client)
        }
    };
    let request = LoginRequest {
        credential: frame.token,
        application_id: frame.application_id,
        device: frame.device,
        current_token: frame.current_token,
        switch: frame.switch,
        nonce: frame.nonce,
    };
    let login = Login {
        follows: true,
        ..sessions::login(client, entrance.page.clone(), None, request)?
    };
    Ok(match op::login::login(ctx, login).await? {
        LoggedIn::Opened(answer) | LoggedIn::WentOn(answer) => answer,
    })
}

/// What a client has, read strictly: what it misspells it would get again.
pub(super) fn have(have: Option<BTreeMap<String, u64>>) -> Result<Option<Have>, Error> {
    let Some(have) = have else {
        return Ok(None);
    };
    if have.len() > HAVE_MAX {
        return Err(Error::new(
            Code::BadRequest,
            format!("have has at most {HAVE_MAX} conversations"),
        ));
    }
    let read = have.into_iter().map(|(id, last)| match id.parse() {
        Ok(id) => Ok((id, last)),
        Err(_) => Err(Error::new(
            Code::BadRequest,
            "a name in have is no conversation's id",
        )),
    });
    read.collect::<Result<Have, Error>>().map(Some)
}

/// The first frame of a node.
pub(super) fn welcome(
    ctx: &Ctx,
    connected: &Connected,
    views: &[ConversationView],
    resumed: bool,
    answer: Option<LoginAnswer>,
) -> wire::Welcome {
    let identity = connected.token.identity;
    let unread = views.iter().filter(|view| view.unread > 0);
    wire::Welcome {
        epoch: ctx.epoch(),
        session_id: identity.session.to_string(),
        device_id: identity.device.to_string(),
        user: sessions::login_user(connected.user.clone()),
        server_time: time(ctx.now()),
        resumed,
        unread: unread
            .map(|view| (view.conversation.id.to_string(), view.unread))
            .collect(),
        access_token_expires_at: time(connected.token.expires_at),
        tokens: answer.map(|answer| wire::Tokens {
            access_token: Secret(answer.access_token),
            refresh_token: Secret(answer.refresh_token),
            session_expires_at: time(answer.session.expires_at),
        }),
    }
}

// === impl Refused ===

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}
