//! What a login needs to know, read in one hop at one moment.

use super::{all, ask, first, password, revocation, session, user};
use crate::columns::{
    Columns, covers_session, in_time, session as session_of, timeouts_of, user as user_of,
};
use crate::engine::{Batch, Engine, Statement, Value};
use crate::error::StoreError;
use crate::limit;
use crate::rows::Rows;
use countersign_core::id::{ApplicationId, ConversationId, SessionId};
use countersign_core::model::user::{Identifier, User};
use countersign_core::ports::store::{LoginQuery, LoginView};
use countersign_credential::time::Timestamp;

/// How many sessions of a user are not ended, counted up to a number.
macro_rules! count_open {
    ($column:literal) => {
        concat!(
            "SELECT count(*) FROM (SELECT s.id FROM users u JOIN sessions s \
             ON s.application_id = u.application_id AND s.user_id = u.id \
             WHERE u.application_id = $1 AND u.deleted_at IS NULL AND s.ended_at IS NULL AND u.",
            $column,
            " = $2 LIMIT $3) n"
        )
    };
}

macro_rules! open_sessions {
    ($column:literal) => {
        concat!(
            "SELECT s.id FROM users u JOIN sessions s \
             ON s.application_id = u.application_id AND s.user_id = u.id \
             WHERE u.application_id = $1 AND u.deleted_at IS NULL AND s.ended_at IS NULL AND u.",
            $column,
            " = $2 AND ",
            in_time!("$4", "$5", "$6"),
            " AND NOT ",
            covers_session!(),
            " ORDER BY s.id LIMIT $3"
        )
    };
}

const COUNT_BY_ID: &str = count_open!("id");
const COUNT_BY_NAME: &str = count_open!("name");
const COUNT_BY_EXTERNAL_ID: &str = count_open!("external_id");
const COUNT_BY_EMAIL: &str = count_open!("email");
const OPEN_BY_ID: &str = open_sessions!("id");
const OPEN_BY_NAME: &str = open_sessions!("name");
const OPEN_BY_EXTERNAL_ID: &str = open_sessions!("external_id");
const OPEN_BY_EMAIL: &str = open_sessions!("email");
const VISITOR_CONVERSATIONS: &str = "SELECT m.conversation_id FROM sessions s JOIN users u \
     ON u.application_id = s.application_id AND u.id = s.user_id AND u.anonymous = 1 \
     JOIN members m ON m.application_id = s.application_id AND m.user_id = s.user_id \
     WHERE s.application_id = $1 AND s.id = $2 AND m.state <> 'left' ORDER BY m.conversation_id";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    COUNT_BY_ID,
    COUNT_BY_NAME,
    COUNT_BY_EXTERNAL_ID,
    COUNT_BY_EMAIL,
    OPEN_BY_ID,
    OPEN_BY_NAME,
    OPEN_BY_EXTERNAL_ID,
    OPEN_BY_EMAIL,
    VISITOR_CONVERSATIONS,
];

/// The queries of a login, each with its place among the answers.
#[derive(Default)]
struct Asked {
    queries: Vec<Statement>,
}

// === impl Asked ===

impl Asked {
    fn add(&mut self, query: Statement) -> usize {
        self.queries.push(query);
        self.queries.len() - 1
    }
}

