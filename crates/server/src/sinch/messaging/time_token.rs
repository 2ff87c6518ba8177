//! Time tokens: a client says with each poll what it has, by the token of the
//! answer before.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use countersign_core::context::Ctx;
use countersign_credential::time::Timestamp;
use serde_json::json;

use super::Desk;
use crate::sinch::answer::Answer;

/// Tokens count tenths of microseconds.
const IN_A_MILLISECOND: u64 = 10_000;
/// Digits of the largest number.
const DIGITS_MAX: usize = 19;

/// A time token: seventeen digits for as long as anybody cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct TimeToken(u64);

/// Gives tokens out, each larger than all before.
#[derive(Debug, Default)]
pub(super) struct TimeTokens(AtomicU64);

/// `GET /time/0`: for anybody; clients find out by it whether there is a network.
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Extension(desk): Extension<Arc<Desk>>,
) -> Response {
    let TimeToken(number) = desk.tokens.next(ctx.now());
    Answer(json!([number])).into_response()
}

// === impl TimeToken ===

impl TimeToken {
    /// What a client sends that has nothing.
    pub(super) const NONE: Self = Self(0);

    /// The token that is written so.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = (1..=DIGITS_MAX).contains(&text.len());
        let number = (digits && fits).then(|| text.parse().ok())?;
        number.map(Self)
    }
}

impl fmt::Display for TimeToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:017}", self.0)
    }
}

// === impl TimeTokens ===

impl TimeTokens {
    /// The next token, of this moment, or of the first after it that is free.
    pub(super) fn next(&self, now: Timestamp) -> TimeToken {
        let now = u64::try_from(now.milliseconds()).unwrap_or(0);
        let now = now.saturating_mul(IN_A_MILLISECOND);
        let later = |last: u64| Some(now.max(last.saturating_add(1)));
        let order = Ordering::Relaxed;
        let last = self.0.fetch_update(order, order, later).unwrap_or(now);
        TimeToken(now.max(last.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_is_larger_than_all_before() {
        let tokens = TimeTokens::default();
        let now = Timestamp::from_milliseconds(1_800_000_000_000);
        let before = Timestamp::from_milliseconds(1_799_999_999_000);
        let mut last = TimeToken::NONE;
        for moment in [now, now, before, now, now.plus_seconds(1), before] {
            let next = tokens.next(moment);
            assert!(next > last, "{next} {last}");
            assert_eq!(next.to_string().len(), 17);
            assert_eq!(TimeToken::parse(&next.to_string()), Some(next));
            last = next;
        }
    }

    #[test]
    fn only_digits_are_a_token() {
        assert_eq!(TimeToken::parse("0"), Some(TimeToken::NONE));
        for other in ["", "-1", "+1", "1.5", "1e3", "99999999999999999999", "١"] {
            assert_eq!(TimeToken::parse(other), None, "{other}");
        }
    }
}
