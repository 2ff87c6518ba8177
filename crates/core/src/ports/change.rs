//! What a commit can do, in domain words, and what each thing expects.
//!
//! A change says what must be so for it to make sense; if it is not so, the
//! whole commit fails with that [`Expectation`], nothing has happened, and the
//! use case reads and plans again. So no change holds a decision that was made
//! on stale reads.

use countersign_credential::key::{KeyState, Kid};
use countersign_credential::time::Timestamp;

use crate::id::{ApiKeyId, AttachmentId, ConversationId, DeviceId, MemberId, SessionId, UserId};
use crate::model::api_key::ApiKey;
use crate::model::application::ApplicationPatch;
use crate::model::attachment::Attachment;
use crate::model::audit::AuditEntry;
use crate::model::conversation::{Conversation, ConversationPatch, ConversationView};
use crate::model::event::{Assurance, Author, EventKind, Sender};
use crate::model::member::{MemberState, Reason};
use crate::model::password::PasswordHash;
use crate::model::revocation::{Revocation, Target};
use crate::model::session::{EndReason, Session, SessionCredential};
use crate::model::settings::Settings;
use crate::model::signing_key::SigningKey;
use crate::model::user::{Identifier, User, UserPatch};
use crate::ports::upkeep::Remains;

/// One thing that a commit does.
#[derive(Debug, Clone)]
pub enum Change {
    /// Adds a user. Expects its identifiers to be free.
    AddUser(User),
    /// Changes a user. Expects it to exist, and its new identifiers to be free.
    ChangeUser(UserId, UserPatch),
    /// Takes a user's identifiers and display name away and marks it deleted;
    /// its places in conversations become left. Expects it to exist.
    DeleteUser(UserId, Timestamp),
    /// Begins to erase a user, and every visitor who turned out to be that user.
    /// Expects the user to have been there, deleted or not. Who is being erased
    /// already goes on as before.
    EraseUser(UserId, Timestamp),
    /// Gives a user a password, takes it away, or expects it.
    Password(UserId, PasswordChange),
    /// Adds a session. Expects its credential's one-time id to be unused.
    OpenSession(Session),
    /// Adds a session of whoever an identifier names, where nothing is there that a login has to
    /// know of first. Expects nothing: [`Committed::logged_in`] tells whether it did.
    TryLogin(Box<TriedLogin>),
    /// Changes nothing. Asks for the conversations that the user of a session follows, as of the
    /// commit and where they are few: [`Committed::followed`].
    ListFollowed(SessionId),
    /// Adds the user and session of a visitor at their first write, or finds
    /// both there. Expects the session to be open, which nothing that is
    /// revoked is.
    KeepVisitor(Box<Visitor>),
    /// Ends a session. Expects it to be open. An anonymous session that has no
    /// row gets one, ended.
    EndSession(Box<SessionEnd>),
    /// Ends a session that is still open; one that is over stays as it is.
    EndIfOpen {
        /// Which.
        session: SessionId,
        /// Why.
        why: EndReason,
        /// When.
        at: Timestamp,
    },
    /// Ends the sessions that were opened after a moment: of a user, or of
    /// all. What is revoked "up to now" ends by the time of its opening; a
    /// login that was committed before the revocation and read the clock after
    /// it would slip past that.
    EndOpenedAfter(LateSessions),
    /// Ends every open session of a user but one.
    EndOtherSessions {
        /// Whose.
        user: UserId,
        /// The one that stays, if any.
        keep: Option<SessionId>,
        /// Why.
        why: EndReason,
        /// When.
        at: Timestamp,
    },
    /// Ends the open sessions of users with a password that were opened by the key
    /// of this name.
    EndSessionsByKey {
        /// The key's name.
        kid: Kid,
        /// Why.
        why: EndReason,
        /// When.
        at: Timestamp,
    },
    /// Moves a session to its next generation. Expects it to be open, which
    /// nothing that is revoked is, and at the named generation.
    Rotate(Box<Rotation>),
    /// Removes the row of a session that is over at a moment. One that went on
    /// since it was read stays.
    ///
    /// A visitor without a row is one who has written nothing yet. So a
    /// visitor's leaves a revocation until the session would have ended anyway:
    /// of when it was used last, since nobody has to hear of it now.
    RemoveSession(Box<Session>, Timestamp),
    /// Removes a visitor who has no session and of whose conversations none has
    /// changed since a moment, with the conversations in which nobody else ever
    /// had a place or wrote. Who has a place in another conversation stays. One
    /// who is not silent stays with everything.
    RemoveVisitor {
        /// Who.
        user: UserId,
        /// The moment.
        silent_since: Timestamp,
    },
    /// Gives every session of a user on a device a new name. Expects one.
    NameDevice(UserId, DeviceId, String),
    /// Adds a revocation, or moves an existing one's `before` ahead.
    Revoke(Revocation),
    /// Expects that no revocation covers any of these, begun or issued at the
    /// moment: what was read before a revocation is not written after it.
    ExpectUncovered {
        /// What a revocation could name.
        targets: Vec<Target>,
        /// When it was begun or issued.
        at: Timestamp,
    },
    /// Adds the digest of the credential that a session has, if it has one: a
    /// credential can be a bearer at a door of its own.
    RevokeDigestOf {
        /// Which session.
        session: SessionId,
        /// When it is made.
        at: Timestamp,
        /// When the row may go.
        forget_at: Timestamp,
    },
    /// Adds the credential digests of a user's sessions whose credential was
    /// issued after the moment: a revocation by user reaches them by digest.
    RevokeDigestsOf {
        /// Whose sessions.
        user: UserId,
        /// Only those that were opened up to here.
        opened_by: Option<Timestamp>,
        /// The moment of the revocation.
        issued_after: Timestamp,
        /// When it is made.
        at: Timestamp,
        /// When the rows may go.
        forget_at: Timestamp,
    },
    /// Adds a conversation. Expects its name to be free, the client id to be
    /// unused by this author, and, for a visitor, fewer open ones than the limit.
    AddConversation(Box<NewConversation>),
    /// Changes a conversation. Expects it to exist and its new name to be free.
    ChangeConversation(ConversationId, ConversationPatch, Timestamp),
    /// Deletes a conversation with its members, events and attachments. None of
    /// it is found any more; events and attachments are removed later.
    /// Expects it to exist.
    DeleteConversation(ConversationId),
    /// Adds a member and the event that tells of it. Expects the conversation
    /// to exist, to have room, and the user to have no place in it. The first
    /// place of who created the conversation is the creator's.
    AddMember(Box<NewMember>),
    /// Changes a member's state and adds the event that tells of it. Expects
    /// the member to be in the named state.
    ChangeMember(Box<MemberChange>),
    /// Moves a member's positions ahead, never back, and never past the newest
    /// event. Expects the user to be joined.
    MovePosition {
        /// Where.
        conversation: ConversationId,
        /// Whose.
        user: UserId,
        /// Delivered up to here.
        delivered: u64,
        /// Seen up to here.
        seen: u64,
    },
    /// Appends an event. Expects the conversation to exist, a user who sends
    /// to be joined, and the client id to be unused by this author.
    Append(Box<NewEvent>),
    /// Moves a visitor's place in a conversation to the user whom they turned
    /// out to be, and appends the event that tells of it. Expects the place.
    Adopt {
        /// Where.
        conversation: ConversationId,
        /// The visitor.
        from: UserId,
        /// The user.
        to: UserId,
        /// When.
        at: Timestamp,
    },
    /// Expects that a visitor has no place left: all that it had at the commit
    /// was moved or deleted, also what it began since it was read.
    ExpectNoPlace(UserId),
    /// Stores a file, gives it to an event, or removes it.
    File(FileChange),
    /// Changes what the application is called. Expects it to exist, and its new
    /// alias to be free.
    ChangeApplication(ApplicationPatch),
    /// Adds a signing key. Expects its `kid` to be free.
    AddSigningKey(SigningKey),
    /// Changes a signing key's state. Expects it to exist, and not revoked.
    SetKeyState(Kid, KeyState),
    /// Changes nothing. Expects the settings to be as they were read.
    ExpectSettings(SettingsVersion),
    /// Replaces the settings.
    SetSettings(Settings),
    /// Adds an API key of this application.
    AddApiKey(ApiKey),
    /// Revokes an API key of this application. Expects it to exist.
    RevokeApiKey(ApiKeyId),
    /// Adds an entry to the audit log.
    Audit(AuditEntry),
    /// Erases what entries about a user hold beside who did what: what was
    /// before and after, the remark, and the salt of all three. The entries stay,
    /// and so does the chain over them; an entry of
    /// [`USER_ERASED`](crate::model::audit::USER_ERASED) says why they are empty.
    EraseAuditDetails(UserId),
}

