//! Which schema a database has, and which migrations are missing.
//!
//! A migration is a numbered SQL file that is embedded at build time. The engines differ in names
//! of types only, so a file is a template with five substitutions and nothing else:
//!
//! | in the file | SQLite | PostgreSQL |
//! |---|---|---|
//! | `{int}` | `INTEGER` | `BIGINT` |
//! | `{text}` | `TEXT` | `TEXT COLLATE "C"` |
//! | `{blob}` | `BLOB` | `BYTEA` |
//! | `{end}` (after a table's last parenthesis) | ` STRICT, WITHOUT ROWID` | |
//! | `{end_by_number}` (the same, of a table whose key is one `{int}`) | ` STRICT` | |
//!
//! A database keeps number and checksum of what was applied. The checksum is of the template, so
//! that it is the same on every engine. A file that was applied is never changed again.
//!
//! This module decides; an engine applies, each migration in one transaction.

use crate::error::StoreError;
use aws_lc_rs::digest;

/// The migrations of this program, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "meta",
        template: include_str!("../migrations/0001_meta.sql"),
    },
    Migration {
        number: 2,
        name: "domain",
        template: include_str!("../migrations/0002_domain.sql"),
    },
    Migration {
        number: 3,
        name: "indexes",
        template: include_str!("../migrations/0003_indexes.sql"),
    },
    Migration {
        number: 4,
        name: "janitor",
        template: include_str!("../migrations/0004_janitor.sql"),
    },
    Migration {
        number: 5,
        name: "profiles",
        template: include_str!("../migrations/0005_profiles.sql"),
    },
    Migration {
        number: 6,
        name: "waiting files",
        template: include_str!("../migrations/0006_waiting_files.sql"),
    },
    Migration {
        number: 7,
        name: "passwords",
        template: include_str!("../migrations/0007_passwords.sql"),
    },
    Migration {
        number: 8,
        name: "described",
        template: include_str!("../migrations/0008_described.sql"),
    },
    Migration {
        number: 9,
        name: "audit chain",
        template: include_str!("../migrations/0009_audit_chain.sql"),
    },
    Migration {
        number: 10,
        name: "erasures",
        template: include_str!("../migrations/0010_erasures.sql"),
    },
    Migration {
        number: 11,
        name: "adopted places",
        template: include_str!("../migrations/0011_adopted_places.sql"),
    },
    Migration {
        number: 12,
        name: "event keys",
        template: include_str!("../migrations/0012_event_keys.sql"),
    },
];

/// One step from a schema to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its place, counted from 1 without holes.
    pub number: u32,
    /// What it is about.
    pub name: &'static str,
    /// Its SQL, before substitution.
    pub template: &'static str,
}

/// A migration as the database remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub number: u32,
    /// SHA-256 of the template.
    pub checksum: Vec<u8>,
}

/// The words of one engine for the substitutions.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// A 64-bit integer.
    pub int: &'static str,
    /// A text that sorts by its bytes.
    pub text: &'static str,
    /// Bytes.
    pub blob: &'static str,
    /// What follows a table's last parenthesis.
    pub end: &'static str,
    /// The same, where the table's key is one integer.
    pub end_by_number: &'static str,
}

/// The migrations that `known` has beyond `applied`.
///
/// # Errors
/// [`StoreError::Newer`] where the database has more than is known, and [`StoreError::Migration`]
/// where an applied migration is not the known one, or where numbers have a hole.
pub fn pending<'a>(
    applied: &[Applied],
    known: &'a [Migration],
) -> Result<&'a [Migration], StoreError> {
    for (position, migration) in known.iter().enumerate() {
        if usize::try_from(migration.number) != Ok(position + 1) {
            return Err(migration.failure("this program's migrations are not numbered 1, 2, 3 …"));
        }
    }
    let newest = applied.iter().map(|applied| applied.number).max();
    refuse_newer(newest.unwrap_or(0), known)?;
    for (position, (applied, known)) in applied.iter().zip(known).enumerate() {
        if usize::try_from(applied.number) != Ok(position + 1) {
            return Err(known.failure("the database lacks it, but has a later one"));
        }
        if applied.checksum != known.checksum() {
            return Err(known.failure(
                "the database was made with another version of this migration, \
                 so this program cannot tell what its tables look like",
            ));
        }
    }
    // There are no more applied ones than known ones: their numbers are 1, 2, 3 … up to `newest`.
    Ok(known.get(applied.len()..).unwrap_or_default())
}

