//! End: how a socket ends, and what a client makes of it. By its number a client
//! of the protocol gives up (4000 and more), comes back after a while (4100), or
//! comes back at once (4200).

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use countersign_core::error::{Code, Error};

use super::frame;
use crate::realtime::check::is_ours;
use crate::realtime::gated::take_leave;
use crate::realtime::leaving::Leave;

/// How a socket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The key in the address is none, or not the organization's that it names.
    UnknownKey,
    /// The client speaks another version of the protocol.
    Version,
    /// The client does not say which version it speaks.
    NoVersion,
    /// It was let into no channel in time.
    Late,
    /// The session lives, and may not be here: to come back is of no use.
    Forbidden,
    /// There is no room, or too much was asked: it is to come back later.
    Later,
    /// It is to come back, and to ask anew: the session is over, or the node stops.
    Again,
    /// The client does not speak the protocol.
    Protocol,
    /// The other end has ended it.
    Answer,
    /// The other end is not there any more, or must get nothing more.
    Gone,
}

/// Says why, clears away what is left, and waits for the other end to go.
pub(super) async fn close<T>(
    socket: WebSocket,
    end: End,
    patience: Duration,
    left: (Option<Leave>, T),
) {
    let (code, message) = match end {
        End::UnknownKey => (4001, "there is no such application"),
        End::Version => (4007, "the version of the protocol is not supported"),
        End::NoVersion => (4008, "the address does not say which version is spoken"),
        End::Late => (4009, "no channel was entered in time"),
        End::Forbidden => (4009, "the session may not have a socket"),
        End::Later => (4100, "come back later"),
        End::Again => (4200, "come back, and ask for every channel anew"),
        End::Protocol => (close_code::PROTOCOL, "this is not the protocol"),
        End::Answer => return take_leave(socket, None, patience, left).await,
        End::Gone => return,
    };
    let told = (code != close_code::PROTOCOL).then(|| frame::error(Some(code), message));
    let told = told.map(Message::Text);
    let close = Message::Close(Some(CloseFrame {
        code,
        reason: message.into(),
    }));
    take_leave(socket, told.into_iter().chain([close]), patience, left).await;
}

// === impl End ===

impl End {
    /// As a refusal ends it.
    pub(super) fn of(error: &Error) -> Self {
        let is_over = [Code::SessionEnded, Code::AccessExpired].contains(&error.code);
        if is_ours(error) || error.code == Code::RateLimited {
            Self::Later
        } else if is_over {
            // The client is refused by the call that it asks for a pass then.
            Self::Again
        } else {
            Self::Forbidden
        }
    }
}
