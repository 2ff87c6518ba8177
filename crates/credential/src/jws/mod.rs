//! Compact JSON Web Signatures (RFC 7515) with the algorithms of RFC 7518 and
//! RFC 8037.
//!
//! The order is fixed: all three parts are decoded strictly, then the header
//! is read, then the one algorithm of the key is compared, then the signature
//! is checked, and only then does anybody see the payload. A key carries its
//! one algorithm, so no header can choose another.
//!
//! Absent on purpose: `none`, encryption (JWE), the JSON serializations,
//! unencoded payloads (RFC 7797), and keys that a header names or carries.

pub mod algorithm;
pub mod compact;
mod ed25519;
pub mod header;
pub mod jwk;
pub mod key;
mod rsa;
mod secret;

use thiserror::Error;

use self::algorithm::Algorithm;
use self::compact::CompactError;
use self::header::HeaderError;
use self::key::{SignatureMismatch, VerifyingKey};

/// Why a compact JWS was not verified.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The text is not a compact JWS.
    #[error(transparent)]
    Compact(#[from] CompactError),
    /// The header is malformed or says what is not supported.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The header's algorithm is not the key's. What the header said is not
    /// repeated: it is a stranger's text.
    #[error("the header's algorithm is not {key}, which is the key's")]
    AlgorithmMismatch {
        /// The algorithm that the key is for.
        key: Algorithm,
    },
    /// The signature was not made with this key over this text.
    #[error(transparent)]
    Signature(#[from] SignatureMismatch),
}

/// Verifies a compact JWS with one key and returns its payload.
///
/// Any `typ` is taken, because a signature may stand for anything; what a
/// credential's `typ` may be is [`header::read_header`]'s matter. Nothing is
/// said about claims: the payload may be any bytes.
///
/// # Errors
/// The first check that failed, in the order of the module's doc.
pub fn verify(text: &str, key: &VerifyingKey) -> Result<Vec<u8>, VerifyError> {
    let compact = compact::split(text)?;
    let header = header::read_header_of_any_type(&compact.header)?;
    if Algorithm::from_name(&header.algorithm_name) != Some(key.algorithm()) {
        return Err(VerifyError::AlgorithmMismatch {
            key: key.algorithm(),
        });
    }
    key.verify(compact.signing_input, &compact.signature)?;
    Ok(compact.payload)
}
