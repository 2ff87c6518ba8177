//! What the front passes on with a request.
//!
//! All of it is one entry of the request's extensions: an entry costs more than what
//! is in it, and every request has these.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{Extensions, StatusCode};

use crate::gate::Gate;
use crate::operations::Operations;
use crate::request_log::RequestId;
use crate::route::Parameters;

/// What the front passes on with a request that has found its route.
#[derive(Clone)]
pub(crate) struct Passed {
    /// Tells the request from all others.
    pub(crate) id: RequestId,
    /// Counts who asks, once that is known.
    pub(crate) gate: Gate,
    /// What all doors of the node share.
    pub(crate) operations: Arc<Operations>,
    /// What stands in its path, until it is taken.
    pub(crate) parameters: Parameters,
}

// === impl Passed ===

impl Passed {
    /// The gate of a request; none, where it came by no front.
    pub(crate) fn gate(extensions: &Extensions) -> Option<&Gate> {
        extensions.get().map(|Self { gate, .. }| gate)
    }

    /// Takes out what stands in the path: once for each request.
    pub(crate) fn take_parameters(extensions: &mut Extensions) -> Parameters {
        let passed: Option<&mut Self> = extensions.get_mut();
        passed.map_or_else(Parameters::default, |Self { parameters, .. }| {
            std::mem::take(parameters)
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Passed {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        let passed = parts.extensions.get().cloned();
        // Every route of a door is behind its front.
        passed.ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}
