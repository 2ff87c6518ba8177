//! Conversations, as a viewer sees them.

use super::{FIRST_ID, LAST_ID, all, ask, first, id_after, page, rows_of};
use crate::change::{author_bytes, first_id_of};
use crate::columns::{Columns, creator, digest, member, member_columns};
use crate::engine::{Engine, Statement, Value};
use crate::error::StoreError;
use crate::event_key::{event_key, events_end, is_between};
use crate::limit;
use crate::rows::Rows;
use countersign_core::id::{ApplicationId, ConversationId, SessionId, UserId};
use countersign_core::model::conversation::{
    Ages, Conversation, ConversationList, ConversationView,
};
use countersign_core::model::event::Author;
use countersign_core::model::member::{Member, MemberState};
use countersign_core::model::page::{Order, Page, Window};
use std::cmp::Reverse;

macro_rules! conversation_columns {
    () => {
        "c.id, c.name, c.display_name, c.image_url, c.custom_data, c.author, c.creator_member_id, \
         c.last_event_id, c.created_at, c.updated_at"
    };
}

/// Others' messages after `$seen`, in the conversation `c` of the place `m` that is not left,
/// counted up to the number $3. `$others` says whose they are not beside that place's.
macro_rules! counted {
    ($seen:expr, $others:literal) => {
        concat!(
            "(SELECT count(*) FROM (SELECT e.key FROM events e WHERE ",
            is_between!("e", event_key!("c", $seen), events_end!("c")),
            " AND e.counted = 1 AND e.deleted_at IS NULL \
             AND e.author_id <> m.id AND m.state <> 'left' ",
            $others,
            "LIMIT $3) n)"
        )
    };
}

/// Unread messages where they are few: of each it is looked who its author is. What came from an
/// earlier place of the same user, or from one that was merged into theirs, is their own.
macro_rules! few_unread {
    ($seen:expr) => {
        counted!(
            $seen,
            "AND NOT EXISTS (SELECT 1 FROM members o LEFT JOIN members a \
             ON a.application_id = o.application_id AND a.conversation_id = o.conversation_id \
             AND a.id = o.adopted_by \
             WHERE o.application_id = m.application_id \
             AND o.conversation_id = m.conversation_id AND o.id = e.author_id \
             AND (o.user_id = m.user_id OR a.user_id = m.user_id)) "
        )
    };
}

/// What is seen, or passed over: who writes and never says what they have seen would have all that
/// they wrote read each time, so no more than the newest ten times $3 are looked through.
macro_rules! seen_or_old {
    () => {
        "CASE WHEN c.last_event_id - 10 * CAST($3 AS BIGINT) > m.seen \
         THEN c.last_event_id - 10 * CAST($3 AS BIGINT) ELSE m.seen END"
    };
}

/// Unread messages, be they many: hardly anybody has another place there, and who has none needs
/// no look at the authors, which is most of what counting a thousand takes.
macro_rules! unread {
    () => {
        concat!(
            "CASE WHEN EXISTS (SELECT 1 FROM members o \
             WHERE o.application_id = m.application_id AND o.user_id = m.user_id \
             AND o.conversation_id = m.conversation_id AND o.id <> m.id) \
             OR EXISTS (SELECT 1 FROM members o WHERE o.application_id = m.application_id \
             AND o.conversation_id = m.conversation_id AND o.adopted_by = m.id) THEN ",
            few_unread!(seen_or_old!()),
            " ELSE ",
            counted!(seen_or_old!(), ""),
            " END"
        )
    };
}

const BY_ID: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM conversations c WHERE c.application_id = $1 AND c.id = $2"
);
/// The place that is not left, else the newest.
const PLACE: &str = concat!(
    "SELECT ",
    unread!(),
    ", ",
    member_columns!(),
    " FROM conversations c JOIN members m \
     ON m.application_id = c.application_id AND m.conversation_id = c.id \
     JOIN users u ON u.application_id = m.application_id AND u.id = m.user_id \
     WHERE c.application_id = $1 AND c.id = $2 AND m.user_id = $4 \
     ORDER BY CASE WHEN m.state = 'left' THEN 1 ELSE 0 END, m.id DESC LIMIT 1"
);
macro_rules! of_application {
    ($page:literal) => {
        concat!(
            "SELECT ",
            conversation_columns!(),
            " FROM conversations c WHERE c.application_id = $1 AND ",
            $page
        )
    };
}

