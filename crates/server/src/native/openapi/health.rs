//! The calls about whether the program lives and can serve.

use countersign_core::error::Code;
use http::StatusCode;

use super::Description;
use super::tag::Tag;
use crate::native::health::Status;

pub(in crate::native) fn alive() -> Description {
    Description::open(Tag::Node, "isAlive", "Tell whether the process lives")
        .about("It asks nothing of the store: a process that answers need not be started anew.")
        .gives::<Status>(StatusCode::OK, "It lives.")
}

pub(in crate::native) fn ready() -> Description {
    Description::open(Tag::Node, "isReady", "Tell whether the node can serve")
        .about("Ready is who reaches the store.")
        .gives::<Status>(StatusCode::OK, "It can.")
        .refuses(&[Code::Unavailable])
}
