//! Who else writes in a customer's chats, as a customer sees them.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::op;
use serde_json::json;

use super::answer::{Answer, one, resource};
use super::asked::Device;
use super::failure::Refused;
use crate::route::Parameters;

/// `GET /c/v1/users/{id}`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Device(device): Device,
    parameters: Parameters,
) -> Result<Answer, Refused> {
    let id = parameters.get("user_id").and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| Error::not_found("user"))?;
    let user = op::users::read_user(&ctx, &device.principal, id).await?;
    let attributes = json!({
        "displayName": user.shown_name(),
        "avatarUrl": user.image_url,
    });
    Ok(one(resource("user", &user.id, attributes)))
}
