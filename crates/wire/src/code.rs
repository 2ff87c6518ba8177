//! The stable codes of refusals.
//!
//! A problem carries its code as text, so that a newer server can have more of
//! them; whoever acts on one reads the text here.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// Why something was refused. More may come; a code never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
            /// What a newer server says, and this program does not know.
            Unknown,
        }

        impl Code {
            /// Every code that this program knows.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as it is spelled on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Unknown => "unknown",
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

// === impl Code ===

impl Code {
    /// Reads a code.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let known = Self::ALL.iter().find(|code| code.as_str() == text);
        known.copied().unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_back() {
        for code in Code::ALL {
            assert_eq!(Code::of(code.as_str()), *code);
        }
        for text in ["", "unknown", "Session_Ended", "session_ended "] {
            assert_eq!(Code::of(text), Code::Unknown, "{text}");
        }
    }
}
