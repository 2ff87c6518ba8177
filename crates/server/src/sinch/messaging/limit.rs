//! The limits of messages: what is kept of them, and how long is waited.

use crate::limit::SINCH_SEALED_BYTES_MAX;

/// Mailboxes of one session: tabs that share it. The oldest goes.
pub(super) const MAILBOXES_MAX: usize = 8;
/// Mailboxes of all sessions that are opened at once: each reads the store, up to a
/// backlog. Those that are more wait for their turn.
pub(super) const OPENING_AT_ONCE_MAX: usize = 8;
/// Channels that one subscription names.
pub(super) const CHANNELS_MAX: usize = 3;
/// Bytes of one answer, unless one message alone has more.
pub(super) const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Events that a mailbox takes before it answers; what it is given at once may be
/// more.
pub(super) const PENDING_MAX: usize = 32;
/// Signals that wait in a mailbox until it is level.
pub(super) const SIGNALS_MAX: usize = 64;

/// Messages that a client is told of the time before it came.
pub(super) const BACKLOG_MAX: usize = 100;
/// Conversations in which they are looked for, the ones that changed last.
pub(super) const BACKLOG_CONVERSATIONS_MAX: usize = 100;
/// How old they are at most, in seconds.
pub(super) const BACKLOG_S: i64 = 30 * 86_400;

/// Bytes of an id that a client may have given no other of its messages. Clients of
/// this protocol give UUIDs.
pub(super) const OWN_ID_BYTES_MIN: usize = 16;
/// Own messages of which a mailbox tells that they have arrived.
pub(super) const OWN_MAX: usize = 256;
/// Positions of others that it remembers to have told.
pub(super) const POSITIONS_MAX: usize = 1_024;

/// Messages of one session whose frames are known.
pub(super) const SENDINGS_OF_SESSION_MAX: usize = 16;
/// What of unfinished ones is held of a session.
pub(super) const SENDING_OF_SESSION_BYTES_MAX: usize = 2 * SINCH_SEALED_BYTES_MAX;
/// Messages of all sessions whose frames are known.
pub(super) const SENDINGS_MAX: usize = 100_000;
/// What of unfinished ones is held in all.
pub(super) const SENDING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long that is, in seconds.
pub(super) const SENDING_S: i64 = 120;
/// Channels of others of which a session's sendings know that they are right.
pub(super) const KNOWN_CHANNELS_MAX: usize = 256;
