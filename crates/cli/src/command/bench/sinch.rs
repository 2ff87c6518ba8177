//! A client of the sinch door, as far as its messages go: an instance whose calls
//! are signed, frames that are published, and a long poll that fetches them.
//!
//! It does what the vendor's SDK does, in the same order and over as many
//! connections: one is held by the poll, another takes what is published.

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_core::ports::Random as _;
use countersign_server::sinch::frame::{Frame, split};
use countersign_server::sinch::sealed::{
    Content, IV_BYTES, KEY_BYTES, Payload, TransportKey, Writer,
};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, Method, Request};
use http_body_util::Full;
use md5::{Digest as _, Md5};
use rustls::crypto::aws_lc_rs as provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::form_urlencoded::byte_serialize;

use super::http::Connection;
use crate::exit::Failure;
use crate::ready::Ready;
use crate::system::System;

const TIMESTAMP: HeaderName = HeaderName::from_static("x-timestamp");
const JSON: &str = "application/json; charset=UTF-8";

/// The door's two listeners, as a client is told of them.
#[derive(Clone)]
pub(super) struct Door {
    system: System,
    /// Where calls are made, in plain HTTP.
    calls: String,
    /// Where messages go, over TLS.
    messages: String,
    tls: TlsConnector,
}

/// A device that has logged in.
#[derive(Clone)]
pub(super) struct Instance {
    /// Its user.
    pub(super) user: String,
    id: String,
    secret: hmac::Key,
    publish_key: String,
    subscribe_key: String,
    /// What it listens to, in the order of the SDK.
    channels: [String; 2],
}

/// A conversation of two, as one of them writes in it.
pub(super) struct Transport {
    id: String,
    key: TransportKey,
    /// Where a frame goes: to the other one, and to the writer's own devices.
    channels: [String; 2],
    writer: Writer,
}

/// What publishes for an instance: one frame after the other.
pub(super) struct Publisher {
    system: System,
    connection: Connection,
    keys: String,
}

/// What fetches for an instance: one poll after the other.
pub(super) struct Poll {
    connection: Connection,
    path: String,
    timetoken: String,
}

// === impl Door ===

impl Door {
    /// The door of a server in development.
    ///
    /// # Errors
    /// If its certificate cannot be read.
    pub(super) fn of(dev: &Ready, system: System) -> Result<Self, Failure> {
        let sinch = &dev.application.sinch;
        let file = sinch.tls_certificate_file.as_deref().ok_or_else(|| {
            Failure::usage("the ready line names no certificate of the sinch messages' listener")
        })?;
        let calls = dev.doors.sinch.strip_prefix("http://");
        Ok(Self {
            system,
            calls: calls.unwrap_or_default().to_owned(),
            messages: sinch.messaging_host.clone(),
            tls: trusting(Path::new(file))?,
        })
    }

    /// Opens an instance with a ticket, over a connection to where calls go.
    ///
    /// # Errors
    /// If the login is refused.
    pub(super) async fn enter(
        &self,
        calls: &mut Connection,
        user: &str,
        ticket: &str,
    ) -> Result<Instance, Failure> {
        let services = json!({"services": {"calling": ["online", "im"]}}).to_string();
        let by = (AUTHORIZATION, format!("user {ticket}"));
        let request = request(Method::POST, "/v1/instance", [by], services.into())?;
        let opened = calls.ask(request).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let secret = STANDARD.decode(text(&opened["secret"])).map_err(|_| {
            Failure::unreached("the server made an instance whose secret is no base64")
        })?;
        let mut instance = Instance {
            user: user.to_owned(),
            id: text(&opened["id"]),
            secret: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            publish_key: String::new(),
            subscribe_key: String::new(),
            channels: Default::default(),
        };
        let path = "/v1/configuration/user";
        let told = self.signed(calls, &instance, Method::GET, path, Bytes::new());
        let told = told.await?;
        let network = &told["rtcConfiguration"]["broadcastNetwork"];
        let profile = &told["rtcProfile"];
        instance.publish_key = text(&network["publishKey"]);
        instance.subscribe_key = text(&network["subscribeKey"]);
        instance.channels = [
            text(&profile["broadcastChannel"]),
            text(&profile["transportChannel"]),
        ];
        Ok(instance)
    }

