//! Slows down who guesses passwords, and never keeps an account's owner out.
//!
//! A try counts before the password is compared, and is given back unless the
//! password was wrong: so right ones cost nothing, and many tries at once are no
//! way past. While there is none left, nothing is compared, so that nobody learns
//! whether the password would have been right.
//!
//! The first count is of an account from one network, the second and wider one of
//! the account from everywhere: who has many networks uses that up, and slows down.
//! Its owner has another network than those. So a network that has tries of its own
//! left gets a few each minute even then, by a third count; that is what an attacker
//! gets for each network, and what the owner needs.
//!
//! A proxy that is named as trusted tells who is behind it (`proxies.rs`). Where none
//! is named, what comes from this machine is a proxy all the same, and stands for
//! everybody behind it: there the first count would be one for an attacker and the
//! owner alike, and so it is left out; and while an attack lasts, it holds off the
//! owner, too.

use std::sync::atomic::{AtomicU64, Ordering};

use countersign_core::error::{Code, Error};
use countersign_core::id::ApplicationId;
use countersign_core::limit::{ACCOUNT_TRIES, NETWORK_TRIES, STRAINED_TRIES};
use countersign_credential::time::Timestamp;

use crate::connection::Connection;
use crate::counters::{Counters, Pace};
use crate::rate::Caller;

/// The wrong passwords of a node.
#[derive(Debug)]
pub(crate) struct PasswordTries {
    counters: Counters<Try>,
    refused: AtomicU64,
}

/// Whose password is shown, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The account, whether or not there is one.
    account: u64,
    network: Caller,
}

/// Why a password is not even compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany {
    /// Seconds until the next try.
    pub(crate) retry_s: u64,
}

/// Why a password did not lead to what was asked for.
#[derive(Debug)]
pub(crate) enum Failed {
    TooMany(TooMany),
    Refused(Error),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Try {
    /// Of an account from a network.
    Network(u64, Caller),
    /// Of an account from everywhere.
    Account(u64),
    /// Of an account from a network, once everywhere is used up.
    Strained(u64, Caller),
    /// Of everybody for whom there was no room.
    Crowd,
}

// === impl PasswordTries ===

impl PasswordTries {
    pub(crate) fn new() -> Self {
        Self {
            counters: Counters::new(Try::Crowd),
            refused: AtomicU64::new(0),
        }
    }

    /// Who shows a password, by the account's name as it was given.
    pub(crate) fn shown(
        &self,
        application: ApplicationId,
        name: &str,
        connection: Connection,
    ) -> Shown {
        Shown {
            account: self.counters.number_of((application, name)),
            network: Caller::at(connection.peer),
        }
    }

    /// Does what needs the password, if a try is left for it.
    pub(crate) async fn counting<T>(
        &self,
        shown: Shown,
        now: Timestamp,
        does: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failed> {
        let taken = self.take(shown, now).map_err(|too_many| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Failed::TooMany(too_many)
        })?;
        // Who goes away while it is compared does not hear what came out, and it counts.
        let outcome = does.await;
        let was_wrong = matches!(&outcome, Err(error) if error.code == Code::WrongPassword);
        if !was_wrong {
            self.give_back(&taken);
        }
        outcome.map_err(Failed::Refused)
    }

    /// How many were not compared.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn take(&self, Shown { account, network }: Shown, now: Timestamp) -> Result<Vec<Try>, TooMany> {
        let mut taken = Vec::with_capacity(2);
        let mut retry_s = None;
        if network != Caller::Local {
            retry_s = self.once(Try::Network(account, network), now, &mut taken);
        }
        if retry_s.is_none()
            && let Some(of_account) = self.once(Try::Account(account), now, &mut taken)
        {
            let of_network = self.once(Try::Strained(account, network), now, &mut taken);
            retry_s = of_network.map(|of_network| of_network.min(of_account));
        }
        match retry_s {
            None => Ok(taken),
            Some(retry_s) => {
                self.give_back(&taken);
                Err(TooMany { retry_s })
            }
        }
    }

    /// Counts a try; seconds to wait, where it is one too many.
    fn once(&self, one: Try, now: Timestamp, taken: &mut Vec<Try>) -> Option<u64> {
        let retry_s = self.counters.take(one, Try::pace, now).retry_s;
        if retry_s.is_none() {
            taken.push(one);
        }
        retry_s
    }

    fn give_back(&self, taken: &[Try]) {
        for one in taken {
            self.counters.give_back(*one, one.pace());
        }
    }
}

// === impl Try ===

impl Try {
    fn pace(self) -> Pace {
        match self {
            Self::Network(..) => NETWORK_TRIES.into(),
            Self::Account(_) | Self::Crowd => ACCOUNT_TRIES.into(),
            Self::Strained(..) => STRAINED_TRIES.into(),
        }
    }
}

