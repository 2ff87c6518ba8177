//! The calls about members.

use countersign_core::error::Code;
use countersign_wire::member::{Member, MemberPatch, Members, NewMember};
use http::StatusCode;

use super::Description;
use super::bearer::EVERYBODY;
use super::tag::Tag;

pub(in crate::native) fn add() -> Description {
    Description::by(
        EVERYBODY,
        Tag::Members,
        "addMember",
        "Invite a user, or join",
    )
    .about(
        "A joined member invites others; who was invited joins by its own id and `joined`. A \
             backend adds whom it wants, joined at once.",
    )
    .takes::<NewMember>()
    .gives::<Member>(StatusCode::CREATED, "The place was made.")
    .gives::<Member>(StatusCode::OK, "The place was there, and is joined now.")
    .refuses(&[Code::Conflict, Code::UserAnonymous])
}

pub(in crate::native) fn list() -> Description {
    Description::by(EVERYBODY, Tag::Members, "listMembers", "List the members")
        .about("Who has left is among them.")
        .pages()
        .gives::<Members>(StatusCode::OK, "The members, the oldest first.")
}

pub(in crate::native) fn read() -> Description {
    Description::by(EVERYBODY, Tag::Members, "readMember", "Read a member")
        .gives::<Member>(StatusCode::OK, "The member.")
}

pub(in crate::native) fn update() -> Description {
    Description::by(
        EVERYBODY,
        Tag::Members,
        "updateMember",
        "Join, decline or leave",
    )
    .about("By one's own place; a backend does it for anybody.")
    .takes::<MemberPatch>()
    .gives::<Member>(StatusCode::OK, "The member as it is now.")
    .refuses(&[Code::Conflict])
}

pub(in crate::native) fn remove() -> Description {
    Description::by(
        EVERYBODY,
        Tag::Members,
        "removeMember",
        "Leave, or remove a member",
    )
    .about("One's own place is left; the creator and a backend remove others.")
    .gives_nothing("The place is left.")
    .refuses(&[Code::Conflict])
}
