//! A user: a person as the application knows them, or a visitor who is nobody yet.

use countersign_credential::subject::{Email, ExternalId, UserName};
use countersign_credential::time::Timestamp;

use crate::id::UserId;

/// A user of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Unique in the application; nexmo's `sub`, sinch's user id.
    pub name: Option<UserName>,
    /// Unique in the application; native's `sub`, kustomer's `externalId`.
    pub external_id: Option<ExternalId>,
    /// Verified, and unique in the application; kustomer's `email`.
    pub email: Option<Email>,
    /// What others see. Not unique, not verified, and never links.
    pub display_name: Option<String>,
    /// Whether this is a visitor whom no credential has named.
    pub anonymous: bool,
    /// Whether the application refuses this user's logins.
    pub blocked: bool,
    /// When the user was created.
    pub created_at: Timestamp,
}

/// One of the identifiers by which a user is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// By the id that we gave.
    Id(UserId),
    /// By name.
    Name(UserName),
    /// By the application's own id.
    ExternalId(ExternalId),
    /// By verified e-mail address.
    Email(Email),
}

/// A change of a user: an outer `None` leaves the member, an inner one clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserPatch {
    /// The new name.
    pub name: Option<Option<UserName>>,
    /// The new external id.
    pub external_id: Option<Option<ExternalId>>,
    /// The new e-mail address.
    pub email: Option<Option<Email>>,
    /// The new display name.
    pub display_name: Option<Option<String>>,
    /// Whether the user is blocked.
    pub blocked: Option<bool>,
}

// === impl User ===

impl User {
    /// What others see of the user: the display name, else the name, else
    /// nothing that would give an identifier away.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        match (&self.display_name, &self.name) {
            (Some(display_name), _) => display_name,
            (None, Some(name)) => name.as_str(),
            (None, None) if self.anonymous => "visitor",
            (None, None) => "user",
        }
    }
}
