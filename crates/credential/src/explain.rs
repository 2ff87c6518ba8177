//! The doctor's side of judging: every check by name, in order, with what it
//! saw.
//!
//! A verdict and its explanation come from the same code. Each check reports
//! to a `Trail`; one that only wants the verdict ends at the first failure,
//! and one that keeps everything notes it and goes on with whatever can still
//! be checked. So the two can never disagree about the first failure.

use crate::claims::Claims;
use crate::dialect::Dialect;
use crate::refusal::{Code, Refusal};

/// The names of the checks, in the order in which they are made.
pub mod name {
    /// The outer form.
    pub const STRUCTURE: &str = "structure";
    /// The members of the JOSE header.
    pub const HEADER: &str = "header";
    /// Strict JSON in the payload.
    pub const PAYLOAD: &str = "payload";
    /// Which dialect it is written in.
    pub const DIALECT: &str = "dialect";
    /// Which application it is for.
    pub const APPLICATION: &str = "application";
    /// Whether the dialect allows the algorithm.
    pub const ALGORITHM: &str = "algorithm";
    /// Which day's key a sinch JWT names.
    pub const KEY_DAY: &str = "key_day";
    /// Which keys may have signed it.
    pub const KEY: &str = "key";
    /// Whether one of them did.
    pub const SIGNATURE: &str = "signature";
    /// When it was made.
    pub const ISSUED: &str = "issued";
    /// How its clock compares with the server's, and its age.
    pub const CLOCK: &str = "clock";
    /// From when on it may be used.
    pub const NOT_BEFORE: &str = "not_before";
    /// How long it may be used.
    pub const EXPIRY: &str = "expiry";
    /// Which user it names.
    pub const SUBJECT: &str = "subject";
    /// Its own id or nonce.
    pub const TOKEN_ID: &str = "token_id";
    /// What a bounded sinch instance states.
    pub const INSTANCE_EXPIRY: &str = "instance_expiry";
    /// What the ACL allows.
    pub const ACL: &str = "acl";
}

/// Everything that was found out about a credential.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The dialect, where the form was good enough to tell.
    pub dialect: Option<Dialect>,
    /// What it says, only if it is accepted.
    pub claims: Option<Claims>,
    /// Why it is refused: the first check that failed.
    pub refusal: Option<Refusal>,
    /// Every check that could be made, in order.
    pub checks: Vec<Check>,
}

/// One check that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// One of the names in [`name`].
    pub name: &'static str,
    /// Whether it passed. A credential is accepted if all did.
    pub passed: bool,
    /// What was seen, as a sentence.
    pub detail: String,
    /// What to do about it; on a check that passed, what to be aware of.
    pub hint: Option<String>,
}

/// What a check saw when it passed.
#[derive(Debug)]
pub(crate) struct Seen {
    detail: String,
    hint: Option<String>,
}

/// Where checks report to.
#[derive(Debug)]
pub(crate) enum Trail {
    /// Ends at the first failure, and formats nothing.
    Verdict,
    /// Keeps every check.
    Full {
        checks: Vec<Check>,
        refusal: Option<Refusal>,
    },
}

// === impl Explanation ===

impl Explanation {
    /// Whether the credential would log a user in at this time.
    pub fn accepted(&self) -> bool {
        self.refusal.is_none()
    }

    /// The explanation of an input that cannot be a credential at all, such as
    /// one that is no text.
    pub fn of_malformed(detail: impl Into<String>) -> Self {
        Self::of_refusal(name::STRUCTURE, Refusal::new(Code::MalformedToken, detail))
    }

    pub(crate) fn of_refusal(check: &'static str, refusal: Refusal) -> Self {
        Self {
            dialect: None,
            claims: None,
            checks: vec![Check::failed(check, &refusal)],
            refusal: Some(refusal),
        }
    }
}

// === impl Check ===

impl Check {
    fn failed(name: &'static str, refusal: &Refusal) -> Self {
        Self {
            name,
            passed: false,
            detail: refusal.detail.clone(),
            hint: refusal.hint.clone(),
        }
    }
}

// === impl Seen ===

impl Seen {
    /// Something to be aware of, though the check passed.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<String> for Seen {
    fn from(detail: String) -> Self {
        Self { detail, hint: None }
    }
}

impl From<&str> for Seen {
    fn from(detail: &str) -> Self {
        Self::from(detail.to_owned())
    }
}

// === impl Trail ===

impl Trail {
    pub(crate) fn full() -> Self {
        Self::Full {
            checks: Vec::new(),
            refusal: None,
        }
    }

    /// Reports a check, and gives back what it found.
    ///
    /// `Ok(None)` says that it failed and was noted; whatever needs its result
    /// cannot be checked. `seen` is asked only if somebody will read it.
    ///
    /// # Errors
    /// The failure, if this trail ends at the first.
    pub(crate) fn check<T, S: Into<Seen>>(
        &mut self,
        name: &'static str,
        outcome: Result<T, Refusal>,
        seen: impl FnOnce(&T) -> S,
    ) -> Result<Option<T>, Refusal> {
        match (self, outcome) {
            (Self::Verdict, outcome) => outcome.map(Some),
            (Self::Full { checks, .. }, Ok(found)) => {
                let Seen { detail, hint } = seen(&found).into();
                checks.push(Check {
                    name,
                    passed: true,
                    detail,
                    hint,
                });
                Ok(Some(found))
            }
            (Self::Full { checks, refusal }, Err(failure)) => {
                checks.push(Check::failed(name, &failure));
                refusal.get_or_insert(failure);
                Ok(None)
            }
        }
    }

    /// Notes a check that could not be made because of an earlier failure.
    pub(crate) fn skip(&mut self, name: &'static str, why: &str) {
        if let Self::Full { checks, .. } = self {
            checks.push(Check {
                name,
                passed: false,
                detail: format!("not checked: {why}"),
                hint: None,
            });
        }
    }

    /// The explanation of what was reported. The claims are left out unless
    /// every check passed.
    pub(crate) fn into_explanation(
        self,
        dialect: Option<Dialect>,
        claims: Option<Claims>,
    ) -> Explanation {
        match self {
            Self::Verdict => Explanation {
                dialect,
                claims,
                refusal: None,
                checks: Vec::new(),
            },
            Self::Full { checks, refusal } => Explanation {
                dialect,
                claims: claims.filter(|_| refusal.is_none()),
                refusal,
                checks,
            },
        }
    }
}
