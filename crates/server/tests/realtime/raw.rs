//! A client of the socket that writes its bytes itself: a library would not send
//! most of what a node has to stand.

use std::io;
use std::io::Read as _;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::in_time;
use crate::world::{Device, World};

pub(crate) const FIN: u8 = 0x80;
pub(crate) const RSV1: u8 = 0x40;
pub(crate) const RSV2: u8 = 0x20;
pub(crate) const RSV3: u8 = 0x10;
pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// A connection after its handshake.
pub(crate) struct Raw(TcpStream);

// === impl Raw ===

impl Raw {
    pub(crate) async fn open(world: &World) -> Self {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let request = "GET /v1/connect HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\n\
            upgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            sec-websocket-extensions: permessage-deflate\r\n\
            sec-websocket-protocol: countersign.v1\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(in_time(stream.read_u8()).await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        assert!(head.contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        assert!(!head.contains("sec-websocket-extensions"), "{head}");
        Self(stream)
    }

    /// A connection of a device, which was welcomed.
    pub(crate) async fn welcomed(world: &World, device: &Device) -> Self {
        let mut raw = Self::open(world).await;
        let frame = json!({"type": "authenticate", "token": device.access}).to_string();
        raw.0.write_all(&text(frame.as_bytes())).await.unwrap();
        let (head, payload) = in_time(raw.frame()).await.unwrap();
        assert_eq!(head, FIN | TEXT);
        assert!(payload.starts_with(br#"{"type":"welcome""#));
        raw
    }

    /// Sends, as long as the other end reads.
    pub(crate) async fn send(&mut self, bytes: &[u8], chop: usize) {
        for piece in bytes.chunks(chop) {
            if in_time(self.0.write_all(piece)).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// The next frame of the node.
    pub(crate) async fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let head = self.0.read_u8().await?;
        let length = match self.0.read_u8().await? {
            126 => usize::from(self.0.read_u16().await?),
            127 => usize::try_from(self.0.read_u64().await?).unwrap(),
            short => {
                assert!(short < 126, "a server does not mask");
                usize::from(short)
            }
        };
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await?;
        Ok((head, payload))
    }

    /// What the node has sent by now, without waiting for more.
    pub(crate) fn already(self) -> Vec<u8> {
        let mut stream = self.0.into_std().unwrap();
        let mut bytes = vec![0; 1_024];
        match stream.read(&mut bytes) {
            Ok(count) => bytes.truncate(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => bytes.clear(),
            Err(error) => panic!("{error}"),
        }
        bytes
    }

    /// Whether the other end has hung up.
    pub(crate) async fn is_over(&mut self) -> bool {
        in_time(self.0.read_u8()).await.is_err()
    }
}

/// A frame of a client: masked, and its length in as few bytes as it takes.
pub(crate) fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut bytes = vec![head];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..=125), _) => bytes.push(0x80 | length),
        (_, Ok(length)) => {
            bytes.push(0x80 | 126);
            bytes.extend(length.to_be_bytes());
        }
        (_, Err(_)) => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    let mask = [0x12, 0x34, 0x56, 0x78];
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b));
    bytes
}

pub(crate) fn text(payload: &[u8]) -> Vec<u8> {
    frame(FIN | TEXT, payload)
}

pub(crate) fn ping(payload: &[u8]) -> Vec<u8> {
    frame(FIN | PING, payload)
}

pub(crate) fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// A message in fragments of so many bytes, with something after each but the last.
pub(crate) fn fragmented(message: &[u8], size: usize, between: &[u8]) -> Vec<u8> {
    let pieces: Vec<&[u8]> = message.chunks(size).collect();
    let mut bytes = Vec::new();
    for (number, piece) in pieces.iter().enumerate() {
        let opcode = if number == 0 { TEXT } else { CONTINUATION };
        let is_last = number + 1 == pieces.len();
        bytes.extend(frame(if is_last { FIN | opcode } else { opcode }, piece));
        if !is_last {
            bytes.extend(between);
        }
    }
    bytes
}
