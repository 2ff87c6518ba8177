//! Who is behind the ids that events name, as of now: a member with its present user, or an API
//! key.
//!
//! A page has a hundred events and a handful of people. Most conversations have few places, so
//! these are read beside the events, in the same hop. API keys are remembered, and only whom both
//! leave out is asked for by id.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use quick_cache::sync::Cache;

use crate::columns::{Columns, names};
use crate::engine::Statement;
use crate::error::StoreError;
use crate::limit;
use crate::rows::{Row, Rows};
use countersign_core::id::{ApplicationId, ConversationId, MemberId, UserId};
use countersign_core::model::event::{Assurance, Author, Sender, Subject};
use countersign_core::model::person::Person;

/// The places of a conversation, those that were left too, with their present users: by way of
/// the place that a merge points to.
macro_rules! places {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, COALESCE(a.id, m.id), u.id, u.display_name, u.name, u.anonymous, \
             u.image_url, u.custom_data FROM members m LEFT JOIN members a ON a.application_id = m.application_id \
               AND a.conversation_id = m.conversation_id AND a.id = m.adopted_by \
             JOIN users u ON u.application_id = m.application_id \
               AND u.id = COALESCE(a.user_id, m.user_id) \
             WHERE m.application_id = $1 AND m.conversation_id = $2 ",
            $rest
        )
    };
}

/// Who has a place and sends an event, and last the number that the event has got.
macro_rules! sender {
    ($place:literal) => {
        concat!(
            "SELECT m.id, COALESCE(a.id, m.id), u.id, u.display_name, u.name, u.anonymous, \
             u.image_url, u.custom_data, c.last_event_id FROM conversations c \
             JOIN members m ON m.application_id = c.application_id AND m.conversation_id = c.id \
             LEFT JOIN members a ON a.application_id = m.application_id \
               AND a.conversation_id = m.conversation_id AND a.id = m.adopted_by \
             JOIN users u ON u.application_id = m.application_id \
               AND u.id = COALESCE(a.user_id, m.user_id) \
             WHERE c.application_id = $1 AND c.id = $2 AND ",
            $place
        )
    };
}

const PLACES: &str = places!("ORDER BY m.id LIMIT $3");
const PLACE: &str = places!("AND m.id = $3");
const SENDER_OF_USER: &str = sender!("m.user_id = $3 AND m.state <> 'left'");
const SENDER_OF_MEMBER: &str = sender!("m.id = $3");
/// The columns of a key stand where those of a place are.
const KEY: &str =
    "SELECT k.id, NULL, NULL, NULL, k.name, 0, NULL, NULL FROM api_keys k WHERE k.id = $1";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[PLACES, PLACE, SENDER_OF_USER, SENDER_OF_MEMBER, KEY];

/// What a backend without an API key is, and a key that is no more.
static BACKEND: LazyLock<Arc<Person>> = LazyLock::new(|| Arc::new(Person::backend("backend")));

/// API keys that have sent something, by their ids. A key's name is for good, so that none of them
/// is ever stale.
pub(crate) struct KnownKeys(Cache<[u8; 16], Arc<Person>>);

/// People by the id that events name them by.
pub(super) struct People<'a> {
    found: BTreeMap<[u8; 16], Found>,
    keys: &'a KnownKeys,
}

/// Who is behind an id; all events that name them share the person.
pub(super) struct Found {
    member: Option<MemberId>,
    user: Option<UserId>,
    person: Arc<Person>,
}

/// The query for the people that a conversation's events most likely name.
pub(super) fn query_of_places(
    application: ApplicationId,
    conversation: ConversationId,
) -> Statement {
    let parameters = [
        application.bytes().into(),
        conversation.bytes().into(),
        i64::from(limit::PLACES_READ_MAX).into(),
    ];
    Statement::new(PLACES, parameters)
}