// === impl TooMany ===

impl From<TooMany> for Error {
    fn from(TooMany { retry_s }: TooMany) -> Self {
        Self::new(
            Code::RateLimited,
            "there were too many wrong passwords for this account",
        )
        .hint(format!(
            "wait for {retry_s} s, as Retry-After says, and try again"
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const START_S: i64 = 1_800_000_000;

    struct Tries {
        tries: PasswordTries,
        now: Timestamp,
    }

    impl Tries {
        fn new() -> Self {
            Self {
                tries: PasswordTries::new(),
                now: Timestamp::from_seconds(START_S),
            }
        }

        fn shown(&self, account: &str, peer: &str) -> Shown {
            let peer: IpAddr = peer.parse().unwrap();
            let connection = Connection { peer, tls: true };
            let application = ApplicationId::from_bytes([1; 16]);
            self.tries.shown(application, account, connection)
        }

        /// A wrong password; seconds to wait, where it is not compared.
        fn wrong(&self, account: &str, peer: &str) -> Option<u64> {
            let taken = self.tries.take(self.shown(account, peer), self.now);
            taken.err().map(|too_many| too_many.retry_s)
        }

        /// A right one.
        fn right(&self, account: &str, peer: &str) -> Option<u64> {
            match self.tries.take(self.shown(account, peer), self.now) {
                Ok(taken) => {
                    self.tries.give_back(&taken);
                    None
                }
                Err(too_many) => Some(too_many.retry_s),
            }
        }
    }

    /// A network of its own for each number.
    fn network(number: u32) -> String {
        format!("198.{}.{}.7", 18 + number / 256, number % 256)
    }

    #[test]
    fn one_network_has_some_at_once_and_one_now_and_then() {
        let mut tries = Tries::new();
        for number in 0..10 {
            assert_eq!(tries.wrong("alice", "192.0.2.1"), None, "{number}");
        }
        assert_eq!(tries.wrong("alice", "192.0.2.1"), Some(10));
        assert_eq!(tries.right("alice", "192.0.2.1"), Some(10));
        assert_eq!(tries.wrong("bob", "192.0.2.1"), None, "another account");
        assert_eq!(tries.wrong("alice", "192.0.2.2"), None, "another network");
        tries.now = tries.now.plus_seconds(10);
        assert_eq!(tries.wrong("alice", "192.0.2.1"), None);
        assert_eq!(tries.wrong("alice", "192.0.2.1"), Some(10));
    }

    #[test]
    fn right_ones_cost_nothing() {
        let tries = Tries::new();
        for _ in 0..1_000 {
            assert_eq!(tries.right("alice", "192.0.2.1"), None);
            assert_eq!(tries.right("alice", "127.0.0.1"), None);
        }
        for _ in 0..10 {
            assert_eq!(tries.wrong("alice", "192.0.2.1"), None);
        }
    }

    #[test]
    fn who_has_many_networks_slows_down_and_the_owner_gets_in() {
        let mut tries = Tries::new();
        let guessed = |tries: &Tries, networks: std::ops::Range<u32>| {
            let all = networks.flat_map(|number| [number; 10]);
            all.filter(|number| tries.wrong("alice", &network(*number)).is_none())
                .count()
        };
        assert_eq!(guessed(&tries, 0..10), 100, "what all have together");
        // From then on each network has two, and one each half a minute.
        assert_eq!(guessed(&tries, 10..30), 40);
        assert_eq!(guessed(&tries, 0..30), 0, "and none before that");
        assert_eq!(tries.right("alice", "203.0.113.1"), None, "the owner");
        for _ in 0..100 {
            tries.now = tries.now.plus_seconds(60);
            let guessed = guessed(&tries, 0..200);
            assert!((400..=420).contains(&guessed), "{guessed}");
            assert_eq!(tries.right("alice", "203.0.113.1"), None, "the owner");
        }
    }

    #[test]
    fn a_proxy_stands_for_many() {
        let tries = Tries::new();
        for number in 0..102 {
            assert_eq!(tries.wrong("alice", "127.0.0.1"), None, "{number}");
        }
        assert_eq!(tries.wrong("alice", "::1"), Some(6));
        assert_eq!(tries.wrong("alice", "2001:db8::1"), None);
    }

    #[test]
    fn one_customers_addresses_are_one_network() {
        let tries = Tries::new();
        for number in 0..10 {
            let address = format!("2001:db8:1:2::{number:x}");
            assert_eq!(tries.wrong("alice", &address), None);
        }
        assert!(tries.wrong("alice", "2001:db8:1:2:ffff::1").is_some());
        assert_eq!(tries.wrong("alice", "2001:db8:1:3::1"), None);
    }
}
