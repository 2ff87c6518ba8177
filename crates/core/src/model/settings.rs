//! Settings of an application, with the defaults that hold where it says nothing.

use countersign_credential::acl::Acl;
use countersign_credential::dialect::Dialect;

/// How an application wants to be served.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Whether users may sign up and sign in with a name and a password.
    pub managed_users: bool,
    /// What a valid credential of an unknown user does, by dialect.
    pub unknown_user: PerDialect<UnknownUser>,
    /// Whether a credential opens one session only, by dialect.
    pub one_time: PerDialect<bool>,
    /// What becomes of an anonymous visitor's conversations at the login.
    pub merge: MergePolicy,
    /// What happens when e-mail and external id name two different users.
    pub identity_conflict: IdentityConflict,
    /// How far ahead of our clock a credential's times may be, in seconds.
    pub leeway_s: u32,
    /// How long an access token lives, in seconds.
    pub access_s: u32,
    /// A session that was not refreshed for so many days has ended.
    pub idle_days: u32,
    /// A session ends so many days after its opening, whatever happens.
    pub absolute_days: u32,
    /// How many sessions a user has at most; the oldest ends.
    pub sessions_max: u32,
    /// How many days an anonymous visitor's tokens live.
    pub anonymous_days: u32,
    /// Origins of web pages that may call the native API.
    pub allowed_origins: Vec<String>,
    /// What a user's credential without an ACL, and a visitor, may call.
    pub default_acl: Acl,
    /// Whether a kustomer login upgrades the tracking token in place.
    pub kustomer_keep_token: bool,
}

/// One value for each dialect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PerDialect<T> {
    /// For nexmo's.
    pub nexmo: T,
    /// For kustomer's.
    pub kustomer: T,
    /// For both of sinch's.
    pub sinch: T,
    /// For ours.
    pub native: T,
}

/// What a valid credential of an unknown user does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownUser {
    /// It is refused: the backend creates users beforehand.
    Refuse,
    /// It creates the user.
    Create,
}

/// What becomes of an anonymous visitor's conversations at the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergePolicy {
    /// They move to the user.
    Merge,
    /// The visitor stays their owner, and support alone reads them.
    KeepSeparate,
    /// They are deleted.
    Discard,
}

/// What happens when a credential's e-mail and external id name two users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityConflict {
    /// The e-mail wins, and the other user is not touched.
    Email,
    /// The login is refused.
    Reject,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            managed_users: false,
            unknown_user: PerDialect {
                nexmo: UnknownUser::Refuse,
                kustomer: UnknownUser::Create,
                sinch: UnknownUser::Create,
                native: UnknownUser::Create,
            },
            one_time: PerDialect {
                nexmo: false,
                kustomer: false,
                sinch: false,
                native: true,
            },
            merge: MergePolicy::Merge,
            identity_conflict: IdentityConflict::Email,
            leeway_s: 60,
            access_s: 600,
            idle_days: 30,
            absolute_days: 180,
            sessions_max: 50,
            anonymous_days: 30,
            allowed_origins: Vec::new(),
            default_acl: Acl::full_client_set(),
            kustomer_keep_token: false,
        }
    }
}

// === impl PerDialect ===

impl<T: Copy> PerDialect<T> {
    /// The value for this dialect.
    pub fn of(&self, dialect: Dialect) -> T {
        match dialect {
            Dialect::Nexmo => self.nexmo,
            Dialect::Kustomer => self.kustomer,
            Dialect::Sinch => self.sinch,
            Dialect::Native => self.native,
        }
    }
}
