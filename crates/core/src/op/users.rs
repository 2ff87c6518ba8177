//! Users: a backend keeps them; a user reads whom it talks with, and itself.

use countersign_credential::subject::{Email, ExternalId, UserName};
use countersign_credential::time::Timestamp;

use super::audit::entry;
use super::profile::check_profile;
use super::sessions::tombstone;
use crate::access::action::Action;
use crate::access::principal::{Principal, Who};
use crate::access::{Facts, authorize};
use crate::context::Ctx;
use crate::difference::Difference;
use crate::error::{Code, Error};
use crate::id::{ApplicationId, UserId};
use crate::model::audit::Details;
use crate::model::page::{Page, Window};
use crate::model::person::Person;
use crate::model::revocation::{Revocation, Target};
use crate::model::session::EndReason;
use crate::model::settings::Settings;
use crate::model::user::{Identifier, User, UserPatch};
use crate::ports::change::Change;
use crate::ports::fanout::Notice;
use crate::ports::store::UserFilter;

/// A user to be created.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    /// Unique in the application.
    pub name: Option<UserName>,
    /// Unique in the application.
    pub external_id: Option<ExternalId>,
    /// Unique in the application; the backend vouches for it.
    pub email: Option<Email>,
    /// What others see.
    pub display_name: Option<String>,
    /// Where a picture of the user is.
    pub image_url: Option<String>,
    /// What the application keeps with the user, the text of a JSON object.
    pub custom_data: Option<String>,
}

/// Creates a user.
///
/// # Errors
/// `bad_request` without any identifier; `conflict` where one is taken;
/// `too_large`.
pub async fn create_user(ctx: &Ctx, principal: &Principal, new: NewUser) -> Result<User, Error> {
    let permit = authorize(principal, &Action::CreateUser)?.outright()?;
    if new.name.is_none() && new.external_id.is_none() && new.email.is_none() {
        return Err(Error::new(
            Code::BadRequest,
            "a user needs a name, an external_id or an email, or nobody could log in as it",
        ));
    }
    check_profile(new.image_url.as_deref(), new.custom_data.as_deref())?;
    let now = ctx.now();
    let user = User {
        id: UserId::new(now, &*ctx.random),
        name: new.name,
        external_id: new.external_id,
        email: new.email,
        display_name: new.display_name,
        image_url: new.image_url,
        custom_data: new.custom_data,
        described: None,
        anonymous: false,
        blocked: false,
        created_at: now,
    };
    let mut changes = vec![Change::AddUser(user.clone())];
    changes.extend(told(ctx, principal, "user.create", user.id, profile(&user)));
    ctx.store.commit(&permit, changes).await?;
    Ok(user)
}

/// Reads a user.
///
/// # Errors
/// `not_found` where there is none, or who asks shares no conversation with it.
pub async fn read_user(ctx: &Ctx, principal: &Principal, id: UserId) -> Result<User, Error> {
    let conditional = authorize(principal, &Action::ReadUser(id))?;
    let application = conditional.application();
    let mut facts = Facts {
        own: principal.user() == Some(id),
        ..Facts::default()
    };
    if let (Some(asking), false) = (principal.user(), facts.own) {
        facts.shares = ctx
            .store
            .share_conversation(application, asking, id)
            .await?;
    }
    conditional.given(&facts)?;
    if let Who::Session { identity, .. } = &principal.who
        && identity.user == id
        && let Some(view) = ctx.checked_session(application, identity.session)
    {
        return Ok(view.user.clone());
    }
    let found = ctx.store.user(application, Identifier::Id(id)).await?;
    found.ok_or_else(|| Error::not_found("user"))
}

/// Who asks, as it came with their session.
async fn own_user(
    ctx: &Ctx,
    application: ApplicationId,
    principal: &Principal,
    id: UserId,
) -> Result<Option<User>, Error> {
    let Who::Session { identity, .. } = &principal.who else {
        return Ok(None);
    };
    if identity.user != id {
        return Ok(None);
    }
    let judge = ctx.judge_of(application).await?;
    let view = ctx.session(&judge, identity.session, ctx.now()).await?;
    Ok(view.map(|view| view.user.clone()))
}

/// How others see who asks, as a signal of theirs shows it.
pub(super) async fn own_person(
    ctx: &Ctx,
    application: ApplicationId,
    principal: &Principal,
    id: UserId,
) -> Result<Person, Error> {
    if let Some(user) = own_user(ctx, application, principal, id).await? {
        return Ok(Person::of(&user));
    }
    let found = ctx.store.user(application, Identifier::Id(id)).await?;
    let user = found.ok_or_else(|| Error::not_found("user"))?;
    Ok(Person::of(&user))
}

