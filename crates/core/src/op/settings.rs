//! Settings of an application: read, and changed member by member.

use countersign_credential::dialect::Dialect;
use countersign_credential::key::Kid;

use super::audit::entry;
use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::Principal;
use crate::context::Ctx;
use crate::difference::{Difference, Value};
use crate::error::{Code, Error};
use crate::id::ApplicationId;
use crate::limit;
use crate::model::audit::Details;
use crate::model::origin::Origin;
use crate::model::password::PASSWORD_KID;
use crate::model::session::EndReason;
use crate::model::settings::{IdentityConflict, MergePolicy, PerDialect, Settings, UnknownUser};
use crate::model::settings_patch::SettingsPatch;
use crate::ports::change::{Change, Expectation};
use crate::ports::fanout::Notice;
use crate::ports::store::CommitError;

/// An application's settings, the defaults filled in.
///
/// # Errors
/// `not_permitted` without an admin key.
pub async fn read_settings(ctx: &Ctx, principal: &Principal) -> Result<Settings, Error> {
    let permit = authorize(principal, &Action::ManageKeys)?.outright()?;
    let found = ctx.store.settings(permit.application()).await?;
    let (settings, _) = found.ok_or_else(|| Error::not_found("application"))?;
    Ok(settings)
}

/// Changes settings. They hold from the next request on.
///
/// # Errors
/// `not_permitted` without an admin key; `bad_request`, which names the member,
/// where a value is out of its range.
pub async fn change_settings(
    ctx: &Ctx,
    principal: &Principal,
    patch: SettingsPatch,
) -> Result<Settings, Error> {
    let permit = authorize(principal, &Action::ManageKeys)?.outright()?;
    let id = permit.application();
    for _ in 0..limit::PLANS_MAX {
        let found = ctx.store.settings(id).await?;
        let (before, version) = found.ok_or_else(|| Error::not_found("application"))?;
        let after = patch.clone().apply(before.clone());
        check(&after)?;
        if after == before {
            return Ok(after);
        }
        let details = difference(&before, &after).details();
        let audit = entry(ctx, principal.actor(), "settings.change", &id, details);
        let mut changes = vec![
            Change::ExpectSettings(version),
            Change::SetSettings(after.clone()),
            Change::Audit(audit),
        ];
        if before.managed_users && !after.managed_users {
            changes.extend(end_by_password(ctx, principal, &id)?);
        }
        match ctx.store.commit(&permit, changes).await {
            Ok(committed) => {
                ctx.tally.committed(&committed);
                ctx.publish(Notice::Application(id));
                return Ok(after);
            }
            // Somebody else changed another member: on top of theirs, again.
            Err(CommitError::Missed(Expectation::SettingsUnchanged)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(CommitError::Missed(Expectation::SettingsUnchanged).into())
}

/// Ends the sessions of users who signed in with a password, with the setting that
/// lets them. That they do not come back with it is why their rows end.
fn end_by_password(
    ctx: &Ctx,
    principal: &Principal,
    application: &ApplicationId,
) -> Result<[Change; 2], Error> {
    let why = Details::remark("managed_users was switched off");
    let action = "session.end_by_password";
    Ok([
        Change::EndSessionsByKey {
            kid: Kid::parse(PASSWORD_KID).map_err(Error::internal)?,
            why: EndReason::Revoked,
            at: ctx.now(),
        },
        Change::Audit(entry(ctx, principal.actor(), action, application, why)),
    ])
}

fn check(settings: &Settings) -> Result<(), Error> {
    let days = 1..=limit::SETTING_DAYS_MAX;
    let numbers = [
        (
            "leeway_s",
            settings.leeway_s,
            0..=limit::SETTING_LEEWAY_S_MAX,
        ),
        (
            "access_s",
            settings.access_s,
            limit::SETTING_ACCESS_S_MIN..=limit::SETTING_ACCESS_S_MAX,
        ),
        ("idle_days", settings.idle_days, days.clone()),
        ("absolute_days", settings.absolute_days, days.clone()),
        (
            "sessions_max",
            settings.sessions_max,
            1..=limit::SETTING_SESSIONS_MAX,
        ),
        ("anonymous_days", settings.anonymous_days, days),
    ];
    for (member, value, range) in numbers {
        if !range.contains(&value) {
            return Err(Error::new(
                Code::BadRequest,
                format!(
                    "{member} is a number from {} to {}",
                    range.start(),
                    range.end()
                ),
            ));
        }
    }
    let origins = &settings.allowed_origins;
    if origins.len() > limit::ALLOWED_ORIGINS_MAX {
        return Err(Error::new(
            Code::BadRequest,
            format!(
                "allowed_origins has at most {} entries",
                limit::ALLOWED_ORIGINS_MAX
            ),
        ));
    }
    if origins.iter().all(|origin| is_origin(origin)) {
        return Ok(());
    }
    Err(Error::new(
        Code::BadRequest,
        "allowed_origins has an entry that is no origin as browsers send it",
    )
    .hint("write https://chat.example or http://localhost:3000: no path, all in lower case"))
}

/// Whether a text is an origin in its one spelling, as browsers send it.
fn is_origin(text: &str) -> bool {
    Origin::parse(text).is_some_and(|origin| origin.as_str() == text)
}

/// The members that differ, as the API spells them.
fn difference(before: &Settings, after: &Settings) -> Difference {
    let told = |settings: &Settings| {
        [
            ("unknown_user", each(settings.unknown_user, unknown_user)),
            ("one_time", each(settings.one_time, |flag| flag.to_string())),
        ]
    };
    let mut difference =
        Difference::default().member("managed_users", before.managed_users, after.managed_users);
    for ((member, before), (_, after)) in told(before).into_iter().zip(told(after)) {
        difference = difference.member(member, before, after);
    }
    difference
        .member("merge", merge(before.merge), merge(after.merge))
        .member(
            "identity_conflict",
            identity_conflict(before.identity_conflict),
            identity_conflict(after.identity_conflict),
        )
        .member("leeway_s", before.leeway_s, after.leeway_s)
        .member("access_s", before.access_s, after.access_s)
        .member("idle_days", before.idle_days, after.idle_days)
        .member("absolute_days", before.absolute_days, after.absolute_days)
        .member("sessions_max", before.sessions_max, after.sessions_max)
        .member(
            "anonymous_days",
            before.anonymous_days,
            after.anonymous_days,
        )
        .member(
            "allowed_origins",
            &*before.allowed_origins,
            &*after.allowed_origins,
        )
        .member(
            "default_acl",
            Value::Json(before.default_acl.to_json_text()),
            Value::Json(after.default_acl.to_json_text()),
        )
        .member(
            "kustomer_keep_token",
            before.kustomer_keep_token,
            after.kustomer_keep_token,
        )
}

/// A value for each dialect, by what writes one as JSON.
fn each<T: Copy>(values: PerDialect<T>, write: impl Fn(T) -> String) -> Value<'static> {
    let members = Dialect::ALL
        .map(|dialect| format!("\"{}\":{}", dialect.as_str(), write(values.of(dialect))));
    Value::Json(format!("{{{}}}", members.join(",")))
}

fn unknown_user(policy: UnknownUser) -> String {
    match policy {
        UnknownUser::Refuse => "\"refuse\"".to_owned(),
        UnknownUser::Create => "\"create\"".to_owned(),
    }
}

fn merge(policy: MergePolicy) -> &'static str {
    match policy {
        MergePolicy::Merge => "merge",
        MergePolicy::KeepSeparate => "keep_separate",
        MergePolicy::Discard => "discard",
    }
}

fn identity_conflict(policy: IdentityConflict) -> &'static str {
    match policy {
        IdentityConflict::Email => "email",
        IdentityConflict::Reject => "reject",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for good in [
            "https://chat.example",
            "https://xn--bcher-kva.example:8443",
            "http://localhost:3000",
            "http://127.0.0.1",
            "http://[::1]:3000",
            "https://[2001:db8::1]",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "chat.example",
            "https://",
            "https://chat.example/",
            "https://Chat.example",
            "HTTPS://chat.example",
            "https://chat.example:443",
            "http://chat.example:80",
            "https://chat.example:0443",
            "https://chat.example:",
            "https://chat.example:99999",
            "https://user@chat.example",
            "https://chat.example?x",
            "ftp://chat.example",
            "http://[::1",
            "http://[0:0::1]",
            "http://[::1]3000",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }

    #[test]
    fn a_value_out_of_its_range_is_named() {
        let default = Settings::default();
        assert!(check(&default).is_ok());
        for (settings, member) in [
            (
                Settings {
                    leeway_s: 301,
                    ..default.clone()
                },
                "leeway_s",
            ),
            (
                Settings {
                    access_s: 9,
                    ..default.clone()
                },
                "access_s",
            ),
            (
                Settings {
                    access_s: 3_601,
                    ..default.clone()
                },
                "access_s",
            ),
            (
                Settings {
                    idle_days: 0,
                    ..default.clone()
                },
                "idle_days",
            ),
            (
                Settings {
                    absolute_days: 3_651,
                    ..default.clone()
                },
                "absolute_days",
            ),
            (
                Settings {
                    sessions_max: 0,
                    ..default.clone()
                },
                "sessions_max",
            ),
            (
                Settings {
                    anonymous_days: 0,
                    ..default.clone()
                },
                "anonymous_days",
            ),
        ] {
            let error = check(&settings).unwrap_err();
            assert!(error.detail.starts_with(member), "{error}");
            let told = difference(&default, &settings).details().after.unwrap();
            assert!(told.starts_with(&format!("{{\"{member}\":")), "{told}");
        }
    }
}
