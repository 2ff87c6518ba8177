//! What the domain records, as statements: one file a noun.
//!
//! Lock first, check second: what touches a conversation begins with the UPDATE of its row, so
//! that nothing that is checked after it can change before the commit. Changes of several
//! conversations are done in the order of their ids, so that two batches never wait for each
//! other.

pub(crate) mod application;
pub(crate) mod api_key;
pub(crate) mod attachment;
pub(crate) mod audit;
pub(crate) mod conversation;
pub(crate) mod erasure;
pub(crate) mod event;
pub(crate) mod login;
pub(crate) mod member;
pub(crate) mod password;
pub(crate) mod adoption;
pub(crate) mod revocation;
pub(crate) mod removal;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod signing_key;
pub(crate) mod user;

use crate::columns;
use crate::engine::{Batch, Statement, Value};
use crate::error::StoreError;
use crate::missed;
use crate::read;
use crate::read::person;
use crate::rows::{Row, Rows};
use crate::secrets::Keyring;
use countersign_core::id::{ApiKeyId, ApplicationId, ConversationId, MemberId, SessionId, UserId};
use countersign_core::model::event::{Assurance, Author};
use countersign_core::model::session::EndReason;
use countersign_core::model::user::User;
use countersign_core::ports::Random;
use countersign_core::ports::change::{Change, Committed, Expectation, FileChange};
use countersign_core::ports::store as port;
use countersign_core::ports::upkeep::Remains;
use countersign_credential::time::Timestamp;

/// A batch in the making, of one application.
#[derive(Debug)]
pub(crate) struct Plan {
    application: ApplicationId,
    statements: Vec<Statement>,
    appended: Vec<Appended>,
    sent: Vec<Sent>,
    tried: Option<TriedAt>,
    followed: Option<usize>,
    ended: Vec<(EndReason, usize)>,
    removed: Vec<(Remains, usize)>,
    change: usize,
}

/// What seals the secrets of a batch.
#[derive(Clone, Copy)]
pub(crate) struct Sealing<'a> {
    pub(crate) keyring: &'a Keyring,
    pub(crate) random: &'a dyn Random,
}

/// An event that a batch appends: its number is what the statement answers.
#[derive(Debug)]
struct Appended {
    change: usize,
    statement: usize,
    conversation: ConversationId,
}

/// An event that somebody sends: who it is, the statement answers, if there is one.
#[derive(Debug)]
struct Sent {
    change: usize,
    statement: Option<usize>,
    assurance: Assurance,
}

/// A login that is tried: one statement opens the session where nothing is against it, the other
/// answers whom its identifier names.
#[derive(Debug, Clone, Copy)]
struct TriedAt {
    opened: Option<usize>,
    user: usize,
}

/// Plans a batch of changes.
///
/// # Errors
/// Where a secret cannot be sealed.
pub(crate) fn plan(
    application: ApplicationId,
    changes: Vec<Change>,
    sealing: Sealing<'_>,
) -> Result<Plan, port::StoreError> {
    let mut plan = Plan::new(application);
    for (position, change) in in_lock_order(changes) {
        plan.change = position;
        plan_change(&mut plan, change, sealing)?;
    }
    Ok(plan)
}

