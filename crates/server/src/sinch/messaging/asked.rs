//! Who asks: a session whose own keys and channels stand in the path. None of them
//! can be guessed, and whoever shows another learns nothing.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::op::signed_request::{Signed, by_shown_secrets};
use http::request::Parts;

use super::failure::Refused;
use super::limit::CHANNELS_MAX;
use crate::passed::Passed;
use crate::route::Parameters;
use crate::sinch::names::{self, ShownKey};

/// A call of a session.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) signed: Signed,
    pub(super) parameters: Parameters,
}

// === impl Asked ===

impl Asked {
    /// Whether the user's messages are told on the channels of the path, which are
    /// all the session's own.
    ///
    /// # Errors
    /// `not_permitted` where one is not.
    pub(super) fn hears_messages(&self, ctx: &Ctx) -> Result<bool, Error> {
        let Signed { signer, user, .. } = &self.signed;
        let transport = names::transport_channel(ctx, signer, user.id);
        let own = [
            transport.clone(),
            names::broadcast_channel(ctx, signer),
            names::signal_channel(ctx, signer),
        ];
        let named = self.parameters.get("channels").unwrap_or_default();
        let mut count = 0;
        let mut hears = false;
        for channel in named.split(',') {
            count += 1;
            let is = |own: &Option<String>| {
                own.as_deref()
                    .is_some_and(|own| names::is_same(own, channel))
            };
            if count > CHANNELS_MAX || !own.iter().any(is) {
                return Err(refused());
            }
            hears |= is(&transport);
        }
        Ok(hears)
    }
}

impl FromRequestParts<Arc<Ctx>> for Asked {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, ctx: &Arc<Ctx>) -> Result<Self, Refused> {
        let Ok(parameters) = Parameters::from_request_parts(parts, ctx).await;
        let subscribes = parameters.get("subscribe_key").unwrap_or_default();
        let subscribes = ShownKey::subscribe(subscribes).ok_or_else(refused)?;
        let mut shown = vec![subscribes.secret()];
        let publishes = parameters.get("publish_key").map(ShownKey::publish);
        let publishes = publishes.map(|key| key.ok_or_else(refused)).transpose()?;
        if let Some(publishes) = &publishes {
            if publishes.signer != subscribes.signer {
                return Err(refused().into());
            }
            shown.push(publishes.secret());
        }
        let signed = by_shown_secrets(ctx, subscribes.signer, &shown).await;
        let signed = signed.map_err(|error| {
            if error.code == Code::SessionEnded {
                refused()
            } else {
                error
            }
        })?;
        if let Some(gate) = Passed::gate(&parts.extensions) {
            gate.call(&signed.principal, ctx.now())?;
        }
        Ok(Self { signed, parameters })
    }
}

/// One refusal, whatever is wrong: a key of nobody, of another or of a session that
/// is over, or a channel.
pub(super) fn refused() -> Error {
    Error::new(
        Code::NotPermitted,
        "the keys and channels are none of a session that is open",
    )
    .hint("ask for the configuration again, and log in where that is refused")
}
