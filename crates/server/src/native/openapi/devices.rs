//! The calls about devices.

use countersign_wire::device::{Device, DevicePatch, Devices};
use http::StatusCode;

use super::Description;
use super::bearer::{Bearer, EVERYBODY};
use super::tag::Tag;

pub(in crate::native) fn list() -> Description {
    Description::by(
        EVERYBODY,
        Tag::Devices,
        "listDevices",
        "List a user's devices",
    )
    .about("On one page: a user has no more devices than sessions.")
    .names_a_user()
    .gives::<Devices>(StatusCode::OK, "The devices, the newest first.")
}

pub(in crate::native) fn read() -> Description {
    Description::by(EVERYBODY, Tag::Devices, "readDevice", "Read a device")
        .names_a_user()
        .gives::<Device>(StatusCode::OK, "The device.")
}

pub(in crate::native) fn name() -> Description {
    const SESSIONS: &[Bearer] = &[Bearer::AccessToken];
    Description::by(SESSIONS, Tag::Devices, "nameDevice", "Give a device a name")
        .about("One's own alone. A name can be changed, and not be taken away.")
        .patches::<DevicePatch>()
        .gives::<Device>(StatusCode::OK, "The device with its name.")
}

pub(in crate::native) fn end() -> Description {
    Description::by(
        EVERYBODY,
        Tag::Devices,
        "endDevice",
        "End every session of a user on a device",
    )
    .names_a_user()
    .gives_nothing("They are over.")
}
