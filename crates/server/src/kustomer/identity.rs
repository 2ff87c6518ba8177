//! Who a device belongs to: a login with what the backend has signed.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::op::tracking::Tracking;
use countersign_core::op::tracking::identify::{Identify, identify};
use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, one, resource, time};
use super::asked::{Json, Shown};
use super::failure::Refused;
use super::organization::Organization;

/// What a device sends to log in.
#[derive(Deserialize)]
pub(super) struct Request {
    #[serde(rename = "externalToken")]
    external_token: String,
    /// Whether it may become another customer's.
    #[serde(default)]
    switch: bool,
}

/// `POST /c/v1/identity`
pub(super) async fn log_in(
    State(ctx): State<Arc<Ctx>>,
    Organization(judge): Organization,
    Shown(token): Shown,
    Json(request): Json<Request>,
) -> Result<Answer, Refused> {
    let asked = Identify {
        credential: request.external_token,
        token,
        switch: request.switch,
        device_name: None,
    };
    let tracking = Box::pin(identify(&ctx, &judge, asked)).await?;
    Ok(answer(&tracking))
}

fn answer(tracking: &Tracking) -> Answer {
    let Tracking {
        token,
        session,
        user,
    } = tracking;
    let attributes = json!({
        "identified": true,
        "verified": true,
        "customerId": user.id.to_string(),
        "trackingId": session.id.to_string(),
        "trackingToken": token,
        "email": user.email.as_ref().map(|email| email.as_str()),
        "externalId": user.external_id.as_ref().map(|id| id.as_str()),
        "verifiedAt": time(session.opened_at()),
        "createdAt": time(user.created_at),
        "updatedAt": time(session.rotated_at),
    });
    one(resource("identity", &session.id, attributes))
}

// === impl Request ===

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Request")
    }
}
