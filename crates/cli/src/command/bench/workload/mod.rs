//! The workloads: each drives one server once, and answers what it measured.

pub(super) mod login;
pub(super) mod own_user;
pub(super) mod message;
pub(super) mod fan_out;
pub(super) mod page;
pub(super) mod revocation;
pub(super) mod sinch;
pub(super) mod start;

use super::metric::Metric;
use super::protocol::{Proof, Protocol};
use super::stage::{Stage, user_name};
use super::target::Target;
use crate::exit::Failure;

/// What was measured once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    pub(super) metric: Metric,
    pub(super) size: Option<usize>,
    pub(super) value: f64,
}

/// What each workload is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) stage: &'a Stage,
    pub(super) target: &'a Target,
    /// The peers' tokens.
    pub(super) tokens: &'a [String],
    /// How many users our application has at least.
    pub(super) users: usize,
}

// === impl Number ===

impl Number {
    pub(super) fn new(metric: Metric, value: f64) -> Self {
        Self {
            metric,
            size: None,
            value,
        }
    }

    pub(super) fn of_size(metric: Metric, size: usize, value: f64) -> Self {
        Self {
            metric,
            size: Some(size),
            value,
        }
    }
}

// === impl Scene ===

impl Scene<'_> {
    /// So many of our users, from all over them.
    pub(super) fn some_users(&self, count: usize) -> Vec<String> {
        let step = (self.users / count.max(1)).max(1);
        (0..count).map(|number| user_name(number * step)).collect()
    }

    /// What logs so many of them in, at whichever server this is.
    ///
    /// # Errors
    /// If a key does not sign, or there are not so many tokens.
    pub(super) fn proofs(&self, count: usize) -> Result<Vec<Proof>, Failure> {
        match self.target.protocol {
            Protocol::Countersign | Protocol::Nexmo => {
                return self.stage.proofs(&self.some_users(count));
            }
            Protocol::Floor | Protocol::SocketIo => {}
        }
        let tokens = self.tokens.get(..count).ok_or_else(|| {
            Failure::usage(format!(
                "--tokens has {} tokens, and {count} are needed",
                self.tokens.len()
            ))
            .hint(format!(
                "make them with the yardstick's `lg tokens --n {count}`"
            ))
        })?;
        let proof = |token: &String| Proof {
            token: token.clone(),
            key: None,
        };
        Ok(tokens.iter().map(proof).collect())
    }
}

/// The CPU time of one operation, in millionths of a second.
fn each_us(cpu_s: f64, operations: usize) -> f64 {
    1e6 * cpu_s / operations.max(1) as f64
}
