//! A node for development: on loopback, every door open, with a demo
//! application whose keys are the same at every start. It is what `dev` keeps
//! and what `demo` throws away.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use countersign_core::context::Ctx;
use countersign_core::secret_text;

use crate::certificate::Certificate;
use crate::data_folder::DataFolder;
use crate::dev_application::{self, DevApplication};
use crate::exit::{Exit, Failure};
use crate::key_source::KeySource;
use crate::listening::Listening;
use crate::node::{Addresses, Node, Plan, Prepared};
use crate::purpose::Purpose;
use crate::ready::{self, Ready};
use crate::setting::{Origin, Setting};
use crate::system::{StopSignals, System};
use crate::vendor_door::VendorDoor;

/// Where a node for development keeps its data, and where it listens.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    data_dir: Setting<&'a Path>,
    port: u16,
}

/// A node for development that runs.
#[derive(Debug)]
pub(crate) struct Development {
    ready: Ready,
    application: DevApplication,
    node: Node,
}

// === impl Place ===

impl<'a> Place<'a> {
    /// A folder, and the native door's port; the other doors count up from it,
    /// and with port 0 each takes a free one.
    pub(crate) fn new(data_dir: Setting<&'a Path>, port: u16) -> Self {
        Self { data_dir, port }
    }

    /// A folder that vanishes, and free ports.
    pub(crate) fn temporary(data_dir: &'a Path) -> Self {
        let data_dir = Setting {
            key: "data_dir",
            origin: Origin::Default,
            value: data_dir,
        };
        Self { data_dir, port: 0 }
    }

    fn plan(&self) -> Result<Plan, Failure> {
        let mut doors = Vec::with_capacity(VendorDoor::ALL.len());
        for (above, door) in (1..).zip(VendorDoor::ALL) {
            let certificate = match door {
                VendorDoor::SinchMessaging => Certificate::Made,
                VendorDoor::Nexmo | VendorDoor::Kustomer | VendorDoor::Sinch => Certificate::None,
            };
            doors.push((door, self.listening(above, certificate)?));
        }
        Ok(Plan {
            purpose: Purpose::Development,
            data_dir: self.data_dir.with(self.data_dir.value.to_owned()),
            key: KeySource::Folder,
            native: self.listening(0, Certificate::None)?,
            doors,
            messaging_host: None,
            trusted_proxies: Vec::new(),
        })
    }

    fn listening(&self, above: u16, certificate: Certificate) -> Result<Listening, Failure> {
        let port = match self.port {
            0 => Some(0),
            port => port.checked_add(above),
        };
        let port = port.ok_or_else(|| {
            Failure::usage(format!("five ports from {} on are needed", self.port))
                .hint("choose a port below 65532")
        })?;
        let address = Setting {
            key: "port",
            origin: Origin::Flag("--port".to_owned()),
            value: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        };
        Ok(Listening {
            address,
            certificate,
        })
    }
}

// === impl Development ===

impl Development {
    /// Starts a node for development.
    ///
    /// # Errors
    /// If the folder, the database or a port cannot be used.
    pub(crate) async fn start(system: System, place: &Place<'_>) -> Result<Self, Failure> {
        let prepared = Prepared::new(system, &place.plan()?).await?;
        let folder = &prepared.folder;
        let operator_key = operator_key(folder)?;
        let application = dev_application(&prepared.ctx, folder, &operator_key).await?;
        let ready = ready_line(&prepared.addresses, folder, &operator_key, &application);
        let line = serde_json::to_string_pretty(&ready)
            .map_err(|error| Failure::usage(format!("cannot write dev.json: {error}")))?;
        folder.write(&folder.dev_json(), &line)?;
        Ok(Self {
            ready,
            application,
            node: prepared.run(),
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

    /// As [`Node::run_until`].
    ///
    /// # Errors
    /// If it was cut short.
    pub(crate) async fn run_until(self, signals: StopSignals) -> Result<Exit, Failure> {
        self.node.run_until(signals).await
    }

    /// As [`Node::stop`].
    pub(crate) async fn stop(self) {
        self.node.stop().await;
    }
}

/// The operator key, which `dev` shows at every start.
fn operator_key(folder: &DataFolder) -> Result<String, Failure> {
    let file = folder.operator_key();
    match DataFolder::read(&file)? {
        Some(text) => Ok(text.trim().to_owned()),
        None => Err(Failure::usage(format!("{} is gone", file.display()))
            .hint("put it back, or remove the data folder to begin anew")),
    }
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
            Failure::usage(format!("cannot make the demo application: {error}"))
                .hint("remove the data folder to begin anew")
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
    addresses: &Addresses,
    folder: &DataFolder,
    operator_key: &str,
    application: &DevApplication,
) -> Ready {
    let url = |door| addresses.url_of(door).unwrap_or_default();
    let messaging = addresses.messaging();
    Ready {
        url: addresses.native.url(),
        operator_key: operator_key.to_owned(),
        doors: ready::Doors {
            nexmo: url(VendorDoor::Nexmo),
            kustomer: url(VendorDoor::Kustomer),
            sinch: url(VendorDoor::Sinch),
            sinch_messaging: url(VendorDoor::SinchMessaging),
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
                messaging_host: messaging.map_or_else(String::new, |messaging| messaging.host),
                tls_certificate_file: Some(folder.tls_certificate().display().to_string()),
            },
        },
    }
}
