//! What a shared secret must not be.

use spki::der::Decode as _;
use spki::der::asn1::AnyRef;

/// Whether bytes that were given as a secret are a key file of any kind.
///
/// The white space that editors and shells add is looked through, since that
/// is how such a secret passed a check for PEM before (CVE-2026-34950).
pub(super) fn is_key_file(secret: &[u8]) -> bool {
    let contains = |needle: &[u8]| secret.windows(needle.len()).any(|window| window == needle);
    let text = secret.trim_ascii();
    let is_jwk = text.starts_with(b"{") && (contains(b"\"kty\"") || contains(b"\"keys\""));
    let is_ssh = [
        &b"ssh-rsa "[..],
        b"ssh-dss ",
        b"ssh-ed25519 ",
        b"ecdsa-sha2-",
        b"sk-ssh-",
        b"sk-ecdsa-",
    ]
    .into_iter()
    .any(|prefix| text.starts_with(prefix));
    contains(b"-----BEGIN ") || is_jwk || is_ssh || is_der(secret)
}

/// Whether bytes are a DER sequence from end to end that begins as every SPKI,
/// PKCS#1 key, PKCS#8 key and certificate does: with a sequence or an integer.
///
/// Random bytes of the lengths that secrets have pass for one less than once
/// in 2^20, and never below the size of the smallest public key.
fn is_der(secret: &[u8]) -> bool {
    const SMALLEST_SPKI: usize = 44;
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    let Ok(outer) = AnyRef::from_der(secret) else {
        return false;
    };
    secret.len() >= SMALLEST_SPKI
        && secret.first() == Some(&SEQUENCE)
        && matches!(outer.value().first(), Some(&SEQUENCE | &INTEGER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_files_are_told_from_secrets() {
        let spki = {
            let mut der = vec![
                0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0,
            ];
            der.extend([7; 32]);
            der
        };
        let pkcs1 = {
            let mut der = vec![0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01];
            der.extend([1; 0x10a - 4]);
            der
        };
        let files: [&[u8]; 10] = [
            b"-----BEGIN PUBLIC KEY-----",
            b" \n\t-----BEGIN RSA PUBLIC KEY-----\nMIIB",
            b"\xEF\xBB\xBF-----BEGIN CERTIFICATE-----",
            br#"{"kty":"RSA"}"#,
            b"\n{ \"e\": \"AQAB\", \"kty\" : \"RSA\" }",
            br#"{"keys":[]}"#,
            b"ssh-ed25519 AAAAC3Nza",
            b" ecdsa-sha2-nistp256 AAAA",
            &spki,
            &pkcs1,
        ];
        for file in files {
            assert!(is_key_file(file), "{}", String::from_utf8_lossy(file));
        }
        let cut = &spki[..spki.len() - 1];
        let secrets: [&[u8]; 7] = [
            b"correct horse battery staple",
            b"{not json, but a passphrase}",
            b"ssh-is-how-I-log-in",
            b"0",
            &[0x30; 64],
            &[0; 32],
            cut,
        ];
        for secret in secrets {
            assert!(!is_key_file(secret), "{}", String::from_utf8_lossy(secret));
        }
    }
}