/// The queries for certain people: an id does not tell whether it is a member's or a key's.
pub(super) fn queries_of(
    application: ApplicationId,
    conversation: ConversationId,
    ids: BTreeSet<[u8; 16]>,
) -> Vec<Statement> {
    let of_id = |id: [u8; 16]| {
        let of_place = [
            application.bytes().into(),
            conversation.bytes().into(),
            id.into(),
        ];
        [
            Statement::new(PLACE, of_place),
            Statement::new(KEY, [id.into()]),
        ]
    };
    ids.into_iter().flat_map(of_id).collect()
}

/// The query for the number of the event that was appended last, and for who has sent it, if that
/// was somebody with a place.
pub(crate) fn query_of_sender(
    application: ApplicationId,
    conversation: ConversationId,
    author: Author,
) -> Option<Statement> {
    let (sql, id) = match author {
        Author::User(user) => (SENDER_OF_USER, user.bytes()),
        Author::Member(member) => (SENDER_OF_MEMBER, member.bytes()),
        Author::ApiKey(_) | Author::Backend => return None,
    };
    let parameters = [
        application.bytes().into(),
        conversation.bytes().into(),
        id.into(),
    ];
    Some(Statement::new(sql, parameters))
}

/// The query for the API key that sends an event, if one does.
pub(crate) fn query_of_key(author: Author) -> Option<Statement> {
    match author {
        Author::ApiKey(key) => Some(Statement::new(KEY, [key.bytes().into()])),
        Author::User(_) | Author::Member(_) | Author::Backend => None,
    }
}

/// Who sent an event, of the row that one of those queries has found.
pub(crate) fn sender(rows: Option<&Rows>, assurance: Assurance) -> Result<Sender, StoreError> {
    let row = rows.and_then(Rows::first);
    let found = row.map(found).transpose()?.map(|(_, found)| found);
    Ok(sender_of(found.as_ref(), assurance))
}

/// The sender that somebody is; nobody is a backend.
pub(super) fn sender_of(found: Option<&Found>, assurance: Assurance) -> Sender {
    Sender {
        member: found.and_then(|found| found.member),
        user: found.and_then(|found| found.user),
        person: Arc::clone(found.map_or(&*BACKEND, |found| &found.person)),
        assurance,
    }
}

// === impl KnownKeys ===

impl KnownKeys {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self(Cache::new(limit::KEYS_KNOWN_MAX))
    }
}

// === impl People ===

impl<'a> People<'a> {
    /// Nobody yet but the keys.
    pub(super) fn with(keys: &'a KnownKeys) -> Self {
        let found = BTreeMap::new();
        Self { found, keys }
    }

    /// Adds those of an answer.
    pub(super) fn add(&mut self, rows: &Rows) -> Result<(), StoreError> {
        for row in rows.iter() {
            let (id, found) = found(row)?;
            if found.member.is_none() {
                self.keys.0.insert(id, Arc::clone(&found.person));
            }
            self.found.insert(id, found);
        }
        Ok(())
    }

    /// Who an event names by an id: nobody, where a backend without a key sent it.
    pub(super) fn get(&mut self, id: &[u8]) -> Option<&Found> {
        let id = <&[u8; 16]>::try_from(id).ok()?;
        match self.found.entry(*id) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(place) => {
                let person = self.keys.0.get(id)?;
                Some(place.insert(Found {
                    member: None,
                    user: None,
                    person,
                }))
            }
        }
    }

    /// Of whom an event tells: the member's own id, also where a merge has ended it, and its
    /// present user.
    pub(super) fn subject(&self, member: [u8; 16]) -> Option<Subject> {
        let found = self.found.get(&member)?;
        Some(Subject {
            member: MemberId::from_bytes(member),
            user: found.user?,
            person: Arc::clone(&found.person),
        })
    }
}

fn found(row: Row<'_>) -> Result<([u8; 16], Found), StoreError> {
    let mut columns = Columns::of(row);
    let id = columns.id()?;
    let found = Found {
        member: columns.optional(Row::id)?.map(MemberId::from_bytes),
        user: columns.optional(Row::id)?.map(UserId::from_bytes),
        person: Arc::new(Person {
            names: names(&mut columns)?,
            image_url: columns.optional_text()?.map(str::to_owned),
            custom_data: columns.optional_text()?.map(str::to_owned),
        }),
    };
    Ok((id, found))
}
