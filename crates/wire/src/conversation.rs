//! Conversations.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::patch::Patch;
use crate::schema;
use crate::time::Time;

/// `POST /v1/conversations`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"display_name": "Order 1207", "client_id": "order-1207"})))]
pub struct NewConversation {
    /// Unique in the application.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What people see.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The client's own id: the same one makes a retry harmless.
    #[schema(value_type = Option<schema::ClientId>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// `PATCH /v1/conversations/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"display_name": "Order 1207, delivered"})))]
pub struct ConversationPatch {
    /// The new name.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub name: Patch<String>,
    /// The new display name.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub display_name: Patch<String>,
}

/// A conversation as who asks sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    /// Its id.
    #[schema(value_type = schema::ConversationId)]
    pub id: String,
    /// Its name, unique in the application.
    #[schema(required)]
    pub name: Option<String>,
    /// What people see.
    #[schema(required)]
    pub display_name: Option<String>,
    /// The number of its newest event, 0 while it has none.
    pub last_event_id: u64,
    /// How many of others' messages the user has not seen, looked for among the
    /// newest 10,000 events and counted up to 1,000; 0 for a backend.
    pub unread: u64,
    /// When it was created.
    pub created_at: Time,
    /// When something about it last changed, its events included.
    pub updated_at: Time,
}

/// A page of conversations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conversations {
    /// The conversations, the one that changed last first.
    pub conversations: Vec<Conversation>,
    /// The cursor of the next page, if there is one.
    #[schema(value_type = schema::Cursor)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
