//! The store port: what the domain records and reads, in its own words.
//!
//! A write is a list of [`Change`]s that is committed as a whole, durably, or
//! not at all. A change says what must be so for it to make sense; if it is not
//! so, the commit fails with that [`Expectation`], nothing has happened, and
//! the use case reads and plans again. So a write is one hop, and holds no
//! decision that was made on stale reads.
//!
//! Every read and write is of one application. What belongs to none is in
//! [`Registry`], which only operators' use cases and the wiring reach.

use std::error::Error as StdError;

use async_trait::async_trait;
use countersign_credential::dialect::Dialect;
use countersign_credential::time::Timestamp;

use crate::access::Permit;
use crate::id::{
    ApiKeyId, ApplicationId, AttachmentId, ConversationId, DeviceId, MemberId, SessionId, UserId,
};
use crate::key_use::KeyUse;
use crate::model::api_key::ApiKey;
use crate::model::application::{Application, ApplicationName};
use crate::model::attachment::Attachment;
use crate::model::audit::{AuditEntry, AuditRecord};
use crate::model::conversation::{ConversationList, ConversationView, Creator};
use crate::model::epoch::Epochs;
use crate::model::erasure::Erasure;
use crate::model::event::{Author, Event, EventFilter, Range};
use crate::model::export::Record;
use crate::model::member::{Member, MemberState};
use crate::model::page::{Order, Page, Window};
use crate::model::password::PasswordHash;
use crate::model::revocation::Target;
use crate::model::session::{Device, Session, Timeouts};
use crate::model::settings::Settings;
use crate::model::user::{Identifier, User};
use crate::ports::change::{Change, Committed, Expectation, SettingsVersion};
use crate::ports::upkeep::Upkeep;

/// Why a commit did nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Something that a change expects is not so.
    #[error("expectation missed: {0:?}")]
    Missed(Expectation),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store failed; nothing is known to have happened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, has no room, or did not answer in time.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// It answered something that cannot be.
    #[error("the store answered something that cannot be")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

/// What a login needs to know, read at one moment.
#[derive(Debug, Clone)]
pub struct LoginQuery {
    /// The identifier that the login goes by.
    pub identifier: Identifier,
    /// kustomer's external id beside an e-mail address, to tell a conflict.
    pub other: Option<Identifier>,
    /// What a revocation could name the credential by.
    pub targets: Vec<Target>,
    /// When the credential was issued.
    pub issued_at: Timestamp,
    /// What the credential is used up by, if it can be.
    pub one_time_id: Option<[u8; 32]>,
    /// The session of the device's own token, if it sent one.
    pub current: Option<SessionId>,
    /// The device that the client says it is.
    pub device: Option<DeviceId>,
    /// How many open sessions matter: who has fewer is not asked which.
    pub sessions_max: u32,
    /// Which of the user's sessions are over by time.
    pub timeouts: Timeouts,
}

/// What a login found.
#[derive(Debug, Clone, Default)]
pub struct LoginView {
    /// The user whom the identifier names.
    pub user: Option<User>,
    /// Whether that user has a password; asked where the identifier is a name.
    pub has_password: bool,
    /// The user whom the other identifier names.
    pub other: Option<User>,
    /// A revocation that covers the credential, issued when it was, or its user.
    pub revoked: bool,
    /// The session that the credential has opened already.
    pub used_by: Option<Session>,
    /// Whether a revocation covers that session.
    pub used_by_revoked: bool,
    /// The session of the device's own token, with its user.
    pub current: Option<(Session, User)>,
    /// Whether a revocation covers that session.
    pub current_revoked: bool,
    /// Whether this application issued the device's id.
    pub device_known: bool,
    /// The user's open sessions that are not over by time, the oldest first, where they could be
    /// as many as matter; else none.
    pub open_sessions: Vec<SessionId>,
    /// The conversations in which the current session's visitor has a place.
    pub visitor_conversations: Vec<ConversationId>,
}

/// A session as every use of its token needs it.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
    /// Whether a revocation covers it.
    pub revoked: bool,
}

/// Which users are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// The one with this identifier.
    pub identifier: Option<Identifier>,
    /// Which come first.
    pub order: Order,
}

/// What every use case reads and writes, of one application at a time.
#[async_trait]
pub trait Store: Send + Sync {
    /// Commits the changes as a whole, durably, in the permit's application.
    async fn commit(&self, permit: &Permit, changes: Vec<Change>)
    -> Result<Committed, CommitError>;

