//! Sendings: the frames of messages on their way in, until a message is whole.
//!
//! A client sends each frame once for each participant, in order. So the first
//! round brings the message, and of every further one only whether it says the
//! same is of interest. What is held is bounded; where something was let go, or the
//! node was started anew meanwhile, the next frame is refused, and the client
//! learns that its message was not sent.
//!
//! A message that is whole is held until it is known to be sent: its client may hang
//! up while that goes on, and come again with the same frames. Until then it is whole
//! anew, and whoever makes an event of it makes the same one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest;
use countersign_core::error::{Code, Error};
use countersign_core::id::{ConversationId, SessionId};
use countersign_credential::time::Timestamp;

use super::limit::{
    KNOWN_CHANNELS_MAX, SENDING_BYTES_MAX, SENDING_OF_SESSION_BYTES_MAX, SENDING_S, SENDINGS_MAX,
    SENDINGS_OF_SESSION_MAX,
};
use crate::limit::SINCH_SEALED_BYTES_MAX;
use crate::sinch::frame::Frame;

/// What of a digest tells two chunks of one session apart.
const DIGEST_BYTES: usize = 8;

/// The messages of all sessions.
#[derive(Default)]
pub(super) struct Sendings(Mutex<Held>);

/// What became of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// More of the message is to come.
    Held,
    /// The message is whole: this is what is sealed of it.
    Whole(String),
    /// It was there before, and the message has been sent.
    Before,
}

/// Where the message is that a frame is of.
enum Place {
    /// Here, and the frame can be of the same sending.
    GoesOn(usize),
    /// Here, by another sending that has not come to its end.
    Unfinished(usize),
    /// It was sent otherwise.
    Another,
    /// Nowhere.
    Unknown,
}

#[derive(Default)]
struct Held {
    by_session: HashMap<SessionId, OfSession>,
    /// The oldest first. One that was let go is not there any more.
    order: VecDeque<(Timestamp, SessionId, u64)>,
    /// Bytes of chunks, over all sessions.
    bytes: usize,
    serial: u64,
}

#[derive(Default)]
struct OfSession {
    /// The oldest first.
    messages: VecDeque<Message>,
    /// Channels of others that are right, the oldest first.
    channels: VecDeque<(ConversationId, Box<str>)>,
}

struct Message {
    serial: u64,
    id: Box<str>,
    transport: Box<str>,
    group: Option<u32>,
    count: usize,
    /// Of the chunks that came, in their order.
    digests: Vec<[u8; DIGEST_BYTES]>,
    /// The chunks themselves, until the message was sent.
    sealed: Option<String>,
}

fn digest_of(chunk: &str) -> [u8; DIGEST_BYTES] {
    let whole = digest::digest(&digest::SHA256, chunk.as_bytes());
    let beginning = whole.as_ref().first_chunk();
    *beginning.expect("a digest is longer than its beginning")
}

fn reused() -> Error {
    Error::new(
        Code::ClientIdReused,
        "a message with this id was sent that says something else",
    )
    .hint("give each message an id of its own")
}

fn lost() -> Error {
    Error::new(
        Code::BadRequest,
        "the frames before this one are not here, or not any more",
    )
    .hint("send the message again, from its first frame on")
}

// === impl Sendings ===

impl Sendings {
    /// Takes a frame of a session.
    ///
    /// # Errors
    /// `client_id_reused`, where the message has said something else before;
    /// `bad_request`, where a frame before it is missing; `too_large`.
    pub(super) fn take(
        &self,
        session: SessionId,
        frame: &Frame<'_>,
        now: Timestamp,
    ) -> Result<Taken, Error> {
        let mut held = self.lock();
        held.forget(now);
        let known = held.place_of(session, frame);
        let place = match known {
            Place::GoesOn(place) => place,
            Place::Another => return Err(reused()),
            Place::Unfinished(place) if frame.index == 0 => {
                held.let_go(session, place);
                held.begin(session, frame, now)
            }
            Place::Unfinished(_) => return Err(reused()),
            Place::Unknown if frame.index == 0 => held.begin(session, frame, now),
            Place::Unknown => return Err(lost()),
        };
        let of_session = held.by_session.get_mut(&session).ok_or_else(lost)?;
        let before = of_session.bytes();
        let taken = of_session.messages[place].take(frame);
        let after = of_session.bytes();
        held.bytes = held.bytes + after - before;
        held.bound(session);
        taken
    }

