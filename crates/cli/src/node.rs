//! A node: every part built by hand and put together, in one place.
//!
//! This is the parts list of the program. What a part needs it is given here;
//! nothing looks anything up by itself. Whatever can be found wrong is found
//! before anything is written: first the addresses are bound, then the data
//! folder is opened.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_core::context::{Ctx, Parts};
use countersign_core::limit;
use countersign_core::model::api_key::Cidr;
use countersign_core::model::page::Window;
use countersign_core::op::api_keys::create_operator_key;
use countersign_core::ports::Random as _;
use countersign_core::token::TokenKeys;
use countersign_fanout::in_process::InProcess;
use countersign_server::operations::{Operations, Source};
use countersign_server::proxies::TrustedProxies;
use countersign_server::serve::{Limits, Server, Socket};
use countersign_server::sinch::Messaging;
use countersign_server::upkeep;
use countersign_server::{kustomer, native, nexmo, sinch};
use countersign_store::SqlStore;
use countersign_store::error::StoreError;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::{KeyEncryptionKey, Keyring};
use countersign_store::sqlite::inspection::schema;
use countersign_store::sqlite::{DATABASE_FILE, Options, Sqlite};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::certificate::{Certificate, Certificates};
use crate::data_folder::DataFolder;
use crate::exit::{Exit, Failure};
use crate::hashing_pool::HashingPool;
use crate::key_source::KeySource;
use crate::listening::{Listening, Reached};
use crate::made_certificate::made;
use crate::node_numbers;
use crate::preflight::{self, Given};
use crate::purpose::Purpose;
use crate::setting::Setting;
use crate::system::{StopSignals, System};
use crate::vendor_door::VendorDoor;

/// What a node is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// Where it keeps everything.
    pub(crate) data_dir: Setting<PathBuf>,
    /// Where the key that seals secrets comes from.
    pub(crate) key: KeySource,
    /// Where the native door listens.
    pub(crate) native: Listening,
    /// The other doors that are switched on, and where they listen.
    pub(crate) doors: Vec<(VendorDoor, Listening)>,
    /// What clients of sinch's door for messages are told it is called; else it is
    /// what it listens on.
    pub(crate) messaging_host: Option<Setting<String>>,
    /// The proxies in front, which are believed about who asks.
    pub(crate) trusted_proxies: Vec<Cidr>,
}

/// A node whose parts are together, and that answers nobody yet.
pub(crate) struct Prepared {
    pub(crate) ctx: Arc<Ctx>,
    pub(crate) folder: DataFolder,
    pub(crate) addresses: Addresses,
    /// The operator's certificates that are shown.
    pub(crate) certificates: Certificates,
    /// Whether this start made the installation's first operator key.
    pub(crate) operator_key_made: bool,
    store: Arc<SqlStore<Sqlite>>,
    server: Server,
}

/// Where the doors listen, with the ports that were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// The native door.
    pub(crate) native: Reached,
    /// The others that are switched on.
    pub(crate) doors: Vec<(VendorDoor, Reached)>,
    /// What the one for sinch's messages is called, where that was said.
    messaging_host: Option<String>,
}

/// A node that runs.
#[derive(Debug)]
pub(crate) struct Node {
    store: Arc<SqlStore<Sqlite>>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

// === impl Prepared ===

impl Prepared {
    /// Puts the parts together.
    ///
    /// # Errors
    /// If an address, the folder or the database cannot be used.
    pub(crate) async fn new(system: System, plan: &Plan) -> Result<Self, Failure> {
        let Given { certificates, key } = preflight::read(plan, system.now())?;
        let native = bind(&plan.native).await?;
        let mut doors = Vec::with_capacity(plan.doors.len());
        for (door, listening) in &plan.doors {
            doors.push((*door, bind(listening).await?));
        }
        let addresses = Addresses::of(plan, &native, &doors);
        let folder = plan.data_dir.with(DataFolder::at(&plan.data_dir.value));
        let folder = open_folder(&folder)?;
        let store = open_store(system, &folder, key).await?;
        let native = encrypt(native, &plan.native, &certificates, &folder.value, system)?;
        let passwords = Arc::new(HashingPool::new(system));
        let numbers = node_numbers::sources(&store, &passwords, system.now());
        let ctx = Arc::new(context(system, Arc::clone(&store), passwords).await?);
        let operator_key_made = first_operator_key(&ctx, &folder.value).await?;
        let operations = operations(plan.purpose, numbers);
        let of_native = native::operated(Arc::clone(&ctx), operations.clone());
        let mut services = vec![(native, of_native)];
        for ((door, socket), (_, listening)) in doors.into_iter().zip(&plan.doors) {
            let service = match door {
                VendorDoor::Nexmo => nexmo::operated(Arc::clone(&ctx), operations.clone()),
                VendorDoor::Sinch => {
                    let messaging = addresses.messaging();
                    sinch::operated(Arc::clone(&ctx), operations.clone(), messaging)
                }
                VendorDoor::Kustomer => kustomer::operated(Arc::clone(&ctx), operations.clone()),
                VendorDoor::SinchMessaging => {
                    sinch::messaging::operated(Arc::clone(&ctx), operations.clone())
                }
            };
            let socket = encrypt(socket, listening, &certificates, &folder.value, system)?;
            services.push((socket, service));
        }
        let server = Server::on(services, Limits::default()).counted_by(&operations);
        let proxies = TrustedProxies::new(plan.trusted_proxies.iter().copied());
        Ok(Self {
            server: server.behind(proxies),
            folder: folder.value,
            ctx,
            addresses,
            certificates,
            operator_key_made,
            store,
        })
    }

