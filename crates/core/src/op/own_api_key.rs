//! The API key that asks: it can revoke itself.

use super::api_keys::known_of;
use super::audit::entry;
use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::{Principal, Who};
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::ApiKeyId;
use crate::ports::change::Change;
use crate::ports::fanout::Notice;

/// Whether an API key is the one that asks.
#[must_use]
pub fn is_own(principal: &Principal, id: ApiKeyId) -> bool {
    match &principal.who {
        Who::Backend { api_key, .. } => *api_key == Some(id),
        Who::Operator { .. } | Who::Client { .. } | Who::Session { .. } | Who::Bearer { .. } => {
            false
        }
    }
}

/// Revokes the API key that asks.
///
/// # Errors
/// `not_permitted` for a publishable key, which everybody has, and for users;
/// `bad_request` for a backend that shows no API key; `conflict` for an operator
/// key: one is always left.
pub async fn revoke_own_api_key(ctx: &Ctx, principal: &Principal) -> Result<(), Error> {
    let permit = authorize(principal, &Action::RevokeOwnKey)?.outright()?;
    let id = match &principal.who {
        Who::Backend {
            api_key: Some(id), ..
        } => *id,
        Who::Operator { .. } => {
            return Err(
                Error::new(Code::Conflict, "an operator key does not revoke itself")
                    .hint("make another one, and revoke this one with it"),
            );
        }
        Who::Backend { api_key: None, .. }
        | Who::Client { .. }
        | Who::Session { .. }
        | Who::Bearer { .. } => {
            return Err(Error::new(
                Code::BadRequest,
                "the request shows no API key, so there is none to revoke",
            ));
        }
    };
    let was = known_of(ctx, id).await?;
    let audit = entry(ctx, principal.actor(), "api_key.revoke", &id, was);
    let changes = vec![Change::RevokeApiKey(id), Change::Audit(audit)];
    ctx.store.commit(&permit, changes).await?;
    ctx.publish(Notice::ApiKey(id));
    Ok(())
}
