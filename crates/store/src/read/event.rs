//! Events, with who sent them as of now.

use std::collections::HashMap;

use super::{ask, first, member, wanted};
use crate::change::event::author_id;
use crate::columns::{Columns, digest, integer, member as member_of, name_of};
use crate::engine::{Engine, Statement, Value};
use crate::error::StoreError;
use crate::rows::{Row, Rows};
use countersign_core::id::{ApplicationId, ConversationId, MemberId, UserId};
use countersign_core::model::event::{Assurance, Author, Event, EventKind, Range, Sender};
use countersign_core::ports::store::EventsView;

/// An event, with the ids of who sent it and of whom it tells.
macro_rules! events {
    ($rest:literal) => {
        concat!(
            "SELECT e.id, e.kind, e.body, e.assurance, e.created_at, e.client_id, e.edited_at, \
             e.deleted_at, e.author_id, e.subject_id FROM events e \
             WHERE e.application_id = $1 AND e.conversation_id = $2 ",
            $rest
        )
    };
}

/// Who sent the events of a page, and of whom they tell, each once: a page has a hundred events
/// and a handful of people. Of a member it is the present user, by way of the place that a merge
/// points to; of an API key its name.
macro_rules! people {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, COALESCE(a.id, m.id), u.id, u.display_name, u.name, u.anonymous, k.name \
             FROM (SELECT authors.author_id AS id FROM (SELECT e.author_id FROM events e \
               WHERE e.application_id = $1 AND e.conversation_id = $2 ",
            $rest,
            ") authors UNION SELECT subjects.subject_id FROM (SELECT e.subject_id FROM events e \
               WHERE e.application_id = $1 AND e.conversation_id = $2 ",
            $rest,
            ") subjects WHERE subjects.subject_id IS NOT NULL) p \
             LEFT JOIN members m ON m.application_id = $1 AND m.conversation_id = $2 \
               AND m.id = p.id \
             LEFT JOIN members a ON a.application_id = m.application_id \
               AND a.conversation_id = m.conversation_id AND a.id = m.adopted_by \
             LEFT JOIN users u ON u.application_id = m.application_id \
               AND u.id = COALESCE(a.user_id, m.user_id) \
             LEFT JOIN api_keys k ON k.id = p.id"
        )
    };
}

const AFTER: &str = events!("AND e.id > $3 ORDER BY e.id LIMIT $4");
const BEFORE: &str = events!("AND e.id < $3 ORDER BY e.id DESC LIMIT $4");
const BY_ID: &str = events!("AND e.id = $3");
const PEOPLE_AFTER: &str = people!("AND e.id > $3 ORDER BY e.id LIMIT $4");
const PEOPLE_BEFORE: &str = people!("AND e.id < $3 ORDER BY e.id DESC LIMIT $4");
const PEOPLE_BY_ID: &str = people!("AND e.id = $3");
const CREATOR: &str =
    "SELECT creator_member_id FROM conversations WHERE application_id = $1 AND id = $2";
/// Of several places that a user had, the newest that used the client id.
const OF_USERS_CLIENT: &str = "SELECT e.id, e.client_digest FROM members m JOIN events e \
     ON e.application_id = m.application_id AND e.conversation_id = m.conversation_id \
     AND e.author_id = m.id WHERE m.application_id = $1 AND m.conversation_id = $2 \
     AND m.user_id = $3 AND e.client_id = $4 ORDER BY e.id DESC LIMIT 1";
const OF_BACKENDS_CLIENT: &str = "SELECT e.id, e.client_digest FROM events e \
     WHERE e.application_id = $1 AND e.conversation_id = $2 AND e.author_id = $3 \
     AND e.client_id = $4";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    AFTER,
    BEFORE,
    BY_ID,
    PEOPLE_AFTER,
    PEOPLE_BEFORE,
    PEOPLE_BY_ID,
    CREATOR,
    OF_USERS_CLIENT,
    OF_BACKENDS_CLIENT,
];

/// What a backend without an API key is called.
const BACKEND: &str = "backend";

/// A part of the history, with the viewer's place.
pub(crate) async fn list(
    engine: &impl Engine,
    application: ApplicationId,
    conversation: ConversationId,
    viewer: Option<UserId>,
    range: Range,
    limit: usize,
) -> Result<Option<EventsView>, StoreError> {
    let key = [application.bytes().into(), conversation.bytes().into()];
    let (events, people, bound, descending) = match range {
        Range::Newest => (BEFORE, PEOPLE_BEFORE, i64::MAX, true),
        Range::Before(before) => (BEFORE, PEOPLE_BEFORE, integer(before), true),
        Range::After(after) => (AFTER, PEOPLE_AFTER, integer(after), false),
    };
    let most = i64::try_from(wanted(limit)).unwrap_or(i64::MAX);
    let page: Vec<Value> = key
        .iter()
        .cloned()
        .chain([bound.into(), most.into()])
        .collect();
    let mut queries = vec![
        Statement::new(CREATOR, key),
        Statement::new(events, page.clone()),
        Statement::new(people, page),
    ];
    queries.extend(viewer.map(|user| member::query_of_user(application, conversation, user)));
    let answers = engine.read(queries.into()).await?;
    let none = Rows::default();
    let answer = |place: usize| answers.get(place).unwrap_or(&none);
    let Some(creator) = first(answer(0), |columns| columns.optional(Row::id))? else {
        return Ok(None);
    };
    let people = People::of(answer(2))?;
    let mut events = super::all(answer(1), |columns| event(columns, &people))?;
    if descending {
        events.reverse();
    }
    Ok(Some(EventsView {
        member: first(answer(3), member_of)?,
        creator: creator.map(MemberId::from_bytes),
        events,
    }))
}

