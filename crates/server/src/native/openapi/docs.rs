//! The page that describes the API.

use super::Description;
use super::tag::Tag;

pub(in crate::native) fn read() -> Description {
    Description::open(Tag::Node, "readDocs", "Read this description as a page")
        .about("For people: the OpenAPI document in HTML, which asks nobody for anything.")
        .gives_bytes("text/html", "The page.")
}
