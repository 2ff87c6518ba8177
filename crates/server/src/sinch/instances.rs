//! Instances: a session is opened with a credential, and opened again.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::context::Ctx;
use countersign_core::limit::NAME_BYTES_MAX;
use countersign_core::op::signed_session::{self, Entry, SignedSession};
use countersign_credential::dialect::Dialect;
use serde::Deserialize;
use serde_json::json;

use super::answer::Answer;
use super::asked::{Entering, Json, Shown};
use super::failure::Refused;
use crate::route::Parameters;

/// What a client says of itself. What it can do with calls is of no matter here,
/// and how long it wants to live is the application's to say.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Client {
    version: Option<Version>,
}

#[derive(Debug, Deserialize)]
struct Version {
    os: Option<String>,
    platform: Option<String>,
}

/// `POST /v1/instance`: with a credential a new one, and signed by an instance
/// that very one.
pub(super) async fn open(
    State(ctx): State<Arc<Ctx>>,
    entering: Entering,
    Json(client): Json<Client>,
) -> Result<Response, Refused> {
    let session = match entering {
        Entering::Shown(Shown(credential)) => {
            Box::pin(signed_session::open(&ctx, client.entry(credential))).await?
        }
        Entering::Signed(signed) => {
            signed_session::note_use(&ctx, &signed).await?;
            signed_session::again(&ctx, *signed)?
        }
    };
    Ok(answer(&ctx, &session))
}

/// `PUT /v1/instances/id/{id}/authorization`
pub(super) async fn open_again(
    State(ctx): State<Arc<Ctx>>,
    Shown(credential): Shown,
    parameters: Parameters,
    Json(client): Json<Client>,
) -> Result<Response, Refused> {
    let id = parameters.get("instance_id").unwrap_or_default();
    let entry = client.entry(credential);
    let session = Box::pin(signed_session::open_again(&ctx, entry, id)).await?;
    Ok(answer(&ctx, &session))
}

fn answer(ctx: &Ctx, kept: &SignedSession) -> Response {
    let left_ms = kept.session.expires_at.milliseconds_since(ctx.now());
    Answer(json!({
        "id": kept.signer.to_string(),
        "secret": STANDARD.encode(*kept.secret),
        "expiresIn": left_ms / 1_000,
    }))
    .into_response()
}

// === impl Client ===

impl Client {
    fn entry(&self, credential: String) -> Entry {
        Entry {
            credential,
            dialect: Dialect::Sinch,
            device_name: self.device_name(),
        }
    }

    /// What tells a person which device it is, as far as the client knows that.
    fn device_name(&self) -> Option<String> {
        let version = self.version.as_ref()?;
        let told = [&version.platform, &version.os].into_iter().flatten();
        let known: Vec<&str> = told
            .map(|text| text.trim())
            .filter(|text| *text != "unknown" && text.contains(char::is_alphanumeric))
            .collect();
        let name = known.join(", ");
        let fits = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control);
        fits.then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_called_by_what_is_known_of_it() {
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for (os, platform, expected) in [
            (
                "Chrome//-?",
                "Linux x86_64",
                Some("Linux x86_64, Chrome//-?"),
            ),
            ("//-?", "unknown", None),
            ("", " Win32 ", Some("Win32")),
            ("a\u{7}b", "Mac", None),
            (&long, "unknown", None),
        ] {
            let version = Some(Version {
                os: Some(os.to_owned()),
                platform: Some(platform.to_owned()),
            });
            let name = Client { version }.device_name();
            assert_eq!(name.as_deref(), expected, "{os} {platform}");
        }
        assert_eq!(Client::default().device_name(), None);
    }
}
