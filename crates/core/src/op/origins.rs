//! Web pages of other origins: which may call, and which may read an answer.
//!
//! An application says by its setting `allowed_origins` whose pages may call
//! it, and no other page's call does anything. Before a call a browser asks in
//! general, without saying for which application (the preflight of the Fetch
//! standard): then an origin counts that any application allows.

use std::collections::HashSet;

use crate::access::principal::Principal;
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::limit;
use crate::model::application::ApplicationName;
use crate::model::origin::{ForeignPage, Origin};
use crate::model::page::Window;
use crate::model::settings::Settings;
use crate::ports::store::{Registry, StoreError};
use crate::token::TokenKind;

/// Whether any application allows pages of this origin. Where the store does
/// not tell, none does.
pub async fn is_allowed_anywhere(ctx: &Ctx, origin: &Origin) -> bool {
    ctx.allowed_origins().await.contains(origin.as_str())
}

/// Checks that the application of who asks lets the page call it.
///
/// # Errors
/// `not_permitted`, for an operator key that names no application, too: no
/// setting lets a page act in all of them.
pub async fn check_page(ctx: &Ctx, principal: &Principal, page: &ForeignPage) -> Result<(), Error> {
    let Some(application) = principal.application else {
        return Err(Error::new(
            Code::NotPermitted,
            "pages of other origins may call one application alone, and this request names none",
        )
        .hint(
            "add ?application_id=…, of an application whose setting allowed_origins has the page",
        ));
    };
    match ctx.judge(ApplicationName::Id(application)).await? {
        Some(judge) => check(&judge.application.settings, page),
        None => Err(refused(page)),
    }
}

/// Checks that the application of a refresh token lets the page call it.
///
/// # Errors
/// `not_permitted`; `malformed_token` for what is no refresh token of ours.
pub async fn check_page_of_refresh(
    ctx: &Ctx,
    refresh_token: &str,
    page: &ForeignPage,
) -> Result<(), Error> {
    let token = ctx.tokens.read(TokenKind::Refresh, refresh_token)?;
    match ctx.judge(ApplicationName::Id(token.application)).await? {
        Some(judge) => check(&judge.application.settings, page),
        // The session ended with its application, and the refresh tells so.
        None => Ok(()),
    }
}

/// Checks that an application with these settings lets the page call it.
pub(super) fn check(settings: &Settings, page: &ForeignPage) -> Result<(), Error> {
    let allowed = match page {
        ForeignPage::Of(origin) => settings
            .allowed_origins
            .iter()
            .any(|allowed| allowed == origin.as_str()),
        ForeignPage::Nameless => false,
    };
    if allowed { Ok(()) } else { Err(refused(page)) }
}

fn refused(page: &ForeignPage) -> Error {
    let error = Error::new(
        Code::NotPermitted,
        "pages of this origin may not call this application",
    );
    match page {
        ForeignPage::Of(origin) => error.hint(format!(
            "add {} to the application's setting allowed_origins",
            origin.as_str()
        )),
        ForeignPage::Nameless => error.hint(
            "serve the page from an origin that browsers name, and add that to the application's \
             setting allowed_origins",
        ),
    }
}

/// The origins that any application allows, page by page.
pub(crate) async fn read_all(registry: &dyn Registry) -> Result<HashSet<String>, StoreError> {
    let mut origins = HashSet::new();
    let mut after = None;
    loop {
        let window = Window {
            after,
            limit: limit::PAGE_MAX,
        };
        let page = registry.applications(window).await?;
        let allowed = page.items.into_iter().map(|it| it.settings.allowed_origins);
        origins.extend(allowed.flatten());
        if origins.len() > limit::CACHED_ORIGINS_MAX {
            tracing::warn!(
                max = limit::CACHED_ORIGINS_MAX,
                "there are more allowed origins than are remembered; pages of some get no answer"
            );
            return Ok(origins
                .into_iter()
                .take(limit::CACHED_ORIGINS_MAX)
                .collect());
        }
        if page.next.is_none() {
            return Ok(origins);
        }
        after = page.next;
    }
}
