//! An API key: a backend's credential, by role.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use countersign_credential::time::Timestamp;

use crate::id::{ApiKeyId, ApplicationId};

/// An API key as it is kept: its digest, never its text, unless it is publishable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Its application; an operator key has none.
    pub application: Option<ApplicationId>,
    /// What people call it; a backend's events carry it in `from`.
    pub name: String,
    /// What it may do.
    pub roles: Roles,
    /// SHA-256 of the key's text.
    pub digest: [u8; 32],
    /// The text of a publishable key, which is no secret.
    pub text: Option<String>,
    /// The end of the text, by which people recognise it.
    pub last_characters: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it stops to be accepted.
    pub expires_at: Option<Timestamp>,
    /// The network that it may be used from.
    pub cidr: Option<Cidr>,
    /// When it was last used. Written once a minute at most, so that a node
    /// which is killed loses a minute of it.
    pub last_used_at: Option<Timestamp>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// What an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Every application.
    Operator,
    /// Everything of its application.
    Admin,
    /// Everything of its application but keys and settings.
    User,
    /// What a client may: log in, and be anonymous.
    Tracking,
}

/// A set of roles, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Roles(u8);

/// A network in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    bits: u8,
}

/// A text that is not a network in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a network such as 203.0.113.0/24")]
pub struct CidrError;

// === impl Role ===

impl Role {
    /// Every role, the strongest first.
    pub const ALL: [Self; 4] = [Self::Operator, Self::Admin, Self::User, Self::Tracking];

    /// The role as the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::User => "user",
            Self::Tracking => "tracking",
        }
    }

    /// The role that the API spells so.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    fn bit(self) -> u8 {
        match self {
            Self::Operator => 8,
            Self::Admin => 4,
            Self::User => 2,
            Self::Tracking => 1,
        }
    }
}

// === impl Roles ===

impl Roles {
    /// The set of these roles; `None` if there are none.
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Option<Self> {
        let bits = roles.into_iter().fold(0, |bits, role| bits | role.bit());
        (bits != 0).then_some(Self(bits))
    }

    /// Whether the role is in the set.
    #[must_use]
    pub fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Whether this is a publishable key: it has `tracking`, and nothing else.
    #[must_use]
    pub fn is_publishable(self) -> bool {
        self.0 == Role::Tracking.bit()
    }

    /// The roles, the strongest first.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    /// The strongest role.
    #[must_use]
    pub fn strongest(self) -> Role {
        self.iter().next().unwrap_or(Role::Tracking)
    }
}

// === impl Cidr ===

impl Cidr {
    /// Whether the address lies in the network. An IPv4 address that came in
    /// mapped into IPv6 (RFC 4291 section 2.5.5.2) counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.bits);
                shift == 32 || (network.to_bits() ^ address.to_bits()) >> shift == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.bits);
                shift == 128 || (network.to_bits() ^ address.to_bits()) >> shift == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl From<IpAddr> for Cidr {
    /// The network of one address.
    fn from(address: IpAddr) -> Self {
        let network = address.to_canonical();
        let bits = if network.is_ipv4() { 32 } else { 128 };
        Self { network, bits }
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (network, bits) = text.split_once('/').ok_or(CidrError)?;
        let network: IpAddr = network.parse().map_err(|_| CidrError)?;
        let bits_max = if network.is_ipv4() { 32 } else { 128 };
        let digits = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit());
        match bits.parse::<u8>() {
            Ok(bits) if digits && bits <= bits_max => Ok(Self { network, bits }),
            Ok(_) | Err(_) => Err(CidrError),
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.network, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_its_addresses_alone() {
        for (cidr, address, inside) in [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.0/24", "::ffff:203.0.113.7", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("10.0.0.1/32", "10.0.0.1", true),
            ("10.0.0.1/32", "10.0.0.2", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db9::1", true),
        ] {
            let network: Cidr = cidr.parse().unwrap();
            assert_eq!(
                network.contains(address.parse().unwrap()),
                inside,
                "{address} in {cidr}"
            );
        }
        for (address, network) in [
            ("203.0.113.7", "203.0.113.7/32"),
            ("::ffff:203.0.113.7", "203.0.113.7/32"),
            ("2001:db8::1", "2001:db8::1/128"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            let of_one = Cidr::from(address);
            assert_eq!(of_one.to_string(), network);
            assert!(of_one.contains(address));
        }
        for bad in [
            "",
            "1.2.3.4",
            "1.2.3.4/33",
            "1.2.3.4/-1",
            "1.2.3.4/+8",
            "::/129",
            "a/8",
        ] {
            assert_eq!(bad.parse::<Cidr>(), Err(CidrError), "{bad}");
        }
    }
}
