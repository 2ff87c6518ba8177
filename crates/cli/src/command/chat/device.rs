//! The device that chats: where its server is, where its identity is kept, and
//! how it comes by a credential.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use clap::Args;
use countersign_client::client::Client;
use countersign_client::error::Error;
use countersign_client::http::segment;
use countersign_client::keep::InFile;
use countersign_client::login::Login;
use countersign_client::provider::{Provider, ProviderError, Source};
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::ExternalId;
use countersign_wire::code::Code;
use countersign_wire::patch::Patch;
use countersign_wire::secret::Secret;
use countersign_wire::user::UserPatch;

use crate::exit::Failure;
use crate::ready::Ready;
use crate::system::System;

/// What a device is called that has no name.
const TERMINAL: &str = "terminal";

/// Whose device it is, and where its server is.
#[derive(Args)]
pub(super) struct DeviceArguments {
    /// The URL of the server [default: that of `countersign dev`].
    #[arg(
        long,
        env = "COUNTERSIGN_URL",
        value_name = "URL",
        requires = "publishable_key"
    )]
    url: Option<String>,
    /// The application's publishable key [default: that of `countersign dev`].
    #[arg(
        long,
        env = "COUNTERSIGN_PUBLISHABLE_KEY",
        value_name = "KEY",
        requires = "url"
    )]
    publishable_key: Option<String>,
    /// The dev.json of `countersign dev`, which names its server, key and
    /// application [default: the one of its data folder].
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    dev: Option<PathBuf>,
    /// Log in as this user, with a credential signed by the demo application's
    /// key: what your own backend would do.
    #[arg(long = "as", value_name = "USER", conflicts_with_all = ["url", "credential_file"])]
    as_user: Option<String>,
    /// Log in with the credential in this file, read anew when one is needed.
    #[arg(long, value_name = "FILE")]
    credential_file: Option<PathBuf>,
    /// Take the device over from whoever is logged in on it.
    #[arg(long)]
    switch: bool,
    /// What the device is called; each name is a device of its own
    /// [default: terminal, one for each --as].
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// Where the device keeps who it is [default: a file for each server and
    /// device in $XDG_DATA_HOME/countersign/chat].
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
}

/// Where the server is, and what stands in for a backend.
struct Place {
    url: String,
    publishable_key: String,
    dev: Option<Ready>,
}

/// The demo application's backend.
struct DemoBackend {
    user: ExternalId,
    application_id: String,
    private_key_file: PathBuf,
    system: System,
}

/// A file that a backend writes.
struct CredentialFile(PathBuf);

// === impl DeviceArguments ===

impl DeviceArguments {
    /// The device, logged in: as it was kept, as who is named, or as a visitor.
    ///
    /// # Errors
    /// If the server refuses, or it cannot be told where it is.
    pub(super) async fn open(&self, system: System) -> Result<Client, Failure> {
        let place = self.place(system)?;
        let profile = match &self.profile {
            Some(file) => file.clone(),
            None => profile(system, &place.url, &self.name()?)?,
        };
        let source = self.source(&place, system)?;
        let device = Client::builder(&place.url, &place.publishable_key)
            .device_name(self.device.as_deref().unwrap_or(TERMINAL))
            .keep(InFile::new(profile))
            .open()
            .await?;
        match source {
            Some(source) => {
                let mut login = Login::with(source);
                if self.switch {
                    login = login.switching();
                }
                device.log_in(login).await.map_err(not_logged_in)?;
                if let Some(user) = &self.as_user {
                    introduce(&device, user).await?;
                }
            }
            None if device.user().is_none() => {
                device.visit().await?;
            }
            None => {}
        }
        Ok(device)
    }

    /// Which of the devices on this machine it is.
    fn name(&self) -> Result<String, Failure> {
        match (&self.device, &self.as_user) {
            (Some(device), _) => {
                let name = segment(device).map_err(|_| {
                    Failure::usage("--device has letters, digits, '.', '_' and '-' alone")
                })?;
                Ok(name.to_owned())
            }
            (None, Some(user)) => Ok(format!("{TERMINAL}-{}", plain(user))),
            (None, None) => Ok(TERMINAL.to_owned()),
        }
    }

