//! What probably went wrong where a signature does not fit: the mistakes that
//! backends make with a secret, each tried once.
//!
//! This runs after a credential was refused and changes no verdict. It helps no
//! attacker: only somebody who holds the secret, or the private key, can make a
//! signature that one of these tries recognises. The number of tries is fixed,
//! so a stranger's bad signature costs a bounded handful of hashes.

use aws_lc_rs::{hkdf, hmac};
use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::dialect::sinch::jwt::{self, KeyDay};
use crate::key::{KeyAlgorithm, KeyState};
use crate::ring::{Candidates, KeyRing};

/// The most other keys of a ring that are tried.
const OTHER_KEYS_MAX: usize = 4;

const BASE64_FORMS: [&GeneralPurpose; 4] =
    [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD];

/// What the signature is over, and what it should have been made with.
#[derive(Clone, Copy)]
pub(crate) struct Misfit<'a> {
    pub(crate) ring: &'a KeyRing,
    pub(crate) tried: Candidates<'a>,
    pub(crate) algorithm: KeyAlgorithm,
    /// The day of the key, in a sinch JWT.
    pub(crate) day: Option<&'a KeyDay>,
    pub(crate) message: &'a [u8],
    pub(crate) signature: &'a [u8],
}

// === impl Misfit ===

impl Misfit<'_> {
    /// What to do about the signature.
    pub(crate) fn hint(self) -> String {
        self.other_key()
            .or_else(|| {
                self.tried.iter().find_map(|key| {
                    let secret = key.key.secret()?;
                    match (self.algorithm, self.day) {
                        (KeyAlgorithm::SinchHmacSha256, Some(day)) => self.day_mistake(secret, day),
                        _ => self.secret_mistake(secret),
                    }
                })
            })
            .unwrap_or_else(|| self.general().to_owned())
    }

    /// Another key of the same ring that made the signature.
    fn other_key(self) -> Option<String> {
        let (key, _) = self
            .ring
            .keys()
            .iter()
            .filter(|key| key.key.algorithm() == self.algorithm)
            .filter(|key| self.tried.iter().all(|tried| tried.kid != key.kid))
            .zip(0..OTHER_KEYS_MAX)
            .find(|(key, _)| match self.day {
                Some(day) => key
                    .key
                    .verifies_on_day(&day.text, self.message, self.signature),
                None => key.key.verifies(self.message, self.signature),
            })?;
        let kid = &key.kid;
        Some(match (key.state, self.day) {
            (KeyState::Revoked, _) => {
                format!("the key {kid} signed it, which is revoked: sign with the current key")
            }
            (KeyState::Current | KeyState::Previous | KeyState::Standby, None) => format!(
                "the key {kid} signed it, which is {}: name it as `kid` in the header",
                key.state
            ),
            (KeyState::Current | KeyState::Previous | KeyState::Standby, Some(_)) => format!(
                "the key {kid} signed it, which is {}: make it current, or sign with the current one",
                key.state
            ),
        })
    }

    /// A secret that was put through one step too many or too few.
    fn secret_mistake(self, secret: &[u8]) -> Option<String> {
        let sinch = self.algorithm == KeyAlgorithm::SinchHmacSha256;
        let base64_texts = BASE64_FORMS.map(|form| form.encode(secret));
        if base64_texts.iter().any(|text| self.fits(text.as_bytes())) {
            return Some(if sinch {
                "it was signed with the text of the secret: decode the secret from base64 first"
                    .to_owned()
            } else {
                "it was signed with the base64 text of the secret: decode it first, or register that text as the secret"
                    .to_owned()
            });
        }
        if self.fits(hex(secret).as_bytes()) {
            return Some(
                "it was signed with the hexadecimal text of the secret: decode it first".to_owned(),
            );
        }
        let decoded = BASE64_FORMS
            .iter()
            .find_map(|form| form.decode(secret).ok());
        if decoded.is_some_and(|decoded| self.fits(&Zeroizing::new(decoded))) {
            return Some(
                "it was signed with the secret decoded from base64: use the secret's text as it is"
                    .to_owned(),
            );
        }
        let line = Zeroizing::new([secret, b"\n"].concat());
        self.fits(&line).then(|| {
            "it was signed with the secret and a line end after it: read the secret without its last line end"
                .to_owned()
        })
    }

    /// A day's key that was derived in another way, or not at all.
    fn day_mistake(self, secret: &[u8], day: &KeyDay) -> Option<String> {
        let derived = |secret: &[u8], date: &str| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), date.as_bytes())
        };
        if self.fits(secret) {
            return Some(
                "it was signed with the secret itself: sign with HMAC-SHA256(secret, date), where the date is that of `kid`"
                    .to_owned(),
            );
        }
        let text = Zeroizing::new(STANDARD.encode(secret));
        if self.fits(text.as_bytes()) || self.fits(derived(text.as_bytes(), &day.text).as_ref()) {
            return Some(
                "it was signed with the text of the secret: decode the secret from base64 first"
                    .to_owned(),
            );
        }
        if full_hkdf(secret, day.text.as_bytes())
            .iter()
            .any(|key| self.fits(&key[..]))
        {
            return Some(
                "the key was derived with HKDF (RFC 5869): use the one step HMAC-SHA256(secret, date) alone"
                    .to_owned(),
            );
        }
        let neighbour =
            jwt::neighbours(day).find(|date| self.fits(derived(secret, date).as_ref()))?;
        Some(format!(
            "it was signed with the key of {neighbour}, and `kid` names {}: use one UTC date for both",
            day.text
        ))
    }

    fn general(self) -> &'static str {
        if self.algorithm.is_symmetric() {
            "sign with the secret of this application, exactly as it is registered"
        } else {
            "sign with the private key whose public key is registered in this application"
        }
    }

    fn fits(self, secret: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::verify(&key, self.message, self.signature).is_ok()
    }
}

/// The keys that HKDF gives, with the date in either of its two places.
fn full_hkdf(secret: &[u8], date: &[u8]) -> Vec<Zeroizing<[u8; 32]>> {
    [(b"".as_slice(), date), (date, b"".as_slice())]
        .into_iter()
        .filter_map(|(salt, info)| {
            let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
            let mut key = Zeroizing::new([0; 32]);
            let info = [info];
            let expanded = extracted.expand(&info, hkdf::HKDF_SHA256).ok()?;
            expanded.fill(&mut key[..]).ok()?;
            Some(key)
        })
        .collect()
}

fn hex(bytes: &[u8]) -> Zeroizing<String> {
    let digits = bytes.iter().flat_map(|byte| {
        [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
    });
    Zeroizing::new(digits.collect())
}
