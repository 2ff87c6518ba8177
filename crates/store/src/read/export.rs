//! What is kept of a person, section by section, a page at a time.
//!
//! A position is the section, whose it is, and the key of what was read last there, so that a page
//! goes on where the one before ended, whatever came meanwhile.

use super::{all, ask, attachment, audit, first, wanted};
use crate::change::author_bytes;
use crate::columns::{Columns, session, session_columns, user, user_columns};
use crate::engine::{Engine, Statement, Value};
use crate::error::StoreError;
use crate::event_key::{self, event_id};
use crate::limit;
use countersign_core::id::{ApplicationId, AttachmentId, ConversationId, MemberId, UserId};
use countersign_core::model::event::{Assurance, Author, EventKind};
use countersign_core::model::export::{Place, Profile, Record, Written};
use countersign_core::model::member::MemberState;
use countersign_core::model::page::{Page, Window};
use countersign_core::model::revocation::{Revocation, Target};
use countersign_core::model::user::{Identifier, User};

/// Visitors who turned out to be a user, as an erasure takes them.
const MERGED: &str = "SELECT v.user_id FROM members p JOIN members v \
     ON v.application_id = p.application_id AND v.adopted_by = p.id \
     WHERE p.application_id = $1 AND p.user_id = $2 LIMIT $3";
const ADOPTED: &str = "SELECT v.user_id FROM sessions s JOIN sessions v \
     ON v.application_id = s.application_id AND v.device_id = s.device_id \
     AND v.ended_at = s.opened_at AND v.ended_why = 'adopted' \
     WHERE s.application_id = $1 AND s.user_id = $2 LIMIT $3";
const PROFILE: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", CASE WHEN EXISTS (SELECT 1 FROM passwords w WHERE w.application_id = u.application_id \
     AND w.user_id = u.id) THEN 1 ELSE 0 END FROM users u \
     WHERE u.application_id = $1 AND u.id = $2 AND u.deleted_at IS NULL"
);
const SESSIONS: &str = concat!(
    "SELECT ",
    session_columns!(),
    " FROM sessions s WHERE s.application_id = $1 AND s.user_id = $2 AND s.id > $3 \
     ORDER BY s.id LIMIT $4"
);
const PLACES: &str = "SELECT m.id, m.user_id, m.conversation_id, c.name, c.display_name, m.state, \
     m.delivered, m.seen, m.invited_at, m.joined_at, m.left_at FROM members m \
     JOIN conversations c ON c.application_id = m.application_id AND c.id = m.conversation_id \
     WHERE m.application_id = $1 AND m.user_id = $2 AND (m.conversation_id, m.id) > ($3, $4) \
     ORDER BY m.conversation_id, m.id LIMIT $5";
/// The place in which to look for events, with the number of the last one that could be there.
const PLACE_FROM: &str = "SELECT m.conversation_id, m.id, c.number, c.last_event_id FROM members m \
     JOIN conversations c ON c.application_id = m.application_id AND c.id = m.conversation_id \
     WHERE m.application_id = $1 AND m.user_id = $2 AND (m.conversation_id, m.id) >= ($3, $4) \
     ORDER BY m.conversation_id, m.id LIMIT 1";
const EVENTS: &str = concat!(
    "SELECT ",
    event_id!("e"),
    ", e.kind, e.body, e.assurance, e.client_id, e.created_at, e.edited_at, e.deleted_at \
     FROM events e WHERE e.key > $1 AND e.key <= $2 AND e.author_id = $3 ORDER BY e.key LIMIT $4"
);
const FILE_AFTER: &str = "SELECT a.id FROM attachments a WHERE a.application_id = $1 \
     AND a.author = $2 AND a.id > $3 ORDER BY a.id LIMIT 1";
const REVOCATION: &str = "SELECT before_at, made_at, forget_at FROM revocations \
     WHERE application_id = $1 AND kind = $2 AND value = $3";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    MERGED, ADOPTED, PROFILE, SESSIONS, PLACES, PLACE_FROM, EVENTS, FILE_AFTER, REVOCATION,
];

/// What an export is made of, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Profile,
    Sessions,
    Places,
    Events,
    Files,
    Revocations,
    Audit,
}

/// Where a page begins: after the key, of whom, in a section.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Position {
    section: Section,
    whose: UserId,
    key: Vec<u8>,
}