const OLDEST_FIRST: &str = of_application!("c.id > $2 AND c.id < $4 ORDER BY c.id LIMIT $3");
const NEWEST_FIRST: &str = of_application!("c.id < $2 AND c.id > $4 ORDER BY c.id DESC LIMIT $3");
/// The page is chosen first, so that unread events are counted for the page alone.
const FOLLOWING: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    ", ",
    unread!(),
    ", ",
    member_columns!(),
    " FROM (SELECT x.application_id, x.id, y.id AS member_id FROM members y \
     JOIN conversations x ON x.application_id = y.application_id AND x.id = y.conversation_id \
     WHERE y.application_id = $1 AND y.user_id = $2 AND y.state <> 'left' \
     AND (x.updated_at, x.id) < ($4, $5) ORDER BY x.updated_at DESC, x.id DESC LIMIT $6) p \
     JOIN conversations c ON c.application_id = p.application_id AND c.id = p.id \
     JOIN members m ON m.application_id = p.application_id AND m.conversation_id = p.id \
     AND m.id = p.member_id \
     JOIN users u ON u.application_id = m.application_id AND u.id = m.user_id \
     ORDER BY c.updated_at DESC, c.id DESC"
);
/// All places of a session's user, where they are few; those that were left, too, since to look
/// for others could take long. Who is far behind has many unread, and nobody counts them here.
const FEW: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    ", CASE WHEN m.state <> 'left' AND c.last_event_id - m.seen >= CAST($3 AS BIGINT) \
     THEN CAST($3 AS BIGINT) ELSE ",
    few_unread!("m.seen"),
    " END, ",
    member_columns!(),
    " FROM (SELECT y.application_id, y.conversation_id AS id, y.id AS member_id FROM members y \
     WHERE y.application_id = $1 AND y.user_id = (SELECT s.user_id FROM sessions s \
       WHERE s.application_id = $1 AND s.id = $2) LIMIT $4) p \
     JOIN conversations c ON c.application_id = p.application_id AND c.id = p.id \
     JOIN members m ON m.application_id = p.application_id AND m.conversation_id = p.id \
     AND m.id = p.member_id \
     JOIN users u ON u.application_id = m.application_id AND u.id = m.user_id"
);
/// By age, with one place in each: no other of the user's is better, one that is not left before
/// all, else the newest.
macro_rules! of_user {
    ($state:literal, $page:literal, $order:literal) => {
        concat!(
            "SELECT ",
            conversation_columns!(),
            ", ",
            unread!(),
            ", ",
            member_columns!(),
            " FROM (SELECT y.application_id, y.conversation_id AS id, y.id AS member_id \
             FROM members y WHERE y.application_id = $1 AND y.user_id = $2 \
             AND NOT EXISTS (SELECT 1 FROM members z WHERE z.application_id = y.application_id \
               AND z.user_id = y.user_id AND z.conversation_id = y.conversation_id \
               AND y.state = 'left' AND (z.state <> 'left' OR z.id > y.id)) AND ",
            $state,
            $page,
            ") p JOIN conversations c ON c.application_id = p.application_id AND c.id = p.id \
             JOIN members m ON m.application_id = p.application_id AND m.conversation_id = p.id \
             AND m.id = p.member_id \
             JOIN users u ON u.application_id = m.application_id AND u.id = m.user_id ",
            $order
        )
    };
}

const OF_USER_OLDEST_FIRST: &str = of_user!(
    "",
    "y.conversation_id > $4 AND y.conversation_id < $6 ORDER BY y.conversation_id LIMIT $5",
    "ORDER BY c.id"
);
const OF_USER_NEWEST_FIRST: &str = of_user!(
    "",
    "y.conversation_id < $4 AND y.conversation_id > $6 ORDER BY y.conversation_id DESC LIMIT $5",
    "ORDER BY c.id DESC"
);
const OF_STATE_OLDEST_FIRST: &str = of_user!(
    "y.state = $7 AND ",
    "y.conversation_id > $4 AND y.conversation_id < $6 ORDER BY y.conversation_id LIMIT $5",
    "ORDER BY c.id"
);
const OF_STATE_NEWEST_FIRST: &str = of_user!(
    "y.state = $7 AND ",
    "y.conversation_id < $4 AND y.conversation_id > $6 ORDER BY y.conversation_id DESC LIMIT $5",
    "ORDER BY c.id DESC"
);
const BY_NAME: &str = "SELECT id FROM conversations WHERE application_id = $1 AND name = $2";
const OF_CLIENT: &str = "SELECT id, client_digest FROM conversations \
     WHERE application_id = $1 AND author = $2 AND client_id = $3";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    BY_ID,
    PLACE,
    OLDEST_FIRST,
    NEWEST_FIRST,
    FOLLOWING,
    FEW,
    OF_USER_OLDEST_FIRST,
    OF_USER_NEWEST_FIRST,
    OF_STATE_OLDEST_FIRST,
    OF_STATE_NEWEST_FIRST,
    BY_NAME,
    OF_CLIENT,
];

