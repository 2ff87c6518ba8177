//! The three ways in which a credential names its user, each with the rules that make two different
//! texts two different users.
//!
//! Nothing is repaired: a value that breaks a rule is refused, never trimmed, cut or normalised,
//! because a user whose name was repaired can be another user. The one exception is the e-mail
//! address, whose mailbox has many spellings; its stored form is the one that is compared.
//!
//! Errors say what is wrong and never repeat the value. A character is named by its code point.

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use thiserror::Error;
use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_normalization::is_nfc;

use crate::json;

/// The most bytes of a [`UserName`].
pub const USER_NAME_BYTES_MAX: usize = 255;

/// The most bytes of an [`ExternalId`].
pub const EXTERNAL_ID_BYTES_MAX: usize = 255;

/// The most bytes of an [`Email`], both as it is given and as it is stored: what a path of SMTP can
/// hold (RFC 5321, section 4.5.3.1.3, without the angle brackets).
pub const EMAIL_BYTES_MAX: usize = 254;

/// A user's name: the `sub` of a nexmo credential, and sinch's user id. Compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

/// The id that an application's own system gave to a user: the `sub` of a native credential, and
/// kustomer's `externalId`. Compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalId(String);

/// An e-mail address in the form in which it is stored and compared: ASCII in lower case, the
/// domain in its A-label form (RFC 5890, section 2.3.2.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

/// Why a text is no identifier of any sort.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TextError {
    /// It has no character.
    #[error("is empty")]
    Empty,
    /// It has too many bytes; an e-mail address perhaps only once its domain is in A-labels.
    #[error("has {bytes} bytes; at most {bytes_max} are allowed")]
    TooLong {
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        bytes_max: usize,
    },
    /// White space stands at its beginning or end.
    #[error("begins or ends with white space")]
    OuterWhiteSpace,
}

/// Why a text is no [`UserName`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// It breaks a rule of every identifier.
    #[error("the user name {0}")]
    Text(TextError),
    /// A character is of a general category that cannot be seen, or that means nothing yet.
    #[error(
        "the user name contains U+{code_point:04X}, {category}; \
         control, format, private-use and unassigned characters are not allowed"
    )]
    Character {
        /// The first such character.
        code_point: u32,
        /// What it is, with its article.
        category: &'static str,
    },
    /// It is not in Unicode's normalization form C.
    #[error("the user name is not in Unicode normalization form C (NFC)")]
    NotNormalized,
    /// It is a word that stands for a user where a name can stand.
    #[error("the user name is \"{name}\", which stands for the caller in paths")]
    Reserved {
        /// That word.
        name: &'static str,
    },
    /// It looks like one of our ids.
    #[error("the user name begins with \"{prefix}\", as only ids do")]
    IdPrefix {
        /// The ids' prefix.
        prefix: &'static str,
    },
}

/// Why a value is no [`ExternalId`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExternalIdError {
    /// It breaks a rule of every identifier.
    #[error("the external id {0}")]
    Text(TextError),
    /// It contains a control character.
    #[error("the external id contains the control character U+{code_point:04X}")]
    Control {
        /// The first such character.
        code_point: u32,
    },
    /// It is a JSON value of another kind.
    #[error("the external id must be a string or an integer, found {kind}")]
    Kind {
        /// The JSON kind that was found.
        kind: &'static str,
    },
    /// It is a JSON number with a fraction or an exponent, whose text depends on who wrote it.
    #[error("the external id is a number with a fraction or an exponent; send it as a string")]
    NotAnInteger,
    /// It is the JSON number `-0`, which many writers make of 0.
    #[error("the external id is the number -0; send it as a string")]
    NegativeZero,
}

/// Why a text is no [`Email`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EmailError {
    /// It breaks a rule of every identifier.
    #[error("the e-mail address {0}")]
    Text(TextError),
    /// There is not exactly one `@`.
    #[error("the e-mail address has {count} \"@\"; it must have exactly one")]
    At {
        /// How many there are.
        count: usize,
    },
    /// Nothing stands before the `@`.
    #[error("the e-mail address has nothing before its \"@\"")]
    NoLocalPart,
    /// The part before the `@` begins or ends with a dot, or has two in a row.
    #[error("the e-mail address has a dot at an edge of the part before \"@\", or two in a row")]
    LocalPartDots,
    /// A character before the `@` is not of a dot-atom (RFC 5322, section 3.2.3): a quote, a
    /// bracket, a space, or anything outside ASCII.
    #[error(
        "the e-mail address contains U+{code_point:04X} before its \"@\", which is not allowed"
    )]
    LocalPartCharacter {
        /// The first such character.
        code_point: u32,
    },
    /// The domain is a single label.
    #[error("the e-mail address has a domain without a dot")]
    DomainWithoutDot,
    /// The domain ends with a dot.
    #[error("the e-mail address has a domain that ends with a dot")]
    DomainTrailingDot,
    /// The domain is no host name: an empty or too long label, a character that host names do not
    /// have, or a label that Unicode Technical Standard 46 refuses.
    #[error("the e-mail address has a domain that is not a valid host name")]
    Domain,
}

/// The path segment that stands for the caller.
const RESERVED_NAME: &str = "me";

/// What the text forms of our ids begin with.
const ID_PREFIXES: [&str; 6] = ["USR-", "CON-", "MEM-", "SES-", "DEV-", "KEY-"];

const FORBIDDEN_IN_NAMES: [(GeneralCategory, &str); 5] = [
    (GeneralCategory::Control, "a control character"),
    (GeneralCategory::Format, "a format character"),
    (GeneralCategory::PrivateUse, "a private-use character"),
    (GeneralCategory::Unassigned, "an unassigned character"),
    (GeneralCategory::Surrogate, "a surrogate"),
];

