//! From the engine's errors to the domain's: which expectation did not hold.
//!
//! An expectation travels through the engine by its name, and comes back by it. A unique index
//! has a name of its own, and says by that what was not free.

use crate::error::{StoreError, Unavailable};
use crate::secrets::SecretError;
use countersign_core::ports::change::Expectation;
use countersign_core::ports::store as port;
use countersign_core::ports::store::CommitError;

macro_rules! names {
    ($($variant:ident = $name:literal;)*) => {
        /// The name under which an expectation travels.
        pub(crate) fn name(expectation: Expectation) -> &'static str {
            match expectation {
                $(Expectation::$variant => $name,)*
            }
        }

        fn by_name(name: &str) -> Option<Expectation> {
            match name {
                $($name => Some(Expectation::$variant),)*
                _ => None,
            }
        }
    };
}

names! {
    User = "user";
    NameFree = "name free";
    ExternalIdFree = "external id free";
    EmailFree = "email free";
    SessionOpen = "session open";
    Generation = "generation";
    Uncovered = "uncovered";
    CredentialUnused = "credential unused";
    Password = "password";
    Device = "device";
    Conversation = "conversation";
    ConversationNameFree = "conversation name free";
    ClientIdUnused = "client id unused";
    ConversationRoom = "conversation room";
    MemberRoom = "member room";
    PlaceFree = "place free";
    Joined = "joined";
    MemberState = "member state";
    EventTouchable = "event touchable";
    VisitorPlace = "visitor place";
    Quota = "quota";
    WaitingRoom = "waiting room";
    File = "file";
    KidFree = "kid free";
    Key = "key";
    SlugFree = "slug free";
    AliasFree = "alias free";
    Application = "application";
    AuditHead = "audit head";
    SettingsUnchanged = "settings unchanged";
}

/// What a unique index keeps free. That of a table's key is about an id, which nobody chooses but
/// the one who imports an application: its slug is taken then, too.
fn by_index(index: &str) -> Option<Expectation> {
    Some(match index {
        "users_by_name" => Expectation::NameFree,
        "users_by_external_id" => Expectation::ExternalIdFree,
        "users_by_email" => Expectation::EmailFree,
        "sessions_by_one_time_id" => Expectation::CredentialUnused,
        "conversations_by_name" => Expectation::ConversationNameFree,
        "conversations_by_client_id" | "events_by_client_id" => Expectation::ClientIdUnused,
        "members_by_place" => Expectation::PlaceFree,
        "signing_keys_pkey" => Expectation::KidFree,
        "applications_by_slug" | "applications_pkey" => Expectation::SlugFree,
        "applications_by_alias" => Expectation::AliasFree,
        _ => return None,
    })
}

impl From<StoreError> for port::StoreError {
    fn from(error: StoreError) -> Self {
        if let StoreError::Unavailable(_) = error {
            Self::Unavailable(Box::new(error))
        } else {
            Self::Internal(Box::new(error))
        }
    }
}

impl From<Unavailable> for port::StoreError {
    fn from(unavailable: Unavailable) -> Self {
        StoreError::from(unavailable).into()
    }
}

impl From<SecretError> for port::StoreError {
    fn from(error: SecretError) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        let missed = if let StoreError::Expectation { name, .. } = &error {
            by_name(name)
        } else if let StoreError::Unique { constraint, .. } = &error {
            by_index(constraint)
        } else {
            None
        };
        missed.map_or_else(|| Self::Store(error.into()), Self::Missed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::MIGRATIONS;

    #[test]
    fn every_unique_index_of_the_schema_says_what_it_keeps_free() {
        // One keeps the rules of the key ring, which make room before they fill it, and one what
        // a counter has given.
        const NOBODYS: [&str; 2] = ["signing_keys_by_state", "conversations_by_number"];
        let mut found = 0;
        for migration in MIGRATIONS {
            for (_, rest) in migration
                .template
                .match_indices("CREATE UNIQUE INDEX ")
                .map(|(at, word)| migration.template.split_at(at + word.len()))
            {
                let index = rest.split_whitespace().next().unwrap();
                found += 1;
                assert_eq!(
                    by_index(index).is_none(),
                    NOBODYS.contains(&index),
                    "{index}"
                );
            }
        }
        assert_eq!(found, 13);
    }
}
