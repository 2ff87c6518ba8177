//! What can be asked for, and the path that an ACL knows it by.
//!
//! An ACL is matched on the action's path, never on the request's, so that one
//! ACL works at every door. The version segment stands for every version.

use countersign_credential::acl::call::Method;

use crate::id::{AttachmentId, ConversationId, MemberId, SessionId, UserId};

/// Room for the longest path of a call: every call makes one.
const PATH_BYTES: usize = 112;

/// Something that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Open a session with a credential.
    LogIn,
    /// Open a socket on a session.
    Connect,
    /// Become a visitor.
    LogInAnonymous,
    /// Exchange a refresh token.
    Refresh(SessionId),
    /// List sessions or devices.
    ListSessions,
    /// Name a device.
    NameDevice,
    /// End one session, or those of a device.
    EndSession(SessionId),
    /// End several sessions: all of a device, or all others.
    EndSessions,
    /// List or find users.
    ListUsers,
    /// Add a user.
    CreateUser,
    /// Read a user.
    ReadUser(UserId),
    /// Change what a user says of itself.
    UpdateUser(UserId),
    /// Say something of oneself that is unverified, and identifies nobody.
    DescribeUser(UserId),
    /// Change what identifies a user, or block it.
    IdentifyUser(UserId),
    /// Delete a user.
    DeleteUser(UserId),
    /// Have all that is kept of a user removed.
    EraseUser(UserId),
    /// Read how far that has come.
    ReadErasure(UserId),
    /// Read all that is kept of a user.
    ExportUser(UserId),
    /// List conversations, and sync.
    ListConversations,
    /// List a user's conversations.
    ListConversationsOf(UserId),
    /// Create a conversation.
    CreateConversation,
    /// Find or create the conversation of oneself and other users.
    InstantConversation,
    /// Read a conversation.
    ReadConversation(ConversationId),
    /// Change a conversation.
    UpdateConversation(ConversationId),
    /// Delete a conversation.
    DeleteConversation(ConversationId),
    /// List a conversation's members.
    ListMembers(ConversationId),
    /// Read one member.
    ReadMember(ConversationId, MemberId),
    /// Ask another user in.
    InviteMember(ConversationId),
    /// Add another user, joined at once.
    AddMember(ConversationId),
    /// Join by oneself.
    Join(ConversationId),
    /// Change a member's state.
    UpdateMember(ConversationId, MemberId),
    /// Leave, or decline.
    Leave(ConversationId, MemberId),
    /// Remove another member.
    RemoveMember(ConversationId, MemberId),
    /// Read events, or be told of them.
    ListEvents(ConversationId),
    /// Read one event.
    ReadEvent(ConversationId, u64),
    /// Send an event, edits and deletions by event included.
    Send(ConversationId),
    /// Send an event for a member.
    SendFor(ConversationId, MemberId),
    /// Delete an event.
    DeleteEvent(ConversationId, u64),
    /// Store a file that is an image.
    UploadImage(ConversationId),
    /// Store a file that is none.
    UploadMedia(ConversationId),
    /// Store an image ahead of the event that will name it.
    UploadImageAhead,
    /// Store any file ahead of the event that will name it.
    UploadMediaAhead,
    /// Read a file.
    ReadMedia(AttachmentId),
    /// Delete a file.
    DeleteMedia(AttachmentId),
    /// Read a file that still waits for its event.
    ReadWaiting(AttachmentId),
    /// Delete a file that still waits for its event.
    DeleteWaiting(AttachmentId),
    /// Have a credential explained.
    ExplainToken,
    /// Ask what a token is.
    IntrospectToken,
    /// Revoke a session, device, user or `jti`.
    Revoke,
    /// Revoke a key, or a whole application.
    RevokeKey,
    /// Read the application.
    ReadApplication,
    /// Change or delete the application.
    ManageApplication,
    /// Read or change keys, API keys and settings.
    ManageKeys,
    /// Revoke the very API key that asks.
    RevokeOwnKey,
    /// Read the audit log.
    ReadAudit,
}

// === impl Action ===

