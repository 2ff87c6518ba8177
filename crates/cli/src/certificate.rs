//! What clients are shown before they speak HTTP: which certificate, from which
//! files, and what becomes of it when the files are renewed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use countersign_credential::time::Timestamp;
use countersign_server::tls::{Tls, validity};
use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::setting::Setting;

/// What others than a key's owner may not do with it. Its group may read: that is
/// how systems give one key to several services.
const NOT_FOR_OTHERS: u32 = 0o027;
/// An operator whose certificate is over so soon is told at each start.
const DAYS_LEFT_WARNED: i64 = 14;

/// What clients of a listener are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// One that is made here and that nobody else trusts.
    Made,
    /// The operator's.
    Files(CertificateFiles),
    /// None: plain HTTP is spoken, with a proxy or on this machine.
    None,
}

/// A certificate of the operator's, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertificateFiles {
    /// With those between it and an authority behind it.
    pub(crate) certificate: Setting<PathBuf>,
    pub(crate) key: Setting<PathBuf>,
}

/// The operator's certificates, each read once, however many listeners show it.
#[derive(Debug, Clone)]
pub(crate) struct Certificates(Vec<Shown>);

#[derive(Debug, Clone)]
struct Shown {
    files: CertificateFiles,
    tls: Tls,
    until: Option<Timestamp>,
}

/// What files hold that can be shown.
struct Content {
    certificate: String,
    key: Zeroizing<String>,
    until: Option<Timestamp>,
}

// === impl CertificateFiles ===

impl CertificateFiles {
    /// Reads both, with what can be said against showing them.
    fn read(&self, now: Timestamp) -> Result<(Tls, Content), Failure> {
        refuse_open_key(&self.key)?;
        let certificate = content(&self.certificate)?;
        let key = Zeroizing::new(content(&self.key)?);
        let tls = Tls::new(&certificate, &key).map_err(|error| {
            Failure::usage(format!(
                "{} is {}, with the key {}: {error}; name a certificate and its own key",
                self.certificate.label(),
                self.certificate.value.display(),
                self.key.value.display(),
            ))
        })?;
        let until = self.refuse_wrong_time(&certificate, now)?;
        let content = Content {
            certificate,
            key,
            until,
        };
        Ok((tls, content))
    }

    /// A certificate that is over, or not yet good, is refused by every client.
    fn refuse_wrong_time(
        &self,
        certificate: &str,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Failure> {
        let (from, until) =
            validity(certificate).map_or((None, None), |good| (good.from, good.until));
        let refused = |why: String| {
            let label = self.certificate.label();
            let path = self.certificate.value.display();
            Err(Failure::usage(format!("{label} is {path}, {why}")))
        };
        match (from, until) {
            (_, Some(until)) if until < now => refused(format!(
                "which was good until {until}, so that clients refuse it; put a renewed one there"
            )),
            (Some(from), _) if from > now => refused(format!(
                "which is good from {from} on, so that clients refuse it now; wait until then, or \
                 set this machine's clock right"
            )),
            (_, until) => Ok(until),
        }
    }
}

// === impl Certificates ===

impl Certificates {
    /// Reads every certificate that one of these listeners shows.
    ///
    /// # Errors
    /// If one cannot be read or shown, or clients would refuse it now.
    pub(crate) fn read<'a>(
        wanted: impl IntoIterator<Item = &'a Certificate>,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let mut all = Self(Vec::new());
        for certificate in wanted {
            let Certificate::Files(files) = certificate else {
                continue;
            };
            if all.of(files).is_none() {
                let (tls, Content { until, .. }) = files.read(now)?;
                let files = files.clone();
                all.0.push(Shown { files, tls, until });
            }
        }
        Ok(all)
    }

    /// The one of these files, if it was read.
    pub(crate) fn of(&self, files: &CertificateFiles) -> Option<Tls> {
        let mut shown = self.0.iter();
        let found = shown.find(|shown| shown.files == *files);
        found.map(|shown| shown.tls.clone())
    }

    /// Reads all files again. What cannot be shown is logged, and the one before
    /// goes on to be shown.
    pub(crate) fn renew(&mut self, now: Timestamp) {
        if self.0.is_empty() {
            tracing::info!("there is no certificate to read again");
        }
        for shown in &mut self.0 {
            let renewed = shown.files.read(now).and_then(|(_, content)| {
                let renewed = shown.tls.renew(&content.certificate, &content.key);
                renewed.map_err(Failure::usage)?;
                Ok(content.until)
            });
            match renewed {
                Ok(until) => {
                    shown.until = until;
                    shown.log(now, "this certificate was read again");
                }
                Err(failure) => tracing::error!(
                    reason = failure.sentence,
                    "a certificate was not renewed: the one before is still shown"
                ),
            }
        }
    }

    /// Tells the log until when each is good.
    pub(crate) fn log(&self, now: Timestamp) {
        for shown in &self.0 {
            shown.log(now, "this certificate is shown");
        }
    }
}

// === impl Shown ===

