//! The upkeep port, in SQL.

use crate::change::{self, Plan, erasure};
use crate::engine::{Batch, Engine, Statement, Value};
use crate::event_key::is_of;
use crate::read;
use crate::rows::Rows;
use crate::store::SqlStore;
use async_trait::async_trait;
use countersign_core::id::{ApplicationId, SessionId};
use countersign_core::model::revocation::Revocation;
use countersign_core::ports::Clock;
use countersign_core::ports::store::{CommitError, StoreError};
use countersign_core::ports::upkeep::{
    ErasedPiece, ErasurePiece, Piece, Remains, Sealing, SweptSession, SweptVisitor, Unsealed,
    Upkeep, Visitors,
};
use countersign_credential::time::Timestamp;

/// One that moved ahead since it was found stays.
const REMOVE_TOMBSTONES: &str = "DELETE FROM revocations WHERE forget_at <= $1 AND made_at <= $2 \
     AND (application_id, kind, value) IN (SELECT r.application_id, r.kind, r.value \
     FROM revocations r WHERE r.forget_at <= $1 AND r.made_at <= $2 ORDER BY r.forget_at LIMIT $3) \
     RETURNING 1";
const REMOVE_WAITING_FILES: &str = "DELETE FROM attachments WHERE length(conversation_id) = 0 \
     AND (application_id, id) IN (SELECT a.application_id, a.id FROM attachments a \
     WHERE length(a.conversation_id) = 0 AND a.created_at <= $1 ORDER BY a.created_at LIMIT $2) \
     RETURNING 1";
const REMOVE_EVENTS: &str = concat!(
    "DELETE FROM events WHERE key IN (SELECT e.key FROM leftovers l JOIN events e ON ",
    is_of!("e", "l"),
    " WHERE l.application_id = $1 AND l.conversation_id = $2 ORDER BY e.key LIMIT $3) RETURNING 1"
);
const REMOVE_FILES: &str = "DELETE FROM attachments WHERE application_id = $1 \
     AND id IN (SELECT a.id FROM attachments a WHERE a.application_id = $1 \
     AND a.conversation_id = $2 LIMIT $3) RETURNING 1";
const NOTE_ERASED: &str = "UPDATE erasures SET done_at = $1 \
     WHERE done_at IS NULL AND taken_at IS NOT NULL AND taken_at <= $2 RETURNING 1";
const FINISH: &str = concat!(
    "DELETE FROM leftovers WHERE application_id = $1 AND conversation_id = $2 \
     AND NOT EXISTS (SELECT 1 FROM events e WHERE ",
    is_of!("e", "leftovers"),
    ") AND NOT EXISTS (SELECT 1 FROM attachments a \
       WHERE a.application_id = $1 AND a.conversation_id = $2)"
);

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    REMOVE_TOMBSTONES,
    REMOVE_WAITING_FILES,
    REMOVE_EVENTS,
    REMOVE_FILES,
    NOTE_ERASED,
    FINISH,
];