impl Action {
    /// The method and path that an ACL knows the action by.
    #[must_use]
    pub fn call(&self) -> (Method, String) {
        let fixed = |method, path: &str| (method, path.to_owned());
        let of_member = |method, id: &ConversationId, member: &MemberId| {
            let mut path = of_conversation(id, "/members/");
            member.append_to(&mut path);
            (method, path)
        };
        match self {
            Self::LogIn | Self::Connect => fixed(Method::Post, "/v1/sessions"),
            Self::LogInAnonymous => fixed(Method::Post, "/v1/sessions/anonymous"),
            Self::Refresh(id) => (Method::Put, format!("/v1/sessions/{id}")),
            Self::ListSessions => fixed(Method::Get, "/v1/sessions"),
            Self::NameDevice => fixed(Method::Patch, "/v1/sessions"),
            Self::EndSession(id) => (Method::Delete, format!("/v1/sessions/{id}")),
            Self::EndSessions => fixed(Method::Delete, "/v1/sessions"),
            Self::ListUsers => fixed(Method::Get, "/v1/users"),
            Self::CreateUser => fixed(Method::Post, "/v1/users"),
            Self::ReadUser(id) => (Method::Get, of_user(id, "")),
            Self::UpdateUser(id) | Self::DescribeUser(id) | Self::IdentifyUser(id) => {
                (Method::Patch, of_user(id, ""))
            }
            Self::DeleteUser(id) => (Method::Delete, of_user(id, "")),
            Self::EraseUser(id) => (Method::Post, of_user(id, "/erasure")),
            Self::ReadErasure(id) => (Method::Get, of_user(id, "/erasure")),
            Self::ExportUser(id) => (Method::Get, of_user(id, "/export")),
            Self::ListConversations | Self::ListConversationsOf(_) => {
                fixed(Method::Get, "/v1/conversations")
            }
            Self::CreateConversation | Self::InstantConversation => {
                fixed(Method::Post, "/v1/conversations")
            }
            Self::ReadConversation(id) => (Method::Get, of_conversation(id, "")),
            Self::UpdateConversation(id) => (Method::Patch, of_conversation(id, "")),
            Self::DeleteConversation(id) => (Method::Delete, of_conversation(id, "")),
            Self::ListMembers(id) => (Method::Get, of_conversation(id, "/members")),
            Self::InviteMember(id) | Self::AddMember(id) | Self::Join(id) => {
                (Method::Post, of_conversation(id, "/members"))
            }
            Self::ReadMember(id, member) => of_member(Method::Get, id, member),
            Self::UpdateMember(id, member) => of_member(Method::Patch, id, member),
            Self::Leave(id, member) | Self::RemoveMember(id, member) => {
                of_member(Method::Delete, id, member)
            }
            Self::ListEvents(id) => (Method::Get, of_conversation(id, "/events")),
            Self::Send(id) | Self::SendFor(id, _) => (Method::Post, of_conversation(id, "/events")),
            Self::ReadEvent(id, event) => (
                Method::Get,
                format!("/v1/conversations/{id}/events/{event}"),
            ),
            Self::DeleteEvent(id, event) => (
                Method::Delete,
                format!("/v1/conversations/{id}/events/{event}"),
            ),
            Self::UploadImage(_) | Self::UploadImageAhead => fixed(Method::Post, "/v1/image"),
            Self::UploadMedia(_) | Self::UploadMediaAhead => fixed(Method::Post, "/v1/media"),
            Self::ReadMedia(id) | Self::ReadWaiting(id) => (Method::Get, format!("/v1/media/{id}")),
            Self::DeleteMedia(id) | Self::DeleteWaiting(id) => {
                (Method::Delete, format!("/v1/media/{id}"))
            }
            Self::ExplainToken => fixed(Method::Post, "/v1/tokens/explain"),
            Self::IntrospectToken => fixed(Method::Post, "/v1/tokens/introspect"),
            Self::Revoke | Self::RevokeKey => fixed(Method::Post, "/v1/revocations"),
            Self::ReadApplication => fixed(Method::Get, "/v1/applications"),
            Self::ManageApplication => fixed(Method::Patch, "/v1/applications"),
            Self::ManageKeys => fixed(Method::Post, "/v1/applications"),
            Self::RevokeOwnKey => fixed(Method::Delete, "/v1/applications"),
            Self::ReadAudit => fixed(Method::Get, "/v1/applications/audit"),
        }
    }