/// A part of a section: what was found, and the key to go on from where there is more.
struct Part {
    records: Vec<Record>,
    next: Option<Vec<u8>>,
}

/// A page of what is kept.
pub(crate) async fn page(
    engine: &impl Engine,
    application: ApplicationId,
    user: UserId,
    window: &Window,
) -> Result<Page<Record>, StoreError> {
    let people = people(engine, application, user).await?;
    let at = window.after.as_deref().and_then(Position::read);
    // Whoever made a position up reads nothing of anybody else by it.
    let at = at.filter(|position| people.contains(&position.whose));
    let mut position = at.unwrap_or(Position {
        section: Section::Profile,
        whose: user,
        key: Vec::new(),
    });
    loop {
        let part = part(engine, application, &position, wanted(window.limit)).await?;
        let next = match part.next {
            Some(key) => Some(Position { key, ..position }),
            None => following(&people, &position),
        };
        match next {
            Some(next) if part.records.is_empty() && next.key.is_empty() => position = next,
            next => {
                return Ok(Page {
                    items: part.records,
                    next: next.map(|position| position.written()),
                });
            }
        }
    }
}

/// The user, and each visitor who turned out to be that user.
async fn people(
    engine: &impl Engine,
    application: ApplicationId,
    user: UserId,
) -> Result<Vec<UserId>, StoreError> {
    let most = i64::from(limit::VISITORS_EXPORTED_MAX);
    let query = |sql| {
        let key = [application.bytes().into(), user.bytes().into(), most.into()];
        Statement::new(sql, key)
    };
    let answers = engine
        .read(vec![query(MERGED), query(ADOPTED)].into())
        .await?;
    let mut visitors = Vec::new();
    for rows in &answers {
        visitors.extend(all(rows, |columns| Ok(UserId::from_bytes(columns.id()?)))?);
    }
    visitors.sort_unstable();
    visitors.dedup();
    visitors.retain(|visitor| *visitor != user);
    Ok([vec![user], visitors].concat())
}

/// The beginning of the next section, of the same person or the next one.
fn following(people: &[UserId], position: &Position) -> Option<Position> {
    let begin = |section, whose| {
        Some(Position {
            section,
            whose,
            key: Vec::new(),
        })
    };
    if let Some(section) = position.section.next() {
        return begin(section, position.whose);
    }
    let at = people.iter().position(|user| *user == position.whose)?;
    begin(Section::Profile, *people.get(at + 1)?)
}

async fn part(
    engine: &impl Engine,
    application: ApplicationId,
    position: &Position,
    limit: usize,
) -> Result<Part, StoreError> {
    let of = (application, position.whose);
    let key = &position.key;
    match position.section {
        Section::Profile => profile(engine, of).await,
        Section::Sessions => sessions(engine, of, key, limit).await,
        Section::Places => places(engine, of, key, limit).await,
        Section::Events => Box::pin(events(engine, of, key, limit)).await,
        Section::Files => file(engine, of, key).await,
        Section::Revocations => revocations(engine, of).await,
        Section::Audit => {
            let (records, next) = audit::about(engine, of, key, limit).await?;
            let records = records
                .into_iter()
                .map(|record| Record::Audit(Box::new(record)));
            Ok(Part {
                records: records.collect(),
                next,
            })
        }
    }
}

async fn find(
    engine: &impl Engine,
    (application, whose): (ApplicationId, UserId),
) -> Result<Option<Profile>, StoreError> {
    let key = [application.bytes().into(), whose.bytes().into()];
    let rows = ask(engine, Statement::new(PROFILE, key)).await?;
    first(&rows, |columns| {
        Ok(Profile {
            user: user(columns)?,
            has_password: columns.flag()?,
        })
    })
}

async fn profile(engine: &impl Engine, of: (ApplicationId, UserId)) -> Result<Part, StoreError> {
    let found = find(engine, of).await?;
    let records = found.map(|profile| Record::Profile(Box::new(profile)));
    Ok(Part {
        records: records.into_iter().collect(),
        next: None,
    })
}

async fn sessions(
    engine: &impl Engine,
    (application, whose): (ApplicationId, UserId),
    key: &[u8],
    limit: usize,
) -> Result<Part, StoreError> {
    let [after] = ids(key);
    let parameters = [
        application.bytes().into(),
        whose.bytes().into(),
        after.into(),
        most(limit),
    ];
    let rows = ask(engine, Statement::new(SESSIONS, parameters)).await?;
    let found = all(&rows, session)?;
    let last = found.last().map(|session| session.id.bytes().to_vec());
    Ok(Part {
        next: last.filter(|_| found.len() == limit),
        records: found
            .into_iter()
            .map(|session| Record::Session(Box::new(session)))
            .collect(),
    })
}

