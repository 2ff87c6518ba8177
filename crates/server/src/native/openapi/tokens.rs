//! The calls about tokens and credentials.

use countersign_wire::token::{ExplainRequest, Explanation, IntrospectRequest, Introspection};
use http::StatusCode;

use super::Description;
use super::bearer::BACKENDS;
use super::tag::Tag;

pub(in crate::native) fn explain() -> Description {
    Description::by(
        BACKENDS,
        Tag::Tokens,
        "explainToken",
        "Explain why a credential is accepted or refused",
    )
    .about("Every check in order. A credential that is refused is an answer, and no error.")
    .takes::<ExplainRequest>()
    .gives::<Explanation>(StatusCode::OK, "What was found.")
}

pub(in crate::native) fn introspect() -> Description {
    Description::by(
        BACKENDS,
        Tag::Tokens,
        "introspectToken",
        "Tell what a token is worth (RFC 7662)",
    )
    .about("One that is worth nothing is an answer, and no error: `active` is false.")
    .takes_form::<IntrospectRequest>()
    .gives::<Introspection>(StatusCode::OK, "What it is worth.")
}
