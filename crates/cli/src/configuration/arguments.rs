//! The flags of the configuration, and where its other layers are read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Layers;
use super::key::{CONFIG_VARIABLE, Key};
use crate::exit::Failure;
use crate::system::System;
use crate::vendor_door::VendorDoor;

/// What every command that is about a server's configuration takes.
#[derive(Debug, Args)]
pub(crate) struct ConfigurationArguments {
    /// The configuration file, in TOML; there need not be one [env: COUNTERSIGN_CONFIG].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where the native API listens [env: COUNTERSIGN_LISTEN] [default: 127.0.0.1:7080].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,

    /// Where everything is kept, on a local disk; made if it is not there
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

    /// The addresses or networks of the proxies in front, with commas between them: what they
    /// tell in X-Forwarded-For and X-Forwarded-Proto of who asks is believed
    /// [env: COUNTERSIGN_TRUSTED_PROXIES] [default: nobody].
    #[arg(long, value_name = "ADDRESSES")]
    trusted_proxies: Option<String>,

    /// The file with the key that seals every secret in the database; its 32 bytes may stand
    /// in COUNTERSIGN_KEY_ENCRYPTION_KEY instead, in base64
    /// [env: COUNTERSIGN_KEY_ENCRYPTION_KEY_FILE] [default: key-encryption-key in the data folder].
    #[arg(long, value_name = "FILE")]
    key_encryption_key_file: Option<String>,

    /// The certificate that every door shows, and those behind it, in PEM; ECDSA is quickest.
    /// Without one plain HTTP is spoken. SIGHUP has it read again
    /// [env: COUNTERSIGN_TLS_CERTIFICATE_FILE] [default: none].
    #[arg(long, value_name = "FILE")]
    tls_certificate_file: Option<String>,

    /// The key of that certificate, in PEM, which others than its owner and group may not read
    /// [env: COUNTERSIGN_TLS_KEY_FILE] [default: none].
    #[arg(long, value_name = "FILE")]
    tls_key_file: Option<String>,

    /// The doors that speak plain HTTP all the same, with commas between them: native, nexmo,
    /// kustomer or sinch; a proxy in front speaks TLS for them
    /// [env: COUNTERSIGN_TLS_PLAIN_DOORS] [default: none].
    #[arg(long, value_name = "DOORS")]
    tls_plain_doors: Option<String>,

    /// Open the nexmo door at this address [env: COUNTERSIGN_DOORS_NEXMO] [default: closed].
    #[arg(long, value_name = "ADDRESS")]
    doors_nexmo: Option<String>,

    /// Open the kustomer door at this address [env: COUNTERSIGN_DOORS_KUSTOMER] [default: closed].
    #[arg(long, value_name = "ADDRESS")]
    doors_kustomer: Option<String>,

    /// Open the sinch door at this address [env: COUNTERSIGN_DOORS_SINCH] [default: closed].
    #[arg(long, value_name = "ADDRESS")]
    doors_sinch: Option<String>,

    /// Open sinch's door for messages at this address
    /// [env: COUNTERSIGN_DOORS_SINCH_MESSAGING] [default: closed].
    #[arg(long, value_name = "ADDRESS")]
    doors_sinch_messaging: Option<String>,

    /// Who speaks TLS with clients of that door, who speak nothing else: own, with the
    /// certificate below or else that of all doors, or proxy, where one is in front
    /// [env: COUNTERSIGN_SINCH_MESSAGING_TLS] [default: own].
    #[arg(long, value_name = "WHO")]
    sinch_messaging_tls: Option<String>,

    /// The certificate of that door, where it is not that of all doors, in PEM
    /// [env: COUNTERSIGN_SINCH_MESSAGING_CERTIFICATE_FILE] [default: tls.certificate_file].
    #[arg(long, value_name = "FILE")]
    sinch_messaging_certificate_file: Option<String>,

    /// The key of that certificate, in PEM
    /// [env: COUNTERSIGN_SINCH_MESSAGING_KEY_FILE] [default: tls.key_file].
    #[arg(long, value_name = "FILE")]
    sinch_messaging_key_file: Option<String>,

    /// The host that its clients are told, with a port where it is not 443
    /// [env: COUNTERSIGN_SINCH_MESSAGING_HOST] [default: what it listens on].
    #[arg(long, value_name = "HOST")]
    sinch_messaging_host: Option<String>,
}