#[async_trait]
impl<E: Engine + 'static> Upkeep for SqlStore<E> {
    async fn revocations_since(
        &self,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<(ApplicationId, Revocation)>, StoreError> {
        Ok(read::revocation::since(&self.engine, since, limit).await?)
    }

    async fn sessions_after(
        &self,
        application: ApplicationId,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<SweptSession>, StoreError> {
        Ok(read::upkeep::sessions(&self.engine, application, after, limit).await?)
    }

    async fn visitors_after(
        &self,
        application: ApplicationId,
        visitors: Visitors,
    ) -> Result<Vec<SweptVisitor>, StoreError> {
        Ok(read::upkeep::visitors(&self.engine, application, visitors).await?)
    }

    async fn remove_tombstones(
        &self,
        due: Timestamp,
        made_by: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        // The writer is asked only where there is something to write.
        if !read::upkeep::has_due_tombstone(&self.engine, due, made_by).await? {
            return Ok(0);
        }
        let parameters = [
            due.milliseconds().into(),
            made_by.milliseconds().into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ];
        let remove = Statement::new(REMOVE_TOMBSTONES, parameters);
        let answers = self.engine.write(remove.into()).await?;
        Ok(answers.iter().map(|rows| rows.len() as u64).sum())
    }

    async fn remove_waiting_files(
        &self,
        stored_by: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        if !read::upkeep::has_waiting_file(&self.engine, stored_by).await? {
            return Ok(0);
        }
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let parameters = [stored_by.milliseconds().into(), most.into()];
        let remove = Statement::new(REMOVE_WAITING_FILES, parameters);
        let answers = self.engine.write(remove.into()).await?;
        Ok(answers.iter().map(|rows| rows.len() as u64).sum())
    }

    async fn erase_piece(
        &self,
        piece: ErasurePiece,
        at: Timestamp,
    ) -> Result<Option<ErasedPiece>, StoreError> {
        let Some(next) = read::erasure::next(&self.engine).await? else {
            return Ok(None);
        };
        let mut plan = Plan::new(next.application);
        let parts = read::erasure::parts(&self.engine, &next, piece).await?;
        let mut taken = [0; 3];
        if parts.is_empty() {
            let person = read::erasure::person(&self.engine, &next, piece).await?;
            erasure::take_person(&mut plan, &person, at);
            taken = [0, person.files, person.sessions];
        }
        for part in &parts {
            erasure::take_part(&mut plan, part, at);
            taken[0] += part.events;
            taken[1] += part.files;
        }
        erasure::count(&mut plan, next.asked_for, taken);
        let answers = self.engine.write(plan.take_batch()).await?;
        let committed = plan.committed(&answers)?;
        Ok(Some(ErasedPiece {
            application: next.application,
            conversations: committed.events,
            removed: committed.removed,
        }))
    }

    async fn has_erased(&self) -> Result<bool, StoreError> {
        Ok(read::erasure::has_taken(&self.engine).await?)
    }

    async fn forget_erased(&self, clock: &dyn Clock) -> Result<u64, StoreError> {
        let taken_by = clock.now();
        self.engine.forget().await?;
        let parameters = [clock.now(), taken_by].map(|at| at.milliseconds().into());
        let note = Statement::new(NOTE_ERASED, parameters);
        let answers = self.engine.write(note.into()).await?;
        Ok(answers.iter().map(|rows| rows.len() as u64).sum())
    }

    async fn unsealed_logs(&self, limit: usize) -> Result<Vec<ApplicationId>, StoreError> {
        Ok(read::audit::unsealed_logs(&self.engine, limit).await?)
    }

    async fn unsealed(
        &self,
        application: ApplicationId,
        limit: usize,
    ) -> Result<Unsealed, StoreError> {
        Ok(read::audit::unsealed(&self.engine, application, limit).await?)
    }

    async fn seal(&self, application: ApplicationId, sealing: Sealing) -> Result<(), CommitError> {
        let mut plan = Plan::new(application);
        change::audit::seal(&mut plan, sealing);
        self.engine.write(plan.take_batch()).await?;
        Ok(())
    }

    async fn remove_leftovers(&self, piece: Piece) -> Result<Vec<(Remains, u64)>, StoreError> {
        let Piece {
            conversations,
            mut events,
            mut files,
        } = piece;
        let found = read::upkeep::leftovers(&self.engine, events, files, conversations).await?;
        let mut batch = Vec::new();
        for leftover in found {
            for (sql, there, room) in [
                (REMOVE_EVENTS, leftover.events, &mut events),
                (REMOVE_FILES, leftover.files, &mut files),
            ] {
                let taken = there.min(*room);
                *room -= taken;
                if taken > 0 {
                    let [application, conversation] = leftover.key.clone();
                    let most = Value::from(i64::try_from(taken).unwrap_or(i64::MAX));
                    batch.push(Statement::new(sql, [application, conversation, most]));
                }
            }
            batch.push(Statement::new(FINISH, leftover.key));
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let texts: Vec<&'static str> = batch.iter().map(|statement| statement.sql).collect();
        let answers = self.engine.write(Batch::from(batch)).await?;
        let removed = |sql| -> u64 {
            let of_sql = texts.iter().zip(&answers).filter(|(text, _)| **text == sql);
            of_sql.map(|(_, rows): (_, &Rows)| rows.len() as u64).sum()
        };
        Ok(vec![
            (Remains::Event, removed(REMOVE_EVENTS)),
            (Remains::File, removed(REMOVE_FILES)),
        ])
    }
}
