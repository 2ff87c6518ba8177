//! Our own tokens: MACed, not stored.
//!
//! An access, refresh, tracking or upload token is its content and an HMAC-SHA256 (RFC 2104)
//! over it, so that a node reads it without the store; what ends a token early
//! is the session's row or a revocation, never the token itself. It carries a
//! prefix that says what it is, so that a pasted one is recognised before any
//! look-up, and by scanners of leaked secrets.
//!
//! # Invariants
//! A token's text reaches no log and no error. Its content holds ids and
//! times alone, nothing that the client could not know.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_credential::time::Timestamp;
use zeroize::Zeroizing;

use crate::error::{Code, Error};
use crate::id::{ApiKeyId, ApplicationId, DeviceId, SessionId, UserId};
use crate::model::session::SessionIdentity;

/// What an access token begins with.
pub const ACCESS_PREFIX: &str = "cs_at_";
/// What a refresh token begins with.
pub const REFRESH_PREFIX: &str = "cs_rt_";
/// What a tracking token begins with.
pub const TRACKING_PREFIX: &str = "cs_tt_";
/// What a pass begins with.
pub const PASS_PREFIX: &str = "cs_sp_";
/// What an upload token begins with.
pub const UPLOAD_PREFIX: &str = "cs_ut_";

const VERSION: u8 = 1;
const FLAG_ANONYMOUS: u8 = 1;
const FLAG_API_KEY: u8 = 2;
const CONTENT_BYTES: usize = 4 + 5 * 16 + 8 + 4 + 8;
const MAC_BYTES: usize = 32;
const TOKEN_BYTES: usize = CONTENT_BYTES + MAC_BYTES;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Shown with every call; short-lived.
    Access,
    /// Exchanged for the next access token.
    Refresh,
    /// Shown with every call by a client that has no other; as long-lived as its
    /// session. Its generation is that of none.
    Tracking,
    /// What a pass says of its session: no call takes it.
    Pass,
    /// Goes with one file, by who may show nothing else; good for minutes.
    Upload,
}

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is for.
    pub kind: TokenKind,
    /// The session's application.
    pub application: ApplicationId,
    /// The session, its user, its device.
    pub identity: SessionIdentity,
    /// How often a history had been restored when it was made.
    pub epoch: u64,
    /// The session's generation.
    pub generation: u32,
    /// When it is over.
    pub expires_at: Timestamp,
}

/// The keys that make and check our tokens: one makes, all check.
pub struct TokenKeys {
    keys: Vec<(u8, hmac::Key)>,
}

/// The bytes of what looks like a token of ours, and may be anybody's: its MAC is
/// not checked.
pub(crate) struct Unchecked {
    kind: TokenKind,
    bytes: [u8; TOKEN_BYTES],
}

/// The bytes of a token whose MAC was checked. The same bytes again have the same
/// MAC, which need not be made another time to see that.
pub(crate) struct Recognised(Box<Unchecked>);

/// A text that is none of our tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOurs;

// === impl TokenKind ===

impl TokenKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Access => ACCESS_PREFIX,
            Self::Refresh => REFRESH_PREFIX,
            Self::Tracking => TRACKING_PREFIX,
            Self::Pass => PASS_PREFIX,
            Self::Upload => UPLOAD_PREFIX,
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Access => 1,
            Self::Refresh => 2,
            Self::Tracking => 3,
            Self::Pass => 4,
            Self::Upload => 5,
        }
    }
}

// === impl Token ===

