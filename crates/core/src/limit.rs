//! Every limit, named, in one table.
//!
//! A queue, cache, body, page or retry whose bound is not here is a mistake.
//! Sizes are bytes, times are seconds unless the name says otherwise.

use std::num::{NonZeroU32, NonZeroUsize};

use crate::ports::upkeep::{ErasurePiece, Piece};

/// How often something may be done: so many times at once, and so many in each
/// second from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At once, after a pause.
    pub burst: NonZeroU32,
    /// In each second, without a pause.
    pub per_second: NonZeroU32,
}

/// How often a password may be wrong: so many times at once, and once in each
/// span from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// At once, after a pause.
    pub burst: NonZeroU32,
    /// How long one more takes to come back, in seconds.
    pub each_s: NonZeroU32,
}

/// A request's body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// An oversized body is read and dropped up to here, so that its 413 arrives.
pub const BODY_DROPPED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long a body may take to arrive.
pub const BODY_S_MAX: u64 = 30;
/// An attachment.
pub const ATTACHMENT_BYTES_MAX: usize = 5 * 1024 * 1024;
/// All attachments of one user.
pub const ATTACHMENT_QUOTA_BYTES: u64 = 100 * 1024 * 1024;
/// How long an attachment may take to arrive.
pub const ATTACHMENT_S_MAX: u64 = 120;
/// Files of one user that wait for the events that will name them.
pub const FILES_WAITING_MAX: u64 = 20;
/// How long a file waits for the event that will name it, in seconds.
pub const FILE_WAITS_S: i64 = 86_400;
/// How long a file that was announced may take to come, in seconds.
pub const ANNOUNCED_FILE_S: i64 = 600;
/// Files that one event may name.
pub const EVENT_FILES_MAX: usize = 8;
/// Attachments that arrive at once, over all users: each is held in memory.
pub const ATTACHMENTS_ARRIVING_MAX: usize = 64;
/// An event's body as text.
pub const EVENT_BODY_BYTES_MAX: usize = 60 * 1024;
/// A credential or token.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// A name of anything.
pub const NAME_BYTES_MAX: usize = 255;
/// The address of a picture.
pub const IMAGE_URL_BYTES_MAX: usize = 2_048;
/// What an application keeps with a user or a conversation, as text: it is read with every page of
/// events that the user has part in.
pub const CUSTOM_DATA_BYTES_MAX: usize = 8 * 1024;
/// What a user says of themselves, in bytes.
pub const DESCRIBED_BYTES_MAX: usize = 8 * 1024;
/// Code or text of why a member went out.
pub const REASON_BYTES_MAX: usize = 1_024;
/// A slug.
pub const SLUG_BYTES_MAX: usize = 63;
/// A user's password.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// How long the ticket lives that a user gets for a password and asks for no other
/// time, in seconds.
pub const TICKET_S: u32 = 3_600;
/// The longest time that can be asked for, and what a user gets who signs up.
pub const TICKET_S_MAX: u32 = 86_400;
/// Passwords that wait to be hashed or compared, beside those that are. Each takes a core
/// for some hundredths of a second.
pub const PASSWORDS_WAITING_MAX: usize = 64;
/// A client's own id of what it creates, and its nonce.
pub const CLIENT_ID_BYTES_MAX: usize = 255;
/// Entries of one page.
pub const PAGE_MAX: usize = 100;
/// Kinds of events that one page may be of.
pub const EVENT_KINDS_MAX: usize = 8;
/// The name of a custom event.
pub const CUSTOM_NAME_BYTES_MAX: usize = 100;
/// The body of an ephemeral event as text.
pub const EPHEMERAL_BODY_BYTES_MAX: usize = 8 * 1024;
/// Members of one conversation.
pub const MEMBERS_MAX: u64 = 3_000;
/// Users to whom one may write at once, which makes them a conversation.
pub const INSTANT_RECIPIENTS_MAX: usize = 100;
/// Open conversations of a visitor.
pub const ANONYMOUS_CONVERSATIONS_MAX: u64 = 5;
/// Plans of one use case, before a missed expectation is an error.
pub const PLANS_MAX: usize = 3;
/// Signing keys of one application that are not revoked.
pub const SIGNING_KEYS_MAX: usize = 64;
/// Signing keys of one application, the revoked ones included, whose names stay taken.
pub const SIGNING_KEYS_KEPT_MAX: usize = 1_000;
/// A secret that is imported.
pub const SECRET_BYTES_MAX: usize = 1_024;
/// API keys of one application.
pub const API_KEYS_MAX: usize = 1_000;
/// Origins that an application may allow.
pub const ALLOWED_ORIGINS_MAX: usize = 100;
/// Days that a setting may name, and that an API key may live.
pub const SETTING_DAYS_MAX: u32 = 3_650;
/// How far ahead of our clock an application may let a credential's times be, in seconds.
pub const SETTING_LEEWAY_S_MAX: u32 = 300;
/// How long an access token lives at least, in seconds.
pub const SETTING_ACCESS_S_MIN: u32 = 10;
/// How long an access token lives at most: a node may believe as long that a session lives.
pub const SETTING_ACCESS_S_MAX: u32 = 3_600;
/// Sessions that an application may let a user have.
pub const SETTING_SESSIONS_MAX: u32 = 1_000;
/// An origin of a web page.
pub const ORIGIN_BYTES_MAX: usize = 255;
/// Sessions that one call ends.
pub const SESSIONS_ENDED_MAX: usize = 1_000;

