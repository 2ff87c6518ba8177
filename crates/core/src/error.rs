//! The one error of the domain: what was refused, and what to do about it.
//!
//! A door turns the code into its own status and body, exhaustively. The public
//! sentence and the internal cause are apart: the cause goes to the log alone.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use countersign_credential::refusal::{Code as CredentialCode, Measured, Refusal};

/// Why a use case did not do what was asked.
#[derive(Debug, Clone)]
pub struct Error {
    /// The stable code.
    pub code: Code,
    /// A sentence for the person who reads it. Never a secret, never a token.
    pub detail: Cow<'static, str>,
    /// What to do about it.
    pub hint: Option<Cow<'static, str>>,
    missing: Option<&'static str>,
    obstacle: Option<Obstacle>,
    // Apart: few errors have it, and every result carries an error's size.
    measured: Option<Box<Measured>>,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What stands in the way, where the code says that something does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// No user can have the name.
    NoUserName,
    /// Another user has the name.
    UserName,
    /// Another conversation has the name.
    ConversationName,
    /// The user is joined already.
    Joined,
    /// The user is invited already.
    Invited,
    /// The conversation has as many members as it can have.
    Full,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// The stable codes. More may come; a code never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code, in the order of the status that a native door gives it.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as every door, log and metric spells it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// The body is not JSON.
    MalformedJson = "malformed_json";
    /// A member, parameter or header has a value that cannot be.
    BadRequest = "bad_request";
    /// The path has a form that two readers could read differently.
    BadPath = "bad_path";
    /// It cannot be told which application is meant.
    ApplicationRequired = "application_required";
    /// The device's own token is malformed, or of another application.
    CurrentTokenInvalid = "current_token_invalid";
    /// Nothing was presented.
    NoCredential = "no_credential";
    /// The credential's form is wrong.
    MalformedToken = "malformed_token";
    /// The credential's header has a member that is not supported.
    UnsupportedHeader = "unsupported_header";
    /// The credential's algorithm is not one of its dialect or key.
    UnsupportedAlgorithm = "unsupported_algorithm";
    /// No key of the application is meant.
    UnknownKey = "unknown_key";
    /// The signature does not match.
    BadSignature = "bad_signature";
    /// The credential is over.
    Expired = "expired";
    /// The credential's time has not come.
    NotYetValid = "not_yet_valid";
    /// The credential was issued too long ago.
    TooOld = "too_old";
    /// The credential is for another application.
    WrongAudience = "wrong_audience";
    /// A claim is missing or wrong.
    BadClaim = "bad_claim";
    /// The ACL is malformed.
    BadAcl = "bad_acl";
    /// The credential names no user.
    NoSubject = "no_subject";
    /// The credential has opened its one session.
    CredentialUsed = "credential_used";
    /// The credential was revoked.
    CredentialRevoked = "credential_revoked";
    /// The credential's user is not known here.
    UnknownUser = "unknown_user";
    /// The user name or the password is wrong.
    WrongPassword = "wrong_password";
    /// The application refuses this user.
    UserBlocked = "user_blocked";
    /// The session is over.
    SessionEnded = "session_ended";
    /// The access token is over; it can be refreshed.
    AccessExpired = "access_expired";
    /// The refresh token had been exchanged already.
    RefreshReused = "refresh_reused";
    /// The device's own token is over; refresh, then log in again.
    CurrentTokenExpired = "current_token_expired";
    /// Who asks is known, and may not.
    NotPermitted = "not_permitted";
    /// The credential's ACL does not allow it.
    AclDenied = "acl_denied";
    /// This key may not travel over plain HTTP.
    TlsRequired = "tls_required";
    /// There is no such thing, or who asks may not know of it.
    NotFound = "not_found";
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed";
    /// The device belongs to another identified user.
    AlreadyIdentified = "already_identified";
    /// E-mail and external id name two users.
    IdentityConflict = "identity_conflict";
    /// Another thing has this name or identifier.
    Conflict = "conflict";
    /// The client used its own id for something else before.
    ClientIdReused = "client_id_reused";
    /// A visitor has as many open conversations as a visitor may.
    TooManyConversations = "too_many_conversations";
    /// A visitor cannot be invited or added.
    UserAnonymous = "user_anonymous";
    /// A body, frame or value is larger than its limit.
    TooLarge = "too_large";
    /// The body's type is not supported.
    UnsupportedMediaType = "unsupported_media_type";
    /// Too many calls in too short a time.
    RateLimited = "rate_limited";
    /// A fault of ours.
    Internal = "internal";
    /// The store cannot be reached, or refuses work.
    Unavailable = "unavailable";
}

// === impl Error ===

impl Error {
    /// An error with its sentence.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            hint: None,
            missing: None,
            obstacle: None,
            measured: None,
            cause: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// There is no such thing here, or who asks may not know of it.
    #[must_use]
    pub fn not_found(what: &'static str) -> Self {
        Self {
            missing: Some(what),
            ..Self::new(Code::NotFound, format!("there is no such {what} here"))
        }
    }

    /// What there is not, where the code says that something is missing: for a
    /// protocol that has a code for each noun.
    #[must_use]
    pub fn missing(&self) -> Option<&'static str> {
        self.missing
    }

    /// Adds what stands in the way.
    #[must_use]
    pub fn because_of(mut self, obstacle: Obstacle) -> Self {
        self.obstacle = Some(obstacle);
        self
    }

    /// What stands in the way, where that is known: for a protocol that has a
    /// code for each.
    #[must_use]
    pub fn obstacle(&self) -> Option<Obstacle> {
        self.obstacle
    }

    /// How far a credential's time is from ours, where that is the reason: for
    /// a protocol that tells the numbers beside the sentence.
    #[must_use]
    pub fn measured(&self) -> Option<Measured> {
        self.measured.as_deref().copied()
    }

    /// The store gives no answer. The cause is for the log.
    pub fn unavailable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            code: Code::Unavailable,
            detail: "the store cannot be reached at the moment".into(),
            hint: Some("try again in a few seconds".into()),
            missing: None,
            obstacle: None,
            measured: None,
            cause: Some(cause.into().into()),
        }
    }

    /// A fault of ours. The sentence is constant; the cause is for the log.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            code: Code::Internal,
            detail: "something went wrong on our side".into(),
            hint: None,
            missing: None,
            obstacle: None,
            measured: None,
            cause: Some(cause.into().into()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause
            .as_deref()
            .map(|cause| cause as &(dyn StdError + 'static))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.code {
            CredentialCode::MalformedToken => Code::MalformedToken,
            CredentialCode::UnsupportedHeader => Code::UnsupportedHeader,
            CredentialCode::UnsupportedAlgorithm => Code::UnsupportedAlgorithm,
            CredentialCode::UnknownKey => Code::UnknownKey,
            CredentialCode::BadSignature => Code::BadSignature,
            CredentialCode::Expired => Code::Expired,
            CredentialCode::NotYetValid => Code::NotYetValid,
            CredentialCode::TooOld => Code::TooOld,
            CredentialCode::WrongAudience => Code::WrongAudience,
            CredentialCode::BadClaim => Code::BadClaim,
            CredentialCode::BadAcl => Code::BadAcl,
            CredentialCode::NoSubject => Code::NoSubject,
        };
        Self {
            code,
            detail: refusal.detail.into(),
            hint: refusal.hint.map(Cow::from),
            missing: None,
            obstacle: None,
            measured: refusal.measured.map(Box::new),
            cause: None,
        }
    }
}
