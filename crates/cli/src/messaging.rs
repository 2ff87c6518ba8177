//! The listener for messages of sinch clients: the name that they are told, and
//! the certificate that they are shown. They speak TLS and nothing else.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use countersign_credential::time::Timestamp;
use countersign_server::tls::{Tls, is_trusted};
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};

use crate::data_folder::DataFolder;
use crate::exit::Failure;
use crate::setting::Setting;

/// What a certificate that is made here is for: this machine alone.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// How long it is good.
const DAYS: i32 = 365;
/// One that is over so soon is made anew, so that none is over while it is used.
const DAYS_LEFT_MIN: i64 = 30;
/// What everybody may do with a file.
const OTHERS: u32 = 0o007;

/// How clients reach the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessagingPlan {
    /// The certificate that they are shown.
    pub(crate) certificate: Certificate,
    /// The name or address that they are told, with a port where it is not 443;
    /// else it is the one that is listened on.
    pub(crate) host: Option<Setting<String>>,
}

/// Whose certificate clients are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// One that is made here and that nobody else trusts.
    Made,
    /// The operator's.
    Files {
        /// With those between it and an authority behind it.
        certificate: Setting<PathBuf>,
        key: Setting<PathBuf>,
    },
    /// The one of a proxy in front, which speaks plain HTTP to us.
    OfProxy,
}

