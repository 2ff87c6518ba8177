//! The chain of a log, walked from its first entry: every digest is made anew of
//! what the server shows, and nothing that it says of them is believed.

use std::fmt;
use std::str::FromStr;

use countersign_core::audit_chain::{self, Head, Link};
use countersign_core::id::ApplicationId;
use countersign_core::model::audit::USER_ERASED;
use countersign_credential::time::Timestamp;
use countersign_wire::audit::Entry;
use countersign_wire::digest::Digest;
use countersign_wire::time::Time;

/// A head as people keep it: `NUMBER:DIGEST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept(pub(super) Head);

/// A walk along the chain.
#[derive(Debug)]
pub(super) struct Walk {
    application: ApplicationId,
    kept: Option<Head>,
    head: Head,
    /// When the first entry was made, and the last one.
    times: Option<(Time, Time)>,
    erased: u64,
    first_erased: Option<u64>,
    tells_of_erasure: bool,
}

/// What a step along the chain came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The entry follows.
    Holds,
    /// The entry is not sealed: nothing can be said of it, nor of what follows.
    Unsealed,
}

/// Where the log was changed, in a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// The entry.
    pub(super) number: u64,
    /// What is wrong with it.
    pub(super) sentence: String,
}

/// What holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verified {
    /// The newest entry of the chain.
    pub(super) head: Head,
    /// When the first entry was made, and the last one.
    pub(super) times: Option<(Time, Time)>,
    /// Entries whose details were erased with a person.
    pub(super) erased: u64,
}

// === impl Kept ===

impl FromStr for Kept {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "a head is a number, a colon and 64 hexadecimal digits, as `countersign audit verify` prints it";
        let (number, digest) = text.split_once(':').ok_or(WANTED)?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let Digest(digest) = digest.parse().map_err(|_| WANTED)?;
        match number.parse() {
            Ok(number) if is_number => Ok(Self(Head { number, digest })),
            Ok(_) | Err(_) => Err(WANTED),
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.0.number, Digest(self.0.digest))
    }
}

// === impl Walk ===

impl Walk {
    /// A walk along the log of an application, past a head that was kept of it.
    pub(super) fn new(application: ApplicationId, kept: Option<Head>) -> Self {
        Self {
            application,
            kept,
            head: Head::START,
            times: None,
            erased: 0,
            first_erased: None,
            tells_of_erasure: false,
        }
    }

    /// The number of the last entry that holds.
    pub(super) fn number(&self) -> u64 {
        self.head.number
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// Where the entry is not the one that was written there.
    pub(super) fn take(&mut self, entry: &Entry) -> Result<Step, Broken> {
        self.expect_number(entry.number)?;
        let Some(Digest(digest)) = entry.digest else {
            return Ok(Step::Unsealed);
        };
        let details_digest = self.details_of(entry)?;
        let head = self.head.with(&self.link(entry, details_digest)?);
        if head.digest != digest {
            let sentence = format!(
                "entry {} was changed, or is in another place: its digest does not follow from what it says and from entry {}",
                entry.number, self.head.number
            );
            return Err(Broken::at(entry.number, sentence));
        }
        self.compare(head)?;
        self.head = head;
        let (first, _) = self.times.unwrap_or((entry.created_at, entry.created_at));
        self.times = Some((first, entry.created_at));
        Ok(Step::Holds)
    }

    /// Ends the walk.
    ///
    /// # Errors
    /// Where the log ends before the head that was kept, or where something was
    /// erased and nothing tells of it.
    pub(super) fn finish(self) -> Result<Verified, Broken> {
        if let Some(kept) = self.kept
            && kept.number > self.head.number
        {
            let sentence = format!(
                "entry {} is missing: the log ends with entry {}, and it was longer when its head {} was kept",
                self.head.number + 1,
                self.head.number,
                Kept(kept)
            );
            return Err(Broken::at(self.head.number + 1, sentence));
        }
        if let (Some(number), false) = (self.first_erased, self.tells_of_erasure) {
            let sentence = format!(
                "entry {number} was changed: what it held was erased, and no entry tells that a person was"
            );
            return Err(Broken::at(number, sentence));
        }
        Ok(Verified {
            head: self.head,
            times: self.times,
            erased: self.erased,
        })
    }

    fn expect_number(&self, number: u64) -> Result<(), Broken> {
        let expected = self.head.number + 1;
        if number == expected {
            return Ok(());
        }
        let sentence = if number > expected {
            format!("entry {expected} is missing: entry {number} comes in its place")
        } else {
            format!(
                "entry {number} is in the wrong place: it comes where entry {expected} should be"
            )
        };
        Err(Broken::at(expected.min(number), sentence))
    }

    /// The digest of an entry's details, which they must have unless they were erased.
    fn details_of(&mut self, entry: &Entry) -> Result<[u8; 32], Broken> {
        let changed = |what: &str| {
            let sentence = format!("entry {} was changed: {what}", entry.number);
            Err(Broken::at(entry.number, sentence))
        };
        let Some(Digest(digest)) = entry.details_digest else {
            return changed("it has lost the digest of its details");
        };
        let texts = [&entry.before, &entry.after, &entry.detail].map(|text| text.as_deref());
        match entry.salt {
            Some(Digest(salt)) if audit_chain::details_digest(&salt, texts) == digest => {}
            Some(_) => return changed("before, after and detail are not what was written there"),
            None if texts != [None; 3] => return changed("it has lost the salt of its details"),
            None if entry.user_id.is_none() => {
                return changed("what it held was erased, and it is about nobody");
            }
            None => {
                self.erased += 1;
                self.first_erased.get_or_insert(entry.number);
            }
        }
        self.tells_of_erasure |= entry.action == USER_ERASED;
        Ok(digest)
    }

    fn link<'a>(&self, entry: &'a Entry, details_digest: [u8; 32]) -> Result<Link<'a>, Broken> {
        let unread = |what: &str| {
            let sentence = format!("entry {} was changed: its {what} is none", entry.number);
            Broken::at(entry.number, sentence)
        };
        let user = entry.user_id.as_deref().map(str::parse).transpose();
        Ok(Link {
            application: self.application,
            number: entry.number,
            id: entry.id.parse().map_err(|_| unread("id"))?,
            at: Timestamp::from_milliseconds(entry.created_at.milliseconds),
            actor: &entry.actor,
            action: &entry.action,
            target: &entry.target,
            user: user.map_err(|_| unread("user_id"))?,
            details_digest,
        })
    }

    /// Compares a head with the one that was kept, where it is of the same entry.
    fn compare(&self, head: Head) -> Result<(), Broken> {
        match self.kept {
            Some(kept) if kept.number == head.number && kept.digest != head.digest => {
                let sentence = format!(
                    "entry {} is not the one whose head was kept: it, or something before it, was changed and sealed anew",
                    head.number
                );
                Err(Broken::at(head.number, sentence))
            }
            Some(_) | None => Ok(()),
        }
    }
}