/// One event.
pub(crate) async fn find(
    engine: &impl Engine,
    application: ApplicationId,
    conversation: ConversationId,
    id: u64,
) -> Result<Option<Event>, StoreError> {
    let key: Vec<Value> = vec![
        application.bytes().into(),
        conversation.bytes().into(),
        integer(id).into(),
    ];
    let queries = [
        Statement::new(BY_ID, key.clone()),
        Statement::new(PEOPLE_BY_ID, key),
    ];
    let answers = engine.read(queries.into()).await?;
    let [found, people] = answers.as_slice() else {
        return Ok(None);
    };
    let people = People::of(people)?;
    first(found, |columns| event(columns, &people))
}

/// The event that an author sent with a client id.
pub(crate) async fn of_client(
    engine: &impl Engine,
    application: ApplicationId,
    conversation: ConversationId,
    author: Author,
    client_id: String,
) -> Result<Option<(Event, [u8; 32])>, StoreError> {
    let sql = match author {
        Author::User(_) => OF_USERS_CLIENT,
        Author::ApiKey(_) | Author::Backend => OF_BACKENDS_CLIENT,
    };
    let parameters: [Value; 4] = [
        application.bytes().into(),
        conversation.bytes().into(),
        author_id(author),
        client_id.into(),
    ];
    let rows = ask(engine, Statement::new(sql, parameters)).await?;
    let found = first(&rows, |columns| {
        Ok((columns.number()?, columns.next(digest)?))
    })?;
    let Some((id, digest)) = found else {
        return Ok(None);
    };
    let event = find(engine, application, conversation, id).await?;
    Ok(event.map(|event| (event, digest)))
}

/// The people of a page, by the id that its events name them by.
struct People<'a>(HashMap<[u8; 16], Person<'a>>);

/// Who is behind an id now: a member with its user, or an API key.
struct Person<'a> {
    member: Option<MemberId>,
    user: Option<UserId>,
    name: &'a str,
}

// === impl People ===

impl<'a> People<'a> {
    fn of(rows: &'a Rows) -> Result<Self, StoreError> {
        let mut people = HashMap::with_capacity(rows.len());
        for row in rows.iter() {
            let mut columns = Columns::of(row);
            // A backend without a key is named by no byte at all.
            if let Some((id, person)) = person(&mut columns)? {
                people.insert(id, person);
            }
        }
        Ok(Self(people))
    }

    fn get(&self, id: &[u8]) -> Option<&Person<'a>> {
        self.0.get(<&[u8; 16]>::try_from(id).ok()?)
    }
}

fn person<'a>(columns: &mut Columns<'a>) -> Result<Option<([u8; 16], Person<'a>)>, StoreError> {
    let Ok(id) = <[u8; 16]>::try_from(columns.next(Row::blob)?) else {
        return Ok(None);
    };
    let member = columns.optional(Row::id)?.map(MemberId::from_bytes);
    let user = columns.optional(Row::id)?.map(UserId::from_bytes);
    let shown = if user.is_some() {
        Some(name_of(columns)?)
    } else {
        columns.skip(3);
        None
    };
    let of_key = columns.optional_text()?;
    let name = shown.or(of_key).unwrap_or(BACKEND);
    Ok(Some((id, Person { member, user, name })))
}

fn event(columns: &mut Columns<'_>, people: &People<'_>) -> Result<Event, StoreError> {
    let id = columns.number()?;
    let kind = columns.parsed("the type of an event", EventKind::from_name)?;
    let body = columns.text()?;
    let assurance = columns.parsed("an assurance", Assurance::from_name)?;
    let timestamp = columns.time()?;
    let client_id = columns.optional_text()?.map(str::to_owned);
    let edited_at = columns.optional_time()?;
    let deleted_at = columns.optional_time()?;
    let author = people.get(columns.next(Row::blob)?);
    let told = match columns.optional(Row::id)? {
        Some(subject) => told_of(subject, people),
        None => None,
    };
    Ok(Event {
        id,
        kind,
        body: told.unwrap_or_else(|| body.to_owned()),
        from: Sender {
            member: author.and_then(|author| author.member),
            user: author.and_then(|author| author.user),
            name: author.map_or(BACKEND, |author| author.name).to_owned(),
            assurance,
        },
        timestamp,
        client_id,
        edited_at,
        deleted_at,
    })
}

/// The body of an event that tells of a member: the member's own id, also where a merge has
/// ended it, and its present user.
fn told_of(subject: [u8; 16], people: &People<'_>) -> Option<String> {
    let person = people.get(&subject)?;
    let member = MemberId::from_bytes(subject);
    let user = person.user?;
    let name = serde_json::Value::from(person.name);
    Some(format!(
        r#"{{"member_id":"{member}","user_id":"{user}","name":{name}}}"#
    ))
}
