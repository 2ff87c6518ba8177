//! What a case begins with: a store with two applications, and makers of all that it needs.

use countersign_core::access::action::Action;
use countersign_core::access::principal::{Principal, Who};
use countersign_core::access::{Permit, authorize};
use countersign_core::id::{
    ApiKeyId, ApplicationId, AttachmentId, AuditId, ConversationId, DeviceId, MemberId, SessionId,
    UserId,
};
use countersign_core::model::application::Application;
use countersign_core::model::attachment::Attachment;
use countersign_core::model::audit::{Actor, AuditEntry, Details};
use countersign_core::model::conversation::{Conversation, ConversationView};
use countersign_core::model::event::{Assurance, Author, Event, EventKind, Range};
use countersign_core::model::member::{Member, MemberState};
use countersign_core::model::page::Window;
use countersign_core::model::pseudonym::Pseudonym;
use countersign_core::model::revocation::Kind;
use countersign_core::model::session::{Session, SessionCredential};
use countersign_core::model::settings::Settings;
use countersign_core::model::user::{Identifier, User};
use countersign_core::ports::Random;
use countersign_core::ports::change::{
    Change, ClientId, Committed, Expectation, Guard, NewAttachment, NewConversation, NewEvent,
    NewMember, Visitor,
};
use countersign_core::ports::store::{CommitError, Registry, Store};
use countersign_credential::dialect::Dialect;
use countersign_credential::key::Kid;
use countersign_credential::subject::{Email, ExternalId, UserName};
use countersign_credential::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// 2027-01-15T08:00:00Z.
const BEGIN_MS: i64 = 1_800_000_000_000;

/// Both ports.
pub(crate) trait Port: Store + Registry {}

impl<T: Store + Registry> Port for T {}

/// Bytes that differ from call to call, and are the same in every run.
#[derive(Debug, Default)]
pub(crate) struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let turn = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            let spread = turn.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) ^ turn;
            let spread = spread.wrapping_mul(0xBF58_476D_1CE4_E5B9);
            chunk.copy_from_slice(&spread.to_be_bytes()[..chunk.len()]);
        }
    }
}

/// A store with two applications.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Port>,
    pub(crate) application: ApplicationId,
    pub(crate) other: ApplicationId,
    random: Counting,
    /// Each id is made a millisecond after the one before, so that ids sort as they were made.
    clock: AtomicU64,
}

// === impl World ===

impl World {
    /// A world with its two applications.
    pub(crate) async fn new(store: Arc<dyn Port>) -> Self {
        let world = Self::again(store);
        for (id, slug) in [(world.application, "demo"), (world.other, "other")] {
            let application = world.new_application(id, slug);
            world
                .store
                .add_application(&permit(id), application, entry("application.create"))
                .await
                .unwrap();
        }
        world
    }

    /// A world whose applications are there.
    pub(crate) fn again(store: Arc<dyn Port>) -> Self {
        Self {
            store,
            application: ApplicationId::from_bytes([0xA1; 16]),
            other: ApplicationId::from_bytes([0xA2; 16]),
            random: Counting::default(),
            clock: AtomicU64::new(0),
        }
    }

    pub(crate) fn new_application(&self, id: ApplicationId, slug: &str) -> Application {
        Application {
            id,
            slug: slug.parse().unwrap(),
            name: slug.to_uppercase(),
            created_at: self.at(0),
            alias: None,
            settings: Settings::default(),
            keys: Vec::new(),
        }
    }

    /// A moment, in milliseconds after the beginning.
    pub(crate) fn at(&self, after_ms: i64) -> Timestamp {
        Timestamp::from_milliseconds(BEGIN_MS + after_ms)
    }

    fn tick(&self) -> Timestamp {
        let turn = self.clock.fetch_add(1, Ordering::Relaxed);
        self.at(i64::try_from(turn).unwrap())
    }

    /// An id of any kind.
    pub(crate) fn id<T>(&self, new: impl Fn(Timestamp, &dyn Random) -> T) -> T {
        new(self.tick(), &self.random)
    }

    pub(crate) async fn commit(&self, changes: impl Into<Vec<Change>>) -> Committed {
        self.try_commit(changes).await.unwrap()
    }

    pub(crate) async fn try_commit(
        &self,
        changes: impl Into<Vec<Change>>,
    ) -> Result<Committed, CommitError> {
        self.store
            .commit(&permit(self.application), changes.into())
            .await
    }

    /// Commits what misses an expectation, after a change that would be left behind.
    pub(crate) async fn refuse(&self, expected: Expectation, changes: impl Into<Vec<Change>>) {
        let marker = self.new_user(None);
        let mut batch = vec![Change::AddUser(marker.clone())];
        batch.extend(changes.into());
        match self.try_commit(batch).await {
            Err(CommitError::Missed(missed)) => assert_eq!(missed, expected),
            other => panic!("expected {expected:?} to be missed: {other:?}"),
        }
        assert_eq!(self.user(marker.id).await, None, "something is left behind");
    }

