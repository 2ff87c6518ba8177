//! How an organization's chat looks and when it is open, for everybody.

use axum::response::IntoResponse as _;
use axum::response::Response;
use countersign_core::error::Error;
use serde_json::json;

use super::answer::{one, resource};
use super::failure::Refused;
use super::organization::Organization;

/// `GET /p/v1/chat/settings`, and its older address. What the clients can do and
/// is not done here is switched off; without a key for its socket a client asks
/// for what is new now and then.
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
        "disableAttachments": true,
        "outboundChatEnabled": false,
        "waitMessage": null,
        "volumeControl": { "enabled": false },
        "offhoursDisplay": "online",
        "showBrandingIdentifier": false,
        "showTypingIndicatorWeb": false,
        "showTypingIndicatorCustomerWeb": false,
        "pusherAccessKey": null,
        "pusherCluster": null,
    });
    one(resource("chat_settings", &application.id, attributes)).into_response()
}

/// `GET /p/v1/schedules/{id}`: a client takes an organization without one for open
/// at all hours.
pub(super) async fn schedule(_: Organization) -> Refused {
    Error::not_found("schedule").into()
}
