//! The ACL of a credential: which API paths its bearer may call.
//!
//! An ACL only takes away: what it permits, the role of whoever calls must allow as well. Its rules
//! are a union, and what no rule covers is not permitted. Reading fails closed: a member, a method
//! or a pattern that is not understood refuses the whole credential, since it may have been meant
//! to restrict.
//!
//! There is no unrestricted ACL. A credential without the claim has none, and what holds then is
//! the application's decision.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::json;
use call::Call;
use pattern::{Path, Pattern, PatternError};
use rule::{Rule, RuleError};

pub mod call;
pub mod pattern;
pub mod rule;
#[cfg(test)]
mod tests;
mod write;

/// The most patterns that an ACL has.
pub const PATTERNS_MAX: usize = 100;

/// An ACL, read once, asked often and cheap to clone. Two are equal when they have the same patterns with the same
/// rules, in whatever order they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl {
    /// Sorted by pattern; each pattern is there once.
    entries: Arc<[Entry]>,
}

/// Why a JSON value is no ACL.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AclError {
    /// The claim is of another kind.
    #[error("acl must be an object, found {kind}")]
    NotAnObject {
        /// The JSON kind that was found.
        kind: &'static str,
    },
    /// A member that nobody defined.
    #[error("acl has the unknown member \"{name}\"; only \"paths\" is known")]
    UnknownMember {
        /// The member's name, as an excerpt that is safe to print.
        name: String,
    },
    /// The member `paths` is missing. To grant nothing, it is there and empty.
    #[error("acl has no member \"paths\"")]
    NoPaths,
    /// `paths` is of another kind.
    #[error("acl.paths must be an object, found {kind}")]
    PathsNotAnObject {
        /// The JSON kind that was found.
        kind: &'static str,
    },
    /// More than [`PATTERNS_MAX`] patterns.
    #[error("acl.paths has {count} patterns; at most {PATTERNS_MAX} are allowed")]
    TooManyPatterns {
        /// How many there are.
        count: usize,
    },
    /// A member's name of `paths` is no pattern.
    #[error("the acl pattern \"{pattern}\" {problem}")]
    Pattern {
        /// The pattern, as an excerpt that is safe to print.
        pattern: String,
        /// What is wrong with it.
        problem: PatternError,
    },
    /// A member's value of `paths` is no rule.
    #[error("the acl rule of \"{pattern}\" {problem}")]
    Rule {
        /// The rule's pattern, as an excerpt that is safe to print.
        pattern: String,
        /// What is wrong with the rule.
        problem: RuleError,
    },
}

/// Why an ACL permits a call, or does not. `Display` is a clause for people, with every text of
/// the ACL in a form that is safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Explanation<'a> {
    /// The rule of this pattern permits the call.
    Permitted {
        /// The first such pattern, in the order of their bytes.
        pattern: &'a str,
    },
    /// The call's path is not canonical, which nothing permits.
    PathNotCanonical,
    /// No pattern covers the call's path.
    NotCovered,
    /// Patterns cover the path, but the rule of none permits the call.
    Missed {
        /// Each such pattern, in the order of their bytes; at least one.
        misses: Vec<Miss<'a>>,
    },
}

/// A pattern that covers a call's path, and why its rule does not permit the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miss<'a> {
    /// The pattern.
    pub pattern: &'a str,
    /// Why its rule does not permit the call.
    pub reason: MissReason<'a>,
}

/// Why a rule does not permit a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissReason<'a> {
    /// The rule lists methods, and the call's is not among them.
    Method,
    /// The call has no parameter of the filter's name.
    FilterAbsent {
        /// The filter's name.
        name: &'a str,
    },
    /// An occurrence of the parameter is not the filter's value.
    FilterDiffers {
        /// The filter's name.
        name: &'a str,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    pattern: Pattern,
    rule: Rule,
}

/// What the vendor of the nexmo protocol documents for a client that may do everything.
const FULL_CLIENT_SET: [&str; 10] = [
    "/*/users/**",
    "/*/conversations/**",
    "/*/sessions/**",
    "/*/devices/**",
    "/*/image/**",
    "/*/media/**",
    "/*/applications/**",
    "/*/push/**",
    "/*/knocking/**",
    "/*/legs/**",
];

/// The most characters of a foreign text that a message repeats.
const EXCERPT_CHARACTERS_MAX: usize = 60;

// === impl Acl ===

