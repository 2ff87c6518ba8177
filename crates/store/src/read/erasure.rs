//! What is to be erased next, and how far an erasure has come.

use super::{all, ask, first};
use crate::change::author_bytes;
use crate::change::erasure::{End, Part, Person, files_given};
use crate::engine::{Engine, Statement, Value};
use crate::error::StoreError;
use crate::event_key::{event_id, event_number, key};
use crate::rows::Rows;
use countersign_core::id::{ApplicationId, ConversationId, MemberId, UserId};
use countersign_core::model::erasure::Erasure;
use countersign_core::model::event::Author;
use countersign_core::ports::upkeep::ErasurePiece;

const OF_USER: &str = "SELECT user_id, begun_at, taken_at, done_at, events, files, sessions \
     FROM erasures WHERE application_id = $1 AND user_id = $2";
const NEXT: &str = "SELECT x.application_id, x.user_id, x.asked_for FROM erasures x \
     WHERE x.done_at IS NULL AND x.taken_at IS NULL ORDER BY x.begun_at LIMIT 1";
const HAS_TAKEN: &str = "SELECT 1 FROM erasures x \
     WHERE x.done_at IS NULL AND x.taken_at IS NOT NULL ORDER BY x.begun_at LIMIT 1";
/// A conversation may have been deleted since, and its events be there still.
const PLACES: &str = "SELECT p.conversation_id, p.member_id, p.after_id, p.until_id, \
     COALESCE(c.number, l.number, 0) FROM erasure_places p \
     LEFT JOIN conversations c ON c.application_id = p.application_id AND c.id = p.conversation_id \
     LEFT JOIN leftovers l ON l.application_id = p.application_id \
       AND l.conversation_id = p.conversation_id \
     WHERE p.application_id = $1 AND p.asked_for = $2 AND p.taken = 0 \
     ORDER BY p.conversation_id, p.member_id LIMIT $3";
/// How many events a member has written in a part of the history, up to so many, and the last.
const WRITTEN: &str = concat!(
    "SELECT count(*), COALESCE(max(n.id), 0) FROM (SELECT ",
    event_id!("e"),
    " AS id FROM events e WHERE e.key > $1 AND e.key <= $2 AND e.author_id = $3 \
     ORDER BY e.key LIMIT $4) n"
);
const FILES_GIVEN: &str = concat!("SELECT count(*) FROM (", files_given!(), ") n");
const SESSIONS: &str = "SELECT count(*) FROM (SELECT s.id FROM sessions s \
     WHERE s.application_id = $1 AND s.user_id = $2 AND s.dialect <> 'anonymous' LIMIT $3) n";
const FILES: &str = "SELECT count(*) FROM (SELECT a.id FROM attachments a \
     WHERE a.application_id = $1 AND a.author = $2 LIMIT $3) n";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    OF_USER,
    NEXT,
    HAS_TAKEN,
    PLACES,
    WRITTEN,
    FILES_GIVEN,
    SESSIONS,
    FILES,
];

/// Who is to be erased next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Next {
    pub(crate) application: ApplicationId,
    /// The user, or a visitor who turned out to be that user.
    pub(crate) user: UserId,
    pub(crate) asked_for: UserId,
}

/// A place in which there is something to be taken.
struct Place {
    conversation: ConversationId,
    /// No conversation has 0, and whose events are gone has it here.
    number: i64,
    member: MemberId,
    after: u64,
    until: u64,
}

/// How far the erasure of a user has come.
pub(crate) async fn of_user(
    engine: &impl Engine,
    application: ApplicationId,
    user: UserId,
) -> Result<Option<Erasure>, StoreError> {
    let key = [application.bytes().into(), user.bytes().into()];
    let rows = ask(engine, Statement::new(OF_USER, key)).await?;
    first(&rows, |columns| {
        Ok(Erasure {
            user: UserId::from_bytes(columns.id()?),
            begun_at: columns.time()?,
            taken_at: columns.optional_time()?,
            done_at: columns.optional_time()?,
            events: columns.number()?,
            files: columns.number()?,
            sessions: columns.number()?,
        })
    })
}

