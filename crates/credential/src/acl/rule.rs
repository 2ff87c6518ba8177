//! What a pattern allows: a rule's methods and filters.

use thiserror::Error;

use super::MissReason;
use super::call::{Call, Method};
use super::excerpt;
use crate::json;

/// Why a JSON value is no rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuleError {
    /// The rule is of another kind.
    #[error("must be an object, found {kind}")]
    NotAnObject {
        /// The JSON kind that was found.
        kind: &'static str,
    },
    /// A member that nobody defined: it may have been meant to restrict.
    #[error("has the unknown member \"{name}\"; only \"methods\" and \"filters\" are known")]
    UnknownMember {
        /// The member's name, as an excerpt that is safe to print.
        name: String,
    },
    /// `methods` is of another kind.
    #[error("has \"methods\" that must be an array, found {kind}")]
    MethodsNotAnArray {
        /// The JSON kind that was found.
        kind: &'static str,
    },
    /// An entry of `methods` is of another kind.
    #[error("has a method that must be a string, found {kind}")]
    MethodNotText {
        /// The JSON kind that was found.
        kind: &'static str,
    },
    /// An entry of `methods` is no method, or not in upper case.
    #[error("has the unknown method \"{name}\"; the methods are GET, POST, PUT, PATCH and DELETE")]
    UnknownMethod {
        /// The entry, as an excerpt that is safe to print.
        name: String,
    },
    /// `filters` is of another kind.
    #[error("has \"filters\" that must be an object, found {kind}")]
    FiltersNotAnObject {
        /// The JSON kind that was found.
        kind: &'static str,
    },
    /// A filter's value is of another kind.
    #[error("has the filter \"{name}\" whose value must be a string, found {kind}")]
    FilterNotText {
        /// The filter's name, as an excerpt that is safe to print.
        name: String,
        /// The JSON kind that was found.
        kind: &'static str,
    },
}

/// A rule that was read. One without methods and filters allows every call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rule {
    /// `None` allows every method. That all of today's methods are listed is something else: it
    /// does not allow tomorrow's.
    methods: Option<MethodSet>,
    /// Sorted by name; each name is there once.
    filters: Box<[Filter]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) name: Box<str>,
    pub(super) value: Box<str>,
}

/// A bit for each method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct MethodSet(u8);

// === impl Rule ===

impl Rule {
    pub(super) fn from_json(value: &json::Value<'_>) -> Result<Self, RuleError> {
        let members = value
            .as_object()
            .ok_or_else(|| RuleError::NotAnObject { kind: value.kind() })?;
        let mut rule = Self::default();
        for (name, value) in members.iter() {
            match name {
                "methods" => rule.methods = Some(read_methods(value)?),
                "filters" => rule.filters = read_filters(value)?,
                unknown => {
                    return Err(RuleError::UnknownMember {
                        name: excerpt(unknown),
                    });
                }
            }
        }
        Ok(rule)
    }

    pub(super) fn methods(&self) -> Option<MethodSet> {
        self.methods
    }

    pub(super) fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// The first reason why the rule does not allow a call that its pattern covers.
    pub(super) fn check(&self, call: &Call<'_>) -> Result<(), MissReason<'_>> {
        if let Some(methods) = self.methods
            && !methods.contains(call.method)
        {
            return Err(MissReason::Method);
        }
        self.filters
            .iter()
            .try_for_each(|filter| filter.check(call))
    }
}

// === impl Filter ===

impl Filter {
    fn check(&self, call: &Call<'_>) -> Result<(), MissReason<'_>> {
        let mut occurs = false;
        for parameter in call.parameters {
            if *parameter.name == *self.name {
                if parameter.text != Some(&*self.value) {
                    return Err(MissReason::FilterDiffers { name: &self.name });
                }
                occurs = true;
            }
        }
        if occurs {
            Ok(())
        } else {
            Err(MissReason::FilterAbsent { name: &self.name })
        }
    }
}

// === impl MethodSet ===

impl MethodSet {
    pub(super) fn contains(self, method: Method) -> bool {
        self.0 & Self::bit(method) != 0
    }

    fn insert(&mut self, method: Method) {
        self.0 |= Self::bit(method);
    }

    fn bit(method: Method) -> u8 {
        1 << method as u8
    }
}

fn read_methods(value: &json::Value<'_>) -> Result<MethodSet, RuleError> {
    let entries = value
        .as_array()
        .ok_or_else(|| RuleError::MethodsNotAnArray { kind: value.kind() })?;
    let mut methods = MethodSet::default();
    for entry in entries {
        let name = entry
            .as_str()
            .ok_or_else(|| RuleError::MethodNotText { kind: entry.kind() })?;
        methods.insert(
            Method::from_name(name).ok_or_else(|| RuleError::UnknownMethod {
                name: excerpt(name),
            })?,
        );
    }
    Ok(methods)
}

fn read_filters(value: &json::Value<'_>) -> Result<Box<[Filter]>, RuleError> {
    let members = value
        .as_object()
        .ok_or_else(|| RuleError::FiltersNotAnObject { kind: value.kind() })?;
    let mut filters = Vec::with_capacity(members.len());
    for (name, value) in members.iter() {
        let text = value.as_str().ok_or_else(|| RuleError::FilterNotText {
            name: excerpt(name),
            kind: value.kind(),
        })?;
        filters.push(Filter {
            name: name.into(),
            value: text.into(),
        });
    }
    filters.sort_unstable_by(|left, right| left.name.cmp(&right.name));
    Ok(filters.into_boxed_slice())
}
