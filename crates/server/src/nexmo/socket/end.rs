//! End: how a socket ends, and what a client makes of it.
//!
//! A client comes back by itself where its WebSocket breaks off, and does not
//! where it is put out of the namespace. So the first stands for what passes,
//! and the second for a session that is over.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use countersign_wire::frame::CloseCode;

use super::super::packet;
use crate::realtime::gated::take_leave;
use crate::realtime::leaving::Leave;

/// How a socket ends.
#[derive(Debug)]
pub(in crate::nexmo) enum End {
    /// The login is refused: the event that says why.
    Refused(Utf8Bytes),
    /// The client has logged out: the event that answers it.
    LoggedOut(Utf8Bytes),
    /// The session is over.
    Over,
    /// The node stops: the client is to come back.
    GoingAway,
    /// The client does not read: it is to come back once it does.
    Slow,
    /// The client does not speak the protocol.
    Protocol(&'static str),
    /// The other end has ended it.
    Answer,
    /// The other end is not there any more, or must get nothing more.
    Gone,
}

/// Says why, clears away what is left, and waits for the other end to go.
pub(in crate::nexmo) async fn close<T>(
    mut socket: WebSocket,
    end: End,
    patience: Duration,
    left: (Option<Leave>, T),
) {
    let (event, leaves, code) = match end {
        End::Refused(event) => (Some(event), true, close_code::NORMAL),
        End::LoggedOut(event) => {
            // The client leaves by itself once it is answered: by a packet of its
            // own, or by its close frame.
            let answered = async {
                let said = socket.send(packet_of(&event)).await;
                said.is_ok() && socket.recv().await.is_some()
            };
            if tokio::time::timeout(patience, answered).await != Ok(true) {
                return;
            }
            (None, false, close_code::NORMAL)
        }
        End::Over => (None, true, close_code::NORMAL),
        End::GoingAway => (None, false, close_code::RESTART),
        // As at the native door: this protocol has no code for it.
        End::Slow => (None, false, CloseCode::SlowReader.number()),
        End::Protocol(why) => {
            tracing::debug!(why, "a socket does not speak the protocol");
            (None, false, close_code::PROTOCOL)
        }
        End::Answer => (None, false, close_code::NORMAL),
        End::Gone => return,
    };
    let event = event.map(|event| packet_of(&event));
    let leaves = leaves.then(|| Message::Text(packet::DISCONNECT.into()));
    let frame = Message::Close(Some(CloseFrame {
        code,
        reason: Utf8Bytes::default(),
    }));
    let words = event.into_iter().chain(leaves).chain([frame]);
    take_leave(socket, words, patience, left).await;
}

fn packet_of(event: &Utf8Bytes) -> Message {
    Message::Text(packet::event_of(None, event).into())
}
