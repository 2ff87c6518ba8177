//! How `serve` is configured: a flag goes before a variable of the environment,
//! that before the configuration file, that before the default.
//!
//! Every value keeps its origin, so that each refusal, also a late one such as
//! a port in use, is one sentence that names the key, the place and what to do.
//! Nothing but [`arguments`] reads a file or the environment: to all else the
//! layers are texts.

pub(crate) mod key;
pub(crate) mod arguments;
mod file;
mod tls;
mod nearest;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use countersign_core::model::api_key::Cidr;
use tracing::Level;

use self::file::Given;
use self::key::{CREDENTIALS_VARIABLE, Key, OTHER_VARIABLES, SECRET_VARIABLE, VARIABLE_PREFIX};
use self::nearest::nearest;
use self::tls::TlsOfAll;
use crate::certificate::Certificate;
use crate::exit::Failure;
use crate::key_source::{KeySource, SecretText};
use crate::listening::Listening;
use crate::log::Format;
use crate::messaging;
use crate::node::Plan;
use crate::purpose::Purpose;
use crate::setting::{Origin, Setting};
use crate::vendor_door::VendorDoor;

/// The levels of the log, as the configuration spells them.
const LEVELS: [(&str, Level); 5] = [
    ("error", Level::ERROR),
    ("warn", Level::WARN),
    ("info", Level::INFO),
    ("debug", Level::DEBUG),
    ("trace", Level::TRACE),
];

/// Where values may come from, the first before the second before the third.
#[derive(Debug, Default)]
pub(crate) struct Layers<'a> {
    /// What the command line says.
    pub(crate) flags: Vec<(Key, String)>,
    /// The variables of the environment.
    pub(crate) variables: BTreeMap<String, OsString>,
    /// The configuration file's name and text.
    pub(crate) file: Option<(&'a Path, &'a str)>,
}

/// How a production node is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Configuration {
    /// Where the native door listens.
    pub(crate) native: Listening,
    /// Where everything is kept.
    pub(crate) data_dir: Setting<PathBuf>,
    /// Where the key that seals secrets comes from.
    pub(crate) key: KeySource,
    /// The other doors that are switched on, and where they listen.
    pub(crate) doors: Vec<(VendorDoor, Listening)>,
    /// What clients of sinch's door for messages are told it is called.
    pub(crate) messaging_host: Option<Setting<String>>,
    /// The proxies in front, which are believed about who asks.
    pub(crate) trusted_proxies: Vec<Cidr>,
    /// How much is logged.
    pub(crate) log_level: Setting<Level>,
    /// How a line of the log is written.
    pub(crate) log_format: Setting<Format>,
}

/// What a key comes to, whether that is of any use or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effective {
    pub(crate) key: &'static str,
    /// Who says so, and what, if anybody does and it is no secret.
    pub(crate) origin: Origin,
    pub(crate) value: Option<String>,
}

/// What every key comes to, and last, where it is given, that there is a secret.
///
/// # Errors
/// If the file is no TOML, or a key or a variable is none.
pub(crate) fn effective(layers: &Layers<'_>) -> Result<Vec<Effective>, Failure> {
    let settled = Settled::of(layers)?;
    let of = |key: Key| match settled.find(key) {
        Some(Setting { key, origin, value }) => Effective {
            key,
            origin,
            value: Some(value),
        },
        None => Effective {
            key: key.path(),
            origin: Origin::Default,
            value: key.default().map(str::to_owned),
        },
    };
    let secret = layers.variables.get(SECRET_VARIABLE).map(|_| Effective {
        key: "key_encryption_key",
        origin: Origin::Variable(SECRET_VARIABLE.to_owned()),
        value: None,
    });
    Ok(Key::ALL.map(of).into_iter().chain(secret).collect())
}

// === impl Configuration ===

impl Configuration {
    /// Settles what was said.
    ///
    /// # Errors
    /// The first mistake, as a sentence.
    pub(crate) fn settle(layers: &Layers<'_>) -> Result<Self, Failure> {
        let settled = Settled::of(layers)?;
        let tls = TlsOfAll::settle(&settled)?;
        let mut doors = Vec::new();
        for door in VendorDoor::ALL {
            if let Some(text) = settled.find(Key::Door(door)) {
                let address = address(&text)?;
                let certificate = tls.of_door(&settled, door, &address)?;
                let listening = Listening {
                    address,
                    certificate,
                };
                doors.push((door, listening));
            }
        }
        let configuration = Self {
            native: Listening {
                address: address(&settled.with_default(Key::Listen))?,
                certificate: tls.of_native(),
            },
            data_dir: folder(&settled.with_default(Key::DataDir))?,
            key: key_source(&settled, layers)?,
            messaging_host: messaging_host(&settled, &doors)?,
            doors,
            trusted_proxies: proxies(settled.find(Key::TrustedProxies).as_ref())?,
            log_level: level(&settled.with_default(Key::LogLevel))?,
            log_format: format_of(&settled.with_default(Key::LogFormat))?,
        };
        configuration.refuse_shared_addresses()?;
        Ok(configuration)
    }

