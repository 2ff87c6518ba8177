//! Sessions: open, keep, end, rotate, and the devices that they are on.

use super::{Plan, first_id_of, user};
use crate::columns::{covers_session, integer};
use crate::engine::Value;
use countersign_core::id::{DeviceId, SessionId, UserId};
use countersign_core::model::session::{EndReason, Session, SessionCredential};
use countersign_core::ports::change::{Expectation, LateSessions, Rotation, SessionEnd, Visitor};
use countersign_core::ports::store::dialect_name;
use countersign_credential::key::Kid;
use countersign_credential::time::Timestamp;

macro_rules! insert {
    ($($rest:tt)*) => {
        concat!(
            "INSERT INTO sessions (application_id, id, user_id, device_id, device_name, \
             api_key_id, dialect, kid, jti, digest, one_time_id, credential_issued_at, \
             credential_expires_at, acl, generation, nonce_digest, opened_at, rotated_at, \
             expires_at, ended_at, ended_why) ",
            $($rest)*
        )
    };
}
pub(super) use insert;

/// The user is looked at once more, so that nobody who was blocked or deleted since the login was
/// planned gets in.
const OPEN: &str = insert!(
    "SELECT u.application_id, $2, u.id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
     $16, $17, $18, $19, $20, $21 FROM users u \
     WHERE u.application_id = $1 AND u.id = $3 AND u.deleted_at IS NULL AND u.blocked = 0 \
     RETURNING 1"
);
const KEEP: &str = insert!(
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
     $19, $20, $21) ON CONFLICT (application_id, id) \
     DO UPDATE SET generation = sessions.generation WHERE sessions.ended_at IS NULL RETURNING 1"
);
const END_VISITOR: &str = insert!(
    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
     $19, $20, $21) ON CONFLICT (application_id, id) \
     DO UPDATE SET ended_at = excluded.ended_at, ended_why = excluded.ended_why \
     WHERE sessions.ended_at IS NULL RETURNING 1"
);
const END: &str = "UPDATE sessions SET ended_at = $3, ended_why = $4 \
     WHERE application_id = $1 AND id = $2 AND ended_at IS NULL RETURNING 1";
const END_OTHERS: &str = "UPDATE sessions SET ended_at = $4, ended_why = $5 \
     WHERE application_id = $1 AND user_id = $2 AND id <> $3 AND ended_at IS NULL RETURNING 1";
/// The users with a password lead to their sessions, however many others there are.
const END_BY_KEY: &str = "UPDATE sessions SET ended_at = $3, ended_why = $4 \
     WHERE application_id = $1 AND kid = $2 AND ended_at IS NULL AND user_id IN \
     (SELECT every.user_id FROM passwords every WHERE every.application_id = $1) RETURNING 1";
const END_OPENED_AFTER_OF_USER: &str = "UPDATE sessions SET ended_at = $4, ended_why = $5 \
     WHERE application_id = $1 AND user_id = $2 AND opened_at > $3 AND ended_at IS NULL RETURNING 1";
/// An id begins with the moment of its making, and so the table's key finds them.
const END_OPENED_AFTER: &str = "UPDATE sessions SET ended_at = $4, ended_why = $5 \
     WHERE application_id = $1 AND id >= $2 AND opened_at > $3 AND ended_at IS NULL RETURNING 1";
const IS_OPEN: &str = concat!(
    "SELECT 1 FROM sessions s WHERE s.application_id = $1 AND s.id = $2 \
     AND s.ended_at IS NULL AND NOT ",
    covers_session!()
);
const ROTATE: &str = "UPDATE sessions \
     SET generation = generation + 1, nonce_digest = $4, rotated_at = $5 \
     WHERE application_id = $1 AND id = $2 AND generation = $3 AND ended_at IS NULL RETURNING 1";
const SET_CREDENTIAL: &str = "UPDATE sessions SET dialect = $3, kid = $4, jti = $5, digest = $6, \
     one_time_id = $7, credential_issued_at = $8, credential_expires_at = $9, acl = $10 \
     WHERE application_id = $1 AND id = $2";
const HAS_DEVICE: &str = "SELECT 1 FROM sessions \
     WHERE application_id = $1 AND user_id = $2 AND device_id = $3 LIMIT 1";
const NAME_DEVICE: &str = "UPDATE sessions SET device_name = $4 \
     WHERE application_id = $1 AND user_id = $2 AND device_id = $3";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    OPEN,
    KEEP,
    END_VISITOR,
    END,
    END_OTHERS,
    END_BY_KEY,
    END_OPENED_AFTER_OF_USER,
    END_OPENED_AFTER,
    IS_OPEN,
    ROTATE,
    SET_CREDENTIAL,
    HAS_DEVICE,
    NAME_DEVICE,
];

/// No session has this id: it would have been made in 1970.
const NO_SESSION: [u8; 16] = [0; 16];

/// Adds a session of a user who may log in.
pub(super) fn open(plan: &mut Plan, session: &Session) {
    let parameters = parameters(plan, session, session.user.bytes().into(), None);
    plan.expect(Expectation::User, OPEN, parameters);
}

/// Adds a visitor's rows, or finds them with the session open.
pub(super) fn keep_visitor(plan: &mut Plan, visitor: &Visitor) {
    let session = &visitor.session;
    let parameters = parameters(plan, session, session.user.bytes().into(), None);
    plan.expect(Expectation::SessionOpen, KEEP, parameters);
    let key = [plan.application(), visitor.session.id.bytes().into()];
    plan.expect(Expectation::SessionOpen, IS_OPEN, key);
    user::keep(plan, &visitor.user);
}

