//! `countersign serve`: a server for production.

use std::collections::BTreeMap;
use std::convert::Infallible;

use clap::Args;
use serde::Serialize;

use crate::certificate::Certificates;
use crate::configuration::Configuration;
use crate::configuration::arguments::ConfigurationArguments;
use crate::exit::{Exit, Failure};
use crate::log;
use crate::node::{Addresses, Prepared};
use crate::output::Output;
use crate::system::{Hangups, System};
use crate::vendor_door::VendorDoor;

/// Run a server for production.
///
/// A flag goes before its variable in the environment, that before the
/// configuration file, that before the default.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  countersign serve --config /etc/countersign/countersign.toml\n  countersign serve --data-dir ./data --doors-nexmo 127.0.0.1:7081\n\nA configuration file:\n  listen = \"127.0.0.1:7080\"\n  data_dir = \"/var/lib/countersign\"\n\n  [doors]\n  nexmo = \"127.0.0.1:7081\"\n\n`countersign config default` prints one with every key."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    configuration: ConfigurationArguments,

    /// Print one line of JSON when ready, and nothing else.
    #[arg(long)]
    json: bool,
}

/// What a script needs to know. A URL has no slash at its end.
#[derive(Debug, Serialize)]
struct Ready {
    url: String,
    /// Those that are switched on.
    doors: BTreeMap<&'static str, String>,
}

/// Runs the server until it is told to stop.
///
/// # Errors
/// If its configuration is wrong, or it cannot be started.
pub(crate) async fn run(
    arguments: Arguments,
    system: System,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let told = arguments.configuration.read(system)?;
    let configuration = Configuration::settle(&told.layers())?;
    log::to_stderr(
        configuration.log_level.value,
        configuration.log_format.value,
    );
    // Before anybody is told that it is ready: who is told may stop it at once.
    let signals = system.stop_signals()?;
    let hangups = system.hangups()?;
    let prepared = Prepared::new(system, &configuration.plan()).await?;
    log_start(&prepared, &configuration, system);
    let ready = ready_line(&prepared.addresses)?;
    let certificates = prepared.certificates.clone();
    let node = prepared.run();
    if arguments.json
        && let Err(failure) = output.line(&ready)
    {
        node.stop().await;
        return Err(failure);
    }
    tokio::select! {
        ended = node.run_until(signals) => ended,
        never = renew(certificates, hangups, system) => match never {},
    }
}

/// Reads the certificates again at each hangup, without end.
async fn renew(mut certificates: Certificates, mut hangups: Hangups, system: System) -> Infallible {
    loop {
        hangups.received().await;
        certificates.renew(system.now());
    }
}

fn log_start(prepared: &Prepared, configuration: &Configuration, system: System) {
    if prepared.operator_key_made {
        tracing::info!(
            path = %prepared.folder.operator_key().display(),
            "the first operator key was written; keep it where your secrets are, and remove the file"
        );
    }
    let addresses = &prepared.addresses;
    let all = configuration.addresses().zip(addresses.all());
    for (setting, reached) in all {
        if !reached.address.ip().is_loopback() && !reached.encrypted {
            tracing::warn!(
                setting = setting.label(),
                address = %reached.address,
                "other machines reach this address in clear text: TLS must be in front of it"
            );
        }
    }
    prepared.certificates.log(system.now());
    for (door, reached) in &addresses.doors {
        let address = reached.address;
        tracing::info!(door = door.name(), %address, "this door is open");
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        address = %addresses.native.address,
        tls = addresses.native.encrypted,
        data_dir = %prepared.folder.path().display(),
        "ready"
    );
}

fn ready_line(addresses: &Addresses) -> Result<String, Failure> {
    let doors = addresses.doors.iter();
    let url_of = |door: VendorDoor| Some((door.name(), addresses.url_of(door)?));
    let ready = Ready {
        url: addresses.native.url(),
        doors: doors.filter_map(|(door, _)| url_of(*door)).collect(),
    };
    serde_json::to_string(&ready)
        .map_err(|error| Failure::usage(format!("cannot write the ready line: {error}")))
}