fn plan_change(
    plan: &mut Plan,
    change: Change,
    sealing: Sealing<'_>,
) -> Result<(), port::StoreError> {
    match change {
        Change::AddUser(user) => user::add(plan, &user),
        Change::ChangeUser(id, patch) => user::change(plan, id, patch),
        Change::DeleteUser(id, at) => user::delete(plan, id, at),
        Change::EraseUser(id, at) => erasure::begin(plan, id, at),
        Change::Password(user, change) => password::change(plan, user, &change),
        Change::OpenSession(opened) => session::open(plan, &opened),
        Change::TryLogin(tried) => login::attempt(plan, &tried),
        Change::ListFollowed(session) => plan.asks_followed(session),
        Change::KeepVisitor(visitor) => session::keep_visitor(plan, &visitor),
        Change::EndSession(end) => session::end(plan, &end),
        Change::EndIfOpen { session, why, at } => session::end_if_open(plan, session, why, at),
        Change::EndOpenedAfter(late) => session::end_opened_after(plan, late),
        Change::EndOtherSessions {
            user,
            keep,
            why,
            at,
        } => session::end_others(plan, user, keep, why, at),
        Change::EndSessionsByKey { kid, why, at } => session::end_by_key(plan, &kid, why, at),
        Change::Rotate(rotation) => session::rotate(plan, *rotation),
        Change::RemoveSession(removed, at) => removal::session(plan, &removed, at),
        Change::RemoveVisitor { user, silent_since } => removal::visitor(plan, user, silent_since),
        Change::NameDevice(user, device, name) => session::name_device(plan, user, device, name),
        Change::Revoke(revocation) => revocation::revoke(plan, &revocation),
        Change::ExpectUncovered { targets, at } => revocation::expect_none(plan, &targets, at),
        Change::RevokeDigestOf {
            session,
            at,
            forget_at,
        } => revocation::revoke_digest_of(plan, session, at, forget_at),
        Change::RevokeDigestsOf {
            user,
            opened_by,
            issued_after,
            at,
            forget_at,
        } => revocation::revoke_digests_of(plan, user, opened_by, issued_after, (at, forget_at)),
        Change::AddConversation(new) => conversation::add(plan, &new),
        Change::ChangeConversation(id, patch, at) => conversation::change(plan, id, patch, at),
        Change::DeleteConversation(id) => conversation::delete(plan, id),
        Change::AddMember(new) => member::add(plan, &new),
        Change::ChangeMember(change) => member::change(plan, &change),
        Change::MovePosition {
            conversation,
            user,
            delivered,
            seen,
        } => member::move_position(plan, conversation, user, delivered, seen),
        Change::Append(new) => event::append(plan, *new),
        Change::Adopt {
            conversation,
            from,
            to,
            at,
        } => adoption::adopt(plan, conversation, from, to, at),
        Change::ExpectNoPlace(user) => member::expect_no_place(plan, user),
        Change::File(change) => attachment::change(plan, change),
        Change::ChangeApplication(patch) => application::change(plan, patch),
        Change::AddSigningKey(key) => signing_key::add(plan, &key, sealing)?,
        Change::SetKeyState(kid, state) => signing_key::set_state(plan, &kid, state),
        Change::ExpectSettings(version) => settings::expect(plan, version),
        Change::SetSettings(settings) => settings::set(plan, &settings)?,
        Change::AddApiKey(key) => api_key::add(plan, &key),
        Change::RevokeApiKey(id) => api_key::revoke(plan, id),
        Change::Audit(entry) => audit::add(plan, entry),
        Change::EraseAuditDetails(user) => audit::erase_details(plan, user),
    }
    Ok(())
}

/// The changes with their positions, those of conversations in the order of the conversations'
/// ids, and those of the audit log, which is one lock for a whole application, at the end; all
/// others stay where they are.
fn in_lock_order(changes: Vec<Change>) -> Vec<(usize, Change)> {
    let mut slots: Vec<Option<(usize, Change)>> = Vec::with_capacity(changes.len());
    let mut locking = Vec::new();
    let mut audits = Vec::new();
    for (position, change) in changes.into_iter().enumerate() {
        if let Change::Audit(_) = change {
            audits.push((position, change));
            continue;
        }
        match conversation_of(&change) {
            Some(conversation) => {
                locking.push((conversation, position, change));
                slots.push(None);
            }
            None => slots.push(Some((position, change))),
        }
    }
    locking.sort_by_key(|(conversation, position, _)| (*conversation, *position));
    let mut sorted = locking
        .into_iter()
        .map(|(_, position, change)| (position, change));
    slots
        .into_iter()
        .filter_map(|slot| slot.or_else(|| sorted.next()))
        .chain(audits)
        .collect()
}

/// The conversation whose row a change locks. One that is only added is known to nobody yet.
fn conversation_of(change: &Change) -> Option<ConversationId> {
    match change {
        Change::ChangeConversation(id, ..) | Change::DeleteConversation(id) => Some(*id),
        Change::AddMember(new) => Some(new.conversation),
        Change::ChangeMember(change) => Some(change.conversation),
        Change::MovePosition { conversation, .. } | Change::Adopt { conversation, .. } => {
            Some(*conversation)
        }
        Change::Append(new) => Some(new.conversation),
        Change::File(FileChange::Add(new)) => new.attachment.conversation,
        Change::File(FileChange::Attach { conversation, .. }) => Some(*conversation),
        Change::AddUser(_)
        | Change::Password(..)
        | Change::ChangeUser(..)
        | Change::DeleteUser(..)
        | Change::EraseUser(..)
        | Change::OpenSession(_)
        | Change::TryLogin(_)
        | Change::ListFollowed(_)
        | Change::KeepVisitor(_)
        | Change::EndSession(_)
        | Change::EndIfOpen { .. }
        | Change::EndOpenedAfter(_)
        | Change::EndOtherSessions { .. }
        | Change::EndSessionsByKey { .. }
        | Change::ExpectUncovered { .. }
        | Change::ExpectNoPlace(_)
        | Change::RevokeDigestOf { .. }
        | Change::RemoveSession(..)
        | Change::RemoveVisitor { .. }
        | Change::Rotate(_)
        | Change::NameDevice(..)
        | Change::Revoke(_)
        | Change::RevokeDigestsOf { .. }
        | Change::AddConversation(_)
        | Change::File(FileChange::Remove(_))
        | Change::ChangeApplication(_)
        | Change::AddSigningKey(_)
        | Change::SetKeyState(..)
        | Change::ExpectSettings(_)
        | Change::SetSettings(_)
        | Change::AddApiKey(_)
        | Change::RevokeApiKey(_)
        | Change::Audit(_)
        | Change::EraseAuditDetails(_) => None,
    }
}

