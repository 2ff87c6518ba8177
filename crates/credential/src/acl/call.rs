//! The call that an ACL is asked about: an action of the API, in the words of the native door.
//!
//! Nothing here is a request. A socket command, a request at a vendor's door and a native request
//! that do the same thing make the same [`Call`], so that one ACL holds at every door.

use crate::json;

/// A method that an ACL can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates.
    Post,
    /// Replaces.
    Put,
    /// Changes in part.
    Patch,
    /// Removes.
    Delete,
}

/// One action that a client wants to do.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The action's method.
    pub method: Method,
    /// The action's path, not the request's: `/v1/conversations/CON-…/events`.
    ///
    /// It is canonical: it begins with `/`, and no segment is empty, `.` or `..` or contains `%`.
    /// A path that is not is permitted by no ACL.
    pub path: &'a str,
    /// Every parameter of the call, in any order, as often as each occurs: the path parameters
    /// `user_id`, `conversation_id`, `member_id` and `event_id` of the action, the query, and the
    /// members of the body's top level.
    ///
    /// Only filters read them: it may be empty where [`Acl::has_filters`](super::Acl::has_filters)
    /// is false. Where filters exist, a parameter that is left out can deny, never permit, unless
    /// it is one of several occurrences of a name.
    pub parameters: &'a [Parameter<'a>],
}

/// One occurrence of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The parameter's name.
    pub name: &'a str,
    /// Its text; `None` where it is of another kind, such as a number in a body. That is an
    /// occurrence too, and equals no filter's value.
    pub text: Option<&'a str>,
}

// === impl Method ===

impl Method {
    /// Every method, in the order in which they are written.
    pub const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The method's name, in upper case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// The method of this exact name: methods are case-sensitive (RFC 9110, section 9.1).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

// === impl Parameter ===

impl<'a> Parameter<'a> {
    /// A path or query parameter, which is always a text.
    #[must_use]
    pub fn from_text(name: &'a str, text: &'a str) -> Self {
        Self {
            name,
            text: Some(text),
        }
    }

    /// A member of a body's top level.
    #[must_use]
    pub fn from_json(name: &'a str, value: &'a json::Value<'_>) -> Self {
        Self {
            name,
            text: value.as_str(),
        }
    }
}
