//! The calls about the audit log.

use countersign_wire::audit::Audit;
use http::StatusCode;

use super::Description;
use super::bearer::{ADMINISTRATORS, OPERATORS};
use super::tag::Tag;

pub(in crate::native) fn list() -> Description {
    Description::by(
        ADMINISTRATORS,
        Tag::Audit,
        "listAudit",
        "Read an application's audit log",
    )
    .pages()
    .gives::<Audit>(StatusCode::OK, "The entries, the newest first.")
}

pub(in crate::native) fn list_of_installation() -> Description {
    Description::by(
        OPERATORS,
        Tag::Audit,
        "listInstallationAudit",
        "Read the log of what operators did to the installation",
    )
    .of_the_installation()
    .pages()
    .gives::<Audit>(StatusCode::OK, "The entries, the newest first.")
}
