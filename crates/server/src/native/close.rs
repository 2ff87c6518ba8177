//! Close: how a socket ends, and what the other end is told of it.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use countersign_core::error::{Code, Error};
use countersign_core::ports::Random;
use countersign_wire::frame::{CloseCode, GoingAway};

use super::problem::status_of;
use crate::realtime::gated::take_leave;
use crate::realtime::leaving::Leave;
use crate::realtime::limit;

/// The most that a close frame's reason may hold (RFC 6455 section 5.5).
const REASON_BYTES_MAX: usize = 123;

/// How a socket ends.
#[derive(Debug)]
pub(super) enum Close {
    /// With a close frame.
    With(CloseCode, String),
    /// The other end has sent a close frame, which the protocol answers.
    Answer,
    /// The other end is not there any more, or must get nothing more.
    Gone,
}

/// Says why, clears away what is left, and waits for the other end to say that it
/// has heard.
pub(super) async fn close<T>(
    socket: WebSocket,
    close: Close,
    patience: Duration,
    left: (Option<Leave>, T),
) {
    let frame = match close {
        Close::With(code, reason) => Some(Message::Close(Some(CloseFrame {
            code: code.number(),
            reason: reason.into(),
        }))),
        Close::Answer => None,
        Close::Gone => return,
    };
    take_leave(socket, frame, patience, left).await;
}

// === impl Close ===

impl Close {
    /// With a code, and why.
    pub(super) fn because(code: CloseCode, reason: &str) -> Self {
        let mut end = reason.len().min(REASON_BYTES_MAX);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        Self::With(code, reason[..end].to_owned())
    }

    pub(super) fn bad_frame(why: &str) -> Self {
        Self::because(CloseCode::BadFrame, why)
    }

    /// As a refusal closes.
    pub(super) fn of(error: &Error, random: &dyn Random) -> Self {
        match close_code(error.code) {
            CloseCode::GoingAway => Self::going_away(random),
            CloseCode::BadFrame => Self::bad_frame(&error.detail),
            code @ (CloseCode::CredentialRefused
            | CloseCode::NotPermitted
            | CloseCode::SlowReader
            | CloseCode::SessionEnded
            | CloseCode::TooMany) => Self::because(code, error.code.as_str()),
        }
    }

    /// Says when to come back: at another time to each.
    pub(super) fn going_away(random: &dyn Random) -> Self {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        let reconnect_after = 1 + u64::from_be_bytes(bytes) % limit::RECONNECT_MS_MAX;
        let reason = serde_json::to_string(&GoingAway { reconnect_after });
        Self::With(CloseCode::GoingAway, reason.unwrap_or_default())
    }
}

/// The close that a refusal becomes.
fn close_code(code: Code) -> CloseCode {
    if code == Code::SessionEnded {
        return CloseCode::SessionEnded;
    }
    if code == Code::RateLimited {
        return CloseCode::TooMany;
    }
    match status_of(code).as_u16() {
        401 => CloseCode::CredentialRefused,
        403 | 404 | 409 => CloseCode::NotPermitted,
        500 | 503 => CloseCode::GoingAway,
        _ => CloseCode::BadFrame,
    }
}
