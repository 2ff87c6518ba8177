//! How many batches a second the SQLite engine commits, for an append of three statements.
//!
//! `cargo bench -p countersign-bench --bench engine` in a folder's file system of
//! your choice (`TMPDIR`). Clients are a closed loop: each waits for its answer before it sends
//! the next batch.

use countersign_store::migrate::Migration;
use countersign_store::sqlite::{Options, Sqlite};
use countersign_store::{Batch, Engine, Statement, StoreError};
use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

const MIGRATIONS: &[Migration] = &[Migration {
    number: 1,
    name: "append",
    template: "
        CREATE TABLE conversations (
            application {blob} NOT NULL,
            id {blob} NOT NULL,
            head {int} NOT NULL,
            PRIMARY KEY (application, id)
        ){end};
        CREATE TABLE members (
            application {blob} NOT NULL,
            conversation {blob} NOT NULL,
            user {blob} NOT NULL,
            PRIMARY KEY (application, conversation, user)
        ){end};
        CREATE TABLE events (
            application {blob} NOT NULL,
            conversation {blob} NOT NULL,
            number {int} NOT NULL,
            sender {blob} NOT NULL,
            body {text} NOT NULL,
            PRIMARY KEY (application, conversation, number)
        ){end};",
}];

const RAISE_HEAD: &str = "UPDATE conversations SET head = head + 1 \
     WHERE application = $1 AND id = $2 RETURNING head";
const IS_MEMBER: &str = "SELECT 1 FROM members \
     WHERE application = $1 AND conversation = $2 AND user = $3";
const INSERT_EVENT: &str = "INSERT INTO events (application, conversation, number, sender, body) \
     SELECT c.application, c.id, c.head, $3, $4 FROM conversations c \
     WHERE c.application = $1 AND c.id = $2 RETURNING number";

const APPLICATION: [u8; 16] = [1; 16];
const CONVERSATIONS: usize = 1000;
const ROUND: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let engine = Sqlite::open(folder.path(), Options::default(), MIGRATIONS).await?;
    let engine = Arc::new(engine);
    for conversation in 0..CONVERSATIONS {
        engine.write(conversation_and_member(conversation)).await?;
    }
    for clients in [1, 8, 64, 256] {
        let before = engine.activity();
        let mut latencies = run(&engine, clients).await?;
        let after = engine.activity();
        latencies.sort_unstable();
        let at = |part: usize| latencies.get(latencies.len() * part / 100).copied();
        writeln!(
            std::io::stdout(),
            "{clients:>3} clients: {:>6.0} batches/s, {:>5.1} a commit, p50 {:?}, p99 {:?}",
            latencies.len() as f64 / ROUND.as_secs_f64(),
            (after.batches - before.batches) as f64 / (after.commits - before.commits) as f64,
            at(50).unwrap_or_default(),
            at(99).unwrap_or_default(),
        )?;
    }
    engine.close().await;
    Ok(())
}

/// The latencies of a round with so many clients.
async fn run(engine: &Arc<Sqlite>, clients: usize) -> Result<Vec<Duration>, Box<dyn Error>> {
    let end = Instant::now() + ROUND;
    let mut tasks: JoinSet<Result<Vec<Duration>, StoreError>> = JoinSet::new();
    for client in 0..clients {
        let engine = Arc::clone(engine);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            // Steps of a prime lead each client through all conversations, each at another place.
            let mut conversation = client * 7919 % CONVERSATIONS;
            loop {
                let start = Instant::now();
                if start >= end {
                    return Ok(latencies);
                }
                engine.write(append(conversation)).await?;
                latencies.push(start.elapsed());
                conversation = (conversation + 337) % CONVERSATIONS;
            }
        });
    }
    let mut latencies = Vec::new();
    while let Some(finished) = tasks.join_next().await {
        latencies.extend(finished??);
    }
    Ok(latencies)
}

fn conversation_and_member(conversation: usize) -> Batch {
    let parameters = [
        APPLICATION.into(),
        id(conversation).into(),
        id(conversation).into(),
    ];
    let insert = "INSERT INTO conversations (application, id, head) VALUES ($1, $2, 0)";
    let join = "INSERT INTO members (application, conversation, user) VALUES ($1, $2, $3)";
    [
        Statement::new(insert, parameters[..2].to_vec()),
        Statement::new(join, parameters),
    ]
    .into()
}

fn append(conversation: usize) -> Batch {
    let application = || APPLICATION.into();
    let conversation = || id(conversation).into();
    let raise = Statement::new(RAISE_HEAD, [application(), conversation()]);
    let member = Statement::new(IS_MEMBER, [application(), conversation(), conversation()]);
    let body = "x".repeat(200).into();
    let insert = [application(), conversation(), conversation(), body];
    [
        raise.expecting(1, "conversation"),
        member.expecting(1, "member"),
        Statement::new(INSERT_EVENT, insert).expecting(1, "event"),
    ]
    .into()
}

/// Sixteen bytes that are spread like those of a random id.
fn id(number: usize) -> [u8; 16] {
    let spread = (number as u128 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    spread.to_be_bytes()
}