async fn places(
    engine: &impl Engine,
    (application, whose): (ApplicationId, UserId),
    key: &[u8],
    limit: usize,
) -> Result<Part, StoreError> {
    let [conversation, member] = ids(key);
    let parameters = [
        application.bytes().into(),
        whose.bytes().into(),
        conversation.into(),
        member.into(),
        most(limit),
    ];
    let rows = ask(engine, Statement::new(PLACES, parameters)).await?;
    let found = all(&rows, place)?;
    let last = found
        .last()
        .map(|place| [place.conversation.bytes(), place.member.bytes()].concat());
    Ok(Part {
        next: last.filter(|_| found.len() == limit),
        records: found
            .into_iter()
            .map(|place| Record::Place(Box::new(place)))
            .collect(),
    })
}

fn place(columns: &mut Columns<'_>) -> Result<Place, StoreError> {
    Ok(Place {
        member: MemberId::from_bytes(columns.id()?),
        user: UserId::from_bytes(columns.id()?),
        conversation: ConversationId::from_bytes(columns.id()?),
        name: columns.optional_text()?.map(str::to_owned),
        display_name: columns.optional_text()?.map(str::to_owned),
        state: columns.parsed("a member's state", MemberState::from_name)?,
        delivered: columns.number()?,
        seen: columns.number()?,
        invited_at: columns.optional_time()?,
        joined_at: columns.optional_time()?,
        left_at: columns.optional_time()?,
    })
}

/// Events of one place. The key is of the place, and the number up to which it was looked through.
async fn events(
    engine: &impl Engine,
    (application, whose): (ApplicationId, UserId),
    key: &[u8],
    limit: usize,
) -> Result<Part, StoreError> {
    let [mut conversation, mut member] = ids(key);
    let mut after = key.get(32..).and_then(|number| number.try_into().ok());
    for _ in 0..limit::EXPORT_STEPS_MAX {
        let parameters = [
            application.bytes().into(),
            whose.bytes().into(),
            conversation.into(),
            member.into(),
        ];
        let rows = ask(engine, Statement::new(PLACE_FROM, parameters)).await?;
        let place = first(&rows, |columns| {
            let place = (columns.id()?, columns.id()?);
            Ok((place, columns.number::<i64>()?, columns.number::<u64>()?))
        })?;
        let Some((in_place, number, last)) = place else {
            return Ok(Part {
                records: Vec::new(),
                next: None,
            });
        };
        let same = in_place == (conversation, member);
        let begin = after.take().filter(|_| same).map_or(0, u64::from_be_bytes);
        (conversation, member) = in_place;
        let until = last.min(begin.saturating_add(limit::EXPORT_SCANNED_MAX));
        let keys = [begin, until].map(|id| event_key::key(number, id));
        let records = written(engine, in_place, keys, limit).await?;
        let through = match records.last() {
            Some(Record::Event(event)) if records.len() == limit => event.id,
            _ => until,
        };
        // The last place has been looked through once its key is one past it.
        let next = if through < last {
            [&conversation[..], &member, &through.to_be_bytes()].concat()
        } else {
            member = next_id(member);
            [&conversation[..], &member].concat()
        };
        if !records.is_empty() {
            let next = Some(next);
            return Ok(Part { records, next });
        }
        after = next.get(32..).and_then(|number| number.try_into().ok());
    }
    let number = after.map(|number: [u8; 8]| number.to_vec());
    let key = [&conversation[..], &member, &number.unwrap_or_default()].concat();
    Ok(Part {
        records: Vec::new(),
        next: Some(key),
    })
}

async fn written(
    engine: &impl Engine,
    (conversation, member): ([u8; 16], [u8; 16]),
    [after, until]: [i64; 2],
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let parameters = [after.into(), until.into(), member.into(), most(limit)];
    let rows = ask(engine, Statement::new(EVENTS, parameters)).await?;
    all(&rows, |columns| {
        Ok(Record::Event(Box::new(Written {
            conversation: ConversationId::from_bytes(conversation),
            member: MemberId::from_bytes(member),
            id: columns.number()?,
            kind: columns.parsed("a type of event", EventKind::from_name)?,
            body: columns.text()?.to_owned(),
            assurance: columns.parsed("an assurance", Assurance::from_name)?,
            client_id: columns.optional_text()?.map(str::to_owned),
            timestamp: columns.time()?,
            edited_at: columns.optional_time()?,
            deleted_at: columns.optional_time()?,
        })))
    })
}

