//! A user: a person as the application knows them, or a visitor who is nobody yet.

use countersign_credential::subject::{Email, ExternalId, UserName};
use countersign_credential::time::Timestamp;

use super::person::shown_name;
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
    /// Where a picture of the user is; shown to others, and never fetched here.
    pub image_url: Option<String>,
    /// What the application keeps with the user, the text of a JSON object;
    /// shown to others.
    pub custom_data: Option<String>,
    /// What the user says of themselves, the text of a JSON object: unverified,
    /// and shown to the user and the application alone.
    pub described: Option<String>,
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
    /// The new picture.
    pub image_url: Option<Option<String>>,
    /// The new data, the text of a JSON object.
    pub custom_data: Option<Option<String>>,
    /// What the user says now, the text of a JSON object.
    pub described: Option<Option<String>>,
    /// Whether the user is blocked.
    pub blocked: Option<bool>,
}

// === impl User ===

impl User {
    /// A user of whom nothing is known yet.
    #[must_use]
    pub fn new(id: UserId, created_at: Timestamp) -> Self {
        Self {
            id,
            name: None,
            external_id: None,
            email: None,
            display_name: None,
            image_url: None,
            custom_data: None,
            described: None,
            anonymous: false,
            blocked: false,
            created_at,
        }
    }

    /// What others see of the user: the display name, else the name, else
    /// nothing that would give an identifier away.
    #[must_use]
    pub fn shown_name(&self) -> &str {
        let name = self.name.as_ref().map(|name| name.as_str());
        shown_name(self.display_name.as_deref(), name, self.anonymous)
    }
}
