//! A frame: one piece of a message, as it goes over a channel. Pure: text in,
//! parts out, and back.
//!
//! `10 MESSAGE GROUP INDEX COUNT CHUNK TRANSPORT`: what is sealed of a message is
//! cut into chunks, so that each fits into a path. The group tells the pieces of
//! one sending from those of another; a message in one piece has none.

use std::fmt;

use crate::limit::{SINCH_FRAMES_MAX, SINCH_ID_BYTES_MAX};

/// The protocol's version, with which every frame begins.
const VERSION: &str = "10";
/// What stands for no group.
const ALONE: &str = "-";
/// What a frame may be long, as every client of this protocol counts it.
const FRAME_BYTES: usize = 1_500;
/// What clients leave of that for numbers and spaces.
const NUMBERS_BYTES: usize = 15;

/// A piece of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The message, as its sender calls it.
    pub message_id: &'a str,
    /// The sending, where it has several pieces.
    pub group: Option<u32>,
    /// Which piece this is, from 0.
    pub index: usize,
    /// How many pieces there are, from 1 to [`SINCH_FRAMES_MAX`].
    pub count: usize,
    /// The piece: base64, cut anywhere.
    pub chunk: &'a str,
    /// The conversation, which says by which key it is sealed.
    pub transport_id: &'a str,
}

/// Why a text is no frame. None quotes it: it could be a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It has another number of fields, or another version.
    #[error("a frame is the version, 10, and six fields, each after one space")]
    NotAFrame,
    /// Its message or its transport has no id that could be one.
    #[error("an id in a frame has 1 to {SINCH_ID_BYTES_MAX} printable characters of ASCII")]
    BadId,
    /// A number is none, or is written as nobody writes it.
    #[error("a frame's group is - or a number, its index and its count are numbers")]
    BadNumber,
    /// The message has no pieces or too many, or fewer than the index says.
    #[error("a message has 1 to {SINCH_FRAMES_MAX} frames, the first of them with the index 0")]
    BadCount,
    /// The piece is empty, too long, or no part of base64.
    #[error("a frame's chunk is a piece of base64 that leaves it at most {FRAME_BYTES} bytes long")]
    BadChunk,
}

/// Cuts what is sealed of a message into frames, of the group if there are
/// several. The ids are short enough for a frame, and the text is not empty.
pub fn split<'a>(
    message_id: &'a str,
    transport_id: &'a str,
    group: u32,
    sealed: &'a str,
) -> impl Iterator<Item = Frame<'a>> {
    // Base64 is ASCII, so that it can be cut after any byte.
    let size = chunk_bytes(message_id, transport_id).max(1);
    let count = sealed.len().div_ceil(size);
    (0..count).map(move |index| Frame {
        message_id,
        group: (count > 1).then_some(group),
        index,
        count,
        chunk: &sealed[index * size..sealed.len().min((index + 1) * size)],
        transport_id,
    })
}

/// How much of a message goes into one frame.
fn chunk_bytes(message_id: &str, transport_id: &str) -> usize {
    FRAME_BYTES.saturating_sub(NUMBERS_BYTES + message_id.len() + transport_id.len())
}

// === impl Frame ===

impl<'a> Frame<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &'a str) -> Result<Self, Problem> {
        let mut fields = text.split(' ');
        let mut next = || fields.next().ok_or(Problem::NotAFrame);
        if next()? != VERSION {
            return Err(Problem::NotAFrame);
        }
        let [message_id, group, index, count, chunk, transport_id] =
            [next()?, next()?, next()?, next()?, next()?, next()?];
        if fields.next().is_some() {
            return Err(Problem::NotAFrame);
        }
        let group = match group {
            ALONE => None,
            digits => Some(number(digits)?),
        };
        let frame = Self {
            message_id,
            group,
            index: number(index)?,
            count: number(count)?,
            chunk,
            transport_id,
        };
        frame.check()?;
        Ok(frame)
    }

    fn check(&self) -> Result<(), Problem> {
        if ![self.message_id, self.transport_id].into_iter().all(is_id) {
            return Err(Problem::BadId);
        }
        if !(1..=SINCH_FRAMES_MAX).contains(&self.count) || self.index >= self.count {
            return Err(Problem::BadCount);
        }
        let longest = chunk_bytes(self.message_id, self.transport_id);
        if !(1..=longest).contains(&self.chunk.len()) || !self.chunk.bytes().all(is_base64) {
            return Err(Problem::BadChunk);
        }
        Ok(())
    }
}

impl fmt::Display for Frame<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{VERSION} {} ", self.message_id)?;
        match self.group {
            Some(group) => write!(formatter, "{group}")?,
            None => formatter.write_str(ALONE)?,
        }
        let Self { index, count, .. } = self;
        let (chunk, transport_id) = (self.chunk, self.transport_id);
        write!(formatter, " {index} {count} {chunk} {transport_id}")
    }
}

/// A number as everybody writes it: without a sign and without zeros before it,
/// so that one frame has one text.
fn number<T: std::str::FromStr>(digits: &str) -> Result<T, Problem> {
    let usual = digits == "0" || !digits.starts_with(['0', '+']);
    match digits.parse() {
        Ok(number) if usual => Ok(number),
        Ok(_) | Err(_) => Err(Problem::BadNumber),
    }
}

