//! The text of an ACL, as a session's row keeps it.

use std::fmt::Write;

use super::call::Method;
use super::rule::{Filter, MethodSet, Rule};
use super::{Acl, Entry};

pub(super) fn acl(acl: &Acl) -> String {
    let mut text = String::from("{\"paths\":{");
    separated(&mut text, &*acl.entries, |text, Entry { pattern, rule }| {
        string(text, pattern.as_str());
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
            string(text, name);
            text.push(':');
            string(text, value);
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
    separated(text, listed, |text, method| string(text, method.as_str()));
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

/// A JSON string with the escapes that RFC 8259 section 7 demands, and no others.
fn string(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '\0'..='\x1f' => {
                write!(text, "\\u{:04x}", u32::from(character)).expect("a String takes every write")
            }
            _ => text.push(character),
        }
    }
    text.push('"');
}
