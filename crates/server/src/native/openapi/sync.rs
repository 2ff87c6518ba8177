//! The long poll.

use countersign_core::error::Code;
use countersign_wire::frame::{SyncAnswer, SyncRequest};
use http::StatusCode;

use super::Description;
use super::bearer::Bearer;
use super::tag::Tag;

pub(in crate::native) fn sync() -> Description {
    Description::by(
        &[Bearer::AccessToken],
        Tag::Delivery,
        "sync",
        "Ask what is new, and wait for it",
    )
    .about(
        "For who cannot hold a socket open. The frames are those of a socket, in its order, the \
         `welcome` first. With `have` they begin after what the client has, and a conversation \
         that it does not name counts as 0; without it only what is new is told. An `epoch` that \
         is not the `welcome`'s makes `have` void.",
    )
    .takes_perhaps::<SyncRequest>()
    .gives::<SyncAnswer>(StatusCode::OK, "What is new, or nothing of it in time.")
    .refuses(&[Code::Unavailable])
}
