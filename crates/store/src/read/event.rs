//! Events, with who sent them as of now.

use std::collections::BTreeSet;

use super::person::{self, KnownKeys, People};
use super::{all, ask, first, member, rows_of, wanted};
use crate::change::event::author_id;
use crate::columns::{Columns, creator as creator_of, digest};
use crate::engine::{Engine, Statement, Value};
use crate::error::StoreError;
use crate::event_key::{
    EVENT_IDS_END, conversation_number, event_id, event_key, event_number, events_end, is_between,
    number_value,
};
use crate::reason;
use crate::rows::{Row, Rows};
use countersign_core::id::{ApplicationId, ConversationId, MemberId, UserId};
use countersign_core::limit::EVENT_KINDS_MAX;
use countersign_core::model::conversation::Creator;
use countersign_core::model::event::{
    Assurance, Author, Event, EventFilter, EventKind, KindFilter, Range, Subject,
};
use countersign_core::model::member::{Member, MemberState};
use countersign_core::model::page::{Order, Window};
use countersign_core::ports::store::{EventPage, EventsView, OwnPlace};

/// An event, behind the ids of who sent it and of whom it tells.
macro_rules! events {
    ($which:expr, $rest:expr) => {
        concat!(
            "SELECT e.author_id, e.subject_id, ",
            event_id!("e"),
            ", e.kind, e.body, e.assurance, e.created_at, e.client_id, e.edited_at, e.deleted_at \
             FROM conversations c JOIN events e ON ",
            $which,
            " WHERE c.application_id = $1 AND c.id = $2 ",
            $rest
        )
    };
}

const AFTER: &str = events!(
    is_between!("e", event_key!("c", "$3"), events_end!("c")),
    "ORDER BY e.key LIMIT $4"
);
const BEFORE: &str = events!(
    is_between!("e", event_key!("c", "0"), event_key!("c", "$3")),
    "ORDER BY e.key DESC LIMIT $4"
);
const BY_ID: &str = events!(concat!("e.key = ", event_key!("c", "$3")), "");

/// Events of a page, by numbers and kinds: each kind is two names, and those between them.
macro_rules! filtered {
    ($order:literal) => {
        events!(
            concat!(
                "e.key >= ",
                event_key!("c", "$3"),
                " AND e.key <= ",
                event_key!("c", "$4")
            ),
            concat!(
                "AND (e.deleted_at IS NULL OR CAST($5 AS BIGINT) = 1) \
                 AND (e.kind BETWEEN $6 AND $7 OR e.kind BETWEEN $8 AND $9 \
                 OR e.kind BETWEEN $10 AND $11 OR e.kind BETWEEN $12 AND $13 \
                 OR e.kind BETWEEN $14 AND $15 OR e.kind BETWEEN $16 AND $17 \
                 OR e.kind BETWEEN $18 AND $19 OR e.kind BETWEEN $20 AND $21) ",
                $order,
                " LIMIT $22"
            )
        )
    };
}

const OLDEST_FIRST: &str = filtered!("ORDER BY e.key");
const NEWEST_FIRST: &str = filtered!("ORDER BY e.key DESC");
/// Comes after every name of a kind, and after every name that begins like one.
const LAST_NAME: &str = "\u{7f}";
/// Who created a conversation, and the viewer's place there that is not left.
const VIEWED: &str = "SELECT c.author, c.creator_member_id, m.id, m.state FROM conversations c \
     LEFT JOIN members m ON m.application_id = c.application_id AND m.conversation_id = c.id \
       AND m.user_id = $3 AND m.state <> 'left' \
     WHERE c.application_id = $1 AND c.id = $2";
/// Of several places that a user had, the newest that used the client id.
const OF_USERS_CLIENT: &str = concat!(
    "SELECT ",
    event_id!("e"),
    ", e.client_digest FROM conversations c JOIN members m \
     ON m.application_id = c.application_id AND m.conversation_id = c.id JOIN events e ON ",
    conversation_number!("e"),
    " = ",
    number_value!("c"),
    " AND e.author_id = m.id WHERE c.application_id = $1 AND c.id = $2 \
     AND m.user_id = $3 AND e.client_id = $4 ORDER BY e.key DESC LIMIT 1"
);
/// Of a backend, or of a member for whom one has sent.
const OF_AUTHORS_CLIENT: &str = concat!(
    "SELECT ",
    event_id!("e"),
    ", e.client_digest FROM conversations c JOIN events e ON ",
    conversation_number!("e"),
    " = ",
    number_value!("c"),
    " WHERE c.application_id = $1 AND c.id = $2 AND e.author_id = $3 \
     AND e.client_id = $4"
);

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    AFTER,
    BEFORE,
    BY_ID,
    OLDEST_FIRST,
    NEWEST_FIRST,
    VIEWED,
    OF_USERS_CLIENT,
    OF_AUTHORS_CLIENT,
];