    /// The path's parameters, by the names that an ACL's filters use.
    #[must_use]
    pub fn path_parameters(&self) -> Vec<(&'static str, String)> {
        let conversation = |id: &ConversationId| ("conversation_id", id.to_string());
        match self {
            Self::ReadUser(id)
            | Self::UpdateUser(id)
            | Self::DescribeUser(id)
            | Self::IdentifyUser(id)
            | Self::DeleteUser(id)
            | Self::EraseUser(id)
            | Self::ReadErasure(id)
            | Self::ExportUser(id)
            | Self::ListConversationsOf(id) => vec![("user_id", id.to_string())],
            Self::ReadConversation(id)
            | Self::UpdateConversation(id)
            | Self::DeleteConversation(id)
            | Self::ListMembers(id)
            | Self::InviteMember(id)
            | Self::AddMember(id)
            | Self::Join(id)
            | Self::ListEvents(id)
            | Self::Send(id)
            | Self::SendFor(id, _)
            | Self::UploadImage(id)
            | Self::UploadMedia(id) => vec![conversation(id)],
            Self::ReadMember(id, member)
            | Self::UpdateMember(id, member)
            | Self::Leave(id, member)
            | Self::RemoveMember(id, member) => {
                vec![conversation(id), ("member_id", member.to_string())]
            }
            Self::ReadEvent(id, event) | Self::DeleteEvent(id, event) => {
                vec![conversation(id), ("event_id", event.to_string())]
            }
            Self::LogIn
            | Self::Connect
            | Self::LogInAnonymous
            | Self::Refresh(_)
            | Self::ListSessions
            | Self::NameDevice
            | Self::EndSession(_)
            | Self::EndSessions
            | Self::ListUsers
            | Self::CreateUser
            | Self::ListConversations
            | Self::CreateConversation
            | Self::InstantConversation
            | Self::UploadImageAhead
            | Self::UploadMediaAhead
            | Self::ReadMedia(_)
            | Self::DeleteMedia(_)
            | Self::ReadWaiting(_)
            | Self::DeleteWaiting(_)
            | Self::ExplainToken
            | Self::IntrospectToken
            | Self::Revoke
            | Self::RevokeKey
            | Self::ReadApplication
            | Self::ManageApplication
            | Self::ManageKeys
            | Self::RevokeOwnKey
            | Self::ReadAudit => Vec::new(),
        }
    }

    /// The action in a sentence: "… may not …".
    #[must_use]
    pub fn described(&self) -> &'static str {
        match self {
            Self::LogIn => "log in",
            Self::Connect => "connect",
            Self::LogInAnonymous => "become a visitor",
            Self::Refresh(_) => "refresh a session",
            Self::ListSessions => "list sessions",
            Self::NameDevice => "name devices",
            Self::EndSession(_) | Self::EndSessions => "end sessions",
            Self::ListUsers => "list users",
            Self::CreateUser => "create users",
            Self::ReadUser(_) => "read users",
            Self::UpdateUser(_) => "change users",
            Self::DescribeUser(_) => "describe users",
            Self::IdentifyUser(_) => "change what identifies a user",
            Self::DeleteUser(_) => "delete users",
            Self::EraseUser(_) | Self::ReadErasure(_) => "erase users",
            Self::ExportUser(_) => "export users",
            Self::ListConversations | Self::ListConversationsOf(_) => "list conversations",
            Self::CreateConversation => "create conversations",
            Self::InstantConversation => "write to users",
            Self::ReadConversation(_) => "read conversations",
            Self::UpdateConversation(_) => "change this conversation",
            Self::DeleteConversation(_) => "delete this conversation",
            Self::ListMembers(_) | Self::ReadMember(..) => "read members",
            Self::InviteMember(_) => "invite users",
            Self::AddMember(_) => "add users",
            Self::Join(_) => "join this conversation",
            Self::UpdateMember(..) => "change members",
            Self::Leave(..) => "leave this conversation",
            Self::RemoveMember(..) => "remove members",
            Self::ListEvents(_) | Self::ReadEvent(..) => "read events",
            Self::Send(_) => "send events",
            Self::SendFor(..) => "send events for others",
            Self::DeleteEvent(..) => "delete this event",
            Self::UploadImage(_) | Self::UploadMedia(_) | Self::UploadMediaAhead => "attach files",
            Self::UploadImageAhead => "upload images",
            Self::ReadMedia(_) | Self::ReadWaiting(_) => "read files",
            Self::DeleteMedia(_) | Self::DeleteWaiting(_) => "delete this file",
            Self::ExplainToken => "have tokens explained",
            Self::IntrospectToken => "introspect tokens",
            Self::Revoke => "revoke sessions",
            Self::RevokeKey => "revoke keys and applications",
            Self::ReadApplication => "read the application",
            Self::ManageApplication => "change applications",
            Self::ManageKeys => "manage keys and settings",
            Self::RevokeOwnKey => "revoke its own key",
            Self::ReadAudit => "read the audit log",
        }
    }
}

/// The path of a user, or of something below it.
fn of_user(id: &UserId, below: &str) -> String {
    let mut path = String::with_capacity(PATH_BYTES);
    path.push_str("/v1/users/");
    id.append_to(&mut path);
    path.push_str(below);
    path
}

/// The path of a conversation, or of something below it.
fn of_conversation(id: &ConversationId, below: &str) -> String {
    let mut path = String::with_capacity(PATH_BYTES);
    path.push_str("/v1/conversations/");
    id.append_to(&mut path);
    path.push_str(below);
    path
}
