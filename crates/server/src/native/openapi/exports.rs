//! The calls about exports.

use countersign_wire::export::Export;
use http::StatusCode;

use super::Description;
use super::bearer::BACKENDS;
use super::tag::Tag;

pub(in crate::native) fn read() -> Description {
    Description::by(
        BACKENDS,
        Tag::Users,
        "exportUser",
        "Read all that is kept of a user",
    )
    .about(
        "Profile, sessions, places in conversations, events, attachments with their bytes, \
         revocations, and what the audit log says about the user; also of visitors who turned out \
         to be that user. Go on until there is no `next`: a page can be empty where more follow.",
    )
    .pages()
    .gives::<Export>(StatusCode::OK, "The records.")
}
