//! The calls about signing keys.

use countersign_core::error::Code;
use countersign_wire::signing_key::{
    AddedSigningKey, NewSigningKey, SigningKey, SigningKeyPatch, SigningKeys,
};
use http::StatusCode;

use super::Description;
use super::bearer::ADMINISTRATORS;
use super::tag::Tag;

pub(in crate::native) fn create() -> Description {
    Description::by(
        ADMINISTRATORS,
        Tag::Keys,
        "addSigningKey",
        "Generate or import a signing key",
    )
    .about(
        "One of `public_key_pem`, `jwk`, `secret` and `secret_base64` is imported; with none \
             of them a key of `algorithm` is generated, and its private part is in this answer \
             alone.",
    )
    .takes::<NewSigningKey>()
    .gives::<AddedSigningKey>(StatusCode::CREATED, "The key is in the ring.")
    .refuses(&[Code::Conflict])
}

pub(in crate::native) fn list() -> Description {
    Description::by(
        ADMINISTRATORS,
        Tag::Keys,
        "listSigningKeys",
        "List the signing keys",
    )
    .about("In every state, the revoked ones included.")
    .pages()
    .gives::<SigningKeys>(StatusCode::OK, "The keys, the oldest first.")
}

pub(in crate::native) fn read() -> Description {
    Description::by(
        ADMINISTRATORS,
        Tag::Keys,
        "readSigningKey",
        "Read a signing key",
    )
    .about("Without what it is made of.")
    .gives::<SigningKey>(StatusCode::OK, "The key.")
}

pub(in crate::native) fn update() -> Description {
    Description::by(
        ADMINISTRATORS,
        Tag::Keys,
        "setKeyState",
        "Change a signing key's state",
    )
    .about(
        "A key that becomes `current` makes the one before it `previous`; `revoked` is for ever.",
    )
    .takes::<SigningKeyPatch>()
    .gives::<SigningKey>(StatusCode::OK, "The key as it is now.")
    .refuses(&[Code::Conflict])
}
