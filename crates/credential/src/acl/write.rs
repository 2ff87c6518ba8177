//! The text of an ACL, as a session's row keeps it.

use super::call::Method;
use super::rule::{Filter, MethodSet, Rule};
use super::{Acl, Entry};
use crate::json::write_string;

pub(super) fn acl(acl: &Acl) -> String {
    let mut text = String::from("{\"paths\":{");
    separated(&mut text, &*acl.entries, |text, Entry { pattern, rule }| {
        write_string(text, pattern.as_str());
        text.push(':');
        write_rule(text, rule);
    });
    text.push_str("}}");
    text
}

fn write_rule(text: &mut String, rule: &Rule) {
    text.push('{');
    if let Some(methods) = rule.methods() {
        write_methods(text, methods);
    }
    if !rule.filters().is_empty() {
        if rule.methods().is_some() {
            text.push(',');
        }
        text.push_str("\"filters\":{");
        separated(text, rule.filters(), |text, Filter { name, value }| {
            write_string(text, name);
            text.push(':');
            write_string(text, value);
        });
        text.push('}');
    }
    text.push('}');
}

fn write_methods(text: &mut String, methods: MethodSet) {
    text.push_str("\"methods\":[");
    let listed = Method::ALL
        .into_iter()
        .filter(|method| methods.contains(*method));
    separated(text, listed, |text, method| {
        write_string(text, method.as_str())
    });
    text.push(']');
}

fn separated<T>(
    text: &mut String,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(text, item);
    }
}
