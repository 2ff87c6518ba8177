//! Who asks, after the credential was judged and before the right is.

use countersign_credential::acl::Acl;

use crate::id::{ApiKeyId, ApplicationId, UserId};
use crate::model::audit::Actor;
use crate::model::event::{Assurance, Author};
use crate::model::session::SessionIdentity;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The application in which they ask; an operator may name none.
    pub application: Option<ApplicationId>,
    /// Who they are.
    pub who: Who,
    /// What their credential may call; `None` is everything that the role may.
    pub acl: Option<Acl>,
    /// What the request tells beside the action's own path, where the ACL has
    /// filters: its query, and its body's top-level members. `None` is a value
    /// that is no text.
    pub parameters: Vec<(String, Option<String>)>,
}

/// Who somebody is.
#[derive(Debug, Clone)]
pub enum Who {
    /// A client that has no session yet.
    Client {
        /// The publishable key that it presents, if any: a credential that
        /// names its application needs none.
        api_key: Option<ApiKeyId>,
    },
    /// A visitor or user, by their session.
    Session {
        /// The session.
        identity: SessionIdentity,
        /// How well the user is known.
        assurance: Assurance,
    },
    /// A user by the credential that names them, where that is a bearer itself:
    /// a session may stand beside it, and it is judged without one.
    Bearer {
        /// The user.
        user: UserId,
    },
    /// A backend.
    Backend {
        /// Its API key; a backend with a signed token has none.
        api_key: Option<ApiKeyId>,
        /// Whether it may also manage keys and settings.
        admin: bool,
    },
    /// An operator.
    Operator {
        /// The operator's key.
        api_key: ApiKeyId,
    },
}

/// What somebody may do at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Log in, or become a visitor.
    Client,
    /// A visitor's own conversations.
    Visitor,
    /// A user's own.
    User,
    /// Everything of the application but keys and settings.
    Backend,
    /// Everything of the application.
    Admin,
    /// Every application.
    Operator,
}

// === impl Principal ===

impl Principal {
    /// The role.
    #[must_use]
    pub fn role(&self) -> Role {
        match &self.who {
            Who::Client { .. } => Role::Client,
            Who::Session { identity, .. } if identity.anonymous => Role::Visitor,
            Who::Session { .. } | Who::Bearer { .. } => Role::User,
            Who::Backend { admin: false, .. } => Role::Backend,
            Who::Backend { admin: true, .. } => Role::Admin,
            Who::Operator { .. } => Role::Operator,
        }
    }

    /// The user or visitor who asks, if it is one.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        match &self.who {
            Who::Session { identity, .. } => Some(identity.user),
            Who::Bearer { user } => Some(*user),
            Who::Client { .. } | Who::Backend { .. } | Who::Operator { .. } => None,
        }
    }

    /// The session through which a user or visitor asks.
    #[must_use]
    pub fn session(&self) -> Option<&SessionIdentity> {
        match &self.who {
            Who::Session { identity, .. } => Some(identity),
            Who::Client { .. }
            | Who::Bearer { .. }
            | Who::Backend { .. }
            | Who::Operator { .. } => None,
        }
    }

    /// As the audit log names them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match &self.who {
            Who::Client { .. } => Actor::Client,
            Who::Session { identity, .. } => Actor::User(identity.user),
            Who::Bearer { user } => Actor::User(*user),
            Who::Backend {
                api_key: Some(id), ..
            }
            | Who::Operator { api_key: id } => Actor::ApiKey(*id),
            Who::Backend { api_key: None, .. } => Actor::Backend,
        }
    }

    /// As the author of what they write.
    #[must_use]
    pub fn author(&self) -> Author {
        match &self.who {
            Who::Session { identity, .. } => Author::User(identity.user),
            Who::Bearer { user } => Author::User(*user),
            Who::Backend { api_key, .. } | Who::Client { api_key } => {
                api_key.map_or(Author::Backend, Author::ApiKey)
            }
            Who::Operator { api_key } => Author::ApiKey(*api_key),
        }
    }

    /// How well they are known.
    #[must_use]
    pub fn assurance(&self) -> Assurance {
        match &self.who {
            Who::Session { assurance, .. } => *assurance,
            Who::Client { .. } => Assurance::Anonymous,
            Who::Bearer { .. } | Who::Backend { .. } | Who::Operator { .. } => Assurance::Verified,
        }
    }
}

// === impl Role ===

impl Role {
    /// The role in a sentence.
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Self::Client => "a publishable key",
            Self::Visitor => "a visitor",
            Self::User => "a user",
            Self::Backend => "this key",
            Self::Admin => "an admin key",
            Self::Operator => "an operator",
        }
    }
}