/// A conversation, as the viewer sees it.
pub(crate) async fn find(
    engine: &impl Engine,
    application: ApplicationId,
    id: ConversationId,
    viewer: Option<UserId>,
) -> Result<Option<ConversationView>, StoreError> {
    let key = [application.bytes().into(), id.bytes().into()];
    let mut queries = vec![Statement::new(BY_ID, key)];
    queries.extend(viewer.map(|viewer| place(application, id, viewer)));
    let answers = engine.read(queries.into()).await?;
    let Some(found) = answers.first() else {
        return Ok(None);
    };
    let Some(conversation) = first(found, conversation)? else {
        return Ok(None);
    };
    let place = answers
        .get(1)
        .map(|rows| first(rows, unread_and_member))
        .transpose()?;
    let (unread, member) = place.flatten().unzip();
    Ok(Some(ConversationView {
        conversation,
        viewer,
        member,
        unread: unread.unwrap_or(0),
    }))
}

/// The conversation that has a name.
pub(crate) async fn named(
    engine: &impl Engine,
    application: ApplicationId,
    name: &str,
) -> Result<Option<ConversationId>, StoreError> {
    let parameters = [application.bytes().into(), name.into()];
    let rows = ask(engine, Statement::new(BY_NAME, parameters)).await?;
    first(&rows, |columns| {
        Ok(ConversationId::from_bytes(columns.id()?))
    })
}

/// The query for a viewer's place, as [`unread_and_member`] reads it.
fn place(application: ApplicationId, id: ConversationId, viewer: UserId) -> Statement {
    let parameters = [
        application.bytes().into(),
        id.bytes().into(),
        unread_max(),
        viewer.bytes().into(),
    ];
    Statement::new(PLACE, parameters)
}

fn unread_and_member(columns: &mut Columns<'_>) -> Result<(u64, Member), StoreError> {
    Ok((columns.number()?, member(columns)?))
}

/// Conversations of a list. One that is by age has each once for who reads all of it, also where
/// some change meanwhile.
pub(crate) async fn list(
    engine: &impl Engine,
    application: ApplicationId,
    list: ConversationList,
    window: &Window,
) -> Result<Page<ConversationView>, StoreError> {
    match list {
        ConversationList::Following(user) => following(engine, application, user, window).await,
        ConversationList::OfUser { user, state, ages } => {
            of_user(engine, (application, user), state, ages, window).await
        }
        ConversationList::All(ages) => of_application(engine, application, ages, window).await,
    }
}

async fn following(
    engine: &impl Engine,
    application: ApplicationId,
    viewer: UserId,
    window: &Window,
) -> Result<Page<ConversationView>, StoreError> {
    let (updated_at, id) = position(window);
    let parameters = [
        application.bytes().into(),
        viewer.bytes().into(),
        unread_max(),
        updated_at,
        id,
        rows_of(window),
    ];
    let rows = ask(engine, Statement::new(FOLLOWING, parameters)).await?;
    let views = all(&rows, |columns| view_of(columns, viewer))?;
    Ok(page(views, window, |view| {
        let updated_at = view.conversation.updated_at.milliseconds();
        let mut position = updated_at.to_be_bytes().to_vec();
        position.extend_from_slice(&view.conversation.id.bytes());
        position
    }))
}

/// The query for what the user of a session follows, as [`few`] reads it.
pub(crate) fn query_few(application: ApplicationId, session: SessionId) -> Statement {
    let parameters = [
        application.bytes().into(),
        session.bytes().into(),
        i64::from(limit::FEW_UNREAD_MAX).into(),
        i64::from(limit::FEW_PLACES_MAX).into(),
    ];
    Statement::new(FEW, parameters)
}

/// What a user follows, the one that changed last first; `None` where there may be more than was
/// read.
pub(crate) fn few(rows: &Rows) -> Result<Option<Vec<ConversationView>>, StoreError> {
    let mut views = all(rows, |columns| {
        let conversation = conversation(columns)?;
        let (unread, member) = unread_and_member(columns)?;
        Ok(ConversationView {
            conversation,
            viewer: Some(member.user),
            unread,
            member: Some(member),
        })
    })?;
    let many = views.len() >= limit::FEW_PLACES_MAX as usize;
    let much = |view: &ConversationView| view.unread >= u64::from(limit::FEW_UNREAD_MAX);
    if many || views.iter().any(much) {
        return Ok(None);
    }
    views.retain(|view| {
        let place = view.member.as_ref().map(|member| member.state);
        place != Some(MemberState::Left)
    });
    views.sort_by_key(|view| {
        let Conversation { updated_at, id, .. } = view.conversation;
        Reverse((updated_at, id))
    });
    Ok(Some(views))
}

