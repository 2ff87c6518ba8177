//! The calls about applications.

use countersign_core::error::Code;
use countersign_wire::application::{
    Application, ApplicationPatch, Applications, Export, NewApplication,
};
use http::StatusCode;

use super::Description;
use super::bearer::{ADMINISTRATORS, BACKENDS, OPERATORS};
use super::tag::Tag;

pub(in crate::native) fn create() -> Description {
    Description::by(
        OPERATORS,
        Tag::Applications,
        "createApplication",
        "Add an application",
    )
    .of_the_installation()
    .about("It begins without keys, and with the default settings.")
    .takes::<NewApplication>()
    .gives::<Application>(StatusCode::CREATED, "The application was added.")
    .refuses(&[Code::Conflict])
}

pub(in crate::native) fn list() -> Description {
    Description::by(
        BACKENDS,
        Tag::Applications,
        "listApplications",
        "List applications",
    )
    .of_the_installation()
    .about("An operator sees all, everybody else their own.")
    .pages()
    .gives::<Applications>(StatusCode::OK, "The applications, the oldest first.")
}

pub(in crate::native) fn read() -> Description {
    Description::by(
        BACKENDS,
        Tag::Applications,
        "readApplication",
        "Read an application",
    )
    .gives::<Application>(StatusCode::OK, "The application.")
}

pub(in crate::native) fn update() -> Description {
    Description::by(
        OPERATORS,
        Tag::Applications,
        "updateApplication",
        "Change an application",
    )
    .about("What it is called; its `name` cannot be taken away.")
    .patches::<ApplicationPatch>()
    .gives::<Application>(StatusCode::OK, "The application as it is now.")
    .refuses(&[Code::Conflict])
}

pub(in crate::native) fn delete() -> Description {
    Description::by(
        OPERATORS,
        Tag::Applications,
        "deleteApplication",
        "Delete an application",
    )
    .about("With everything that it owns. There is no way back.")
    .gives_nothing("The application is gone.")
}

pub(in crate::native) fn export() -> Description {
    Description::by(
        ADMINISTRATORS,
        Tag::Applications,
        "exportApplication",
        "Export what judging its users' credentials needs",
    )
    .about("It holds secrets. `countersign token explain` reads it, offline.")
    .gives::<Export>(
        StatusCode::OK,
        "The application with its keys and settings.",
    )
}