/// Settings as the store keeps them, by which a change tells what it was
/// planned on. Only the store reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsVersion(pub String);

/// A visitor's user and session, as their token tells them.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The anonymous user.
    pub user: User,
    /// The anonymous session.
    pub session: Session,
}

/// The end of a session.
#[derive(Debug, Clone)]
pub struct SessionEnd {
    /// Which session.
    pub session: SessionId,
    /// The visitor, where the session is anonymous and may have no row.
    pub visitor: Option<Visitor>,
    /// Why it ends.
    pub why: EndReason,
    /// When it ends.
    pub at: Timestamp,
}

/// The sessions that were opened after a moment, and end.
#[derive(Debug, Clone, Copy)]
pub struct LateSessions {
    /// Whose; everybody's where nobody is named.
    pub user: Option<UserId>,
    /// The moment.
    pub moment: Timestamp,
    /// Why they end.
    pub why: EndReason,
    /// When they end.
    pub at: Timestamp,
}

/// A login of a user who is most likely there, and of whom there is most likely nothing to know.
///
/// It comes to nothing where there is: where nobody has the identifier; where the user is blocked,
/// has a password and is named by the name that it belongs to, or has as many open sessions as
/// matter; and where a revocation covers the user or a target.
#[derive(Debug, Clone)]
pub struct TriedLogin {
    /// Who logs in.
    pub identifier: Identifier,
    /// The session. It is of whomever the identifier names, and not of the user that it has here.
    pub session: Session,
    /// What else a revocation could name.
    pub targets: Vec<Target>,
    /// When it was begun or issued that a revocation would have to cover.
    pub at: Timestamp,
    /// How many open sessions matter.
    pub sessions_max: u32,
}