/// Ends a session; a visitor's gets its rows first, where it has none.
pub(super) fn end(plan: &mut Plan, end: &SessionEnd) {
    match &end.visitor {
        Some(visitor) => {
            let session = &visitor.session;
            let ended = Some((end.at, end.why));
            let parameters = parameters(plan, session, session.user.bytes().into(), ended);
            plan.expect(Expectation::SessionOpen, END_VISITOR, parameters);
            plan.ends(end.why);
            user::keep(plan, &visitor.user);
        }
        None => {
            let parameters = [
                plan.application(),
                end.session.bytes().into(),
                end.at.milliseconds().into(),
                end.why.as_str().into(),
            ];
            plan.expect(Expectation::SessionOpen, END, parameters);
            plan.ends(end.why);
        }
    }
}

/// Ends a session, if it is open.
pub(super) fn end_if_open(plan: &mut Plan, session: SessionId, why: EndReason, at: Timestamp) {
    let parameters = [
        plan.application(),
        session.bytes().into(),
        at.milliseconds().into(),
        why.as_str().into(),
    ];
    plan.run(END, parameters);
    plan.ends(why);
}

/// Ends the open sessions, of a user or of all, that were opened after a moment.
pub(super) fn end_opened_after(plan: &mut Plan, late: LateSessions) {
    let (sql, lead) = match late.user {
        Some(user) => (END_OPENED_AFTER_OF_USER, user.bytes()),
        None => (END_OPENED_AFTER, first_id_of(late.moment)),
    };
    let parameters = [
        plan.application(),
        lead.into(),
        late.moment.milliseconds().into(),
        late.at.milliseconds().into(),
        late.why.as_str().into(),
    ];
    plan.run(sql, parameters);
    plan.ends(late.why);
}

/// Ends all open sessions of a user but one.
pub(super) fn end_others(
    plan: &mut Plan,
    user: UserId,
    keep: Option<SessionId>,
    why: EndReason,
    at: Timestamp,
) {
    let parameters = [
        plan.application(),
        user.bytes().into(),
        keep.map_or(NO_SESSION, |keep| keep.bytes()).into(),
        at.milliseconds().into(),
        why.as_str().into(),
    ];
    plan.run(END_OTHERS, parameters);
    plan.ends(why);
}

/// Ends the sessions that a key opened, of users with a password.
pub(super) fn end_by_key(plan: &mut Plan, kid: &Kid, why: EndReason, at: Timestamp) {
    let parameters = [
        plan.application(),
        kid.as_str().as_bytes().into(),
        at.milliseconds().into(),
        why.as_str().into(),
    ];
    plan.run(END_BY_KEY, parameters);
    plan.ends(why);
}

/// Moves a session to its next generation.
pub(super) fn rotate(plan: &mut Plan, rotation: Rotation) {
    let key = [plan.application(), rotation.session.bytes().into()];
    let [application, session] = key.clone();
    plan.expect(Expectation::SessionOpen, IS_OPEN, key.clone());
    let parameters = [
        application,
        session,
        integer(rotation.from.into()).into(),
        bytes(rotation.nonce_digest.as_ref()),
        rotation.at.milliseconds().into(),
    ];
    plan.expect(Expectation::Generation, ROTATE, parameters);
    if let Some(credential) = rotation.credential {
        let parameters: Vec<Value> = key
            .into_iter()
            .chain(credential_parameters(Some(&credential)))
            .collect();
        plan.run(SET_CREDENTIAL, parameters);
    }
}

/// Gives a user's sessions on a device a name.
pub(super) fn name_device(plan: &mut Plan, user: UserId, device: DeviceId, name: String) {
    let key = [
        plan.application(),
        user.bytes().into(),
        device.bytes().into(),
    ];
    let [application, user, device] = key.clone();
    plan.expect(Expectation::Device, HAS_DEVICE, key);
    plan.run(NAME_DEVICE, [application, user, device, name.into()]);
}

/// What a session's row is made of, with what names its user.
pub(super) fn parameters(
    plan: &Plan,
    session: &Session,
    user: Value,
    ended: Option<(Timestamp, EndReason)>,
) -> Vec<Value> {
    let mut parameters = Vec::with_capacity(21);
    parameters.extend([
        plan.application(),
        session.id.bytes().into(),
        user,
        session.device.bytes().into(),
        session.device_name.as_deref().into(),
        session.api_key.map(|id| id.bytes()).into(),
    ]);
    parameters.extend(credential_parameters(session.credential.as_ref()));
    parameters.extend([
        integer(session.generation.into()).into(),
        bytes(session.nonce_digest.as_ref()),
        session.opened_at().milliseconds().into(),
        session.rotated_at.milliseconds().into(),
        session.expires_at.milliseconds().into(),
        ended.map(|(at, _)| at.milliseconds()).into(),
        ended.map(|(_, why)| why.as_str()).into(),
    ]);
    parameters
}

fn credential_parameters(credential: Option<&SessionCredential>) -> [Value; 8] {
    let dialect = credential.map(|credential| credential.dialect);
    let text = |text: Option<&str>| text.map(str::as_bytes).into();
    [
        dialect_name(dialect).into(),
        text(credential.map(|credential| credential.kid.as_str())),
        bytes(
            credential
                .and_then(|credential| credential.jti)
                .map(|jti| jti.bytes())
                .as_ref(),
        ),
        bytes(credential.map(|credential| &credential.digest)),
        bytes(credential.and_then(|credential| credential.one_time_id.as_ref())),
        credential
            .map(|credential| credential.issued_at.milliseconds())
            .into(),
        credential
            .map(|credential| credential.expires_at.milliseconds())
            .into(),
        credential
            .and_then(|credential| credential.acl.as_ref())
            .map(|acl| acl.to_json_text())
            .into(),
    ]
}

fn bytes(digest: Option<&[u8; 32]>) -> Value {
    digest.map(|digest| digest.as_slice()).into()
}
