//! Settings of an application: read, and changed by a merge patch.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::model::settings::{
    IdentityConflict, MergePolicy, PerDialect, Settings, UnknownUser,
};
use countersign_core::model::settings_patch::{Chosen, SettingsPatch};
use countersign_core::op;
use countersign_credential::acl::Acl;
use countersign_credential::json;
use countersign_wire::patch::Patch;
use countersign_wire::settings as wire;
use http::StatusCode;
use serde_json::value::RawValue;

use super::answer::Answer;
use super::bearer::Asker;
use super::body::Json;
use super::named::Named;
use super::problem::Problem;
use super::query::Query;

/// `GET /v1/applications/{id}/settings`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::Settings>, Problem> {
    query.only(&[])?;
    let asker = named.application(asker)?;
    let settings = op::settings::read_settings(&ctx, &asker).await?;
    Ok(Answer(StatusCode::OK, shown(&settings)?))
}

/// `PATCH /v1/applications/{id}/settings`
pub(super) async fn update(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
    Json(request): Json<wire::SettingsPatch>,
) -> Result<Answer<wire::Settings>, Problem> {
    query.only(&[])?;
    let asker = named.application(asker)?;
    let patch = patch(request)?;
    let settings = op::settings::change_settings(&ctx, &asker, patch).await?;
    Ok(Answer(StatusCode::OK, shown(&settings)?))
}

/// Settings on the wire.
pub(super) fn shown(settings: &Settings) -> Result<wire::Settings, Error> {
    let acl = settings.default_acl.to_json_text();
    Ok(wire::Settings {
        managed_users: settings.managed_users,
        unknown_user: each(settings.unknown_user, unknown_user_shown),
        one_time: each(settings.one_time, |flag| flag),
        merge: merge_shown(settings.merge),
        identity_conflict: identity_conflict_shown(settings.identity_conflict),
        leeway_s: settings.leeway_s,
        access_s: settings.access_s,
        idle_days: settings.idle_days,
        absolute_days: settings.absolute_days,
        sessions_max: settings.sessions_max,
        anonymous_days: settings.anonymous_days,
        allowed_origins: settings.allowed_origins.clone(),
        default_acl: RawValue::from_string(acl).map_err(Error::internal)?,
        kustomer_keep_token: settings.kustomer_keep_token,
    })
}

// === helpers ===

fn patch(request: wire::SettingsPatch) -> Result<SettingsPatch, Error> {
    let acl = match request.default_acl.into_change() {
        Some(Some(acl)) => Some(Some(read_acl(acl.get())?)),
        Some(None) => Some(None),
        None => None,
    };
    Ok(SettingsPatch {
        managed_users: request.managed_users.into_change(),
        unknown_user: each_chosen(request.unknown_user, unknown_user),
        one_time: each_chosen(request.one_time, |flag| flag),
        merge: chosen(request.merge, merge),
        identity_conflict: chosen(request.identity_conflict, identity_conflict),
        leeway_s: request.leeway_s.into_change(),
        access_s: request.access_s.into_change(),
        idle_days: request.idle_days.into_change(),
        absolute_days: request.absolute_days.into_change(),
        sessions_max: request.sessions_max.into_change(),
        anonymous_days: request.anonymous_days.into_change(),
        allowed_origins: request.allowed_origins.into_change(),
        default_acl: acl,
        kustomer_keep_token: request.kustomer_keep_token.into_change(),
    })
}

fn chosen<T, U>(patch: Patch<T>, read: impl Fn(T) -> U) -> Chosen<U> {
    patch.into_change().map(|value| value.map(read))
}

/// A null for all dialects resets each of them.
fn each_chosen<T, U: Copy>(
    patch: Patch<wire::PerDialectPatch<T>>,
    read: impl Fn(T) -> U,
) -> PerDialect<Chosen<U>> {
    let one = |patch| chosen(patch, &read);
    match patch {
        Patch::Absent => PerDialect {
            nexmo: None,
            kustomer: None,
            sinch: None,
            native: None,
        },
        Patch::Null => PerDialect {
            nexmo: Some(None),
            kustomer: Some(None),
            sinch: Some(None),
            native: Some(None),
        },
        Patch::Value(patch) => PerDialect {
            nexmo: one(patch.nexmo),
            kustomer: one(patch.kustomer),
            sinch: one(patch.sinch),
            native: one(patch.native),
        },
    }
}

fn each<T: Copy, U>(value: PerDialect<T>, show: impl Fn(T) -> U) -> wire::PerDialect<U> {
    wire::PerDialect {
        nexmo: show(value.nexmo),
        kustomer: show(value.kustomer),
        sinch: show(value.sinch),
        native: show(value.native),
    }
}

macro_rules! both_ways {
    ($read:ident, $show:ident, $name:ident: $($variant:ident),*) => {
        fn $read(value: wire::$name) -> $name {
            match value {
                $(wire::$name::$variant => $name::$variant,)*
            }
        }

        fn $show(value: $name) -> wire::$name {
            match value {
                $($name::$variant => wire::$name::$variant,)*
            }
        }
    };
}

both_ways!(unknown_user, unknown_user_shown, UnknownUser: Refuse, Create);
both_ways!(merge, merge_shown, MergePolicy: Merge, KeepSeparate, Discard);
both_ways!(identity_conflict, identity_conflict_shown, IdentityConflict: Email, Reject);

fn read_acl(text: &str) -> Result<Acl, Error> {
    let wrong = |why: String| Error::new(Code::BadRequest, format!("default_acl is no ACL: {why}"));
    let value = json::read(text.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    Acl::from_json(&value).map_err(|error| wrong(error.to_string()))
}
