//! `countersign serve`: a server for production.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::configuration::key::{CONFIG_VARIABLE, Key};
use crate::configuration::{Configuration, Layers};
use crate::exit::{Exit, Failure};
use crate::log;
use crate::node::{Addresses, Prepared};
use crate::output::Output;
use crate::system::System;
use crate::vendor_door::VendorDoor;

/// Run a server for production.
///
/// A flag goes before its variable in the environment, that before the
/// configuration file, that before the default.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  countersign serve --config /etc/countersign.toml\n\nA configuration file:\n  listen = \"127.0.0.1:7080\"\n  data_dir = \"/var/lib/countersign\"\n  log_level = \"info\"\n\n  [doors]\n  nexmo = \"127.0.0.1:7081\""
)]
pub(crate) struct Arguments {
    /// The configuration file, in TOML; there need not be one [env: COUNTERSIGN_CONFIG].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where the native API listens [env: COUNTERSIGN_LISTEN] [default: 127.0.0.1:7080].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,

    /// Where everything is kept; made if it is not there
    /// [env: COUNTERSIGN_DATA_DIR] [default: /var/lib/countersign].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,

    /// How much is logged: error, warn, info, debug or trace
    /// [env: COUNTERSIGN_LOG_LEVEL] [default: info].
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,

    /// How a line of the log is written: text, for people, or json
    /// [env: COUNTERSIGN_LOG_FORMAT] [default: text].
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,

    /// The addresses of the proxies in front, with commas between them: what they tell in
    /// X-Forwarded-For and X-Forwarded-Proto of who asks is believed
    /// [env: COUNTERSIGN_TRUSTED_PROXIES] [default: nobody].
    #[arg(long, value_name = "ADDRESSES")]
    trusted_proxies: Option<String>,

    /// Open the nexmo door at this address [env: COUNTERSIGN_DOORS_NEXMO].
    #[arg(long, value_name = "ADDRESS")]
    doors_nexmo: Option<String>,

    /// Open the kustomer door at this address [env: COUNTERSIGN_DOORS_KUSTOMER].
    #[arg(long, value_name = "ADDRESS")]
    doors_kustomer: Option<String>,

    /// Open the sinch door at this address [env: COUNTERSIGN_DOORS_SINCH].
    #[arg(long, value_name = "ADDRESS")]
    doors_sinch: Option<String>,

    /// Open sinch's door for messages at this address
    /// [env: COUNTERSIGN_DOORS_SINCH_MESSAGING].
    #[arg(long, value_name = "ADDRESS")]
    doors_sinch_messaging: Option<String>,

    /// Who speaks TLS with clients of that door: own, with the certificate below, or
    /// proxy, where one is in front [env: COUNTERSIGN_SINCH_MESSAGING_TLS] [default: own].
    #[arg(long, value_name = "WHO")]
    sinch_messaging_tls: Option<String>,

    /// The certificate of that door, and those behind it, in PEM
    /// [env: COUNTERSIGN_SINCH_MESSAGING_CERTIFICATE_FILE].
    #[arg(long, value_name = "FILE")]
    sinch_messaging_certificate_file: Option<String>,

    /// The key of that certificate, in PEM [env: COUNTERSIGN_SINCH_MESSAGING_KEY_FILE].
    #[arg(long, value_name = "FILE")]
    sinch_messaging_key_file: Option<String>,

    /// The host that its clients are told, with a port where it is not 443
    /// [env: COUNTERSIGN_SINCH_MESSAGING_HOST] [default: what it listens on].
    #[arg(long, value_name = "HOST")]
    sinch_messaging_host: Option<String>,

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
    let json = arguments.json;
    let configuration = configure(arguments, system)?;
    log::to_stderr(
        configuration.log_level.value,
        configuration.log_format.value,
    );
    // Before anybody is told that it is ready: who is told may stop it at once.
    let signals = system.stop_signals()?;
    let prepared = Prepared::new(system, &configuration.plan()).await?;
    log_start(&prepared, &configuration);
    let ready = ready_line(&prepared.addresses)?;
    let node = prepared.run();
    if json && let Err(failure) = output.line(&ready) {
        node.stop().await;
        return Err(failure);
    }
    node.run_until(signals).await
}

/// Reads the layers, and settles what they say.
fn configure(arguments: Arguments, system: System) -> Result<Configuration, Failure> {
    let variables = system.variables();
    let variable = variables.get(CONFIG_VARIABLE).map(PathBuf::from);
    let by = if arguments.config.is_some() {
        "--config"
    } else {
        CONFIG_VARIABLE
    };
    let path = arguments.config.clone().or(variable);
    let text = path.as_deref().map(|path| read(path, by)).transpose()?;
    Configuration::settle(&Layers {
        flags: arguments.flags(),
        variables,
        file: path.as_deref().zip(text.as_deref()),
    })
}

/// Reads a configuration file, which was named by a flag or a variable.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn read(path: &Path, by: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!(
            "cannot read the configuration file {} ({by}): {error}; name one that this user may \
             read",
            path.display()
        ))
    })
}

// === impl Arguments ===

impl Arguments {
    fn flags(self) -> Vec<(Key, String)> {
        let given = [
            (Key::Listen, self.listen),
            (Key::DataDir, self.data_dir),
            (Key::LogLevel, self.log_level),
            (Key::LogFormat, self.log_format),
            (Key::TrustedProxies, self.trusted_proxies),
            (Key::Door(VendorDoor::Nexmo), self.doors_nexmo),
            (Key::Door(VendorDoor::Kustomer), self.doors_kustomer),
            (Key::Door(VendorDoor::Sinch), self.doors_sinch),
            (
                Key::Door(VendorDoor::SinchMessaging),
                self.doors_sinch_messaging,
            ),
            (Key::TlsBy, self.sinch_messaging_tls),
            (Key::CertificateFile, self.sinch_messaging_certificate_file),
            (Key::PrivateKeyFile, self.sinch_messaging_key_file),
            (Key::MessagingHost, self.sinch_messaging_host),
        ];
        let said = |(key, text): (Key, Option<String>)| text.map(|text| (key, text));
        given.into_iter().filter_map(said).collect()
    }
}

fn log_start(prepared: &Prepared, configuration: &Configuration) {
    if prepared.operator_key_made {
        tracing::info!(
            path = %prepared.folder.operator_key().display(),
            "the first operator key was written; keep it where your secrets are, and remove the file"
        );
    }
    let addresses = &prepared.addresses;
    let encrypted = addresses
        .doors
        .iter()
        .map(|(door, _)| addresses.is_encrypted(*door));
    let encrypted = std::iter::once(false).chain(encrypted);
    let all = configuration.addresses().zip(addresses.all());
    for ((setting, address), encrypted) in all.zip(encrypted) {
        if !address.ip().is_loopback() && !encrypted {
            tracing::warn!(
                setting = setting.label(),
                %address,
                "other machines reach this address in clear text: TLS must be in front of it"
            );
        }
    }
    for (door, address) in &addresses.doors {
        tracing::info!(door = door.name(), %address, "this door is open");
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        address = %addresses.native,
        data_dir = %prepared.folder.path().display(),
        "ready"
    );
}

fn ready_line(addresses: &Addresses) -> Result<String, Failure> {
    let doors = addresses.doors.iter();
    let url_of = |door: VendorDoor| Some((door.name(), addresses.url_of(door)?));
    let ready = Ready {
        url: format!("http://{}", addresses.native),
        doors: doors.filter_map(|(door, _)| url_of(*door)).collect(),
    };
    serde_json::to_string(&ready)
        .map_err(|error| Failure::usage(format!("cannot write the ready line: {error}")))
}