    fn place(&self, system: System) -> Result<Place, Failure> {
        if let (Some(url), Some(publishable_key)) = (&self.url, &self.publishable_key) {
            return Ok(Place {
                url: url.clone(),
                publishable_key: publishable_key.clone(),
                dev: None,
            });
        }
        let file = match &self.dev {
            Some(file) => file.clone(),
            None => system.data_home()?.join("countersign/dev/dev.json"),
        };
        let ready = read_ready(&file)?;
        Ok(Place {
            url: ready.url.clone(),
            publishable_key: ready.application.publishable_key.clone(),
            dev: Some(ready),
        })
    }

    fn source(&self, place: &Place, system: System) -> Result<Option<Source>, Failure> {
        if let Some(file) = &self.credential_file {
            let provider = Arc::new(CredentialFile(file.clone()));
            return Ok(Some(Source::Provider(provider)));
        }
        let (Some(user), Some(ready)) = (&self.as_user, &place.dev) else {
            return Ok(None);
        };
        let user = ExternalId::parse(user)
            .map_err(|error| Failure::usage(format!("--as names no user: {error}")))?;
        Ok(Some(Source::Provider(Arc::new(DemoBackend {
            user,
            application_id: ready.application.id.clone(),
            private_key_file: PathBuf::from(&ready.application.nexmo.private_key_file),
            system,
        }))))
    }
}

impl fmt::Debug for DeviceArguments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DeviceArguments({:?})", self.device)
    }
}

// === impl DemoBackend ===

impl DemoBackend {
    fn sign(&self, pem: &str) -> Result<String, String> {
        let key = SigningKey::from_private_key_pem(pem).map_err(|error| error.to_string())?;
        let jti = self.system.random_id();
        let order = Order {
            claims: Minted::Native {
                subject: &self.user,
                jti: Some(&jti),
            },
            application_id: &self.application_id,
            kid: None,
            issued_at: self.system.now(),
            life_s: None,
        };
        mint(&order, &key).map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Provider for DemoBackend {
    async fn credential(&self) -> Result<Secret, ProviderError> {
        let pem = read(&self.private_key_file).await?;
        self.sign(&pem).map(Secret).map_err(ProviderError)
    }
}

// === impl CredentialFile ===

#[async_trait]
impl Provider for CredentialFile {
    async fn credential(&self) -> Result<Secret, ProviderError> {
        let text = read(&self.0).await?;
        Ok(Secret(text.trim().to_owned()))
    }
}

/// Gives a user of the demo application a name that others can see, where it
/// has none: no backend has made an entry for it.
async fn introduce(device: &Client, name: &str) -> Result<(), Failure> {
    let user = device.own_user().await?;
    if user.name.is_none() && user.display_name.is_none() {
        let patch = UserPatch {
            display_name: Patch::Value(name.to_owned()),
            ..UserPatch::default()
        };
        device.update_own_user(&patch).await?;
    }
    Ok(())
}

fn not_logged_in(error: Error) -> Failure {
    let taken = error
        .refusal()
        .is_some_and(|refusal| refusal.code == Code::AlreadyIdentified);
    let failure = Failure::from(error);
    if taken {
        failure.hint("pass --switch to take this device over, or --device NAME for another one")
    } else {
        failure
    }
}

async fn read(file: &Path) -> Result<String, ProviderError> {
    let path = file.to_owned();
    let text = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
    let text = text.map_err(|error| ProviderError(error.to_string()))?;
    text.map_err(|error| ProviderError(format!("cannot read {}: {error}", file.display())))
}

fn read_ready(file: &Path) -> Result<Ready, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", file.display())).hint(
            "start `countersign dev` in another terminal, or name a server with --url and --publishable-key",
        )
    })?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{} is no dev.json: {error}", file.display())))
}

/// Where a device keeps who it is: apart for each server.
fn profile(system: System, url: &str, device: &str) -> Result<PathBuf, Failure> {
    let server = url.split_once("://").map_or(url, |(_, server)| server);
    let server = plain(server);
    let folder = system.data_home()?.join("countersign").join("chat");
    Ok(folder.join(server).join(format!("{device}.json")))
}

/// A text as part of a file's name.
fn plain(text: &str) -> String {
    text.replace(|character: char| !character.is_ascii_alphanumeric(), "-")
}
