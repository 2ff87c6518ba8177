//! Epochs: which history is told, and how another one begins.

use crate::columns::Columns;
use crate::engine::{Engine, Statement};
use crate::error::StoreError;
use crate::read;
use crate::registry::installation_audit;
use crate::store::SqlStore;
use countersign_core::model::audit::AuditEntry;
use countersign_core::model::epoch::{Epoch, Epochs};
use countersign_core::model::session::EndReason;
use countersign_core::ports::store as port;
use countersign_credential::time::Timestamp;

/// A new installation has the first alone.
const NAMES: [&str; 4] = [
    "epoch",
    "epoch_began_at",
    "logins_since_epoch",
    "logins_since",
];

const READ: &str = "SELECT name, value FROM meta WHERE name IN ($1, $2, $3, $4)";
const SET: &str = "INSERT INTO meta (name, value) VALUES ($1, $2) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value";
/// Of every application, once in the life of a history.
const END_LOGINS: &str = "UPDATE sessions AS every SET ended_at = $1, ended_why = $2 \
     WHERE every.ended_at IS NULL AND every.dialect <> 'anonymous' RETURNING 1";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[READ, SET, END_LOGINS];

// === impl SqlStore ===

impl<E: Engine> SqlStore<E> {
    /// Has these epochs hold, in a database on which no node runs, and ends the sessions that are
    /// void by them. Answers how many those were.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn begin_epoch(
        &self,
        epochs: &Epochs,
        at: Timestamp,
        audit: AuditEntry,
    ) -> Result<usize, port::StoreError> {
        let Epochs {
            present,
            logins_since,
        } = epochs;
        let mut batch = installation_audit(audit);
        let mut ended = None;
        if logins_since == present {
            ended = Some(batch.statements().len());
            let why = EndReason::Restored.as_str();
            let parameters = [at.milliseconds().into(), why.into()];
            batch.push(Statement::new(END_LOGINS, parameters));
        }
        let values = [
            present.number.to_string(),
            present.began_at.milliseconds().to_string(),
            logins_since.number.to_string(),
            logins_since.began_at.milliseconds().to_string(),
        ];
        for (name, value) in NAMES.into_iter().zip(values) {
            batch.push(Statement::new(SET, [name.into(), value.into()]));
        }
        let answers = self.engine.write(batch).await?;
        let ended = ended.and_then(|place| answers.get(place));
        Ok(ended.map_or(0, crate::Rows::len))
    }
}

/// Reads the epochs.
pub(crate) async fn find(engine: &impl Engine) -> Result<Epochs, StoreError> {
    let rows = read::ask(engine, Statement::new(READ, NAMES.map(Into::into))).await?;
    let mut values = [None; NAMES.len()];
    for row in rows.iter() {
        let mut columns = Columns::of(row);
        let name = columns.text()?;
        let value: i64 = columns.parsed("a number", |text| text.parse().ok())?;
        for (known, place) in NAMES.iter().zip(&mut values) {
            if *known == name {
                *place = Some(value);
            }
        }
    }
    let [number, began_at, since_number, since] = values;
    let number = number.ok_or(StoreError::Decode {
        row: 0,
        column: 0,
        wanted: "an epoch",
        found: "no row",
    })?;
    let epoch = |number: i64, began_at: Option<i64>| Epoch {
        number: u64::try_from(number).unwrap_or(0),
        began_at: Timestamp::from_milliseconds(began_at.unwrap_or(0)),
    };
    let present = epoch(number, began_at);
    Ok(Epochs {
        present,
        logins_since: since_number.map_or(present, |number| epoch(number, since)),
    })
}
