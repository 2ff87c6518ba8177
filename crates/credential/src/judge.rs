//! The checks of one credential in their order, for a verdict and for the
//! doctor alike.

use aws_lc_rs::digest;

use crate::claims::{Claims, Subject};
use crate::diagnose::Misfit;
use crate::dialect::claim::{self, IdNumbers, bad};
use crate::dialect::lifetime::{self, Lifetime, Moment};
use crate::dialect::sinch::jwt::KeyDay;
use crate::dialect::{Dialect, kustomer, native, nexmo, sinch};
use crate::explain::{Seen, Trail, name};
use crate::json::{self, Object};
use crate::jws::header::Header;
use crate::key::{KeyAlgorithm, RingKey};
use crate::refusal::{Code, Refusal, quoted};
use crate::ring::Candidates;
use crate::unverified::{Jws, Ticket};
use crate::verifier::Verifier;

/// One judging of one credential.
pub(crate) struct Judge<'v, 't> {
    pub(crate) verifier: &'v Verifier,
    pub(crate) moment: Moment,
    pub(crate) login: bool,
    pub(crate) trail: &'t mut Trail,
}

/// The key that a credential asks for.
struct Choice<'v> {
    algorithm: KeyAlgorithm,
    candidates: Candidates<'v>,
    /// The day of the key, in a sinch JWT.
    day: Option<KeyDay>,
}

/// By what a credential is told apart from others.
struct Ids {
    jti: Option<String>,
    nonce: Option<String>,
}

// === impl Judge ===

