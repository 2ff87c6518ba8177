//! The way onto a socket.

use countersign_core::error::Code;

use super::Description;
use super::tag::Tag;

pub(in crate::native) fn open() -> Description {
    Description::open(Tag::Delivery, "connect", "Open a WebSocket")
        .about(
            "The client offers the subprotocol `countersign.v1`, and its first frame is \
             `authenticate`, with an access token or a credential: neither stands in the URL. \
             Each text frame is one JSON object, at most 64 KiB of it from a client. The node's \
             are those that `POST /v1/sync` answers, and `sent`, `error` and `expiring` beside \
             them; a client's are `authenticate`, `send` and `refresh`. The node closes with 4400 \
             for a bad frame, 4401 for a refused credential, 4403 for what is not permitted, 4408 \
             for a client that does not read, 4410 where the session is over (do not retry), 4429 \
             for too many commands, pings or sockets, and 4503 where it goes away, or lets nobody \
             in since it does not see its store: the reason is then an object whose \
             `reconnect_after` says in how many milliseconds to come back. A socket that is open \
             while the store is out of sight stays open and is silent; its session is looked at \
             again, and then it is told what it missed. A command that came meanwhile is refused \
             or carried out then: either way it is answered.",
        )
        .switches("The socket is open.")
        .refuses(&[Code::Unavailable])
}