/// Lists identified users, or finds one by an identifier.
///
/// # Errors
/// Those of authorization and of the store.
pub async fn list_users(
    ctx: &Ctx,
    principal: &Principal,
    filter: UserFilter,
    window: Window,
) -> Result<Page<User>, Error> {
    let permit = authorize(principal, &Action::ListUsers)?.outright()?;
    Ok(ctx
        .store
        .users(permit.application(), filter, window)
        .await?)
}

/// Changes a user. A user changes what it shows; what identifies it, and
/// whether it is blocked, is its backend's. An identifier that is taken away is
/// revoked up to now, so that old credentials cannot enter who bears it next.
///
/// # Errors
/// `not_found`; `conflict` where an identifier is taken.
pub async fn update_user(
    ctx: &Ctx,
    principal: &Principal,
    id: UserId,
    patch: UserPatch,
) -> Result<User, Error> {
    check_profile(
        patch.image_url.as_ref().and_then(Option::as_deref),
        patch.custom_data.as_ref().and_then(Option::as_deref),
    )?;
    let shows_only = UserPatch {
        display_name: patch.display_name.clone(),
        image_url: patch.image_url.clone(),
        custom_data: patch.custom_data.clone(),
        ..UserPatch::default()
    };
    let action = if patch == shows_only {
        Action::UpdateUser(id)
    } else {
        Action::IdentifyUser(id)
    };
    let own = principal.user() == Some(id);
    let permit = authorize(principal, &action)?.given(&Facts {
        own,
        ..Facts::default()
    })?;
    let application = permit.application();
    let judge = ctx.judge_of(application).await?;
    let settings = &judge.application.settings;
    let now = ctx.now();
    let found = ctx.store.user(application, Identifier::Id(id)).await?;
    let before = found.ok_or_else(|| Error::not_found("user"))?;
    if before.anonymous && patch != shows_only {
        return Err(Error::new(
            Code::UserAnonymous,
            "a visitor is identified by logging in",
        ));
    }
    let mut revocations = given_up(application, &before, &patch, settings, now);
    let mut changes = vec![Change::ChangeUser(id, patch.clone())];
    let differing = difference(&before, &patch);
    if !differing.is_empty() {
        changes.extend(told(ctx, principal, "user.change", id, differing.details()));
    }
    if patch.blocked == Some(true) && !before.blocked {
        revocations.push(tombstone(Target::User(id), settings, now));
        changes.extend(shut_out(id, settings, now));
    }
    changes.extend(revocations.iter().cloned().map(Change::Revoke));
    let committed = ctx.store.commit(&permit, changes).await?;
    ctx.tally.committed(&committed);
    ctx.publish(Notice::User {
        application,
        user: id,
    });
    publish(ctx, application, revocations);
    let found = ctx.store.user(application, Identifier::Id(id)).await?;
    found.ok_or_else(|| Error::not_found("user"))
}

/// Deletes a user. Who comes back is a new one; the old credentials cannot
/// enter it.
///
/// # Errors
/// `not_found` where there is none.
pub async fn delete_user(ctx: &Ctx, principal: &Principal, id: UserId) -> Result<(), Error> {
    let permit = authorize(principal, &Action::DeleteUser(id))?.outright()?;
    let application = permit.application();
    let judge = ctx.judge_of(application).await?;
    let settings = &judge.application.settings;
    let now = ctx.now();
    let found = ctx.store.user(application, Identifier::Id(id)).await?;
    let before = found.ok_or_else(|| Error::not_found("user"))?;
    let (mut changes, revocations) = removal(application, &before, settings, now);
    let was = Details {
        before: profile(&before).after,
        ..Details::default()
    };
    changes.extend(told(ctx, principal, "user.delete", id, was));
    let committed = ctx.store.commit(&permit, changes).await?;
    ctx.tally.committed(&committed);
    ctx.publish(Notice::User {
        application,
        user: id,
    });
    publish(ctx, application, revocations);
    Ok(())
}

/// What takes a user away, and lets nobody in who could be taken for it; and
/// what every node has to hear of that.
pub(super) fn removal(
    application: ApplicationId,
    user: &User,
    settings: &Settings,
    now: Timestamp,
) -> (Vec<Change>, Vec<Revocation>) {
    let nothing = UserPatch {
        name: Some(None),
        external_id: Some(None),
        email: Some(None),
        ..UserPatch::default()
    };
    let mut revocations = given_up(application, user, &nothing, settings, now);
    revocations.push(tombstone(Target::User(user.id), settings, now));
    let mut changes = vec![Change::DeleteUser(user.id, now)];
    changes.extend(shut_out(user.id, settings, now));
    changes.extend(revocations.iter().cloned().map(Change::Revoke));
    (changes, revocations)
}

