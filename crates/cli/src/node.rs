//! A node: every part built by hand and put together, in one place.
//!
//! This is the parts list of the program. What a part needs it is given here;
//! nothing looks anything up by itself.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use countersign_core::context::{Ctx, Parts};
use countersign_core::limit;
use countersign_core::op::api_keys::create_operator_key;
use countersign_core::ports::Random as _;
use countersign_core::secret_text;
use countersign_core::token::TokenKeys;
use countersign_fanout::in_process::InProcess;
use countersign_server::native;
use countersign_server::operations::{Operations, Rates, Sample};
use countersign_server::serve::{Door, Limits, Server};
use countersign_store::SqlStore;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::{KeyEncryptionKey, Keyring};
use countersign_store::sqlite::{Activity, Options, Sqlite};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::data_folder::DataFolder;
use crate::dev_application::{self, DevApplication};
use crate::exit::Failure;
use crate::ready::{self, Ready};
use crate::system::System;

/// The doors beside the native one, in the order of their ports.
const OTHER_DOORS: usize = 4;

/// Where a node for development keeps its data, and where it listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    data_dir: &'a Path,
    port: u16,
}

/// A node for development that runs.
#[derive(Debug)]
pub(crate) struct Node {
    ready: Ready,
    application: DevApplication,
    store: Arc<SqlStore<Sqlite>>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

// === impl Place ===

impl<'a> Place<'a> {
    /// A folder, and the native door's port; the other doors count up from it,
    /// and with port 0 each takes a free one.
    pub(crate) fn new(data_dir: &'a Path, port: u16) -> Self {
        Self { data_dir, port }
    }

    /// A folder that vanishes, and free ports.
    pub(crate) fn temporary(data_dir: &'a Path) -> Self {
        Self { data_dir, port: 0 }
    }

    fn address(self, door: usize) -> Result<SocketAddr, Failure> {
        let above = u16::try_from(door).unwrap_or(u16::MAX);
        let port = match self.port {
            0 => Some(0),
            port => port.checked_add(above),
        };
        let port = port.ok_or_else(|| {
            Failure::usage(format!("five ports from {} on are needed", self.port))
                .hint("choose a port below 65532")
        })?;
        Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }
}

// === impl Node ===

impl Node {
    /// Starts a node for development: on loopback, with a demo application.
    ///
    /// # Errors
    /// If the folder, the database or a port cannot be used.
    pub(crate) async fn start(system: System, place: Place<'_>) -> Result<Self, Failure> {
        let folder = DataFolder::open(place.data_dir)?;
        let store = open_store(system, &folder).await?;
        let ctx = Arc::new(context(system, Arc::clone(&store)).await?);
        let operator_key = operator_key(&ctx, &folder).await?;
        let application = dev_application(&ctx, &folder, &operator_key).await?;
        let mut doors = vec![Door {
            address: place.address(0)?,
            router: native::operated(Arc::clone(&ctx), operations(&store)),
        }];
        for door in 1..=OTHER_DOORS {
            doors.push(Door {
                address: place.address(door)?,
                router: native::unbuilt(Arc::clone(&ctx)),
            });
        }
        let server = Server::bind(doors, Limits::default())
            .await
            .map_err(|error| {
                let why = std::error::Error::source(&error).map(ToString::to_string);
                Failure::usage(format!("{error}: {}", why.unwrap_or_default()))
                    .hint("another server may be there; choose another --port, or 0 for free ones")
            })?;
        let ready = ready_line(server.addresses(), &folder, &operator_key, &application);
        let line = serde_json::to_string_pretty(&ready)
            .map_err(|error| Failure::usage(format!("cannot write dev.json: {error}")))?;
        folder.write(&folder.dev_json(), &line)?;
        let stop = CancellationToken::new();
        let running = TaskTracker::new().spawn(serve(server, stop.clone()));
        Ok(Self {
            ready,
            application,
            store,
            stop,
            running,
        })
    }

    /// The URL of the native door.
    pub(crate) fn url(&self) -> &str {
        &self.ready.url
    }

    /// What a script needs to know.
    pub(crate) fn ready(&self) -> &Ready {
        &self.ready
    }