    /// Notes that a message was sent, unless what is held under its id is another
    /// one by now.
    pub(super) fn sent(&self, session: SessionId, frame: &Frame<'_>) {
        let mut held = self.lock();
        let Place::GoesOn(place) = held.place_of(session, frame) else {
            return;
        };
        if let Some(of_session) = held.by_session.get_mut(&session) {
            let sealed = of_session.messages[place].sent(frame);
            held.bytes -= sealed;
        }
    }

    /// Forgets a message that could not be sent, so that it can be sent again.
    pub(super) fn forget(&self, session: SessionId, message_id: &str) {
        let mut held = self.lock();
        let Some(of_session) = held.by_session.get_mut(&session) else {
            return;
        };
        let place = of_session
            .messages
            .iter()
            .position(|it| *it.id == *message_id);
        if let Some(place) = place {
            held.let_go(session, place);
        }
    }

    /// Whether a channel is known to be one of a conversation's participants.
    pub(super) fn knows_channel(
        &self,
        session: SessionId,
        conversation: ConversationId,
        channel: &str,
    ) -> bool {
        let held = self.lock();
        let of_session = held.by_session.get(&session);
        let mut known = of_session
            .iter()
            .flat_map(|of_session| &of_session.channels);
        known.any(|(of, known)| *of == conversation && **known == *channel)
    }