/// A session's step to its next generation.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// Which session.
    pub session: SessionId,
    /// The generation that it must be at.
    pub from: u32,
    /// SHA-256 of the client's nonce.
    pub nonce_digest: Option<[u8; 32]>,
    /// When.
    pub at: Timestamp,
    /// The new credential, where a login goes on with the session.
    pub credential: Option<SessionCredential>,
}

/// A conversation to be added.
#[derive(Debug, Clone)]
pub struct NewConversation {
    /// The conversation, without a creator or events.
    pub conversation: Conversation,
    /// Who creates it.
    pub author: Author,
    /// The place of a user who creates it, joined at once, with the event that
    /// tells of it; without one the user's first place will be the creator's.
    pub creator: Option<MemberId>,
    /// How well the creator is known.
    pub assurance: Assurance,
    /// The client's own id, and the digest of what it asked for.
    pub client_id: Option<ClientId>,
    /// How many conversations the creator may have open.
    pub open_max: Option<u64>,
}

/// A client's own id of what it creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientId {
    /// The id: unique per resource and author.
    pub id: String,
    /// SHA-256 of what was asked for, to tell a retry from another request.
    pub digest: [u8; 32],
}

/// A member to be added.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// Where.
    pub conversation: ConversationId,
    /// The new place's id.
    pub member: MemberId,
    /// Whose place.
    pub user: UserId,
    /// Invited or joined.
    pub state: MemberState,
    /// Who does it.
    pub author: Author,
    /// The membership that the author must have, where it is a user.
    pub guard: Guard,
    /// How well the author is known.
    pub assurance: Assurance,
    /// When.
    pub at: Timestamp,
}

/// A change of a member's state.
#[derive(Debug, Clone)]
pub struct MemberChange {
    /// Where.
    pub conversation: ConversationId,
    /// Which place.
    pub member: MemberId,
    /// The state that it must have.
    pub from: MemberState,
    /// The state that it gets: joined or left.
    pub to: MemberState,
    /// Why, where it becomes left.
    pub reason: Option<Reason>,
    /// Who does it.
    pub author: Author,
    /// How well the author is known.
    pub assurance: Assurance,
    /// When.
    pub at: Timestamp,
}

/// An event to be appended.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Where.
    pub conversation: ConversationId,
    /// Who sends it.
    pub author: Author,
    /// What it is.
    pub kind: EventKind,
    /// Its body, the text of a JSON object.
    pub body: String,
    /// How well the sender is known.
    pub assurance: Assurance,
    /// The client's own id.
    pub client_id: Option<ClientId>,
    /// When.
    pub at: Timestamp,
    /// What it does to an earlier event. Expects that event to exist, not to
    /// be deleted, to be of a counted type, and, where a user sends, to be theirs.
    pub touches: Option<Touch>,
}

