//! What applications and keys allow that one should have meant: whoever gets in
//! by it is let in by the rules.

use std::collections::BTreeMap;

use countersign_core::limit::PAGE_MAX;
use countersign_core::model::api_key::ApiKey;
use countersign_core::model::application::{Application, ApplicationName};
use countersign_core::model::page::{Page, Window};
use countersign_core::model::settings::UnknownUser;
use countersign_core::op::signing_keys::is_weak;
use countersign_core::ports::store::{Registry as _, StoreError};
use countersign_credential::key::KeyState;
use countersign_credential::time::Timestamp;
use countersign_store::SqlStore;
use countersign_store::sqlite::snapshot::Snapshot;

use super::finding::Finding;
use crate::system::System;

const SETTINGS: &str = "settings";
const SIGNING_KEYS: &str = "signing keys";
const API_KEYS: &str = "API keys";

const DAY_S: i64 = 86_400;
/// A key that is older should have been rotated.
const KEY_DAYS_MAX: i64 = 365;
/// A key that was never used in so long is none that anybody needs.
const UNUSED_DAYS_MAX: i64 = 30;
/// How many are named where there are many of them.
const NAMED_MAX: usize = 5;

/// What is open somewhere, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Opening {
    ManagedUsers,
    NexmoCreates,
    NativeRepeats,
    PlainOrigin,
    WeakSecret,
    OldSigningKey,
    EndlessApiKey,
    UnusedApiKey,
}

/// Looks at every application, and at the operators' keys.
pub(super) async fn look(store: &SqlStore<Snapshot>, system: System, findings: &mut Vec<Finding>) {
    let mut open = BTreeMap::new();
    match read(store, system.now(), &mut open).await {
        Ok(()) if open.is_empty() => findings.push(Finding::ok(
            SETTINGS,
            "neither settings nor keys are more open than by default",
        )),
        Ok(()) => findings.extend(open.into_iter().map(finding)),
        Err(error) => findings.push(Finding::problem(
            SETTINGS,
            format!("the applications cannot be read: {error}"),
            "see that this user may read the database",
        )),
    }
}

type Open = BTreeMap<Opening, Vec<String>>;

async fn read(
    store: &SqlStore<Snapshot>,
    now: Timestamp,
    open: &mut Open,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page: Page<Application> = store.applications(window(after)).await?;
        for listed in page.items {
            // Without its keys; and it may be deleted by now.
            let name = ApplicationName::Id(listed.id);
            let Some(application) = store.application(name).await? else {
                continue;
            };
            of_application(&application, now, open);
            of_keys(store, Some(&application), now, open).await?;
        }
        after = page.next;
        if after.is_none() {
            return of_keys(store, None, now, open).await;
        }
    }
}

fn window(after: Option<Vec<u8>>) -> Window {
    Window {
        after,
        limit: PAGE_MAX,
    }
}

fn of_application(application: &Application, now: Timestamp, open: &mut Open) {
    let slug = application.slug.as_str();
    let settings = &application.settings;
    let mut note = |opening: Opening, what: String| open.entry(opening).or_default().push(what);
    if settings.managed_users {
        note(Opening::ManagedUsers, slug.to_owned());
    }
    if settings.unknown_user.nexmo == UnknownUser::Create {
        note(Opening::NexmoCreates, slug.to_owned());
    }
    if !settings.one_time.native {
        note(Opening::NativeRepeats, slug.to_owned());
    }
    for origin in &settings.allowed_origins {
        if !origin.starts_with("https://") {
            note(Opening::PlainOrigin, format!("{origin} of {slug}"));
        }
    }
    for key in &application.keys {
        let name = || format!("{} of {slug}", key.kid.as_str());
        if key.state != KeyState::Revoked && is_weak(key) {
            note(Opening::WeakSecret, name());
        }
        let old = key.created_at.plus_seconds(KEY_DAYS_MAX * DAY_S) < now;
        if key.state == KeyState::Current && old {
            note(Opening::OldSigningKey, name());
        }
    }
}

/// The API keys of an application, or of operators.
async fn of_keys(
    store: &SqlStore<Snapshot>,
    application: Option<&Application>,
    now: Timestamp,
    open: &mut Open,
) -> Result<(), StoreError> {
    let owner = application.map_or("operators", |application| application.slug.as_str());
    let mut after = None;
    loop {
        let id = application.map(|application| application.id);
        let page: Page<ApiKey> = store.api_keys(id, window(after)).await?;
        // One that is over opens nothing.
        let good = |key: &&ApiKey| key.expires_at.is_none_or(|end| now < end);
        for key in page.items.iter().filter(good) {
            let name = format!("{:?} of {owner}", key.name);
            // A publishable key is written into pages and apps, and is no secret.
            if key.expires_at.is_none() && !key.roles.is_publishable() {
                open.entry(Opening::EndlessApiKey)
                    .or_default()
                    .push(name.clone());
            }
            let old = key.created_at.plus_seconds(UNUSED_DAYS_MAX * DAY_S) < now;
            if key.last_used_at.is_none() && old {
                open.entry(Opening::UnusedApiKey).or_default().push(name);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

fn finding((opening, all): (Opening, Vec<String>)) -> Finding {
    let named = all.iter().take(NAMED_MAX).map(String::as_str);
    let mut names = named.collect::<Vec<_>>().join(", ");
    if all.len() > NAMED_MAX {
        names.push_str(&format!(" and {} more", all.len() - NAMED_MAX));
    }
    let (check, detail, remedy) = opening.words();
    Finding::warning(check, format!("{detail}: {names}"), remedy)
}

// === impl Opening ===

impl Opening {
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::ManagedUsers => (
                SETTINGS,
                "anybody may sign up with a name and a password (managed_users)",
                "set managed_users to false where a backend signs who its users are",
            ),
            Self::NexmoCreates => (
                SETTINGS,
                "a nexmo credential creates the user that it names (unknown_user.nexmo)",
                "set it to refuse, as Nexmo does, and create users by the API",
            ),
            Self::NativeRepeats => (
                SETTINGS,
                "a native credential opens any number of sessions (one_time.native)",
                "set it to true, and mint a credential for each login",
            ),
            Self::PlainOrigin => (
                SETTINGS,
                "pages that came over plain HTTP may call (allowed_origins)",
                "serve them over https, and remove these from allowed_origins",
            ),
            Self::WeakSecret => (
                SIGNING_KEYS,
                "their secrets are short enough to be guessed",
                "make another by key create, move the backend to it, and revoke these",
            ),
            Self::OldSigningKey => (
                SIGNING_KEYS,
                "they were not rotated for a year",
                "make another by key create, move the backend to it, and key rotate",
            ),
            Self::EndlessApiKey => (
                API_KEYS,
                "they never expire",
                "make others with --expires-in-days, move to them, and revoke these",
            ),
            Self::UnusedApiKey => (
                API_KEYS,
                "they are a month old, and were never used",
                "revoke them by api-key revoke",
            ),
        }
    }
}