/// Notices that a reader may be behind before it is told to sweep instead. Room for all is taken at
/// the start, at a hundred bytes each; so many are a second's at full load.
pub const NOTICES_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("it is not zero");

/// A frame of a socket.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Conversations in a client's `have`.
pub const HAVE_MAX: usize = 1_000;
/// Conversations that one connection follows: the ones that changed last. A
/// page that is begun is read to its end.
pub const FOLLOWED_MAX: usize = 1_000;
/// Events that a client may have missed and is told one by one.
pub const MISSED_MAX: u64 = 500;
/// How long a long poll waits for something new, in seconds.
pub const SYNC_S_MAX: u64 = 25;

/// How far the time of a signed request may be from ours, in seconds.
pub const SIGNED_S_MAX: i64 = 300;
/// Signed requests of which a node knows that it has had them.
pub const SIGNED_REMEMBERED_MAX: usize = 200_000;
/// How long the use of a session whose requests are signed waits to be written, in seconds:
/// the most that it may end too early by.
pub const SIGNED_USE_WRITTEN_S: i64 = 86_400;

/// How long after a login the token from before is good for being handed the
/// next one, in seconds.
pub const HAND_OUT_S: i64 = 60;

/// Applications that a node remembers.
pub const CACHED_APPLICATIONS_MAX: usize = 1_000;
/// Sessions that a node remembers.
pub const CACHED_SESSIONS_MAX: usize = 200_000;
/// Credentials used as bearers that a node remembers as verified.
pub const CACHED_CREDENTIALS_MAX: usize = 20_000;
/// API keys that a node remembers.
pub const CACHED_API_KEYS_MAX: usize = 10_000;
/// How often the audit log is told that a key goes on reading a secret, in seconds.
pub const SECRET_READS_TOLD_S: i64 = 3_600;
/// Readers of secrets of whom a node knows when the log was told.
pub const SECRET_READERS_MAX: usize = 10_000;
/// Origins of web pages that a node remembers, over all applications.
pub const CACHED_ORIGINS_MAX: usize = 100_000;
/// How long a node believes what it remembers of them, where no notice has told
/// it otherwise.
pub const CACHED_ORIGINS_S: i64 = 5;
/// Keys whose use is noted and not yet written: one batch of the store takes them.
pub const KEY_USES_MAX: usize = 4_000;
/// How long the use of a key waits to be written: the most that a node forgets of it.
pub const KEY_USES_WRITTEN_S: i64 = 60;
/// How long a node believes what it remembers of an application or an API key,
/// where no notice has told it otherwise.
pub const CACHED_APPLICATION_S: i64 = 60;