impl Token {
    fn content(&self, key_id: u8) -> [u8; CONTENT_BYTES] {
        let mut flags = 0;
        if self.identity.anonymous {
            flags |= FLAG_ANONYMOUS;
        }
        if self.identity.api_key.is_some() {
            flags |= FLAG_API_KEY;
        }
        let api_key = self.identity.api_key.map_or([0; 16], |id| id.bytes());
        let mut content = [0; CONTENT_BYTES];
        let parts: [&[u8]; 9] = [
            &[VERSION, self.kind.number(), key_id, flags],
            &self.application.bytes(),
            &self.identity.session.bytes(),
            &self.identity.user.bytes(),
            &self.identity.device.bytes(),
            &api_key,
            &self.epoch.to_be_bytes(),
            &self.generation.to_be_bytes(),
            &self.expires_at.milliseconds().to_be_bytes(),
        ];
        let mut rest = &mut content[..];
        for part in parts {
            let (here, after) = rest.split_at_mut(part.len());
            here.copy_from_slice(part);
            rest = after;
        }
        content
    }

    fn from_content(content: &[u8; CONTENT_BYTES], kind: TokenKind) -> Self {
        let mut reader = Reader(content);
        let [_, _, _, flags] = reader.take();
        let application = ApplicationId::from_bytes(reader.take());
        let session = SessionId::from_bytes(reader.take());
        let user = UserId::from_bytes(reader.take());
        let device = DeviceId::from_bytes(reader.take());
        let api_key = ApiKeyId::from_bytes(reader.take());
        Self {
            kind,
            application,
            identity: SessionIdentity {
                session,
                user,
                device,
                api_key: (flags & FLAG_API_KEY != 0).then_some(api_key),
                anonymous: flags & FLAG_ANONYMOUS != 0,
            },
            epoch: u64::from_be_bytes(reader.take()),
            generation: u32::from_be_bytes(reader.take()),
            expires_at: Timestamp::from_milliseconds(i64::from_be_bytes(reader.take())),
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (here, rest) = self
            .0
            .split_first_chunk::<N>()
            .expect("the parts add up to CONTENT_BYTES");
        self.0 = rest;
        *here
    }
}

// === impl TokenKeys ===

impl TokenKeys {
    /// The keys by id; the last one makes tokens, all of them check.
    ///
    /// # Panics
    /// If there is no key: the wiring makes one.
    #[must_use]
    pub fn new(secrets: &[(u8, [u8; 32])]) -> Self {
        assert!(!secrets.is_empty(), "there is a key that makes tokens");
        let keys = secrets
            .iter()
            .map(|(id, secret)| (*id, hmac::Key::new(hmac::HMAC_SHA256, secret)))
            .collect();
        Self { keys }
    }

    /// A MAC over a text that is not a token: a publishable key.
    #[must_use]
    pub fn mac(&self, text: &str) -> [u8; MAC_BYTES] {
        let (_, key) = self.keys.last().expect("new() has seen a key");
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(hmac::sign(key, text.as_bytes()).as_ref());
        mac
    }

    /// The key that makes what is derived now.
    pub(crate) fn newest(&self) -> u8 {
        let (id, _) = self.keys.last().expect("new() has seen a key");
        *id
    }

    /// All keys, the newest first.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u8> {
        self.keys.iter().rev().map(|(id, _)| *id)
    }

    /// A secret for another purpose, which follows from a key, the purpose and
    /// what it is for: it is made again whenever it is needed, and kept nowhere.
    /// `None` where there is no such key any more.
    pub(crate) fn derived(
        &self,
        key: u8,
        purpose: &str,
        of: &[u8],
    ) -> Option<Zeroizing<[u8; MAC_BYTES]>> {
        let (_, key) = self.keys.iter().find(|(id, _)| *id == key)?;
        // No token begins like this: its first byte is its version.
        let mut context = hmac::Context::with_key(key);
        for part in [&b"derived: "[..], purpose.as_bytes(), &[0], of] {
            context.update(part);
        }
        let mut derived = Zeroizing::new([0; MAC_BYTES]);
        derived.copy_from_slice(context.sign().as_ref());
        Some(derived)
    }

    /// The token's text.
    #[must_use]
    pub fn write(&self, token: &Token) -> String {
        let (id, key) = self.keys.last().expect("new() has seen a key");
        let content = token.content(*id);
        let mac = hmac::sign(key, &content);
        let mut bytes = [0; TOKEN_BYTES];
        bytes[..CONTENT_BYTES].copy_from_slice(&content);
        bytes[CONTENT_BYTES..].copy_from_slice(mac.as_ref());
        let mut text = token.kind.prefix().to_owned();
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        text
    }