/// What an event does to an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touch {
    /// Gives it a new body.
    Edit {
        /// Which.
        event: u64,
        /// The new body, the text of a JSON object.
        body: String,
    },
    /// Takes its body away, that of every edit of it, and the files that were
    /// given to it.
    Delete {
        /// Which.
        event: u64,
    },
}

/// The membership that a user must have for a change to be theirs to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// None: a backend acts.
    None,
    /// The user is joined.
    Joined(UserId),
    /// The user created the conversation, and has had no place in it yet.
    Creator(UserId),
}

/// What becomes of a user's password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordChange {
    /// It is this one from now on. Expects the user to exist.
    Set(PasswordHash),
    /// There is none any more. Expects one.
    Remove,
    /// It stays. Expects it to be this one.
    Expect(PasswordHash),
}

/// What becomes of a file.
#[derive(Debug, Clone)]
pub enum FileChange {
    /// Stores it. Expects the conversation to exist and a user who sends to be
    /// joined; of a file that waits for its event, that the user exists, and
    /// room for one more that waits. Expects the author to be within the quota.
    Add(Box<NewAttachment>),
    /// Gives it to the newest event of a conversation, whose members may read
    /// it from then on. Expects it to be of this conversation already, or to
    /// wait, and to be this author's.
    Attach {
        /// Which file.
        file: AttachmentId,
        /// Where.
        conversation: ConversationId,
        /// Who must have stored it.
        author: Author,
    },
    /// Removes it. Expects it to exist.
    Remove(AttachmentId),
}

/// A file to be stored.
#[derive(Debug, Clone)]
pub struct NewAttachment {
    /// What is known of it.
    pub attachment: Attachment,
    /// The membership that the author must have, where it is a user.
    pub guard: Guard,
    /// Its bytes.
    pub content: Vec<u8>,
    /// How many bytes this author may have stored, this file included.
    pub quota_bytes: u64,
    /// How many files of this author may wait for their events, this one included.
    pub waiting_max: u64,
}

/// What a commit has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// The events that it appended, in the order of the changes.
    pub events: Vec<(ConversationId, u64)>,
    /// Who sent those of [`Change::Append`], as of the commit, in the order of these changes. So
    /// an event that was just sent need not be read.
    pub senders: Vec<Sender>,
    /// Whose session [`Change::TryLogin`] has added; nobody's, where it came to nothing.
    pub logged_in: Option<Box<User>>,
    /// The conversations of [`Change::ListFollowed`], those that changed last first. None where it
    /// was not asked, and where there is too much to be read while others wait to write.
    pub followed: Option<Vec<ConversationView>>,
    /// How many sessions each of the changes that end some has ended, and why.
    pub ended: Vec<(EndReason, u64)>,
    /// How much each of the changes that remove something has removed.
    pub removed: Vec<(Remains, u64)>,
}

/// What was expected and is not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expectation {
    /// The user exists.
    User,
    /// The name is free.
    NameFree,
    /// The external id is free.
    ExternalIdFree,
    /// The e-mail address is free.
    EmailFree,
    /// The session is open.
    SessionOpen,
    /// The session is at the generation.
    Generation,
    /// No revocation covers it.
    Uncovered,
    /// The credential has opened no session yet.
    CredentialUnused,
    /// The user has a password, or still the one that was read.
    Password,
    /// The user has a session on the device.
    Device,
    /// The conversation exists.
    Conversation,
    /// The conversation's name is free.
    ConversationNameFree,
    /// The client id is unused.
    ClientIdUnused,
    /// The visitor has room for another conversation.
    ConversationRoom,
    /// The conversation has room for another member.
    MemberRoom,
    /// The user has no place in the conversation; its creator has had none.
    PlaceFree,
    /// The author is joined.
    Joined,
    /// The member is in the state.
    MemberState,
    /// The event to be edited or deleted is there and the author's.
    EventTouchable,
    /// The visitor's place is there.
    VisitorPlace,
    /// The author is within the quota.
    Quota,
    /// No more files of the author wait for their events than may.
    WaitingRoom,
    /// The file is there, and may be given to the event.
    File,
    /// The key's name is free.
    KidFree,
    /// The key exists and is not revoked.
    Key,
    /// The slug is free.
    SlugFree,
    /// The alias is free.
    AliasFree,
    /// The application exists.
    Application,
    /// The settings are as they were read.
    SettingsUnchanged,
    /// The audit log is sealed up to where it was read.
    AuditHead,
}
