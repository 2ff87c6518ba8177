//! How an organization's chat looks and when it is open, for everybody.

use axum::response::IntoResponse as _;
use axum::response::Response;
use countersign_core::error::Error;
use serde_json::json;

use super::answer::{one, resource};
use super::failure::Refused;
use super::organization::Organization;

/// The socket stands at the door's own address, and at none that follows from this.
const CLUSTER: &str = "self";

/// `GET /p/v1/chat/settings`, and its older address. What the clients can do and
/// is not done here is switched off.
pub(super) async fn read(Organization(judge): Organization) -> Response {
    let application = &judge.application;
    let attributes = json!({
        "teamName": application.name,
        "teamIconUrl": null,
        "greeting": null,
        "activeForm": null,
        "enabled": true,
        "closableChat": true,
        "singleSessionChat": false,
        "noHistory": false,
        "campaignsEnabled": false,
        "disableAttachments": false,
        "outboundChatEnabled": false,
        "waitMessage": null,
        "volumeControl": { "enabled": false },
        "offhoursDisplay": "online",
        "showBrandingIdentifier": false,
        "showTypingIndicatorWeb": true,
        "showTypingIndicatorCustomerWeb": true,
        "pusherAccessKey": application.id.to_string(),
        "pusherCluster": CLUSTER,
    });
    one(resource("chat_settings", &application.id, attributes)).into_response()
}

/// `GET /p/v1/schedules/{id}`: a client takes an organization without one for open
/// at all hours.
pub(super) async fn schedule(_: Organization) -> Refused {
    Error::not_found("schedule").into()
}