    /// Asks for the conversation of an instance's user with another.
    ///
    /// # Errors
    /// If it is refused, or the other one is not there.
    pub(super) async fn transport(
        &self,
        calls: &mut Connection,
        of: &Instance,
        with: &str,
    ) -> Result<Transport, Failure> {
        let body = json!([{"identity": with}]).to_string();
        let asked = self.signed(calls, of, Method::POST, "/v1/transport", body.into());
        let told = asked.await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let key = STANDARD.decode(text(&told["key"])).unwrap_or_default();
        let key: [u8; KEY_BYTES] = key
            .try_into()
            .map_err(|_| Failure::unreached("the server made a transport without a key"))?;
        let other = text(&told["participants"][0]["channel"]);
        let [_, own] = &of.channels;
        Ok(Transport {
            id: text(&told["transportId"]),
            key: TransportKey::new(key),
            channels: [other, own.clone()],
            writer: Writer {
                user: of.user.clone(),
                instance: format!("{}:1", of.id),
                device: of.id.clone(),
                channel: own.clone(),
            },
        })
    }

    /// A connection to where calls go.
    ///
    /// # Errors
    /// If the server is not reached.
    pub(super) async fn calls(&self) -> Result<Connection, Failure> {
        Connection::open(&self.calls).await
    }

    /// What publishes for an instance.
    ///
    /// # Errors
    /// If the server is not reached.
    pub(super) async fn publisher(&self, of: &Instance) -> Result<Publisher, Failure> {
        Ok(Publisher {
            system: self.system,
            connection: self.messages().await?,
            keys: format!("{}/{}", of.publish_key, of.subscribe_key),
        })
    }

    /// Begins to listen for an instance: from now on nothing is missed.
    ///
    /// # Errors
    /// If the server is not reached or refuses.
    pub(super) async fn listen(&self, of: &Instance) -> Result<Poll, Failure> {
        let channels = of.channels.join("%2C");
        let mut poll = Poll {
            connection: self.messages().await?,
            path: format!("/subscribe/{}/{channels}/0", of.subscribe_key),
            timetoken: "0".to_owned(),
        };
        poll.next().await?;
        Ok(poll)
    }

    async fn messages(&self) -> Result<Connection, Failure> {
        let unreached = |error: std::io::Error| {
            Failure::unreached(format!("{} was not reached: {error}", self.messages))
        };
        let stream = TcpStream::connect(&self.messages).await;
        let stream = stream.map_err(unreached)?;
        stream.set_nodelay(true).map_err(unreached)?;
        let (host, _) = self.messages.rsplit_once(':').unwrap_or_default();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Failure::usage(format!("{host} is no name of a host")))?;
        let stream = self.tls.connect(name, stream).await.map_err(unreached)?;
        Connection::over(stream, &self.messages).await
    }

    async fn signed(
        &self,
        calls: &mut Connection,
        by: &Instance,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Value, Failure> {
        let now = self.system.now().to_string();
        let digest = if body.is_empty() {
            String::new()
        } else {
            STANDARD.encode(Md5::digest(&body))
        };
        let text = format!("{method}\n{digest}\n{JSON}\nx-timestamp:{now}\n{path}");
        let mac = STANDARD.encode(hmac::sign(&by.secret, text.as_bytes()));
        let headers = [
            (TIMESTAMP, now),
            (AUTHORIZATION, format!("instance {}:{mac}", by.id)),
        ];
        calls.ask(request(method, path, headers, body)?).await
    }
}

// === impl Transport ===

