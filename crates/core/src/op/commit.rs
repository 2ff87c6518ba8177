//! From what the store says to the sentence that tells of it.

use crate::error::{Code, Error, Obstacle};
use crate::ports::change::Expectation;
use crate::ports::store::{CommitError, StoreError};

impl From<CommitError> for Error {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Missed(expectation) => missed(expectation),
            CommitError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable(error),
            StoreError::Internal(_) => Self::internal(error),
        }
    }
}

fn missed(expectation: Expectation) -> Error {
    let (code, detail) = match expectation {
        Expectation::User => (Code::NotFound, "there is no such user here"),
        Expectation::NameFree => (Code::Conflict, "another user has this name"),
        Expectation::ExternalIdFree => (Code::Conflict, "another user has this external id"),
        Expectation::EmailFree => (Code::Conflict, "another user has this e-mail address"),
        Expectation::SessionOpen => (Code::SessionEnded, "the session is over"),
        Expectation::Generation => (Code::Conflict, "the session went on at the same time"),
        Expectation::Uncovered => (Code::CredentialRevoked, "this credential was revoked"),
        Expectation::CredentialUnused => (
            Code::CredentialUsed,
            "this credential has opened its one session already",
        ),
        Expectation::Password => (
            Code::Conflict,
            "the user's password changed at the same time",
        ),
        Expectation::Device => (Code::NotFound, "there is no such device here"),
        Expectation::Conversation => (Code::NotFound, "there is no such conversation here"),
        Expectation::ConversationNameFree => (Code::Conflict, "another conversation has this name"),
        Expectation::ClientIdUnused => (
            Code::ClientIdReused,
            "this client_id was used for something else before",
        ),
        Expectation::ConversationRoom => (
            Code::TooManyConversations,
            "a visitor may have five open conversations at most",
        ),
        Expectation::MemberRoom => (
            Code::Conflict,
            "the conversation has as many members as it can have",
        ),
        Expectation::PlaceFree => (Code::Conflict, "the user is a member already"),
        Expectation::Joined => (Code::NotFound, "there is no such conversation here"),
        Expectation::MemberState => (Code::Conflict, "the member's state has changed meanwhile"),
        Expectation::EventTouchable => (
            Code::NotFound,
            "there is no such event, or it is not yours to change",
        ),
        Expectation::VisitorPlace => (Code::Conflict, "the visitor's conversations have changed"),
        Expectation::Quota => (
            Code::TooLarge,
            "there is no room left for this user's files",
        ),
        Expectation::WaitingRoom => (
            Code::TooLarge,
            "too many files of this user wait for the events that will name them",
        ),
        Expectation::File => return Error::not_found("file"),
        Expectation::KidFree => (Code::Conflict, "another key has this kid"),
        Expectation::Key => (
            Code::NotFound,
            "there is no such key here, or it is revoked",
        ),
        Expectation::SlugFree => (Code::Conflict, "another application has this slug"),
        Expectation::AliasFree => (Code::Conflict, "another application has this alias"),
        Expectation::Application => (Code::NotFound, "there is no such application"),
        Expectation::SettingsUnchanged => {
            (Code::Conflict, "the settings were changed at the same time")
        }
        Expectation::AuditHead => (Code::Conflict, "the audit log was sealed at the same time"),
    };
    let error = Error::new(code, detail);
    match obstacle(expectation) {
        Some(obstacle) => error.because_of(obstacle),
        None => error,
    }
}

fn obstacle(expectation: Expectation) -> Option<Obstacle> {
    match expectation {
        Expectation::NameFree => Some(Obstacle::UserName),
        Expectation::ConversationNameFree => Some(Obstacle::ConversationName),
        Expectation::PlaceFree => Some(Obstacle::Joined),
        Expectation::MemberRoom => Some(Obstacle::Full),
        Expectation::User
        | Expectation::ExternalIdFree
        | Expectation::EmailFree
        | Expectation::Password
        | Expectation::SessionOpen
        | Expectation::Generation
        | Expectation::Uncovered
        | Expectation::CredentialUnused
        | Expectation::Device
        | Expectation::Conversation
        | Expectation::ClientIdUnused
        | Expectation::ConversationRoom
        | Expectation::Joined
        | Expectation::MemberState
        | Expectation::EventTouchable
        | Expectation::VisitorPlace
        | Expectation::Quota
        | Expectation::WaitingRoom
        | Expectation::File
        | Expectation::KidFree
        | Expectation::Key
        | Expectation::SlugFree
        | Expectation::AliasFree
        | Expectation::Application
        | Expectation::SettingsUnchanged
        | Expectation::AuditHead => None,
    }
}