/// How far back a look for revocations goes: no clock of a node is further
/// behind, and no commit takes longer.
pub const REVOCATIONS_REREAD_S: i64 = 60;
/// Revocations that one look reads.
pub const REVOCATIONS_REREAD_MAX: usize = 10_000;
/// Revocations of which a node knows that it was told of them.
pub const REVOCATIONS_HEARD_MAX: usize = 2 * REVOCATIONS_REREAD_MAX;
/// How long after its moment a row is committed at the latest.
pub const COMMIT_S_MAX: i64 = 10;
/// How long a node goes by what it remembers without seeing the store.
pub const STORE_UNSEEN_S_MAX: u64 = 5;

/// Audit logs that are sealed in one run.
pub const SEALED_LOGS_MAX: usize = 100;
/// Entries of a log that one batch seals.
pub const SEALED_ENTRIES_MAX: usize = 200;

/// Rows of a kind that the janitor looks at, at once.
pub const JANITOR_PAGE: usize = 200;
/// Pages that it looks at in one run, as long as there is nothing to remove.
pub const JANITOR_STEPS_MAX: usize = 16;
/// Visitors that one batch of it removes, each with up to a handful of conversations.
pub const JANITOR_VISITORS_MAX: usize = 50;
/// Revocations that one batch of it removes.
pub const JANITOR_TOMBSTONES_MAX: usize = 500;
/// What one batch of it removes of deleted conversations. A file is large.
pub const JANITOR_PIECE: Piece = Piece {
    conversations: 50,
    events: 1_000,
    files: 4,
};
/// What one batch takes of who is erased. One that looks at this many events takes some
/// milliseconds, and others' batches come in between.
pub const ERASURE_PIECE: ErasurePiece = ErasurePiece {
    places: 50,
    scanned: 20_000,
    events: 500,
    files: 4,
    sessions: 500,
};
/// How long a row stays after nothing needs it any more: longer than any
/// leeway, and than the clocks of two nodes are apart.
pub const JANITOR_GRACE_S: i64 = 86_400;

/// Logins, visitors and refreshes from one address. A company, or a mobile
/// network, is one address: hundreds may arrive when a working day begins.
pub const ENTRANCE_RATE: Rate = rate(1_000, 50);
/// The same from this machine itself: what comes from there is a proxy, which
/// stands for everybody behind it.
pub const LOCAL_ENTRANCE_RATE: Rate = rate(100_000, 50_000);
/// Calls of one session: a person with a page that reads a lot when it opens.
pub const SESSION_RATE: Rate = rate(2_000, 100);
/// Calls of one API key, which is a whole backend.
pub const KEY_RATE: Rate = rate(50_000, 10_000);
/// Wrong passwords of one account from one network: a person who does not remember
/// which one it was.
pub const NETWORK_TRIES: Tries = tries(10, 10);
/// Wrong passwords of one account from all networks together.
pub const ACCOUNT_TRIES: Tries = tries(100, 6);
/// Wrong passwords from one network of an account that has none of those left.
pub const STRAINED_TRIES: Tries = tries(2, 30);
/// Who is remembered for the sake of these rates: sessions, keys, addresses.
pub const RATED_MAX: usize = 200_000;

const fn tries(burst: u32, each_s: u32) -> Tries {
    Tries {
        burst: NonZeroU32::new(burst).expect("it is not zero"),
        each_s: NonZeroU32::new(each_s).expect("it is not zero"),
    }
}

const fn rate(burst: u32, per_second: u32) -> Rate {
    Rate {
        burst: NonZeroU32::new(burst).expect("it is not zero"),
        per_second: NonZeroU32::new(per_second).expect("it is not zero"),
    }
}
