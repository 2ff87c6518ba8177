//! Reads of login secrets, counted until the audit log is told.
//!
//! A backend may read its secret for every login that it signs, and none of
//! them waits for a write of its own: the log is told of the first read by a
//! key from an address, before that is answered, and once in
//! [`limit::SECRET_READS_TOLD_S`] from then on, with how many there were in
//! between. A node that ends loses that number, and never who has read.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_credential::key::Kid;
use countersign_credential::time::Timestamp;

use crate::id::{ApiKeyId, ApplicationId};
use crate::limit;
use crate::memory::is_fresh;

/// Who reads which secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Reader {
    /// Whose secret.
    pub(crate) application: ApplicationId,
    /// Which of them.
    pub(crate) kid: Kid,
    /// The API key that reads.
    pub(crate) api_key: ApiKeyId,
    /// Where it reads from.
    pub(crate) peer: IpAddr,
}

/// The reads of a node.
#[derive(Debug, Default)]
pub(crate) struct SecretReads(Mutex<HashMap<Reader, Reads>>);

#[derive(Debug, Clone, Copy)]
struct Reads {
    told_at: Timestamp,
    since: u64,
}

// === impl SecretReads ===

impl SecretReads {
    /// Counts a read that the log need not be told of yet; `Some` where it has to
    /// be told, with the reads since it was last.
    pub(crate) fn count(&self, reader: &Reader, now: Timestamp) -> Option<u64> {
        let mut readers = self.readers();
        let Some(reads) = readers.get_mut(reader) else {
            return Some(0);
        };
        if is_fresh(reads.told_at, now, limit::SECRET_READS_TOLD_S) {
            reads.since += 1;
            None
        } else {
            Some(reads.since)
        }
    }

    /// Notes that the log was told. Where there is no room for another reader,
    /// the log is told of each of its reads.
    pub(crate) fn told(&self, reader: Reader, now: Timestamp) {
        let mut readers = self.readers();
        if readers.len() >= limit::SECRET_READERS_MAX && !readers.contains_key(&reader) {
            readers.retain(|_, reads| is_fresh(reads.told_at, now, limit::SECRET_READS_TOLD_S));
            if readers.len() >= limit::SECRET_READERS_MAX {
                return;
            }
        }
        let told = Reads {
            told_at: now,
            since: 0,
        };
        readers.insert(reader, told);
    }

    fn readers(&self) -> MutexGuard<'_, HashMap<Reader, Reads>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HOUR_MS: i64 = limit::SECRET_READS_TOLD_S * 1_000;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(1_800_000_000_000 + milliseconds)
    }

    fn reader(number: u32) -> Reader {
        Reader {
            application: ApplicationId::from_bytes([1; 16]),
            kid: Kid::parse("k").unwrap(),
            api_key: ApiKeyId::from_bytes([2; 16]),
            peer: IpAddr::V4(Ipv4Addr::from(number)),
        }
    }

    #[test]
    fn the_log_is_told_of_the_first_read_and_then_of_how_many() {
        let reads = SecretReads::default();
        for (reader, milliseconds, due) in [
            (reader(1), 0, Some(0)),
            (reader(1), 1, None),
            (reader(2), 2, Some(0)),
            (reader(1), HOUR_MS, None),
            (reader(1), HOUR_MS + 1, Some(2)),
            (reader(1), HOUR_MS + 2, None),
            // A clock that was set back hides nothing.
            (reader(1), 0, Some(1)),
        ] {
            assert_eq!(reads.count(&reader, at(milliseconds)), due, "{reader:?}");
            if due.is_some() {
                reads.told(reader, at(milliseconds));
            }
        }
    }

    #[test]
    fn what_the_log_was_not_told_of_stays_due() {
        let reads = SecretReads::default();
        assert_eq!(reads.count(&reader(1), at(0)), Some(0));
        assert_eq!(reads.count(&reader(1), at(1)), Some(0));
    }

    #[test]
    fn readers_are_bounded_and_none_is_missed() {
        let reads = SecretReads::default();
        let max = u32::try_from(limit::SECRET_READERS_MAX).unwrap();
        for number in 0..=max {
            reads.told(reader(number), at(0));
        }
        assert_eq!(reads.readers().len(), limit::SECRET_READERS_MAX);
        assert_eq!(reads.count(&reader(max), at(1)), Some(0));
        reads.told(reader(max), at(HOUR_MS + 1));
        assert_eq!(reads.count(&reader(max), at(HOUR_MS + 2)), None);
        assert_eq!(reads.readers().len(), 1);
    }
}
