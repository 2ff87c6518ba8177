//! A change of settings, member by member: a merge patch in the domain's words.

use countersign_credential::acl::Acl;

use super::settings::{IdentityConflict, MergePolicy, PerDialect, Settings, UnknownUser};

/// What becomes of one setting: nothing (`None`), its default (`None` inside),
/// or a new value.
pub type Chosen<T> = Option<Option<T>>;

/// What becomes of each setting; see [`Settings`] for what they mean.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SettingsPatch {
    /// Of `managed_users`.
    pub managed_users: Chosen<bool>,
    /// Of `unknown_user`.
    pub unknown_user: PerDialect<Chosen<UnknownUser>>,
    /// Of `one_time`.
    pub one_time: PerDialect<Chosen<bool>>,
    /// Of `merge`.
    pub merge: Chosen<MergePolicy>,
    /// Of `identity_conflict`.
    pub identity_conflict: Chosen<IdentityConflict>,
    /// Of `leeway_s`.
    pub leeway_s: Chosen<u32>,
    /// Of `access_s`.
    pub access_s: Chosen<u32>,
    /// Of `idle_days`.
    pub idle_days: Chosen<u32>,
    /// Of `absolute_days`.
    pub absolute_days: Chosen<u32>,
    /// Of `sessions_max`.
    pub sessions_max: Chosen<u32>,
    /// Of `anonymous_days`.
    pub anonymous_days: Chosen<u32>,
    /// Of `allowed_origins`.
    pub allowed_origins: Chosen<Vec<String>>,
    /// Of `default_acl`.
    pub default_acl: Chosen<Acl>,
    /// Of `kustomer_keep_token`.
    pub kustomer_keep_token: Chosen<bool>,
}

// === impl SettingsPatch ===

impl SettingsPatch {
    /// The settings after the change.
    #[must_use]
    pub fn apply(self, now: Settings) -> Settings {
        let default = Settings::default();
        Settings {
            managed_users: one(self.managed_users, now.managed_users, default.managed_users),
            unknown_user: each(self.unknown_user, now.unknown_user, default.unknown_user),
            one_time: each(self.one_time, now.one_time, default.one_time),
            merge: one(self.merge, now.merge, default.merge),
            identity_conflict: one(
                self.identity_conflict,
                now.identity_conflict,
                default.identity_conflict,
            ),
            leeway_s: one(self.leeway_s, now.leeway_s, default.leeway_s),
            access_s: one(self.access_s, now.access_s, default.access_s),
            idle_days: one(self.idle_days, now.idle_days, default.idle_days),
            absolute_days: one(self.absolute_days, now.absolute_days, default.absolute_days),
            sessions_max: one(self.sessions_max, now.sessions_max, default.sessions_max),
            anonymous_days: one(
                self.anonymous_days,
                now.anonymous_days,
                default.anonymous_days,
            ),
            allowed_origins: one(
                self.allowed_origins,
                now.allowed_origins,
                default.allowed_origins,
            ),
            default_acl: one(self.default_acl, now.default_acl, default.default_acl),
            kustomer_keep_token: one(
                self.kustomer_keep_token,
                now.kustomer_keep_token,
                default.kustomer_keep_token,
            ),
        }
    }
}

fn one<T>(chosen: Chosen<T>, now: T, default: T) -> T {
    match chosen {
        None => now,
        Some(value) => value.unwrap_or(default),
    }
}

fn each<T: Copy>(
    chosen: PerDialect<Chosen<T>>,
    now: PerDialect<T>,
    default: PerDialect<T>,
) -> PerDialect<T> {
    PerDialect {
        nexmo: one(chosen.nexmo, now.nexmo, default.nexmo),
        kustomer: one(chosen.kustomer, now.kustomer, default.kustomer),
        sinch: one(chosen.sinch, now.sinch, default.sinch),
        native: one(chosen.native, now.native, default.native),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_stays_is_reset_or_gets_a_value() {
        let chosen = Settings {
            leeway_s: 1,
            access_s: 20,
            sessions_max: 3,
            ..Settings::default()
        };
        let patch = SettingsPatch {
            access_s: Some(None),
            sessions_max: Some(Some(4)),
            one_time: PerDialect {
                nexmo: Some(Some(true)),
                ..PerDialect::default()
            },
            ..SettingsPatch::default()
        };
        let after = patch.apply(chosen);
        assert_eq!(
            (after.leeway_s, after.access_s, after.sessions_max),
            (1, 600, 4)
        );
        assert!(after.one_time.nexmo && after.one_time.native);
        assert_eq!(SettingsPatch::default().apply(after.clone()), after);
    }
}
