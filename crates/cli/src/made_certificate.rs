//! The certificate of a listener in development: of this machine, made here, and
//! trusted by whoever is told to.

use countersign_credential::time::Timestamp;
use countersign_server::tls::{Tls, is_trusted};
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};

use crate::data_folder::DataFolder;
use crate::exit::Failure;

/// What a certificate that is made here is for: this machine alone.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// How long it is good.
const DAYS: i32 = 365;
/// One that is over so soon is made anew, so that none is over while it is used.
const DAYS_LEFT_MIN: i64 = 30;

/// What lies in the folder, as long as it is good; else it is made.
///
/// # Errors
/// If the folder cannot be used.
pub(crate) fn made(folder: &DataFolder, now: Timestamp) -> Result<Tls, Failure> {
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
pub(crate) fn certificate_of(
    now: Timestamp,
) -> Result<(String, String), Box<dyn std::error::Error>> {
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
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: Timestamp = Timestamp::from_milliseconds(1_800_000_000_000);
    const DAY_S: i64 = 86_400;

    #[test]
    fn what_is_made_is_kept_until_it_is_nearly_over() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = DataFolder::at(temporary.path()).open().unwrap();
        let made_at = |now: Timestamp| {
            made(&folder, now).unwrap();
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
}
