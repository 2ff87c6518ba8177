//! How `serve` is configured: a flag goes before a variable of the environment,
//! that before the configuration file, that before the default.
//!
//! Every value keeps its origin, so that each refusal, also a late one such as
//! a port in use, is one sentence that names the key, the place and what to do.
//! Nothing here reads a file or the environment: layers come in as texts.

pub(crate) mod key;
mod file;
mod nearest;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use tracing::Level;

use self::file::Given;
use self::key::{Key, OTHER_VARIABLES, VARIABLE_PREFIX};
use self::nearest::nearest;
use crate::exit::Failure;
use crate::log::Format;
use crate::messaging::{self, Certificate, MessagingPlan};
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
    pub(crate) listen: Setting<SocketAddr>,
    /// Where everything is kept.
    pub(crate) data_dir: Setting<PathBuf>,
    /// The other doors that are switched on, and where they listen.
    pub(crate) doors: Vec<(VendorDoor, Setting<SocketAddr>)>,
    /// How clients reach sinch's door for messages.
    pub(crate) messaging: MessagingPlan,
    /// The proxies in front, which are believed about who asks.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// How much is logged.
    pub(crate) log_level: Setting<Level>,
    /// How a line of the log is written.
    pub(crate) log_format: Setting<Format>,
}

// === impl Configuration ===

impl Configuration {
    /// Settles what was said.
    ///
    /// # Errors
    /// The first mistake, as a sentence.
    pub(crate) fn settle(layers: &Layers<'_>) -> Result<Self, Failure> {
        let settled = Settled::of(layers)?;
        let mut doors = Vec::new();
        for door in VendorDoor::ALL {
            if let Some(text) = settled.find(Key::Door(door)) {
                doors.push((door, address(&text)?));
            }
        }
        let messaging = messaging_plan(&settled, &doors)?;
        let configuration = Self {
            listen: address(&settled.with_default(Key::Listen, "127.0.0.1:7080"))?,
            data_dir: folder(&settled.with_default(Key::DataDir, "/var/lib/countersign"))?,
            doors,
            messaging,
            trusted_proxies: proxies(settled.find(Key::TrustedProxies).as_ref())?,
            log_level: level(&settled.with_default(Key::LogLevel, "info"))?,
            log_format: format_of(&settled.with_default(Key::LogFormat, "text"))?,
        };
        configuration.refuse_shared_addresses()?;
        Ok(configuration)
    }

    /// The node that it asks for.
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            purpose: Purpose::Production,
            data_dir: self.data_dir.clone(),
            listen: self.listen.clone(),
            doors: self.doors.clone(),
            messaging: self.messaging.clone(),
            trusted_proxies: self.trusted_proxies.clone(),
        }
    }

    /// Every address that is to be listened on.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &Setting<SocketAddr>> {
        std::iter::once(&self.listen).chain(self.doors.iter().map(|(_, address)| address))
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

    fn with_default(&self, key: Key, default: &str) -> Setting<String> {
        self.find(key).unwrap_or_else(|| Setting {
            key: key.path(),
            origin: Origin::Default,
            value: default.to_owned(),
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
            && let Some(meant) = nearest(name, known.iter().map(String::as_str))
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

/// Addresses, with commas between them.
fn proxies(text: Option<&Setting<String>>) -> Result<Vec<IpAddr>, Failure> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let parsed = text.value.split(',').map(|one| one.trim().parse());
    parsed.collect::<Result<_, _>>().map_err(|_| {
        Failure::usage(format!(
            "{} is {:?}; write the IP addresses from which proxies of yours call, with commas \
             between them, such as \"127.0.0.1, 10.0.0.7\"",
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

/// How clients reach sinch's door for messages, where it is open.
fn messaging_plan(
    settled: &Settled<'_>,
    doors: &[(VendorDoor, Setting<SocketAddr>)],
) -> Result<MessagingPlan, Failure> {
    let mut doors = doors.iter();
    let Some((_, address)) = doors.find(|(door, _)| *door == VendorDoor::SinchMessaging) else {
        return no_messaging_plan(settled);
    };
    let host = settled.find(Key::MessagingHost);
    let host = host.as_ref().map(messaging::host).transpose()?;
    if host.is_none() && address.value.ip().is_unspecified() {
        return Err(Failure::usage(format!(
            "{} is {}, which no client can be told; say by what name they reach it with {}",
            address.label(),
            address.value,
            Key::MessagingHost.path()
        )));
    }
    let Some(certificate) = messaging_certificate(settled)? else {
        return Err(Failure::usage(format!(
            "{} is {}, and its clients speak TLS alone; name {} and {}, or set {} to \"proxy\" \
             where a proxy in front speaks it",
            address.label(),
            address.value,
            Key::CertificateFile.path(),
            Key::PrivateKeyFile.path(),
            Key::TlsBy.path(),
        )));
    };
    Ok(MessagingPlan { certificate, host })
}

/// What is said of a door that is not open was meant to have an effect.
fn no_messaging_plan(settled: &Settled<'_>) -> Result<MessagingPlan, Failure> {
    let keys = [
        Key::TlsBy,
        Key::CertificateFile,
        Key::PrivateKeyFile,
        Key::MessagingHost,
    ];
    if let Some(said) = keys.into_iter().find_map(|key| settled.find(key)) {
        return Err(Failure::usage(format!(
            "{} is of no use where {} is not set; set that, or remove this",
            said.label(),
            Key::Door(VendorDoor::SinchMessaging).path()
        )));
    }
    Ok(MessagingPlan {
        certificate: Certificate::OfProxy,
        host: None,
    })
}

/// Whose certificate is shown, where that was said.
fn messaging_certificate(settled: &Settled<'_>) -> Result<Option<Certificate>, Failure> {
    let file = |key| {
        let given = settled.find(key);
        given.map(|text| text.with(PathBuf::from(&text.value)))
    };
    let files = (file(Key::CertificateFile), file(Key::PrivateKeyFile));
    let tls = settled.with_default(Key::TlsBy, "own");
    match (tls.value.as_str(), files) {
        ("own", (Some(certificate), Some(key))) => {
            Ok(Some(Certificate::Files { certificate, key }))
        }
        ("own", (None, None)) => Ok(None),
        ("own", (Some(one), None) | (None, Some(one))) => Err(Failure::usage(format!(
            "{} is {}, and {} and {} go together; name both",
            one.label(),
            one.value.display(),
            Key::CertificateFile.path(),
            Key::PrivateKeyFile.path(),
        ))),
        ("proxy", (None, None)) => Ok(Some(Certificate::OfProxy)),
        ("proxy", (Some(file), _) | (None, Some(file))) => Err(Failure::usage(format!(
            "{} is \"proxy\", and {} names what then nobody is shown; remove one of them",
            tls.label(),
            file.label(),
        ))),
        (_, _) => Err(Failure::usage(format!(
            "{} is {:?}; write \"own\", or \"proxy\" where a proxy in front speaks TLS",
            tls.label(),
            tls.value,
        ))),
    }
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
