//! What goes out: deliveries in their order, and each frame through the gate.

use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes};
use bytes::Bytes;
use countersign_core::error::Error;
use countersign_wire::frame::CloseCode;

use super::{Entered, Socket};
use crate::native::close::Close;
use crate::native::frames;
use crate::realtime::follower::Delivery;
use crate::realtime::gated::Unwritten;

/// Deliveries before what comes in is looked at again.
const DELIVERIES_AT_ONCE_MAX: usize = 64;

// === impl Socket ===

impl Socket {
    /// Tells what there is to tell, and answers whether that is all.
    pub(super) async fn deliver(&mut self) -> Result<bool, Close> {
        let news = self.entered.open.line.take_news();
        self.entered.follower.is_ready(&news.ready);
        if news.relist {
            self.relist().await?;
        }
        for signal in &news.signals {
            self.put(frames::signal(signal))?;
        }
        if news.expiring {
            self.put_expiring()?;
        }
        if news.ping {
            self.socket.put(Message::Ping(Bytes::new()));
        }
        self.write().await?;
        let mut out = Vec::new();
        let mut told = 0;
        while told < DELIVERIES_AT_ONCE_MAX {
            let Entered { follower, ctx, .. } = &mut self.entered;
            if let Err(error) = follower.next(ctx, &self.sending, &mut out).await {
                self.silent(&error).await?;
                return Ok(false);
            }
            if out.is_empty() {
                return Ok(true);
            }
            for delivery in out.drain(..) {
                told += 1;
                self.tell(delivery)?;
                if self.socket.is_full() {
                    self.write().await?;
                }
            }
            self.write().await?;
        }
        Ok(false)
    }

    fn tell(&mut self, delivery: Delivery) -> Result<(), Close> {
        match &delivery {
            Delivery::Event(conversation, recent) => {
                let number = recent.number();
                if let Some(own) = self.own.take(*conversation, number) {
                    return self.acknowledge(own);
                }
            }
            Delivery::Gap { conversation, .. } | Delivery::Removed(conversation, _) => {
                self.acknowledge_all(*conversation)?;
            }
            Delivery::Added(_) | Delivery::Changed(_) => {}
        }
        let user = self.entered.open.line.user;
        self.put(frames::delivery(delivery, user))
    }

    fn put_expiring(&mut self) -> Result<(), Close> {
        let now = self.entered.ctx.now();
        let expires_at = self.entered.open.line.expires_at();
        self.put(frames::expiring(expires_at.milliseconds_since(now)))
    }

    /// Adds a frame to what is written next.
    pub(super) fn put(&mut self, frame: Result<Utf8Bytes, Error>) -> Result<(), Close> {
        let frame = frame.map_err(|error| self.close_of(&error))?;
        self.socket.put(Message::Text(frame));
        Ok(())
    }

    /// Writes what was put, once the gate is open.
    pub(super) async fn write(&mut self) -> Result<(), Close> {
        loop {
            let line = &self.entered.open.line;
            let patience = self.entered.realtime.patience.write;
            match self.socket.write(line, patience).await {
                Ok(()) => return Ok(()),
                Err(Unwritten::Held) => self.pass_gate().await?,
                Err(Unwritten::Slow) => {
                    let realtime = &self.entered.realtime;
                    realtime.gave_up_on_slow_reader();
                    let patience = realtime.patience.close;
                    return Err(self.give_up_on_slow_reader(patience).await);
                }
                Err(Unwritten::Broken) => return Err(Close::Gone),
            }
        }
    }

    /// A client that does not read is told so, if it reads on in time.
    async fn give_up_on_slow_reader(&mut self, patience: Duration) -> Close {
        self.socket.flush(&self.entered.open.line, patience).await;
        Close::because(
            CloseCode::SlowReader,
            "the client does not read what it is sent",
        )
    }
}