/// Reads what a login needs.
pub(crate) async fn view(
    engine: &impl Engine,
    application: ApplicationId,
    query: &LoginQuery,
) -> Result<LoginView, StoreError> {
    let mut asked = Asked::default();
    let by_identifier = asked.add(user::query(application, &query.identifier));
    let open = asked.add(count_open(application, query));
    let has_password = match &query.identifier {
        Identifier::Name(name) => Some(asked.add(password::query_has(application, name))),
        Identifier::Id(_) | Identifier::ExternalId(_) | Identifier::Email(_) => None,
    };
    let other = query
        .other
        .as_ref()
        .map(|other| asked.add(user::query(application, other)));
    let used_by = query
        .one_time_id
        .map(|id| asked.add(session::query_by_one_time_id(application, &id)));
    let current = query
        .current
        .map(|id| asked.add(session::query(application, id)));
    let conversations = query
        .current
        .map(|id| asked.add(visitor_conversations(application, id)));
    let device = query
        .device
        .map(|id| asked.add(session::query_device(application, id)));
    let targets = asked.queries.len();
    let covering = revocation::queries(application, &query.targets, query.issued_at);
    asked.queries.extend(covering);
    let answers = engine.read_to_write(Batch::from(asked.queries)).await?;
    let none = Rows::default();
    let answer = |place: Option<usize>| place.and_then(|at| answers.get(at)).unwrap_or(&none);

    let open: Option<u32> = first(answer(Some(open)), |columns| columns.number())?;
    let open_sessions = if open.is_some_and(|open| open >= query.sessions_max) {
        // Who has so many loses the oldest: then it matters which of them a revocation has ended.
        let rows = ask(engine, open_sessions(application, query)).await?;
        all(&rows, |columns| Ok(SessionId::from_bytes(columns.id()?)))?
    } else {
        Vec::new()
    };
    let found = first(answer(Some(by_identifier)), user_and_revoked_until)?;
    let of_target = answers.iter().skip(targets).any(|rows| !rows.is_empty());
    let of_user = found
        .as_ref()
        .and_then(|(_, until)| *until)
        .is_some_and(|until| until >= query.issued_at);
    let current = first(answer(current), session::view)?;
    let used_by = first(answer(used_by), |columns| {
        Ok((session_of(columns)?, columns.flag()?))
    })?;
    Ok(LoginView {
        user: found.map(|(user, _)| user),
        has_password: !answer(has_password).is_empty(),
        other: first(answer(other), user_of)?,
        revoked: of_target || of_user,
        used_by_revoked: used_by.as_ref().is_some_and(|(_, revoked)| *revoked),
        used_by: used_by.map(|(session, _)| session),
        current_revoked: current.as_ref().is_some_and(|view| view.revoked),
        current: current.map(|view| (view.session, view.user)),
        device_known: !answer(device).is_empty(),
        open_sessions,
        visitor_conversations: all(answer(conversations), |columns| {
            Ok(ConversationId::from_bytes(columns.id()?))
        })?,
    })
}

fn user_and_revoked_until(
    columns: &mut Columns<'_>,
) -> Result<(User, Option<Timestamp>), StoreError> {
    Ok((user_of(columns)?, columns.optional_time()?))
}

fn count_open(application: ApplicationId, query: &LoginQuery) -> Statement {
    let sql = match &query.identifier {
        Identifier::Id(_) => COUNT_BY_ID,
        Identifier::Name(_) => COUNT_BY_NAME,
        Identifier::ExternalId(_) => COUNT_BY_EXTERNAL_ID,
        Identifier::Email(_) => COUNT_BY_EMAIL,
    };
    let most = i64::from(query.sessions_max);
    let value = value_of(&query.identifier);
    Statement::new(sql, [application.bytes().into(), value, most.into()])
}

pub(crate) fn value_of(identifier: &Identifier) -> Value {
    match identifier {
        Identifier::Id(id) => id.bytes().into(),
        Identifier::Name(name) => name.as_str().into(),
        Identifier::ExternalId(id) => id.as_str().into(),
        Identifier::Email(email) => email.as_str().into(),
    }
}

fn open_sessions(application: ApplicationId, query: &LoginQuery) -> Statement {
    let sql = match &query.identifier {
        Identifier::Id(_) => OPEN_BY_ID,
        Identifier::Name(_) => OPEN_BY_NAME,
        Identifier::ExternalId(_) => OPEN_BY_EXTERNAL_ID,
        Identifier::Email(_) => OPEN_BY_EMAIL,
    };
    let value = value_of(&query.identifier);
    let most = i64::from(limit::OPEN_SESSIONS_READ_MAX);
    let [end, idle_since, visitor_idle_since] = timeouts_of(query.timeouts);
    let parameters = [
        application.bytes().into(),
        value,
        most.into(),
        end,
        idle_since,
        visitor_idle_since,
    ];
    Statement::new(sql, parameters)
}

fn visitor_conversations(application: ApplicationId, session: SessionId) -> Statement {
    let parameters = [application.bytes().into(), session.bytes().into()];
    Statement::new(VISITOR_CONVERSATIONS, parameters)
}
