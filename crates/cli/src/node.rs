//! A node: every part built by hand and put together, in one place.
//!
//! This is the parts list of the program. What a part needs it is given here;
//! nothing looks anything up by itself. Whatever can be found wrong is found
//! before anything is written: first the addresses are bound, then the data
//! folder is opened.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use countersign_core::context::{Ctx, Parts};
use countersign_core::limit;
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
use countersign_store::sqlite::{Options, Sqlite};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::data_folder::DataFolder;
use crate::exit::{Exit, Failure};
use crate::hashing_pool::HashingPool;
use crate::messaging::MessagingPlan;
use crate::node_numbers;
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
    /// Where the native door listens; port 0 takes a free one.
    pub(crate) listen: Setting<SocketAddr>,
    /// The other doors that are switched on, and where they listen.
    pub(crate) doors: Vec<(VendorDoor, Setting<SocketAddr>)>,
    /// How clients reach sinch's door for messages.
    pub(crate) messaging: MessagingPlan,
    /// The proxies in front, which are believed about who asks.
    pub(crate) trusted_proxies: Vec<IpAddr>,
}

/// A node whose parts are together, and that answers nobody yet.
pub(crate) struct Prepared {
    pub(crate) ctx: Arc<Ctx>,
    pub(crate) folder: DataFolder,
    pub(crate) addresses: Addresses,
    /// Whether this start made the installation's first operator key.
    pub(crate) operator_key_made: bool,
    store: Arc<SqlStore<Sqlite>>,
    server: Server,
}

/// Where the doors listen, with the ports that were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// The native door.
    pub(crate) native: SocketAddr,
    /// The others that are switched on.
    pub(crate) doors: Vec<(VendorDoor, SocketAddr)>,
    /// How clients reach the one for sinch's messages.
    messaging: MessagingPlan,
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
        let folder = plan.data_dir.with(DataFolder::at(&plan.data_dir.value));
        plan.purpose.accept(&folder)?;
        let native = bind(&plan.listen).await?;
        let mut doors = Vec::with_capacity(plan.doors.len());
        for (door, address) in &plan.doors {
            doors.push((*door, bind(address).await?));
        }
        let addresses = Addresses {
            native: native.address(),
            doors: doors
                .iter()
                .map(|(door, socket)| (*door, socket.address()))
                .collect(),
            messaging: plan.messaging.clone(),
        };
        let given = plan.messaging.read()?;
        let folder = open_folder(&folder)?;
        let store = open_store(system, &folder).await?;
        let tls = match given {
            Some(tls) => Some(tls),
            None => plan.messaging.make(&folder.value, system.now())?,
        };
        let passwords = Arc::new(HashingPool::new(system));
        let numbers = node_numbers::sources(&store, &passwords, system.now());
        let ctx = Arc::new(context(system, Arc::clone(&store), passwords).await?);
        let operator_key_made = first_operator_key(&ctx, &folder.value).await?;
        let operations = operations(plan.purpose, numbers);
        let of_native = native::operated(Arc::clone(&ctx), operations.clone());
        let mut services = vec![(native, of_native)];
        for (door, socket) in doors {
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
            let socket = match &tls {
                Some(tls) if door == VendorDoor::SinchMessaging => socket.with_tls(tls.clone()),
                Some(_) | None => socket,
            };
            services.push((socket, service));
        }
        let server = Server::on(services, Limits::default()).counted_by(&operations);
        let proxies = TrustedProxies::new(plan.trusted_proxies.iter().copied());
        Ok(Self {
            server: server.behind(proxies),
            folder: folder.value,
            ctx,
            addresses,
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
    /// All of them, the native door's first.
    pub(crate) fn all(&self) -> impl Iterator<Item = SocketAddr> {
        let doors = self.doors.iter().map(|(_, address)| *address);
        std::iter::once(self.native).chain(doors)
    }

    /// Where a door is reached, if it is switched on.
    pub(crate) fn url_of(&self, door: VendorDoor) -> Option<String> {
        let mut doors = self.doors.iter();
        let (_, address) = doors.find(|(known, _)| *known == door)?;
        let scheme = if self.is_encrypted(door) {
            "https"
        } else {
            "http"
        };
        Some(format!("{scheme}://{address}"))
    }

    /// Whether a door speaks TLS itself.
    pub(crate) fn is_encrypted(&self, door: VendorDoor) -> bool {
        door == VendorDoor::SinchMessaging && self.messaging.is_encrypted()
    }

    /// Where sinch clients send and fetch messages.
    pub(crate) fn messaging(&self) -> Option<Messaging> {
        let mut doors = self.doors.iter();
        let found = doors.find(|(door, _)| *door == VendorDoor::SinchMessaging);
        found.map(|(_, address)| Messaging {
            host: self.messaging.told(*address),
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

async fn bind(address: &Setting<SocketAddr>) -> Result<Socket, Failure> {
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

fn open_folder(folder: &Setting<DataFolder>) -> Result<Setting<DataFolder>, Failure> {
    match folder.value.open() {
        Ok(opened) => Ok(folder.with(opened)),
        Err(error) => Err(Failure::usage(format!(
            "{}: cannot use the data folder {}: {error}; choose a folder that this user may write",
            folder.label(),
            folder.value.path().display()
        ))),
    }
}

async fn open_store(
    system: System,
    folder: &Setting<DataFolder>,
) -> Result<Arc<SqlStore<Sqlite>>, Failure> {
    let refused = |why: String| Failure::usage(format!("{}: {why}", folder.label()));
    let file = folder.value.key_encryption_key();
    let key = if file.exists() {
        KeyEncryptionKey::read(&file)
    } else if folder.value.has_database() {
        return Err(refused(format!(
            "the key file {} is missing beside a database whose secrets it opens; put it back \
             from where it was kept",
            file.display()
        )));
    } else {
        KeyEncryptionKey::create(&file, |bytes| system.fill(bytes))
    };
    let key = key.map_err(|error| refused(error.to_string()))?;
    let engine = Sqlite::open(folder.value.path(), Options::default(), MIGRATIONS)
        .await
        .map_err(|error| refused(format!("{error}{}", advice(&error))))?;
    let keyring = Keyring::new(key, Vec::new());
    Ok(Arc::new(SqlStore::new(engine, keyring, Arc::new(system))))
}

/// What to do about a database that does not open, where the error itself does
/// not say.
pub(crate) fn advice(error: &StoreError) -> &'static str {
    match error {
        StoreError::Locked { .. } => "; stop that one, or choose another folder",
        StoreError::Foreign { .. } => "; choose another folder",
        StoreError::Open { .. } => "; see that this user may read and write it",
        StoreError::Migration { .. } => "; run the program that made the database",
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
