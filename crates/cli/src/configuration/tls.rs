//! Which door shows which certificate.
//!
//! One is for all doors. The door for sinch's messages may have another; others
//! may speak plain HTTP, with a proxy in front. What is said without an effect is
//! refused: somebody believes in it.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Settled;
use super::key::Key;
use super::nearest::nearest;
use crate::certificate::{Certificate, CertificateFiles};
use crate::exit::Failure;
use crate::setting::Setting;
use crate::vendor_door::VendorDoor;

/// What the native door is called where doors are listed.
const NATIVE: &str = "native";

/// What was said of TLS for all doors.
pub(super) struct TlsOfAll {
    files: Option<CertificateFiles>,
    /// The names of the doors that speak plain HTTP.
    plain: Vec<String>,
}

// === impl TlsOfAll ===

impl TlsOfAll {
    /// Settles it.
    ///
    /// # Errors
    /// The first mistake.
    pub(super) fn settle(settled: &Settled<'_>) -> Result<Self, Failure> {
        let files = files(settled, Key::TlsCertificateFile, Key::TlsKeyFile)?;
        let plain = match settled.find(Key::PlainDoors) {
            Some(said) if files.is_none() => return Err(no_use(&said, Key::TlsCertificateFile)),
            Some(said) => plain_doors(settled, &said)?,
            None => Vec::new(),
        };
        Ok(Self { files, plain })
    }

    /// What the native door shows.
    pub(super) fn of_native(&self) -> Certificate {
        self.of(NATIVE)
    }

    /// What a door shows that is open at this address.
    ///
    /// # Errors
    /// If its clients would not speak with it.
    pub(super) fn of_door(
        &self,
        settled: &Settled<'_>,
        door: VendorDoor,
        address: &Setting<SocketAddr>,
    ) -> Result<Certificate, Failure> {
        match door {
            VendorDoor::Nexmo | VendorDoor::Kustomer | VendorDoor::Sinch => {
                Ok(self.of(door.name()))
            }
            VendorDoor::SinchMessaging => self.of_messaging(settled, address),
        }
    }

    fn of(&self, name: &str) -> Certificate {
        match &self.files {
            Some(files) if !self.plain.iter().any(|plain| plain == name) => {
                Certificate::Files(files.clone())
            }
            Some(_) | None => Certificate::None,
        }
    }

    fn of_messaging(
        &self,
        settled: &Settled<'_>,
        address: &Setting<SocketAddr>,
    ) -> Result<Certificate, Failure> {
        let own = files(
            settled,
            Key::MessagingCertificateFile,
            Key::MessagingKeyFile,
        )?;
        let who = settled.with_default(Key::MessagingTls);
        match (who.value.as_str(), own) {
            ("own", Some(files)) => Ok(Certificate::Files(files)),
            ("own", None) => match &self.files {
                Some(files) => Ok(Certificate::Files(files.clone())),
                None => Err(Failure::usage(format!(
                    "{} is {}, and its clients speak TLS alone; name {} and {}, or set {} to \
                     \"proxy\" where a proxy in front speaks it",
                    address.label(),
                    address.value,
                    Key::TlsCertificateFile.path(),
                    Key::TlsKeyFile.path(),
                    Key::MessagingTls.path(),
                ))),
            },
            ("proxy", None) => Ok(Certificate::None),
            ("proxy", Some(files)) => Err(Failure::usage(format!(
                "{} is \"proxy\", and {} names what then nobody is shown; remove one of them",
                who.label(),
                files.certificate.label(),
            ))),
            (_, _) => Err(Failure::usage(format!(
                "{} is {:?}; write \"own\", or \"proxy\" where a proxy in front speaks TLS",
                who.label(),
                who.value,
            ))),
        }
    }
}

/// Refuses what is said of sinch's door for messages where it is not open.
///
/// # Errors
/// If something is.
pub(super) fn refuse_messaging(settled: &Settled<'_>) -> Result<(), Failure> {
    let keys = [
        Key::MessagingTls,
        Key::MessagingCertificateFile,
        Key::MessagingKeyFile,
        Key::MessagingHost,
    ];
    match keys.into_iter().find_map(|key| settled.find(key)) {
        Some(said) => Err(no_use(&said, Key::Door(VendorDoor::SinchMessaging))),
        None => Ok(()),
    }
}

fn no_use(said: &Setting<String>, without: Key) -> Failure {
    Failure::usage(format!(
        "{} is of no use where {} is not set; set that, or remove this",
        said.label(),
        without.path()
    ))
}

/// A certificate and its key, both or none.
fn files(
    settled: &Settled<'_>,
    certificate: Key,
    key: Key,
) -> Result<Option<CertificateFiles>, Failure> {
    let file = |key| {
        let given = settled.find(key);
        given.map(|text| text.with(PathBuf::from(&text.value)))
    };
    match (file(certificate), file(key)) {
        (Some(certificate), Some(key)) => Ok(Some(CertificateFiles { certificate, key })),
        (None, None) => Ok(None),
        (Some(one), None) | (None, Some(one)) => Err(Failure::usage(format!(
            "{} is {}, and {} and {} go together; name both",
            one.label(),
            one.value.display(),
            certificate.path(),
            key.path(),
        ))),
    }
}

/// The doors of a list, each of which is open and could show a certificate.
fn plain_doors(settled: &Settled<'_>, said: &Setting<String>) -> Result<Vec<String>, Failure> {
    let doors = [VendorDoor::Nexmo, VendorDoor::Kustomer, VendorDoor::Sinch];
    let known = || std::iter::once(NATIVE).chain(doors.map(VendorDoor::name));
    let mut plain = Vec::new();
    for name in said.value.split(',').map(str::trim) {
        let refused = |why: String| Err(Failure::usage(format!("{} {why}", said.label())));
        let door = VendorDoor::ALL.into_iter().find(|door| door.name() == name);
        match door {
            Some(VendorDoor::SinchMessaging) => {
                return refused(format!(
                    "names {name}; set {} to \"proxy\" instead",
                    Key::MessagingTls.path()
                ));
            }
            Some(door) if settled.find(Key::Door(door)).is_none() => {
                return refused(format!(
                    "names {name}, which is not open; set {}, or do not name it",
                    Key::Door(door).path()
                ));
            }
            None if name != NATIVE => {
                let meant = nearest(name, known());
                let advice = meant.map_or_else(
                    || format!("write some of {}", known().collect::<Vec<_>>().join(", ")),
                    |meant| format!("did you mean {meant:?}?"),
                );
                return refused(format!("names {name:?}, which is no door; {advice}"));
            }
            Some(_) | None => plain.push(name.to_owned()),
        }
    }
    Ok(plain)
}
