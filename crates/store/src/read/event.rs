//! Events, with who sent them as of now.

use super::{ask, first, member, wanted};
use crate::change::event::author_id;
use crate::columns::{Columns, digest, integer, member as member_of, name_of};
use crate::engine::{Engine, Statement, Value};
use crate::error::StoreError;
use crate::rows::{Row, Rows};
use countersign_core::id::{ApplicationId, ConversationId, MemberId, UserId};
use countersign_core::model::event::{Assurance, Author, Event, EventKind, Range, Sender};
use countersign_core::ports::store::EventsView;

/// An event; of its author's member and of its subject the present user, by way of the place that
/// a merge points to; and a backend's name.
macro_rules! events {
    ($rest:literal) => {
        concat!(
            "SELECT e.id, e.kind, e.body, e.assurance, e.created_at, e.client_id, e.edited_at, \
             e.deleted_at, COALESCE(a.id, m.id), u.id, u.display_name, u.name, u.anonymous, \
             CASE WHEN m.id IS NULL \
               THEN (SELECT k.name FROM api_keys k WHERE k.id = e.author_id) END, \
             t.id, w.id, w.display_name, w.name, w.anonymous \
             FROM events e LEFT JOIN members m ON m.application_id = e.application_id \
               AND m.conversation_id = e.conversation_id AND m.id = e.author_id \
             LEFT JOIN members a ON a.application_id = m.application_id \
               AND a.conversation_id = m.conversation_id AND a.id = m.adopted_by \
             LEFT JOIN users u ON u.application_id = m.application_id \
               AND u.id = COALESCE(a.user_id, m.user_id) \
             LEFT JOIN members t ON t.application_id = e.application_id \
               AND t.conversation_id = e.conversation_id AND t.id = e.subject_id \
             LEFT JOIN members b ON b.application_id = t.application_id \
               AND b.conversation_id = t.conversation_id AND b.id = t.adopted_by \
             LEFT JOIN users w ON w.application_id = t.application_id \
               AND w.id = COALESCE(b.user_id, t.user_id) \
             WHERE e.application_id = $1 AND e.conversation_id = $2 ",
            $rest
        )
    };
}

const AFTER: &str = events!("AND e.id > $3 ORDER BY e.id LIMIT $4");
const BEFORE: &str = events!("AND e.id < $3 ORDER BY e.id DESC LIMIT $4");
const BY_ID: &str = events!("AND e.id = $3");
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
    let (sql, bound, descending) = match range {
        Range::Newest => (BEFORE, i64::MAX, true),
        Range::Before(before) => (BEFORE, integer(before), true),
        Range::After(after) => (AFTER, integer(after), false),
    };
    let [one, other] = key.clone();
    let most = i64::try_from(wanted(limit)).unwrap_or(i64::MAX);
    let mut queries = vec![
        Statement::new(CREATOR, key),
        Statement::new(sql, [one, other, bound.into(), most.into()]),
    ];
    queries.extend(viewer.map(|user| member::query_of_user(application, conversation, user)));
    let answers = engine.read(queries.into()).await?;
    let none = Rows::default();
    let answer = |place: usize| answers.get(place).unwrap_or(&none);
    let Some(creator) = first(answer(0), |columns| columns.optional(Row::id))? else {
        return Ok(None);
    };
    let mut events = super::all(answer(1), event)?;
    if descending {
        events.reverse();
    }
    Ok(Some(EventsView {
        member: first(answer(2), member_of)?,
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
    let parameters = [
        application.bytes().into(),
        conversation.bytes().into(),
        integer(id).into(),
    ];
    let rows = ask(engine, Statement::new(BY_ID, parameters)).await?;
    first(&rows, event)
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

fn event(columns: &mut Columns<'_>) -> Result<Event, StoreError> {
    let id = columns.number()?;
    let kind = columns.parsed("the type of an event", EventKind::from_name)?;
    let body = columns.text()?;
    let assurance = columns.parsed("an assurance", Assurance::from_name)?;
    let timestamp = columns.time()?;
    let client_id = columns.optional_text()?.map(str::to_owned);
    let edited_at = columns.optional_time()?;
    let deleted_at = columns.optional_time()?;
    let from = sender(columns, assurance)?;
    let told = told_of(columns)?;
    Ok(Event {
        id,
        kind,
        body: told.unwrap_or_else(|| body.to_owned()),
        from,
        timestamp,
        client_id,
        edited_at,
        deleted_at,
    })
}

fn sender(columns: &mut Columns<'_>, assurance: Assurance) -> Result<Sender, StoreError> {
    let member = columns.optional(Row::id)?.map(MemberId::from_bytes);
    let user = columns.optional(Row::id)?.map(UserId::from_bytes);
    let shown = if user.is_some() {
        Some(name_of(columns)?)
    } else {
        columns.skip(3);
        None
    };
    let of_key = columns.optional_text()?;
    Ok(Sender {
        member,
        user,
        name: shown.or(of_key).unwrap_or(BACKEND).to_owned(),
        assurance,
    })
}

/// The body of an event that tells of a member.
fn told_of(columns: &mut Columns<'_>) -> Result<Option<String>, StoreError> {
    let member = columns.optional(Row::id)?.map(MemberId::from_bytes);
    let user = columns.optional(Row::id)?.map(UserId::from_bytes);
    let Some((member, user)) = member.zip(user) else {
        return Ok(None);
    };
    let name = serde_json::Value::from(name_of(columns)?);
    Ok(Some(format!(
        r#"{{"member_id":"{member}","user_id":"{user}","name":{name}}}"#
    )))
}
