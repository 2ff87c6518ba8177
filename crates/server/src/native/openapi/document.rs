//! The call about the document itself.

use super::Description;
use super::tag::Tag;

pub(in crate::native) fn read() -> Description {
    Description::open(Tag::Node, "describe", "Read this document")
        .about("It is the same for every installation of one version.")
        .gives_object("An OpenAPI document.")
}