    /// What a login needs to know.
    async fn login_view(
        &self,
        application: ApplicationId,
        query: LoginQuery,
    ) -> Result<LoginView, StoreError>;
    /// A session with its user and whatever covers it.
    async fn session(
        &self,
        application: ApplicationId,
        id: SessionId,
    ) -> Result<Option<SessionView>, StoreError>;
    /// Whether a revocation covers what is named, begun or issued at the moment.
    async fn covered(
        &self,
        application: ApplicationId,
        targets: Vec<Target>,
        at: Timestamp,
    ) -> Result<bool, StoreError>;
    /// Whether this application has issued a device's id.
    async fn device_known(
        &self,
        application: ApplicationId,
        device: DeviceId,
    ) -> Result<bool, StoreError>;
    /// The open sessions on a device, of whatever user: as many as one batch
    /// ends, the oldest first.
    async fn sessions_on(
        &self,
        application: ApplicationId,
        device: DeviceId,
    ) -> Result<Vec<SessionId>, StoreError>;
    /// The open sessions of a user, the newest first, without those that are
    /// over by time.
    async fn sessions(
        &self,
        application: ApplicationId,
        user: UserId,
        timeouts: Timeouts,
        window: Window,
    ) -> Result<Page<Session>, StoreError>;
    /// The devices on which a user has open sessions that are not over by
    /// time, the newest first.
    async fn devices(
        &self,
        application: ApplicationId,
        user: UserId,
        timeouts: Timeouts,
    ) -> Result<Vec<Device>, StoreError>;

    /// A user.
    async fn user(
        &self,
        application: ApplicationId,
        identifier: Identifier,
    ) -> Result<Option<User>, StoreError>;
    /// The user of each identifier, in their order.
    async fn users_of(
        &self,
        application: ApplicationId,
        identifiers: Vec<Identifier>,
    ) -> Result<Vec<Option<User>>, StoreError>;
    /// A user who has a password, with what is kept of it: one look, whether or not
    /// there is such a user.
    async fn password(
        &self,
        application: ApplicationId,
        identifier: Identifier,
    ) -> Result<Option<(User, PasswordHash)>, StoreError>;
    /// Identified users, by their age.
    async fn users(
        &self,
        application: ApplicationId,
        filter: UserFilter,
        window: Window,
    ) -> Result<Page<User>, StoreError>;
    /// A page of what is kept of a user, and of each visitor who turned out to
    /// be that user: one file at most, and perhaps nothing where more follow.
    async fn export(
        &self,
        application: ApplicationId,
        user: UserId,
        window: Window,
    ) -> Result<Page<Record>, StoreError>;
    /// How far the erasure of a user has come, if there is one.
    async fn erasure(
        &self,
        application: ApplicationId,
        user: UserId,
    ) -> Result<Option<Erasure>, StoreError>;
    /// Whether two users both have a place that is not left in one conversation.
    async fn share_conversation(
        &self,
        application: ApplicationId,
        one: UserId,
        other: UserId,
    ) -> Result<bool, StoreError>;

    /// A conversation, as the viewer sees it.
    async fn conversation(
        &self,
        application: ApplicationId,
        id: ConversationId,
        viewer: Option<UserId>,
    ) -> Result<Option<ConversationView>, StoreError>;
    /// The conversation that has a name.
    async fn conversation_named(
        &self,
        application: ApplicationId,
        name: &str,
    ) -> Result<Option<ConversationId>, StoreError>;
    /// Conversations, as the user sees them of whom a list is, with that user's place: the one that
    /// is not left, else the newest.
    async fn conversations(
        &self,
        application: ApplicationId,
        list: ConversationList,
        window: Window,
    ) -> Result<Page<ConversationView>, StoreError>;
    /// The conversation that an author created with a client id.
    async fn conversation_of_client(
        &self,
        application: ApplicationId,
        author: Author,
        client_id: String,
    ) -> Result<Option<(ConversationView, [u8; 32])>, StoreError>;
    /// A conversation's members, by their age.
    async fn members(
        &self,
        application: ApplicationId,
        conversation: ConversationId,
        order: Order,
        window: Window,
    ) -> Result<Page<Member>, StoreError>;
    /// A conversation's joined members, the oldest first, at most so many.
    async fn joined_members(
        &self,
        application: ApplicationId,
        conversation: ConversationId,
        most: usize,
    ) -> Result<Vec<Member>, StoreError>;
    /// One member, and whether it is the creator's place.
    async fn member(
        &self,
        application: ApplicationId,
        conversation: ConversationId,
        id: MemberId,
    ) -> Result<Option<Member>, StoreError>;
    /// A user's place: the one that is not left, else the newest. It is less than
    /// [`Self::conversation`], for whom nothing has to be counted.
    async fn place(
        &self,
        application: ApplicationId,
        conversation: ConversationId,
        user: UserId,
    ) -> Result<Option<Member>, StoreError>;
    /// Events of a conversation, ascending, with the viewer's own place: one
    /// hop answers both who asks and what they asked for.
    async fn events(
        &self,
        application: ApplicationId,
        conversation: ConversationId,
        viewer: Option<UserId>,
        range: Range,
        limit: usize,
    ) -> Result<Option<EventsView>, StoreError>;
    /// Events of a conversation in either order, of some kinds, page by page.
    async fn event_page(
        &self,
        application: ApplicationId,
        conversation: ConversationId,
        viewer: Option<UserId>,
        filter: EventFilter,
        window: Window,
    ) -> Result<Option<EventPage>, StoreError>;
    /// The event that an author sent with a client id, and the digest of what was sent.
    async fn event_of_client(
        &self,
        application: ApplicationId,
        conversation: ConversationId,
        author: Author,
        client_id: String,
    ) -> Result<Option<(Event, [u8; 32])>, StoreError>;
    /// What is known of a file.
    async fn attachment(
        &self,
        application: ApplicationId,
        id: AttachmentId,
    ) -> Result<Option<Attachment>, StoreError>;
    /// A file's bytes.
    async fn attachment_content(
        &self,
        application: ApplicationId,
        id: AttachmentId,
    ) -> Result<Option<Vec<u8>>, StoreError>;
    /// The application's settings, and by what a change of them tells that it
    /// read these.
    async fn settings(
        &self,
        application: ApplicationId,
    ) -> Result<Option<(Settings, SettingsVersion)>, StoreError>;
    /// The audit log, in either order. A position in it is the eight bytes of
    /// an entry's number, the highest first.
    async fn audit(
        &self,
        application: ApplicationId,
        order: Order,
        window: Window,
    ) -> Result<Page<AuditRecord>, StoreError>;
}

