//! The one reader of paths: it runs before any route is looked for, and before anything
//! that decides by path.
//!
//! A path that two readers could split or decode in two ways is a way past
//! the one that checks it, so that it is refused here. What is left has one
//! spelling: every segment is decoded once and written again with as few
//! percent-encodings as RFC 3986 section 3.3 allows.

use std::borrow::Cow;

use countersign_core::error::{Code, Error};
use http::Uri;
use http::uri::PathAndQuery;

/// Why a path is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// It is empty, or the `*` of an `OPTIONS` request.
    #[error("the path does not begin with a slash")]
    NoSlash,
    /// Two slashes follow each other.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// A segment is `.` or `..`, or holds an encoded dot.
    #[error("the path has a dot segment, or an encoded dot")]
    Dot,
    /// A slash, backslash or semicolon, plain or encoded, within a segment.
    #[error("the path has a backslash, a semicolon or an encoded slash")]
    Separator,
    /// A control character, encoded.
    #[error("the path has a control character")]
    Control,
    /// A percent sign without two hexadecimal digits.
    #[error("the path has a malformed percent-encoding")]
    Encoding,
    /// Bytes that are not UTF-8 once decoded.
    #[error("the path is not UTF-8 once it is decoded")]
    NotUtf8,
    /// A character that a path cannot hold as it is.
    #[error("the path has a character that must be percent-encoded")]
    Character,
}

/// The path in its one spelling. A slash at the end stays: it is another path
/// than the one without, and no route has it.
///
/// # Errors
/// If the path could be read in two ways.
pub fn canonical(path: &str) -> Result<Cow<'_, str>, BadPath> {
    if is_canonical(path) {
        return Ok(Cow::Borrowed(path));
    }
    let rest = path.strip_prefix('/').ok_or(BadPath::NoSlash)?;
    let mut written = String::with_capacity(path.len());
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Err(BadPath::EmptySegment);
        }
        written.push('/');
        write(&decoded(segment)?, &mut written);
    }
    Ok(if written == path {
        Cow::Borrowed(path)
    } else {
        Cow::Owned(written)
    })
}

/// Whether nothing can be wrong with a path: most are as they are documented. All bytes
/// are looked at, since a loop that could end early would go byte by byte.
fn is_canonical(path: &str) -> bool {
    let bytes = path.as_bytes();
    let is_plain = |all, &byte: &u8| all & (is_harmless(byte) | (byte == b'/'));
    let pairs = bytes.iter().zip(bytes.iter().skip(1));
    let is_doubled = |found, (&byte, &next): (&u8, &u8)| found | ((byte == b'/') & (next == b'/'));
    path.starts_with('/') && bytes.iter().fold(true, is_plain) && !pairs.fold(false, is_doubled)
}

/// A request's address with its path in its one spelling.
pub(crate) fn canonical_uri(uri: Uri) -> Result<Uri, Error> {
    let bad_path = |bad: BadPath| {
        Error::new(Code::BadPath, bad.to_string())
            .hint("write the path plainly, as it is documented")
    };
    let written = match canonical(uri.path()).map_err(bad_path)? {
        Cow::Borrowed(_) => return Ok(uri),
        Cow::Owned(written) => written,
    };
    let path_and_query = match uri.query() {
        Some(query) => format!("{written}?{query}"),
        None => written,
    };
    let mut parts = uri.into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).map_err(Error::internal)?);
    Uri::from_parts(parts).map_err(Error::internal)
}

/// A segment with its percent-encodings read.
pub(crate) fn decoded(segment: &str) -> Result<String, BadPath> {
    let is_plain = |all, byte| all & is_harmless(byte);
    if segment.bytes().fold(true, is_plain) {
        return Ok(segment.to_owned());
    }
    if segment == "." || segment == ".." {
        return Err(BadPath::Dot);
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            check_plain(byte)?;
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_first_chunk::<2>().ok_or(BadPath::Encoding)?;
        rest = after;
        let byte = from_hex(*digits).ok_or(BadPath::Encoding)?;
        match byte {
            b'.' => return Err(BadPath::Dot),
            b'/' | b'\\' | b';' => return Err(BadPath::Separator),
            _ => bytes.push(byte),
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| BadPath::NotUtf8)?;
    if text.contains(char::is_control) {
        return Err(BadPath::Control);
    }
    Ok(text)
}

/// Whether a text can stand in a path, encoded, as one segment.
pub(crate) fn is_segment(text: &str) -> bool {
    let separates = |c: char| "/\\;".contains(c) || c.is_control();
    !text.is_empty() && text != "." && text != ".." && !text.contains(separates)
}

fn check_plain(byte: u8) -> Result<(), BadPath> {
    match byte {
        b'\\' | b';' => Err(BadPath::Separator),
        _ if is_plain(byte) => Ok(()),
        _ => Err(BadPath::Character),
    }
}

/// Whether a byte means nothing but itself wherever it stands in a segment. Most paths
/// are of such bytes.
fn is_harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() | (byte == b'-') | (byte == b'_') | (byte == b':')
}

