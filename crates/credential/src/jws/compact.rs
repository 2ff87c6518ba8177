//! The compact serialization (RFC 7515 section 7.1): three parts of base64url.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

/// A compact JWS taken apart. Nothing in it is verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Compact<'a> {
    /// What the signature is over: the first two parts and the dot between
    /// them, as they were written.
    pub signing_input: &'a [u8],
    /// The first part, decoded.
    pub header: Vec<u8>,
    /// The second part, decoded.
    pub payload: Vec<u8>,
    /// The third part, decoded; empty where there is none.
    pub signature: Vec<u8>,
}

/// One of the three parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The first part.
    Header,
    /// The second part.
    Payload,
    /// The third part.
    Signature,
}

/// Why a text is not a compact JWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CompactError {
    /// Not three parts. Five would be an encrypted token (RFC 7516).
    #[error("a signed token has 3 parts between dots, and this has {0}")]
    PartCount(usize),
    /// A part is not canonical base64url without padding (RFC 7515 section 2):
    /// it holds another character, has a length that cannot be, or has bits
    /// set that carry nothing, so that one signature would have many texts.
    #[error("the {0} is not canonical base64url without padding")]
    Encoding(Part),
}

/// Takes a compact JWS apart, decoding all three parts.
///
/// # Errors
/// Anything but exactly three parts of canonical unpadded base64url. White
/// space is nowhere allowed. A part may be empty.
pub fn split(text: &str) -> Result<Compact<'_>, CompactError> {
    let mut parts = text.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(CompactError::PartCount(text.split('.').count()));
    };
    let signing_length = header.len() + 1 + payload.len();
    Ok(Compact {
        signing_input: &text.as_bytes()[..signing_length],
        header: decode(header, Part::Header)?,
        payload: decode(payload, Part::Payload)?,
        signature: decode(signature, Part::Signature)?,
    })
}

// === impl Compact ===

/// Lengths alone: a credential does not belong in a log.
impl fmt::Debug for Compact<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Compact")
            .field("header_bytes", &self.header.len())
            .field("payload_bytes", &self.payload.len())
            .field("signature_bytes", &self.signature.len())
            .finish_non_exhaustive()
    }
}

// === impl Part ===

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

fn decode(text: &str, part: Part) -> Result<Vec<u8>, CompactError> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| CompactError::Encoding(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_parts_are_decoded() {
        let compact = split("Zm9v.YmE.Yg").unwrap();
        assert_eq!(compact.signing_input, b"Zm9v.YmE");
        assert_eq!(compact.header, b"foo");
        assert_eq!(compact.payload, b"ba");
        assert_eq!(compact.signature, b"b");
        assert_eq!(split("..").unwrap().signing_input, b".");
        let debug = format!("{compact:?}");
        assert!(debug.contains("payload_bytes: 2"), "{debug}");
    }

    #[test]
    fn everything_else_is_refused() {
        let cases = [
            ("", CompactError::PartCount(1)),
            ("Zm9v", CompactError::PartCount(1)),
            ("Zm9v.Zm9v", CompactError::PartCount(2)),
            ("Zm9v.Zm9v.Zm9v.", CompactError::PartCount(4)),
            ("Zm9v.Zm9v.Zm9v.Zm9v.Zm9v", CompactError::PartCount(5)),
            ("Zm9v\n.Zm9v.Zm9v", CompactError::Encoding(Part::Header)),
            (" Zm9v.Zm9v.Zm9v", CompactError::Encoding(Part::Header)),
            ("Zm9v.Y+E.Zm9v", CompactError::Encoding(Part::Payload)),
            ("Zm9v.Y/E.Zm9v", CompactError::Encoding(Part::Payload)),
            ("Zm9v.YmE=.Zm9v", CompactError::Encoding(Part::Payload)),
            ("Zm9v.YmF.Zm9v", CompactError::Encoding(Part::Payload)),
            ("Zm9v.Zm9v.Y", CompactError::Encoding(Part::Signature)),
            ("Zm9v.Zm9v.Zm9v ", CompactError::Encoding(Part::Signature)),
            ("Zm9v.Zm9v.Zm?v", CompactError::Encoding(Part::Signature)),
            ("Zm9v.Zm9v.é", CompactError::Encoding(Part::Signature)),
        ];
        for (text, expected) in cases {
            assert_eq!(split(text), Err(expected), "{text:?}");
        }
    }
}
