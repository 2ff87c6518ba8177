//! Exports: all that is kept of a user, one record at a time.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::audit::Entry;
use crate::member::MemberState;
use crate::schema;
use crate::time::Time;

/// A page of what is kept of a user.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = UserExport)]
pub struct Export {
    /// The records. A page can be empty where more follow, and has one attachment
    /// at most.
    pub records: Vec<Record>,
    /// The cursor of the next page, if there is one.
    #[schema(value_type = schema::Cursor)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One thing that is kept of a user.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ExportRecord)]
pub enum Record {
    /// Who it is: the user, or a visitor who turned out to be that user.
    User(Box<Profile>),
    /// A login on a device, whether or not it is over.
    Session(Box<ExportedSession>),
    /// A place in a conversation, past ones included.
    Membership(Box<Membership>),
    /// An event that the user wrote.
    Event(Box<ExportedEvent>),
    /// A file that the user stored.
    Attachment(Box<ExportedAttachment>),
    /// What shuts the user out.
    Revocation(ExportedRevocation),
    /// What a backend did about the user.
    Audit(Box<Entry>),
}

/// Who somebody is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Profile {
    /// The user's id.
    #[schema(value_type = schema::UserId)]
    pub id: String,
    /// The name.
    #[schema(required)]
    pub name: Option<String>,
    /// The application's own id.
    #[schema(required)]
    pub external_id: Option<String>,
    /// The e-mail address.
    #[schema(required)]
    pub email: Option<String>,
    /// What others see.
    #[schema(required)]
    pub display_name: Option<String>,
    /// Where a picture is.
    #[schema(required)]
    pub image_url: Option<String>,
    /// What the application keeps with the user.
    #[schema(value_type = Option<Object>, required)]
    pub custom_data: Option<Box<RawValue>>,
    /// What the user said of themselves.
    #[schema(value_type = Option<Object>, required)]
    pub described: Option<Box<RawValue>>,
    /// Whether this is a visitor.
    pub anonymous: bool,
    /// Whether the application refuses the user.
    pub blocked: bool,
    /// Whether there is a password, of which only a hash is kept.
    pub has_password: bool,
    /// When the user was created.
    pub created_at: Time,
}

/// A login on a device.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExportedSession {
    /// Its id.
    #[schema(value_type = schema::SessionId)]
    pub id: String,
    /// Whose it is.
    #[schema(value_type = schema::UserId)]
    pub user_id: String,
    /// The device.
    #[schema(value_type = schema::DeviceId)]
    pub device_id: String,
    /// What the device is called.
    #[schema(required)]
    pub device_name: Option<String>,
    /// The dialect of the credential; absent of a visitor's session.
    #[schema(value_type = Option<schema::Dialect>, required)]
    pub dialect: Option<String>,
    /// The key that verified the credential.
    #[schema(required)]
    pub kid: Option<String>,
    /// What the credential may call, where it says so.
    #[schema(value_type = Option<Object>, required)]
    pub acl: Option<Box<RawValue>>,
    /// When it was opened.
    pub created_at: Time,
    /// When it was last renewed.
    pub last_seen_at: Time,
    /// When it ends, whatever happens.
    pub expires_at: Time,
    /// When it ended, where it has.
    #[schema(required)]
    pub ended_at: Option<Time>,
}

/// A place in a conversation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Membership {
    /// Its id.
    #[schema(value_type = schema::MemberId)]
    pub id: String,
    /// Whose it is.
    #[schema(value_type = schema::UserId)]
    pub user_id: String,
    /// The conversation.
    #[schema(value_type = schema::ConversationId)]
    pub conversation_id: String,
    /// The conversation's name.
    #[schema(required)]
    pub conversation_name: Option<String>,
    /// What people see of the conversation.
    #[schema(required)]
    pub conversation_display_name: Option<String>,
    /// Whether the user is in it.
    pub state: MemberState,
    /// Delivered up to this event.
    pub delivered: u64,
    /// Seen up to this event.
    pub seen: u64,
    /// When the user was asked in.
    #[schema(required)]
    pub invited_at: Option<Time>,
    /// When the user came in.
    #[schema(required)]
    pub joined_at: Option<Time>,
    /// When the user went out.
    #[schema(required)]
    pub left_at: Option<Time>,
}

/// An event that the user wrote.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExportedEvent {
    /// The conversation.
    #[schema(value_type = schema::ConversationId)]
    pub conversation_id: String,
    /// The place by which it was written.
    #[schema(value_type = schema::MemberId)]
    pub member_id: String,
    /// Its number.
    pub id: u64,
    /// What it is.
    pub event_type: String,
    /// Its body.
    #[schema(value_type = Object)]
    pub body: Box<RawValue>,
    /// How well the user was known.
    pub assurance: String,
    /// The client's own id of it.
    #[schema(required)]
    pub client_id: Option<String>,
    /// When it was accepted.
    pub timestamp: Time,
    /// When it was last edited.
    #[schema(required)]
    pub edited_at: Option<Time>,
    /// When it was deleted.
    #[schema(required)]
    pub deleted_at: Option<Time>,
}

/// A file that the user stored.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ExportedAttachment {
    /// Its id.
    #[schema(value_type = schema::AttachmentId)]
    pub id: String,
    /// The conversation; absent of a file that no event has named yet.
    #[schema(value_type = Option<schema::ConversationId>, required)]
    pub conversation_id: Option<String>,
    /// What the user called it.
    #[schema(required)]
    pub name: Option<String>,
    /// What its bytes were recognised as.
    pub media_type: String,
    /// How many bytes there are.
    pub bytes: u64,
    /// The bytes, in base64.
    pub content_base64: String,
    /// When it was stored.
    pub created_at: Time,
}

/// What shuts the user out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExportedRevocation {
    /// By what: `user`, `name`, `external_id` or `email`.
    pub kind: String,
    /// What was opened or issued up to here is covered.
    pub before: Time,
    /// When it was made.
    pub made_at: Time,
    /// When it is forgotten.
    pub forget_at: Time,
}
