//! Where an instance sends and fetches messages, and by which names and keys.
//!
//! They follow from the session and are stored nowhere, like its secret; whoever
//! has them not, cannot guess them. A client is told them over REST alone.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::op::signed_request::Signed;
use countersign_core::op::signed_session::note_use;
use serde_json::{Value, json};

use super::Messaging;
use super::answer::Answer;
use super::asked::Asked;
use super::failure::{ErrorCode, Refused};

/// Bytes of a name and of a key: nobody guesses 128 bits.
const BYTES: usize = 16;

/// What an instance's names and keys are for. The text is what they follow from.
mod purpose {
    pub(super) const PUBLISH: &str = "sinch publish key";
    pub(super) const SUBSCRIBE: &str = "sinch subscribe key";
    pub(super) const BROADCAST: &str = "sinch broadcast channel";
    pub(super) const SIGNAL: &str = "sinch signal channel";
    pub(super) const TRANSPORT: &str = "sinch transport channel";
    pub(super) const PROFILE: &str = "sinch profile key";
}

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
    let body = shown(&ctx, messaging, &signed).ok_or_else(|| {
        Error::new(Code::SessionEnded, "the session is over").hint("log in again")
    })?;
    Ok(Answer(body).into_response())
}

/// `None` where the key is gone that all of it follows from.
fn shown(ctx: &Ctx, messaging: &Messaging, signed: &Signed) -> Option<Value> {
    let signer = signed.signer;
    let own = |purpose| Some(name(signer.secret(ctx, purpose)?.as_slice()));
    // A key tells whose it is, so that it is found by one look at itself.
    let key = |purpose| Some(format!("{signer}{}", own(purpose)?));
    let of_user = signer.secret_of_user(ctx, signed.user.id, purpose::TRANSPORT)?;
    let profile = signer.secret(ctx, purpose::PROFILE)?;
    let network = json!({
        "publishKey": key(purpose::PUBLISH)?,
        "subscribeKey": key(purpose::SUBSCRIBE)?,
        "host": messaging.host,
    });
    Some(json!({
        "rtcConfiguration": { "broadcastNetwork": network, "signalNetwork": network },
        "rtcProfile": {
            "broadcastChannel": format!("B-{}", own(purpose::BROADCAST)?),
            "signalChannel": format!("S-{}", own(purpose::SIGNAL)?),
            "transportChannel": format!("T-{}", name(of_user.as_slice())),
            "key": STANDARD.encode(&profile[..BYTES]),
        },
    }))
}

/// Letters that a path and a list with commas can hold.
fn name(secret: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&secret[..BYTES])
}
