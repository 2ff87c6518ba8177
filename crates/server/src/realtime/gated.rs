//! A WebSocket behind a line's gate.
//!
//! Frames that are there together go out together: they are put one by one, and
//! written in one go, within one holding of the gate. How many those are is
//! bounded, so that the gate is not held for long, and a client that does not read
//! costs no memory.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use countersign_core::limit::FRAME_BYTES_MAX;
use futures_sink::Sink;

use super::leaving::Leave;
use super::limit;
use super::line::{Held, Line};

/// A WebSocket to which nothing is handed but through the line's gate.
pub(crate) struct Gated {
    socket: WebSocket,
    /// What is to be written next.
    frames: VecDeque<Message>,
    frames_bytes: usize,
    /// Whether a frame was begun that the kernel has not taken whole.
    unwritten: bool,
    /// Whether the other end has sent a close frame: it is told nothing more.
    said_goodbye: bool,
}

/// What comes in; nothing, where the connection is gone.
pub(crate) type Received = Option<Result<Message, axum::Error>>;

/// Why not everything was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unwritten {
    /// The gate is closed; what was not begun is still there.
    Held,
    /// The other end does not read.
    Slow,
    /// The connection is gone.
    Broken,
}

/// An upgrade under the bounds that every door's sockets have: little room while
/// they sleep, and no frame that is larger than any of theirs.
pub(crate) fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(limit::READ_BUFFER_BYTES)
        .write_buffer_size(limit::WRITE_BUFFER_BYTES)
        .max_write_buffer_size(limit::WRITE_BUFFER_BYTES_MAX)
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
}

/// Says the last words, lets go who waits for that, clears away what the socket
/// consisted of, and waits for the other end to go. Where many end at once, each
/// is told before any is cleared away. Who does not answer is hung up on.
pub(crate) async fn take_leave<T>(
    mut socket: WebSocket,
    words: impl IntoIterator<Item = Message>,
    patience: Duration,
    (leave, consisted): (Option<Leave>, T),
) {
    let left = async {
        for word in words {
            socket.send(word).await?;
        }
        drop(leave);
        tokio::task::yield_now().await;
        drop(consisted);
        // The answer to a close frame goes out when the next one is asked for.
        while let Some(message) = socket.recv().await {
            message?;
        }
        Ok::<(), axum::Error>(())
    };
    let _ = tokio::time::timeout(patience, left).await;
}

/// Frames on their way to the kernel.
struct Writing<'a> {
    socket: Pin<&'a mut WebSocket>,
    unwritten: &'a mut bool,
    frames: &'a mut VecDeque<Message>,
}

// === impl Gated ===

impl Gated {
    pub(crate) fn new(socket: WebSocket) -> Self {
        Self {
            socket,
            frames: VecDeque::new(),
            frames_bytes: 0,
            unwritten: false,
            said_goodbye: false,
        }
    }

    /// Waits for what comes in next.
    pub(crate) async fn recv(&mut self) -> Received {
        let received = self.socket.recv().await;
        if let Some(Ok(Message::Close(_))) = received {
            self.said_goodbye = true;
            self.frames.clear();
        }
        received
    }

    /// What comes in next, if it is there already: nobody is woken for it.
    pub(crate) fn recv_now(&mut self) -> Poll<Received> {
        pin!(self.recv()).poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Adds a frame to what is written next.
    pub(crate) fn put(&mut self, frame: Message) {
        // Nothing may follow the close frame that answers (RFC 6455 section 5.5.1).
        if !self.said_goodbye {
            self.frames_bytes += bytes_of(&frame);
            self.frames.push_back(frame);
        }
    }

    /// Whether that is enough to be written before anything is added.
    pub(crate) fn is_full(&self) -> bool {
        self.frames.len() >= limit::FRAMES_AT_ONCE_MAX
            || self.frames_bytes >= limit::FRAMES_BYTES_AT_ONCE_MAX
    }

    /// Writes what was put, once the gate lets it through. Where the gate is
    /// closed meanwhile, it can be asked to go on.
    pub(crate) async fn write(&mut self, line: &Line, patience: Duration) -> Result<(), Unwritten> {
        if self.frames.is_empty() && !self.unwritten {
            return Ok(());
        }
        let mut writing = Writing {
            socket: Pin::new(&mut self.socket),
            unwritten: &mut self.unwritten,
            frames: &mut self.frames,
        };
        let write =
            poll_fn(|context| line.poll_through_gate(context, |context| writing.poll(context)));
        in_time(write, patience).await?;
        self.frames_bytes = 0;
        Ok(())
    }

    /// Writes what tells nothing but that the node is there, and nothing that was
    /// put; see [`Line::poll_heartbeat`].
    pub(crate) async fn beat(
        &mut self,
        line: &Line,
        frame: Message,
        patience: Duration,
    ) -> Result<(), Unwritten> {
        let mut writing = Writing {
            socket: Pin::new(&mut self.socket),
            unwritten: &mut self.unwritten,
            frames: &mut VecDeque::from([frame]),
        };
        let write =
            poll_fn(|context| line.poll_heartbeat(context, |context| writing.poll(context)));
        in_time(write, patience).await
    }

    /// Waits until what was begun is written, as long as the gate is open.
    pub(crate) async fn flush(&mut self, line: &Line, patience: Duration) {
        let socket = &mut self.socket;
        let flush = poll_fn(|context| {
            line.poll_through_gate(context, |context| {
                Pin::new(&mut *socket).poll_flush(context)
            })
        });
        if let Ok(Ok(Ok(()))) = tokio::time::timeout(patience, flush).await {
            self.unwritten = false;
        }
    }

    /// The WebSocket itself, where another frame may follow what went out: one
    /// that was begun is not ended for its sake.
    pub(crate) fn into_whole(self) -> Option<WebSocket> {
        (!self.unwritten).then_some(self.socket)
    }
}

// === impl Writing ===

impl Writing<'_> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        while !self.frames.is_empty() {
            ready!(self.socket.as_mut().poll_ready(context))?;
            if let Some(frame) = self.frames.pop_front() {
                *self.unwritten = true;
                self.socket.as_mut().start_send(frame)?;
            }
        }
        ready!(self.socket.as_mut().poll_flush(context))?;
        *self.unwritten = false;
        Poll::Ready(Ok(()))
    }
}

async fn in_time(
    write: impl Future<Output = Result<Result<(), axum::Error>, Held>>,
    patience: Duration,
) -> Result<(), Unwritten> {
    match tokio::time::timeout(patience, write).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(_))) => Err(Unwritten::Broken),
        Ok(Err(_)) => Err(Unwritten::Held),
        Err(_) => Err(Unwritten::Slow),
    }
}

/// What a frame weighs beside its few bytes of a header.
fn bytes_of(frame: &Message) -> usize {
    match frame {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}
