//! Members: users' places in a conversation.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::object;
use crate::schema;

/// `POST /v1/conversations/{id}/members`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"user": {"id": "USR-01932d4c-7e58-7c21-9b0a-3f6f0d3f6a11"}, "state": "invited"})))]
pub struct NewMember {
    /// Whom, by exactly one of the three.
    #[serde(deserialize_with = "object::required")]
    pub user: UserReference,
    /// Invited or joined.
    #[schema(value_type = schema::FirstState)]
    pub state: MemberState,
}

/// A user, by exactly one of the three.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserReference {
    /// By id.
    #[schema(value_type = Option<schema::UserId>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// By name.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// By the application's own id.
    #[schema(value_type = Option<schema::Name>)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// `PATCH /v1/conversations/{id}/members/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"state": "joined"})))]
pub struct MemberPatch {
    /// Joined or left.
    #[schema(value_type = schema::NextState)]
    pub state: MemberState,
}

/// The state of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberState {
    /// Asked in.
    Invited,
    /// In.
    Joined,
    /// Out.
    Left,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Its id.
    #[schema(value_type = schema::MemberId)]
    pub id: String,
    /// Whose place it is, now.
    #[schema(value_type = schema::UserId)]
    pub user_id: String,
    /// What others see of that user.
    pub name: String,
    /// Its state.
    pub state: MemberState,
    /// The newest event that reached one of the user's devices.
    pub delivered: u64,
    /// The newest event that the user has seen.
    pub seen: u64,
}

/// A page of members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Members {
    /// The members, the oldest first.
    pub members: Vec<Member>,
    /// The cursor of the next page, if there is one.
    #[schema(value_type = schema::Cursor)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
