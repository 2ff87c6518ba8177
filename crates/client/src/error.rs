//! Why something did not happen, so that a program can act on it.

use std::io;

use countersign_wire::code::Code;
use countersign_wire::frame::ErrorFrame;
use countersign_wire::problem::Problem;
use countersign_wire::time::Time;

use crate::provider::ProviderError;

/// Why a call did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server has refused it.
    #[error("{0}")]
    Refused(Refusal),
    /// The session of this device is over, and the device has forgotten it.
    /// Only a new login helps.
    #[error("this device was signed out: {0}")]
    SignedOut(Refusal),
    /// Nobody is logged in on this device, not even as a visitor.
    #[error("nobody is logged in on this device")]
    NotLoggedIn,
    /// The server was not reached, or the connection broke. What was asked may
    /// have been done.
    #[error("{url} was not reached: {cause}")]
    Unreached {
        /// The URL of the server.
        url: String,
        /// What the network said.
        cause: String,
    },
    /// Something answered that does not speak this API.
    #[error("{url} answered {status} with what is no answer of a Countersign server")]
    Foreign {
        /// The URL of the server.
        url: String,
        /// The status of the answer.
        status: u16,
    },
    /// The provider gave no credential.
    #[error("no credential was given: {0}")]
    Provider(#[from] ProviderError),
    /// The identity of this device could not be read or written.
    #[error("the identity of this device cannot be kept: {0}")]
    Keep(#[from] io::Error),
    /// Too much waits to be sent already.
    #[error("too much waits to be sent")]
    QueueFull,
    /// The live connection was closed before it could be done.
    #[error("the live connection was closed")]
    Closed,
    /// The client was set up with something that cannot be.
    #[error("{0}")]
    Setup(String),
}

/// What a server says when it refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// The code as it was spelled, for those that this program does not know.
    pub spelled: String,
    /// The HTTP status; what a socket was told has none.
    pub status: Option<u16>,
    /// What happened this time, for people.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The server's time, where the refusal is about time.
    pub server_time: Option<Time>,
}

// === impl Error ===

impl Error {
    /// The server's refusal, if it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) | Self::SignedOut(refusal) => Some(refusal),
            Self::NotLoggedIn
            | Self::Unreached { .. }
            | Self::Foreign { .. }
            | Self::Provider(_)
            | Self::Keep(_)
            | Self::QueueFull
            | Self::Closed
            | Self::Setup(_) => None,
        }
    }

    /// Whether the same call may succeed a little later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.is_passing(),
            Self::Unreached { .. } | Self::QueueFull => true,
            Self::SignedOut(_)
            | Self::NotLoggedIn
            | Self::Foreign { .. }
            | Self::Provider(_)
            | Self::Keep(_)
            | Self::Closed
            | Self::Setup(_) => false,
        }
    }
}

// === impl Refusal ===

impl Refusal {
    /// Whether the server may think differently a little later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(
            self.code,
            Code::RateLimited | Code::Unavailable | Code::Internal
        )
    }

    /// Whether it says that the session is over.
    pub(crate) fn ends_session(&self) -> bool {
        matches!(
            self.code,
            Code::SessionEnded | Code::RefreshReused | Code::UserBlocked
        )
    }

    /// A refusal of which only the code was told, as a close frame does.
    pub(crate) fn of_code(spelled: &str, otherwise: &str) -> Self {
        Self {
            code: Code::of(spelled),
            spelled: spelled.to_owned(),
            status: None,
            detail: otherwise.to_owned(),
            hint: None,
            server_time: None,
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} ({}", self.detail, self.spelled)?;
        match self.status {
            Some(status) => write!(formatter, ", {status})"),
            None => formatter.write_str(")"),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self {
            code: Code::of(&problem.code),
            spelled: problem.code,
            status: Some(problem.status),
            detail: problem.detail,
            hint: problem.hint,
            server_time: problem.server_time,
        }
    }
}

impl From<ErrorFrame> for Refusal {
    fn from(frame: ErrorFrame) -> Self {
        Self {
            code: Code::of(&frame.code),
            spelled: frame.code,
            status: None,
            detail: frame.detail,
            hint: frame.hint,
            server_time: None,
        }
    }
}
