//! The database: ours, whole, not newer, and opened by its key.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use countersign_credential::time::Timestamp;
use countersign_store::SqlStore;
use countersign_store::error::StoreError;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::{KeyEncryptionKey, Keyring};
use countersign_store::sqlite::DATABASE_FILE;
use countersign_store::sqlite::inspection::{Contents, Depth, inspect};
use countersign_store::sqlite::snapshot::Snapshot;

use super::finding::Finding;
use crate::data_folder::DataFolder;
use crate::node::advice;
use crate::system::System;

const DATABASE: &str = "database";
const KEY: &str = "key-encryption key";
const CLOCK: &str = "clock";

/// How far a clock may be behind what was written by it.
const BEHIND_MS_MAX: i64 = 1_000;

/// Looks at the database. What is in it can be asked of the store that is
/// answered, where it is good.
pub(super) async fn look(
    folder: &DataFolder,
    system: System,
    thorough: bool,
    findings: &mut Vec<Finding>,
) -> Option<SqlStore<Snapshot>> {
    if !folder.has_database() {
        findings.push(Finding::warning(
            DATABASE,
            format!(
                "there is none in {} that this user can see",
                folder.path().display()
            ),
            "name another folder if one should be there; the first start makes it",
        ));
        return None;
    }
    let database = folder.path().join(DATABASE_FILE);
    let depth = if thorough {
        Depth::Everything
    } else {
        Depth::Pages
    };
    let contents = match inspect(&database, MIGRATIONS, depth).await {
        Ok(contents) => contents,
        Err(error) => {
            findings.push(unusable(&error));
            return None;
        }
    };
    let known = MIGRATIONS.last().map_or(0, |newest| newest.number);
    let whole = if thorough {
        "each page and index was read"
    } else {
        "each page was read"
    };
    findings.push(if contents.schema == known {
        let (schema, epoch) = (contents.schema, contents.epoch);
        Finding::ok(
            DATABASE,
            format!("it is whole ({whole}), of schema {schema} and epoch {epoch}"),
        )
    } else {
        Finding::warning(
            DATABASE,
            format!(
                "it is whole ({whole}), and of schema {}, older than {known}",
                contents.schema
            ),
            "the next start of this program upgrades it: make a backup before",
        )
    });
    findings.extend(clock(folder, contents.newest, system));
    let keyring = key(folder, &contents, findings)?;
    if contents.schema != known {
        return None;
    }
    let snapshot = Snapshot::open(&database).ok()?;
    Some(SqlStore::new(snapshot, keyring, Arc::new(system)))
}

fn unusable(error: &StoreError) -> Finding {
    let advice = advice(error).trim_start_matches("; ");
    let advice = if advice.is_empty() {
        "see that this user may read it"
    } else {
        advice
    };
    Finding::problem(DATABASE, error.to_string(), advice)
}

/// Whether the clock is behind what was written by it.
fn clock(folder: &DataFolder, newest: Option<Timestamp>, system: System) -> Option<Finding> {
    let now = system.now();
    let files = [DATABASE_FILE.to_owned(), format!("{DATABASE_FILE}-wal")];
    let written = files.iter().filter_map(|name| {
        let modified = folder.path().join(name).metadata().ok()?.modified().ok()?;
        let since = modified.duration_since(UNIX_EPOCH).ok()?;
        let milliseconds = i64::try_from(since.as_millis()).ok()?;
        Some(Timestamp::from_milliseconds(milliseconds))
    });
    let latest = written.chain(newest).max()?;
    (latest.milliseconds_since(now) > BEHIND_MS_MAX).then(|| {
        Finding::problem(
            CLOCK,
            format!("it shows {now}, and the database was written at {latest}"),
            "set the clock: sessions and revocations are ordered by it",
        )
    })
}

/// Whether the key opens what is sealed.
fn key(folder: &DataFolder, contents: &Contents, findings: &mut Vec<Finding>) -> Option<Keyring> {
    let file = folder.key_encryption_key();
    let shown = file.display();
    if !file.exists() {
        findings.push(Finding::problem(
            KEY,
            format!("{shown} is not there, and nothing else opens the secrets in the database"),
            "put it back from where it was kept",
        ));
        return None;
    }
    let key = match KeyEncryptionKey::read(&file) {
        Ok(key) => key,
        Err(error) => {
            findings.push(Finding::problem(
                KEY,
                error.to_string(),
                "a server refuses to start with it",
            ));
            return None;
        }
    };
    let keyring = Keyring::new(key, Vec::new());
    match contents.open_secrets(&keyring) {
        Ok(secrets) => {
            findings.push(Finding::ok(
                KEY,
                format!("it opens all {secrets} secrets in the database"),
            ));
            Some(keyring)
        }
        Err(error) => {
            findings.push(Finding::problem(
                KEY,
                format!("{shown} does not open the database: {error}"),
                "put back the file that was kept for this database",
            ));
            None
        }
    }
}
