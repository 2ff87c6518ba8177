//! What the parts of a node that the doors do not know tell of themselves: the
//! store, the pool for passwords, the log, and the process.
//!
//! The numbers of the process have the names that every exporter gives them, so
//! that dashboards made for others show them.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use countersign_credential::time::Timestamp;
use countersign_server::operations::{Reading, Sample, Source};
use countersign_store::SqlStore;
use countersign_store::sqlite::{Activity, Space, Sqlite};
use rustix::param::{clock_ticks_per_second, page_size};

use crate::hashing_pool::{HashingPool, Load};
use crate::log;

/// What tells all of it, for a node that was started at this moment.
pub(crate) fn sources(
    store: &Arc<SqlStore<Sqlite>>,
    passwords: &Arc<HashingPool>,
    started_at: Timestamp,
) -> Vec<Source> {
    let (store, of_disk) = (Arc::clone(store), Arc::clone(store));
    let passwords = Arc::clone(passwords);
    vec![
        Arc::new(move || of_store(store.engine().activity())),
        // A disk that does not even tell this is in the log for other reasons.
        Arc::new(move || of_disk.engine().space().map(of_space).unwrap_or_default()),
        Arc::new(move || of_passwords(&passwords.load())),
        Arc::new(of_log),
        Arc::new(move || of_process(started_at)),
    ]
}

fn of_store(activity: Activity) -> Vec<Sample> {
    let numbers = [
        (
            "countersign_store_batches_total",
            "Batches that the store committed.",
            activity.batches,
        ),
        (
            "countersign_store_commits_total",
            "Commits, each one sync for all batches that waited.",
            activity.commits,
        ),
        (
            "countersign_store_failures_total",
            "Groups of batches that the disk did not take; nobody was told that they were written.",
            activity.failures,
        ),
        (
            "countersign_store_connections_total",
            "Connections of the writer: more than one means that one has failed.",
            activity.connections,
        ),
        (
            "countersign_store_checkpoints_total",
            "Checkpoints of the write-ahead log.",
            activity.checkpoints,
        ),
        (
            "countersign_store_checkpoint_failures_total",
            "Checkpoints that failed; the log is kept, and grows.",
            activity.checkpoint_failures,
        ),
        (
            "countersign_store_log_bytes",
            "How much of the write-ahead log was in use at the last commit.",
            activity.log_bytes,
        ),
    ];
    let durations = [
        (
            "countersign_store_commit_duration_seconds",
            "From a group's first statement to the end of its commit.",
            activity.commit_durations,
        ),
        (
            "countersign_store_sync_duration_seconds",
            "The last step of a commit, which waits for the disk.",
            activity.sync_durations,
        ),
    ];
    let waiting = Sample {
        name: "countersign_store_waiting",
        help: "What waits for a thread of the store.",
        reading: Reading::By(
            "queue",
            vec![
                ("write", activity.batches_waiting),
                ("read", activity.queries_waiting),
            ],
        ),
    };
    let durations = durations.map(|(name, help, durations)| Sample {
        name,
        help,
        reading: Reading::Durations(durations),
    });
    let mut samples: Vec<_> = numbers.map(number).into();
    samples.extend(durations);
    samples.push(waiting);
    samples
}

fn of_space(space: Space) -> Vec<Sample> {
    [
        (
            "countersign_store_database_bytes",
            "The size of the database's file.",
            space.database_bytes,
        ),
        (
            "countersign_store_log_file_bytes",
            "The size of the write-ahead log's file, which is written over.",
            space.log_file_bytes,
        ),
        (
            "countersign_store_disk_free_bytes",
            "What is free on the disk of the data folder.",
            space.free_bytes,
        ),
    ]
    .map(number)
    .into()
}

fn of_passwords(load: &Load) -> Vec<Sample> {
    [
        (
            "countersign_passwords_waiting",
            "Passwords that are hashed or compared, or wait for it.",
            load.waiting,
        ),
        (
            "countersign_passwords_waiting_max",
            "Passwords that there is room for; what comes on top is refused.",
            load.waiting_max,
        ),
        (
            "countersign_passwords_refused_total",
            "Passwords that there was no room for.",
            load.refused,
        ),
    ]
    .map(number)
    .into()
}

fn of_log() -> Vec<Sample> {
    vec![Sample {
        name: "countersign_log_lines_total",
        help: "Lines that were written to the log, by level.",
        reading: Reading::By("level", log::lines()),
    }]
}

fn of_process(started_at: Timestamp) -> Vec<Sample> {
    let since_1970 = Duration::from_millis(started_at.milliseconds().unsigned_abs());
    let mut samples = vec![
        Sample {
            name: "countersign_build_info",
            help: "The version of the program.",
            reading: Reading::By("version", vec![(env!("CARGO_PKG_VERSION"), 1)]),
        },
        Sample {
            name: "process_start_time_seconds",
            help: "When the process was started, in seconds since 1970.",
            reading: Reading::Seconds(since_1970),
        },
    ];
    // Of these, only Linux tells.
    samples.extend(cpu_time().map(|time| Sample {
        name: "process_cpu_seconds_total",
        help: "User and system time of the process.",
        reading: Reading::Seconds(time),
    }));
    let numbers = [
        (
            "process_resident_memory_bytes",
            "Resident memory of the process.",
            resident_bytes(),
        ),
        (
            "process_open_fds",
            "File descriptors that are open.",
            open_descriptors(),
        ),
        (
            "process_max_fds",
            "File descriptors that may be open.",
            descriptors_max(),
        ),
    ];
    let told = |(name, help, value): (_, _, Option<u64>)| Some(number((name, help, value?)));
    samples.extend(numbers.into_iter().filter_map(told));
    samples
}

/// The fields of `/proc/self/stat` are counted from the end of the name, which
/// may hold anything (proc_pid_stat(5)).
fn cpu_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = text.get(text.rfind(')')? + 2..)?.split(' ');
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let ticks = (user + system) as f64;
    Some(Duration::from_secs_f64(
        ticks / clock_ticks_per_second() as f64,
    ))
}

fn resident_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * page_size() as u64)
}

fn open_descriptors() -> Option<u64> {
    // One of them is the folder that is read.
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    Some((open as u64).saturating_sub(1))
}

fn descriptors_max() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn number((name, help, value): (&'static str, &'static str, u64)) -> Sample {
    Sample {
        name,
        help,
        reading: Reading::Number(value),
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn the_process_tells_of_itself() {
        assert!(resident_bytes().unwrap() > 100 * 1024);
        assert!(open_descriptors().unwrap() >= 3);
        assert!(descriptors_max().unwrap() >= open_descriptors().unwrap());
        let before = cpu_time().unwrap();
        let mut sum = 0_u64;
        while cpu_time().unwrap() < before + Duration::from_millis(20) {
            sum = (0..100_000).fold(sum, |sum: u64, n| std::hint::black_box(sum.wrapping_add(n)));
        }
    }
}