/// What RFC 3986 calls `pchar`, without the semicolon that old servers cut at.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte)
}

pub(crate) fn from_hex(digits: [u8; 2]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let number = value(digits[0])? * 16 + value(digits[1])?;
    u8::try_from(number).ok()
}

fn write(segment: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in segment.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_spelling() {
        for (path, expected) in [
            ("/", Ok("/")),
            ("/v1/sessions", Ok("/v1/sessions")),
            ("/v1/sessions/", Ok("/v1/sessions/")),
            ("/v1/%73essions", Ok("/v1/sessions")),
            ("/v1/users/USR%2D1", Ok("/v1/users/USR-1")),
            ("/a%20b/%c3%a4", Ok("/a%20b/%C3%A4")),
            ("/100%25", Ok("/100%25")),
            ("/%252e%252e/%252f", Ok("/%252e%252e/%252f")),
            ("/...", Ok("/...")),
            ("/.well-known/a.b", Ok("/.well-known/a.b")),
            ("/a:b@c", Ok("/a:b@c")),
            ("/%3A%40", Ok("/:@")),
            ("", Err(BadPath::NoSlash)),
            ("*", Err(BadPath::NoSlash)),
            ("v1", Err(BadPath::NoSlash)),
            ("//", Err(BadPath::EmptySegment)),
            ("//v1/sessions", Err(BadPath::EmptySegment)),
            ("/v1//sessions", Err(BadPath::EmptySegment)),
            ("/v1/sessions//", Err(BadPath::EmptySegment)),
            ("/.", Err(BadPath::Dot)),
            ("/v1/../v1", Err(BadPath::Dot)),
            ("/v1/./sessions", Err(BadPath::Dot)),
            ("/%2e%2e/v1", Err(BadPath::Dot)),
            ("/.%2E/v1", Err(BadPath::Dot)),
            ("/a%2eb", Err(BadPath::Dot)),
            ("/a%2fb", Err(BadPath::Separator)),
            ("/a%2Fb", Err(BadPath::Separator)),
            ("/a%5Cb", Err(BadPath::Separator)),
            ("/a\\b", Err(BadPath::Separator)),
            ("/a;b=1", Err(BadPath::Separator)),
            ("/a%3bb", Err(BadPath::Separator)),
            ("/a%00", Err(BadPath::Control)),
            ("/a%0d%0a", Err(BadPath::Control)),
            ("/a%7f", Err(BadPath::Control)),
            ("/a%c2%85", Err(BadPath::Control)),
            ("/%", Err(BadPath::Encoding)),
            ("/%2", Err(BadPath::Encoding)),
            ("/%zz", Err(BadPath::Encoding)),
            ("/%+1", Err(BadPath::Encoding)),
            ("/%ff", Err(BadPath::NotUtf8)),
            ("/%c0%af", Err(BadPath::NotUtf8)),
            ("/%ed%a0%80", Err(BadPath::NotUtf8)),
            ("/a b", Err(BadPath::Character)),
            ("/ä", Err(BadPath::Character)),
            ("/{id}", Err(BadPath::Character)),
            ("/a\"b", Err(BadPath::Character)),
            ("/a?b", Err(BadPath::Character)),
        ] {
            let found = canonical(path);
            assert_eq!(found.as_deref().map_err(|bad| *bad), expected, "{path}");
            if let Ok(once) = found {
                assert_eq!(canonical(&once).as_deref(), Ok(&*once), "{path} twice");
            }
        }
    }

    #[test]
    fn what_can_be_a_segment_comes_back() {
        for (text, expected) in [
            ("alice", true),
            ("zoë b", true),
            ("a.b@c+%2f?#", true),
            ("...", true),
            ("", false),
            (".", false),
            ("..", false),
            ("a/b", false),
            ("a\\b", false),
            ("a;b", false),
            ("a\u{7}b", false),
        ] {
            assert_eq!(is_segment(text), expected, "{text}");
            if expected {
                let mut written = "/".to_owned();
                write(text, &mut written);
                assert!(canonical(&written).is_ok(), "{written}");
                assert_eq!(decoded(&written[1..]).as_deref(), Ok(text));
            }
        }
    }
}
