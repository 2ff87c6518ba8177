//! Work that would hold an async thread up: done on another, and waited for.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use countersign_core::error::Error;
use http::request::Parts;
use tokio_util::task::TaskTracker;

/// The server's tasks. The listener puts them into the request's extensions; a
/// request that came by no listener brings its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks(TaskTracker);

// === impl Tasks ===

impl Tasks {
    /// The tasks of a server.
    pub(crate) fn of(tracker: TaskTracker) -> Self {
        Self(tracker)
    }

    /// Does the work on a thread for such work, which the server waits for when
    /// it stops.
    ///
    /// # Errors
    /// If the work panics.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.0.spawn_blocking(work).await.map_err(Error::internal)
    }
}

impl<S: Sync> FromRequestParts<S> for Tasks {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}
