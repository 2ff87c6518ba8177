//! Devices: what a user is logged in on.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::{DeviceId, UserId};
use countersign_core::model::session::Device;
use countersign_core::op;
use countersign_wire::device as wire;
use countersign_wire::patch::Patch;
use http::StatusCode;

use super::answer::{Answer, time};
use super::bearer::Asker;
use super::body::Json;
use super::named::{Named, checked_name};
use super::problem::Problem;
use super::query::Query;

/// `GET /v1/devices`: one page, since a user has no more devices than sessions.
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
) -> Result<Answer<wire::Devices>, Problem> {
    query.only(&["user_id"])?;
    let devices = op::sessions::list_devices(&ctx, &asker, query.user()?).await?;
    let devices = devices.into_iter().map(|device| shown(device, &asker));
    let list = wire::Devices {
        devices: devices.collect(),
        next: None,
    };
    Ok(Answer(StatusCode::OK, list))
}

/// `GET /v1/devices/{id}`
pub(super) async fn read(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<Answer<wire::Device>, Problem> {
    query.only(&["user_id"])?;
    let id = named.id("device_id", "device")?;
    let device = find(&ctx, &asker, query.user()?, id).await?;
    Ok(Answer(StatusCode::OK, device))
}

/// `PATCH /v1/devices/{id}`
pub(super) async fn name(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
    Json(patch): Json<wire::DevicePatch>,
) -> Result<Answer<wire::Device>, Problem> {
    query.only(&[])?;
    let id = named.id("device_id", "device")?;
    match patch.name {
        Patch::Absent => {}
        Patch::Null => {
            return Err(Error::new(Code::BadRequest, "a device's name cannot be cleared").into());
        }
        Patch::Value(name) => {
            let name = checked_name("name", name)?;
            op::sessions::name_device(&ctx, &asker, id, name).await?;
        }
    }
    let device = find(&ctx, &asker, None, id).await?;
    Ok(Answer(StatusCode::OK, device))
}

/// `DELETE /v1/devices/{id}`: ends every session of the user there.
pub(super) async fn end(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.only(&["user_id"])?;
    let id = named.id("device_id", "device")?;
    op::sessions::end_device(&ctx, &asker, query.user()?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

// === helpers ===

async fn find(
    ctx: &Ctx,
    asker: &Principal,
    user: Option<UserId>,
    id: DeviceId,
) -> Result<wire::Device, Error> {
    let devices = op::sessions::list_devices(ctx, asker, user).await?;
    let found = devices.into_iter().find(|device| device.id == id);
    found
        .map(|device| shown(device, asker))
        .ok_or_else(|| Error::not_found("device"))
}

fn shown(device: Device, asker: &Principal) -> wire::Device {
    wire::Device {
        id: device.id.to_string(),
        current: asker.session().is_some_and(|own| own.device == device.id),
        name: device.name,
        last_seen_at: time(device.last_seen_at),
    }
}
