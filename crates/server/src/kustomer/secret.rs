//! The secret that logins are signed with, for the backend that signs them.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::op::login_secret::read_login_secret;
use serde_json::json;

use super::answer::{Answer, one, resource, time};
use super::asked::Backend;
use super::failure::Refused;
use crate::connection::Connection;

/// `GET /v1/auth/customer/settings`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Backend(asker): Backend,
    connection: Connection,
) -> Result<Answer, Refused> {
    let secret = read_login_secret(&ctx, &asker, connection.peer).await?;
    let attributes = json!({
        "secret": *secret.text,
        "kid": secret.kid,
        "algorithm": "HS256",
        "createdAt": time(secret.created_at),
    });
    Ok(one(resource(
        "customer_auth_settings",
        &secret.kid,
        attributes,
    )))
}