    /// The demo application.
    pub(crate) fn application(&self) -> &DevApplication {
        &self.application
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

async fn serve(server: Server, stop: CancellationToken) {
    let stopped = server.run(stop).await;
    if stopped.cut_off > 0 {
        tracing::warn!(
            connections = stopped.cut_off,
            "connections were cut off at the end"
        );
    }
}

/// What development needs no rates for, pages of this machine that may call, and
/// what the store tells of itself.
fn operations(store: &Arc<SqlStore<Sqlite>>) -> Operations {
    let store = Arc::clone(store);
    let tell = move || store_samples(store.engine().activity());
    Operations::new(Rates::for_development(), vec![Arc::new(tell)]).with_loopback_origins()
}

fn store_samples(activity: Activity) -> Vec<Sample> {
    [
        (
            "store_batches_total",
            "Batches that the store committed.",
            activity.batches,
        ),
        (
            "store_commits_total",
            "Commits, each one sync for all batches that waited.",
            activity.commits,
        ),
        (
            "store_connections_total",
            "Connections of the writer: more than one means that one has failed.",
            activity.connections,
        ),
        (
            "store_checkpoints_total",
            "Checkpoints of the write-ahead log.",
            activity.checkpoints,
        ),
    ]
    .map(|(name, help, value)| Sample { name, help, value })
    .into()
}

async fn open_store(system: System, folder: &DataFolder) -> Result<Arc<SqlStore<Sqlite>>, Failure> {
    let file = folder.key_encryption_key();
    let key = if file.exists() {
        KeyEncryptionKey::read(&file)
    } else {
        KeyEncryptionKey::create(&file, |bytes| system.fill(bytes))
    }
    .map_err(Failure::usage)?;
    let engine = Sqlite::open(folder.path(), Options::default(), MIGRATIONS)
        .await
        .map_err(Failure::usage)?;
    let keyring = Keyring::new(key, Vec::new());
    Ok(Arc::new(SqlStore::new(engine, keyring, Arc::new(system))))
}

async fn context(system: System, store: Arc<SqlStore<Sqlite>>) -> Result<Ctx, Failure> {
    let keys = store.token_keys().await.map_err(Failure::usage)?;
    Ctx::new(Parts {
        registry: Arc::clone(&store) as _,
        store,
        fanout: Arc::new(InProcess::new(limit::NOTICES_MAX)),
        clock: Arc::new(system),
        random: Arc::new(system),
        tokens: TokenKeys::new(&keys),
    })
    .await
    .map_err(Failure::usage)
}

/// The first operator key: made on an empty data folder, and by nothing else.
async fn operator_key(ctx: &Ctx, folder: &DataFolder) -> Result<String, Failure> {
    let file = folder.operator_key();
    if let Some(text) = DataFolder::read(&file)? {
        return Ok(text.trim().to_owned());
    }
    let created = create_operator_key(ctx, "first operator")
        .await
        .map_err(Failure::usage)?;
    folder.write(&file, &format!("{}\n", *created.text))?;
    Ok(created.text.to_string())
}

/// The demo application as the folder keeps it, or a new one.
async fn dev_application(
    ctx: &Ctx,
    folder: &DataFolder,
    operator_key: &str,
) -> Result<DevApplication, Failure> {
    let pem = DataFolder::read(&folder.dev_private_key())?;
    if let (Some(line), Some(private_key_pem)) = (DataFolder::read(&folder.dev_json())?, pem) {
        let ready: Ready = serde_json::from_str(&line).map_err(|error| {
            Failure::usage(format!(
                "{} is damaged: {error}",
                folder.dev_json().display()
            ))
            .hint("remove the data folder, and a new one is made")
        })?;
        return Ok(kept(ready, private_key_pem));
    }
    let operator = secret_text::id_of(operator_key)
        .ok_or_else(|| Failure::usage("operator.key holds no API key"))?;
    let made = dev_application::create(ctx, operator)
        .await
        .map_err(|error| {
            Failure::usage(format!("cannot make the demo application: {error}")).hint(
                "dev.json is gone, and its keys with it; remove the data folder to begin anew",
            )
        })?;
    folder.write(&folder.dev_private_key(), &made.private_key_pem)?;
    Ok(made)
}

fn kept(ready: Ready, private_key_pem: String) -> DevApplication {
    let application = ready.application;
    DevApplication {
        id: application.id,
        slug: application.slug,
        publishable_key: application.publishable_key,
        api_key: application.api_key,
        private_key_pem,
        kustomer_secret: application.kustomer.secret,
        sinch_secret_base64: application.sinch.secret,
    }
}

fn ready_line(
    addresses: &[SocketAddr],
    folder: &DataFolder,
    operator_key: &str,
    application: &DevApplication,
) -> Ready {
    let url = |door: usize| {
        addresses
            .get(door)
            .map_or_else(String::new, |address| format!("http://{address}"))
    };
    let messaging = addresses.get(OTHER_DOORS).map(ToString::to_string);
    Ready {
        url: url(0),
        operator_key: operator_key.to_owned(),
        doors: ready::Doors {
            nexmo: url(1),
            kustomer: url(2),
            sinch: url(3),
            sinch_messaging: url(4),
        },
        application: ready::Application {
            id: application.id.clone(),
            slug: application.slug.clone(),
            publishable_key: application.publishable_key.clone(),
            api_key: application.api_key.clone(),
            nexmo: ready::Nexmo {
                private_key_file: folder.dev_private_key().display().to_string(),
            },
            kustomer: ready::Kustomer {
                secret: application.kustomer_secret.clone(),
            },
            sinch: ready::Sinch {
                key: application.id.clone(),
                secret: application.sinch_secret_base64.clone(),
                messaging_host: messaging.unwrap_or_default(),
                tls_certificate_file: None,
            },
        },
    }
}