impl<'v> Judge<'v, '_> {
    /// Judges a JWT. `Ok(None)`: refused, and every check is in the trail.
    pub(crate) fn jws(
        mut self,
        jws: &Jws<'_>,
        dialect: Dialect,
    ) -> Result<Option<Claims>, Refusal> {
        // It was read once to recognise the dialect. Reading it again costs a
        // microsecond, and keeps the claims out of what `parse` gives away.
        let payload = read_again(&jws.payload)?;
        let application_id = self.application(dialect, &payload)?;
        let choice = self.choice(dialect, jws.header.as_ref())?;
        let signed_by = self.signature(choice.as_ref(), jws.signing_input, &jws.signature)?;
        let rules = match dialect {
            Dialect::Nexmo => nexmo::LIFETIME,
            Dialect::Kustomer => kustomer::LIFETIME,
            Dialect::Sinch => sinch::jwt::LIFETIME,
            Dialect::Native => native::LIFETIME,
        };
        let lifetime = lifetime::check(&payload, rules, self.moment, self.trail)?;
        let subject = match dialect {
            Dialect::Nexmo => nexmo::subject(&payload, self.login),
            Dialect::Kustomer => kustomer::subject(&payload).map(Some),
            Dialect::Sinch => sinch::jwt::subject(&payload).map(Some),
            Dialect::Native => native::subject(&payload).map(Some),
        };
        let subject = self.subject(subject)?;
        let ids = self.ids(dialect, &payload)?;
        if let (Dialect::Sinch, Some(lifetime)) = (dialect, lifetime) {
            self.instance_expiry(&payload, lifetime)?;
        }
        let acl = if dialect == Dialect::Nexmo {
            self.trail.check(name::ACL, nexmo::acl(&payload), |acl| {
                nexmo::describe_acl(acl.as_ref(), &payload)
            })?
        } else {
            Some(None)
        };
        let (
            Some(application_id),
            Some(signed_by),
            Some(lifetime),
            Some(subject),
            Some(ids),
            Some(acl),
        ) = (application_id, signed_by, lifetime, subject, ids, acl)
        else {
            return Ok(None);
        };
        Ok(Some(Claims {
            dialect,
            subject,
            application_id,
            kid: signed_by.kid.clone(),
            issued_at: lifetime.issued_at,
            expires_at: lifetime.expires_at,
            jti: ids.jti,
            nonce: ids.nonce,
            digest: digest_of(jws.signing_input),
            acl,
            capped: lifetime.capped,
        }))
    }

    /// Judges a ticket.
    pub(crate) fn ticket(mut self, ticket: &Ticket) -> Result<Option<Claims>, Refusal> {
        let fields = read_again(ticket.json.as_bytes())?;
        let application_id =
            sinch::ticket::application(&fields).and_then(|key| self.own_id("applicationKey", key));
        let application_id = self.trail.check(name::APPLICATION, application_id, |id| {
            format!("`applicationKey` is {}", quoted(id))
        })?;
        let algorithm = KeyAlgorithm::SinchHmacSha256;
        let candidates = self.verifier.ring.candidates(None, algorithm);
        let candidates = self.candidates(candidates)?;
        let choice = candidates.map(|candidates| Choice {
            algorithm,
            candidates,
            day: None,
        });
        let message = ticket.json.as_bytes();
        let signed_by = self.signature(choice.as_ref(), message, &ticket.mac)?;
        let lifetime = sinch::ticket::lifetime(&fields, self.moment, self.trail)?;
        let subject = self.subject(sinch::ticket::subject(&fields).map(Some))?;
        let (Some(application_id), Some(signed_by), Some(lifetime), Some(subject)) =
            (application_id, signed_by, lifetime, subject)
        else {
            return Ok(None);
        };
        Ok(Some(Claims {
            dialect: Dialect::Sinch,
            subject,
            application_id: Some(application_id),
            kid: signed_by.kid.clone(),
            issued_at: lifetime.issued_at,
            expires_at: lifetime.expires_at,
            jti: None,
            nonce: None,
            digest: digest_of(message),
            acl: None,
            capped: lifetime.capped,
        }))
    }

    /// That it was made for this application: by its own name for one, and by
    /// `aud` where that is there.
    fn application(
        &mut self,
        dialect: Dialect,
        payload: &Object<'_>,
    ) -> Result<Option<Option<String>>, Refusal> {
        let own = match dialect {
            Dialect::Nexmo => nexmo::application(payload)
                .and_then(|id| self.own_id("application_id", id))
                .map(Some),
            Dialect::Sinch => sinch::jwt::application(payload)
                .and_then(|key| self.own_id("iss", key))
                .map(Some),
            Dialect::Native => Ok(Some(self.verifier.application_id.clone())),
            Dialect::Kustomer => Ok(None),
        };
        let outcome = own.and_then(|own| {
            claim::audience(payload, &self.verifier.application_id)?;
            Ok(own)
        });
        self.trail
            .check(name::APPLICATION, outcome, |own| match own {
                Some(id) => format!("it is for {}", quoted(id)),
                None => "a kustomer credential names none: whoever presents it must".to_owned(),
            })
    }

    /// A credential's own name for its application: the id or an alias, to the
    /// byte.
    fn own_id(&self, claim: &str, id: &str) -> Result<String, Refusal> {
        let verifier = self.verifier;
        let known =
            id == verifier.application_id || verifier.aliases.iter().any(|alias| alias == id);
        if known {
            return Ok(id.to_owned());
        }
        let refusal = Refusal::new(
            Code::WrongAudience,
            format!(
                "`{claim}` names the application {}, and this is {}",
                quoted(id),
                quoted(&verifier.application_id)
            ),
        );
        Err(if id.eq_ignore_ascii_case(&verifier.application_id) {
            refusal.hint("the id is compared exactly: write it as it is shown, in lower case")
        } else {
            refusal.hint("write this application's id there, and sign with this application's key")
        })
    }

    /// Which keys may have signed it.
    fn choice(
        &mut self,
        dialect: Dialect,
        header: Option<&Header>,
    ) -> Result<Option<Choice<'v>>, Refusal> {
        let Some(header) = header else {
            self.trail.skip(name::KEY, "the header is not understood");
            return Ok(None);
        };
        let algorithm = dialect.key_algorithm(&header.algorithm_name);
        let algorithm = self.trail.check(name::ALGORITHM, algorithm, |algorithm| {
            format!("{algorithm}, which the {dialect} dialect allows")
        })?;
        let Some(algorithm) = algorithm else {
            self.trail.skip(name::KEY, "the algorithm is not allowed");
            return Ok(None);
        };
        let kid = header.kid.as_deref();
        let mut day = None;
        if dialect == Dialect::Sinch {
            let named = sinch::jwt::key_day(kid);
            let Some(named) = self.trail.check(name::KEY_DAY, named, |day| {
                format!("the key of {}", day.date)
            })?
            else {
                return Ok(None);
            };
            // A doctor goes on: the signature may fit nevertheless.
            let near = sinch::jwt::near(&named, self.moment.now);
            self.trail.check(name::KEY_DAY, near, |()| {
                format!("near the server's time, {}", self.moment.now)
            })?;
            day = Some(named);
        }
        let kid = kid.filter(|_| day.is_none());
        let candidates = self.verifier.ring.candidates(kid, algorithm);
        let candidates = self.candidates(candidates)?;
        Ok(candidates.map(|candidates| Choice {
            algorithm,
            candidates,
            day,
        }))
    }

    fn candidates(
        &mut self,
        candidates: Result<Candidates<'v>, Refusal>,
    ) -> Result<Option<Candidates<'v>>, Refusal> {
        self.trail.check(name::KEY, candidates, |candidates| {
            let keys: Vec<String> = candidates
                .iter()
                .map(|key| format!("{} ({}, {})", key.kid, key.key.algorithm(), key.state))
                .collect();
            keys.join(", then ")
        })
    }

    fn signature(
        &mut self,
        choice: Option<&Choice<'v>>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Option<&'v RingKey>, Refusal> {
        let Some(choice) = choice else {
            self.trail.skip(name::SIGNATURE, "no key was found for it");
            return Ok(None);
        };
        let signed_by = choice.candidates.iter().find(|key| match &choice.day {
            Some(day) => key.key.verifies_on_day(&day.text, message, signature),
            None => key.key.verifies(message, signature),
        });
        let outcome = signed_by.ok_or_else(|| {
            let keys: Vec<&str> = choice
                .candidates
                .iter()
                .map(|key| key.kid.as_str())
                .collect();
            let misfit = Misfit {
                ring: &self.verifier.ring,
                tried: choice.candidates,
                algorithm: choice.algorithm,
                day: choice.day.as_ref(),
                message,
                signature,
            };
            Refusal::new(
                Code::BadSignature,
                format!("the signature was not made with {}", keys.join(" or ")),
            )
            .hint(misfit.hint())
        });
        self.trail.check(name::SIGNATURE, outcome, |key| {
            let seen = Seen::from(format!("made with {}, which is {}", key.kid, key.state));
            if key.key.is_weak() {
                seen.hint(format!("the secret {} is short: replace it", key.kid))
            } else {
                seen
            }
        })
    }

    fn subject(
        &mut self,
        subject: Result<Option<Subject>, Refusal>,
    ) -> Result<Option<Option<Subject>>, Refusal> {
        self.trail
            .check(name::SUBJECT, subject, |subject| match subject {
                Some(subject) => format!("the {} {}", subject.kind(), quoted(subject.as_str())),
                None => "none: a backend's bearer".to_owned(),
            })
    }

    fn ids(&mut self, dialect: Dialect, payload: &Object<'_>) -> Result<Option<Ids>, Refusal> {
        let numbers = if dialect == Dialect::Nexmo {
            nexmo::ID_NUMBERS
        } else {
            IdNumbers::Refuse
        };
        let one_time = self.verifier.rules.one_time_native;
        let ids = claim::id(payload, "jti", numbers).and_then(|jti| match dialect {
            Dialect::Nexmo | Dialect::Kustomer => Ok(Ids { jti, nonce: None }),
            Dialect::Native => Ok(Ids {
                jti: native::one_time_id(jti, one_time)?,
                nonce: None,
            }),
            Dialect::Sinch => Ok(Ids {
                jti,
                nonce: Some(sinch::jwt::nonce(payload)?),
            }),
        });
        self.trail
            .check(name::TOKEN_ID, ids, |ids| match (&ids.jti, &ids.nonce) {
                (Some(_), _) => "`jti` is there",
                (None, Some(_)) => "`nonce` is there",
                (None, None) => "no `jti`: where it may be used only once, its digest counts",
            })
    }

    fn instance_expiry(&mut self, payload: &Object<'_>, lifetime: Lifetime) -> Result<(), Refusal> {
        if payload.get(sinch::jwt::INSTANCE_EXPIRY).is_some() {
            let end = sinch::jwt::instance_expiry(payload, lifetime.issued_at);
            self.trail.check(name::INSTANCE_EXPIRY, end, |end| {
                format!("a registration until {end}; sessions here end by their own rules")
            })?;
        }
        Ok(())
    }
}

fn read_again(bytes: &[u8]) -> Result<Object<'_>, Refusal> {
    json::read_object(bytes)
        .map_err(|error| bad(format!("the claims are not a strict JSON object: {error}")))
}

fn digest_of(bytes: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, bytes)
        .as_ref()
        .try_into()
        .expect("SHA-256 has 32 bytes")
}
