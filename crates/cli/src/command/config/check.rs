//! `countersign config check`: everything that `serve` would refuse, as far as it
//! can be told without touching anything.

use serde_json::json;

use super::Given;
use crate::configuration::Configuration;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::preflight;
use crate::system::System;

/// Checks, and says what is wrong, or what to think of.
pub(super) fn run(given: Given, system: System, output: &mut Output) -> Result<Exit, Failure> {
    let Given {
        configuration,
        json,
    } = given;
    let checked = configuration
        .read(system)
        .and_then(|told| Configuration::settle(&told.layers()))
        .and_then(|configuration| {
            preflight::read(&configuration.plan(), system.now())?;
            Ok(configuration)
        });
    match checked {
        Ok(configuration) if json => {
            let notes: Vec<_> = configuration.notes().collect();
            output.line(&json!({"accepted": true, "notes": notes}).to_string())?;
            Ok(Exit::Done)
        }
        Ok(configuration) => {
            for note in configuration.notes() {
                output.note(&note);
            }
            output.line("serve would start with this configuration, if nobody else has its ports and its folder")?;
            Ok(Exit::Done)
        }
        Err(failure) if json => {
            let answer = json!({"accepted": false, "detail": failure.sentence});
            output.line(&answer.to_string())?;
            Ok(failure.exit)
        }
        Err(failure) => Err(failure),
    }
}
