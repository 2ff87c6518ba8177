//! The calls about revocations.

use countersign_wire::revocation::{NewRevocation, Revocation};
use http::StatusCode;

use super::Description;
use super::bearer::BACKENDS;
use super::tag::Tag;

pub(in crate::native) fn create() -> Description {
    Description::by(BACKENDS, Tag::Revocations, "revoke", "Revoke what is named")
        .about(
            "Exactly one thing: a session, a device, a user, a credential by its `jti`, a signing \
             key, an API key or the whole application. The last three need an admin or operator \
             key. It holds from this answer on, on every node, and the sockets of the node that was \
             asked were told by then, but for clients that do not read.",
        )
        .takes::<NewRevocation>()
        .gives::<Revocation>(StatusCode::CREATED, "It is revoked.")
}
