//! The calls about conversations.

use countersign_core::error::Code;
use countersign_wire::conversation::{
    Conversation, ConversationPatch, Conversations, NewConversation,
};
use http::StatusCode;

use super::Description;
use super::bearer::EVERYBODY;
use super::tag::Tag;

pub(in crate::native) fn create() -> Description {
    Description::by(
        EVERYBODY,
        Tag::Conversations,
        "createConversation",
        "Begin a conversation",
    )
    .about(
        "Who creates it is its first joined member. The same `client_id` with the same body gets \
         the same conversation again. A name that begins with `im:` is given by the server alone: \
         to the conversation that a set of users has at the door where one writes to users. Its \
         members and its name stay as they are, and only a backend deletes it.",
    )
    .takes_perhaps::<NewConversation>()
    .gives::<Conversation>(StatusCode::CREATED, "The conversation was begun.")
    .gives::<Conversation>(StatusCode::OK, "An earlier request has begun it.")
    .refuses(&[
        Code::Conflict,
        Code::ClientIdReused,
        Code::TooManyConversations,
    ])
}

pub(in crate::native) fn list() -> Description {
    Description::by(
        EVERYBODY,
        Tag::Conversations,
        "listConversations",
        "List conversations",
    )
    .about("A user's are those where its place is not left; a backend sees all.")
    .pages()
    .gives::<Conversations>(StatusCode::OK, "The one that changed last comes first.")
}

pub(in crate::native) fn read() -> Description {
    Description::by(
        EVERYBODY,
        Tag::Conversations,
        "readConversation",
        "Read a conversation",
    )
    .gives::<Conversation>(StatusCode::OK, "The conversation.")
}

pub(in crate::native) fn update() -> Description {
    Description::by(
        EVERYBODY,
        Tag::Conversations,
        "updateConversation",
        "Change a conversation",
    )
    .about("Its creator may, and a backend.")
    .patches::<ConversationPatch>()
    .gives::<Conversation>(StatusCode::OK, "The conversation as it is now.")
    .refuses(&[Code::Conflict])
}

pub(in crate::native) fn delete() -> Description {
    Description::by(
        EVERYBODY,
        Tag::Conversations,
        "deleteConversation",
        "Delete a conversation",
    )
    .about("With its events and files, for everybody. Its creator may, and a backend.")
    .gives_nothing("The conversation is gone.")
}
