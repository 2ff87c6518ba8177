//! The only writer of standard output and standard error.

use std::io::{self, StdoutLock, Write};

use crate::exit::{Exit, Failure};

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

/// Standard error may be closed, and then nobody wants to know.
fn complain(line: &str) {
    drop(writeln!(io::stderr(), "{line}"));
}
