//! The only writer of standard output and standard error.

use std::io::{self, StdoutLock, Write};

use crate::exit::{Exit, Failure};

/// What stands in for a character that a terminal would obey.
const UNPRINTABLE: char = '\u{fffd}';

/// Where a command writes.
#[derive(Debug)]
pub(crate) struct Output {
    answers: StdoutLock<'static>,
}

// === impl Output ===

impl Output {
    pub(crate) fn standard() -> Self {
        Self {
            answers: io::stdout().lock(),
        }
    }

    /// Writes one line of the answer, and hands it on at once, so that whoever
    /// feeds lines in can wait for each answer.
    ///
    /// # Errors
    /// If nobody takes it: quietly where the reader of a pipe has gone.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        self.answers
            .write_all(line.as_bytes())
            .and_then(|()| self.answers.write_all(b"\n"))
            .and_then(|()| self.answers.flush())
            .map_err(|error| {
                if error.kind() == io::ErrorKind::BrokenPipe {
                    Failure::unread()
                } else {
                    Failure::usage(format!("cannot write the answer: {error}"))
                }
            })
    }

    /// Tells a person something that is not the answer.
    pub(crate) fn note(&mut self, sentence: &str) {
        complain(&format!("note: {sentence}"));
    }

    /// Tells a person why the command ended.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        if failure.exit == Exit::Unread {
            return;
        }
        complain(&format!("error: {}", failure.sentence));
        if let Some(hint) = &failure.hint {
            complain(&format!("  {hint}"));
        }
    }
}

/// A text of somebody else as one line or several, without what a terminal obeys
/// and without what turns the direction of writing for the rest of the line.
pub(crate) fn printable(text: &str) -> String {
    let shown = |character: char| match character {
        '\n' => '\n',
        '\t' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => UNPRINTABLE,
        other if other.is_control() => UNPRINTABLE,
        other => other,
    };
    text.replace("\r\n", "\n").chars().map(shown).collect()
}

/// The lines of a table, whose rows all have as many cells.
pub(crate) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths);
        let padded: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Standard error may be closed, and then nobody wants to know.
fn complain(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}
