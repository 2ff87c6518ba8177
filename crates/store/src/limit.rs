//! Every limit of the engines, in one place.

use std::time::Duration;

/// Statements in one batch.
pub const BATCH_STATEMENTS_MAX: usize = 4096;
/// Bytes of parameters in one batch: an attachment of 5 MiB and its rows fit.
pub const BATCH_BYTES_MAX: usize = 8 << 20;

/// Batches that share one commit. More would only make the first of them wait longer.
pub const GROUP_BATCHES_MAX: usize = 256;
/// Bytes of parameters that share one commit; one batch always fits.
pub const GROUP_BYTES_MAX: usize = BATCH_BYTES_MAX;

/// Batches, or queries, that wait for a thread; one more is refused at once.
pub const QUEUE_JOBS_MAX: usize = 4096;
/// Bytes of parameters that wait for a thread.
pub const QUEUE_BYTES_MAX: usize = 64 << 20;

/// Rows that one statement may answer.
pub const ROWS_MAX: usize = 10_000;
/// Bytes of text and blobs that one statement may answer.
pub const ROWS_BYTES_MAX: usize = 64 << 20;

/// How long a caller waits for its answer, queueing included.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection waits for a lock that a checkpoint holds.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// Past this much new write-ahead log, the checkpointer copies what it can without stopping anyone.
pub const LOG_PASSIVE_BYTES: u64 = 4 << 20;
/// Past this much write-ahead log, the checkpointer stops the writer for a moment, so that the log
/// begins anew.
pub const LOG_RESTART_BYTES: u64 = 64 << 20;
/// How much of the log's file is kept to be written over. What somebody who read for long has made
/// of it beyond that is cut off.
pub const LOG_KEPT_BYTES: u64 = 96 << 20;

/// Pages that are looked at in one piece, for what is left in them of what was deleted: 16 MiB.
pub const WIPE_PAGES: u32 = 4_096;
/// Pages that one commit wipes.
pub const WIPE_WRITES_MAX: usize = 64;
/// How long the next piece waits for whoever waits for the lock.
pub const WIPE_PAUSE: Duration = Duration::from_millis(2);
/// How often the log is tried to be cut where somebody is in the way.
pub const LOG_CUTS_MAX: usize = 200;
/// How long the next try waits.
pub const LOG_CUT_PAUSE: Duration = Duration::from_millis(50);

/// Pages of a copy that are written at once, and bytes of it after which it is synced: what waits to
/// be written to the disk delays every commit on the same disk.
pub const COPY_STEP_PAGES: i32 = 256;
/// See [`COPY_STEP_PAGES`].
pub const COPY_SYNC_BYTES: u64 = 16 << 20;

/// Prepared statements kept for each connection. The texts are constants, so this is never
/// reached; it keeps a mistake from growing without end.
pub const PREPARED_MAX: usize = 1024;
/// Memory of a reader for pages, in KiB.
pub const READER_CACHE_KIB: i64 = 8 << 10;
/// What waits that one reader takes at once: it is on one snapshot, and is answered together.
pub const READS_AT_ONCE_MAX: usize = 4;
/// Reader threads, unless the options say otherwise.
pub const READERS: usize = 2;

/// Places of a conversation whose people are read beside a page of events. Whom this leaves out is
/// asked for by id.
pub const PLACES_READ_MAX: u32 = 16;
/// API keys whose names are remembered, for the events that they have sent.
pub const KEYS_KNOWN_MAX: usize = 1_000;
/// Visitors who turned out to be a user, that an export tells of.
pub const VISITORS_EXPORTED_MAX: u32 = 1_000;
/// Events of a conversation that one read of an export looks through.
pub const EXPORT_SCANNED_MAX: u64 = 20_000;
/// Places, or parts of them, that one page of an export looks into.
pub const EXPORT_STEPS_MAX: usize = 20;
/// Unread events that are counted: who has more is told this many. They are looked for among the
/// newest ten times as many of the conversation.
pub const UNREAD_COUNTED_MAX: u32 = 1_000;
/// Places of a user that are read while others wait to write, and events in each of them after the
/// seen one: who has as many is asked for by a reader.
pub const FEW_PLACES_MAX: u32 = 4;
/// See [`FEW_PLACES_MAX`].
pub const FEW_UNREAD_MAX: u32 = 10;
/// Open sessions of a user that one read tells of.
pub const OPEN_SESSIONS_READ_MAX: u32 = 1_000;
/// Open sessions on a device that one read tells of: as many as one batch ends.
pub const DEVICE_SESSIONS_READ_MAX: u32 = 100;
