//! Verifies, explains and mints the credentials that log a user in.
//!
//! A credential is a short proof, signed by a company's backend, of who its
//! user is. There are four dialects of it ([`dialect::Dialect`]), each as the
//! backends that exist today already sign. Bytes go in and claims come out:
//!
//! ```
//! use countersign_credential::jws::key::WeakSecret;
//! use countersign_credential::key::{Key, KeyAlgorithm, KeyState, Kid, RingKey};
//! use countersign_credential::ring::KeyRing;
//! use countersign_credential::time::Timestamp;
//! use countersign_credential::unverified::parse;
//! use countersign_credential::verifier::{Rules, Verifier};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let secret = b"test-secret-0123456789abcdef012345";
//! let verifier = Verifier {
//!     application_id: "0190d1c4-0000-7000-8000-000000000001".to_owned(),
//!     aliases: Vec::new(),
//!     ring: KeyRing::new(vec![RingKey {
//!         kid: Kid::parse("chat")?,
//!         state: KeyState::Current,
//!         key: Key::from_secret(KeyAlgorithm::Hs256, secret, WeakSecret::Refuse)?,
//!     }])?,
//!     rules: Rules::default(),
//! };
//! let text = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
//!     eyJleHRlcm5hbElkIjoidXNlcl84NDEyIiwiaWF0IjoxNzAwMDAwMDAwfQ.\
//!     N7fqvnJ6OsLt4MkrDgReQdREaQurLKZOAs2SYDb2uTM";
//! let credential = parse(text)?;
//! let claims = verifier.verify_login(&credential, Timestamp::from_seconds(1_700_000_060))?;
//! assert_eq!(claims.subject.as_ref().map(|user| user.as_str()), Some("user_8412"));
//!
//! let refusal = verifier.verify(&credential, Timestamp::from_seconds(1_700_000_901)).unwrap_err();
//! assert_eq!(refusal.code.as_str(), "too_old");
//! # Ok(())
//! # }
//! ```
//!
//! # Invariants
//! - No clock, no IO, no async, no serde: the time is an argument.
//! - No panic on any input, and no time that grows faster than the input.
//! - A claim is never seen before its signature was.
//! - The algorithm belongs to the key; nothing in a credential chooses it.
//! - No message and no `Debug` holds a secret, a credential or an expected
//!   signature.

pub mod time;
pub mod numeric_date;
pub mod json;
pub mod jws;
pub mod key;
pub mod ring;
pub mod signing_key;
pub mod subject;
pub mod acl;
pub mod dialect;
pub mod refusal;
pub mod unverified;
pub mod claims;
mod judge;
mod diagnose;
pub mod verifier;
pub mod explain;
pub mod mint;