/// A part of the history, with the viewer's place.
pub(crate) async fn list(
    engine: &impl Engine,
    keys: &KnownKeys,
    application: ApplicationId,
    conversation: ConversationId,
    viewer: Option<UserId>,
    range: Range,
    limit: usize,
) -> Result<Option<EventsView>, StoreError> {
    let key = [application.bytes().into(), conversation.bytes().into()];
    let (events, bound, descending) = match range {
        Range::Newest => (BEFORE, EVENT_IDS_END, true),
        Range::Before(before) => (BEFORE, before, true),
        Range::After(after) => (AFTER, after, false),
    };
    let most = i64::try_from(wanted(limit)).unwrap_or(i64::MAX);
    let page: Vec<Value> = key
        .into_iter()
        .chain([event_number(bound).into(), most.into()])
        .collect();
    let events = Statement::new(events, page);
    let found = part(engine, keys, (application, conversation), viewer, events).await?;
    Ok(found.map(|mut part| {
        if descending {
            part.events.reverse();
        }
        part
    }))
}

/// A page of the history, of some kinds and in either order, with the viewer's place.
pub(crate) async fn page(
    engine: &impl Engine,
    keys: &KnownKeys,
    (application, conversation): (ApplicationId, ConversationId),
    viewer: Option<UserId>,
    filter: &EventFilter,
    window: &Window,
) -> Result<Option<EventPage>, StoreError> {
    let (first, last) = numbers(filter, window);
    let key = [application.bytes().into(), conversation.bytes().into()];
    let numbers = [event_number(first).into(), event_number(last).into()];
    let parameters: Vec<Value> = key
        .into_iter()
        .chain(numbers)
        .chain([filter.deleted.into()])
        .chain(names_of(&filter.kinds))
        .chain([rows_of(window)])
        .collect();
    let sql = match filter.order {
        Order::OldestFirst => OLDEST_FIRST,
        Order::NewestFirst => NEWEST_FIRST,
    };
    let events = Statement::new(sql, parameters);
    let found = part(engine, keys, (application, conversation), viewer, events).await?;
    Ok(found.map(|part| EventPage {
        place: part.place,
        creator: part.creator,
        events: super::page(part.events, window, |event| event.id.to_be_bytes().to_vec()),
    }))
}

/// The first and the last number that a page may have, behind the one that its window goes on from.
fn numbers(filter: &EventFilter, window: &Window) -> (u64, u64) {
    let after = window.after.as_deref();
    let after = after.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    match (after.map(u64::from_be_bytes), filter.order) {
        (None, _) => (filter.first, filter.last),
        (Some(after), Order::OldestFirst) => {
            (filter.first.max(after.saturating_add(1)), filter.last)
        }
        (Some(after), Order::NewestFirst) => {
            (filter.first, filter.last.min(after.saturating_sub(1)))
        }
    }
}

/// For each kind the first and the last name that it can have; pairs that are left mean none.
fn names_of(kinds: &[KindFilter]) -> Vec<Value> {
    const NONE: (&str, &str) = (LAST_NAME, "");
    let of = |kind: &KindFilter| match kind {
        KindFilter::One(kind) => {
            let name = kind.name();
            (name.to_string(), name.into_owned())
        }
        KindFilter::Member => ("member:".to_owned(), format!("member:{LAST_NAME}")),
        KindFilter::Custom => ("custom:".to_owned(), format!("custom:{LAST_NAME}")),
    };
    let mut pairs: Vec<(String, String)> = kinds.iter().map(of).collect();
    if kinds.is_empty() {
        pairs.push((String::new(), LAST_NAME.to_owned()));
    }
    let none = (NONE.0.to_owned(), NONE.1.to_owned());
    pairs.resize(EVENT_KINDS_MAX, none);
    let names = pairs.into_iter().flat_map(|(first, last)| [first, last]);
    names.map(Value::from).collect()
}

/// What a query for events finds, with the viewer's place.
async fn part(
    engine: &impl Engine,
    keys: &KnownKeys,
    (application, conversation): (ApplicationId, ConversationId),
    viewer: Option<UserId>,
    events: Statement,
) -> Result<Option<EventsView>, StoreError> {
    let key = [application.bytes().into(), conversation.bytes().into()];
    let viewed = key
        .into_iter()
        .chain([viewer.map(|user| user.bytes()).into()]);
    let mut queries = vec![Statement::new(VIEWED, viewed.collect::<Vec<_>>()), events];
    queries.push(person::query_of_places(application, conversation));
    let answers = engine.read(queries.into()).await?;
    let [viewed, events, places] = answers.as_slice() else {
        return Ok(None);
    };
    let Some((creator, present)) = first(viewed, creator_and_place)? else {
        return Ok(None);
    };
    let events = named(engine, keys, (application, conversation), events, places).await?;
    let place = match (present, viewer) {
        (None, Some(user)) => left_place(engine, application, conversation, user).await?,
        (Some(_) | None, _) => present,
    };
    Ok(Some(EventsView {
        place,
        creator,
        events,
    }))
}

