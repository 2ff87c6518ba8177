//! Path patterns: read once into segments, then compared with paths.
//!
//! There is no backtracking, because `**` stands only at the end: a comparison walks pattern and
//! path once, side by side, and allocates nothing.

use thiserror::Error;

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PatternError {
    /// It is relative, or empty.
    #[error("does not begin with \"/\"")]
    NoLeadingSlash,
    /// It contains `%`: whether an escape is meant before or after decoding cannot be known.
    #[error("contains \"%\"; write the path decoded")]
    Percent,
    /// `//`, a trailing `/`, or `/` alone.
    #[error("has an empty segment; check for \"//\" and a \"/\" at its end")]
    EmptySegment,
    /// A segment is `.` or `..`.
    #[error("has a segment \".\" or \"..\"")]
    DotSegment,
    /// A segment mixes `*` with other characters. It is refused rather than taken literally, since
    /// whoever wrote it believes that it is a glob.
    #[error("has \"*\" inside a segment; \"*\" stands for one whole segment, \"**\" for the rest")]
    StarInSegment,
    /// `**` is followed by another segment.
    #[error("has \"**\" before its end; it can only be last")]
    DoubleStarNotLast,
}

/// A pattern that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    text: Box<str>,
    first: First,
    /// What follows the first segment, without a final `**`.
    segments: Box<[Segment]>,
    /// Whether `**` is last.
    open: bool,
}

/// A canonical path, split after its first segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'a> {
    first: &'a [u8],
    first_is_version: bool,
    /// Empty, or `/` and the other segments.
    rest: &'a [u8],
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum First {
    /// The pattern is `/**`.
    Everything,
    /// `*`.
    AnySegment,
    /// Some version. Which one is no right, so that an ACL outlives a client's change of version.
    AnyVersion,
    Literal(Box<[u8]>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Any,
    Literal(Box<[u8]>),
}

// === impl Pattern ===

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let body = text.strip_prefix('/').ok_or(PatternError::NoLeadingSlash)?;
        if body.contains('%') {
            return Err(PatternError::Percent);
        }
        let mut first = None;
        let mut segments = Vec::new();
        let mut open = false;
        for segment in body.split('/') {
            if open {
                return Err(PatternError::DoubleStarNotLast);
            }
            match segment {
                "" => return Err(PatternError::EmptySegment),
                "." | ".." => return Err(PatternError::DotSegment),
                "**" => open = true,
                "*" if first.is_none() => first = Some(First::AnySegment),
                "*" => segments.push(Segment::Any),
                mixed if mixed.contains('*') => return Err(PatternError::StarInSegment),
                version if first.is_none() && is_version(version.as_bytes()) => {
                    first = Some(First::AnyVersion);
                }
                literal if first.is_none() => {
                    first = Some(First::Literal(literal.as_bytes().into()))
                }
                literal => segments.push(Segment::Literal(literal.as_bytes().into())),
            }
        }
        Ok(Self {
            text: text.into(),
            first: first.unwrap_or(First::Everything),
            segments: segments.into_boxed_slice(),
            open,
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn covers(&self, path: Path<'_>) -> bool {
        let first_covers = match &self.first {
            First::Everything => return true,
            First::AnySegment => true,
            First::AnyVersion => path.first_is_version,
            First::Literal(literal) => **literal == *path.first,
        };
        first_covers && self.covers_rest(path.rest)
    }

    fn covers_rest(&self, mut rest: &[u8]) -> bool {
        for segment in &self.segments {
            let Some((b'/', from_segment)) = rest.split_first() else {
                return false;
            };
            let end = match segment {
                Segment::Any => segment_end(from_segment),
                Segment::Literal(literal) => literal.len(),
            };
            // Where a literal would end tells most paths apart without comparing its bytes.
            rest = match from_segment.split_at_checked(end) {
                Some((found, after)) if matches!(after.first(), None | Some(b'/')) => {
                    if !segment.covers(found) {
                        return false;
                    }
                    after
                }
                Some(_) | None => return false,
            };
        }
        self.open || rest.is_empty()
    }
}

// === impl Segment ===

impl Segment {
    fn covers(&self, found: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(literal) => **literal == *found,
        }
    }
}

// === impl Path ===

impl<'a> Path<'a> {
    /// `None` where the path is not canonical. Whoever canonicalises has a fault then, and a
    /// matcher that guessed what was meant would turn it into a right.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let from_first = path.strip_prefix('/')?.as_bytes();
        if !is_canonical(path.as_bytes()) {
            return None;
        }
        let (first, rest) = from_first.split_at(segment_end(from_first));
        Some(Self {
            first,
            first_is_version: is_version(first),
            rest,
        })
    }
}

/// Whether a path that begins with `/` has no segment that is empty, `.` or `..`, and no `%`.
fn is_canonical(path: &[u8]) -> bool {
    // Every segment that is to be refused contains a `%` or begins with a dot or another `/`. One
    // pass without a branch finds out that there is none, as in nearly every path.
    let pairs = path.iter().zip(path.iter().skip(1));
    let suspicious = pairs.fold(false, |suspicious, (&byte, &next)| {
        suspicious | (next == b'%') | ((byte == b'/') & ((next == b'/') | (next == b'.')))
    });
    let ends_in_segment = path.last() != Some(&b'/');
    ends_in_segment
        && (!suspicious
            || path[1..]
                .split(|byte| *byte == b'/')
                .all(|segment| !matches!(segment, b"" | b"." | b"..") && !segment.contains(&b'%')))
}

fn segment_end(from_segment: &[u8]) -> usize {
    from_segment
        .iter()
        .position(|byte| *byte == b'/')
        .unwrap_or(from_segment.len())
}

/// `v1`, `v0.3`, `beta`, `beta2`: the versions that stand in front of the paths of these APIs.
fn is_version(segment: &[u8]) -> bool {
    let is_digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if let Some(number) = segment.strip_prefix(b"beta") {
        return number.is_empty() || is_digits(number);
    }
    segment.strip_prefix(b"v").is_some_and(|number| {
        let mut parts = number.split(|byte| *byte == b'.');
        parts.next().is_some_and(is_digits)
            && parts.next().is_none_or(is_digits)
            && parts.next().is_none()
    })
}
