//! The texts of API keys: made once, shown once, recognised by their prefix.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::id::{ApiKeyId, ApplicationId};
use crate::model::application::Slug;
use crate::ports::Random;
use crate::token::TokenKeys;

/// What a secret API key begins with.
pub const SECRET_PREFIX: &str = "cs_sk_";
/// What a publishable key begins with.
pub const PUBLISHABLE_PREFIX: &str = "cs_pk_";

const SECRET_BYTES: usize = 32;

/// A new secret key's text: its id, so that it is found by one look-up, and
/// 256 bits that nobody can guess.
#[must_use]
pub fn new_secret(id: ApiKeyId, random: &dyn Random) -> String {
    let mut bytes = [0; 16 + SECRET_BYTES];
    bytes[..16].copy_from_slice(&id.bytes());
    random.fill(&mut bytes[16..]);
    let mut text = SECRET_PREFIX.to_owned();
    URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
    text
}

/// A new publishable key's text. Its middle tells old kustomer clients, which
/// decode it without checking anything, what their organization is.
#[must_use]
pub fn new_publishable(
    id: ApiKeyId,
    application: ApplicationId,
    slug: &Slug,
    keys: &TokenKeys,
) -> String {
    let organization = format!(r#"{{"org":"{application}","orgName":"{slug}"}}"#);
    let mut text = PUBLISHABLE_PREFIX.to_owned();
    URL_SAFE_NO_PAD.encode_string(id.bytes(), &mut text);
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(organization, &mut text);
    let mac = keys.mac(&text);
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(mac, &mut text);
    text
}

/// The id in a key's text, whatever else is in it; `None` if it is no key.
#[must_use]
pub fn id_of(text: &str) -> Option<ApiKeyId> {
    let mut bytes = [0; 16 + SECRET_BYTES];
    let (encoded, length) = if let Some(encoded) = text.strip_prefix(SECRET_PREFIX) {
        (encoded, bytes.len())
    } else {
        let (id, _) = text.strip_prefix(PUBLISHABLE_PREFIX)?.split_once('.')?;
        (id, 16)
    };
    let decoded = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).ok()?;
    let id = bytes.first_chunk::<16>()?;
    (decoded == length).then(|| ApiKeyId::from_bytes(*id))
}

/// What is kept of a text: its SHA-256. The text has 256 random bits, so that
/// a slow hash would add nothing.
#[must_use]
pub fn digest_of(text: &str) -> [u8; 32] {
    sha256(text.as_bytes())
}

/// SHA-256 (FIPS 180-4).
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}

/// The last characters of a key's text, by which people recognise it.
#[must_use]
pub fn last_characters(text: &str) -> String {
    text.get(text.len().saturating_sub(4)..)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (byte, value) in bytes.iter_mut().zip(0..) {
                *byte = value;
            }
        }
    }

    #[test]
    fn a_key_tells_its_id() {
        let id = ApiKeyId::from_bytes([7; 16]);
        let secret = new_secret(id, &Counting);
        assert!(secret.starts_with("cs_sk_"), "{secret}");
        assert_eq!(id_of(&secret), Some(id));
        let keys = TokenKeys::new(&[(1, [1; 32])]);
        let application = ApplicationId::from_bytes([8; 16]);
        let publishable = new_publishable(id, application, &"demo".parse().unwrap(), &keys);
        assert_eq!(publishable.split('.').count(), 3);
        assert_eq!(id_of(&publishable), Some(id));
        let middle = publishable.split('.').nth(1).unwrap();
        let middle = String::from_utf8(URL_SAFE_NO_PAD.decode(middle).unwrap()).unwrap();
        assert_eq!(
            middle,
            r#"{"org":"08080808-0808-0808-0808-080808080808","orgName":"demo"}"#
        );
        for none in [
            "",
            "cs_sk_",
            "cs_sk_AAAA",
            "cs_pk_AAAA",
            "cs_pk_AAAA.x.y",
            "xx",
            &secret[1..],
        ] {
            assert_eq!(id_of(none), None, "{none}");
        }
    }
}