    pub(crate) async fn user(&self, id: UserId) -> Option<User> {
        self.store
            .user(self.application, Identifier::Id(id))
            .await
            .unwrap()
    }

    pub(crate) fn new_user(&self, name: Option<&str>) -> User {
        let id = self.id(UserId::new);
        User {
            id,
            name: name.map(|name| UserName::parse(name).unwrap()),
            external_id: name.map(|name| ExternalId::parse(&format!("external-{name}")).unwrap()),
            email: name.map(|name| Email::parse(&format!("{name}@example.com")).unwrap()),
            display_name: None,
            image_url: None,
            custom_data: None,
            described: None,
            anonymous: false,
            blocked: false,
            created_at: id.made_at(),
        }
    }

    /// An identified user who is there.
    pub(crate) async fn person(&self, name: &str) -> User {
        let user = self.new_user(Some(name));
        self.commit([Change::AddUser(user.clone())]).await;
        user
    }

    pub(crate) fn new_visitor(&self) -> Visitor {
        let user = User {
            anonymous: true,
            ..self.new_user(None)
        };
        let mut session = self.new_session(user.id);
        session.credential = None;
        Visitor { user, session }
    }

    /// A visitor with rows.
    pub(crate) async fn visitor(&self) -> Visitor {
        let visitor = self.new_visitor();
        self.commit([Change::KeepVisitor(Box::new(visitor.clone()))])
            .await;
        visitor
    }

    pub(crate) fn new_session(&self, user: UserId) -> Session {
        let id = self.id(SessionId::new);
        let mut digest = [0; 32];
        self.random.fill(&mut digest);
        Session {
            id,
            user,
            device: self.id(DeviceId::new),
            device_name: Some("a phone".to_owned()),
            api_key: Some(ApiKeyId::from_bytes([9; 16])),
            credential: Some(SessionCredential {
                dialect: Dialect::Native,
                kid: Kid::parse("kid-1").unwrap(),
                jti: Some(Pseudonym::of(self.application, Kind::Jti, &id.to_string())),
                digest,
                one_time_id: Some(digest),
                issued_at: id.made_at(),
                expires_at: id.made_at().plus_seconds(900),
                acl: None,
            }),
            generation: 0,
            nonce_digest: Some([3; 32]),
            rotated_at: id.made_at(),
            expires_at: id.made_at().plus_seconds(86_400 * 180),
            ended: None,
        }
    }

    /// A session that is there.
    pub(crate) async fn log_in(&self, user: &User) -> Session {
        let session = self.new_session(user.id);
        self.commit([Change::OpenSession(session.clone())]).await;
        session
    }

    pub(crate) fn new_conversation(&self, author: Author) -> NewConversation {
        let id = self.id(ConversationId::new);
        NewConversation {
            conversation: Conversation {
                id,
                name: None,
                display_name: None,
                image_url: None,
                custom_data: None,
                creator: None,
                last_event_id: 0,
                created_at: id.made_at(),
                updated_at: id.made_at(),
            },
            author,
            creator: matches!(author, Author::User(_)).then(|| self.id(MemberId::new)),
            assurance: Assurance::Verified,
            client_id: None,
            open_max: None,
        }
    }

    /// A conversation that a user has created.
    pub(crate) async fn conversation(&self, creator: &User) -> ConversationId {
        let new = self.new_conversation(Author::User(creator.id));
        let id = new.conversation.id;
        self.commit([Change::AddConversation(Box::new(new))]).await;
        id
    }

    pub(crate) fn new_member(
        &self,
        conversation: ConversationId,
        user: UserId,
        state: MemberState,
    ) -> NewMember {
        NewMember {
            conversation,
            member: self.id(MemberId::new),
            user,
            state,
            author: Author::Backend,
            guard: Guard::None,
            assurance: Assurance::Verified,
            at: self.tick(),
        }
    }

    /// A user's joined place.
    pub(crate) async fn join(&self, conversation: ConversationId, user: &User) -> MemberId {
        let new = self.new_member(conversation, user.id, MemberState::Joined);
        let id = new.member;
        self.commit([Change::AddMember(Box::new(new))]).await;
        id
    }

    pub(crate) fn new_event(
        &self,
        conversation: ConversationId,
        author: Author,
        kind: EventKind,
        body: &str,
    ) -> NewEvent {
        NewEvent {
            conversation,
            author,
            kind,
            body: body.to_owned(),
            assurance: Assurance::Verified,
            client_id: None,
            at: self.tick(),
            touches: None,
        }
    }

