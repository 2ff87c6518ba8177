//! Settings, as a whole, and by the text that was read.

use super::Plan;
use crate::settings;
use countersign_core::model::settings::Settings;
use countersign_core::ports::change::{Expectation, SettingsVersion};
use countersign_core::ports::store as port;

const SET: &str = "UPDATE applications SET settings = $2 WHERE id = $1 RETURNING 1";
const EXPECT: &str = "SELECT 1 FROM applications WHERE id = $1 AND settings = $2";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[SET, EXPECT];

/// Expects the text to be the one that was read.
pub(super) fn expect(plan: &mut Plan, version: SettingsVersion) {
    let parameters = [plan.application(), version.0.into()];
    plan.expect(Expectation::SettingsUnchanged, EXPECT, parameters);
}

/// Replaces the settings.
pub(super) fn set(plan: &mut Plan, settings: &Settings) -> Result<(), port::StoreError> {
    let parameters = [plan.application(), settings::write(settings)?.into()];
    plan.expect(Expectation::Application, SET, parameters);
    Ok(())
}
