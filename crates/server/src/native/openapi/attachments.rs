//! The calls about files.

use countersign_core::error::Code;
use countersign_wire::attachment::Attachment;
use countersign_wire::schema;
use http::StatusCode;

use super::Description;
use super::bearer::EVERYBODY;
use super::tag::Tag;

pub(in crate::native) fn upload() -> Description {
    Description::by(
        EVERYBODY,
        Tag::Attachments,
        "uploadAttachment",
        "Store a file",
    )
    .about("At most 5 MiB. What it is, its first bytes tell, and not its Content-Type.")
    .query::<schema::Name>("name", "What the file is called: no path.")
    .takes_file("The file itself.")
    .gives::<Attachment>(StatusCode::CREATED, "The file is stored.")
    .refuses(&[Code::UnsupportedMediaType])
}

pub(in crate::native) fn read() -> Description {
    Description::by(EVERYBODY, Tag::Attachments, "readAttachment", "Read a file")
        .about("As a download: no browser shows or runs it.")
        .gives_file("The file.")
}