/// A host, as clients put `https://` before it and nothing else.
///
/// # Errors
/// If they would not reach it.
pub(crate) fn host(text: &Setting<String>) -> Result<Setting<String>, Failure> {
    let host = text.value.as_str();
    let refused = |why: &str| {
        Err(Failure::usage(format!(
            "{} is {host:?}, {why}",
            text.label()
        )))
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(allowed) {
        return refused(
            "which is no host; write a name or an address, with a port where it is not 443, such \
             as messages.example.com",
        );
    }
    // The SDK takes such a host for one of the vendor's, and asks others in turn.
    if host.starts_with("ps") || host.starts_with("pubsub") {
        return refused(
            "and clients take a host that begins with ps for another; call it otherwise",
        );
    }
    Ok(text.clone())
}

// === impl MessagingPlan ===

impl MessagingPlan {
    /// What a listener in development has.
    pub(crate) fn for_development() -> Self {
        Self {
            certificate: Certificate::Made,
            host: None,
        }
    }

    /// The host that clients are told of a listener at an address.
    pub(crate) fn told(&self, address: SocketAddr) -> String {
        let host = self.host.as_ref();
        host.map_or_else(|| address.to_string(), |host| host.value.clone())
    }

    /// Whether the listener speaks TLS itself.
    pub(crate) fn is_encrypted(&self) -> bool {
        match self.certificate {
            Certificate::Made | Certificate::Files { .. } => true,
            Certificate::OfProxy => false,
        }
    }

    /// What of the operator is to be shown, read before anything is written.
    ///
    /// # Errors
    /// If it cannot be read or shown.
    pub(crate) fn read(&self) -> Result<Option<Tls>, Failure> {
        match &self.certificate {
            Certificate::Made | Certificate::OfProxy => Ok(None),
            Certificate::Files { certificate, key } => {
                refuse_open_key(key)?;
                let tls = Tls::new(&content(certificate)?, &content(key)?);
                let shown = tls.map_err(|error| {
                    Failure::usage(format!(
                        "{} is {}, with the key {}: {error}; name a certificate and its own key",
                        certificate.label(),
                        certificate.value.display(),
                        key.value.display(),
                    ))
                })?;
                Ok(Some(shown))
            }
        }
    }

    /// What is made here and shown, if that is so: what lies in the folder, as
    /// long as it is good.
    ///
    /// # Errors
    /// If the folder cannot be used.
    pub(crate) fn make(&self, folder: &DataFolder, now: Timestamp) -> Result<Option<Tls>, Failure> {
        match self.certificate {
            Certificate::Files { .. } | Certificate::OfProxy => Ok(None),
            Certificate::Made => made(folder, now).map(Some),
        }
    }
}

fn content(file: &Setting<PathBuf>) -> Result<String, Failure> {
    fs::read_to_string(&file.value).map_err(|error| {
        Failure::usage(format!(
            "{} is {}, which cannot be read: {error}; name a file that this user may read",
            file.label(),
            file.value.display()
        ))
    })
}

/// Whoever reads the key can be this server for anybody.
fn refuse_open_key(key: &Setting<PathBuf>) -> Result<(), Failure> {
    let others = |path: &Path| {
        let mode = fs::metadata(path).ok()?.permissions().mode();
        Some(mode & OTHERS)
    };
    if others(&key.value).is_some_and(|others| others != 0) {
        return Err(Failure::usage(format!(
            "{} is {}, which everybody on this machine may use; take that away with chmod o-rwx",
            key.label(),
            key.value.display()
        )));
    }
    Ok(())
}

fn made(folder: &DataFolder, now: Timestamp) -> Result<Tls, Failure> {
    let certificate = DataFolder::read(&folder.tls_certificate())?;
    let key = DataFolder::read(&folder.tls_key())?;
    if let (Some(certificate), Some(key)) = (certificate, key) {
        let later = now.plus_seconds(DAYS_LEFT_MIN * 86_400);
        let is_good = |name: &str| {
            is_trusted(&certificate, name, now) && is_trusted(&certificate, name, later)
        };
        if NAMES.iter().all(|name| is_good(name))
            && let Ok(tls) = Tls::new(&certificate, &key)
        {
            return Ok(tls);
        }
    }
    let (certificate, key) = certificate_of(now).map_err(|error| {
        Failure::usage(format!(
            "cannot make a certificate for this machine: {error}"
        ))
    })?;
    folder.write(&folder.tls_key(), &key)?;
    folder.write(&folder.tls_certificate(), &certificate)?;
    Tls::new(&certificate, &key).map_err(Failure::usage)
}

/// A certificate for this machine that is good from the day before on, since its
/// clocks may differ, and its key, in PEM.
fn certificate_of(now: Timestamp) -> Result<(String, String), Box<dyn std::error::Error>> {
    let names: Vec<String> = NAMES.map(str::to_owned).into();
    let mut asked = CertificateParams::new(names)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "Countersign, for development");
    asked.distinguished_name = name;
    let today = jiff::Timestamp::from_millisecond(now.milliseconds())?;
    let today = today.to_zoned(TimeZone::UTC).date();
    let midnight = |day: Date| -> Result<_, Box<dyn std::error::Error>> {
        let (month, day_of_month) = (u8::try_from(day.month())?, u8::try_from(day.day())?);
        Ok(date_time_ymd(day.year().into(), month, day_of_month))
    };
    asked.not_before = midnight(today.checked_sub(1.day())?)?;
    asked.not_after = midnight(today.checked_add(DAYS.days())?)?;
    // ECDSA on P-256, which every client knows.
    let key = KeyPair::generate()?;
    let certificate = asked.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;
    use crate::setting::Origin;

    const NOW: Timestamp = Timestamp::from_milliseconds(1_800_000_000_000);
    const DAY_S: i64 = 86_400;

    fn setting<T>(key: &'static str, value: T) -> Setting<T> {
        Setting {
            key,
            origin: Origin::Default,
            value,
        }
    }

    #[test]
    fn a_host_is_one_that_clients_reach() {
        for good in [
            "messages.example.com",
            "127.0.0.1:7084",
            "[::1]:7084",
            "localhost",
            "PS",
        ] {
            let told = host(&setting("host", good.to_owned())).unwrap();
            assert_eq!(told.value, good);
        }
        for bad in [
            "",
            "https://a.example",
            "a.example/",
            "a b",
            "pubsub.local",
            "ps",
            "ä",
        ] {
            let failure = host(&setting("host", bad.to_owned())).unwrap_err();
            let begins = format!("host (by default) is {bad:?}, ");
            assert!(
                failure.sentence.starts_with(&begins),
                "{}",
                failure.sentence
            );
        }
    }

    #[test]
    fn what_is_made_is_kept_until_it_is_nearly_over() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = DataFolder::at(temporary.path()).open().unwrap();
        let plan = MessagingPlan::for_development();
        let made_at = |now: Timestamp| {
            plan.make(&folder, now).unwrap().unwrap();
            DataFolder::read(&folder.tls_certificate())
                .unwrap()
                .unwrap()
        };
        let first = made_at(NOW);
        for name in NAMES {
            assert!(is_trusted(&first, name, NOW), "{name}");
        }
        assert!(!is_trusted(&first, "example.com", NOW));
        let mode = fs::metadata(folder.tls_key()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let last = i64::from(DAYS) - DAYS_LEFT_MIN - 1;
        assert_eq!(made_at(NOW.plus_seconds(last * DAY_S)), first);
        let over = NOW.plus_seconds((last + 1) * DAY_S);
        let second = made_at(over);
        assert_ne!(second, first);
        assert!(!is_trusted(
            &first,
            NAMES[0],
            NOW.plus_seconds(i64::from(DAYS) * DAY_S)
        ));
        // What does not go together is made anew, too.
        folder.write(&folder.tls_certificate(), &first).unwrap();
        assert_ne!(made_at(NOW), first);
        folder.write(&folder.tls_key(), "").unwrap();
        assert_ne!(made_at(NOW), first);
    }

    #[test]
    fn a_certificate_and_key_of_files_are_checked() {
        let temporary = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str, mode: u32| {
            let path = temporary.path().join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            path
        };
        let (certificate, key) = certificate_of(NOW).unwrap();
        let (_, other) = certificate_of(NOW).unwrap();
        let good = file("certificate.pem", &certificate, 0o644);
        let key = file("key.pem", &key, 0o640);
        for (certificate, key, expected) in [
            (&good, &key, Ok(())),
            (
                &good,
                &file("other.pem", &other, 0o600),
                Err("cannot be used together"),
            ),
            (&good, &good, Err("which everybody on this machine may use")),
            (&key, &key, Err("there is no certificate in it")),
            (
                &good,
                &file("none.pem", "", 0o600),
                Err("there is no private key in it"),
            ),
            (
                &temporary.path().join("absent"),
                &key,
                Err("which cannot be read"),
            ),
            (
                &good,
                &temporary.path().join("absent"),
                Err("which cannot be read"),
            ),
        ] {
            let plan = MessagingPlan {
                certificate: Certificate::Files {
                    certificate: setting("certificate_file", certificate.clone()),
                    key: setting("key_file", key.clone()),
                },
                host: None,
            };
            match (plan.read(), expected) {
                (Ok(Some(_)), Ok(())) => {}
                (Err(failure), Err(part)) => {
                    assert!(failure.sentence.contains(part), "{}", failure.sentence);
                    assert!(
                        !failure.sentence.contains("PRIVATE KEY-"),
                        "no key is quoted"
                    );
                }
                (found, expected) => panic!("{found:?} {expected:?}"),
            }
        }
    }
}
