//! Strict JSON (RFC 8259), because two readers that disagree about one token
//! are a way past the one that checks it.
//!
//! Most readers keep the last of two members with one name; some keep the
//! first. Most replace or keep a lone surrogate, skip a byte order mark, or
//! nest until the stack ends. Whatever can be read in two ways is refused
//! here, so that what was verified is what everybody else will read. Numbers
//! keep their text: `1.0`, `1e0` and `1` are told apart by whoever needs it,
//! and no digit is lost on the way.
//!
//! Absent on purpose: leniency of any kind, and content in error messages.

mod reader;

use std::borrow::Cow;
use std::fmt::Write as _;

use thiserror::Error;

/// The deepest nesting that is read: an array or object inside 32 others is
/// refused, so that recursion is bounded by a number and not by the input.
pub const DEPTH_MAX: usize = 32;

/// A JSON value. Texts borrow from the input unless they held an escape.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it was written.
    Number(Number<'a>),
    /// A text with its escapes resolved.
    String(Cow<'a, str>),
    /// The elements in order.
    Array(Vec<Value<'a>>),
    /// The members in order, each name once.
    Object(Object<'a>),
}

/// A number as it was written; its grammar has been checked. Two numbers are
/// equal if their texts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<'a>(&'a str);

/// An object: its members in the order of the input, no name twice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, Value<'a>)>,
}

/// Why a text is not strict JSON, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{problem} at byte {offset}")]
pub struct JsonError {
    /// The byte at which reading stopped, counted from 0.
    pub offset: usize,
    /// What was wrong there.
    pub problem: Problem,
}

/// What was wrong with a text. No variant carries content: the text may be a
/// secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Problem {
    /// The input ends inside a value.
    #[error("unexpected end of input")]
    UnexpectedEnd,
    /// A byte that the grammar does not allow at this place.
    #[error("unexpected character")]
    UnexpectedByte,
    /// Something other than white space follows the value.
    #[error("trailing bytes after the value")]
    TrailingBytes,
    /// The input is not UTF-8 (RFC 8259 section 8.1).
    #[error("invalid UTF-8")]
    InvalidUtf8,
    /// The input begins with U+FEFF, which nobody may add (RFC 8259 section 8.1).
    #[error("byte order mark")]
    ByteOrderMark,
    /// A number outside the grammar of RFC 8259 section 6.
    #[error("malformed number")]
    MalformedNumber,
    /// A backslash that begins none of the escapes of RFC 8259 section 7.
    #[error("malformed escape")]
    MalformedEscape,
    /// A `\u` escape that is one half of a surrogate pair, and so no character.
    #[error("lone surrogate")]
    LoneSurrogate,
    /// A control character that stands unescaped in a text.
    #[error("unescaped control character")]
    ControlCharacter,
    /// A member name that the same object already had (RFC 8259 section 4),
    /// compared after its escapes are resolved.
    #[error("duplicate member name")]
    DuplicateName,
    /// An array or object nested deeper than [`DEPTH_MAX`].
    #[error("nesting deeper than {DEPTH_MAX}")]
    TooDeep,
    /// A well-formed value of another kind where an object was asked for.
    #[error("not an object")]
    NotAnObject,
}

/// Reads one value that fills the whole input, white space around it aside.
///
/// Takes n log n time at most, whatever the input.
///
/// # Errors
/// The first problem found, with its place.
pub fn read(bytes: &[u8]) -> Result<Value<'_>, JsonError> {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(Problem::ByteOrderMark.at(0));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|error| Problem::InvalidUtf8.at(error.valid_up_to()))?;
    reader::whole(text)
}

/// Reads one object that fills the whole input.
///
/// # Errors
/// As [`read`]; a well-formed value of another kind is
/// [`Problem::NotAnObject`] at byte 0.
pub fn read_object(bytes: &[u8]) -> Result<Object<'_>, JsonError> {
    if let Value::Object(object) = read(bytes)? {
        Ok(object)
    } else {
        Err(Problem::NotAnObject.at(0))
    }
}

/// Writes a string with the escapes that RFC 8259 section 7 demands, and no
/// others.
pub fn write_string(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\0'..='\x1f' => {
                write!(json, "\\u{:04x}", u32::from(character))
                    .expect("a String takes every write");
            }
            _ => json.push(character),
        }
    }
    json.push('"');
}

// === impl Value ===

