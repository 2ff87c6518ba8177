//! How many events a second the store appends, and how many pages of a hundred it reads, through
//! the domain's ports.
//!
//! `cargo run --release -p countersign-store --example domain_rate` in a folder's file system of
//! your choice (`TMPDIR`); `-- pages` measures pages alone, likewise `appends` and `logins`. Clients are a closed loop: each waits for its answer before it asks
//! again.

use countersign_core::access::action::Action;
use countersign_core::access::principal::{Principal, Who};
use countersign_core::access::{Permit, authorize};
use countersign_core::id::{ApiKeyId, ApplicationId, ConversationId, MemberId, UserId};
use countersign_core::model::conversation::Conversation;
use countersign_core::model::event::{Assurance, Author, EventKind, Range};
use countersign_core::model::user::{Identifier, User};
use countersign_core::ports::Random;
use countersign_core::ports::change::{Change, NewConversation, NewEvent};
use countersign_core::ports::store::{LoginQuery, Store};
use countersign_credential::subject::UserName;
use countersign_credential::time::Timestamp;
use countersign_store::SqlStore;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::{KeyEncryptionKey, Keyring};
use countersign_store::sqlite::{Options, Sqlite};
use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use zeroize::Zeroizing;

type Failure = Box<dyn Error + Send + Sync>;

const CONVERSATIONS: usize = 1_000;
const ROUND: Duration = Duration::from_secs(4);
const PAGE: usize = 100;

#[derive(Clone, Copy)]
enum Work {
    Append,
    Page,
    Login,
}

struct Zeros;

impl Random for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let engine = Sqlite::open(folder.path(), Options::default(), MIGRATIONS).await?;
    let key = KeyEncryptionKey::from_bytes(Zeroizing::new([1; 32]));
    let store = SqlStore::new(engine, Keyring::new(key, Vec::new()), Arc::new(Zeros));
    let store = Arc::new(store);
    for conversation in 0..CONVERSATIONS {
        store.commit(&permit()?, begin(conversation)?).await?;
    }
    let only = std::env::args().nth(1);
    for work in [Work::Append, Work::Page, Work::Login] {
        if only.as_deref().is_some_and(|only| only != name(work)) {
            continue;
        }
        for clients in [1, 8, 64] {
            round(&store, work, clients).await?;
        }
    }
    store.engine().close().await;
    Ok(())
}

async fn round(store: &Arc<SqlStore<Sqlite>>, work: Work, clients: usize) -> Result<(), Failure> {
    let end = Instant::now() + ROUND;
    let permit = permit()?;
    let cpu_before = cpu_ms()?;
    let mut tasks: JoinSet<Result<Vec<Duration>, Failure>> = JoinSet::new();
    for client in 0..clients {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            // Steps of a prime lead each client through all conversations, each from another one.
            let mut conversation = client * 7_919 % CONVERSATIONS;
            loop {
                let start = Instant::now();
                if start >= end {
                    return Ok(latencies);
                }
                run(&store, work, &permit, conversation).await?;
                latencies.push(start.elapsed());
                conversation = (conversation + 337) % CONVERSATIONS;
            }
        });
    }
    let mut latencies = Vec::new();
    while let Some(finished) = tasks.join_next().await {
        latencies.extend(finished??);
    }
    latencies.sort_unstable();
    let at = |part: usize| latencies.get(latencies.len() * part / 100).copied();
    writeln!(
        std::io::stdout(),
        "{clients:>3} clients: {:>6.0} {}/s, {:>4.0} us CPU each, p50 {:?}, p99 {:?}",
        latencies.len() as f64 / ROUND.as_secs_f64(),
        name(work),
        (cpu_ms()? - cpu_before) * 1_000.0 / latencies.len() as f64,
        at(50).unwrap_or_default(),
        at(99).unwrap_or_default(),
    )?;
    Ok(())
}

fn name(work: Work) -> &'static str {
    match work {
        Work::Append => "appends",
        Work::Page => "pages",
        Work::Login => "logins",
    }
}

async fn run(
    store: &SqlStore<Sqlite>,
    work: Work,
    permit: &Permit,
    number: usize,
) -> Result<(), Failure> {
    let conversation = ConversationId::from_bytes(id(number));
    match work {
        Work::Append => {
            store.commit(permit, vec![append(number)]).await?;
        }
        Work::Page => {
            let viewer = Some(UserId::from_bytes(id(number)));
            let range = Range::Newest;
            let application = permit.application();
            let view = store.events(application, conversation, viewer, range, PAGE);
            view.await?.ok_or("the conversation is gone")?;
        }
        Work::Login => {
            let query = LoginQuery {
                identifier: Identifier::Name(UserName::parse(&format!("user{number}"))?),
                other: None,
                targets: Vec::new(),
                issued_at: now(),
                one_time_id: Some([0; 32]),
                current: None,
                device: None,
            };
            let view = store.login_view(permit.application(), query).await?;
            view.user.ok_or("the user is gone")?;
        }
    }
    Ok(())
}

fn begin(number: usize) -> Result<Vec<Change>, Failure> {
    let user = User {
        id: UserId::from_bytes(id(number)),
        name: Some(UserName::parse(&format!("user{number}"))?),
        external_id: None,
        email: None,
        display_name: None,
        anonymous: false,
        blocked: false,
        created_at: now(),
    };
    let conversation = NewConversation {
        conversation: Conversation {
            id: ConversationId::from_bytes(id(number)),
            name: None,
            display_name: None,
            creator: None,
            last_event_id: 0,
            created_at: now(),
            updated_at: now(),
        },
        author: Author::User(user.id),
        creator: Some(MemberId::from_bytes(id(number))),
        assurance: Assurance::Verified,
        client_id: None,
        open_max: None,
    };
    let mut changes = vec![
        Change::AddUser(user),
        Change::AddConversation(Box::new(conversation)),
    ];
    changes.extend((0..PAGE).map(|_| append(number)));
    Ok(changes)
}

fn append(number: usize) -> Change {
    Change::Append(Box::new(NewEvent {
        conversation: ConversationId::from_bytes(id(number)),
        author: Author::User(UserId::from_bytes(id(number))),
        kind: EventKind::Text,
        body: format!(r#"{{"text":"{}"}}"#, "x".repeat(200)),
        assurance: Assurance::Verified,
        client_id: None,
        at: now(),
        touches: None,
    }))
}

fn permit() -> Result<Permit, Failure> {
    let operator = Principal {
        application: Some(ApplicationId::from_bytes([1; 16])),
        who: Who::Operator {
            api_key: ApiKeyId::from_bytes([1; 16]),
        },
        acl: None,
        parameters: Vec::new(),
    };
    Ok(authorize(&operator, &Action::ManageApplication)?.outright()?)
}

fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

/// Sixteen bytes that are spread like those of a random id.
fn id(number: usize) -> [u8; 16] {
    let spread = (number as u128 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    spread.to_be_bytes()
}

/// The processor time of this process, in milliseconds: user and system, in ticks of 10 ms.
fn cpu_ms() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no such file")?;
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(ticks as f64 * 10.0)
}