fn creator_and_place(
    columns: &mut Columns<'_>,
) -> Result<(Option<Creator>, Option<OwnPlace>), StoreError> {
    let creator = creator_of(columns)?;
    let id = columns.optional(Row::id)?.map(MemberId::from_bytes);
    let state = columns.optional_parsed("a member's state", MemberState::from_name)?;
    let place = id.zip(state).map(|(id, state)| OwnPlace { id, state });
    Ok((creator, place))
}

/// The place of who is not in a conversation: asked for apart, since who reads a history mostly is.
async fn left_place(
    engine: &impl Engine,
    application: ApplicationId,
    conversation: ConversationId,
    user: UserId,
) -> Result<Option<OwnPlace>, StoreError> {
    let found = member::of_user(engine, application, conversation, user).await?;
    Ok(found.map(|Member { id, state, .. }| OwnPlace { id, state }))
}

/// One event.
pub(crate) async fn find(
    engine: &impl Engine,
    keys: &KnownKeys,
    application: ApplicationId,
    conversation: ConversationId,
    id: u64,
) -> Result<Option<Event>, StoreError> {
    let key: Vec<Value> = vec![
        application.bytes().into(),
        conversation.bytes().into(),
        event_number(id).into(),
    ];
    let places = person::query_of_places(application, conversation);
    let queries = vec![Statement::new(BY_ID, key), places];
    let answers = engine.read(queries.into()).await?;
    let [found, places] = answers.as_slice() else {
        return Ok(None);
    };
    let place = (application, conversation);
    let mut events = named(engine, keys, place, found, places).await?;
    Ok(events.pop())
}

/// The event that an author sent with a client id.
pub(crate) async fn of_client(
    engine: &impl Engine,
    keys: &KnownKeys,
    application: ApplicationId,
    conversation: ConversationId,
    author: Author,
    client_id: String,
) -> Result<Option<(Event, [u8; 32])>, StoreError> {
    let sql = match author {
        Author::User(_) => OF_USERS_CLIENT,
        Author::Member(_) | Author::ApiKey(_) | Author::Backend => OF_AUTHORS_CLIENT,
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
    let event = find(engine, keys, application, conversation, id).await?;
    Ok(event.map(|event| (event, digest)))
}

/// Events of their rows, each with the names of its people. Who has none of the places that were
/// read, and is no key that is known, is asked for.
async fn named(
    engine: &impl Engine,
    keys: &KnownKeys,
    (application, conversation): (ApplicationId, ConversationId),
    rows: &Rows,
    places: &Rows,
) -> Result<Vec<Event>, StoreError> {
    let mut known = People::with(keys);
    known.add(places)?;
    let mut missing = BTreeSet::new();
    let events = all(rows, |columns| event(columns, &mut known, &mut missing))?;
    if missing.is_empty() {
        return Ok(events);
    }
    let queries = person::queries_of(application, conversation, missing);
    let found = engine.read(queries.into()).await?;
    for rows in &found {
        known.add(rows)?;
    }
    let mut unknown = BTreeSet::new();
    all(rows, |columns| event(columns, &mut known, &mut unknown))
}

/// An event, with whom it names and nobody knows yet.
fn event(
    columns: &mut Columns<'_>,
    people: &mut People<'_>,
    missing: &mut BTreeSet<[u8; 16]>,
) -> Result<Event, StoreError> {
    let author_id = columns.next(Row::blob)?;
    let subject = columns.optional(Row::id)?;
    missing.extend(subject.filter(|member| people.get(member).is_none()));
    let subject = subject.and_then(|member| people.subject(member));
    let id = columns.number()?;
    let kind = columns.parsed("the type of an event", EventKind::from_name)?;
    let body = columns.text()?;
    let assurance = columns.parsed("an assurance", Assurance::from_name)?;
    let timestamp = columns.time()?;
    let client_id = columns.optional_text()?.map(str::to_owned);
    let edited_at = columns.optional_time()?;
    let deleted_at = columns.optional_time()?;
    let author = people.get(author_id);
    if author.is_none() {
        // A backend without a key is named by no byte at all.
        missing.extend(<[u8; 16]>::try_from(author_id));
    }
    Ok(Event {
        id,
        kind,
        body: subject.as_ref().map_or_else(|| body.to_owned(), told_of),
        from: person::sender_of(author, assurance),
        reason: subject
            .as_ref()
            .and_then(|_| reason::of_text(body))
            .map(Box::new),
        subject,
        timestamp,
        client_id,
        edited_at,
        deleted_at,
    })
}

/// The body of an event that tells of a member.
fn told_of(subject: &Subject) -> String {
    let name = serde_json::Value::from(subject.person.names.shown());
    format!(
        r#"{{"member_id":"{}","user_id":"{}","name":{name}}}"#,
        subject.member, subject.user
    )
}