/// The entry that tells what a backend does to a user. What users do to what they
/// show of themselves is no act of administration.
fn told(
    ctx: &Ctx,
    principal: &Principal,
    action: &'static str,
    user: UserId,
    details: Details,
) -> Option<Change> {
    if principal.user().is_some() {
        return None;
    }
    let audit = entry(ctx, principal.actor(), action, &user, details);
    Some(Change::Audit(audit.about(user)))
}

/// A new user. Of what the application keeps with one, the log has the size.
fn profile(user: &User) -> Details {
    Difference::default()
        .made("name", user.name.as_ref().map(UserName::as_str))
        .made(
            "external_id",
            user.external_id.as_ref().map(ExternalId::as_str),
        )
        .made("email", user.email.as_ref().map(Email::as_str))
        .made("display_name", user.display_name.as_deref())
        .made("image_url", user.image_url.as_deref())
        .made("custom_data_bytes", bytes(user.custom_data.as_deref()))
        .made("blocked", user.blocked.then_some(true))
        .details()
}

/// What a patch changes.
fn difference(before: &User, patch: &UserPatch) -> Difference {
    let mut difference = Difference::default();
    if let Some(name) = &patch.name {
        let texts = [&before.name, name].map(|name| name.as_ref().map(UserName::as_str));
        difference = difference.member("name", texts[0], texts[1]);
    }
    if let Some(id) = &patch.external_id {
        let texts = [&before.external_id, id].map(|id| id.as_ref().map(ExternalId::as_str));
        difference = difference.member("external_id", texts[0], texts[1]);
    }
    if let Some(email) = &patch.email {
        let texts = [&before.email, email].map(|email| email.as_ref().map(Email::as_str));
        difference = difference.member("email", texts[0], texts[1]);
    }
    if let Some(name) = &patch.display_name {
        let old = before.display_name.as_deref();
        difference = difference.member("display_name", old, name.as_deref());
    }
    if let Some(url) = &patch.image_url {
        let old = before.image_url.as_deref();
        difference = difference.member("image_url", old, url.as_deref());
    }
    if let Some(data) = &patch.custom_data
        && *data != before.custom_data
    {
        let old = before.custom_data.as_deref();
        difference = difference.replaced("custom_data_bytes", bytes(old), bytes(data.as_deref()));
    }
    if let Some(blocked) = patch.blocked {
        difference = difference.member("blocked", before.blocked, blocked);
    }
    difference
}

fn bytes(text: Option<&str>) -> Option<u32> {
    text.map(|text| u32::try_from(text.len()).unwrap_or(u32::MAX))
}

/// The identifiers that a patch takes away from a user, as revocations.
fn given_up(
    application: ApplicationId,
    before: &User,
    patch: &UserPatch,
    settings: &Settings,
    now: Timestamp,
) -> Vec<Revocation> {
    let mut taken = Vec::new();
    if let (Some(old), Some(new)) = (&before.name, &patch.name)
        && new.as_ref() != Some(old)
    {
        taken.push(Identifier::Name(old.clone()));
    }
    if let (Some(old), Some(new)) = (&before.external_id, &patch.external_id)
        && new.as_ref() != Some(old)
    {
        taken.push(Identifier::ExternalId(old.clone()));
    }
    if let (Some(old), Some(new)) = (&before.email, &patch.email)
        && new.as_ref() != Some(old)
    {
        taken.push(Identifier::Email(old.clone()));
    }
    taken
        .iter()
        .map(|identifier| tombstone(Target::whoever(application, identifier), settings, now))
        .collect()
}

/// What ends every session of a user, and what a session's credential could
/// still open as a bearer.
fn shut_out(user: UserId, settings: &Settings, now: Timestamp) -> [Change; 2] {
    let forget_at = tombstone(Target::User(user), settings, now).forget_at;
    [
        Change::RevokeDigestsOf {
            user,
            opened_by: None,
            issued_after: now,
            at: now,
            forget_at,
        },
        Change::EndOtherSessions {
            user,
            keep: None,
            why: EndReason::Revoked,
            at: now,
        },
    ]
}

pub(super) fn publish(ctx: &Ctx, application: ApplicationId, revocations: Vec<Revocation>) {
    for revocation in revocations {
        ctx.publish(Notice::Revoked {
            application,
            revocation,
        });
    }
}
