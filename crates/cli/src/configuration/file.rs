//! The configuration file: TOML, every key known, every value a text.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::key::Key;
use super::nearest::nearest;
use crate::exit::Failure;

/// A value of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    /// What it says.
    pub(super) text: String,
    /// Its line; the first one is 1.
    pub(super) line: usize,
}

/// Reads a file's text.
///
/// # Errors
/// If it is no TOML, has a key that nobody reads, or a value that is no text.
pub(super) fn read(path: &Path, text: &str) -> Result<BTreeMap<Key, Given>, Failure> {
    let mut reader = Reader {
        path,
        text,
        given: BTreeMap::new(),
    };
    let table = DeTable::parse(text).map_err(|error| {
        let what = error.message().lines().next().unwrap_or_default();
        let problem = format!("this is no TOML: {what}; correct the line");
        reader.refuse(error.span().unwrap_or_default(), &problem)
    })?;
    reader.table("", table.get_ref())?;
    Ok(reader.given)
}

/// Collects the values of a file.
struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    given: BTreeMap<Key, Given>,
}

// === impl Reader ===

impl Reader<'_> {
    /// Reads a table whose name, with its dot, is in front of each key's.
    fn table(&mut self, name: &str, table: &DeTable<'_>) -> Result<(), Failure> {
        for (key, value) in table {
            let path = format!("{name}{}", key.get_ref());
            let below = format!("{path}.");
            let known = Key::ALL.into_iter().find(|key| key.path() == path);
            let holds_keys = Key::ALL.iter().any(|key| key.path().starts_with(&below));
            match (known, value.get_ref()) {
                (Some(key), DeValue::String(text)) => {
                    let line = self.line(value.span());
                    let text = text.to_string();
                    self.given.insert(key, Given { text, line });
                }
                (Some(_), other) => {
                    let problem = format!(
                        "{path} is {}, and a text is wanted; write it in quotes",
                        kind(other)
                    );
                    return Err(self.refuse(value.span(), &problem));
                }
                (None, DeValue::Table(inner)) if holds_keys => self.table(&below, inner)?,
                (None, other) if holds_keys => {
                    let problem = format!(
                        "{path} is {}, and a table is wanted; write [{path}] and its keys below",
                        kind(other)
                    );
                    return Err(self.refuse(value.span(), &problem));
                }
                (None, _) => return Err(self.refuse(key.span(), &unknown(&path))),
            }
        }
        Ok(())
    }

    fn refuse(&self, place: Range<usize>, problem: &str) -> Failure {
        let line = self.line(place);
        Failure::usage(format!("{}:{line}: {problem}", self.path.display()))
    }

    fn line(&self, place: Range<usize>) -> usize {
        let before = self.text.as_bytes().iter().take(place.start);
        1 + before.filter(|byte| **byte == b'\n').count()
    }
}

/// What to say of a key that nobody reads.
fn unknown(path: &str) -> String {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    // A door outside its table, or a key inside one, has the right name at the
    // wrong place.
    let misplaced = Key::ALL.iter().map(|key| key.path());
    let misplaced = misplaced
        .into_iter()
        .find(|known| last(known) == last(path));
    let known = Key::ALL.iter().map(|key| key.path()).chain(Key::TABLES);
    let near = nearest(path, known);
    match misplaced.or(near) {
        Some(meant) => format!("there is no key {path:?}; did you mean {meant:?}?"),
        None => {
            let keys = Key::ALL.map(Key::path).join(", ");
            format!("there is no key {path:?}; remove it: the keys are {keys}")
        }
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