    /// What a token of this kind says, once its MAC is checked. Whether it is
    /// over, and whether its session lives, is the caller's to judge.
    ///
    /// # Errors
    /// [`NotOurs`] for anything that these keys have not made, whatever is wrong
    /// with it: a forger learns nothing.
    pub fn read(&self, kind: TokenKind, text: &str) -> Result<Token, NotOurs> {
        self.check(&Unchecked::decode(kind, text)?)
    }

    /// The same, of what is decoded already.
    pub(crate) fn check(&self, unchecked: &Unchecked) -> Result<Token, NotOurs> {
        let (content, mac) = unchecked.parts();
        let (_, key) = self
            .keys
            .iter()
            .find(|(id, _)| *id == content[2])
            .ok_or(NotOurs)?;
        hmac::verify(key, content, mac).map_err(|_| NotOurs)?;
        Ok(unchecked.token())
    }
}

impl fmt::Debug for TokenKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenKeys")
    }
}

// === impl Unchecked ===

impl Unchecked {
    /// What stands in a text of this kind.
    pub(crate) fn decode(kind: TokenKind, text: &str) -> Result<Self, NotOurs> {
        let encoded = text.strip_prefix(kind.prefix()).ok_or(NotOurs)?;
        let mut bytes = [0; TOKEN_BYTES];
        let length = URL_SAFE_NO_PAD
            .decode_slice(encoded, &mut bytes)
            .map_err(|_| NotOurs)?;
        if length != TOKEN_BYTES || bytes[0] != VERSION || bytes[1] != kind.number() {
            return Err(NotOurs);
        }
        Ok(Self { kind, bytes })
    }

    /// Which session's it says that it is.
    pub(crate) fn claimed_session(&self) -> SessionId {
        self.token().identity.session
    }

    fn token(&self) -> Token {
        let (content, _) = self.parts();
        Token::from_content(content, self.kind)
    }

    fn parts(&self) -> (&[u8; CONTENT_BYTES], &[u8]) {
        self.bytes
            .split_first_chunk()
            .expect("a token begins with its content")
    }
}

// === impl Recognised ===

impl Recognised {
    /// Remembers what [`TokenKeys::check`] has found good.
    pub(crate) fn checked(good: Unchecked) -> Self {
        Self(Box::new(good))
    }

    /// What a token says, if it is this one again.
    pub(crate) fn token(&self, again: &Unchecked) -> Option<Token> {
        let Self(known) = self;
        let same = verify_slices_are_equal(&known.bytes, &again.bytes);
        same.ok().map(|()| known.token())
    }
}

impl fmt::Debug for Recognised {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Recognised")
    }
}