// === impl Broken ===

impl Broken {
    fn at(number: u64, sentence: String) -> Self {
        Self { number, sentence }
    }
}

#[cfg(test)]
mod tests {
    use countersign_core::id::{AuditId, UserId};

    use super::*;

    /// Something that somebody does to an entry past the server.
    type Change = fn(&mut Entry);

    const APPLICATION: ApplicationId = ApplicationId::from_bytes([1; 16]);

    fn user(byte: u8) -> Option<String> {
        Some(UserId::from_bytes([byte; 16]).to_string())
    }

    /// A log of six entries as a server shows it; the last one is not sealed.
    fn log() -> Vec<Entry> {
        let mut head = Head::START;
        let mut log = Vec::new();
        for number in 1..=6_u8 {
            let mut entry = Entry {
                number: number.into(),
                id: AuditId::from_bytes([number; 16]).to_string(),
                actor: "system".to_owned(),
                action: "user.change".to_owned(),
                target: format!("USR-{number}"),
                user_id: user(number),
                before: Some("{\"name\":\"a\"}".to_owned()),
                after: Some("{\"name\":\"b\"}".to_owned()),
                detail: None,
                salt: Some(Digest([number; 32])),
                details_digest: None,
                digest: None,
                created_at: Time {
                    milliseconds: 1_800_000_000_000 + i64::from(number),
                },
            };
            if number == 5 {
                entry.action = USER_ERASED.to_owned();
            }
            seal(&mut entry, &mut head);
            log.push(entry);
        }
        log[5].digest = None;
        log
    }

    fn seal(entry: &mut Entry, head: &mut Head) {
        let texts = [&entry.before, &entry.after, &entry.detail].map(|text| text.as_deref());
        let digest = audit_chain::details_digest(&entry.salt.unwrap().0, texts);
        entry.details_digest = Some(Digest(digest));
        let walk = Walk::new(APPLICATION, None);
        *head = head.with(&walk.link(entry, digest).unwrap());
        entry.digest = Some(Digest(head.digest));
    }

    fn walk(log: &[Entry], kept: Option<Head>) -> Result<Verified, Broken> {
        let mut walk = Walk::new(APPLICATION, kept);
        for entry in log {
            if walk.take(entry)? == Step::Unsealed {
                break;
            }
        }
        walk.finish()
    }

    fn assert_broken(log: &[Entry], kept: Option<Head>, number: u64, words: &str) {
        let broken = walk(log, kept).unwrap_err();
        assert_eq!(broken.number, number, "{}", broken.sentence);
        let named = format!("entry {number} ");
        assert!(broken.sentence.starts_with(&named), "{}", broken.sentence);
        assert!(broken.sentence.contains(words), "{}", broken.sentence);
    }

