//! API keys, which are tokens in this protocol: listed without their text, and
//! revoked.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::id::ApiKeyId;
use countersign_core::model::api_key::ApiKey;
use countersign_core::op::api_keys::{list_api_keys, revoke_api_key};
use countersign_core::op::own_api_key::{is_own, revoke_own_api_key};
use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, resource, time};
use super::asked::Backend;
use super::failure::Refused;
use super::page::Wanted;
use crate::route::Parameters;

/// `GET /v1/auth/tokens`
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Backend(asker): Backend,
    wanted: Wanted,
) -> Result<Answer, Refused> {
    let page = list_api_keys(&ctx, &asker, wanted.window.clone()).await?;
    Ok(wanted.answer("/v1/auth/tokens", &page, shown))
}

/// `DELETE /v1/auth/tokens/current`
pub(super) async fn revoke_own(
    State(ctx): State<Arc<Ctx>>,
    Backend(asker): Backend,
) -> Result<StatusCode, Refused> {
    revoke_own_api_key(&ctx, &asker).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/auth/tokens/{id}`: one's own without any role.
pub(super) async fn revoke(
    State(ctx): State<Arc<Ctx>>,
    Backend(asker): Backend,
    parameters: Parameters,
) -> Result<StatusCode, Refused> {
    let id: Option<ApiKeyId> = parameters
        .get("token_id")
        .and_then(|text| text.parse().ok());
    match id {
        Some(id) if is_own(&asker, id) => revoke_own_api_key(&ctx, &asker).await?,
        Some(id) => revoke_api_key(&ctx, &asker, id).await?,
        None => return Err(Error::not_found("token").into()),
    }
    Ok(StatusCode::NO_CONTENT)
}

fn shown(key: &ApiKey) -> Value {
    let roles: Vec<String> = key
        .roles
        .iter()
        .map(|role| format!("org.{}", role.as_str()))
        .collect();
    let attributes = json!({
        "name": key.name,
        "roles": roles,
        "lastTokenChars": key.last_characters,
        "lastAccessedAt": key.last_used_at.map(time),
        "createdAt": time(key.created_at),
        "expiresAt": key.expires_at.map(time),
        "cidr": key.cidr.map(|cidr| cidr.to_string()),
    });
    resource("token", &key.id, attributes)
}