/// Everything that was said of a server's configuration, by whoever.
#[derive(Debug)]
pub(crate) struct Told {
    flags: Vec<(Key, String)>,
    variables: BTreeMap<String, OsString>,
    file: Option<ConfigurationFile>,
}

/// A configuration file.
#[derive(Debug)]
pub(crate) struct ConfigurationFile {
    pub(crate) path: PathBuf,
    /// The flag or the variable that named it.
    pub(crate) named_by: &'static str,
    text: String,
}

// === impl ConfigurationArguments ===

impl ConfigurationArguments {
    /// Reads the layers.
    ///
    /// # Errors
    /// If there is a configuration file, and it cannot be read.
    pub(crate) fn read(self, system: System) -> Result<Told, Failure> {
        let config = self.config.clone();
        Told::read(config, self.flags(), system)
    }

    fn flags(self) -> Vec<(Key, String)> {
        let given = [
            (Key::Listen, self.listen),
            (Key::DataDir, self.data_dir),
            (Key::LogLevel, self.log_level),
            (Key::LogFormat, self.log_format),
            (Key::TrustedProxies, self.trusted_proxies),
            (Key::SealingKeyFile, self.key_encryption_key_file),
            (Key::TlsCertificateFile, self.tls_certificate_file),
            (Key::TlsKeyFile, self.tls_key_file),
            (Key::PlainDoors, self.tls_plain_doors),
            (Key::Door(VendorDoor::Nexmo), self.doors_nexmo),
            (Key::Door(VendorDoor::Kustomer), self.doors_kustomer),
            (Key::Door(VendorDoor::Sinch), self.doors_sinch),
            (
                Key::Door(VendorDoor::SinchMessaging),
                self.doors_sinch_messaging,
            ),
            (Key::MessagingTls, self.sinch_messaging_tls),
            (
                Key::MessagingCertificateFile,
                self.sinch_messaging_certificate_file,
            ),
            (Key::MessagingKeyFile, self.sinch_messaging_key_file),
            (Key::MessagingHost, self.sinch_messaging_host),
        ];
        let said = |(key, text): (Key, Option<String>)| text.map(|text| (key, text));
        given.into_iter().filter_map(said).collect()
    }
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

// === impl Told ===

impl Told {
    /// Reads the layers below these flags; the file is the one that `--config` names,
    /// or else the variable.
    ///
    /// # Errors
    /// If there is a configuration file, and it cannot be read.
    pub(crate) fn read(
        config: Option<PathBuf>,
        flags: Vec<(Key, String)>,
        system: System,
    ) -> Result<Self, Failure> {
        let variables = system.variables();
        let by_variable = variables.get(CONFIG_VARIABLE).map(PathBuf::from);
        let by_flag = config.map(|path| (path, "--config"));
        let named = by_flag.or_else(|| Some((by_variable?, CONFIG_VARIABLE)));
        let file = match named {
            Some((path, named_by)) => Some(ConfigurationFile {
                text: read(&path, named_by)?,
                path,
                named_by,
            }),
            None => None,
        };
        Ok(Self {
            flags,
            variables,
            file,
        })
    }

    /// The layers, to be settled.
    pub(crate) fn layers(&self) -> Layers<'_> {
        let file = self.file.as_ref();
        Layers {
            flags: self.flags.clone(),
            variables: self.variables.clone(),
            file: file.map(|file| (file.path.as_path(), file.text.as_str())),
        }
    }

    /// The configuration file, if one was named.
    pub(crate) fn file(&self) -> Option<&ConfigurationFile> {
        self.file.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use clap::Command;

    use super::*;

    #[test]
    fn every_key_has_its_flag_which_tells_of_the_variable_and_the_default() {
        let command = ConfigurationArguments::augment_args(Command::new("serve"));
        for key in Key::ALL {
            let argument = command
                .get_arguments()
                .find(|argument| {
                    argument
                        .get_long()
                        .is_some_and(|long| key.flag() == format!("--{long}"))
                })
                .unwrap_or_else(|| panic!("{} has no flag", key.path()));
            let help = argument.get_help().unwrap().to_string();
            let variable = format!("[env: {}]", key.variable());
            assert!(help.contains(&variable), "{help}");
            match key.default() {
                Some(default) => {
                    assert!(help.ends_with(&format!("[default: {default}]")), "{help}")
                }
                None => assert!(help.contains("[default: ") && help.ends_with(']'), "{help}"),
            }
        }
        // And the file itself.
        assert_eq!(command.get_arguments().count(), Key::ALL.len() + 1);
    }
}
