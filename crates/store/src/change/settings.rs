//! Settings, as a whole.

use super::Plan;
use crate::settings;
use countersign_core::model::settings::Settings;
use countersign_core::ports::change::Expectation;
use countersign_core::ports::store as port;

const SET: &str = "UPDATE applications SET settings = $2 WHERE id = $1 RETURNING 1";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[SET];

/// Replaces the settings.
pub(super) fn set(plan: &mut Plan, settings: &Settings) -> Result<(), port::StoreError> {
    let parameters = [plan.application(), settings::write(settings)?.into()];
    plan.expect(Expectation::Application, SET, parameters);
    Ok(())
}
