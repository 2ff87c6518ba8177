//! An event on its way to many connections.

use std::sync::{Arc, OnceLock};

use axum::extract::ws::Utf8Bytes;
use countersign_core::id::MemberId;
use countersign_core::model::event::{Event, EventKind};

/// What an event weighs beside its texts, in bytes.
const OVERHEAD_BYTES: usize = 512;

/// An event, and each form that a door gives it: made by the first connection
/// that needs it, and shared by all others of the door.
#[derive(Debug)]
pub(crate) struct Recent {
    pub(crate) event: Event,
    /// Whose place ends with it.
    left: Option<MemberId>,
    forms: [OnceLock<Utf8Bytes>; Form::COUNT],
}

/// How an event looks on the wire of a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The native door, for all but the sender's own devices.
    Native,
    /// The native door, for the sender's own devices.
    NativeSender,
    /// The nexmo door: the arguments of a Socket.IO event.
    Nexmo,
}

// === impl Form ===

impl Form {
    const COUNT: usize = 3;

    fn place(self) -> usize {
        match self {
            Self::Native => 0,
            Self::NativeSender => 1,
            Self::Nexmo => 2,
        }
    }
}

// === impl Recent ===

impl Recent {
    pub(crate) fn new(event: Event) -> Arc<Self> {
        Arc::new(Self {
            left: left(&event),
            event,
            forms: Default::default(),
        })
    }

    /// The event's number.
    pub(crate) fn number(&self) -> u64 {
        self.event.id
    }

    /// Whose place ends with it.
    pub(crate) fn left(&self) -> Option<MemberId> {
        self.left
    }

    /// Whose place begins with it.
    pub(crate) fn joined(&self) -> Option<MemberId> {
        let subject = self.event.subject.as_ref()?;
        (self.event.kind == EventKind::MemberJoined).then_some(subject.member)
    }

    /// Whether what was before it is to be told differently now: an edit and a
    /// deletion change earlier bodies, an adoption changes who sent them.
    pub(crate) fn is_turn(&self) -> bool {
        match self.event.kind {
            EventKind::Edit | EventKind::Delete | EventKind::MemberAdopted => true,
            EventKind::Text
            | EventKind::Message
            | EventKind::Image
            | EventKind::Custom(_)
            | EventKind::MemberInvited
            | EventKind::MemberJoined
            | EventKind::MemberLeft => false,
        }
    }

    /// What it weighs in memory, in bytes, with one form.
    pub(crate) fn weight(&self) -> usize {
        let subject = self.event.subject.as_ref();
        let people = [Some(&self.event.from.person), subject.map(|it| &it.person)];
        let people = people.into_iter().flatten().map(|person| person.weight());
        let reason = self.event.reason.as_deref();
        let said = reason.map_or(0, |reason| {
            let texts = [&reason.code, &reason.text];
            texts.into_iter().flatten().map(String::len).sum()
        });
        OVERHEAD_BYTES + 2 * self.event.body.len() + people.sum::<usize>() + said
    }

    /// The event in a form, which is made for the first who asks.
    ///
    /// # Errors
    /// Those of making it.
    pub(crate) fn form<E>(
        &self,
        form: Form,
        make: impl FnOnce(&Event) -> Result<Utf8Bytes, E>,
    ) -> Result<Utf8Bytes, E> {
        let place = &self.forms[form.place()];
        if let Some(made) = place.get() {
            return Ok(made.clone());
        }
        let made = make(&self.event)?;
        Ok(place.get_or_init(|| made).clone())
    }
}

/// Whose place an event ends.
fn left(event: &Event) -> Option<MemberId> {
    let subject = event.subject.as_ref()?;
    (event.kind == EventKind::MemberLeft).then_some(subject.member)
}
