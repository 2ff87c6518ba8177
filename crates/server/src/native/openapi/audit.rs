//! The calls about the audit log.

use countersign_wire::audit::Audit;
use countersign_wire::schema;
use http::StatusCode;

use super::Description;
use super::bearer::{ADMINISTRATORS, OPERATORS};
use super::tag::Tag;

const AFTER: &str = "The number after which to begin, in the order of the numbers; 0 for all. \
     Without it the newest come first.";

/// What a reader needs who does not want to believe us.
const CHAIN: &str = "Each entry's `digest` covers the entry and the digest before it, so that who \
     keeps the newest one can tell that nothing before it was changed or cut off: `countersign \
     audit verify` does. Both digests are SHA-256 over parts, each after its length in eight \
     bytes, the highest first. `details_digest`: the text `countersign audit details 1`; the \
     bytes of `salt`; of each of `before`, `after` and `detail` the text `1` and then its own, or \
     `0` where it is null. `digest`: the text `countersign audit 1`; the bytes of the digest \
     before, 32 zero bytes at the first; the application's id, of zeros for the installation's \
     log; `number` in decimal; `id`; `created_at` in milliseconds since 1970; `actor`; `action`; \
     `target`; `user_id`, empty where it is null; the bytes of `details_digest`.";

pub(in crate::native) fn list() -> Description {
    Description::by(
        ADMINISTRATORS,
        Tag::Audit,
        "listAudit",
        "Read an application's audit log",
    )
    .about(CHAIN)
    .query::<schema::EntryPlace>("after", AFTER)
    .pages()
    .gives::<Audit>(StatusCode::OK, "The entries.")
}

pub(in crate::native) fn list_of_installation() -> Description {
    Description::by(
        OPERATORS,
        Tag::Audit,
        "listInstallationAudit",
        "Read the log of what operators did to the installation",
    )
    .of_the_installation()
    .about(CHAIN)
    .query::<schema::EntryPlace>("after", AFTER)
    .pages()
    .gives::<Audit>(StatusCode::OK, "The entries.")
}
