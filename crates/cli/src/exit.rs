//! How a command ends: the exit codes that scripts rely on, and the sentence
//! that a person reads.

use std::fmt;
use std::process::ExitCode;

use countersign_client::error::Error;

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or accepted.
    Done,
    /// A credential was refused, or what was asked for was.
    Refused,
    /// The command line, or a file that it names, is wrong.
    Usage,
    /// The server was not reached.
    Unreached,
    /// Whoever reads the answer has read enough, and gone.
    Unread,
}

/// Why a command could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) sentence: String,
    pub(crate) hint: Option<String>,
}

// === impl Exit ===

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::Usage => 2,
            Exit::Unreached => 3,
            // As a shell tells of a program that SIGPIPE ended.
            Exit::Unread => 141,
        })
    }
}

// === impl Failure ===

impl Failure {
    /// A mistake in the command line or in a file that it names.
    pub(crate) fn usage(sentence: impl fmt::Display) -> Self {
        Self {
            exit: Exit::Usage,
            sentence: sentence.to_string(),
            hint: None,
        }
    }

    /// The server refused, or something did not turn out as it should.
    pub(crate) fn refused(sentence: impl fmt::Display) -> Self {
        Self {
            exit: Exit::Refused,
            sentence: sentence.to_string(),
            hint: None,
        }
    }

    /// No server answered.
    pub(crate) fn unreached(sentence: impl fmt::Display) -> Self {
        Self {
            exit: Exit::Unreached,
            sentence: sentence.to_string(),
            hint: None,
        }
    }

    /// Nobody reads the answer any more. That is nobody's mistake, and there is
    /// nobody to tell.
    pub(crate) fn unread() -> Self {
        Self {
            exit: Exit::Unread,
            sentence: String::new(),
            hint: None,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Error> for Failure {
    /// What a server refused, and that it was not reached, in its own words.
    fn from(error: Error) -> Self {
        let sentence = error.to_string();
        match error {
            Error::Refused(refusal) | Error::SignedOut(refusal) => Self {
                hint: refusal.hint,
                ..Self::refused(sentence)
            },
            Error::Unreached { .. } => Self::unreached(sentence),
            Error::Foreign { .. } => Self::unreached(sentence)
                .hint("is this the URL of a Countersign server's native API?"),
            Error::NotLoggedIn | Error::Closed | Error::QueueFull | Error::Provider(_) => {
                Self::refused(sentence)
            }
            Error::Keep(_) | Error::Setup(_) => Self::usage(sentence),
        }
    }
}
