//! Signing keys: their secrets sealed, and the rules of the ring kept.
//!
//! Of each algorithm one key is current and one previous. A key that becomes current makes the
//! one that was previous, and that one standby: so a rotation leaves both good for what was
//! minted before it, and two at once leave a ring that verifies.

use super::{Plan, Sealing};
use crate::engine::Value;
use crate::secrets::Place;
use countersign_core::id::ApplicationId;
use countersign_core::model::signing_key::{KeyMaterial, SigningKey};
use countersign_core::ports::change::Expectation;
use countersign_core::ports::store as port;
use countersign_credential::key::{KeyState, Kid};

/// A key comes in as standby, and gets its state as any other change of it does.
const ADD: &str = "INSERT INTO signing_keys (application_id, kid, algorithm, state, \
     public_key_pem, sealed_secret, created_at, last_used_at) \
     SELECT a.id, $2, $3, 'standby', $4, $5, $6, $7 FROM applications a WHERE a.id = $1 \
     RETURNING 1";
const TAKE_OUT: &str = "UPDATE signing_keys SET state = 'standby' \
     WHERE application_id = $1 AND kid = $2 AND state <> 'revoked' RETURNING 1";
const RETIRE_PREVIOUS: &str = "UPDATE signing_keys SET state = 'standby' \
     WHERE application_id = $1 AND state = 'previous' AND algorithm = \
     (SELECT k.algorithm FROM signing_keys k WHERE k.application_id = $1 AND k.kid = $2)";
const RETIRE_PREVIOUS_FOR_CURRENT: &str = "UPDATE signing_keys SET state = 'standby' \
     WHERE application_id = $1 AND state = 'previous' AND algorithm = \
     (SELECT k.algorithm FROM signing_keys k WHERE k.application_id = $1 AND k.kid = $2) \
     AND EXISTS (SELECT 1 FROM signing_keys k WHERE k.application_id = $1 \
     AND k.state = 'current' AND k.algorithm = signing_keys.algorithm)";
const RETIRE_CURRENT: &str = "UPDATE signing_keys SET state = 'previous' \
     WHERE application_id = $1 AND state = 'current' AND algorithm = \
     (SELECT k.algorithm FROM signing_keys k WHERE k.application_id = $1 AND k.kid = $2)";
const SET_STATE: &str = "UPDATE signing_keys SET state = $3 WHERE application_id = $1 AND kid = $2";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[
    ADD,
    TAKE_OUT,
    RETIRE_PREVIOUS,
    RETIRE_PREVIOUS_FOR_CURRENT,
    RETIRE_CURRENT,
    SET_STATE,
];

/// Adds a key.
pub(super) fn add(
    plan: &mut Plan,
    key: &SigningKey,
    sealing: Sealing<'_>,
) -> Result<(), port::StoreError> {
    let (public_key, sealed) = match &key.material {
        KeyMaterial::Public(pem) => (pem.as_str().into(), Value::Null),
        KeyMaterial::Secret(secret) => {
            let row = row_of(plan.application_id(), &key.kid);
            let random = |bytes: &mut [u8]| sealing.random.fill(bytes);
            let sealed = sealing.keyring.seal(place_of(&row), secret, random)?;
            (Value::Null, sealed.into())
        }
    };
    let parameters = [
        plan.application(),
        key.kid.as_str().into(),
        key.algorithm.as_str().into(),
        public_key,
        sealed,
        key.created_at.milliseconds().into(),
        key.last_used_at.map(|at| at.milliseconds()).into(),
    ];
    plan.expect(Expectation::Application, ADD, parameters);
    enter(plan, &key.kid, key.state);
    Ok(())
}

/// Changes the state of a key that is not revoked.
pub(super) fn set_state(plan: &mut Plan, kid: &Kid, state: KeyState) {
    let key = [plan.application(), kid.as_str().into()];
    plan.expect(Expectation::Key, TAKE_OUT, key);
    enter(plan, kid, state);
}

/// Gives a key that stands by its state, and makes room for it first.
fn enter(plan: &mut Plan, kid: &Kid, state: KeyState) {
    let key = [plan.application(), kid.as_str().into()];
    match state {
        KeyState::Current => {
            plan.run(RETIRE_PREVIOUS_FOR_CURRENT, key.clone());
            plan.run(RETIRE_CURRENT, key.clone());
        }
        KeyState::Previous => plan.run(RETIRE_PREVIOUS, key.clone()),
        KeyState::Standby | KeyState::Revoked => {}
    }
    let [application, kid] = key;
    plan.run(SET_STATE, [application, kid, state.as_str().into()]);
}

/// What tells a key's row from all others.
pub(crate) fn row_of(application: ApplicationId, kid: &Kid) -> Vec<u8> {
    let mut row = application.bytes().to_vec();
    row.extend_from_slice(kid.as_str().as_bytes());
    row
}

/// Where a key's secret belongs.
pub(crate) fn place_of(row: &[u8]) -> Place<'_> {
    Place {
        table: "signing_keys",
        column: "sealed_secret",
        row,
    }
}
