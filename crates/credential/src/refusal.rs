//! Why a credential is refused: one stable code for programs, one sentence for
//! people, and where possible what to do about it.
//!
//! Absent on purpose: the credential itself, its signature, the expected
//! signature, and any secret. A refusal may be logged and sent to whoever
//! presented the credential.

use std::fmt;

/// The reason as programs see it. A code never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Not a credential of any dialect, or not the strict form of one.
    MalformedToken,
    /// A header member that is not understood or not allowed.
    UnsupportedHeader,
    /// An algorithm that the dialect, or the key that was named, does not have.
    UnsupportedAlgorithm,
    /// No usable key: `kid` names none, or the ring has none of the algorithm.
    UnknownKey,
    /// No key that may have signed it verifies the signature.
    BadSignature,
    /// Its own expiry has passed.
    Expired,
    /// Made for a time that has not come yet, or by a clock that is ahead.
    NotYetValid,
    /// Older than the dialect allows, whatever its own expiry says.
    TooOld,
    /// Made for another application.
    WrongAudience,
    /// A claim that is missing, of the wrong type, or outside its rules.
    BadClaim,
    /// An ACL that is not understood to the last member.
    BadAcl,
    /// A login without a user: a backend's bearer.
    NoSubject,
}

/// The verdict on a credential that is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, for programs.
    pub code: Code,
    /// The reason as a sentence, with the values that were measured.
    pub detail: String,
    /// What to do about it, where that is known.
    pub hint: Option<String>,
    /// How far its time is from ours, where that is the reason.
    pub measured: Option<Measured>,
}

/// How far a credential's time is from ours, and how far it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Milliseconds that the time lies before ours; less than zero is ahead.
    pub age_ms: i64,
    /// Seconds that are allowed on that side.
    pub limit_s: i64,
}

// === impl Code ===

impl Code {
    /// The code as the API, the logs and the metrics spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MalformedToken => "malformed_token",
            Self::UnsupportedHeader => "unsupported_header",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::TooOld => "too_old",
            Self::WrongAudience => "wrong_audience",
            Self::BadClaim => "bad_claim",
            Self::BadAcl => "bad_acl",
            Self::NoSubject => "no_subject",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

// === impl Refusal ===

impl Refusal {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            hint: None,
            measured: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn measured(mut self, age_ms: i64, limit_s: i64) -> Self {
        self.measured = Some(Measured { age_ms, limit_s });
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Refusal {}

/// The longest piece of a claim that a sentence repeats, in characters.
const QUOTED_CHARACTERS_MAX: usize = 80;

/// A claim's text as a sentence may repeat it: in quotes, with control and
/// direction characters escaped, and cut where it is long.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for (index, character) in text.chars().enumerate() {
        if index == QUOTED_CHARACTERS_MAX {
            quoted.push('…');
            break;
        }
        quoted.extend(character.escape_debug());
    }
    quoted.push('"');
    quoted
}
