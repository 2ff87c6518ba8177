//! What the domain reads, one file a noun: each builds its queries, and makes nouns of the rows.
//!
//! A reader is asked once: what one answer needs is read by the queries of one batch, and so at
//! one moment.

pub(crate) mod api_key;
pub(crate) mod application;
pub(crate) mod attachment;
pub(crate) mod audit;
pub(crate) mod conversation;
pub(crate) mod erasure;
pub(crate) mod event;
pub(crate) mod export;
pub(crate) mod login;
pub(crate) mod member;
pub(crate) mod password;
pub(crate) mod person;
pub(crate) mod revocation;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod upkeep;
pub(crate) mod user;

use crate::columns::Columns;
use crate::engine::{Engine, Statement, Value};
use crate::error::StoreError;
use crate::rows::Rows;
use countersign_core::limit;
use countersign_core::model::page::{Order, Page, Window};

/// An id that comes before all, and one that comes after all.
pub(crate) const FIRST_ID: [u8; 16] = [0; 16];
pub(crate) const LAST_ID: [u8; 16] = [0xFF; 16];

/// Asks one query.
pub(crate) async fn ask(engine: &impl Engine, query: Statement) -> Result<Rows, StoreError> {
    let mut answers = engine.read(query.into()).await?;
    Ok(answers.pop().unwrap_or_default())
}

/// What is made of the first row, if there is one.
pub(crate) fn first<T>(
    rows: &Rows,
    read: impl FnOnce(&mut Columns<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    rows.first()
        .map(|row| read(&mut Columns::of(row)))
        .transpose()
}

/// What is made of each row.
pub(crate) fn all<T>(
    rows: &Rows,
    mut read: impl FnMut(&mut Columns<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut items = Vec::with_capacity(rows.len());
    for row in rows.iter() {
        items.push(read(&mut Columns::of(row))?);
    }
    Ok(items)
}

/// How many rows a window asks of the store: one more than it wants, to see whether more follow.
pub(crate) fn rows_of(window: &Window) -> Value {
    let wanted = wanted(window.limit) + 1;
    Value::from(i64::try_from(wanted).unwrap_or(i64::MAX))
}

/// How many entries a page has at most.
pub(crate) fn wanted(limit: usize) -> usize {
    limit.clamp(1, limit::PAGE_MAX)
}

/// The id that a window goes on from. One that is none begins anew.
pub(crate) fn after(window: &Window, begin: [u8; 16]) -> Value {
    Value::from(id_after(window).unwrap_or(begin))
}

/// The same, where there is one.
pub(crate) fn id_after(window: &Window) -> Option<[u8; 16]> {
    <[u8; 16]>::try_from(window.after.as_deref()?).ok()
}

/// The id that a window goes on from, in an order.
pub(crate) fn after_in(window: &Window, order: Order) -> Value {
    match order {
        Order::OldestFirst => after(window, FIRST_ID),
        Order::NewestFirst => after(window, LAST_ID),
    }
}

/// The page of what was found, with the position of its last entry where more follow.
pub(crate) fn page<T>(
    mut items: Vec<T>,
    window: &Window,
    position: impl FnOnce(&T) -> Vec<u8>,
) -> Page<T> {
    let wanted = wanted(window.limit);
    let more = items.len() > wanted;
    items.truncate(wanted);
    let next = items.last().filter(|_| more).map(position);
    Page { items, next }
}
