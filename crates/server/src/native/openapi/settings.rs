//! The calls about settings.

use countersign_core::error::Code;
use countersign_wire::settings::{Settings, SettingsPatch};
use http::StatusCode;

use super::Description;
use super::bearer::ADMINISTRATORS;
use super::tag::Tag;

pub(in crate::native) fn read() -> Description {
    Description::by(
        ADMINISTRATORS,
        Tag::Applications,
        "readSettings",
        "Read the settings",
    )
    .gives::<Settings>(StatusCode::OK, "The settings, the defaults filled in.")
}

pub(in crate::native) fn update() -> Description {
    Description::by(
        ADMINISTRATORS,
        Tag::Applications,
        "updateSettings",
        "Change settings",
    )
    .about("Null resets a member to its default. They hold from the next request on.")
    .patches::<SettingsPatch>()
    .gives::<Settings>(StatusCode::OK, "The settings as they are now.")
    .refuses(&[Code::Conflict])
}