    /// Begins to answer.
    pub(crate) fn run(self) -> Node {
        let stop = CancellationToken::new();
        Node {
            running: TaskTracker::new().spawn(serve(self.server, self.ctx, stop.clone())),
            store: self.store,
            stop,
        }
    }
}

// === impl Addresses ===

impl Addresses {
    fn of(plan: &Plan, native: &Socket, doors: &[(VendorDoor, Socket)]) -> Self {
        let reached = |socket: &Socket, listening: &Listening| Reached {
            address: socket.address(),
            encrypted: listening.certificate != Certificate::None,
        };
        let doors = doors.iter().zip(&plan.doors);
        Self {
            native: reached(native, &plan.native),
            doors: doors
                .map(|((door, socket), (_, listening))| (*door, reached(socket, listening)))
                .collect(),
            messaging_host: plan.messaging_host.as_ref().map(|host| host.value.clone()),
        }
    }

    /// All of them, the native door's first.
    pub(crate) fn all(&self) -> impl Iterator<Item = Reached> {
        let doors = self.doors.iter().map(|(_, reached)| *reached);
        std::iter::once(self.native).chain(doors)
    }

    /// Where a door is reached, if it is switched on.
    pub(crate) fn url_of(&self, door: VendorDoor) -> Option<String> {
        let mut doors = self.doors.iter();
        let (_, reached) = doors.find(|(known, _)| *known == door)?;
        Some(reached.url())
    }

    /// Where sinch clients send and fetch messages.
    pub(crate) fn messaging(&self) -> Option<Messaging> {
        let mut doors = self.doors.iter();
        let (_, reached) = doors.find(|(door, _)| *door == VendorDoor::SinchMessaging)?;
        let host = self.messaging_host.clone();
        Some(Messaging {
            host: host.unwrap_or_else(|| reached.address.to_string()),
        })
    }
}

// === impl Node ===

impl Node {
    /// Runs until a signal asks it to stop, and then answers what is open. A
    /// second signal does not wait for that.
    ///
    /// # Errors
    /// If it was cut short.
    pub(crate) async fn run_until(self, mut signals: StopSignals) -> Result<Exit, Failure> {
        signals.received().await;
        tracing::info!("stopping: open requests are answered; a second signal cuts them off");
        tokio::select! {
            () = self.stop() => Ok(Exit::Done),
            () = signals.received() => Err(Failure::refused(
                "a second signal ended the server before open requests were answered",
            )),
        }
    }

    /// Answers what is open, writes what is written, and ends.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        if self.running.await.is_err() {
            tracing::error!("the server ended by a panic");
        }
        self.store.engine().close().await;
    }
}

async fn bind(listening: &Listening) -> Result<Socket, Failure> {
    let address = &listening.address;
    Socket::bind(address.value).await.map_err(|error| {
        let why = &error.source;
        let advice = if why.kind() == io::ErrorKind::AddrInUse {
            "another server is there: stop it, or choose another address"
        } else {
            "choose an address that this machine has and this user may listen on"
        };
        Failure::usage(format!("{}: {error}: {why}; {advice}", address.label()))
    })
}

/// The socket with the certificate that clients are shown there.
fn encrypt(
    socket: Socket,
    listening: &Listening,
    certificates: &Certificates,
    folder: &DataFolder,
    system: System,
) -> Result<Socket, Failure> {
    let tls = match &listening.certificate {
        Certificate::Made => made(folder, system.now())?,
        Certificate::Files(files) => certificates
            .of(files)
            .expect("the certificates of all listeners were read"),
        Certificate::None => return Ok(socket),
    };
    Ok(socket.with_tls(tls))
}

fn open_folder(folder: &Setting<DataFolder>) -> Result<Setting<DataFolder>, Failure> {
    match folder.value.open() {
        Ok(opened) => Ok(folder.with(opened)),
        Err(error) => Err(preflight::unusable(folder, &error)),
    }
}

