//! A mailbox: what one chain of long polls is told.
//!
//! It is a connection of the node's delivery loop between whose polls the client is
//! silent: it follows the user's conversations, and takes what comes only when it
//! is polled, so that nothing piles up. What was answered is kept until the next
//! poll says, by the answer's time token, that it has arrived; a poll with the
//! token before gets the same bytes again. Whatever is waited for here can be given
//! up at any moment, since clients hang up when they like.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::op;
use countersign_core::op::connect::Connected;
use countersign_core::op::signed_request::Signed;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::contents::Contents;
use super::time_token::{TimeToken, TimeTokens};
use crate::door::Door;
use crate::realtime::check::{self, is_ours};
use crate::realtime::follower::{Follower, Gains};
use crate::realtime::line::{Closing, Held, Line};
use crate::realtime::{Open, Realtime};
use crate::sinch::names;

/// A mailbox of a session.
pub(super) struct Mailbox {
    open: Open,
    /// Whether messages are told in it, or nothing is.
    pub(super) hears_messages: bool,
    chain: Mutex<Chain>,
    /// Counts the polls: the newest has the mailbox to itself.
    turns: watch::Sender<u64>,
    contents: tokio::sync::Mutex<Contents>,
}

/// What a poll asks with.
pub(super) struct Poll<'a> {
    pub(super) ctx: &'a Arc<Ctx>,
    pub(super) realtime: &'a Arc<Realtime>,
    pub(super) tokens: &'a TimeTokens,
    pub(super) stop: &'a CancellationToken,
    /// What the client has.
    pub(super) has: TimeToken,
}

/// How far the client has got.
struct Chain {
    has: TimeToken,
    answered: Option<(TimeToken, Bytes)>,
}

/// Where a poll finds the chain.
enum Found {
    /// It has had no answer: the same again.
    Again(Bytes),
    /// It waits for what is next.
    Waits,
    /// It is of another chain.
    Lost,
}

/// The turn of one poll.
struct Turn {
    own: u64,
    newest: watch::Receiver<u64>,
}

/// Opens a mailbox. Where messages are told in it, those wait there that have come
/// since the user's devices had some, and are not too old or too many.
///
/// # Errors
/// Those of looking at the session again and of the store; `unavailable` where
/// there is no room.
pub(super) async fn open(
    asked: &Poll<'_>,
    signed: &Signed,
    hears_messages: bool,
) -> Result<Mailbox, Error> {
    let Poll { ctx, realtime, .. } = asked;
    let (token, marks) = op::connect::signed(signed);
    let line = Line::new(
        (Arc::clone(ctx), Door::SinchMessaging),
        marks,
        token.expires_at,
        realtime.looks(),
    );
    let open = realtime
        .open(line)
        .ok_or_else(|| Error::new(Code::Unavailable, "there are too many polls at the moment"))?;
    // From here on the line hears of revocations; what came before is read.
    let Connected {
        principal, marks, ..
    } = op::connect::look_again(ctx, &token).await?;
    open.line.set_marks(marks);
    let mut contents = Contents::new(ctx, signed, token, principal)?;
    if hears_messages {
        let follower = Follower::new(Arc::clone(realtime), Arc::clone(&open.line), Gains::Newest);
        contents.fetch_backlog(ctx, follower).await?;
    }
    Ok(Mailbox {
        open,
        hears_messages,
        chain: Mutex::new(Chain {
            has: asked.has,
            answered: None,
        }),
        turns: watch::Sender::new(0),
        contents: tokio::sync::Mutex::new(contents),
    })
}

fn overtaken() -> Error {
    Error::new(
        Code::Conflict,
        "another poll has taken the place of this one",
    )
    .hint("poll once at a time, with the newest time token")
}

// === impl Mailbox ===

impl Mailbox {
    /// Whether a client with this token goes on here.
    pub(super) fn has(&self, token: TimeToken) -> bool {
        let chain = self.chain();
        let answered = chain.answered.as_ref();
        chain.has == token || answered.is_some_and(|(answer, _)| *answer == token)
    }

    /// Whether nobody can be told anything here any more.
    pub(super) fn is_over(&self) -> bool {
        match self.open.line.held() {
            Some(Held::Closing(_)) => true,
            Some(Held::LookAgain) | None => false,
        }
    }

    /// Whether somebody waits here.
    pub(super) fn is_polled(&self) -> bool {
        self.turns.receiver_count() > 0
    }

    /// Sends away who waits here.
    pub(super) fn give_up(&self) {
        self.turns.send_modify(|turn| *turn += 1);
    }

    /// The turn of a poll that begins; the one before it is over.
    fn take_turn(&self) -> Turn {
        let mut own = 0;
        self.turns.send_modify(|turn| {
            *turn += 1;
            own = *turn;
        });
        Turn {
            own,
            newest: self.turns.subscribe(),
        }
    }

