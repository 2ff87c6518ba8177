//! The Rust client of Countersign: a device logs in, stays logged in, and has
//! its user's conversations.
//!
//! ```no_run
//! use countersign_client::client::Client;
//! use countersign_client::keep::InFile;
//! use countersign_client::live::{Start, Update};
//! use countersign_client::login::Login;
//! use countersign_wire::secret::Secret;
//!
//! # async fn example(signed_by_your_backend: String) -> Result<(), countersign_client::error::Error> {
//! let device = Client::builder("https://chat.example.com", "cs_pk_…")
//!     .device_name("laptop")
//!     .keep(InFile::new("identity.json"))
//!     .open()
//!     .await?;
//! if device.user().is_none() {
//!     device.log_in(Login::with(Secret(signed_by_your_backend))).await?;
//! }
//! let mut live = device.live(Start::Now)?;
//! while let Some(update) = live.next().await {
//!     if let Update::Event(told) = update {
//!         println!("{}: {}", told.event.from.name, told.event.body);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Invariants
//! - The device knows who it is without asking anybody: a server that is out of
//!   reach signs nobody out.
//! - A login that fails changes nothing, and nobody is logged in again without a
//!   call that says so.
//! - Tokens are exchanged by one at a time, also where two programs share a file.
//! - The wall clock is not read: what is over, the server says.
//! - No token or credential in an error, a log line or `Debug`.

pub mod error;
pub mod random;
pub mod http;
pub mod keep;
mod identity;
pub mod identifier;
pub mod provider;
pub mod client;
pub mod login;
pub mod resources;
pub mod live;
