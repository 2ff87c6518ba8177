//! The ready line of `dev`: what a script needs to know of a server that runs.
//!
//! `dev --json` prints it, and `dev.json` in the data folder keeps it, so that
//! the demo application's keys are the same at every start.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Everything that a script needs. URLs have no slash at their end, paths are
/// absolute.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Ready {
    pub(crate) url: String,
    pub(crate) operator_key: String,
    pub(crate) doors: Doors,
    pub(crate) application: Application,
}

/// Where the doors listen.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Doors {
    pub(crate) nexmo: String,
    pub(crate) kustomer: String,
    pub(crate) sinch: String,
    pub(crate) sinch_messaging: String,
}

/// The demo application.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Application {
    pub(crate) id: String,
    pub(crate) slug: String,
    pub(crate) publishable_key: String,
    pub(crate) api_key: String,
    pub(crate) nexmo: Nexmo,
    pub(crate) kustomer: Kustomer,
    pub(crate) sinch: Sinch,
}

/// What a nexmo backend signs with.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Nexmo {
    pub(crate) private_key_file: String,
}

/// What a kustomer backend signs with.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Kustomer {
    pub(crate) secret: String,
}

/// What a sinch backend signs with, and where its messages go.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Sinch {
    pub(crate) key: String,
    pub(crate) secret: String,
    pub(crate) messaging_host: String,
    pub(crate) tls_certificate_file: Option<String>,
}

// The line holds secrets: it is printed when asked for, and never in passing.
impl fmt::Debug for Ready {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Ready({})", self.url)
    }
}
