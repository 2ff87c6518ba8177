//! A person: a user as others see them.

use super::user::User;

/// The names of a user, of which others see the first that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// What the user, or their backend, chose to show.
    pub display_name: Option<String>,
    /// The user's name, unique in the application.
    pub name: Option<String>,
    /// Whether this is a visitor.
    pub anonymous: bool,
}

/// A user as others see them. Who has sent many events is read once and shared
/// by all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The names; of a backend that writes, the name of its API key.
    pub names: Names,
    /// Where a picture of the user is.
    pub image_url: Option<String>,
    /// What the application keeps with the user, the text of a JSON object.
    pub custom_data: Option<String>,
}

// === impl Names ===

impl Names {
    /// What others see: the display name, else the name, else nothing that
    /// would give an identifier away.
    #[must_use]
    pub fn shown(&self) -> &str {
        shown_name(
            self.display_name.as_deref(),
            self.name.as_deref(),
            self.anonymous,
        )
    }
}

// === impl Person ===

impl Person {
    /// How a user is seen.
    #[must_use]
    pub fn of(user: &User) -> Self {
        Self {
            names: Names {
                display_name: user.display_name.clone(),
                name: user.name.as_ref().map(|name| name.as_str().to_owned()),
                anonymous: user.anonymous,
            },
            image_url: user.image_url.clone(),
            custom_data: user.custom_data.clone(),
        }
    }

    /// A backend that writes, by what its API key is called.
    #[must_use]
    pub fn backend(name: &str) -> Self {
        Self {
            names: Names {
                name: Some(name.to_owned()),
                ..Names::default()
            },
            ..Self::default()
        }
    }

    /// What its texts weigh, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let names = [&self.names.display_name, &self.names.name];
        let texts = names
            .into_iter()
            .chain([&self.image_url, &self.custom_data]);
        texts.flatten().map(String::len).sum()
    }
}

/// The first name that there is.
pub(super) fn shown_name<'a>(
    display_name: Option<&'a str>,
    name: Option<&'a str>,
    anonymous: bool,
) -> &'a str {
    let nameless = if anonymous { "visitor" } else { "user" };
    display_name.or(name).unwrap_or(nameless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_that_there_is_is_shown() {
        for (display_name, name, anonymous, expected) in [
            (Some("Jay Doe"), Some("jay"), false, "Jay Doe"),
            (Some("Jay Doe"), None, true, "Jay Doe"),
            (None, Some("jay"), false, "jay"),
            (None, None, false, "user"),
            (None, None, true, "visitor"),
        ] {
            let names = Names {
                display_name: display_name.map(str::to_owned),
                name: name.map(str::to_owned),
                anonymous,
            };
            assert_eq!(names.shown(), expected);
        }
    }

    #[test]
    fn a_person_weighs_what_its_texts_do() {
        let person = Person {
            names: Names {
                display_name: Some("abc".to_owned()),
                name: Some("de".to_owned()),
                anonymous: false,
            },
            image_url: None,
            custom_data: Some("{}".to_owned()),
        };
        assert_eq!(person.weight(), 7);
        assert_eq!(Person::default().weight(), 0);
    }
}
