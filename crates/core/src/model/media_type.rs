//! What a file is, by its first bytes.
//!
//! An allow-list of what nothing runs: pictures, sound, film and documents.
//! Everything else, markup and scripts among it, is just bytes.

/// What is not recognised.
pub const UNKNOWN: &str = "application/octet-stream";

/// Bytes that stand at a place of every file of a type.
struct Mark {
    at: usize,
    bytes: &'static [u8],
}

/// A type, and the marks that a file of it has, all of them.
struct Known {
    media_type: &'static str,
    marks: &'static [Mark],
}

/// The marks are those of the formats' own specifications.
const KNOWN: &[Known] = &[
    known("image/png", &[mark(0, b"\x89PNG\r\n\x1a\n")]),
    known("image/jpeg", &[mark(0, b"\xff\xd8\xff")]),
    known("image/gif", &[mark(0, b"GIF87a")]),
    known("image/gif", &[mark(0, b"GIF89a")]),
    known("image/webp", &[mark(0, b"RIFF"), mark(8, b"WEBPVP8")]),
    known("image/avif", &[mark(4, b"ftypavif")]),
    known("image/heic", &[mark(4, b"ftypheic")]),
    known("audio/wav", &[mark(0, b"RIFF"), mark(8, b"WAVE")]),
    known("audio/ogg", &[mark(0, b"OggS\x00")]),
    known("audio/mpeg", &[mark(0, b"ID3")]),
    known("audio/mp4", &[mark(4, b"ftypM4A ")]),
    known("video/mp4", &[mark(4, b"ftypisom")]),
    known("video/mp4", &[mark(4, b"ftypmp4")]),
    known("video/quicktime", &[mark(4, b"ftypqt  ")]),
    known("video/webm", &[mark(0, b"\x1a\x45\xdf\xa3")]),
    known("application/pdf", &[mark(0, b"%PDF-")]),
];

/// The type of a file that is recognised, else [`UNKNOWN`].
#[must_use]
pub fn recognised(content: &[u8]) -> &'static str {
    let found = KNOWN.iter().find(|known| known.fits(content));
    found.map_or(UNKNOWN, |known| known.media_type)
}

/// Whether a type is that of a picture.
#[must_use]
pub fn is_image(media_type: &str) -> bool {
    media_type.starts_with("image/")
}

const fn known(media_type: &'static str, marks: &'static [Mark]) -> Known {
    Known { media_type, marks }
}

const fn mark(at: usize, bytes: &'static [u8]) -> Mark {
    Mark { at, bytes }
}

// === impl Known ===

impl Known {
    fn fits(&self, content: &[u8]) -> bool {
        self.marks.iter().all(|mark| {
            let rest = content.get(mark.at..);
            rest.is_some_and(|rest| rest.starts_with(mark.bytes))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_bytes_say() {
        for (content, expected) in [
            (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "image/png"),
            (b"\x89PNG\n", UNKNOWN),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
            (b"GIF89a", "image/gif"),
            (b"GIF88a", UNKNOWN),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
            (b"RIFF\x10\0\0\0WAVEfmt ", "audio/wav"),
            (b"RIFF\x10\0\0\0AVI LIST", UNKNOWN),
            (b"RIFF", UNKNOWN),
            (b"\0\0\0\x20ftypisom\0\0\x02\0", "video/mp4"),
            (b"\0\0\0\x20ftypevil", UNKNOWN),
            (b"%PDF-1.7", "application/pdf"),
            (
                b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"x()\"/>",
                UNKNOWN,
            ),
            (b"<!doctype html><script>x()</script>", UNKNOWN),
            (b"<?xml version=\"1.0\"?>", UNKNOWN),
            (b"#!/bin/sh", UNKNOWN),
            (b"MZ", UNKNOWN),
            (b"PK\x03\x04", UNKNOWN),
            (b" GIF89a", UNKNOWN),
            (b"", UNKNOWN),
        ] {
            assert_eq!(recognised(content), expected, "{}", content.escape_ascii());
        }
    }
}
