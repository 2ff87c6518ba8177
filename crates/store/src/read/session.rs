//! Sessions, their users, and what covers them; devices.

use super::{LAST_ID, after, all, ask, first, page, rows_of};
use crate::columns::{
    Columns, covers_session, in_time, session, session_columns, timeouts_of, user, user_columns,
};
use crate::engine::{Engine, Statement};
use crate::error::StoreError;
use crate::limit;
use countersign_core::id::{ApplicationId, DeviceId, SessionId, UserId};
use countersign_core::model::page::{Page, Window};
use countersign_core::model::session::{Device, Session, Timeouts};
use countersign_core::ports::store::SessionView;
use countersign_credential::time::Timestamp;

/// The session with its user, and whether a revocation covers it.
const BY_ID: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", ",
    user_columns!(),
    ", CASE WHEN ",
    covers_session!(),
    " THEN 1 ELSE 0 END FROM sessions s JOIN users u \
     ON u.application_id = s.application_id AND u.id = s.user_id AND u.deleted_at IS NULL \
     WHERE s.application_id = $1 AND s.id = $2"
);
const BY_ONE_TIME_ID: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", CASE WHEN ",
    covers_session!(),
    " THEN 1 ELSE 0 END FROM sessions s WHERE s.application_id = $1 AND s.one_time_id = $2"
);
const OPEN_OF_USER: &str = concat!(
    "SELECT ",
    session_columns!(),
    " FROM sessions s WHERE s.application_id = $1 AND s.user_id = $2 AND s.id < $3 \
     AND s.ended_at IS NULL AND ",
    in_time!("$5", "$6", "$7"),
    " AND NOT ",
    covers_session!(),
    " ORDER BY s.id DESC LIMIT $4"
);
const OPEN_ON_DEVICE: &str = "SELECT id FROM sessions \
     WHERE application_id = $1 AND device_id = $2 AND ended_at IS NULL ORDER BY id LIMIT $3";
const DEVICES: &str = concat!(
    "SELECT s.device_id, s.device_name, s.rotated_at FROM sessions s \
     WHERE s.application_id = $1 AND s.user_id = $2 AND s.ended_at IS NULL AND ",
    in_time!("$4", "$5", "$6"),
    " AND NOT ",
    covers_session!(),
    " ORDER BY s.id DESC LIMIT $3"
);
const HAS_DEVICE: &str =
    "SELECT 1 FROM sessions WHERE application_id = $1 AND device_id = $2 LIMIT 1";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    BY_ID,
    BY_ONE_TIME_ID,
    OPEN_OF_USER,
    OPEN_ON_DEVICE,
    DEVICES,
    HAS_DEVICE,
];

/// The query for a session with its user and whether it is covered, as [`view`] reads it.
pub(super) fn query(application: ApplicationId, id: SessionId) -> Statement {
    Statement::new(BY_ID, [application.bytes().into(), id.bytes().into()])
}

/// A row of [`query`].
pub(super) fn view(columns: &mut Columns<'_>) -> Result<SessionView, StoreError> {
    Ok(SessionView {
        session: session(columns)?,
        user: user(columns)?,
        revoked: columns.flag()?,
    })
}

/// The query for the session that a credential has opened, and whether it is covered.
pub(super) fn query_by_one_time_id(application: ApplicationId, one_time_id: &[u8]) -> Statement {
    let parameters = [application.bytes().into(), one_time_id.into()];
    Statement::new(BY_ONE_TIME_ID, parameters)
}

/// The query that finds a row where the application has issued a device's id.
pub(super) fn query_device(application: ApplicationId, device: DeviceId) -> Statement {
    let parameters = [application.bytes().into(), device.bytes().into()];
    Statement::new(HAS_DEVICE, parameters)
}

/// A session with its user.
pub(crate) async fn find(
    engine: &impl Engine,
    application: ApplicationId,
    id: SessionId,
) -> Result<Option<SessionView>, StoreError> {
    first(&ask(engine, query(application, id)).await?, view)
}

/// Whether the application has issued a device's id.
pub(crate) async fn device_known(
    engine: &impl Engine,
    application: ApplicationId,
    device: DeviceId,
) -> Result<bool, StoreError> {
    let rows = ask(engine, query_device(application, device)).await?;
    Ok(!rows.is_empty())
}

/// The open sessions on a device, the oldest first.
pub(crate) async fn on_device(
    engine: &impl Engine,
    application: ApplicationId,
    device: DeviceId,
) -> Result<Vec<SessionId>, StoreError> {
    let parameters = [
        application.bytes().into(),
        device.bytes().into(),
        i64::from(limit::DEVICE_SESSIONS_READ_MAX).into(),
    ];
    let rows = ask(engine, Statement::new(OPEN_ON_DEVICE, parameters)).await?;
    all(&rows, |columns| Ok(SessionId::from_bytes(columns.id()?)))
}

/// The open sessions of a user that are not over by time, the newest first.
pub(crate) async fn list(
    engine: &impl Engine,
    application: ApplicationId,
    user: UserId,
    timeouts: Timeouts,
    window: &Window,
) -> Result<Page<Session>, StoreError> {
    let [end, idle_since, visitor_idle_since] = timeouts_of(timeouts);
    let parameters = [
        application.bytes().into(),
        user.bytes().into(),
        after(window, LAST_ID),
        rows_of(window),
        end,
        idle_since,
        visitor_idle_since,
    ];
    let rows = ask(engine, Statement::new(OPEN_OF_USER, parameters)).await?;
    let sessions = all(&rows, session)?;
    Ok(page(sessions, window, |session| {
        session.id.bytes().to_vec()
    }))
}

/// The devices of those sessions, the one that was seen last first. A device's name is
/// that of its newest session that has one.
pub(crate) async fn devices(
    engine: &impl Engine,
    application: ApplicationId,
    user: UserId,
    timeouts: Timeouts,
) -> Result<Vec<Device>, StoreError> {
    let [end, idle_since, visitor_idle_since] = timeouts_of(timeouts);
    let parameters = [
        application.bytes().into(),
        user.bytes().into(),
        i64::from(limit::OPEN_SESSIONS_READ_MAX).into(),
        end,
        idle_since,
        visitor_idle_since,
    ];
    let rows = ask(engine, Statement::new(DEVICES, parameters)).await?;
    let mut devices: Vec<Device> = Vec::new();
    for row in rows.iter() {
        let mut columns = Columns::of(row);
        let id = DeviceId::from_bytes(columns.id()?);
        let name = columns.optional_text()?.map(str::to_owned);
        let seen_at: Timestamp = columns.time()?;
        match devices.iter_mut().find(|device| device.id == id) {
            Some(device) => {
                device.name = device.name.take().or(name);
                device.last_seen_at = device.last_seen_at.max(seen_at);
            }
            None => devices.push(Device {
                id,
                name,
                last_seen_at: seen_at,
            }),
        }
    }
    devices.sort_by_key(|device| std::cmp::Reverse(device.last_seen_at));
    Ok(devices)
}
