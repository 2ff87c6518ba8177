//! Applications: operators create, change and delete them; who administers one
//! exports it.

use super::audit::entry;
use super::sessions::tombstone;
use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::{Principal, Role};
use crate::context::Ctx;
use crate::difference::Difference;
use crate::error::{Code, Error};
use crate::id::{ApiKeyId, ApplicationId};
use crate::limit;
use crate::model::application::{Application, ApplicationName, ApplicationPatch, Slug};
use crate::model::audit::Details;
use crate::model::page::{Page, Window};
use crate::model::revocation::Target;
use crate::model::settings::Settings;
use crate::ports::change::Change;
use crate::ports::fanout::Notice;

/// An application to be created.
#[derive(Debug, Clone)]
pub struct NewApplication {
    /// What people call it.
    pub name: String,
    /// Its slug; made from the id where it is absent.
    pub slug: Option<Slug>,
    /// A key that is written into shipped apps.
    pub alias: Option<String>,
    /// How it wants to be served.
    pub settings: Settings,
}

/// Creates an application, without any key.
///
/// # Errors
/// `not_permitted` for everybody but an operator; `conflict` where slug or
/// alias is taken.
pub async fn create_application(
    ctx: &Ctx,
    principal: &Principal,
    new: NewApplication,
) -> Result<Application, Error> {
    let now = ctx.now();
    let id = ApplicationId::new(now, &*ctx.random);
    // The right to create is judged in the application that comes to be.
    let operator = Principal {
        application: Some(id),
        ..principal.clone()
    };
    let permit = authorize(&operator, &Action::ManageApplication)?.outright()?;
    check_text("name", &new.name)?;
    if let Some(alias) = &new.alias {
        check_text("alias", alias)?;
    }
    let slug = match new.slug {
        Some(slug) => slug,
        None => format!("app-{}", &id.to_string()[24..])
            .parse()
            .map_err(Error::internal)?,
    };
    let application = Application {
        id,
        slug,
        name: new.name,
        created_at: now,
        alias: new.alias,
        settings: new.settings,
        keys: Vec::new(),
    };
    let made = Difference::default()
        .made("slug", application.slug.as_str())
        .made("name", &*application.name)
        .made("alias", application.alias.as_deref())
        .details();
    let audit = entry(ctx, principal.actor(), "application.create", &id, made);
    ctx.registry
        .add_application(&permit, application.clone(), audit)
        .await?;
    ctx.publish(Notice::Application(id));
    Ok(application)
}

/// Lists applications: an operator sees all, everybody else their own one.
///
/// # Errors
/// `not_permitted` for users.
pub async fn list_applications(
    ctx: &Ctx,
    principal: &Principal,
    window: Window,
) -> Result<Page<Application>, Error> {
    if principal.role() == Role::Operator && principal.application.is_none() {
        return Ok(ctx.registry.applications(window).await?);
    }
    let own = read_application(ctx, principal).await?;
    Ok(Page {
        items: vec![own],
        next: None,
    })
}

/// Reads the application that the asker is in.
///
/// # Errors
/// `not_permitted` for users; `not_found` where there is none.
pub async fn read_application(ctx: &Ctx, principal: &Principal) -> Result<Application, Error> {
    let permit = authorize(principal, &Action::ReadApplication)?.outright()?;
    find(ctx, permit.application()).await
}

/// Changes what an application is called.
///
/// # Errors
/// `not_permitted` for everybody but an operator; `conflict` where the alias is
/// taken.
pub async fn change_application(
    ctx: &Ctx,
    principal: &Principal,
    patch: ApplicationPatch,
) -> Result<Application, Error> {
    let permit = authorize(principal, &Action::ManageApplication)?.outright()?;
    let id = permit.application();
    if let Some(name) = &patch.name {
        check_text("name", name)?;
    }
    if let Some(Some(alias)) = &patch.alias {
        check_text("alias", alias)?;
    }
    if patch != ApplicationPatch::default() {
        let before = find(ctx, id).await?;
        let details = difference(&before, &patch).details();
        let audit = entry(ctx, principal.actor(), "application.change", &id, details);
        let changes = vec![Change::ChangeApplication(patch), Change::Audit(audit)];
        ctx.store.commit(&permit, changes).await?;
        ctx.publish(Notice::Application(id));
    }
    find(ctx, id).await
}

/// Deletes an application with everything that it owns, and ends its sessions.
///
/// # Errors
/// `not_permitted` for everybody but an operator; `not_found` where there is none.
pub async fn delete_application(ctx: &Ctx, principal: &Principal) -> Result<(), Error> {
    let permit = authorize(principal, &Action::ManageApplication)?.outright()?;
    let id = permit.application();
    let before = find(ctx, id).await?;
    let keys = api_keys_of(ctx, id).await?;
    let was = Difference::default()
        .gone("slug", before.slug.as_str())
        .gone("name", &*before.name)
        .gone("alias", before.alias.as_deref())
        .details();
    let audit = entry(ctx, principal.actor(), "application.delete", &id, was);
    ctx.registry.delete_application(&permit, audit).await?;
    // Nothing is left to be revoked; the notice ends what nodes remember.
    ctx.publish(Notice::Application(id));
    for key in keys {
        ctx.publish(Notice::ApiKey(key));
    }
    ctx.publish(Notice::Revoked {
        application: id,
        revocation: tombstone(Target::Application(id), &before.settings, ctx.now()),
    });
    Ok(())
}

/// An application with its keys, secrets included, for a copy elsewhere.
///
/// # Errors
/// `not_permitted` without an admin key.
pub async fn export_application(ctx: &Ctx, principal: &Principal) -> Result<Application, Error> {
    let permit = authorize(principal, &Action::ManageKeys)?.outright()?;
    let id = permit.application();
    let application = find(ctx, id).await?;
    let remark = Details::remark("with the secrets of its keys");
    let audit = entry(ctx, principal.actor(), "application.export", &id, remark);
    ctx.store
        .commit(&permit, vec![Change::Audit(audit)])
        .await?;
    Ok(application)
}

/// What a patch changes.
fn difference(before: &Application, patch: &ApplicationPatch) -> Difference {
    let mut difference = Difference::default();
    if let Some(name) = &patch.name {
        difference = difference.member("name", &*before.name, &**name);
    }
    if let Some(alias) = &patch.alias {
        difference = difference.member("alias", before.alias.as_deref(), alias.as_deref());
    }
    difference
}

/// The application as it is at this moment, past what the node remembers.
pub(super) async fn find(ctx: &Ctx, id: ApplicationId) -> Result<Application, Error> {
    let found = ctx.registry.application(ApplicationName::Id(id)).await?;
    found.ok_or_else(|| Error::not_found("application"))
}

/// The API keys of an application that are not revoked.
pub(super) async fn api_keys_of(ctx: &Ctx, id: ApplicationId) -> Result<Vec<ApiKeyId>, Error> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let window = Window {
            after,
            limit: limit::PAGE_MAX,
        };
        let page = ctx.registry.api_keys(Some(id), window).await?;
        keys.extend(page.items.into_iter().map(|key| key.id));
        after = page.next;
        if after.is_none() {
            return Ok(keys);
        }
    }
}

fn check_text(member: &str, text: &str) -> Result<(), Error> {
    let bytes_max = limit::NAME_BYTES_MAX;
    if text.is_empty() || text.len() > bytes_max || text.contains(char::is_control) {
        return Err(Error::new(
            Code::BadRequest,
            format!("{member} has 1 to {bytes_max} bytes and no control character"),
        ));
    }
    Ok(())
}
