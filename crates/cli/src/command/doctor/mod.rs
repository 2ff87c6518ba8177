//! `countersign doctor`: what is well with an installation, what is not, and
//! what to do about it.
//!
//! It reads and changes nothing, also while a server runs.

mod finding;
mod machine;
mod folder;
mod database;
mod openness;
mod listeners;

use clap::Args;
use serde_json::json;

use self::finding::{Finding, Level};
use crate::exit::{Exit, Failure};
use crate::installation::Installation;
use crate::output::Output;
use crate::system::System;

/// Look an installation over, and say what to do.
///
/// Nothing is changed; a server may run meanwhile. The exit code is 1 where
/// something is a problem, and 0 where there are warnings at most.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign doctor --config /etc/countersign.toml\n  countersign doctor --data-dir /var/lib/countersign --thorough --json"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    installation: Installation,

    /// Read the whole database, and compare each index with its table.
    #[arg(long)]
    thorough: bool,

    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Looks an installation over.
///
/// # Errors
/// If the configuration is wrong; what is found is no error.
pub(crate) async fn run(
    arguments: Arguments,
    system: System,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let configuration = arguments.installation.configuration(system)?;
    let folder = arguments.installation.folder(system)?.value;
    let mut findings = vec![Finding::ok(
        "version",
        format!("countersign {}", env!("CARGO_PKG_VERSION")),
    )];
    findings.extend(machine::clock(system).await);
    if folder::look(&folder, &mut findings) {
        let holder = folder::holder_of(&folder, &mut findings);
        findings.push(machine::open_files(holder));
        let found = database::look(&folder, system, arguments.thorough, &mut findings).await;
        if let Some(store) = found {
            openness::look(&store, system, &mut findings).await;
            store.engine().close().await;
        }
        if !folder.is_for_development() {
            listeners::look(&configuration, holder, system, &mut findings);
        }
    }
    tell(
        &folder.path().display().to_string(),
        &findings,
        arguments.json,
        output,
    )
}

fn tell(
    data_dir: &str,
    findings: &[Finding],
    as_json: bool,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let count = |level| findings.iter().filter(|it| it.level == level).count();
    let (problems, warnings) = (count(Level::Problem), count(Level::Warning));
    if as_json {
        let line = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "data_dir": data_dir,
            "problems": problems,
            "warnings": warnings,
            "findings": findings,
        });
        output.line(&line.to_string())?;
    } else {
        for finding in findings {
            let label = finding.level.label();
            output.line(&format!(
                "{label:<8} {:<18} {}",
                finding.check, finding.detail
            ))?;
            if let Some(remedy) = &finding.remedy {
                output.line(&format!("{:27} {remedy}", ""))?;
            }
        }
        output.line(&format!("problems: {problems}, warnings: {warnings}"))?;
    }
    Ok(if problems == 0 {
        Exit::Done
    } else {
        Exit::Refused
    })
}
