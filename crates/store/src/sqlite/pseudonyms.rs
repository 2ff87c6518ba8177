//! What databases kept as it was said, until there were pseudonyms: what revocations name people
//! and credentials by, and the `jti` of each session's credential.
//!
//! SQL has no digest, so the rows are gone through here, in the transaction of the migration that
//! brings pseudonyms.

use countersign_core::id::ApplicationId;
use countersign_core::model::pseudonym::Pseudonym;
use countersign_core::model::revocation::Kind;
use rusqlite::{Connection, Result, ToSql};

const KINDS: [Kind; 4] = [Kind::Jti, Kind::Name, Kind::ExternalId, Kind::Email];
const REVOCATIONS: &str = "SELECT application_id, value FROM revocations WHERE kind = ?1";
const REPLACE_REVOCATION: &str =
    "UPDATE revocations SET value = ?4 WHERE application_id = ?1 AND kind = ?3 AND value = ?2";
const SESSIONS: &str = "SELECT application_id, id, jti FROM sessions WHERE jti IS NOT NULL";
const REPLACE_JTI: &str = "UPDATE sessions SET jti = ?3 WHERE application_id = ?1 AND id = ?2";

/// Replaces each such text by its pseudonym.
pub(super) fn introduce(connection: &Connection) -> Result<()> {
    for kind in KINDS {
        let mut found = connection.prepare(REVOCATIONS)?;
        let found = found.query_map([kind.number()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        // All at once, since what is read must not change below it: they are forgotten in days.
        let found = found.collect::<Result<Vec<([u8; 16], Vec<u8>)>>>()?;
        let mut replace = connection.prepare(REPLACE_REVOCATION)?;
        for (application, value) in found {
            let pseudonym = pseudonym(application, kind, &value);
            let parameters: [&dyn ToSql; 4] =
                [&application, &value, &kind.number(), &pseudonym.as_slice()];
            replace.execute(parameters)?;
        }
    }
    let mut found = connection.prepare(SESSIONS)?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let found = found.query_map([], row)?;
    let found = found.collect::<Result<Vec<([u8; 16], [u8; 16], Vec<u8>)>>>()?;
    let mut replace = connection.prepare(REPLACE_JTI)?;
    for (application, id, jti) in found {
        let pseudonym = pseudonym(application, Kind::Jti, &jti);
        let parameters: [&dyn ToSql; 3] = [&application, &id, &pseudonym.as_slice()];
        replace.execute(parameters)?;
    }
    Ok(())
}

/// Each was a text; bytes that are none name nobody, whatever becomes of them.
fn pseudonym(application: [u8; 16], kind: Kind, value: &[u8]) -> [u8; 32] {
    let text = String::from_utf8_lossy(value);
    Pseudonym::of(ApplicationId::from_bytes(application), kind, &text).bytes()
}
