//! The pages that explain error codes.

use countersign_core::error::Code;

use super::Description;
use super::tag::Tag;

pub(in crate::native) fn list() -> Description {
    Description::open(Tag::Node, "listErrors", "List the error codes")
        .about("For people, in HTML.")
        .gives_bytes("text/html", "The page.")
}

pub(in crate::native) fn read() -> Description {
    Description::open(Tag::Node, "readError", "Read what an error code means")
        .about("For people, in HTML: where the `type` of a problem leads.")
        .gives_bytes("text/html", "The page.")
        .refuses(&[Code::NotFound])
}
