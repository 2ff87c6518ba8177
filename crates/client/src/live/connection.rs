//! One socket, from its `authenticate` to its close.

use std::time::Duration;

use countersign_wire::code::Code;
use countersign_wire::frame::{
    Authenticate, ClientFrame, CloseCode, GoingAway, ServerFrame, Welcome,
};
use countersign_wire::secret::Secret;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::{Ended, Position};
use crate::error::{Error, Refusal};
use crate::http::{Api, Socket};

/// How long a server may take to welcome, or to take a frame.
const ANSWER: Duration = Duration::from_secs(15);
/// After such a silence the server is not there any more: it asks every 25 s
/// whether the client is.
const SILENCE: Duration = Duration::from_secs(75);
/// How long to listen for the server's reason after a broken connection.
const FAREWELL: Duration = Duration::from_secs(2);

/// A socket that was welcomed.
pub(super) struct Connection {
    socket: Socket,
    heard_at: Instant,
}

/// Why a socket is over, or did not come about.
#[derive(Debug)]
pub(super) enum Break {
    /// It is worth another attempt, after this time if the server said one.
    Again {
        why: String,
        after: Option<Duration>,
    },
    /// The access token is over.
    TokenOver,
    /// No attempt is worth it.
    Ended(Ended),
}

// === impl Connection ===

impl Connection {
    /// Connects, and says who the device is and how far it has got.
    pub(super) async fn open(
        api: &Api,
        token: Secret,
        from: Option<&Position>,
    ) -> Result<(Self, Box<Welcome>), Break> {
        let socket = api.open_socket().await.map_err(Break::of)?;
        let mut connection = Self {
            socket,
            heard_at: Instant::now(),
        };
        let frame = ClientFrame::Authenticate(Box::new(Authenticate {
            token,
            epoch: from.and_then(|position| position.epoch),
            have: from.map(Position::told),
            key: None,
            application_id: None,
            device: None,
            current_token: None,
            switch: None,
            nonce: None,
        }));
        connection.say(&frame).await?;
        let heard = timeout(ANSWER, connection.hear()).await;
        let first = heard.map_err(|_| Break::again("the server did not answer in time"))??;
        let ServerFrame::Welcome(welcome) = first else {
            return Err(Break::again("the server did not begin with a welcome"));
        };
        Ok((connection, welcome))
    }

    /// The next frame. Nothing is lost where this is given up and called again.
    pub(super) async fn hear(&mut self) -> Result<ServerFrame, Break> {
        loop {
            let heard = timeout_at(self.heard_at + SILENCE, self.socket.next()).await;
            let message = match heard {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return Err(Break::again(error.to_string())),
                Ok(None) => return Err(Break::again("the connection broke")),
                Err(_) => return Err(Break::again("the server is silent")),
            };
            self.heard_at = Instant::now();
            match message {
                Message::Text(text) => {
                    return serde_json::from_str(&text)
                        .map_err(|_| Break::again("the server sent what is no frame"));
                }
                Message::Close(frame) => return Err(Break::closed(frame)),
                Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Sends a frame.
    pub(super) async fn say(&mut self, frame: &ClientFrame) -> Result<(), Break> {
        let text = serde_json::to_string(frame).map_err(|error| Break::again(error.to_string()))?;
        let said = timeout(ANSWER, self.socket.send(Message::text(text))).await;
        match said {
            Ok(Ok(())) => Ok(()),
            // The server's reason, if it gave one, is still to be read.
            Ok(Err(error)) => match timeout(FAREWELL, self.hear()).await {
                Ok(Err(end)) => Err(end),
                Ok(Ok(_)) | Err(_) => Err(Break::again(error.to_string())),
            },
            Err(_) => Err(Break::again("the server does not read")),
        }
    }
}

// === impl Break ===

impl Break {
    pub(super) fn again(why: impl Into<String>) -> Self {
        Self::Again {
            why: why.into(),
            after: None,
        }
    }

    /// What an error means for a connection that wants to live.
    pub(super) fn of(error: Error) -> Self {
        match error {
            Error::SignedOut(refusal) => Self::Ended(Ended::SignedOut(refusal)),
            Error::NotLoggedIn => Self::Ended(Ended::LoggedOut),
            Error::Refused(refusal) if !refusal.is_passing() => {
                Self::Ended(Ended::Refused(refusal))
            }
            error @ (Error::Refused(_)
            | Error::Unreached { .. }
            | Error::Foreign { .. }
            | Error::Provider(_)
            | Error::Keep(_)
            | Error::QueueFull
            | Error::Closed
            | Error::Setup(_)) => Self::again(error.to_string()),
        }
    }

    /// What a close frame means.
    fn closed(frame: Option<CloseFrame>) -> Self {
        let Some(frame) = frame else {
            return Self::again("the server has closed the connection");
        };
        let (number, reason) = (u16::from(frame.code), frame.reason.as_str());
        let Some(code) = CloseCode::from_number(number) else {
            return Self::again(format!("the server has closed the connection ({number})"));
        };
        let refusal = |detail| Refusal::of_code(reason, detail);
        match code {
            CloseCode::CredentialRefused if Code::of(reason) == Code::AccessExpired => {
                Self::TokenOver
            }
            CloseCode::SessionEnded => {
                Self::Ended(Ended::SignedOut(refusal("the session was ended")))
            }
            CloseCode::CredentialRefused => {
                Self::Ended(Ended::SignedOut(refusal("the token is not taken any more")))
            }
            CloseCode::NotPermitted => {
                Self::Ended(Ended::Refused(refusal("the user may not connect")))
            }
            CloseCode::BadFrame => Self::Ended(Ended::Refused(Refusal {
                detail: format!("the server does not understand this client: {reason}"),
                ..Refusal::of_code(Code::BadRequest.as_str(), "")
            })),
            CloseCode::SlowReader => Self::again("too much was not read"),
            CloseCode::TooMany => Self::again("the server has too many connections"),
            CloseCode::GoingAway => Self::Again {
                why: "the server goes away".to_owned(),
                after: serde_json::from_str(reason).ok().map(GoingAway::wait),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as Number;

    use super::*;

    fn closed(code: u16, reason: &str) -> Break {
        Break::closed(Some(CloseFrame {
            code: Number::from(code),
            reason: reason.into(),
        }))
    }

    #[test]
    fn a_close_frame_tells_whether_to_come_back() {
        for (code, reason, expected) in [
            (4400, "no frame", "ended"),
            (4401, "access_expired", "renew"),
            (4401, "unknown_key", "ended"),
            (4403, "not_permitted", "ended"),
            (4408, "", "again"),
            (4410, "session_ended", "ended"),
            (4429, "connections", "again"),
            (4503, "{\"reconnect_after\":1500}", "again in 1500"),
            (4503, "nonsense", "again"),
            (1000, "", "again"),
            (1006, "", "again"),
            (4999, "", "again"),
        ] {
            let seen = match closed(code, reason) {
                Break::Again { after: None, .. } => "again".to_owned(),
                Break::Again {
                    after: Some(after), ..
                } => format!("again in {}", after.as_millis()),
                Break::TokenOver => "renew".to_owned(),
                Break::Ended(_) => "ended".to_owned(),
            };
            assert_eq!(seen, expected, "{code} {reason}");
        }
        assert!(matches!(Break::closed(None), Break::Again { .. }));
    }
}