impl Acl {
    /// Reads the claim `acl`: `{"paths": {PATTERN: {"methods"?: […], "filters"?: {…}}}}`.
    ///
    /// # Errors
    ///
    /// Everything that is not exactly that, with the first fault that was found.
    pub fn from_json(value: &json::Value<'_>) -> Result<Self, AclError> {
        let members = value
            .as_object()
            .ok_or_else(|| AclError::NotAnObject { kind: value.kind() })?;
        if let Some((name, _)) = members.iter().find(|(name, _)| *name != "paths") {
            return Err(AclError::UnknownMember {
                name: excerpt(name),
            });
        }
        let paths = members.get("paths").ok_or(AclError::NoPaths)?;
        let paths = paths
            .as_object()
            .ok_or_else(|| AclError::PathsNotAnObject { kind: paths.kind() })?;
        if paths.len() > PATTERNS_MAX {
            return Err(AclError::TooManyPatterns { count: paths.len() });
        }
        let mut entries = Vec::with_capacity(paths.len());
        for (text, rule) in paths.iter() {
            let pattern = Pattern::parse(text).map_err(|problem| AclError::Pattern {
                pattern: excerpt(text),
                problem,
            })?;
            let rule = Rule::from_json(rule).map_err(|problem| AclError::Rule {
                pattern: excerpt(text),
                problem,
            })?;
            entries.push(Entry { pattern, rule });
        }
        Ok(Self::from_entries(entries))
    }

    /// The documented full client set: every path that a client of the nexmo protocol calls.
    #[must_use]
    pub fn full_client_set() -> Self {
        let entry = |text| Entry {
            pattern: Pattern::parse(text).expect("every pattern of the constant is legal"),
            rule: Rule::default(),
        };
        Self::from_entries(FULL_CLIENT_SET.map(entry).into())
    }

    /// The ACL as JSON without white space, patterns and filters sorted: equal ACLs have equal
    /// texts, and [`Acl::from_json`] reads an equal ACL back.
    #[must_use]
    pub fn to_json_text(&self) -> String {
        write::acl(self)
    }

    /// Whether a rule has filters. Where none has, a caller need not collect parameters.
    #[must_use]
    pub fn has_filters(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| !entry.rule.filters().is_empty())
    }

    /// Whether a rule permits the call. Takes time in proportion to the size of the ACL and the
    /// call, and allocates nothing.
    #[must_use]
    pub fn permits(&self, call: &Call<'_>) -> bool {
        Path::parse(call.path).is_some_and(|path| {
            self.entries
                .iter()
                .any(|entry| entry.pattern.covers(path) && entry.rule.check(call).is_ok())
        })
    }

    /// What [`Acl::permits`] answers, and why.
    #[must_use]
    pub fn explain(&self, call: &Call<'_>) -> Explanation<'_> {
        let Some(path) = Path::parse(call.path) else {
            return Explanation::PathNotCanonical;
        };
        let mut misses = Vec::new();
        for entry in &*self.entries {
            if entry.pattern.covers(path) {
                let pattern = entry.pattern.as_str();
                match entry.rule.check(call) {
                    Ok(()) => return Explanation::Permitted { pattern },
                    Err(reason) => misses.push(Miss { pattern, reason }),
                }
            }
        }
        if misses.is_empty() {
            Explanation::NotCovered
        } else {
            Explanation::Missed { misses }
        }
    }

    fn from_entries(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable_by(|left, right| left.pattern.as_str().cmp(right.pattern.as_str()));
        Self {
            entries: entries.into(),
        }
    }
}

// === impl Explanation ===

impl Explanation<'_> {
    /// Whether the call is permitted.
    #[must_use]
    pub fn is_permitted(&self) -> bool {
        matches!(self, Self::Permitted { .. })
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permitted { pattern } => {
                write!(formatter, "permitted by \"{}\"", excerpt(pattern))
            }
            Self::PathNotCanonical => formatter.write_str("the path is not canonical"),
            Self::NotCovered => formatter.write_str("no pattern covers the path"),
            Self::Missed { misses } => {
                for (index, miss) in misses.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "; " };
                    write!(formatter, "{separator}{miss}")?;
                }
                Ok(())
            }
        }
    }
}

// === impl Miss ===

impl fmt::Display for Miss<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pattern = excerpt(self.pattern);
        write!(
            formatter,
            "\"{pattern}\" covers the path, but {}",
            self.reason
        )
    }
}

// === impl MissReason ===

impl fmt::Display for MissReason<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method => formatter.write_str("its rule does not list the method"),
            Self::FilterAbsent { name } => {
                let name = excerpt(name);
                write!(formatter, "its filter \"{name}\" finds no such parameter")
            }
            Self::FilterDiffers { name } => {
                let name = excerpt(name);
                write!(formatter, "its filter \"{name}\" has another value")
            }
        }
    }
}

/// The beginning of a foreign text, with everything escaped that does not print.
fn excerpt(text: &str) -> String {
    let mut characters = text.chars();
    let mut excerpt: String = characters
        .by_ref()
        .take(EXCERPT_CHARACTERS_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if characters.next().is_some() {
        excerpt.push('…');
    }
    excerpt
}