    /// The node that it asks for.
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            purpose: Purpose::Production,
            data_dir: self.data_dir.clone(),
            key: self.key.clone(),
            native: self.native.clone(),
            doors: self.doors.clone(),
            messaging_host: self.messaging_host.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
        }
    }

    /// Every address that is to be listened on.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &Setting<SocketAddr>> {
        let doors = self.doors.iter().map(|(_, listening)| &listening.address);
        std::iter::once(&self.native.address).chain(doors)
    }

    /// What an operator is to think of, although nothing is wrong with it.
    pub(crate) fn notes(&self) -> impl Iterator<Item = String> {
        let doors = self.doors.iter().map(|(_, listening)| listening);
        let all = std::iter::once(&self.native).chain(doors);
        let clear = all.filter(|one| {
            !one.address.value.ip().is_loopback() && one.certificate == Certificate::None
        });
        clear.map(|one| {
            format!(
                "{} is {}, which other machines reach in clear text: TLS must be in front of it",
                one.address.label(),
                one.address.value
            )
        })
    }

    fn refuse_shared_addresses(&self) -> Result<(), Failure> {
        let addresses: Vec<_> = self.addresses().collect();
        for (index, one) in addresses.iter().enumerate() {
            for other in addresses.iter().skip(index + 1) {
                if overlap(one.value, other.value) {
                    return Err(Failure::usage(format!(
                        "{} is {}, and so is {} with {}; give each door an address of its own",
                        one.label(),
                        one.value,
                        other.label(),
                        other.value
                    )));
                }
            }
        }
        Ok(())
    }
}

/// The layers with their names and texts checked, and their values not yet.
struct Settled<'a> {
    flags: &'a [(Key, String)],
    variables: BTreeMap<String, &'a str>,
    file: BTreeMap<Key, Given>,
    path: &'a Path,
}

// === impl Settled ===

impl<'a> Settled<'a> {
    fn of(layers: &'a Layers<'_>) -> Result<Self, Failure> {
        let (path, file) = match layers.file {
            Some((path, text)) => (path, file::read(path, text)?),
            None => (Path::new(""), BTreeMap::new()),
        };
        Ok(Self {
            flags: &layers.flags,
            variables: variables(&layers.variables)?,
            file,
            path,
        })
    }

    /// What the first layer that knows the key says.
    fn find(&self, key: Key) -> Option<Setting<String>> {
        let setting = |origin, text: &str| Setting {
            key: key.path(),
            origin,
            value: text.to_owned(),
        };
        let mut flags = self.flags.iter();
        if let Some((_, text)) = flags.find(|(given, _)| *given == key) {
            return Some(setting(Origin::Flag(key.flag()), text));
        }
        if let Some(text) = self.variables.get(&key.variable()) {
            return Some(setting(Origin::Variable(key.variable()), text));
        }
        self.file.get(&key).map(|given| {
            let origin = Origin::File {
                path: self.path.to_owned(),
                line: given.line,
            };
            setting(origin, &given.text)
        })
    }

    /// That, else the default, where the key has one.
    fn with_default(&self, key: Key) -> Setting<String> {
        self.find(key).unwrap_or_else(|| Setting {
            key: key.path(),
            origin: Origin::Default,
            value: key.default().unwrap_or_default().to_owned(),
        })
    }
}

/// The variables that are ours, as texts.
fn variables(all: &BTreeMap<String, OsString>) -> Result<BTreeMap<String, &str>, Failure> {
    let known: Vec<String> = Key::ALL.into_iter().map(Key::variable).collect();
    let mut ours = BTreeMap::new();
    for (name, value) in all {
        if known.contains(name) {
            let text = value.to_str().ok_or_else(|| {
                Failure::usage(format!(
                    "{name} is no text in UTF-8; set it anew, or unset it"
                ))
            })?;
            ours.insert(name.clone(), text);
        // A name that is far from ours is none of ours: orchestrators give each
        // program variables that begin with a service's name.
        } else if name.starts_with(VARIABLE_PREFIX)
            && !OTHER_VARIABLES.contains(&name.as_str())
            && let Some(meant) = nearest(
                name,
                known.iter().map(String::as_str).chain([SECRET_VARIABLE]),
            )
        {
            return Err(Failure::usage(format!(
                "{name} is no variable that is read; did you mean {meant}?"
            )));
        }
    }
    Ok(ours)
}

fn address(text: &Setting<String>) -> Result<Setting<SocketAddr>, Failure> {
    let parsed = text.value.parse().map_err(|_| {
        Failure::usage(format!(
            "{} is {:?}, which is no address; write an IP address and a port, such as \
             127.0.0.1:7080",
            text.label(),
            text.value
        ))
    })?;
    Ok(text.with(parsed))
}

