//! The calls about events.

use countersign_core::error::Code;
use countersign_wire::event::{Event, Events, NewEvent};
use countersign_wire::schema;
use http::StatusCode;

use super::Description;
use super::bearer::EVERYBODY;
use super::tag::Tag;

pub(in crate::native) fn send() -> Description {
    Description::by(EVERYBODY, Tag::Events, "sendEvent", "Send an event")
        .about(
            "The members of `body` go by the type: `text` has `text`; `message` has \
             `message_type`, `image` has `url`, and both may have more; `custom:NAME` has what it \
             likes; `edit` has `event_id` and the new `body`, `delete` has `event_id`; `delivered` \
             and `seen` have `up_to`, and get no number. The same `client_id` with the same event \
             gets the same answer. An event is answered once it is durable.",
        )
        .takes::<NewEvent>()
        .gives::<Event>(StatusCode::CREATED, "The event has its number.")
        .gives::<Event>(StatusCode::OK, "An earlier request has sent it.")
        .gives_nothing("The position has moved.")
        .refuses(&[Code::ClientIdReused])
}

pub(in crate::native) fn list() -> Description {
    Description::by(EVERYBODY, Tag::Events, "listEvents", "Read the history")
        .about("The newest events where neither `after` nor `before` is given; not both.")
        .query::<schema::EventPlace>("after", "The event after which to begin.")
        .query::<schema::EventPlace>("before", "The event before which to end.")
        .limits()
        .gives::<Events>(StatusCode::OK, "The events, ascending.")
}

pub(in crate::native) fn read() -> Description {
    Description::by(EVERYBODY, Tag::Events, "readEvent", "Read an event")
        .gives::<Event>(StatusCode::OK, "The event.")
}

pub(in crate::native) fn delete() -> Description {
    Description::by(EVERYBODY, Tag::Events, "deleteEvent", "Delete an event")
        .about(
            "Its sender may, and a backend. The number stays, with an empty body, and a `delete` \
             follows in the history.",
        )
        .gives_nothing("The event has no body any more.")
}
