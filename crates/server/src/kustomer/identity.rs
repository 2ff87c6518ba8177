//! Who a device belongs to: a login with what the backend has signed.

use std::fmt;
use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::limit::NAME_BYTES_MAX;
use countersign_core::op::tracking::Tracking;
use countersign_core::op::tracking::identify::{Identify, identify};
use http::HeaderMap;
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
    headers: HeaderMap,
    Json(request): Json<Request>,
) -> Result<Answer, Refused> {
    let asked = Identify {
        credential: request.external_token,
        token,
        switch: request.switch,
        device_name: device_name(&headers),
    };
    let tracking = Box::pin(identify(&ctx, &judge, asked)).await?;
    Ok(answer(&tracking))
}

/// What tells a person which device it is, as far as the client says that.
fn device_name(headers: &HeaderMap) -> Option<String> {
    let told = ["x-kustomer-client", "x-kustomer-version"].map(|name| headers.get(name));
    let known: Vec<&str> = told
        .into_iter()
        .filter_map(|value| value?.to_str().ok())
        .filter(|text| text.contains(char::is_alphanumeric))
        .collect();
    let name = known.join(" ");
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control);
    fits.then_some(name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_called_by_what_its_client_says() {
        let long = "x".repeat(NAME_BYTES_MAX);
        for (client, version, expected) in [
            (
                "customer-ios",
                "release-v0.3.14",
                Some("customer-ios release-v0.3.14"),
            ),
            ("customer-android", "", Some("customer-android")),
            ("", "-", None),
            ("customer-ios", &long, None),
            ("a\tb", "", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-kustomer-client", client.parse().unwrap());
            headers.insert("x-kustomer-version", version.parse().unwrap());
            let name = device_name(&headers);
            assert_eq!(name.as_deref(), expected, "{client} {version}");
        }
        assert_eq!(device_name(&HeaderMap::new()), None);
    }
}
