//! Who may call how often.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_core::access::principal::{Principal, Who};
use countersign_core::id::{ApiKeyId, ApplicationId, SessionId, UserId};
use countersign_core::limit::Rate;
use countersign_credential::time::Timestamp;

use crate::counters::{Allowance, Counters};
use crate::operations::Rates;

/// Somebody whose calls are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// An address of another machine; of IPv6 the 64 bits that one customer has.
    Peer(IpAddr),
    /// This machine.
    Local,
    /// A visitor's or user's session.
    Session(SessionId),
    /// A user whose credential is the bearer, on all of their devices.
    User(UserId),
    /// A backend.
    Key(ApiKeyId),
    /// The backends of an application that sign their own tokens.
    Application(ApplicationId),
    /// Everybody for whom there was no room.
    Crowd,
}

/// A row of the table of rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Entrance,
    LocalEntrance,
    Session,
    Key,
}

/// The rows, as the metrics name them.
const ROWS: [&str; 4] = ["entrance", "local_entrance", "session", "key"];

/// The callers of a node.
#[derive(Debug)]
pub(crate) struct Limiter {
    rates: Rates,
    callers: Counters<Caller>,
    /// What was one too many, by row.
    refused: [AtomicU64; ROWS.len()],
}

// === impl Caller ===

impl Caller {
    /// Who is at the other end. An address that is none came over no socket.
    pub(crate) fn at(peer: IpAddr) -> Self {
        let peer = peer.to_canonical();
        if peer.is_loopback() || peer.is_unspecified() {
            return Self::Local;
        }
        match peer {
            IpAddr::V4(_) => Self::Peer(peer),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::Peer(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
        }
    }

    /// Who asks, once it is known. A client with a publishable key is one of
    /// many, and counted by its address.
    pub(crate) fn of(principal: &Principal) -> Option<Self> {
        match &principal.who {
            Who::Client { .. } => None,
            Who::Session { identity, .. } => Some(Self::Session(identity.session)),
            Who::Bearer { user } => Some(Self::User(*user)),
            Who::Backend {
                api_key: Some(id), ..
            }
            | Who::Operator { api_key: id } => Some(Self::Key(*id)),
            Who::Backend { api_key: None, .. } => principal.application.map(Self::Application),
        }
    }

    fn rate(self, rates: &Rates) -> Rate {
        match self.row() {
            Row::Entrance => rates.entrance,
            Row::LocalEntrance => rates.local_entrance,
            Row::Session => rates.session,
            Row::Key => rates.key,
        }
    }

    fn row(self) -> Row {
        match self {
            Self::Peer(_) | Self::Crowd => Row::Entrance,
            Self::Local => Row::LocalEntrance,
            Self::Session(_) | Self::User(_) => Row::Session,
            Self::Key(_) | Self::Application(_) => Row::Key,
        }
    }
}

// === impl Limiter ===

impl Limiter {
    pub(crate) fn new(rates: Rates) -> Self {
        Self {
            rates,
            callers: Counters::new(Caller::Crowd),
            refused: Default::default(),
        }
    }

    /// Counts a call, unless it is one too many.
    pub(crate) fn call(&self, caller: Caller, now: Timestamp) -> Allowance {
        let pace = |caller: Caller| caller.rate(&self.rates).into();
        let allowance = self.callers.take(caller, pace, now);
        if allowance.retry_s.is_some() {
            self.refused[caller.row() as usize].fetch_add(1, Ordering::Relaxed);
        }
        allowance
    }

    /// The calls that were one too many, by the row of the table.
    pub(crate) fn refused(&self) -> Vec<(&'static str, u64)> {
        let rows = ROWS.iter().zip(&self.refused);
        rows.map(|(row, count)| (*row, count.load(Ordering::Relaxed)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use countersign_core::limit;

    use super::*;

    fn rate(burst: u32, per_second: u32) -> Rate {
        Rate {
            burst: NonZeroU32::new(burst).unwrap(),
            per_second: NonZeroU32::new(per_second).unwrap(),
        }
    }

    fn limiter() -> Limiter {
        Limiter::new(Rates {
            entrance: rate(3, 2),
            local_entrance: rate(5, 1),
            session: rate(4, 1),
            key: rate(1_000_000, 1_000_000),
        })
    }

    fn peer(text: &str) -> Caller {
        Caller::at(text.parse().unwrap())
    }

    #[test]
    fn a_burst_wears_off_at_the_rate() {
        let limiter = limiter();
        let start = 1_800_000_000_000;
        for (after_ms, remaining, reset_s, retry_s) in [
            (0, 2, 1, None),
            (0, 1, 1, None),
            (0, 0, 2, None),
            (0, 0, 2, Some(1)),
            (499, 0, 2, Some(1)),
            (500, 0, 2, None),
            (500, 0, 2, Some(1)),
            (1_500, 1, 1, None),
            (60_000, 2, 1, None),
            // Set back by an hour: refused for a burst's time at most.
            (-3_600_000, 0, 2, Some(1)),
            (-3_599_500, 0, 2, None),
        ] {
            let now = Timestamp::from_milliseconds(start + after_ms);
            let expected = Allowance {
                limit: 3,
                remaining,
                reset_s,
                retry_s,
            };
            assert_eq!(limiter.call(peer("192.0.2.1"), now), expected, "{after_ms}");
        }
        let now = Timestamp::from_milliseconds(start);
        assert_eq!(limiter.call(peer("192.0.2.2"), now).remaining, 2);
        let refused = [
            ("entrance", 4),
            ("local_entrance", 0),
            ("session", 0),
            ("key", 0),
        ];
        assert_eq!(limiter.refused(), refused);
    }

    #[test]
    fn one_customer_is_one_address() {
        assert_eq!(peer("2001:db8:1:2::1"), peer("2001:db8:1:2:ffff::9"));
        assert_ne!(peer("2001:db8:1:2::1"), peer("2001:db8:1:3::1"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
        for local in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "0.0.0.0",
        ] {
            assert_eq!(peer(local), Caller::Local, "{local}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let limiter = limiter();
        let now = Timestamp::from_seconds(1_800_000_000);
        let strangers = |from: u32| {
            let count = u32::try_from(limit::RATED_MAX).unwrap() + 50_000;
            (from..from + count).map(|number| Caller::Peer(IpAddr::from(number.to_be_bytes())))
        };
        let refused = strangers(1 << 24).filter(|stranger| {
            let allowance = limiter.call(*stranger, now);
            allowance.retry_s.is_some()
        });
        assert!(refused.count() > 40_000, "the crowd shares one allowance");
        assert!(limiter.callers.len() <= limit::RATED_MAX + 16);
        let later = now.plus_seconds(10);
        for stranger in strangers(1 << 30).take(1_000) {
            assert_eq!(limiter.call(stranger, later).retry_s, None);
        }
        assert!(
            limiter.callers.len() < limit::RATED_MAX / 2,
            "the old ones are gone"
        );
    }
}
