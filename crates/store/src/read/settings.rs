//! Settings by themselves, with the text that they were read from.

use super::{ask, first};
use crate::engine::{Engine, Statement};
use crate::error::StoreError;
use crate::settings;
use countersign_core::id::ApplicationId;
use countersign_core::model::settings::Settings;
use countersign_core::ports::change::SettingsVersion;

const OF_APPLICATION: &str = "SELECT settings FROM applications WHERE id = $1";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[OF_APPLICATION];

/// The settings of an application.
pub(crate) async fn find(
    engine: &impl Engine,
    application: ApplicationId,
) -> Result<Option<(Settings, SettingsVersion)>, StoreError> {
    let query = Statement::new(OF_APPLICATION, [application.bytes().into()]);
    first(&ask(engine, query).await?, |columns| {
        let text = columns.text()?;
        Ok((settings::read(text)?, SettingsVersion(text.to_owned())))
    })
}
