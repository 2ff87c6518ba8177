//! The kinds of bearers, and who may call by which.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};

/// A kind of bearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bearer {
    PublishableKey,
    AccessToken,
    ApplicationToken,
    UserKey,
    AdminKey,
    OperatorKey,
}

/// Who has a session, and every backend.
pub(super) const EVERYBODY: &[Bearer] = &[
    Bearer::AccessToken,
    Bearer::ApplicationToken,
    Bearer::UserKey,
    Bearer::AdminKey,
    Bearer::OperatorKey,
];
/// Every backend.
pub(super) const BACKENDS: &[Bearer] = &[
    Bearer::ApplicationToken,
    Bearer::UserKey,
    Bearer::AdminKey,
    Bearer::OperatorKey,
];
/// Who manages an application's keys and settings.
pub(super) const ADMINISTRATORS: &[Bearer] = &[Bearer::AdminKey, Bearer::OperatorKey];
/// Who manages the installation.
pub(super) const OPERATORS: &[Bearer] = &[Bearer::OperatorKey];

// === impl Bearer ===

impl Bearer {
    pub(super) const ALL: [Self; 6] = [
        Self::PublishableKey,
        Self::AccessToken,
        Self::ApplicationToken,
        Self::UserKey,
        Self::AdminKey,
        Self::OperatorKey,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::PublishableKey => "publishable_key",
            Self::AccessToken => "access_token",
            Self::ApplicationToken => "application_token",
            Self::UserKey => "user_key",
            Self::AdminKey => "admin_key",
            Self::OperatorKey => "operator_key",
        }
    }

    pub(super) fn scheme(self) -> SecurityScheme {
        let about = match self {
            Self::PublishableKey => {
                "An API key with the role `tracking` alone, which may stand in a page: it opens \
                 sessions, and nothing else."
            }
            Self::AccessToken => "The token of a session, of a visitor or user.",
            Self::ApplicationToken => {
                "A nexmo JWT without `sub`, which the application's backend signs itself; its `acl` \
                 says which calls it may make."
            }
            Self::UserKey => {
                "An API key with the role `user`: everything of its application but keys and \
                 settings."
            }
            Self::AdminKey => "An API key with the role `admin`: everything of its application.",
            Self::OperatorKey => {
                "An API key with the role `operator`: every application, which the call names."
            }
        };
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some(about))
                .build(),
        )
    }

    pub(super) fn required(self) -> SecurityRequirement {
        let no_scopes: [&str; 0] = [];
        SecurityRequirement::new(self.name(), no_scopes)
    }
}