/// Opens the database under a key that was given, else under the folder's own.
async fn open_store(
    system: System,
    folder: &Setting<DataFolder>,
    given: Option<KeyEncryptionKey>,
) -> Result<Arc<SqlStore<Sqlite>>, Failure> {
    let key = match given {
        Some(key) => key,
        None => key_of(system, folder)?,
    };
    tell_upgrade(&folder.value).await;
    let engine = Sqlite::open(folder.value.path(), Options::default(), MIGRATIONS)
        .await
        .map_err(|error| preflight::refused(folder, &format!("{error}{}", advice(&error))))?;
    let keyring = Keyring::new(key, Vec::new());
    let store = SqlStore::new(engine, keyring, Arc::new(system));
    if let Some(error) = store.unopened_secret().await.map_err(Failure::usage)? {
        let why = format!("{error}; give the key that this database was made with");
        return Err(preflight::refused(folder, &why));
    }
    Ok(Arc::new(store))
}

/// Says so where the database is one of an older program: nobody is answered before it is brought
/// to this one's schema, and a large one takes minutes. Whatever is wrong with it, opening it tells.
async fn tell_upgrade(folder: &DataFolder) {
    let newest = MIGRATIONS.last().map_or(0, |newest| newest.number);
    let database = folder.path().join(DATABASE_FILE);
    if let Ok(Some(made)) = schema(&database, MIGRATIONS).await
        && made < newest
    {
        tracing::info!(
            from = made,
            to = newest,
            "the database is of an older program and is upgraded first"
        );
    }
}

/// The folder's own key, which the first start makes.
fn key_of(system: System, folder: &Setting<DataFolder>) -> Result<KeyEncryptionKey, Failure> {
    let file = folder.value.key_encryption_key();
    let key = if file.exists() {
        KeyEncryptionKey::read(&file)
    } else {
        preflight::refuse_lost_key(folder)?;
        KeyEncryptionKey::create(&file, |bytes| system.fill(bytes))
    };
    key.map_err(|error| preflight::refused(folder, &error.to_string()))
}

/// What to do about a database that does not open, where the error itself does
/// not say.
pub(crate) fn advice(error: &StoreError) -> &'static str {
    match error {
        StoreError::Locked { .. } => "; stop that one, or choose another folder",
        StoreError::Foreign { .. } => "; choose another folder",
        StoreError::Open { .. } => "; see that this user may read and write it",
        StoreError::Migration { .. } => "; run the program that made the database",
        StoreError::Upgrade { .. } => {
            "; where the disk is full, make room for three times the database, and start again"
        }
        StoreError::Copy { .. } => "; name a place with room, where this user may write",
        StoreError::Damaged { .. } => "; restore a backup: countersign restore",
        StoreError::Newer { .. }
        | StoreError::Network { .. }
        | StoreError::EngineTooOld { .. }
        | StoreError::Unavailable(_)
        | StoreError::Expectation { .. }
        | StoreError::Unique { .. }
        | StoreError::ForeignKey { .. }
        | StoreError::Refused { .. }
        | StoreError::Statement { .. }
        | StoreError::Parameter { .. }
        | StoreError::TooLarge { .. }
        | StoreError::Decode { .. } => "",
    }
}

async fn context(
    system: System,
    store: Arc<SqlStore<Sqlite>>,
    passwords: Arc<HashingPool>,
) -> Result<Ctx, Failure> {
    let keys = store.token_keys().await.map_err(Failure::usage)?;
    Ctx::new(Parts {
        registry: Arc::clone(&store) as _,
        store,
        fanout: Arc::new(InProcess::new(limit::NOTICES_MAX)),
        clock: Arc::new(system),
        random: Arc::new(system),
        passwords,
        tokens: TokenKeys::new(&keys),
    })
    .await
    .map_err(Failure::usage)
}

/// Makes the first operator key of an installation that has none, and says
/// whether it did. Afterwards there is always one: the last is never revoked.
/// So a file that its operator took away is not written again.
async fn first_operator_key(ctx: &Ctx, folder: &DataFolder) -> Result<bool, Failure> {
    let first = Window {
        after: None,
        limit: 1,
    };
    let present = ctx.registry.api_keys(None, first).await;
    if !present.map_err(Failure::usage)?.items.is_empty() {
        return Ok(false);
    }
    let created = create_operator_key(ctx, "first operator")
        .await
        .map_err(Failure::usage)?;
    folder.write(&folder.operator_key(), &format!("{}\n", *created.text))?;
    Ok(true)
}

/// The rates, the pages that may call, and what other parts tell of themselves.
fn operations(purpose: Purpose, sources: Vec<Source>) -> Operations {
    purpose.allow_pages(Operations::new(purpose.rates(), sources))
}

/// Serves until it is told to stop. The node is looked after until the last
/// request is answered.
async fn serve(server: Server, ctx: Arc<Ctx>, stop: CancellationToken) {
    let served = CancellationToken::new();
    let serving = async {
        let stopped = server.run(stop).await;
        served.cancel();
        stopped
    };
    let (stopped, ()) = tokio::join!(serving, upkeep::run(ctx, served.clone()));
    if stopped.cut_off > 0 {
        tracing::warn!(
            connections = stopped.cut_off,
            "connections were cut off at the end"
        );
    }
}
