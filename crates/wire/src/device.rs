//! Devices: what a user is logged in on.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::patch::Patch;
use crate::schema;
use crate::time::Time;

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// Its id.
    #[schema(value_type = schema::DeviceId)]
    pub id: String,
    /// What it called itself, or was named since.
    #[schema(required)]
    pub name: Option<String>,
    /// When one of its sessions was last refreshed.
    pub last_seen_at: Time,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// `PATCH /v1/devices/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"name": "Phone"})))]
pub struct DevicePatch {
    /// The new name.
    #[schema(value_type = schema::Name)]
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub name: Patch<String>,
}

/// The devices of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Devices {
    /// The devices, the newest first.
    pub devices: Vec<Device>,
    /// The cursor of the next page, if there is one.
    #[schema(value_type = schema::Cursor)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