impl<'a> Value<'a> {
    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The object, if this is one.
    pub fn as_object(&self) -> Option<&Object<'a>> {
        if let Self::Object(object) = self {
            Some(object)
        } else {
            None
        }
    }

    /// The elements, if this is an array.
    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        if let Self::Array(elements) = self {
            Some(elements)
        } else {
            None
        }
    }

    /// The kind in words, for messages: `null`, `boolean`, `number`, `string`,
    /// `array` or `object`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }
}

// === impl Number ===

impl<'a> Number<'a> {
    /// The number as it was written.
    pub fn text(&self) -> &'a str {
        self.0
    }

    /// The nearest double, or `None` where the number is too large for a
    /// finite one.
    pub fn to_f64(&self) -> Option<f64> {
        self.0.parse().ok().filter(|value: &f64| value.is_finite())
    }

    /// Whether it was written as digits alone, a minus before them at most:
    /// `1.0` and `1e2` are not integers.
    pub fn is_integer(&self) -> bool {
        let digits = self.0.strip_prefix('-').unwrap_or(self.0);
        digits.bytes().all(|byte| byte.is_ascii_digit())
    }
}

// === impl Object ===

impl<'a> Object<'a> {
    /// The value of a member, compared exactly. Costs a pass over the names.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.iter()
            .find(|(candidate, _)| *candidate == name)
            .map(|(_, value)| value)
    }

    /// The members in the order of the input.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value<'a>)> {
        self.members
            .iter()
            .map(|(name, value)| (name.as_ref(), value))
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

// === impl Problem ===