/// A part of a conversation's history, with what authorization needs.
#[derive(Debug, Clone)]
pub struct EventsView {
    /// The viewer's own place.
    pub place: Option<OwnPlace>,
    /// The conversation's creator.
    pub creator: Option<Creator>,
    /// The events, ascending.
    pub events: Vec<Event>,
}

/// The same, of a history that is read page by page.
#[derive(Debug, Clone)]
pub struct EventPage {
    /// The viewer's own place.
    pub place: Option<OwnPlace>,
    /// The conversation's creator.
    pub creator: Option<Creator>,
    /// The events, in the order that was asked for.
    pub events: Page<Event>,
}

/// A viewer's place in a conversation, as far as authorization asks for it: the one that is not
/// left, else the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnPlace {
    /// The member.
    pub id: MemberId,
    /// Whether the viewer is in.
    pub state: MemberState,
}

/// What belongs to no application, or to all: for operators and the wiring.
#[async_trait]
pub trait Registry: Upkeep + Send + Sync {
    /// Adds an application, and the entry that begins its audit log. Expects its
    /// id, slug and alias to be free.
    async fn add_application(
        &self,
        permit: &Permit,
        application: Application,
        audit: AuditEntry,
    ) -> Result<(), CommitError>;
    /// Deletes an application with everything that it owns, its audit log
    /// included; the entry goes to the installation's.
    async fn delete_application(
        &self,
        permit: &Permit,
        audit: AuditEntry,
    ) -> Result<(), CommitError>;
    /// One application, with its keys' secrets opened.
    async fn application(&self, name: ApplicationName) -> Result<Option<Application>, StoreError>;
    /// All applications, the oldest first, without their keys.
    async fn applications(&self, window: Window) -> Result<Page<Application>, StoreError>;
    /// An API key of any application, or an operator key.
    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError>;
    /// The API keys of an application that are not revoked, the oldest first;
    /// those of operators, where none is named.
    async fn api_keys(
        &self,
        application: Option<ApplicationId>,
        window: Window,
    ) -> Result<Page<ApiKey>, StoreError>;
    /// Adds an operator key, and an entry to the installation's audit log.
    async fn add_operator_key(&self, key: ApiKey, audit: AuditEntry) -> Result<(), CommitError>;
    /// Revokes an operator key, and adds an entry to the installation's audit
    /// log. Expects the key to exist.
    async fn revoke_operator_key(&self, id: ApiKeyId, audit: AuditEntry)
    -> Result<(), CommitError>;
    /// Notes that keys were used. A key that is gone, or was used later, stays
    /// as it is.
    async fn note_used(&self, uses: Vec<KeyUse>) -> Result<(), StoreError>;
    /// The history that is told, and how far back logins count.
    async fn epochs(&self) -> Result<Epochs, StoreError>;
    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// The dialect that opened a session, as the store spells it.
#[must_use]
pub fn dialect_name(dialect: Option<Dialect>) -> &'static str {
    dialect.map_or("anonymous", Dialect::as_str)
}
