//! Members of a conversation.

use super::{after_in, all, ask, first, page, rows_of};
use crate::columns::{member, member_columns};
use crate::engine::{Engine, Statement};
use crate::error::StoreError;
use countersign_core::id::{ApplicationId, ConversationId, MemberId, UserId};
use countersign_core::model::member::Member;
use countersign_core::model::page::{Order, Page, Window};

macro_rules! list {
    ($page:literal) => {
        concat!(
            "SELECT ",
            member_columns!(),
            " FROM members m \
             JOIN users u ON u.application_id = m.application_id AND u.id = m.user_id \
             WHERE m.application_id = $1 AND m.conversation_id = $2 AND ",
            $page
        )
    };
}

const OLDEST_FIRST: &str = list!("m.id > $3 ORDER BY m.id LIMIT $4");
const NEWEST_FIRST: &str = list!("m.id < $3 ORDER BY m.id DESC LIMIT $4");
const JOINED: &str = list!("m.state = 'joined' ORDER BY m.id LIMIT $3");
const BY_ID: &str = concat!(
    "SELECT ",
    member_columns!(),
    " FROM members m JOIN users u ON u.application_id = m.application_id AND u.id = m.user_id \
     WHERE m.application_id = $1 AND m.conversation_id = $2 AND m.id = $3"
);
const OF_USER: &str = concat!(
    "SELECT ",
    member_columns!(),
    " FROM members m JOIN users u ON u.application_id = m.application_id AND u.id = m.user_id \
     WHERE m.application_id = $1 AND m.conversation_id = $2 AND m.user_id = $3 \
     ORDER BY CASE WHEN m.state = 'left' THEN 1 ELSE 0 END, m.id DESC LIMIT 1"
);

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[OLDEST_FIRST, NEWEST_FIRST, JOINED, BY_ID, OF_USER];

/// Members, by their age.
pub(crate) async fn list(
    engine: &impl Engine,
    application: ApplicationId,
    conversation: ConversationId,
    order: Order,
    window: &Window,
) -> Result<Page<Member>, StoreError> {
    let parameters = [
        application.bytes().into(),
        conversation.bytes().into(),
        after_in(window, order),
        rows_of(window),
    ];
    let sql = match order {
        Order::OldestFirst => OLDEST_FIRST,
        Order::NewestFirst => NEWEST_FIRST,
    };
    let rows = ask(engine, Statement::new(sql, parameters)).await?;
    let members = all(&rows, member)?;
    Ok(page(members, window, |member| member.id.bytes().to_vec()))
}

/// Joined members, the oldest first.
pub(crate) async fn joined(
    engine: &impl Engine,
    application: ApplicationId,
    conversation: ConversationId,
    most: usize,
) -> Result<Vec<Member>, StoreError> {
    let parameters = [
        application.bytes().into(),
        conversation.bytes().into(),
        i64::try_from(most).unwrap_or(i64::MAX).into(),
    ];
    let rows = ask(engine, Statement::new(JOINED, parameters)).await?;
    all(&rows, member)
}

/// One member.
pub(crate) async fn find(
    engine: &impl Engine,
    application: ApplicationId,
    conversation: ConversationId,
    id: MemberId,
) -> Result<Option<Member>, StoreError> {
    let parameters = [
        application.bytes().into(),
        conversation.bytes().into(),
        id.bytes().into(),
    ];
    let rows = ask(engine, Statement::new(BY_ID, parameters)).await?;
    first(&rows, member)
}

/// A user's place: the one that is not left, else the newest.
pub(crate) async fn of_user(
    engine: &impl Engine,
    application: ApplicationId,
    conversation: ConversationId,
    user: UserId,
) -> Result<Option<Member>, StoreError> {
    let parameters = [
        application.bytes().into(),
        conversation.bytes().into(),
        user.bytes().into(),
    ];
    let rows = ask(engine, Statement::new(OF_USER, parameters)).await?;
    first(&rows, member)
}