/// Whose turn it is.
pub(crate) async fn next(engine: &impl Engine) -> Result<Option<Next>, StoreError> {
    let rows = ask(engine, Statement::new(NEXT, [])).await?;
    first(&rows, |columns| {
        Ok(Next {
            application: ApplicationId::from_bytes(columns.id()?),
            user: UserId::from_bytes(columns.id()?),
            asked_for: UserId::from_bytes(columns.id()?),
        })
    })
}

/// Whether anybody has nothing left but in the files.
pub(crate) async fn has_taken(engine: &impl Engine) -> Result<bool, StoreError> {
    Ok(!ask(engine, Statement::new(HAS_TAKEN, [])).await?.is_empty())
}

/// The next parts of the history to be taken.
pub(crate) async fn parts(
    engine: &impl Engine,
    next: &Next,
    piece: ErasurePiece,
) -> Result<Vec<Part>, StoreError> {
    let parameters = [
        next.application.bytes().into(),
        next.asked_for.bytes().into(),
        most(piece.places),
    ];
    let rows = ask(engine, Statement::new(PLACES, parameters)).await?;
    let places = all(&rows, |columns| {
        Ok(Place {
            conversation: ConversationId::from_bytes(columns.id()?),
            member: MemberId::from_bytes(columns.id()?),
            after: columns.number()?,
            until: columns.number()?,
            number: columns.number()?,
        })
    })?;
    let mut parts = Vec::with_capacity(places.len());
    let mut room = piece;
    for place in places {
        if room.events == 0 || room.files == 0 || room.scanned == 0 {
            break;
        }
        let part = part_of(engine, next.application, &place, room).await?;
        room.events = room.events.saturating_sub(part.events);
        room.files = room.files.saturating_sub(part.files);
        room.scanned = room.scanned.saturating_sub(part.last - part.after);
        parts.push(part);
    }
    Ok(parts)
}

/// What a person has besides.
pub(crate) async fn person(
    engine: &impl Engine,
    next: &Next,
    piece: ErasurePiece,
) -> Result<Person, StoreError> {
    let application = || Value::from(next.application.bytes());
    let author = author_bytes(Author::User(next.user)).into();
    let sessions = [
        application(),
        next.user.bytes().into(),
        most(piece.sessions),
    ];
    let files = [application(), author, most(piece.files)];
    let queries = vec![
        Statement::new(SESSIONS, sessions),
        Statement::new(FILES, files),
    ];
    let answers = engine.read(queries.into()).await?;
    let count_of = |at: usize| -> Result<usize, StoreError> {
        let rows = answers.get(at).map(counted);
        Ok(rows.transpose()?.unwrap_or(0))
    };
    Ok(Person {
        user: next.user,
        sessions: count_of(0)?,
        visits: piece.sessions,
        files: count_of(1)?,
    })
}

/// What a piece with this much room takes of a place.
async fn part_of(
    engine: &impl Engine,
    application: ApplicationId,
    place: &Place,
    room: ErasurePiece,
) -> Result<Part, StoreError> {
    let mut last = place.until.min(place.after + room.scanned);
    let written: [Value; 4] = [
        key(place.number, place.after).into(),
        key(place.number, last).into(),
        place.member.bytes().into(),
        most(room.events),
    ];
    let rows = ask(engine, Statement::new(WRITTEN, written)).await?;
    let found = first(&rows, |columns| {
        Ok((columns.number()?, columns.number::<u64>()?))
    })?;
    let (events, newest) = found.unwrap_or((0, 0));
    if events == room.events {
        last = newest;
    }
    let given: [Value; 7] = [
        application.bytes().into(),
        place.conversation.bytes().into(),
        key(place.number, 0).into(),
        event_number(place.after).into(),
        event_number(last).into(),
        place.member.bytes().into(),
        // One more than fit tells that these are not all.
        most(room.files + 1),
    ];
    let rows = ask(engine, Statement::new(FILES_GIVEN, given)).await?;
    let files = counted(&rows)?;
    let ends = if files > room.files {
        End::Files
    } else if last < place.until {
        End::Events
    } else {
        End::Place
    };
    let only_files = ends == End::Files;
    Ok(Part {
        conversation: place.conversation,
        number: place.number,
        member: place.member,
        after: place.after,
        last,
        events: if only_files { 0 } else { events },
        files: files.min(room.files),
        ends,
    })
}

fn counted(rows: &Rows) -> Result<usize, StoreError> {
    Ok(first(rows, |columns| columns.number())?.unwrap_or(0))
}

fn most(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}
