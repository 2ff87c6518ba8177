//! An application: the owner of users, conversations, keys and settings.

use std::fmt;
use std::str::FromStr;

use countersign_credential::time::Timestamp;

use super::settings::Settings;
use super::signing_key::SigningKey;
use crate::id::ApplicationId;
use crate::limit;

/// An application with all that is needed to judge its users' credentials.
#[derive(Debug, Clone)]
pub struct Application {
    /// Its id: nexmo's `application_id`, sinch's application key, native's `aud`.
    pub id: ApplicationId,
    /// Its short name in URLs, and kustomer's organization name.
    pub slug: Slug,
    /// What people call it.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// A key that is written into shipped apps and stands for sinch's key and
    /// nexmo's `application_id`; never for `aud`.
    pub alias: Option<String>,
    /// How it wants to be served.
    pub settings: Settings,
    /// Its signing keys, in every state.
    pub keys: Vec<SigningKey>,
}

/// A change of what an application is called. Its slug stays: publishable keys
/// and URLs in shipped apps carry it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplicationPatch {
    /// The new name.
    pub name: Option<String>,
    /// The new alias; `None` inside takes it away.
    pub alias: Option<Option<String>>,
}

/// How an application is named in a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ApplicationName {
    /// By its id.
    Id(ApplicationId),
    /// By the imported key that stands for it, compared exactly.
    Alias(String),
    /// By its slug.
    Slug(Slug),
}

/// `[a-z][a-z0-9-]{1,62}`, and none of the words that a URL needs itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Slug(String);

/// A text that cannot be a slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SlugError {
    /// The grammar does not hold.
    #[error("a slug is 2 to 63 of a-z, 0-9 and -, and begins with a letter")]
    Grammar,
    /// The word has a meaning in URLs.
    #[error("this word is reserved and cannot be a slug")]
    Reserved,
}

const RESERVED: [&str; 7] = ["c", "p", "v1", "v2", "app", "api", "www"];

// === impl Slug ===

impl Slug {
    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Self, SlugError> {
        if RESERVED.contains(&text) {
            return Err(SlugError::Reserved);
        }
        let letters = text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        if letters && first && (2..=limit::SLUG_BYTES_MAX).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SlugError::Grammar)
        }
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_a_word_that_a_url_can_carry() {
        for good in ["ab", "demo", "a-1", &"a".repeat(63)] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "1a",
            "-a",
            "Ab",
            "a_b",
            "a.b",
            "ä",
            "a b",
            &"a".repeat(64),
        ] {
            assert_eq!(bad.parse::<Slug>(), Err(SlugError::Grammar), "{bad}");
        }
        for reserved in ["v1", "v2", "app", "api", "www"] {
            assert_eq!(
                reserved.parse::<Slug>(),
                Err(SlugError::Reserved),
                "{reserved}"
            );
        }
    }
}