    #[test]
    fn a_log_as_it_was_written_holds() {
        let log = log();
        let verified = walk(&log, None).unwrap();
        assert_eq!(verified.head.number, 5);
        assert_eq!(Some(Digest(verified.head.digest)), log[4].digest);
        assert_eq!(verified.times, Some((log[0].created_at, log[4].created_at)));
        for kept in [Head::START, verified.head] {
            assert_eq!(walk(&log, Some(kept)).unwrap(), verified);
        }
        let nothing = walk(&[], None).unwrap();
        assert_eq!((nothing.head, nothing.times), (Head::START, None));
    }

    #[test]
    fn whatever_is_changed_is_named() {
        let changes: [(Change, &str); 16] = [
            (
                |entry| entry.id = AuditId::from_bytes([9; 16]).to_string(),
                "does not follow",
            ),
            (|entry| entry.id = "AUD-".to_owned(), "its id is none"),
            (|entry| entry.actor = "client".to_owned(), "does not follow"),
            (
                |entry| entry.action = "user.create".to_owned(),
                "does not follow",
            ),
            (|entry| entry.target.push('0'), "does not follow"),
            (|entry| entry.user_id = user(9), "does not follow"),
            (|entry| entry.user_id = None, "does not follow"),
            (
                |entry| entry.created_at.milliseconds += 1,
                "does not follow",
            ),
            (|entry| entry.before = None, "not what was written"),
            (
                |entry| entry.after = Some("{}".to_owned()),
                "not what was written",
            ),
            (
                |entry| entry.detail = Some(String::new()),
                "not what was written",
            ),
            (
                |entry| entry.salt = Some(Digest([9; 32])),
                "not what was written",
            ),
            (|entry| entry.salt = None, "lost the salt"),
            (
                |entry| entry.details_digest = Some(Digest([9; 32])),
                "not what was written",
            ),
            (|entry| entry.details_digest = None, "lost the digest"),
            (
                |entry| entry.digest = Some(Digest([9; 32])),
                "does not follow",
            ),
        ];
        for (change, words) in changes {
            for place in [0, 2, 4] {
                let mut log = log();
                change(&mut log[place]);
                let number = u64::try_from(place).unwrap() + 1;
                assert_broken(&log, None, number, words);
            }
        }
        let elsewhere = Walk::new(ApplicationId::INSTALLATION, None).take(&log()[0]);
        assert_eq!(elsewhere.unwrap_err().number, 1, "another log's");
    }

    #[test]
    fn what_is_missing_or_out_of_place_is_named() {
        let mut missing = log();
        missing.remove(2);
        assert_broken(&missing, None, 3, "is missing");
        let mut first = log();
        first.remove(0);
        assert_broken(&first, None, 1, "is missing");
        let mut swapped = log();
        swapped.swap(1, 2);
        assert_broken(&swapped, None, 2, "is missing: entry 3");
        let mut renumbered = log();
        renumbered.swap(1, 2);
        (renumbered[1].number, renumbered[2].number) = (2, 3);
        assert_broken(&renumbered, None, 2, "in another place");
        let mut doubled = log();
        doubled.insert(2, doubled[1].clone());
        assert_broken(&doubled, None, 2, "wrong place");
    }

    #[test]
    fn a_kept_head_tells_what_the_chain_alone_does_not() {
        let whole = log();
        let kept = walk(&whole, None).unwrap().head;
        let cut = &whole[..3];
        assert!(
            walk(cut, None).is_ok(),
            "a chain that ends early is a chain"
        );
        assert_broken(cut, Some(kept), 4, "is missing: the log ends with entry 3");
        let mut anew = log();
        let mut head = Head::START;
        for entry in &mut anew[..5] {
            entry.actor = "client".to_owned();
            seal(entry, &mut head);
        }
        assert!(walk(&anew, None).is_ok());
        assert_broken(&anew, Some(kept), 5, "not the one whose head was kept");
    }

    #[test]
    fn what_a_person_took_along_is_counted_where_the_log_tells_of_it() {
        let erase = |entry: &mut Entry| {
            (entry.before, entry.after, entry.salt) = (None, None, None);
        };
        let mut log = log();
        erase(&mut log[1]);
        assert_eq!(walk(&log, None).unwrap().erased, 1);
        // The entry that tells of it is the fifth.
        assert_broken(&log[..4], None, 2, "no entry tells");
        log[2].user_id = None;
        erase(&mut log[2]);
        assert_broken(&log, None, 3, "about nobody");
    }

    #[test]
    fn a_head_is_read_as_it_is_printed() {
        let kept = Kept(Head {
            number: 12,
            digest: [0xAB; 32],
        });
        assert_eq!(kept.to_string().parse(), Ok(kept));
        let digest = "ab".repeat(32);
        for bad in [
            "",
            "12",
            ":",
            &digest,
            &format!("+1:{digest}"),
            &format!("1:{digest}0"),
            "1:abc",
        ] {
            assert!(bad.parse::<Kept>().is_err(), "{bad}");
        }
    }
}