/// The next file, with its bytes. One whose conversation was deleted is nobody's any more.
async fn file(
    engine: &impl Engine,
    (application, whose): (ApplicationId, UserId),
    key: &[u8],
) -> Result<Part, StoreError> {
    let [mut after] = ids(key);
    loop {
        let parameters = [
            application.bytes().into(),
            author_bytes(Author::User(whose)).into(),
            after.into(),
        ];
        let rows = ask(engine, Statement::new(FILE_AFTER, parameters)).await?;
        let Some(id) = first(&rows, |columns| columns.id())? else {
            return Ok(Part {
                records: Vec::new(),
                next: None,
            });
        };
        after = id;
        let id = AttachmentId::from_bytes(id);
        let Some(known) = attachment::find(engine, application, id).await? else {
            continue;
        };
        let Some(content) = attachment::content(engine, application, id).await? else {
            continue;
        };
        return Ok(Part {
            records: vec![Record::File(Box::new((known, content)))],
            next: Some(after.to_vec()),
        });
    }
}

/// What names somebody: their id, and whatever they are called now.
async fn revocations(
    engine: &impl Engine,
    (application, whose): (ApplicationId, UserId),
) -> Result<Part, StoreError> {
    let found = find(engine, (application, whose)).await?;
    let mut records = Vec::new();
    for target in targets(application, found.map(|profile| profile.user), whose) {
        let parameters = [
            application.bytes().into(),
            target.kind().number().into(),
            target.value().into(),
        ];
        let rows = ask(engine, Statement::new(REVOCATION, parameters)).await?;
        let found = first(&rows, |columns| {
            Ok(Revocation {
                target,
                before: columns.time()?,
                made_at: columns.time()?,
                forget_at: columns.time()?,
            })
        })?;
        records.extend(found.map(Record::Revocation));
    }
    Ok(Part {
        records,
        next: None,
    })
}

fn targets(application: ApplicationId, user: Option<User>, whose: UserId) -> Vec<Target> {
    let mut names = Vec::new();
    if let Some(user) = user {
        names.extend(user.name.map(Identifier::Name));
        names.extend(user.external_id.map(Identifier::ExternalId));
        names.extend(user.email.map(Identifier::Email));
    }
    let names = names.iter().map(|name| Target::whoever(application, name));
    [Target::User(whose)].into_iter().chain(names).collect()
}

// === impl Section ===

impl Section {
    const ALL: [Self; 7] = [
        Self::Profile,
        Self::Sessions,
        Self::Places,
        Self::Events,
        Self::Files,
        Self::Revocations,
        Self::Audit,
    ];

    fn next(self) -> Option<Self> {
        let at = Self::ALL.iter().position(|section| *section == self)?;
        Self::ALL.get(at + 1).copied()
    }
}

// === impl Position ===

impl Position {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (section, rest) = bytes.split_first()?;
        let (whose, key) = rest.split_first_chunk::<16>()?;
        Some(Self {
            section: *Section::ALL.get(usize::from(*section))?,
            whose: UserId::from_bytes(*whose),
            key: key.to_vec(),
        })
    }

    fn written(&self) -> Vec<u8> {
        let at = Section::ALL.iter().position(|it| *it == self.section);
        let section = at.and_then(|at| u8::try_from(at).ok()).unwrap_or(0);
        [&[section][..], &self.whose.bytes(), &self.key].concat()
    }
}

/// The ids at the beginning of a key; those that are not there come before all.
fn ids<const N: usize>(key: &[u8]) -> [[u8; 16]; N] {
    let mut ids = [super::FIRST_ID; N];
    for (id, bytes) in ids.iter_mut().zip(key.chunks_exact(16)) {
        id.copy_from_slice(bytes);
    }
    ids
}

/// The id that comes next.
fn next_id(id: [u8; 16]) -> [u8; 16] {
    u128::from_be_bytes(id).saturating_add(1).to_be_bytes()
}

fn most(limit: usize) -> Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}
