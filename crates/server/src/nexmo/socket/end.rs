//! End: how a socket ends, and what a client makes of it.
//!
//! A client comes back by itself where its WebSocket breaks off, and does not
//! where it is put out of the namespace. So the first stands for what passes,
//! and the second for a session that is over.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};

use super::super::packet;

/// How a socket ends.
#[derive(Debug)]
pub(in crate::nexmo) enum End {
    /// The login is refused: the event that says why.
    Refused(Utf8Bytes),
    /// The client has logged out: the event that answers it.
    LoggedOut(Utf8Bytes),
    /// The session is over.
    Over,
    /// The node stops, or the client does not read: it is to come back.
    GoingAway,
    /// The client does not speak the protocol.
    Protocol(&'static str),
    /// The other end has ended it.
    Answer,
    /// The other end is not there any more, or must get nothing more.
    Gone,
}

/// Says why, and waits for the other end to go.
pub(in crate::nexmo) async fn close(mut socket: WebSocket, end: End, patience: Duration) {
    let (event, leaves, code) = match end {
        End::Refused(event) => (Some(event), true, close_code::NORMAL),
        // The client leaves by itself once it is answered.
        End::LoggedOut(event) => (Some(event), false, close_code::NORMAL),
        End::Over => (None, true, close_code::NORMAL),
        End::GoingAway => (None, false, close_code::RESTART),
        End::Protocol(why) => {
            tracing::debug!(why, "a socket does not speak the protocol");
            (None, false, close_code::PROTOCOL)
        }
        End::Answer => (None, false, close_code::NORMAL),
        End::Gone => return,
    };
    let logged_out = event.is_some() && !leaves;
    let said = async {
        if let Some(arguments) = event {
            let text = packet::event_of(None, &arguments);
            socket.send(Message::Text(text.into())).await?;
        }
        if leaves {
            let text = packet::DISCONNECT.into();
            socket.send(Message::Text(text)).await?;
        }
        if logged_out {
            // Its own packet, or its close frame.
            let _ = socket.recv().await;
        }
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::default(),
        };
        socket.send(Message::Close(Some(frame))).await?;
        while let Some(message) = socket.recv().await {
            message?;
        }
        Ok::<(), axum::Error>(())
    };
    // Who does not answer is hung up on.
    let _ = tokio::time::timeout(patience, said).await;
}
