//! The calls about API keys, of applications and of operators.

use countersign_core::error::Code;
use countersign_wire::api_key::{ApiKeys, CreatedApiKey, NewApiKey};
use http::StatusCode;

use super::Description;
use super::bearer::{ADMINISTRATORS, OPERATORS};
use super::tag::Tag;

pub(in crate::native) fn create() -> Description {
    Description::by(ADMINISTRATORS, Tag::Keys, "createApiKey", "Make an API key")
        .about(
            "Its text, `key`, is in this answer alone. A key with `tracking` alone is publishable.",
        )
        .takes::<NewApiKey>()
        .gives::<CreatedApiKey>(StatusCode::CREATED, "The key with its text.")
        .refuses(&[Code::Conflict])
}

pub(in crate::native) fn list() -> Description {
    Description::by(
        ADMINISTRATORS,
        Tag::Keys,
        "listApiKeys",
        "List the API keys",
    )
    .about("Those that are not revoked.")
    .pages()
    .gives::<ApiKeys>(StatusCode::OK, "The keys, the oldest first.")
}

pub(in crate::native) fn revoke() -> Description {
    Description::by(
        ADMINISTRATORS,
        Tag::Keys,
        "revokeApiKey",
        "Revoke an API key",
    )
    .about("The sessions that were opened with it go on; `POST /v1/revocations` ends them too.")
    .gives_nothing("The key is refused from now on.")
}

pub(in crate::native) fn create_of_operator() -> Description {
    Description::by(
        OPERATORS,
        Tag::Keys,
        "createOperatorKey",
        "Make an operator key",
    )
    .of_the_installation()
    .about("`roles` is `operator` alone. Its text, `key`, is in this answer alone.")
    .takes::<NewApiKey>()
    .gives::<CreatedApiKey>(StatusCode::CREATED, "The key with its text.")
}

pub(in crate::native) fn list_of_operators() -> Description {
    Description::by(
        OPERATORS,
        Tag::Keys,
        "listOperatorKeys",
        "List the operator keys",
    )
    .of_the_installation()
    .about("Those that are not revoked.")
    .pages()
    .gives::<ApiKeys>(StatusCode::OK, "The keys, the oldest first.")
}

pub(in crate::native) fn revoke_of_operator() -> Description {
    Description::by(
        OPERATORS,
        Tag::Keys,
        "revokeOperatorKey",
        "Revoke an operator key",
    )
    .of_the_installation()
    .about("Another one than the key that asks.")
    .gives_nothing("The key is refused from now on.")
    .refuses(&[Code::Conflict])
}
