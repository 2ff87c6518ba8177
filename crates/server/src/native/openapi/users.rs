//! The calls about users.

use countersign_core::error::Code;
use countersign_wire::schema;
use countersign_wire::user::{NewUser, User, UserPatch, Users};
use http::StatusCode;

use super::Description;
use super::bearer::{BACKENDS, EVERYBODY};
use super::tag::Tag;

pub(in crate::native) fn create() -> Description {
    Description::by(BACKENDS, Tag::Users, "createUser", "Add a user")
        .about("At least one of `name`, `external_id` and `email` identifies it.")
        .takes::<NewUser>()
        .gives::<User>(StatusCode::CREATED, "The user was added.")
        .refuses(&[Code::Conflict])
}

pub(in crate::native) fn list() -> Description {
    Description::by(BACKENDS, Tag::Users, "listUsers", "List users, or find one")
        .about("Identified users alone: visitors are not listed. One identifier finds one user.")
        .query::<schema::Name>("name", "The name of the user who is wanted.")
        .query::<schema::Name>("external_id", "The external id of the user who is wanted.")
        .query::<schema::Name>("email", "The e-mail address of the user who is wanted.")
        .pages()
        .gives::<Users>(StatusCode::OK, "The users, the oldest first.")
}

pub(in crate::native) fn read() -> Description {
    Description::by(EVERYBODY, Tag::Users, "readUser", "Read a user")
        .about(
            "A user reads itself, and whom it shares a conversation with; of others it sees \
             neither `external_id` nor `email`.",
        )
        .gives::<User>(StatusCode::OK, "The user.")
}

pub(in crate::native) fn update() -> Description {
    Description::by(EVERYBODY, Tag::Users, "updateUser", "Change a user")
        .about(
            "A user changes its own `display_name`; what identifies it, and whether it is \
             blocked, a backend says. To block a user ends its sessions.",
        )
        .patches::<UserPatch>()
        .gives::<User>(StatusCode::OK, "The user as it is now.")
        .refuses(&[Code::Conflict, Code::UserAnonymous])
}

pub(in crate::native) fn delete() -> Description {
    Description::by(BACKENDS, Tag::Users, "deleteUser", "Delete a user")
        .about("Its sessions end, and no credential from before lets anybody in as its successor.")
        .gives_nothing("The user is gone.")
}