// === impl Plan ===

impl Plan {
    /// A batch without statements.
    pub(crate) fn new(application: ApplicationId) -> Self {
        Self {
            application,
            statements: Vec::new(),
            appended: Vec::new(),
            sent: Vec::new(),
            tried: None,
            followed: None,
            ended: Vec::new(),
            removed: Vec::new(),
            change: 0,
        }
    }

    /// The application, as the first parameter of every statement.
    pub(crate) fn application(&self) -> Value {
        self.application.bytes().into()
    }

    /// The application's id.
    pub(crate) fn application_id(&self) -> ApplicationId {
        self.application
    }

    /// Adds a statement that may meet any number of rows.
    pub(crate) fn run(&mut self, sql: &'static str, parameters: impl Into<Vec<Value>>) {
        self.statements.push(Statement::new(sql, parameters));
    }

    /// Adds a statement that must meet one row.
    pub(crate) fn expect(
        &mut self,
        expectation: Expectation,
        sql: &'static str,
        parameters: impl Into<Vec<Value>>,
    ) {
        self.expect_rows(1, expectation, sql, parameters);
    }

    /// Adds a statement that must meet no row.
    pub(crate) fn expect_none(
        &mut self,
        expectation: Expectation,
        sql: &'static str,
        parameters: impl Into<Vec<Value>>,
    ) {
        self.expect_rows(0, expectation, sql, parameters);
    }

    /// Adds a query that must find no row.
    pub(crate) fn expect_unfound(&mut self, expectation: Expectation, query: Statement) {
        self.statements
            .push(query.expecting(0, missed::name(expectation)));
    }

    /// Notes that the last statement answers the number of an event that is appended.
    pub(crate) fn appends_to(&mut self, conversation: ConversationId) {
        self.appended.push(Appended {
            change: self.change,
            statement: self.statements.len().saturating_sub(1),
            conversation,
        });
    }

    /// Notes that each row of the last statement is a session that ends.
    pub(crate) fn ends(&mut self, why: EndReason) {
        self.ended.push((why, self.statements.len() - 1));
    }

    /// Notes that each row of the last statement is removed for good.
    pub(crate) fn removes(&mut self, what: Remains) {
        self.removed.push((what, self.statements.len() - 1));
    }

    /// Asks who sends the event that was appended; nobody, where a backend does.
    pub(crate) fn asks_sender(&mut self, query: Option<Statement>, assurance: Assurance) {
        let statement = query.map(|query| {
            self.statements.push(query);
            self.statements.len() - 1
        });
        self.sent.push(Sent {
            change: self.change,
            statement,
            assurance,
        });
    }

    /// Tries a login: by what opens its session where nothing is against it, and what tells whom
    /// its identifier names.
    pub(crate) fn tries_login(&mut self, open: Option<Statement>, user: Statement) {
        let opened = open.map(|open| {
            self.statements.push(open);
            self.statements.len() - 1
        });
        self.statements.push(user);
        let user = self.statements.len() - 1;
        self.tried = Some(TriedAt { opened, user });
    }

    /// Asks what the user of a session follows.
    pub(crate) fn asks_followed(&mut self, session: SessionId) {
        let query = read::conversation::query_few(self.application, session);
        self.statements.push(query);
        self.followed = Some(self.statements.len() - 1);
    }

    /// The batch to be written; what it answers goes to [`committed`](Self::committed).
    pub(crate) fn take_batch(&mut self) -> Batch {
        std::mem::take(&mut self.statements).into()
    }