impl Transport {
    /// Opens what was fetched: the message's id, and what it says; nothing, where
    /// it is of another conversation.
    pub(super) fn open(&self, text: &str) -> Option<(String, Content)> {
        let frame = Frame::parse(text).ok()?;
        let payload = self.key.open(frame.chunk).ok()?;
        Some((frame.message_id.to_owned(), payload.content))
    }
}

// === impl Publisher ===

impl Publisher {
    /// Sends a text to the other one and to the writer's own devices, as one
    /// message: its id.
    ///
    /// # Errors
    /// If it is refused.
    pub(super) async fn send(&mut self, to: &Transport, text: String) -> Result<String, Failure> {
        let id = self.system.random_id();
        let content = Content::Message {
            text,
            headers: None,
        };
        let channels = to.channels.iter();
        self.publish(to, channels, &id, content).await?;
        Ok(id)
    }

    /// Tells the other one that a message has arrived.
    ///
    /// # Errors
    /// If it is refused.
    pub(super) async fn acknowledge(&mut self, to: &Transport, id: &str) -> Result<(), Failure> {
        let other = to.channels.iter().take(1);
        self.publish(to, other, id, Content::Ack).await
    }

    /// Sealed once, and the same for everybody.
    async fn publish(
        &mut self,
        to: &Transport,
        channels: impl Iterator<Item = &String>,
        id: &str,
        content: Content,
    ) -> Result<(), Failure> {
        let mut iv = [0; IV_BYTES];
        self.system.fill(&mut iv);
        let writer = to.writer.clone();
        let sealed = to.key.seal(iv, &Payload { content, writer });
        for channel in channels {
            for frame in split(id, &to.id, 1, &sealed) {
                let message = format!("\"{frame}\"");
                // A space is %20 in a path, whatever it is in a form.
                let message: String = byte_serialize(message.as_bytes()).collect();
                let message = message.replace('+', "%20");
                let path = format!("/publish/{}/0/{channel}/0/{message}", self.keys);
                let request = request(Method::GET, &path, [], Bytes::new())?;
                let told = self.connection.ask(request).await?;
                if told[0] != 1 {
                    return Err(Failure::refused("a frame was not taken"));
                }
            }
        }
        Ok(())
    }
}

// === impl Poll ===

impl Poll {
    /// The frames that have come, once there are any or the server lets go.
    ///
    /// # Errors
    /// If the server refuses, or the connection is lost.
    pub(super) async fn next(&mut self) -> Result<Vec<String>, Failure> {
        let path = format!("{}/{}", self.path, self.timetoken);
        let request = request(Method::GET, &path, [], Bytes::new())?;
        let told = self.connection.ask_for_long(request).await?;
        let timetoken = told[1].as_str();
        self.timetoken = timetoken
            .ok_or_else(|| Failure::refused("a poll was answered without a time"))?
            .to_owned();
        let frames = told[0].as_array().into_iter().flatten();
        Ok(frames
            .filter_map(|frame| Some(frame.as_str()?.to_owned()))
            .collect())
    }
}

fn request(
    method: Method,
    path: &str,
    headers: impl IntoIterator<Item = (HeaderName, String)>,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, Failure> {
    let mut request = Request::builder().method(method).uri(path);
    // Also without a body: it is signed.
    request = request.header(CONTENT_TYPE, JSON);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request
        .body(Full::new(body))
        .map_err(|error| Failure::usage(format!("a request cannot be written: {error}")))
}

/// Trusts this certificate, and no other.
fn trusting(file: &Path) -> Result<TlsConnector, Failure> {
    let unreadable = |why: &dyn std::fmt::Display| {
        Failure::usage(format!("{} is no certificate: {why}", file.display()))
    };
    let certificate = CertificateDer::from_pem_file(file).map_err(|error| unreadable(&error))?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).map_err(|error| unreadable(&error))?;
    let config = ClientConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unreadable(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
