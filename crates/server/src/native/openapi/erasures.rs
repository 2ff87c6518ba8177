//! The calls about erasures.

use countersign_wire::erasure::Erasure;
use http::StatusCode;

use super::Description;
use super::bearer::BACKENDS;
use super::tag::Tag;

pub(in crate::native) fn create() -> Description {
    Description::by(BACKENDS, Tag::Users, "eraseUser", "Erase a user")
        .about(
            "All that is kept of the user goes, and cannot be had back: who they are, sessions, \
             files, and what they wrote, in the place of which others see a deleted event. What \
             others wrote stays. A user who was deleted before can be erased still, and who is \
             erased already is not erased twice. It takes seconds: ask again until `state` is \
             `done`. Backups that were made before have the user still.",
        )
        .gives::<Erasure>(StatusCode::ACCEPTED, "The erasure has begun, or goes on.")
        .gives::<Erasure>(StatusCode::OK, "The user was erased already.")
}

pub(in crate::native) fn read() -> Description {
    Description::by(
        BACKENDS,
        Tag::Users,
        "readErasure",
        "Read how far an erasure has come",
    )
    .gives::<Erasure>(StatusCode::OK, "The erasure.")
}
