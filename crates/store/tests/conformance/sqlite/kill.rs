//! What was acknowledged survives the death of the process.
//!
//! The child is this test program itself, with one ignored test: it writes into the folder that it
//! reads from its standard input, and says on its standard output what was acknowledged.

use crate::schema::*;
use crate::suite::concurrency::all;
use countersign_store::sqlite::{Options, Sqlite};
use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::path::Path;
use std::process::{Command, Stdio};

const WRITERS: u8 = 8;
const ACKNOWLEDGED: &str = "acknowledged ";

#[tokio::test]
#[ignore = "the child of acknowledged_batches_survive_kill_9; without a folder it does nothing"]
async fn writes_until_killed() {
    let mut folder = String::new();
    stdin().read_line(&mut folder).unwrap();
    if folder.is_empty() {
        return;
    }
    let folder = Path::new(folder.trim_end());
    let engine = Sqlite::open(folder, Options::default(), MIGRATIONS)
        .await
        .unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let engine = &engine;
        async move {
            loop {
                let batch = [deposit(writer, 1), insert_entry(writer, "survives")];
                let rows = write(engine, batch).await;
                let number = rows[1].first().unwrap().integer(0).unwrap();
                let mut stdout = stdout().lock();
                writeln!(stdout, "{ACKNOWLEDGED}{writer} {number}").unwrap();
                stdout.flush().unwrap();
            }
        }
    });
    let _: Vec<()> = all(writers).await;
}

#[tokio::test]
async fn acknowledged_batches_survive_kill_9() {
    const ROUNDS: usize = 5;
    let folder = tempfile::tempdir().unwrap();
    let open = || Sqlite::open(folder.path(), Options::default(), MIGRATIONS);
    let engine = open().await.unwrap();
    for writer in 0..WRITERS {
        write(&engine, [insert_account(writer, &writer.to_string(), 0)]).await;
    }
    engine.close().await;
    let mut acknowledged = [0; WRITERS as usize];
    for round in 0..ROUNDS {
        // Each round is killed at another place.
        run_child(folder.path(), 50 + 37 * round, &mut acknowledged);
        let engine = open().await.unwrap();
        for (writer, acknowledged) in (0..WRITERS).zip(&acknowledged) {
            let (balance, entries) = (
                balance(&engine, writer).await,
                entries(&engine, writer).await,
            );
            assert_eq!(balance, entries, "half a batch of writer {writer} is there");
            assert!(entries >= *acknowledged, "writer {writer} has lost a batch");
        }
        engine.close().await;
    }
    assert!(acknowledged.iter().sum::<i64>() >= 250);
}

/// Starts the child, kills it after so many acknowledged batches, and notes the last of each
/// writer, those that were still in the pipe included.
fn run_child(folder: &Path, batches: usize, acknowledged: &mut [i64]) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "sqlite::kill::writes_until_killed",
            "--ignored",
            "--nocapture",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{}", folder.display()).unwrap();
    let mut lines = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // The last line may have been cut off by the kill.
        let Some((writer, number)) = line
            .strip_prefix(ACKNOWLEDGED)
            .and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        acknowledged[writer.parse::<usize>().unwrap()] = number.parse().unwrap();
        lines += 1;
        if lines == batches {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(lines >= batches, "the child ended on its own");
}