/// Addresses and networks, with commas between them.
fn proxies(text: Option<&Setting<String>>) -> Result<Vec<Cidr>, Failure> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let network = |text: &str| {
        let address = text.parse::<IpAddr>().ok().map(Cidr::from);
        address.or_else(|| text.parse().ok())
    };
    let parsed = text.value.split(',').map(|one| network(one.trim()));
    parsed.collect::<Option<_>>().ok_or_else(|| {
        Failure::usage(format!(
            "{} is {:?}; write the IP addresses or networks from which proxies of yours call, \
             with commas between them, such as \"127.0.0.1, 10.0.0.0/8\"",
            text.label(),
            text.value
        ))
    })
}

fn folder(text: &Setting<String>) -> Result<Setting<PathBuf>, Failure> {
    if text.value.is_empty() {
        return Err(Failure::usage(format!(
            "{} is empty; name a folder, such as /var/lib/countersign",
            text.label()
        )));
    }
    Ok(text.with(PathBuf::from(&text.value)))
}

/// Who names a file does not also give the key itself: one of them would be for
/// nothing.
fn key_source(settled: &Settled<'_>, layers: &Layers<'_>) -> Result<KeySource, Failure> {
    let file = settled.find(Key::SealingKeyFile);
    let secret = layers.variables.get(SECRET_VARIABLE);
    match (file, secret) {
        (None, None) => Ok(KeySource::Folder),
        (Some(file), Some(_)) => Err(Failure::usage(format!(
            "{} is {:?}, and {SECRET_VARIABLE} is set, too; keep one of them",
            file.label(),
            file.value
        ))),
        (Some(file), None) => {
            let path = file.with(PathBuf::from(&file.value));
            let credentials = layers.variables.get(CREDENTIALS_VARIABLE);
            match credentials {
                Some(folder) if path.value.starts_with(folder) => Ok(KeySource::Credential(path)),
                Some(_) | None => Ok(KeySource::File(path)),
            }
        }
        (None, Some(secret)) => {
            // What is no text is no base64 either, and is refused as that.
            let text = SecretText::new(secret.to_str().unwrap_or_default());
            Ok(KeySource::Variable(Setting {
                key: "key_encryption_key",
                origin: Origin::Variable(SECRET_VARIABLE.to_owned()),
                value: text,
            }))
        }
    }
}

/// What clients of sinch's door for messages are told, where it is open.
fn messaging_host(
    settled: &Settled<'_>,
    doors: &[(VendorDoor, Listening)],
) -> Result<Option<Setting<String>>, Failure> {
    let mut doors = doors.iter();
    let Some((_, listening)) = doors.find(|(door, _)| *door == VendorDoor::SinchMessaging) else {
        tls::refuse_messaging(settled)?;
        return Ok(None);
    };
    let host = settled.find(Key::MessagingHost);
    let host = host.as_ref().map(messaging::host).transpose()?;
    let address = &listening.address;
    if host.is_none() && address.value.ip().is_unspecified() {
        return Err(Failure::usage(format!(
            "{} is {}, which no client can be told; say by what name they reach it with {}",
            address.label(),
            address.value,
            Key::MessagingHost.path()
        )));
    }
    Ok(host)
}

fn level(text: &Setting<String>) -> Result<Setting<Level>, Failure> {
    let found = LEVELS.iter().find(|(name, _)| *name == text.value);
    let Some((_, level)) = found else {
        let names: Vec<&str> = LEVELS.iter().map(|(name, _)| *name).collect();
        return Err(Failure::usage(format!(
            "{} is {:?}, which is no level of the log; write one of {}",
            text.label(),
            text.value,
            names.join(", ")
        )));
    };
    Ok(text.with(*level))
}

fn format_of(text: &Setting<String>) -> Result<Setting<Format>, Failure> {
    let mut formats = Format::ALL.into_iter();
    let Some(format) = formats.find(|format| format.as_str() == text.value) else {
        return Err(Failure::usage(format!(
            "{} is {:?}, which is no format of the log; write one of {}",
            text.label(),
            text.value,
            Format::ALL.map(Format::as_str).join(", ")
        )));
    };
    Ok(text.with(format))
}

/// Whether two listeners would want the same connections. Port 0 takes a free
/// one each time.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    // An IPv6 listener for all addresses takes the IPv4 ones too.
    let covers = |wide: IpAddr, narrow: IpAddr| {
        wide == narrow || wide.is_unspecified() && (wide.is_ipv6() || narrow.is_ipv4())
    };
    one.port() == other.port()
        && one.port() != 0
        && (covers(one.ip(), other.ip()) || covers(other.ip(), one.ip()))
}

#[cfg(test)]
mod tests;
