//! The judge: a credential, what must be known of its application, and the
//! time, in; claims or a refusal out.
//!
//! The order of the checks is fixed: form, header, dialect, application, key,
//! signature, times, subject, the rest. The first that fails is the verdict.
//! Claims of a credential whose signature does not fit never leave here.
//!
//! Absent on purpose: a clock, and any reading of applications or keys. Whether
//! the user exists, and whether the credential was used or revoked, is for
//! those to say who have a store.

use crate::claims::Claims;
use crate::dialect::Dialect;
use crate::dialect::lifetime::Moment;
use crate::explain::{Explanation, Trail, name};
use crate::judge::Judge;
use crate::key::{KeyAlgorithm, Kid, RingKey};
use crate::refusal::{Code, Refusal};
use crate::ring::KeyRing;
use crate::time::Timestamp;
use crate::unverified::{self, Form, Unverified};

/// What must be known of an application to judge a credential.
#[derive(Debug, Clone)]
pub struct Verifier {
    /// The application's id.
    pub application_id: String,
    /// Other names that stand for the id in nexmo and sinch credentials, for
    /// applications whose key is written into a shipped app.
    pub aliases: Vec<String>,
    /// Its keys.
    pub ring: KeyRing,
    /// Its settings.
    pub rules: Rules,
}

/// The settings of an application that a verdict depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How far ahead of the server's time `iat` and `nbf` may be, in seconds.
    pub leeway_s: u32,
    /// Whether a native credential opens one session only, and so needs a `jti`.
    pub one_time_native: bool,
}

// === impl Verifier ===

impl Verifier {
    /// Judges a credential. A nexmo backend's bearer passes, with no subject.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn verify(&self, credential: &Unverified<'_>, now: Timestamp) -> Result<Claims, Refusal> {
        self.verdict(credential, now, false)
    }

    /// Judges a credential that is to log a user in.
    ///
    /// # Errors
    /// As [`Self::verify`], and `no_subject` where it names no user.
    pub fn verify_login(
        &self,
        credential: &Unverified<'_>,
        now: Timestamp,
    ) -> Result<Claims, Refusal> {
        self.verdict(credential, now, true)
    }

    /// The key that signed a request: the application's own secret, the current
    /// one or the previous. Where several texts may be what was signed, the
    /// signature is of one of them.
    ///
    /// # Errors
    /// `unknown_key` where there is no such secret, `bad_signature`.
    pub fn verify_request(&self, texts: &[Vec<u8>], mac: &[u8]) -> Result<Kid, Refusal> {
        let candidates = self.ring.candidates(None, KeyAlgorithm::SinchHmacSha256)?;
        let signed = |key: &&RingKey| texts.iter().any(|text| key.key.verifies(text, mac));
        let signed_by = candidates.iter().find(signed).ok_or_else(|| {
            Refusal::new(
                Code::BadSignature,
                "the request's signature was not made with the application's secret",
            )
            .hint("decode the secret from base64, and sign the very bytes that are sent")
        })?;
        Ok(signed_by.kid.clone())
    }

    /// Explains a credential that is to log a user in: every check that can be
    /// made, in order, whatever the outcome of the ones before. The verdict is
    /// that of [`Self::verify_login`]. With a dialect, no other is taken.
    pub fn explain(&self, text: &str, dialect: Option<Dialect>, now: Timestamp) -> Explanation {
        let mut trail = Trail::full();
        match self.explained(text, dialect, now, &mut trail) {
            Ok((found, claims)) => trail.into_explanation(found, claims),
            Err(refusal) => Explanation::of_refusal(name::STRUCTURE, refusal),
        }
    }

    fn verdict(
        &self,
        credential: &Unverified<'_>,
        now: Timestamp,
        login: bool,
    ) -> Result<Claims, Refusal> {
        let claims = self.judge(credential, now, login, &mut Trail::Verdict)?;
        Ok(claims.expect("a trail for a verdict ends at the first failure"))
    }

    fn explained(
        &self,
        text: &str,
        insisted: Option<Dialect>,
        now: Timestamp,
        trail: &mut Trail,
    ) -> Result<(Option<Dialect>, Option<Claims>), Refusal> {
        let Some(credential) = unverified::read(text, trail)? else {
            return Ok((None, None));
        };
        let dialect = credential.dialect();
        let outcome = insisted.map_or(Ok(()), |insisted| credential.require(insisted));
        trail.check(name::DIALECT, outcome, |()| {
            format!("{dialect}: it has {}", dialect.shape())
        })?;
        let claims = self.judge(&credential, now, true, trail)?;
        Ok((Some(dialect), claims))
    }

    fn judge(
        &self,
        credential: &Unverified<'_>,
        now: Timestamp,
        login: bool,
        trail: &mut Trail,
    ) -> Result<Option<Claims>, Refusal> {
        let judge = Judge {
            verifier: self,
            moment: Moment {
                now,
                leeway_s: i64::from(self.rules.leeway_s),
            },
            login,
            trail,
        };
        match &credential.form {
            Form::Jws(jws) => judge.jws(jws, credential.dialect()),
            Form::Ticket(ticket) => judge.ticket(ticket),
        }
    }
}

// === impl Rules ===

impl Default for Rules {
    fn default() -> Self {
        Self {
            leeway_s: 60,
            one_time_native: true,
        }
    }
}