impl Problem {
    fn at(self, offset: usize) -> JsonError {
        JsonError {
            offset,
            problem: self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(input: &str) -> (usize, Problem) {
        let error = read(input.as_bytes()).expect_err(input);
        (error.offset, error.problem)
    }

    #[test]
    fn values_keep_their_kind_and_text() {
        let object =
            read_object(br#" {"a":[1,-0.5e+3,"x"],"b":{},"c":null,"d":true,"":"\u00e9\n"} "#)
                .unwrap();
        assert_eq!(object.len(), 5);
        assert!(!object.is_empty());
        let names: Vec<&str> = object.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b", "c", "d", ""]);
        let elements = object.get("a").and_then(Value::as_array).unwrap();
        assert_eq!(
            elements,
            [
                Value::Number(Number("1")),
                Value::Number(Number("-0.5e+3")),
                Value::String("x".into()),
            ]
        );
        assert!(
            object
                .get("b")
                .and_then(Value::as_object)
                .unwrap()
                .is_empty()
        );
        assert_eq!(object.get("c"), Some(&Value::Null));
        assert_eq!(object.get("").and_then(Value::as_str), Some("é\n"));
        assert_eq!(object.get("A"), None);
        let kinds: Vec<&str> = object.iter().map(|(_, value)| value.kind()).collect();
        assert_eq!(kinds, ["array", "object", "null", "boolean", "string"]);
        assert_eq!(elements[0].kind(), "number");
    }

    #[test]
    fn numbers_tell_integers_from_fractions_and_overflow_from_values() {
        let cases: [(&str, bool, Option<f64>); 8] = [
            ("0", true, Some(0.0)),
            ("-0", true, Some(-0.0)),
            ("1700000000", true, Some(1.7e9)),
            ("1.0", false, Some(1.0)),
            ("1e2", false, Some(100.0)),
            ("-12", true, Some(-12.0)),
            ("1e400", false, None),
            ("-1E+999", false, None),
        ];
        for (text, is_integer, double) in cases {
            let Value::Number(number) = read(text.as_bytes()).unwrap() else {
                panic!("{text} is a number");
            };
            assert_eq!(number.text(), text);
            assert_eq!(number.is_integer(), is_integer, "{text}");
            assert_eq!(number.to_f64(), double, "{text}");
        }
    }

    #[test]
    fn texts_borrow_unless_they_are_escaped() {
        let borrowed = read("\"naïve 🦀\"".as_bytes()).unwrap();
        assert!(matches!(borrowed, Value::String(Cow::Borrowed("naïve 🦀"))));
        let escaped = read(br#""\ud83e\udd80\/\"\\\b\f\r\t""#).unwrap();
        assert_eq!(escaped.as_str(), Some("🦀/\"\\\u{8}\u{C}\r\t"));
    }

    #[test]
    fn problems_are_named_and_placed() {
        let cases: [(&str, usize, Problem); 31] = [
            ("", 0, Problem::UnexpectedEnd),
            ("  ", 2, Problem::UnexpectedEnd),
            ("{", 1, Problem::UnexpectedEnd),
            ("[1", 2, Problem::UnexpectedEnd),
            ("\"a", 2, Problem::UnexpectedEnd),
            ("\"\\", 2, Problem::UnexpectedEnd),
            ("\"\\u00", 5, Problem::UnexpectedEnd),
            ("tru", 3, Problem::UnexpectedEnd),
            ("-", 1, Problem::UnexpectedEnd),
            ("[1,]", 3, Problem::UnexpectedByte),
            ("{\"a\":1,}", 7, Problem::UnexpectedByte),
            ("{a:1}", 1, Problem::UnexpectedByte),
            ("NaN", 0, Problem::UnexpectedByte),
            ("trUe", 2, Problem::UnexpectedByte),
            ("+1", 0, Problem::UnexpectedByte),
            ("\u{A0}1", 0, Problem::UnexpectedByte),
            ("01", 1, Problem::MalformedNumber),
            ("1.e2", 2, Problem::MalformedNumber),
            ("-a", 1, Problem::MalformedNumber),
            ("1e+x", 3, Problem::MalformedNumber),
            ("1 2", 2, Problem::TrailingBytes),
            ("{}\0", 2, Problem::TrailingBytes),
            ("\u{FEFF}{}", 0, Problem::ByteOrderMark),
            ("\"\\x41\"", 1, Problem::MalformedEscape),
            ("\"\\u00é0\"", 1, Problem::MalformedEscape),
            ("\"a\nb\"", 2, Problem::ControlCharacter),
            ("\"\\t\u{1F}\"", 3, Problem::ControlCharacter),
            ("\"\\ud800\"", 1, Problem::LoneSurrogate),
            ("\"\\udc00\\ud800\"", 1, Problem::LoneSurrogate),
            ("\"\\ud800\\u0041\"", 1, Problem::LoneSurrogate),
            ("\"x\\ud800x\"", 2, Problem::LoneSurrogate),
        ];
        for (input, offset, expected) in cases {
            assert_eq!(problem(input), (offset, expected), "{input:?}");
        }
        assert_eq!(
            read(b"[\"\xC0\xAF\"]"),
            Err(Problem::InvalidUtf8.at(2)),
            "an overlong slash"
        );
    }

    #[test]
    fn a_name_counts_once_however_it_is_spelled() {
        let cases = [
            (r#"{"a":1,"a":1}"#, 7),
            (r#"{"a":1,"b":2,"\u0061":3}"#, 13),
            (r#"{"z":1,"b":2,"b":3,"z":4}"#, 13),
            (r#"[{"x":{"":1,"":2}}]"#, 12),
        ];
        for (input, offset) in cases {
            assert_eq!(problem(input), (offset, Problem::DuplicateName), "{input}");
        }
        assert!(read(r#"{"a":{"a":{"a":1}},"A":1,"á":1}"#.as_bytes()).is_ok());
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let core = if open == "[" { "" } else { "1" };
            let nested = |depth| format!("{}{core}{}", open.repeat(depth), close.repeat(depth));
            assert!(read(nested(DEPTH_MAX).as_bytes()).is_ok());
            let too_deep = nested(DEPTH_MAX + 1);
            assert_eq!(
                problem(&too_deep),
                (DEPTH_MAX * open.len(), Problem::TooDeep)
            );
        }
        let siblings = format!("[{}[]]", "[],".repeat(1_000));
        assert!(read(siblings.as_bytes()).is_ok(), "depth is not breadth");
    }

    #[test]
    fn an_object_is_insisted_on() {
        assert_eq!(read_object(b"[]"), Err(Problem::NotAnObject.at(0)));
        assert_eq!(read_object(b"["), Err(Problem::UnexpectedEnd.at(1)));
        assert!(read_object(b"{}").unwrap().is_empty());
    }

    #[test]
    fn messages_name_the_place_and_no_content() {
        let error = read(br#"{"secret":1,"secret":2}"#).unwrap_err();
        assert_eq!(error.to_string(), "duplicate member name at byte 12");
    }

    /// Quadratic comparing would take minutes here.
    #[test]
    fn many_members_stay_cheap() {
        let members: Vec<String> = (0..200_000).map(|n| format!("\"name{n}\":0")).collect();
        let text = format!("{{{}}}", members.join(","));
        assert_eq!(read_object(text.as_bytes()).unwrap().len(), 200_000);
        let doubled = format!("{{{},\"name7\":0}}", members.join(","));
        assert_eq!(problem(&doubled).1, Problem::DuplicateName);
    }
}
