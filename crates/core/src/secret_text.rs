//! The texts of API keys: made once, shown once, recognised by their prefix.
//!
//! Each can be written as a JWT, too, for what expects one: kustomer's clients
//! and backends may decode their key, and none can check it. Its last part, where
//! a signature would stand, is the key's text; so it is the same key, with no
//! secret of its own, and either form is made of the other.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::id::{ApiKeyId, ApplicationId};
use crate::model::api_key::ApiKey;
use crate::model::application::{Application, Slug};
use crate::ports::Random;
use crate::token::TokenKeys;

/// What a secret API key begins with.
pub const SECRET_PREFIX: &str = "cs_sk_";
/// What a publishable key begins with.
pub const PUBLISHABLE_PREFIX: &str = "cs_pk_";

const SECRET_BYTES: usize = 32;
/// What the last part of a key as a JWT begins with: `cs_sk_` or `cs_pk_`, in
/// base64. No signature does, but one in 2^47.
const JWT_LAST_PARTS: [&str; 2] = ["Y3Nfc2tf", "Y3NfcGtf"];

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

/// A key's text as a JWT: the header and payload that kustomer's have, and the
/// text.
#[must_use]
pub fn as_jwt(key: &ApiKey, application: &Application, text: &str) -> Zeroizing<String> {
    let roles: Vec<String> = key
        .roles
        .iter()
        .map(|role| format!(r#""org.{}""#, role.as_str()))
        .collect();
    let (id, org, slug, roles) = (key.id, application.id, &application.slug, roles.join(","));
    let issued_at = key.created_at.seconds();
    let end = key
        .expires_at
        .map(|end| format!(r#","exp":{}"#, end.seconds()));
    let end = end.unwrap_or_default();
    let payload = format!(
        r#"{{"id":"{id}","user":"{id}","org":"{org}","orgName":"{slug}","userType":"machine","roles":[{roles}],"aud":"urn:consumer","iss":"urn:api","sub":"{id}","iat":{issued_at}{end}}}"#
    );
    let mut jwt = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    for part in [payload.as_bytes(), text.as_bytes()] {
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(part, &mut jwt);
    }
    Zeroizing::new(jwt)
}

/// A key's text, however it was written; any other text as it is.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    match in_jwt(text) {
        Some(key) => Cow::Owned(key),
        None => Cow::Borrowed(text),
    }
}

fn in_jwt(text: &str) -> Option<String> {
    let (before, last) = text.rsplit_once('.')?;
    let is_key = JWT_LAST_PARTS.iter().any(|begin| last.starts_with(begin));
    if !is_key || before.matches('.').count() != 1 {
        return None;
    }
    String::from_utf8(URL_SAFE_NO_PAD.decode(last).ok()?).ok()
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
    use countersign_credential::json;
    use countersign_credential::time::Timestamp;

    use super::*;
    use crate::model::api_key::{Role, Roles};
    use crate::model::settings::Settings;

    struct Counting;

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for (byte, value) in bytes.iter_mut().zip(0..) {
                *byte = value;
            }
        }
    }

    fn key(id: ApiKeyId, roles: &[Role], expires_at: Option<i64>) -> ApiKey {
        ApiKey {
            id,
            application: None,
            name: "k".to_owned(),
            roles: Roles::new(roles.iter().copied()).unwrap(),
            digest: [0; 32],
            text: None,
            last_characters: String::new(),
            created_at: Timestamp::from_seconds(1_800_000_000),
            expires_at: expires_at.map(Timestamp::from_seconds),
            cidr: None,
            last_used_at: None,
            revoked: false,
        }
    }

    fn application() -> Application {
        Application {
            id: ApplicationId::from_bytes([8; 16]),
            slug: "demo".parse().unwrap(),
            name: String::new(),
            created_at: Timestamp::from_seconds(0),
            alias: None,
            settings: Settings::default(),
            keys: Vec::new(),
        }
    }

    #[test]
    fn a_key_as_a_jwt_tells_its_organization_and_is_the_same_key() {
        let id = ApiKeyId::from_bytes([7; 16]);
        let keys = TokenKeys::new(&[(1, [1; 32])]);
        let application = application();
        let secret = new_secret(id, &Counting);
        let publishable = new_publishable(id, application.id, &application.slug, &keys);
        for (text, roles, expires_at, told) in [
            (
                &secret,
                &[Role::Admin, Role::User][..],
                None,
                r#""roles":["org.admin","org.user"],"#,
            ),
            (&secret, &[Role::User], Some(9), r#","exp":9}"#),
            (
                &publishable,
                &[Role::Tracking],
                None,
                r#""roles":["org.tracking"],"#,
            ),
        ] {
            let jwt = as_jwt(&key(id, roles, expires_at), &application, text);
            assert_eq!(plain(&jwt), text.as_str());
            let payload = jwt.split('.').nth(1).unwrap();
            let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
            let read = json::read_object(payload.as_bytes()).unwrap();
            let member = |name| read.get(name).and_then(|value| value.as_str());
            assert_eq!(member("orgName"), Some("demo"));
            assert_eq!(member("org"), Some(application.id.to_string().as_str()));
            assert!(payload.contains(told), "{payload}");
        }
        for other in [
            "",
            "a.b",
            "a.b.c",
            "..Y3Nfc2tf*",
            "a.b.Y3Nfc2tf.c",
            &secret,
            &publishable,
        ] {
            assert_eq!(plain(other), other);
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
