//! The sinch door's listener for messages: what of PubNub's protocol the clients
//! of that door speak.
//!
//! [`routes`] is the page with every route, [`protocol`] what is done before and
//! behind them, [`asked`] who asks. A *mailbox* is what one chain of long polls is
//! told ([`mailbox`] and its [`contents`], by session in [`mailboxes`]): the node's one delivery loop,
//! each event sealed for the session that fetches it ([`told`]). What is sent
//! comes in frames, which [`sendings`] puts together and [`publish`] makes an event
//! of; frames as such are passed on to nobody.
//!
//! # Invariants
//! - Nothing is given without a session's own keys and channels, and nothing says
//!   which of them was wrong.
//! - What was answered is kept until the client says that it has it.
//! - What is acknowledged is durable.
//! - Every refusal has the members by which a client waits before it asks again.

mod routes;
mod protocol;
mod failure;
mod asked;
mod time_token;
mod subscribe;
mod mailbox;
mod contents;
mod mailboxes;
mod receipts;
mod told;
mod text;
mod publish;
mod sendings;
mod leave;
mod limit;

use std::sync::Arc;

use countersign_core::context::Ctx;

use self::mailboxes::Mailboxes;
use self::protocol::Messages;
use self::sendings::Sendings;
use self::time_token::TimeTokens;
use crate::call::Call;
use crate::front;
use crate::operations::Operations;
use crate::realtime::Looked;
use crate::route::{Routes, Service};

/// What the listener keeps beside the store.
#[derive(Default)]
struct Desk {
    tokens: TimeTokens,
    mailboxes: Mailboxes,
    sendings: Sendings,
}

/// The listener, under the rates and for the metrics of its node. Its clients hear
/// what the native door of the same node lets the node's connections hear.
pub fn operated(ctx: Arc<Ctx>, operations: Operations) -> Service {
    let desk = Arc::new(Desk::default());
    let looked: Arc<dyn Looked> = Arc::clone(&desk) as _;
    operations.realtime.look_also(Arc::downgrade(&looked));
    let all = routes::all().into_iter();
    let routes = Routes::new(all.map(|route| (route.call, route.handler)));
    front::before(ctx, operations, Messages::new(desk), routes)
}

/// Every route of the listener, for what must know them all.
#[must_use]
pub fn calls() -> Vec<Call> {
    routes::all().into_iter().map(|route| route.call).collect()
}

// === impl Desk ===

impl Looked for Desk {
    fn look(&self) {
        self.mailboxes.look();
    }
}
