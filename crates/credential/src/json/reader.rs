//! The reader itself: from a text to a value, and nothing on the way that could
//! be read in two ways.

use std::borrow::Cow;

use super::{DEPTH_MAX, JsonError, Number, Object, Problem, Value};

/// A position in a text that is known to be UTF-8. `offset` is always on a
/// character boundary where the text is sliced, because every slice begins
/// and ends beside an ASCII byte or the end.
struct Reader<'a> {
    text: &'a str,
    offset: usize,
    depth: usize,
}

/// Reads one value that fills the whole text.
pub(super) fn whole(text: &str) -> Result<Value<'_>, JsonError> {
    let mut reader = Reader {
        text,
        offset: 0,
        depth: 0,
    };
    reader.skip_white_space();
    let value = reader.value()?;
    reader.skip_white_space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(Problem::TrailingBytes.at(reader.offset)),
    }
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Value<'a>, JsonError> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object).map(Value::Object),
            Some(b'[') => self.nested(Self::array).map(Value::Array),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.literal("true", Value::Bool(true)),
            Some(b'f') => self.literal("false", Value::Bool(false)),
            Some(b'n') => self.literal("null", Value::Null),
            _ => Err(self.unexpected()),
        }
    }

    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, JsonError>,
    ) -> Result<T, JsonError> {
        if self.depth == DEPTH_MAX {
            return Err(Problem::TooDeep.at(self.offset));
        }
        self.depth += 1;
        self.offset += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Object<'a>, JsonError> {
        let mut members = Vec::new();
        let mut offsets = Vec::new();
        self.skip_white_space();
        if self.take(b'}') {
            return Ok(Object { members });
        }
        loop {
            offsets.push(self.offset);
            let name = self.string()?;
            self.skip_white_space();
            self.expect(b':')?;
            self.skip_white_space();
            members.push((name, self.value()?));
            self.skip_white_space();
            if self.take(b'}') {
                break;
            }
            self.expect(b',')?;
            self.skip_white_space();
        }
        match first_duplicate(&members, &offsets) {
            None => Ok(Object { members }),
            Some(offset) => Err(Problem::DuplicateName.at(offset)),
        }
    }

    fn array(&mut self) -> Result<Vec<Value<'a>>, JsonError> {
        let mut elements = Vec::new();
        self.skip_white_space();
        if self.take(b']') {
            return Ok(elements);
        }
        loop {
            elements.push(self.value()?);
            self.skip_white_space();
            if self.take(b']') {
                return Ok(elements);
            }
            self.expect(b',')?;
            self.skip_white_space();
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.expect(b'"')?;
        let plain = self.unescaped_run();
        if self.take(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut resolved = plain.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.offset += 1;
                    return Ok(Cow::Owned(resolved));
                }
                Some(b'\\') => resolved.push(self.escape()?),
                Some(_) => return Err(Problem::ControlCharacter.at(self.offset)),
                None => return Err(self.unexpected()),
            }
            resolved.push_str(self.unescaped_run());
        }
    }

    /// Everything up to the next quote, backslash, control character or end.
    fn unescaped_run(&mut self) -> &'a str {
        let rest = &self.text[self.offset..];
        let length = rest
            .bytes()
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F))
            .unwrap_or(rest.len());
        self.offset += length;
        &rest[..length]
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.offset;
        self.offset += 1;
        let Some(byte) = self.peek() else {
            return Err(self.unexpected());
        };
        self.offset += 1;
        let character = match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{C}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(start),
            _ => return Err(Problem::MalformedEscape.at(start)),
        };
        Ok(character)
    }

    /// What follows `\u`; `start` is the place of the backslash.
    fn unicode_escape(&mut self, start: usize) -> Result<char, JsonError> {
        let first = self.code_unit(start)?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        let is_high = first < 0xDC00;
        if !is_high || !self.text[self.offset..].starts_with("\\u") {
            return Err(Problem::LoneSurrogate.at(start));
        }
        let second_start = self.offset;
        self.offset += 2;
        let second = self.code_unit(second_start)?;
        if !(0xDC00..0xE000).contains(&second) {
            return Err(Problem::LoneSurrogate.at(start));
        }
        let code_point = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        char::from_u32(code_point).ok_or(Problem::LoneSurrogate.at(start))
    }

    /// Four hexadecimal digits; `start` is the place of their backslash.
    fn code_unit(&mut self, start: usize) -> Result<u32, JsonError> {
        let mut unit = 0;
        for _ in 0..4 {
            let Some(byte) = self.peek() else {
                return Err(self.unexpected());
            };
            let digit = char::from(byte)
                .to_digit(16)
                .ok_or(Problem::MalformedEscape.at(start))?;
            unit = unit * 16 + digit;
            self.offset += 1;
        }
        Ok(unit)
    }

    fn number(&mut self) -> Result<Number<'a>, JsonError> {
        let start = self.offset;
        self.take(b'-');
        if self.take(b'0') {
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(Problem::MalformedNumber.at(self.offset));
            }
        } else {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _signed = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(Number(&self.text[start..self.offset]))
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.offset;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.offset += 1;
        }
        if self.offset > start {
            return Ok(());
        }
        Err(match self.peek() {
            Some(_) => Problem::MalformedNumber.at(start),
            None => Problem::UnexpectedEnd.at(start),
        })
    }

    fn literal(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, JsonError> {
        for byte in word.bytes() {
            self.expect(byte)?;
        }
        Ok(value)
    }

    fn skip_white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.offset += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.offset += 1;
        }
        found
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    fn unexpected(&self) -> JsonError {
        match self.peek() {
            Some(_) => Problem::UnexpectedByte.at(self.offset),
            None => Problem::UnexpectedEnd.at(self.offset),
        }
    }
}

/// The place of the first name that stands a second time. Sorts, because
/// comparing each name with each would let a small body cost millions of
/// comparisons.
fn first_duplicate(members: &[(Cow<'_, str>, Value<'_>)], offsets: &[usize]) -> Option<usize> {
    let mut names: Vec<(&str, usize)> = members
        .iter()
        .zip(offsets)
        .map(|((name, _), offset)| (name.as_ref(), *offset))
        .collect();
    names.sort_unstable();
    names
        .windows(2)
        .filter(|pair| pair[0].0 == pair[1].0)
        .map(|pair| pair[1].1)
        .min()
}
