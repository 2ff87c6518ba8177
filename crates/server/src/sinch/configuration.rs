//! Where an instance sends and fetches messages, and by which names and keys.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_core::error::Error;
use countersign_core::op::signed_request::Signed;
use countersign_core::op::signed_session::note_use;
use serde_json::{Value, json};

use super::answer::Answer;
use super::asked::Asked;
use super::failure::{ErrorCode, Refused};
use super::{Messaging, names};

/// `GET /v1/configuration/user`: each client asks for it when it starts, so that
/// the session is in use.
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Extension(messaging): Extension<Arc<Option<Messaging>>>,
    Asked { signed }: Asked,
) -> Result<Response, Refused> {
    let Some(messaging) = messaging.as_ref() else {
        let error = Error::not_found("listener for messages")
            .hint("open doors.sinch_messaging at this server");
        return Err(Refused::told(error, ErrorCode::CONFIGURATION));
    };
    note_use(&ctx, &signed).await?;
    let body = shown(&ctx, messaging, &signed).ok_or_else(names::over)?;
    Ok(Answer(body).into_response())
}

/// `None` where the key is gone that all of it follows from.
fn shown(ctx: &Ctx, messaging: &Messaging, signed: &Signed) -> Option<Value> {
    let signer = &signed.signer;
    let network = json!({
        "publishKey": names::publish_key(ctx, signer)?,
        "subscribeKey": names::subscribe_key(ctx, signer)?,
        "host": messaging.host,
    });
    Some(json!({
        "rtcConfiguration": { "broadcastNetwork": network, "signalNetwork": network },
        "rtcProfile": {
            "broadcastChannel": names::broadcast_channel(ctx, signer)?,
            "signalChannel": names::signal_channel(ctx, signer)?,
            "transportChannel": names::transport_channel(ctx, signer, signed.user.id)?,
            "key": names::profile_key(ctx, signer)?,
        },
    }))
}