async fn of_user(
    engine: &impl Engine,
    (application, viewer): (ApplicationId, UserId),
    state: Option<MemberState>,
    ages: Ages,
    window: &Window,
) -> Result<Page<ConversationView>, StoreError> {
    let [near, far] = ids_of(ages, window);
    let mut parameters: Vec<Value> = vec![
        application.bytes().into(),
        viewer.bytes().into(),
        unread_max(),
        near,
        rows_of(window),
        far,
    ];
    parameters.extend(state.map(|state| Value::from(state.as_str())));
    let sql = match (state, ages.order) {
        (None, Order::OldestFirst) => OF_USER_OLDEST_FIRST,
        (None, Order::NewestFirst) => OF_USER_NEWEST_FIRST,
        (Some(_), Order::OldestFirst) => OF_STATE_OLDEST_FIRST,
        (Some(_), Order::NewestFirst) => OF_STATE_NEWEST_FIRST,
    };
    let rows = ask(engine, Statement::new(sql, parameters)).await?;
    let views = all(&rows, |columns| view_of(columns, viewer))?;
    Ok(page(views, window, position_by_age))
}

async fn of_application(
    engine: &impl Engine,
    application: ApplicationId,
    ages: Ages,
    window: &Window,
) -> Result<Page<ConversationView>, StoreError> {
    let [near, far] = ids_of(ages, window);
    let parameters = [application.bytes().into(), near, rows_of(window), far];
    let sql = match ages.order {
        Order::OldestFirst => OLDEST_FIRST,
        Order::NewestFirst => NEWEST_FIRST,
    };
    let rows = ask(engine, Statement::new(sql, parameters)).await?;
    let views = all(&rows, |columns| {
        Ok(ConversationView {
            conversation: conversation(columns)?,
            viewer: None,
            unread: 0,
            member: None,
        })
    })?;
    Ok(page(views, window, position_by_age))
}

/// The ids between which a page is, the one where it begins first: an id begins with its moment,
/// and none is the first that its moment could have.
fn ids_of(ages: Ages, window: &Window) -> [Value; 2] {
    let first = ages.since.map_or(FIRST_ID, first_id_of);
    let until = ages.until.map(|until| until.plus_milliseconds(1));
    let last = until.map_or(LAST_ID, first_id_of);
    let after = id_after(window);
    let [near, far] = match ages.order {
        Order::OldestFirst => [after.map_or(first, |id| id.max(first)), last],
        Order::NewestFirst => [after.map_or(last, |id| id.min(last)), first],
    };
    [near.into(), far.into()]
}

fn position_by_age(view: &ConversationView) -> Vec<u8> {
    view.conversation.id.bytes().to_vec()
}

/// A conversation of a user's list.
fn view_of(columns: &mut Columns<'_>, viewer: UserId) -> Result<ConversationView, StoreError> {
    Ok(ConversationView {
        conversation: conversation(columns)?,
        viewer: Some(viewer),
        unread: columns.number()?,
        member: Some(member(columns)?),
    })
}

/// The conversation that an author created with a client id, as the author sees it.
pub(crate) async fn of_client(
    engine: &impl Engine,
    application: ApplicationId,
    author: Author,
    client_id: String,
) -> Result<Option<(ConversationView, [u8; 32])>, StoreError> {
    let parameters = [
        application.bytes().into(),
        author_bytes(author).into(),
        client_id.into(),
    ];
    let rows = ask(engine, Statement::new(OF_CLIENT, parameters)).await?;
    let found = first(&rows, |columns| {
        let id = ConversationId::from_bytes(columns.id()?);
        Ok((id, columns.next(digest)?))
    })?;
    let Some((id, digest)) = found else {
        return Ok(None);
    };
    let viewer = match author {
        Author::User(id) => Some(id),
        Author::Member(_) | Author::ApiKey(_) | Author::Backend => None,
    };
    let view = find(engine, application, id, viewer).await?;
    Ok(view.map(|view| (view, digest)))
}

fn conversation(columns: &mut Columns<'_>) -> Result<Conversation, StoreError> {
    Ok(Conversation {
        id: ConversationId::from_bytes(columns.id()?),
        name: columns.optional_text()?.map(str::to_owned),
        display_name: columns.optional_text()?.map(str::to_owned),
        image_url: columns.optional_text()?.map(str::to_owned),
        custom_data: columns.optional_text()?.map(str::to_owned),
        creator: creator(columns)?,
        last_event_id: columns.number()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
    })
}

fn unread_max() -> Value {
    i64::from(limit::UNREAD_COUNTED_MAX).into()
}

/// The time and id that a window goes on from. One that is none begins anew.
fn position(window: &Window) -> (Value, Value) {
    let position = window.after.as_deref().unwrap_or_default();
    let split = position.split_first_chunk::<8>();
    match split.and_then(|(time, id)| Some((time, <[u8; 16]>::try_from(id).ok()?))) {
        Some((time, id)) => (i64::from_be_bytes(*time).into(), id.into()),
        None => (i64::MAX.into(), LAST_ID.into()),
    }
}