// === impl UserName ===

impl UserName {
    /// A name of 1 to [`USER_NAME_BYTES_MAX`] bytes in normalization form C, without outer white
    /// space, without control, format, private-use and unassigned characters.
    ///
    /// `me` and the prefixes of our ids are refused exactly as written: paths and ids are compared
    /// exactly too, so that `Me` or `key-account` can be taken for neither, and both are names that
    /// users have.
    ///
    /// # Errors
    ///
    /// The first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_text(text, USER_NAME_BYTES_MAX).map_err(NameError::Text)?;
        for character in text.chars() {
            let found = get_general_category(character);
            let forbidden = FORBIDDEN_IN_NAMES.iter().find(|entry| entry.0 == found);
            if let Some(&(_, category)) = forbidden {
                return Err(NameError::Character {
                    code_point: character.into(),
                    category,
                });
            }
        }
        if !is_nfc(text) {
            return Err(NameError::NotNormalized);
        }
        if text == RESERVED_NAME {
            return Err(NameError::Reserved {
                name: RESERVED_NAME,
            });
        }
        match ID_PREFIXES.iter().find(|prefix| text.starts_with(**prefix)) {
            Some(prefix) => Err(NameError::IdPrefix { prefix }),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

// === impl ExternalId ===

impl ExternalId {
    /// An id of 1 to [`EXTERNAL_ID_BYTES_MAX`] bytes without control characters or outer white
    /// space.
    ///
    /// # Errors
    ///
    /// The first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, ExternalIdError> {
        check_text(text, EXTERNAL_ID_BYTES_MAX).map_err(ExternalIdError::Text)?;
        match text.chars().find(|character| character.is_control()) {
            Some(control) => Err(ExternalIdError::Control {
                code_point: control.into(),
            }),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// An id out of a claim: a string, or an integer, which counts as its decimal text, so that a
    /// backend whose ids are numbers names one user by both.
    ///
    /// # Errors
    ///
    /// A value of another kind, a number that has more than one usual text, or the first rule of
    /// [`ExternalId::parse`] that its text breaks.
    pub fn from_json(value: &json::Value<'_>) -> Result<Self, ExternalIdError> {
        match value {
            json::Value::String(text) => Self::parse(text),
            json::Value::Number(number) if !number.is_integer() => {
                Err(ExternalIdError::NotAnInteger)
            }
            json::Value::Number(number) if number.text() == "-0" => {
                Err(ExternalIdError::NegativeZero)
            }
            json::Value::Number(number) => Self::parse(number.text()),
            json::Value::Null
            | json::Value::Bool(_)
            | json::Value::Array(_)
            | json::Value::Object(_) => Err(ExternalIdError::Kind { kind: value.kind() }),
        }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExternalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

// === impl Email ===

impl Email {
    /// An address `dot-atom@domain` of at most [`EMAIL_BYTES_MAX`] bytes, with a dot in the domain
    /// and none at its end.
    ///
    /// The part before `@` is ASCII (RFC 5322, section 3.2.3). Beyond ASCII, lower case would make
    /// one mailbox of two: the Kelvin sign becomes a `k`.
    ///
    /// # Errors
    ///
    /// The first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        check_text(text, EMAIL_BYTES_MAX).map_err(EmailError::Text)?;
        let count = text.matches('@').count();
        let (local_part, domain) = match text.split_once('@') {
            Some(parts) if count == 1 => parts,
            Some(_) | None => return Err(EmailError::At { count }),
        };
        check_local_part(local_part)?;
        let domain = to_a_labels(domain)?;
        let stored = format!("{}@{domain}", local_part.to_ascii_lowercase());
        if stored.len() > EMAIL_BYTES_MAX {
            return Err(EmailError::Text(TextError::TooLong {
                bytes: stored.len(),
                bytes_max: EMAIL_BYTES_MAX,
            }));
        }
        Ok(Self(stored))
    }

    /// The address, as it is stored and compared.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The length comes first, so that nothing after it looks at more than that.
fn check_text(text: &str, bytes_max: usize) -> Result<(), TextError> {
    if text.is_empty() {
        Err(TextError::Empty)
    } else if text.len() > bytes_max {
        Err(TextError::TooLong {
            bytes: text.len(),
            bytes_max,
        })
    } else if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        Err(TextError::OuterWhiteSpace)
    } else {
        Ok(())
    }
}

fn check_local_part(local_part: &str) -> Result<(), EmailError> {
    if local_part.is_empty() {
        return Err(EmailError::NoLocalPart);
    }
    let is_dot_atom = |character: char| {
        character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(character)
    };
    if let Some(foreign) = local_part
        .chars()
        .find(|character| !is_dot_atom(*character))
    {
        return Err(EmailError::LocalPartCharacter {
            code_point: foreign.into(),
        });
    }
    if local_part.split('.').any(str::is_empty) {
        return Err(EmailError::LocalPartDots);
    }
    Ok(())
}

/// Dots are judged after the mapping, which makes them of other scripts' full stops too.
fn to_a_labels(domain: &str) -> Result<String, EmailError> {
    // Hyphens third and fourth in a label are allowed, as in real domains that are no A-labels.
    let domain = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::VerifyAllowRootDot,
        )
        .map_err(|_| EmailError::Domain)?;
    if domain.ends_with('.') {
        Err(EmailError::DomainTrailingDot)
    } else if !domain.contains('.') {
        Err(EmailError::DomainWithoutDot)
    } else {
        Ok(domain.into_owned())
    }
}