    pub(crate) fn text(
        &self,
        conversation: ConversationId,
        author: Author,
        text: &str,
        client_id: Option<&str>,
    ) -> Change {
        let body = format!(r#"{{"text":"{text}"}}"#);
        let mut new = self.new_event(conversation, author, EventKind::Text, &body);
        new.client_id = client_id.map(|id| ClientId {
            id: id.to_owned(),
            digest: [u8::try_from(text.len()).unwrap(); 32],
        });
        Change::Append(Box::new(new))
    }

    /// Sends a text, and answers its number.
    pub(crate) async fn say(&self, conversation: ConversationId, user: &User, text: &str) -> u64 {
        let change = self.text(conversation, Author::User(user.id), text, None);
        let committed = self.commit([change]).await;
        assert_eq!(committed.events.len(), 1);
        committed.events[0].1
    }

    /// A file of so many bytes, under a quota of 100.
    pub(crate) fn new_file(
        &self,
        conversation: ConversationId,
        author: Author,
        bytes: u8,
    ) -> NewAttachment {
        let attachment = Attachment {
            id: self.id(AttachmentId::new),
            conversation: Some(conversation),
            author,
            file_name: bytes.is_multiple_of(2).then(|| "a file.png".to_owned()),
            media_type: "image/png".to_owned(),
            bytes: bytes.into(),
            created_at: self.at(4),
        };
        NewAttachment {
            attachment,
            guard: match author {
                Author::User(user) => Guard::Joined(user),
                Author::Member(_) | Author::ApiKey(_) | Author::Backend => Guard::None,
            },
            content: vec![bytes; bytes.into()],
            quota_bytes: 100,
            waiting_max: 3,
        }
    }

    /// A file that waits for its event, under the same quota; three may wait.
    pub(crate) fn waiting_file(&self, author: Author, bytes: u8) -> NewAttachment {
        let mut new = self.new_file(self.id(ConversationId::new), author, bytes);
        new.attachment.conversation = None;
        new.guard = Guard::None;
        new
    }

    /// What is known of a file, and its bytes.
    pub(crate) async fn file(&self, id: AttachmentId) -> Option<(Attachment, Vec<u8>)> {
        let known = self.store.attachment(self.application, id).await.unwrap();
        let content = self.store.attachment_content(self.application, id).await;
        Some((known?, content.unwrap()?))
    }

    pub(crate) async fn event(&self, conversation: ConversationId, id: u64) -> Event {
        let range = Range::After(id - 1);
        let found = self
            .store
            .events(self.application, conversation, None, range, 1);
        let view = found.await.unwrap().unwrap();
        view.events
            .into_iter()
            .find(|event| event.id == id)
            .unwrap()
    }

    /// All events, read in pages.
    pub(crate) async fn history(&self, conversation: ConversationId) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        loop {
            let after = events.last().map_or(0, |event| event.id);
            let view = self
                .store
                .events(self.application, conversation, None, Range::After(after), 7)
                .await
                .unwrap()
                .unwrap();
            if view.events.is_empty() {
                return events;
            }
            events.extend(view.events);
        }
    }

    pub(crate) async fn view(
        &self,
        conversation: ConversationId,
        viewer: UserId,
    ) -> Option<ConversationView> {
        self.store
            .conversation(self.application, conversation, Some(viewer))
            .await
            .unwrap()
    }

    /// The viewer's place.
    pub(crate) async fn place(&self, conversation: ConversationId, viewer: UserId) -> Member {
        let view = self.view(conversation, viewer).await.unwrap();
        view.member.unwrap()
    }
}

/// What allows everything in an application.
pub(crate) fn permit(application: ApplicationId) -> Permit {
    let operator = Principal {
        application: Some(application),
        who: Who::Operator {
            api_key: ApiKeyId::from_bytes([1; 16]),
        },
        acl: None,
        parameters: Vec::new(),
    };
    let conditional = authorize(&operator, &Action::ManageApplication).unwrap();
    conditional.outright().unwrap()
}

/// The first entries of a list.
pub(crate) fn window(limit: usize) -> Window {
    Window { after: None, limit }
}

/// An entry of the audit log, older than all that a case makes; each has its own id.
pub(crate) fn entry(action: &'static str) -> AuditEntry {
    static MADE: AtomicU64 = AtomicU64::new(1);
    let mut id = [0; 16];
    id[8..].copy_from_slice(&MADE.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    AuditEntry {
        id: AuditId::from_bytes(id),
        at: Timestamp::from_milliseconds(1),
        actor: Actor::System,
        action,
        target: "a case".to_owned(),
        user: None,
        details: Details::default(),
        salt: [5; 32],
    }
}
