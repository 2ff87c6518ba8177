//! The limits of sockets: what a node keeps for them, and how long it waits.

use std::time::Duration;

/// Sockets that are open at once, and who waits by long poll.
pub(crate) const LINES_MAX: usize = 100_000;
/// Sockets that have not said yet who they are.
pub(crate) const ENTERING_MAX: usize = 2_000;
/// Recent events that are kept of one conversation.
pub(crate) const RECENT_EVENTS_MAX: usize = 256;
/// Recent events that wait for an earlier one, of one conversation.
pub(crate) const EARLY_EVENTS_MAX: usize = 64;
/// Bytes of recent events that a node keeps, over all conversations.
pub(crate) const RECENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Notices that a node remembers, for who begins to follow meanwhile.
pub(crate) const HEARD_MAX: usize = 1_024;
/// Events that a connection takes at once.
pub(crate) const EVENTS_AT_ONCE_MAX: usize = 32;
/// Signals that wait for a connection.
pub(crate) const SIGNALS_MAX: usize = 32;
/// Sessions that are looked at again at once.
pub(crate) const LOOKS_AT_ONCE_MAX: usize = 8;
/// Pings and pongs before the first frame.
pub(crate) const ENTERING_PINGS_MAX: u32 = 100;
/// Frames before a socket is let into its first channel.
pub(crate) const ENTERING_FRAMES_MAX: u32 = 100;
/// Channels that a socket is in at once, where a door has such.
pub(crate) const CHANNELS_MAX: usize = 100;
/// Commands and pings in a row that a socket may send too many before it is closed.
pub(crate) const REFUSED_IN_A_ROW_MAX: u32 = 100;
/// The buffer that a socket is read into: small, since most of them sleep, with room for what a
/// login is sent with, a token of RSA with ten ACL paths.
pub(crate) const READ_BUFFER_BYTES: usize = 1_280;
/// What is gathered before it is handed to the kernel: a few frames. A socket keeps
/// the room.
pub(crate) const WRITE_BUFFER_BYTES: usize = 4 * 1024;
/// Frames that are written in one go.
pub(crate) const FRAMES_AT_ONCE_MAX: usize = 16;
/// Bytes after which no frame is added to what is written in one go.
pub(crate) const FRAMES_BYTES_AT_ONCE_MAX: usize = 16 * 1024;
/// What a socket's write buffer may grow to: one frame, whatever it holds.
pub(crate) const WRITE_BUFFER_BYTES_MAX: usize = 512 * 1024;
/// Frames of one answer to a long poll.
pub(crate) const SYNC_FRAMES_MAX: usize = 500;

/// How often a node looks at all of its sockets.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After so many looks a connection's conversations are read anew: a notice may
/// have been lost.
pub(crate) const SWEEP_LOOKS: u32 = 60;
/// After so many looks without a word the other end is asked whether it is there.
pub(crate) const PING_LOOKS: u32 = 25;
/// After so many it is not.
pub(crate) const SILENT_LOOKS: u32 = 60;
/// How long the answer to a revocation waits for sockets to be told at most.
pub(crate) const LEAVING: Duration = Duration::from_millis(250);
/// How long before its end a client is told that its token is nearly over.
pub(crate) const EXPIRING_S: i64 = 60;
/// The longest time after which a client is to come back, in milliseconds.
pub(crate) const RECONNECT_MS_MAX: u64 = 10_000;
/// How long to wait before the store is asked again, where it did not answer.
pub(crate) const STORE_RETRY: Duration = Duration::from_secs(1);

/// How long a node waits for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the first frame.
    pub authenticate: Duration,
    /// For a client that does not read.
    pub write: Duration,
    /// For the client's own close frame.
    pub close: Duration,
    /// For something to tell, where a client polls and does not say how long it
    /// waits. Those that do not give up after 310 s.
    pub poll: Duration,
}

// === impl Patience ===

impl Default for Patience {
    fn default() -> Self {
        Self {
            authenticate: Duration::from_secs(10),
            write: Duration::from_secs(10),
            close: Duration::from_secs(5),
            poll: Duration::from_secs(280),
        }
    }
}