    /// What the batch has done, by its answers.
    ///
    /// # Errors
    /// Where an answer is not the number of an event.
    pub(crate) fn committed(mut self, answers: &[Rows]) -> Result<Committed, StoreError> {
        self.appended
            .sort_by_key(|appended| (appended.change, appended.statement));
        let mut events = Vec::with_capacity(self.appended.len());
        for appended in &self.appended {
            let rows = answers.get(appended.statement);
            for row in rows.into_iter().flat_map(Rows::iter) {
                events.push((appended.conversation, number_of(&row)?));
            }
        }
        self.sent.sort_by_key(|sent| sent.change);
        let sender_of = |sent: &Sent| {
            let rows = sent.statement.and_then(|at| answers.get(at));
            person::sender(rows, sent.assurance)
        };
        let senders = self.sent.iter().map(sender_of);
        let logged_in = match self.tried {
            Some(tried) => tried.logged_in(answers)?,
            None => None,
        };
        let followed = match self.followed.and_then(|at| answers.get(at)) {
            Some(rows) => read::conversation::few(rows)?,
            None => None,
        };
        let rows = |statement: &usize| answers.get(*statement).map_or(0, Rows::len) as u64;
        let ended = self.ended.iter();
        let removed = self.removed.iter();
        Ok(Committed {
            events,
            senders: senders.collect::<Result<_, _>>()?,
            logged_in,
            followed,
            ended: ended.map(|(why, at)| (*why, rows(at))).collect(),
            removed: removed.map(|(what, at)| (*what, rows(at))).collect(),
        })
    }

    fn expect_rows(
        &mut self,
        count: usize,
        expectation: Expectation,
        sql: &'static str,
        parameters: impl Into<Vec<Value>>,
    ) {
        let statement = Statement::new(sql, parameters);
        self.statements
            .push(statement.expecting(count, missed::name(expectation)));
    }
}

// === impl TriedAt ===

impl TriedAt {
    /// Who has logged in, if the session was opened.
    fn logged_in(self, answers: &[Rows]) -> Result<Option<Box<User>>, StoreError> {
        let opened = self.opened.and_then(|at| answers.get(at));
        let user = answers
            .get(self.user)
            .filter(|_| opened.is_some_and(|rows| !rows.is_empty()));
        let user = user
            .map(|rows| read::first(rows, columns::user))
            .transpose()?;
        Ok(user.flatten().map(Box::new))
    }
}

/// The number of an event is the last that its row tells.
fn number_of(row: &Row<'_>) -> Result<u64, StoreError> {
    let number = row.integer(row.columns().saturating_sub(1))?;
    u64::try_from(number).map_err(|_| StoreError::Decode {
        row: 0,
        column: 0,
        wanted: "the number of an event",
        found: "a negative number",
    })
}

/// The last moment that an id can tell.
const ID_MILLISECONDS_MAX: u64 = (1 << 48) - 1;

/// The id before all that are made at a moment (RFC 9562 section 5.7).
pub(crate) fn first_id_of(moment: Timestamp) -> [u8; 16] {
    let milliseconds = u64::try_from(moment.milliseconds()).unwrap_or(0);
    let milliseconds = milliseconds.min(ID_MILLISECONDS_MAX);
    let mut id = [0; 16];
    id[..6].copy_from_slice(&milliseconds.to_be_bytes()[2..]);
    id
}

/// The kinds of authors.
const USER: u8 = 1;
const API_KEY: u8 = 2;
const BACKEND: u8 = 3;
const MEMBER: u8 = 4;

/// An author as bytes: a byte for the kind, and the id. A user's client ids and files are the
/// user's own on every device.
pub(crate) fn author_bytes(author: Author) -> Vec<u8> {
    let (kind, id) = match author {
        Author::User(id) => (USER, Some(id.bytes())),
        Author::ApiKey(id) => (API_KEY, Some(id.bytes())),
        Author::Backend => (BACKEND, None),
        Author::Member(id) => (MEMBER, Some(id.bytes())),
    };
    let mut bytes = vec![kind];
    bytes.extend(id.into_iter().flatten());
    bytes
}

/// The author of its bytes.
pub(crate) fn author_of(bytes: &[u8]) -> Option<Author> {
    let (kind, id) = bytes.split_first()?;
    let id = || <[u8; 16]>::try_from(id).ok();
    match *kind {
        USER => Some(Author::User(UserId::from_bytes(id()?))),
        API_KEY => Some(Author::ApiKey(ApiKeyId::from_bytes(id()?))),
        BACKEND => Some(Author::Backend),
        MEMBER => Some(Author::Member(MemberId::from_bytes(id()?))),
        _ => None,
    }
}