impl From<NotOurs> for Error {
    fn from(_: NotOurs) -> Self {
        Self::new(
            Code::MalformedToken,
            "this is none of our tokens, or it was changed",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(kind: TokenKind, anonymous: bool, api_key: bool) -> Token {
        Token {
            kind,
            application: ApplicationId::from_bytes([1; 16]),
            identity: SessionIdentity {
                session: SessionId::from_bytes([2; 16]),
                user: UserId::from_bytes([3; 16]),
                device: DeviceId::from_bytes([4; 16]),
                api_key: api_key.then_some(ApiKeyId::from_bytes([5; 16])),
                anonymous,
            },
            epoch: 7,
            generation: 9,
            expires_at: Timestamp::from_milliseconds(1_800_000_000_123),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let keys = TokenKeys::new(&[(1, [1; 32]), (2, [2; 32])]);
        for kind in [
            TokenKind::Access,
            TokenKind::Refresh,
            TokenKind::Tracking,
            TokenKind::Pass,
            TokenKind::Upload,
        ] {
            for (anonymous, api_key) in [(false, false), (true, false), (false, true), (true, true)]
            {
                let token = token(kind, anonymous, api_key);
                assert_eq!(keys.read(kind, &keys.write(&token)), Ok(token));
            }
        }
    }

    #[test]
    fn a_token_of_an_older_key_is_read_and_of_a_foreign_one_is_not() {
        let token = token(TokenKind::Access, false, true);
        let old = TokenKeys::new(&[(1, [1; 32])]).write(&token);
        let both = TokenKeys::new(&[(1, [1; 32]), (2, [2; 32])]);
        assert_eq!(both.read(TokenKind::Access, &old), Ok(token));
        let foreign = TokenKeys::new(&[(1, [9; 32])]);
        assert_eq!(foreign.read(TokenKind::Access, &old), Err(NotOurs));
        let gone = TokenKeys::new(&[(2, [2; 32])]);
        assert_eq!(gone.read(TokenKind::Access, &old), Err(NotOurs));
    }

    #[test]
    fn what_follows_from_a_key_is_its_purposes_own() {
        let keys = TokenKeys::new(&[(1, [1; 32]), (2, [2; 32])]);
        assert_eq!(keys.ids().collect::<Vec<u8>>(), [2, 1]);
        assert_eq!(keys.ids().next(), Some(keys.newest()));
        let one = keys.derived(1, "one", b"of");
        for other in [
            keys.derived(2, "one", b"of"),
            keys.derived(1, "other", b"of"),
            keys.derived(1, "one", b"off"),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(one, keys.derived(1, "one", b"of"));
        assert_eq!(keys.derived(3, "one", b"of"), None);
    }

    #[test]
    fn one_kind_is_not_the_other() {
        let keys = TokenKeys::new(&[(1, [1; 32])]);
        let refresh = keys.write(&token(TokenKind::Refresh, false, false));
        assert_eq!(keys.read(TokenKind::Access, &refresh), Err(NotOurs));
        let renamed = refresh.replace(REFRESH_PREFIX, ACCESS_PREFIX);
        assert_eq!(keys.read(TokenKind::Access, &renamed), Err(NotOurs));
    }

    #[test]
    fn a_token_is_recognised_by_every_byte_of_it() {
        let keys = TokenKeys::new(&[(1, [1; 32])]);
        let decoded = |text: &str| Unchecked::decode(TokenKind::Access, text).unwrap();
        let token = token(TokenKind::Access, false, true);
        let text = keys.write(&token);
        assert_eq!(decoded(&text).claimed_session(), token.identity.session);
        let known = Recognised::checked(decoded(&text));
        assert_eq!(known.token(&decoded(&text)), Some(token));
        for place in 2..TOKEN_BYTES {
            let mut other = decoded(&text);
            other.bytes[place] ^= 1;
            assert_eq!(known.token(&other), None, "at {place}");
            assert_eq!(keys.check(&other), Err(NotOurs), "at {place}");
        }
        let refresh = Token {
            kind: TokenKind::Refresh,
            ..token
        };
        let refresh = Unchecked::decode(TokenKind::Refresh, &keys.write(&refresh));
        assert_eq!(known.token(&refresh.unwrap()), None);
        assert_eq!(format!("{known:?}"), "Recognised");
    }

    #[test]
    fn any_changed_character_is_refused() {
        let keys = TokenKeys::new(&[(1, [1; 32])]);
        let text = keys.write(&token(TokenKind::Access, false, false));
        for position in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[position] = if changed[position] == b'A' {
                b'B'
            } else {
                b'A'
            };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(
                keys.read(TokenKind::Access, &changed),
                Err(NotOurs),
                "at {position}"
            );
        }
        for length in 0..text.len() {
            assert_eq!(keys.read(TokenKind::Access, &text[..length]), Err(NotOurs));
        }
        assert_eq!(
            keys.read(TokenKind::Access, &format!("{text}A")),
            Err(NotOurs)
        );
    }
}