/// Whether a message or a transport can have this id.
pub(super) fn is_id(text: &str) -> bool {
    (1..=SINCH_ID_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "0a0b0c0d-1111-4222-8333-000000000001";
    const TRANSPORT: &str = "CON-01a3185c-507b-7bab-abab-abababababab";

    fn check(text: &str, expected: Result<Frame<'_>, Problem>) {
        assert_eq!(Frame::parse(text), expected, "{text}");
        if let Ok(frame) = expected {
            assert_eq!(frame.to_string(), text);
        }
    }

    #[test]
    fn a_frame_is_read_and_written() {
        let alone = Frame {
            message_id: MESSAGE,
            group: None,
            index: 0,
            count: 1,
            chunk: "QUI+/A==",
            transport_id: "tr1",
        };
        check(&format!("10 {MESSAGE} - 0 1 QUI+/A== tr1"), Ok(alone));
        let longest = "m".repeat(SINCH_ID_BYTES_MAX);
        let last = Frame {
            message_id: &longest,
            group: Some(u32::MAX),
            index: SINCH_FRAMES_MAX - 1,
            count: SINCH_FRAMES_MAX,
            chunk: "A",
            transport_id: "~",
        };
        let text = format!(
            "10 {longest} {} {} {SINCH_FRAMES_MAX} A ~",
            u32::MAX,
            SINCH_FRAMES_MAX - 1
        );
        check(&text, Ok(last));
    }

    #[test]
    fn any_other_text_is_none() {
        let long = "m".repeat(SINCH_ID_BYTES_MAX + 1);
        let many = SINCH_FRAMES_MAX + 1;
        for (text, expected) in [
            ("", Problem::NotAFrame),
            ("10", Problem::NotAFrame),
            ("9 m - 0 1 A t", Problem::NotAFrame),
            ("10 m - 0 1 A", Problem::NotAFrame),
            ("10 m - 0 1 A t ", Problem::NotAFrame),
            ("10 m - 0 1 A t u", Problem::NotAFrame),
            (" 10 m - 0 1 A t", Problem::NotAFrame),
            ("10  - 0 1 A t", Problem::BadId),
            ("10 m - 0 1 A \t", Problem::BadId),
            ("10 é - 0 1 A t", Problem::BadId),
            ("10 m\n - 0 1 A t", Problem::BadId),
            (&format!("10 {long} - 0 1 A t"), Problem::BadId),
            (&format!("10 m - 0 1 A {long}"), Problem::BadId),
            ("10 m  0 1 A t", Problem::BadNumber),
            ("10 m -1 0 1 A t", Problem::BadNumber),
            ("10 m 4294967296 0 1 A t", Problem::BadNumber),
            ("10 m 1.5 0 1 A t", Problem::BadNumber),
            ("10 m - +0 1 A t", Problem::BadNumber),
            ("10 m - 00 1 A t", Problem::BadNumber),
            ("10 m - 0 01 A t", Problem::BadNumber),
            ("10 m - -0 1 A t", Problem::BadNumber),
            ("10 m - NaN 1 A t", Problem::BadNumber),
            ("10 m - 0 99999999999999999999 A t", Problem::BadNumber),
            ("10 m - 0 0 A t", Problem::BadCount),
            ("10 m - 1 1 A t", Problem::BadCount),
            (&format!("10 m 1 0 {many} A t"), Problem::BadCount),
            ("10 m - 0 1  t", Problem::BadChunk),
            ("10 m - 0 1 A-_ t", Problem::BadChunk),
            ("10 m - 0 1 é t", Problem::BadChunk),
        ] {
            check(text, Err(expected));
        }
    }

    #[test]
    fn a_chunk_is_as_long_as_every_client_cuts_it() {
        let longest = 1_500 - 15 - MESSAGE.len() - TRANSPORT.len();
        for (length, expected) in [(longest, None), (longest + 1, Some(Problem::BadChunk))] {
            let text = format!("10 {MESSAGE} - 0 1 {} {TRANSPORT}", "A".repeat(length));
            assert_eq!(Frame::parse(&text).err(), expected, "{length}");
        }
    }

    #[test]
    fn what_is_cut_goes_together_again() {
        let size = chunk_bytes(MESSAGE, TRANSPORT);
        for (length, count) in [
            (1, 1),
            (size, 1),
            (size + 1, 2),
            (2 * size, 2),
            (2 * size + 1, 3),
        ] {
            let sealed: String = "ABCDEFG".chars().cycle().take(length).collect();
            let texts: Vec<String> = split(MESSAGE, TRANSPORT, 7, &sealed)
                .map(|frame| frame.to_string())
                .collect();
            assert_eq!(texts.len(), count, "{length}");
            let mut whole = String::new();
            for (index, text) in texts.iter().enumerate() {
                let frame = Frame::parse(text).unwrap();
                assert_eq!((frame.index, frame.count), (index, count));
                assert_eq!(frame.group, (count > 1).then_some(7));
                assert!(text.len() <= FRAME_BYTES, "{}", text.len());
                whole.push_str(frame.chunk);
            }
            assert_eq!(whole, sealed);
        }
    }
}