impl Shown {
    fn log(&self, now: Timestamp, what: &'static str) {
        let path = self.files.certificate.value.display();
        let Some(until) = self.until else {
            tracing::info!(%path, "{what}");
            return;
        };
        tracing::info!(%path, %until, "{what}");
        if until < now.plus_seconds(DAYS_LEFT_WARNED * 86_400) {
            tracing::warn!(
                %path,
                %until,
                "this certificate is over soon: renew it, and send this process SIGHUP"
            );
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
    let mode = |path: &Path| Some(fs::metadata(path).ok()?.permissions().mode() & 0o7777);
    match mode(&key.value) {
        Some(mode) if mode & NOT_FOR_OTHERS != 0 => Err(Failure::usage(format!(
            "{} is {path}, which is open to other users (mode {mode:04o}): run chmod 600 {path}, \
             or chmod 640 where its group shall read it",
            key.label(),
            path = key.value.display(),
        ))),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;
    use crate::made_certificate::certificate_of;
    use crate::setting::Origin;

    const NOW: Timestamp = Timestamp::from_milliseconds(1_800_000_000_000);
    const DAY_S: i64 = 86_400;

    /// A folder with a certificate that is good for a year, and its key.
    struct Files {
        folder: tempfile::TempDir,
        good: PathBuf,
        key: PathBuf,
    }

    // === impl Files ===

    impl Files {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (good, key) = (
                folder.path().join("good.pem"),
                folder.path().join("key.pem"),
            );
            let files = Self { folder, good, key };
            let (certificate, key) = certificate_of(NOW).unwrap();
            files.write("good.pem", &certificate, 0o644);
            files.write("key.pem", &key, 0o640);
            files
        }

        fn write(&self, name: &str, content: &str, mode: u32) -> PathBuf {
            let path = self.folder.path().join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            path
        }
    }

    fn given(certificate: &Path, key: &Path) -> Certificate {
        let setting = |key, path: &Path| Setting {
            key,
            origin: Origin::Default,
            value: path.to_owned(),
        };
        Certificate::Files(CertificateFiles {
            certificate: setting("certificate_file", certificate),
            key: setting("key_file", key),
        })
    }

    #[test]
    fn a_certificate_and_key_of_files_are_checked() {
        let files = Files::new();
        let (_, other) = certificate_of(NOW).unwrap();
        let other = files.write("other.pem", &other, 0o600);
        let none = files.write("none.pem", "", 0o600);
        let absent = files.folder.path().join("absent");
        let (good, key) = (&*files.good, &*files.key);
        for (certificate, key, expected) in [
            (good, key, None),
            (good, &*other, Some("cannot be used together")),
            (
                good,
                good,
                Some("which is open to other users (mode 0644): run chmod 600 "),
            ),
            (key, key, Some("there is no certificate in it")),
            (good, &*none, Some("there is no private key in it")),
            (&*absent, key, Some("which cannot be read")),
            (good, &*absent, Some("which cannot be read")),
        ] {
            let read = Certificates::read([&given(certificate, key)], NOW);
            match (read, expected) {
                (Ok(read), None) => assert_eq!(read.0.len(), 1),
                (Err(failure), Some(part)) => {
                    let sentence = failure.sentence;
                    assert!(sentence.contains(part), "{sentence}");
                    assert!(!sentence.contains("PRIVATE KEY-"), "no key is quoted");
                }
                (found, expected) => panic!("{found:?} {expected:?}"),
            }
        }
        for mode in [0o604, 0o602, 0o601, 0o660] {
            let open = files.write("open.pem", &fs::read_to_string(key).unwrap(), mode);
            assert!(
                Certificates::read([&given(good, &open)], NOW).is_err(),
                "{mode:o}"
            );
        }
    }

    #[test]
    fn a_certificate_is_shown_within_its_time() {
        let files = Files::new();
        let at = |now| Certificates::read([&given(&files.good, &files.key)], now);
        for days in [-1, 0, 300] {
            at(NOW.plus_seconds(days * DAY_S)).unwrap();
        }
        let sentence = at(NOW.plus_seconds(400 * DAY_S)).unwrap_err().sentence;
        assert!(
            sentence.contains("which was good until 2028-01-"),
            "{sentence}"
        );
        let sentence = at(NOW.plus_seconds(-3 * DAY_S)).unwrap_err().sentence;
        assert!(
            sentence.contains("which is good from 2027-01-14"),
            "{sentence}"
        );
    }

    #[test]
    fn what_several_listeners_show_is_read_once() {
        let files = Files::new();
        let shown = given(&files.good, &files.key);
        let wanted = [&shown, &Certificate::None, &shown, &Certificate::Made];
        let read = Certificates::read(wanted, NOW).unwrap();
        assert_eq!(read.0.len(), 1);
    }

    #[test]
    fn what_cannot_be_shown_takes_nothing_away() {
        let files = Files::new();
        let mut read = Certificates::read([&given(&files.good, &files.key)], NOW).unwrap();
        let first = read.0[0].until;
        let year = NOW.plus_seconds(300 * DAY_S);
        let (renewed, key) = certificate_of(year).unwrap();
        files.write("good.pem", &renewed, 0o644);
        read.renew(year);
        assert_eq!(read.0[0].until, first, "its key is another");
        files.write("key.pem", &key, 0o600);
        read.renew(year);
        assert!(read.0[0].until > first);
    }
}
