//! The limits of connections, and of what a node does by itself. Those of what
//! is said on them are the domain's, in [`countersign_core::limit`].

use countersign_core::limit::EVENT_BODY_BYTES_MAX;

/// Connections that are open at once, over all doors; further ones wait in the
/// kernel's queue.
pub const CONNECTIONS_MAX: usize = 20_000;
/// How long a request's head may take to arrive, and a connection may be idle.
pub const HEAD_S_MAX: u64 = 30;
/// A request's head.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Fields of a request's head.
pub const HEAD_FIELDS_MAX: usize = 100;
/// How long a client may take to agree on TLS, in seconds: it counts as a connection
/// meanwhile.
pub const HANDSHAKE_S_MAX: u64 = 10;
/// How long a client may take nothing of what is written to it, in seconds.
pub const WRITE_S_MAX: u64 = 30;
/// How long open requests may take to end once the server stops.
pub const DRAIN_S_MAX: u64 = 25;
/// How long a listener waits after the system refused it a connection, in
/// milliseconds: it is out of file descriptors, and trying at once would spin.
pub const ACCEPT_RETRY_MS: u64 = 50;
/// An id in a frame of the sinch door.
pub const SINCH_ID_BYTES_MAX: usize = 64;
/// What is sealed of a message there, in base64: of the longest body that an event may have, which
/// doubles at most where it stands as JSON within JSON, with room for names.
pub const SINCH_SEALED_BYTES_MAX: usize = (2 * EVENT_BODY_BYTES_MAX + 4 * 1_024).div_ceil(3) * 4;
/// Frames of one message there: as many as such a message has, where its ids are the longest.
pub const SINCH_FRAMES_MAX: usize =
    SINCH_SEALED_BYTES_MAX.div_ceil(1_500 - 15 - 2 * SINCH_ID_BYTES_MAX);
/// How often a node looks for what it has to do by itself, in seconds.
pub const UPKEEP_S: u64 = 5;
/// How often a node looks for revocations that nobody told it of, in seconds.
pub const STORE_LOOK_S: u64 = 1;
/// When a caller may try again who was told that the store is not available, in
/// seconds.
pub const UNAVAILABLE_RETRY_S: u64 = 2;
/// How long erasures wait where there was none to go on with, in milliseconds.
pub const ERASURE_MS: u64 = 1_000;
/// How long they wait after a batch, in milliseconds.
pub const ERASURE_BUSY_MS: u64 = 10;
/// How long after the beginning of a sweep over all sessions and visitors another one may begin, in
/// seconds.
pub const SWEEP_S: i64 = 60;
/// How long the janitor waits where there was nothing to do, in seconds.
pub const JANITOR_S: u64 = 5;
/// How long it waits after a batch, in seconds.
pub const JANITOR_BUSY_S: u64 = 1;
/// How often a node looks for entries of the audit log that are to be sealed, in seconds.
pub const SEAL_S: u64 = 1;
/// How many batches of each log it then seals at most, so that others come first.
pub const SEAL_BATCHES_MAX: usize = 10;
