//! Tracking tokens: what a device has of its session, by which it is known.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::op;
use countersign_core::op::tracking::Tracking;
use serde_json::json;

use super::answer::{Answer, one, resource};
use super::asked::Shown;
use super::failure::Refused;
use super::organization::Organization;

/// `GET /c/v1/tracking/tokens/current`: a device that shows none gets one.
pub(super) async fn current(
    State(ctx): State<Arc<Ctx>>,
    Organization(judge): Organization,
    Shown(text): Shown,
) -> Result<Answer, Refused> {
    let tracking = op::tracking::current(&ctx, &judge, text.as_deref()).await?;
    Ok(answer(&tracking))
}

/// `POST /c/v1/tracking/tokens`: a device that has logged out, and begins anew.
pub(super) async fn reset(
    State(ctx): State<Arc<Ctx>>,
    Organization(judge): Organization,
    Shown(text): Shown,
) -> Result<Answer, Refused> {
    let tracking = op::tracking::reset(&ctx, &judge, text.as_deref()).await?;
    Ok(answer(&tracking))
}

fn answer(tracking: &Tracking) -> Answer {
    let verified = !tracking.user.anonymous;
    let attributes = json!({
        "trackingId": tracking.session.id.to_string(),
        "token": tracking.token,
        "verified": verified,
        "customerId": verified.then(|| tracking.user.id.to_string()),
    });
    one(resource("tracking_token", &tracking.session.id, attributes))
}