/// Refuses a database whose schema number is beyond what is known.
///
/// # Errors
/// [`StoreError::Newer`].
pub fn refuse_newer(found: u32, known: &[Migration]) -> Result<(), StoreError> {
    let known = known.last().map_or(0, |migration| migration.number);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    Ok(())
}

// === impl Migration ===

impl Migration {
    /// SHA-256 of the template.
    pub fn checksum(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.template.as_bytes())
            .as_ref()
            .to_vec()
    }

    /// The SQL in the words of an engine.
    ///
    /// # Errors
    /// [`StoreError::Migration`] where the template has a substitution that does not exist.
    pub fn render(&self, dialect: &Dialect) -> Result<String, StoreError> {
        let sql = self
            .template
            .replace("{int}", dialect.int)
            .replace("{text}", dialect.text)
            .replace("{blob}", dialect.blob)
            .replace("{end}", dialect.end)
            .replace("{end_by_number}", dialect.end_by_number);
        if sql.contains(['{', '}']) {
            return Err(self.failure("it has a substitution that does not exist"));
        }
        Ok(sql)
    }

    /// An error about this migration.
    pub(crate) fn failure(&self, reason: impl Into<String>) -> StoreError {
        StoreError::Migration {
            number: self.number,
            reason: format!("{}: {}", self.name, reason.into()),
        }
    }
}

// === impl Dialect ===

impl Dialect {
    /// SQLite's words: strict tables, clustered by their primary key.
    pub const SQLITE: Self = Self {
        int: "INTEGER",
        text: "TEXT",
        blob: "BLOB",
        end: " STRICT, WITHOUT ROWID",
        end_by_number: " STRICT",
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn migration(number: u32, template: &'static str) -> Migration {
        Migration {
            number,
            name: "sample",
            template,
        }
    }

    const KNOWN: &[Migration] = &[migration(1, "one"), migration(2, "two")];

    fn applied(templates: &[(u32, &'static str)]) -> Vec<Applied> {
        templates
            .iter()
            .map(|&(number, template)| Applied {
                number,
                checksum: migration(number, template).checksum(),
            })
            .collect()
    }

    #[test]
    fn what_is_missing_is_planned_in_order() {
        for (has, missing) in [
            (&[][..], KNOWN),
            (&[(1, "one")], &KNOWN[1..]),
            (&[(1, "one"), (2, "two")], &[]),
        ] {
            assert_eq!(pending(&applied(has), KNOWN), Ok(missing));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        fn check(has: &[(u32, &'static str)], known: &[Migration], expected: &str) {
            let error = pending(&applied(has), known).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let three = &[(1, "one"), (2, "two"), (3, "three")];
        check(three, KNOWN, "has schema 3, and this program knows up to 2");
        check(&[(7, "seven")], KNOWN, "has schema 7");
        check(
            &[(1, "one")],
            &[],
            "has schema 1, and this program knows up to 0",
        );
        check(
            &[(1, "uno")],
            KNOWN,
            "migration 0001: sample: the database was made with",
        );
        check(
            &[(2, "two")],
            KNOWN,
            "migration 0001: sample: the database lacks it",
        );
        check(&[], &[migration(2, "two")], "not numbered");
    }

    #[test]
    fn templates_know_five_substitutions() {
        let postgres = Dialect {
            int: "BIGINT",
            text: "TEXT COLLATE \"C\"",
            blob: "BYTEA",
            end: "",
            end_by_number: "",
        };
        let table = migration(1, "CREATE TABLE t (a {int}, b {text}, c {blob}){end};");
        assert_eq!(
            table.render(&Dialect::SQLITE).unwrap(),
            "CREATE TABLE t (a INTEGER, b TEXT, c BLOB) STRICT, WITHOUT ROWID;"
        );
        assert_eq!(
            table.render(&postgres).unwrap(),
            "CREATE TABLE t (a BIGINT, b TEXT COLLATE \"C\", c BYTEA);"
        );
        let by_number = migration(1, "CREATE TABLE t (a {int} PRIMARY KEY){end_by_number};");
        assert_eq!(
            by_number.render(&Dialect::SQLITE).unwrap(),
            "CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT;"
        );
        assert_eq!(
            by_number.render(&postgres).unwrap(),
            "CREATE TABLE t (a BIGINT PRIMARY KEY);"
        );
        assert!(migration(1, "a {float}").render(&postgres).is_err());
        for migration in MIGRATIONS {
            migration.render(&Dialect::SQLITE).unwrap();
        }
    }
}