    /// Notes that it is. What is noted of a session goes with its messages.
    pub(super) fn note_channel(
        &self,
        session: SessionId,
        conversation: ConversationId,
        channel: &str,
    ) {
        let mut held = self.lock();
        let Some(of_session) = held.by_session.get_mut(&session) else {
            return;
        };
        if of_session.channels.len() >= KNOWN_CHANNELS_MAX {
            of_session.channels.pop_front();
        }
        of_session
            .channels
            .push_back((conversation, channel.into()));
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Held ===

impl Held {
    fn place_of(&self, session: SessionId, frame: &Frame<'_>) -> Place {
        let of_session = self.by_session.get(&session);
        let mut known = of_session
            .into_iter()
            .flat_map(|it| it.messages.iter().enumerate());
        match known.find(|(_, message)| *message.id == *frame.message_id) {
            Some((place, message)) if message.goes_on_with(frame) => Place::GoesOn(place),
            Some((place, message)) if message.sealed.is_some() => Place::Unfinished(place),
            Some(_) => Place::Another,
            None => Place::Unknown,
        }
    }

    fn let_go(&mut self, session: SessionId, place: usize) {
        if let Some(of_session) = self.by_session.get_mut(&session) {
            self.bytes -= of_session.remove(place);
        }
    }

    /// Begins a message, and says where it is.
    fn begin(&mut self, session: SessionId, frame: &Frame<'_>, now: Timestamp) -> usize {
        self.serial += 1;
        self.order.push_back((now, session, self.serial));
        let of_session = self.by_session.entry(session).or_default();
        if of_session.messages.len() >= SENDINGS_OF_SESSION_MAX {
            self.bytes -= of_session.remove(0);
        }
        of_session.messages.push_back(Message {
            serial: self.serial,
            id: frame.message_id.into(),
            transport: frame.transport_id.into(),
            group: frame.group,
            count: frame.count,
            digests: Vec::new(),
            sealed: Some(String::new()),
        });
        of_session.messages.len() - 1
    }

    /// Lets the oldest go, where a session, or all together, hold too much.
    fn bound(&mut self, session: SessionId) {
        if let Some(of_session) = self.by_session.get_mut(&session) {
            while of_session.bytes() > SENDING_OF_SESSION_BYTES_MAX {
                self.bytes -= of_session.remove(0);
            }
        }
        while self.bytes > SENDING_BYTES_MAX || self.order.len() > SENDINGS_MAX {
            self.let_oldest_go();
        }
    }

    /// Lets go what is old.
    fn forget(&mut self, now: Timestamp) {
        while let Some((since, _, _)) = self.order.front()
            && now.milliseconds_since(*since) > SENDING_S * 1_000
        {
            self.let_oldest_go();
        }
    }

    fn let_oldest_go(&mut self) {
        let Some((_, session, serial)) = self.order.pop_front() else {
            self.bytes = 0;
            return;
        };
        let Some(of_session) = self.by_session.get_mut(&session) else {
            return;
        };
        let place = of_session
            .messages
            .iter()
            .position(|it| it.serial == serial);
        if let Some(place) = place {
            self.bytes -= of_session.remove(place);
        }
        if of_session.messages.is_empty() {
            self.by_session.remove(&session);
        }
    }
}

// === impl OfSession ===

impl OfSession {
    fn bytes(&self) -> usize {
        self.messages.iter().map(Message::bytes).sum()
    }

    /// Lets a message go, and says how many bytes of chunks it had.
    fn remove(&mut self, place: usize) -> usize {
        let gone = self.messages.remove(place);
        gone.map_or(0, |message| message.bytes())
    }
}

// === impl Message ===

impl Message {
    fn bytes(&self) -> usize {
        self.sealed.as_ref().map_or(0, String::len)
    }

    /// Whether a frame can be of the same sending.
    fn goes_on_with(&self, frame: &Frame<'_>) -> bool {
        *self.transport == *frame.transport_id
            && (self.group, self.count) == (frame.group, frame.count)
    }

    fn take(&mut self, frame: &Frame<'_>) -> Result<Taken, Error> {
        if let Some(known) = self.digests.get(frame.index) {
            if *known != digest_of(frame.chunk) {
                return Err(reused());
            }
            return Ok(match &self.sealed {
                None => Taken::Before,
                Some(sealed) if self.is_ended_by(frame) => Taken::Whole(sealed.clone()),
                Some(_) => Taken::Held,
            });
        }
        let Some(sealed) = &mut self.sealed else {
            return Err(reused());
        };
        if frame.index != self.digests.len() {
            return Err(lost());
        }
        if sealed.len() + frame.chunk.len() > SINCH_SEALED_BYTES_MAX {
            return Err(Error::new(Code::TooLarge, "the message is too long"));
        }
        sealed.push_str(frame.chunk);
        self.digests.push(digest_of(frame.chunk));
        Ok(if self.digests.len() < self.count {
            Taken::Held
        } else {
            Taken::Whole(sealed.clone())
        })
    }

    /// Whether a frame is the last one.
    fn is_ended_by(&self, frame: &Frame<'_>) -> bool {
        self.digests.len() == self.count && frame.index + 1 == self.count
    }

    /// Lets the chunks go, if it is the message that this frame has ended. Says how
    /// many bytes they were.
    fn sent(&mut self, frame: &Frame<'_>) -> usize {
        let known = self.digests.get(frame.index);
        if !self.is_ended_by(frame) || known != Some(&digest_of(frame.chunk)) {
            return 0;
        }
        self.sealed.take().map_or(0, |sealed| sealed.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_milliseconds(1_800_000_000_000);

    fn session(number: u16) -> SessionId {
        let mut bytes = [7; 16];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        SessionId::from_bytes(bytes)
    }

    fn frame<'a>(id: &'a str, index: usize, count: usize, chunk: &'a str) -> Frame<'a> {
        Frame {
            message_id: id,
            group: (count > 1).then_some(9),
            index,
            count,
            chunk,
            transport_id: "t",
        }
    }

    fn taken(sendings: &Sendings, of: u16, frame: &Frame<'_>) -> Result<Taken, Code> {
        let taken = sendings.take(session(of), frame, NOW);
        taken.map_err(|error| error.code)
    }

    #[test]
    fn a_message_is_whole_once_and_known_afterwards() {
        let sendings = Sendings::default();
        let take = |frame| taken(&sendings, 1, &frame);
        assert_eq!(take(frame("a", 0, 3, "x")), Ok(Taken::Held));
        assert_eq!(
            take(frame("b", 0, 1, "y")),
            Ok(Taken::Whole("y".to_owned()))
        );
        assert_eq!(take(frame("a", 0, 3, "x")), Ok(Taken::Held));
        assert_eq!(take(frame("a", 1, 3, "y")), Ok(Taken::Held));
        assert_eq!(
            take(frame("a", 2, 3, "z")),
            Ok(Taken::Whole("xyz".to_owned()))
        );
        for (id, index, count, chunk) in [("a", 2, 3, "z"), ("b", 0, 1, "y")] {
            sendings.sent(session(1), &frame(id, index, count, chunk));
        }
        for (index, chunk) in [(0, "x"), (1, "y"), (2, "z"), (0, "x")] {
            assert_eq!(take(frame("a", index, 3, chunk)), Ok(Taken::Before));
        }
        assert_eq!(take(frame("b", 0, 1, "y")), Ok(Taken::Before));
        assert_eq!(sendings.lock().bytes, 0);
        // Another session has messages of its own.
        let other = taken(&sendings, 2, &frame("a", 0, 3, "other"));
        assert_eq!(other, Ok(Taken::Held));
    }

    /// Whoever was to send it may have been given up.
    #[test]
    fn a_message_is_whole_again_until_it_was_sent() {
        let sendings = Sendings::default();
        let take = |frame| taken(&sendings, 1, &frame);
        let whole = Ok(Taken::Whole("xy".to_owned()));
        for _ in 0..2 {
            assert_eq!(take(frame("a", 0, 2, "x")), Ok(Taken::Held));
            assert_eq!(take(frame("a", 1, 2, "y")), whole);
        }
        // Neither a frame before its last nor another message says that it was sent.
        for (index, count, chunk) in [(0, 2, "x"), (1, 2, "other"), (0, 1, "xy")] {
            sendings.sent(session(1), &frame("a", index, count, chunk));
            assert_eq!(take(frame("a", 1, 2, "y")), whole);
        }
        sendings.sent(session(2), &frame("a", 1, 2, "y"));
        assert_eq!(take(frame("a", 1, 2, "y")), whole);
        assert_eq!(sendings.lock().bytes, 2);
        sendings.sent(session(1), &frame("a", 1, 2, "y"));
        assert_eq!(take(frame("a", 1, 2, "y")), Ok(Taken::Before));
        assert_eq!(sendings.lock().bytes, 0);
    }

    #[test]
    fn what_does_not_go_on_is_refused() {
        let sendings = Sendings::default();
        let take = |frame| taken(&sendings, 1, &frame);
        assert_eq!(take(frame("a", 1, 3, "y")), Err(Code::BadRequest));
        take(frame("a", 0, 3, "x")).unwrap();
        assert_eq!(take(frame("a", 2, 3, "z")), Err(Code::BadRequest));
        assert_eq!(take(frame("a", 0, 3, "other")), Err(Code::ClientIdReused));
        assert_eq!(take(frame("a", 1, 4, "y")), Err(Code::ClientIdReused));
        // It can be begun anew until it is whole.
        assert_eq!(take(frame("a", 0, 2, "x")), Ok(Taken::Held));
        take(frame("a", 1, 2, "y")).unwrap();
        sendings.sent(session(1), &frame("a", 1, 2, "y"));
        assert_eq!(take(frame("a", 0, 1, "x")), Err(Code::ClientIdReused));
        sendings.forget(session(1), "a");
        assert_eq!(
            take(frame("a", 0, 1, "x")),
            Ok(Taken::Whole("x".to_owned()))
        );
    }

    #[test]
    fn what_is_held_is_bounded() {
        let sendings = Sendings::default();
        let long = "x".repeat(1_400);
        for number in 0..200_u16 {
            let id = format!("m{number}");
            for index in 0..100 {
                let taken =
                    sendings.take(session(number / 20), &frame(&id, index, 110, &long), NOW);
                if taken.is_err() {
                    break;
                }
                let held = sendings.lock();
                let of_session = &held.by_session[&session(number / 20)];
                assert!(of_session.messages.len() <= SENDINGS_OF_SESSION_MAX);
                assert!(of_session.bytes() <= SENDING_OF_SESSION_BYTES_MAX);
                let all: usize = held.by_session.values().map(OfSession::bytes).sum();
                assert_eq!(held.bytes, all);
                assert!(all <= SENDING_BYTES_MAX);
            }
        }
        let later = NOW.plus_seconds(SENDING_S + 1);
        let taken = sendings.take(session(0), &frame("m199", 1, 110, &long), later);
        assert_eq!(taken.unwrap_err().code, Code::BadRequest);
        assert_eq!(sendings.lock().bytes, 0);
    }

    #[test]
    fn a_message_that_is_too_long_is_refused() {
        let sendings = Sendings::default();
        let long = "x".repeat(SINCH_SEALED_BYTES_MAX / 2 + 1);
        sendings
            .take(session(1), &frame("a", 0, 3, &long), NOW)
            .unwrap();
        let taken = sendings.take(session(1), &frame("a", 1, 3, &long), NOW);
        assert_eq!(taken.unwrap_err().code, Code::TooLarge);
    }
}
