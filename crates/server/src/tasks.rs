//! Work that would hold an async thread up: done on another, and waited for.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use countersign_core::error::Error;
use http::request::Parts;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The server's tasks. The listener puts them into the request's extensions; a
/// request that came by no listener brings its own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    /// Says that what is open is to end.
    pub(crate) stop: CancellationToken,
    /// Says that what is still open is cut off.
    pub(crate) cut: CancellationToken,
}

// === impl Tasks ===

impl Tasks {
    /// The tasks of a server.
    pub(crate) fn of(
        tracker: TaskTracker,
        stop: CancellationToken,
        cut: CancellationToken,
    ) -> Self {
        Self { tracker, stop, cut }
    }

    /// Does the work beside others until the server stops.
    pub(crate) fn until_stopped(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            stop.run_until_cancelled(work).await;
        });
    }

    /// Counts something as a task of the server as long as the token is kept.
    pub(crate) fn token(&self) -> TaskTrackerToken {
        self.tracker.token()
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
        self.tracker
            .spawn_blocking(work)
            .await
            .map_err(Error::internal)
    }
}

impl<S: Sync> FromRequestParts<S> for Tasks {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let of_listener = parts.extensions.get::<Arc<Self>>();
        Ok(of_listener
            .map(|tasks| (**tasks).clone())
            .unwrap_or_default())
    }
}
