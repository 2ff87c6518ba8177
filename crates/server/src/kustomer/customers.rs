//! Customers, as an organization's backends keep them.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::limit::NAME_BYTES_MAX;
use countersign_core::model::page::Window;
use countersign_core::model::user::{Identifier, User};
use countersign_core::op;
use countersign_core::op::users::NewUser;
use countersign_core::ports::store::UserFilter;
use countersign_credential::subject::{Email, ExternalId};
use http::StatusCode;
use serde::Deserialize;

use super::answer::{Answer, one};
use super::asked::{Backend, Json};
use super::customer::shown;
use super::failure::Refused;
use super::page::Wanted;
use crate::route::Parameters;

/// A customer to be created. Of addresses and ids that are verified there is one
/// each here, since each leads to one history.
#[derive(Debug, Deserialize)]
pub(super) struct NewCustomer {
    name: Option<String>,
    #[serde(default)]
    emails: Vec<NewEmail>,
    #[serde(rename = "externalId")]
    external_id: Option<String>,
    #[serde(rename = "externalIds", default)]
    external_ids: Vec<NewExternalId>,
}

#[derive(Debug, Deserialize)]
struct NewEmail {
    email: String,
}

#[derive(Debug, Deserialize)]
struct NewExternalId {
    #[serde(rename = "externalId")]
    external_id: String,
}

/// `POST /v1/customers`
pub(super) async fn create(
    State(ctx): State<Arc<Ctx>>,
    Backend(asker): Backend,
    Json(new): Json<NewCustomer>,
) -> Result<Answer, Refused> {
    let user = op::users::create_user(&ctx, &asker, new.user()?).await?;
    let Answer(_, body) = one(shown(&user));
    Ok(Answer(StatusCode::CREATED, body))
}

/// `GET /v1/customers`
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Backend(asker): Backend,
    wanted: Wanted,
) -> Result<Answer, Refused> {
    let filter = UserFilter::default();
    let page = op::users::list_users(&ctx, &asker, filter, wanted.window.clone()).await?;
    Ok(wanted.answer("/v1/customers", &page, shown))
}

/// `GET /v1/customers/{id}`, or `email=…`, or `externalId=…` in its place.
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Backend(asker): Backend,
    parameters: Parameters,
) -> Result<Answer, Refused> {
    let named = parameters.get("customer_id").unwrap_or_default();
    let missing = || Error::not_found("customer");
    let identifier = identifier(named).ok_or_else(missing)?;
    let filter = UserFilter {
        identifier: Some(identifier),
        ..UserFilter::default()
    };
    let window = Window {
        after: None,
        limit: 1,
    };
    let page = op::users::list_users(&ctx, &asker, filter, window).await?;
    let user: &User = page.items.first().ok_or_else(missing)?;
    Ok(one(shown(user)))
}

/// Nobody has an identifier that cannot be one.
fn identifier(named: &str) -> Option<Identifier> {
    if let Some(email) = named.strip_prefix("email=") {
        return Email::parse(email).ok().map(Identifier::Email);
    }
    if let Some(id) = named.strip_prefix("externalId=") {
        return ExternalId::parse(id).ok().map(Identifier::ExternalId);
    }
    named.parse().ok().map(Identifier::Id)
}

fn only<T>(name: &str, mut all: Vec<T>) -> Result<Option<T>, Error> {
    let last = all.pop();
    if all.is_empty() {
        return Ok(last);
    }
    let error = Error::new(
        Code::BadRequest,
        format!("{name}: a customer has one that is verified"),
    );
    Err(error.hint("what else it is called belongs into what it says of itself"))
}

// === impl NewCustomer ===

impl NewCustomer {
    fn user(self) -> Result<NewUser, Error> {
        let wrong = |detail: String| Error::new(Code::BadRequest, detail);
        let mut external_ids: Vec<String> = self
            .external_ids
            .into_iter()
            .map(|id| id.external_id)
            .collect();
        external_ids.extend(self.external_id);
        external_ids.dedup();
        let emails = self.emails.into_iter().map(|email| email.email).collect();
        let email = only("emails", emails)?
            .map(|email| Email::parse(&email))
            .transpose()
            .map_err(|error| wrong(format!("emails: {error}")))?;
        let external_id = only("externalIds", external_ids)?
            .map(|id| ExternalId::parse(&id))
            .transpose()
            .map_err(|error| wrong(format!("externalIds: {error}")))?;
        let fits = |name: &String| name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control);
        let name = self.name.filter(|name| !name.is_empty());
        if !name.as_ref().is_none_or(fits) {
            let detail =
                format!("name has at most {NAME_BYTES_MAX} bytes and no control character");
            return Err(wrong(detail));
        }
        Ok(NewUser {
            external_id,
            email,
            display_name: name,
            ..NewUser::default()
        })
    }
}
