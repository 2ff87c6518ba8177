//! Sync: a long poll, for who cannot hold a socket open.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::Utf8Bytes;
use axum::response::{IntoResponse as _, Response};
use countersign_core::access::action::Action;
use countersign_core::access::authorize;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::limit::SYNC_S_MAX;
use countersign_core::op;
use countersign_core::op::connect::Connected;
use countersign_wire::frame as wire;
use http::{HeaderMap, HeaderValue, header};

use super::bearer::Asker;
use super::body::Json;
use super::connect::{have, welcome};
use super::frames;
use super::problem::Problem;
use super::query::Query;
use crate::authorization::bearer;
use crate::door::Door;
use crate::passed::Passed;
use crate::realtime::follower::{Follower, Gains};
use crate::realtime::line::{Closing, Held, Line};
use crate::realtime::{limit, look_after};
use crate::tasks::Tasks;

/// What is told of a poll, in the order of a socket.
struct Poll {
    follower: Follower,
    line: Arc<Line>,
    frames: Vec<Utf8Bytes>,
}

/// `POST /v1/sync`
pub(super) async fn sync(
    State(ctx): State<Arc<Ctx>>,
    Passed { operations, .. }: Passed,
    Asker(asker): Asker,
    tasks: Tasks,
    headers: HeaderMap,
    query: Query,
    Json(request): Json<wire::SyncRequest>,
) -> Result<Response, Problem> {
    query.only(&[])?;
    authorize(&asker, &Action::ListConversations)?.outright()?;
    authorize(&asker, &Action::Connect)?.outright()?;
    let wait_s = request.wait_seconds.unwrap_or(0);
    if wait_s > SYNC_S_MAX {
        let detail = format!("wait_seconds is at most {SYNC_S_MAX}");
        return Err(Error::new(Code::BadRequest, detail).into());
    }
    let have = have(request.have)?;
    let resumed = have.is_some() && request.epoch.is_none_or(|epoch| epoch == ctx.epoch());
    let text = bearer(&headers)?.unwrap_or_default();
    let Connected { token, marks, .. } = op::connect::connect(&ctx, text, None).await?;
    look_after(&ctx, &operations.realtime, &tasks);
    let realtime = &operations.realtime;
    let line = Line::new(
        (Arc::clone(&ctx), Door::Native),
        marks,
        token.expires_at,
        realtime.looks(),
    );
    let open = realtime
        .open(line)
        .ok_or_else(|| Error::new(Code::Unavailable, "there are too many polls at the moment"))?;
    let connected = op::connect::look_again(&ctx, &token).await?;
    let mut follower = Follower::new(Arc::clone(realtime), Arc::clone(&open.line), Gains::Whole);
    let begun = follower.begin(&ctx, &connected.principal, have.filter(|_| resumed), None);
    let views = Box::pin(begun).await?;
    let first = welcome(&ctx, &connected, &views, resumed, None);
    let mut poll = Poll {
        follower,
        line: Arc::clone(&open.line),
        frames: vec![frames::text(&wire::ServerFrame::Welcome(Box::new(first)))?],
    };
    poll.take(&ctx, &connected).await?;
    if poll.frames.len() == 1 && wait_s > 0 {
        let news = poll.wait(&ctx, &connected);
        let wait = tokio::time::timeout(Duration::from_secs(wait_s), news);
        if let Some(Ok(waited)) = tasks.stop.run_until_cancelled(wait).await {
            waited?;
        }
    }
    poll.check(&ctx, &connected).await?;
    Ok(answer(&poll.frames))
}

fn answer(frames: &[Utf8Bytes]) -> Response {
    let frames: Vec<&str> = frames.iter().map(Utf8Bytes::as_str).collect();
    let body = format!(r#"{{"frames":[{}]}}"#, frames.join(","));
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body).into_response()
}

// === impl Poll ===

impl Poll {
    /// Waits until there is something, and takes it.
    async fn wait(&mut self, ctx: &Ctx, connected: &Connected) -> Result<(), Error> {
        while self.frames.len() == 1 {
            poll_fn(|context| self.line.poll_news(context)).await;
            self.check(ctx, connected).await?;
            self.take(ctx, connected).await?;
        }
        Ok(())
    }

    async fn take(&mut self, ctx: &Ctx, connected: &Connected) -> Result<(), Error> {
        let news = self.line.take_news();
        self.follower.is_ready(&news.ready);
        if news.relist {
            self.follower.relist(ctx, &connected.principal).await?;
        }
        for signal in &news.signals {
            self.frames.push(frames::signal(signal)?);
        }
        let mut out = Vec::new();
        while self.frames.len() <= limit::SYNC_FRAMES_MAX {
            self.follower.next(ctx, &[], &mut out).await?;
            if out.is_empty() {
                break;
            }
            for delivery in out.drain(..) {
                self.frames
                    .push(frames::delivery(delivery, self.line.user)?);
            }
        }
        Ok(())
    }

    /// Checks that the session lives, where something about it has changed.
    async fn check(&self, ctx: &Ctx, connected: &Connected) -> Result<(), Error> {
        loop {
            match self.line.held() {
                None => return Ok(()),
                Some(Held::Closing(Closing::Ended)) => {
                    return Err(
                        Error::new(Code::SessionEnded, "the session is over").hint("log in again")
                    );
                }
                Some(Held::Closing(Closing::Expired)) => {
                    return Err(Error::new(Code::AccessExpired, "the access token is over")
                        .hint("exchange the refresh token: POST /v1/sessions/refresh"));
                }
                // A request has an end of its own.
                Some(Held::Closing(Closing::Silent)) => return Ok(()),
                Some(Held::LookAgain) => {
                    self.line.begin_look();
                    op::connect::look_again(ctx, &connected.token).await?;
                }
            }
        }
    }
}
