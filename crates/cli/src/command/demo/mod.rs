//! `countersign demo`: the main job, told as a story that checks itself.
//!
//! It starts a real server in a temporary folder, and everything that happens
//! goes through its public API. A step that does not turn out as it is told
//! ends the demo with what was expected and what was seen.

mod narrator;
mod story;

use crate::development::{Development, Place};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::system::System;

/// Tells the story.
///
/// # Errors
/// If the server cannot be started, or a step does not turn out as told.
pub(crate) async fn run(system: System, output: &mut Output) -> Result<Exit, Failure> {
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::usage(format!("cannot make a temporary folder: {error}")))?;
    let node = Development::start(system, &Place::temporary(folder.path())).await?;
    let told = story::tell(&node, system, output).await;
    node.stop().await;
    told?;
    Ok(Exit::Done)
}
