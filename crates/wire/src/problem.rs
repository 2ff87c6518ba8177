//! A problem: how every refusal looks (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::time::Time;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `/errors/CODE`: where it is explained.
    #[schema(examples("/errors/not_found"))]
    #[serde(rename = "type")]
    pub kind: String,
    /// What the code means; the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// The stable code, for programs.
    pub code: String,
    /// What happened this time, for people.
    pub detail: String,
    /// What to do about it.
    #[schema(value_type = String)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The server's time, where the problem is about time.
    #[schema(value_type = Time)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_time: Option<Time>,
}
