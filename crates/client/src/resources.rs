//! What a user's device may ask for, each as a call with its types.

use bytes::Bytes;
use countersign_wire::attachment::Attachment;
use countersign_wire::conversation::{Conversation, Conversations, NewConversation};
use countersign_wire::device::Devices;
use countersign_wire::event::{Event, Events, NewEvent};
use countersign_wire::member::UserReference;
use countersign_wire::member::{Member, MemberPatch, MemberState, Members, NewMember};
use countersign_wire::session::Sessions;
use countersign_wire::user::{User, UserPatch};

use crate::client::Client;
use crate::error::Error;
use crate::http::{Call, segment};

/// A part of a conversation's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The newest events.
    Newest,
    /// What comes next after this event.
    After(u64),
    /// What comes just before this event.
    Before(u64),
}

/// Each refuses as [`Client::call`] does.
impl Client {
    /// The user, with what only they and their backend see.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn own_user(&self) -> Result<User, Error> {
        let user = self.user().ok_or(Error::NotLoggedIn)?;
        self.call(Call::get(&format!("/v1/users/{}", user.id)))
            .await
    }

    /// Changes the user's own entry.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn update_own_user(&self, patch: &UserPatch) -> Result<User, Error> {
        let user = self.user().ok_or(Error::NotLoggedIn)?;
        self.call(Call::patch(&format!("/v1/users/{}", user.id), patch))
            .await
    }

    /// A page of the user's conversations, the one that changed last first.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn conversations(&self, cursor: Option<&str>) -> Result<Conversations, Error> {
        self.call(Call::get(&page("/v1/conversations", cursor)))
            .await
    }

    /// One of them.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn conversation(&self, id: &str) -> Result<Conversation, Error> {
        let id = segment(id)?;
        self.call(Call::get(&format!("/v1/conversations/{id}")))
            .await
    }

    /// Creates a conversation, of which the user is the first member.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn create_conversation(&self, new: &NewConversation) -> Result<Conversation, Error> {
        self.call(Call::post("/v1/conversations", new)).await
    }

    /// A page of a conversation's members, the oldest first.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn members(
        &self,
        conversation: &str,
        cursor: Option<&str>,
    ) -> Result<Members, Error> {
        let conversation = segment(conversation)?;
        let path = format!("/v1/conversations/{conversation}/members");
        self.call(Call::get(&page(&path, cursor))).await
    }

    /// Invites somebody.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn invite(&self, conversation: &str, user: UserReference) -> Result<Member, Error> {
        self.add(conversation, user, MemberState::Invited).await
    }

    /// Joins a conversation that the user was invited to.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn join(&self, conversation: &str) -> Result<Member, Error> {
        let user = self.user().ok_or(Error::NotLoggedIn)?;
        let user = UserReference {
            id: Some(user.id),
            ..UserReference::default()
        };
        self.add(conversation, user, MemberState::Joined).await
    }

    /// Leaves a conversation, or declines an invitation to it.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn leave(&self, conversation: &str, member: &str) -> Result<Member, Error> {
        let conversation = segment(conversation)?;
        let member = segment(member)?;
        let path = format!("/v1/conversations/{conversation}/members/{member}");
        let patch = MemberPatch {
            state: MemberState::Left,
        };
        self.call(Call::patch(&path, &patch)).await
    }

    /// Up to 100 events of a conversation, ascending.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn events(&self, conversation: &str, part: Part) -> Result<Vec<Event>, Error> {
        let query = match part {
            Part::Newest => String::new(),
            Part::After(event) => format!("?after={event}"),
            Part::Before(event) => format!("?before={event}"),
        };
        let conversation = segment(conversation)?;
        let path = format!("/v1/conversations/{conversation}/events{query}");
        let events: Events = self.call(Call::get(&path)).await?;
        Ok(events.events)
    }

    /// Sends an event without a live connection. With a `client_id` it can be
    /// repeated until it is answered.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn send(&self, conversation: &str, event: &NewEvent) -> Result<Event, Error> {
        let conversation = segment(conversation)?;
        let path = format!("/v1/conversations/{conversation}/events");
        self.call(Call::post(&path, event)).await
    }

    /// Uploads a file into a conversation, for an event to point at.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn upload(&self, conversation: &str, file: Bytes) -> Result<Attachment, Error> {
        let conversation = segment(conversation)?;
        let path = format!("/v1/conversations/{conversation}/attachments");
        self.call(Call::upload(&path, file)).await
    }

    /// The devices on which the user is logged in.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn devices(&self) -> Result<Devices, Error> {
        self.call(Call::get("/v1/devices")).await
    }

    /// Signs one of them out.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn sign_out_device(&self, device: &str) -> Result<(), Error> {
        let device = segment(device)?;
        self.order(Call::delete(&format!("/v1/devices/{device}")))
            .await
    }

    /// Signs all but this one out.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn sign_out_others(&self) -> Result<(), Error> {
        self.order(Call::delete("/v1/sessions/others")).await
    }

    /// A page of the user's sessions, the newest first.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn sessions(&self, cursor: Option<&str>) -> Result<Sessions, Error> {
        self.call(Call::get(&page("/v1/sessions", cursor))).await
    }

    async fn add(
        &self,
        conversation: &str,
        user: UserReference,
        state: MemberState,
    ) -> Result<Member, Error> {
        let conversation = segment(conversation)?;
        let path = format!("/v1/conversations/{conversation}/members");
        self.call(Call::post(&path, &NewMember { user, state }))
            .await
    }
}

/// A cursor is made of what a query may hold.
fn page(path: &str, cursor: Option<&str>) -> String {
    match cursor {
        None => path.to_owned(),
        Some(cursor) => format!("{path}?cursor={cursor}"),
    }
}