    /// Answers at once: with what there is.
    ///
    /// # Errors
    /// `session_ended`; those of the store.
    pub(super) async fn answer(&self, asked: &Poll<'_>) -> Result<Bytes, Error> {
        let mut contents = self.contents.lock().await;
        self.pass_gate(asked, &mut contents).await?;
        contents
            .take(asked.ctx, &self.open.line, asked.realtime.looks())
            .await?;
        let bytes = self.write(asked, &mut contents)?;
        self.pass_gate(asked, &mut contents).await?;
        Ok(bytes)
    }

    /// Answers once there is something, or with nothing once it was waited for long
    /// enough.
    ///
    /// # Errors
    /// `session_ended`; `conflict` where the client polls twice.
    pub(super) async fn poll(&self, asked: &Poll<'_>) -> Result<Bytes, Error> {
        let mut turn = self.take_turn();
        let mut contents = tokio::select! {
            biased;
            () = turn.is_over() => return Err(overtaken()),
            contents = self.contents.lock() => contents,
        };
        self.open.line.heard(asked.realtime.looks());
        let found = self.chain().find(asked.has);
        match found {
            Found::Again(bytes) => {
                self.pass_gate(asked, &mut contents).await?;
                return Ok(bytes);
            }
            Found::Waits => {}
            Found::Lost => return Err(overtaken()),
        }
        self.wait(asked, &mut contents, &mut turn).await?;
        let bytes = self.write(asked, &mut contents)?;
        self.pass_gate(asked, &mut contents).await?;
        Ok(bytes)
    }

    /// Waits until there is something to tell, or it is time to say that there is
    /// nothing. While the store does not answer nothing is told.
    async fn wait(
        &self,
        asked: &Poll<'_>,
        contents: &mut Contents,
        turn: &mut Turn,
    ) -> Result<(), Error> {
        let line = &self.open.line;
        let mut end = pin!(tokio::time::sleep(asked.realtime.patience.poll));
        loop {
            let taken = match self.pass_gate(asked, contents).await {
                Ok(()) => contents.take(asked.ctx, line, asked.realtime.looks()).await,
                refused @ Err(_) => refused,
            };
            match taken {
                Ok(()) if contents.has_any() => return Ok(()),
                Ok(()) => {}
                Err(error) if is_ours(&error) => {
                    let stays = tokio::select! {
                        biased;
                        () = turn.is_over() => return Err(overtaken()),
                        () = end.as_mut() => false,
                        stays = check::wait_for_store(asked.ctx, line, asked.stop, &error) => stays,
                    };
                    if stays {
                        continue;
                    }
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
            tokio::select! {
                biased;
                () = turn.is_over() => return Err(overtaken()),
                () = asked.stop.cancelled() => return Ok(()),
                () = end.as_mut() => return Ok(()),
                () = poll_fn(|context| line.poll_news(context)) => {}
            }
        }
    }

    /// Waits until something may be told, where the session is to be looked at
    /// again first.
    async fn pass_gate(&self, asked: &Poll<'_>, contents: &mut Contents) -> Result<(), Error> {
        let line = &self.open.line;
        loop {
            match line.held() {
                Some(Held::Closing(Closing::Ended | Closing::Expired)) => return Err(names::over()),
                Some(Held::Closing(Closing::Silent)) => return Err(overtaken()),
                Some(Held::LookAgain) => contents.looks = true,
                None if contents.looks => {}
                None => return Ok(()),
            }
            let Poll { ctx, realtime, .. } = asked;
            let looked = check::look_again(ctx, realtime, line, &contents.token).await;
            let connected = looked.inspect_err(|error| {
                // Nobody comes back to it, and so it is let go at the next look.
                if !is_ours(error) {
                    line.close(Closing::Ended);
                }
            })?;
            contents.looks = false;
            line.set_marks(connected.marks);
            contents.relists |= connected.principal.acl != contents.principal.acl;
            contents.token = connected.token;
            contents.principal = connected.principal;
        }
    }

    /// Writes what there is to tell, and keeps it until the client has it.
    fn write(&self, asked: &Poll<'_>, contents: &mut Contents) -> Result<Bytes, Error> {
        let frames = contents.batch(asked.ctx)?;
        let token = asked.tokens.next(asked.ctx.now());
        let channel = contents.reader.channel.as_str();
        let channels = vec![channel; frames.len()].join(",");
        let body = (frames, token.to_string(), channels);
        let bytes: Bytes = serde_json::to_vec(&body).map_err(Error::internal)?.into();
        self.chain().answered = Some((token, bytes.clone()));
        Ok(bytes)
    }

    fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Chain ===

impl Chain {
    fn find(&mut self, has: TimeToken) -> Found {
        match &self.answered {
            Some((token, _)) if *token == has => {
                self.has = has;
                self.answered = None;
                Found::Waits
            }
            Some((_, bytes)) if self.has == has => Found::Again(bytes.clone()),
            None if self.has == has => Found::Waits,
            Some(_) | None => Found::Lost,
        }
    }
}

// === impl Turn ===

impl Turn {
    /// Waits until another poll has taken its turn.
    async fn is_over(&mut self) {
        let own = self.own;
        // The mailbox is there as long as somebody waits in it.
        let _ = self.newest.wait_for(|newest| *newest != own).await;
    }
}
