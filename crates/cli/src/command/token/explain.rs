//! `countersign token explain`: the doctor, over one credential or a line each.

use std::ffi::OsString;
use std::io::{self, BufRead};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use countersign_credential::dialect::Dialect;
use countersign_credential::json::{self, Value};
use countersign_credential::time::Timestamp;
use countersign_wire::token::Explanation;

use crate::application_file;
use crate::command::token::judge::{Judge, malformed};
use crate::command::token::report;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::remote::Remote;
use crate::system::System;

/// The longest line that is kept: a credential of the greatest length, written
/// as a JSON string with every character escaped, fits into it.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// What to explain, and by whose rules.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 accepted, 1 refused, 2 usage, 3 server not reached.\n\nExamples:\n  countersign token explain eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln\n  countersign token explain --application application.json --json - < tokens.txt"
)]
pub(crate) struct Arguments {
    /// Judge by this file of the application's keys and settings, as
    /// `application export` writes it, and ask no server.
    #[arg(long, value_name = "FILE")]
    application: Option<PathBuf>,
    /// Ask the server about this application; an application's own key needs none.
    #[arg(long, value_name = "ID")]
    application_id: Option<String>,
    /// Take this dialect only.
    #[arg(long, value_enum, value_name = "DIALECT")]
    dialect: Option<DialectName>,
    /// Judge as of this time instead of now; with --application.
    #[arg(long, value_name = "UNIX_SECONDS")]
    at: Option<i64>,
    #[command(flatten)]
    remote: Remote,
    /// The credential, or `-` to read one a line from standard input.
    #[arg(value_name = "TOKEN|-")]
    token: OsString,
}

/// The dialects as the command line spells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DialectName {
    Nexmo,
    Kustomer,
    Sinch,
    Native,
}

/// Explains credentials, and tells what came out.
struct Doctor {
    judge: Judge,
    json: bool,
}

/// A line of standard input.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Bytes(Vec<u8>),
    TooLong,
}

/// Explains one credential, or one a line.
pub(crate) async fn run(
    arguments: Arguments,
    system: System,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let token = arguments.token.clone();
    let doctor = Doctor {
        json: arguments.remote.json(),
        judge: arguments.judge(system, output)?,
    };
    if token == "-" {
        return doctor.lines(io::stdin().lock(), output).await;
    }
    let explanation = doctor.judge.explain(token.as_encoded_bytes()).await?;
    doctor.report(&explanation, output)?;
    Ok(verdict(explanation.accepted))
}

// === impl Arguments ===

impl Arguments {
    /// Who judges, by these arguments.
    fn judge(self, system: System, output: &mut Output) -> Result<Judge, Failure> {
        let dialect = self.dialect.map(Dialect::from);
        if let Some(file) = &self.application {
            if self.application_id.is_some() {
                return Err(Failure::usage(
                    "--application-id is for a server, and --application FILE asks none",
                )
                .hint("leave one of them out"));
            }
            return Ok(Judge::File {
                verifier: Box::new(application_file::read(file, output)?),
                dialect,
                fixed_time: self.at.map(Timestamp::from_seconds),
                system,
            });
        }
        if self.at.is_some() {
            return Err(
                Failure::usage("a server judges by its own clock, and takes no --at")
                    .hint("with --application FILE another time can be chosen"),
            );
        }
        if !self.remote.has_key() {
            return Err(Failure::usage(
                "neither a file of keys nor a key for a server was given",
            )
            .hint(
                "pass --application FILE, which is what `countersign application export` writes, \
                 to judge here, or --key KEY to ask the server at --url URL",
            ));
        }
        Judge::of_server(
            self.remote.session()?,
            self.application_id.as_deref(),
            dialect,
        )
    }
}

// === impl DialectName ===

impl From<DialectName> for Dialect {
    fn from(name: DialectName) -> Self {
        match name {
            DialectName::Nexmo => Self::Nexmo,
            DialectName::Kustomer => Self::Kustomer,
            DialectName::Sinch => Self::Sinch,
            DialectName::Native => Self::Native,
        }
    }
}

// === impl Doctor ===

impl Doctor {
    async fn lines(&self, mut input: impl BufRead, output: &mut Output) -> Result<Exit, Failure> {
        let mut accepted = true;
        let mut number = 0_u64;
        while let Some(line) = read_line(&mut input)
            .map_err(|error| Failure::usage(format!("cannot read standard input: {error}")))?
        {
            number += 1;
            let explanation = match &line {
                Line::Bytes(bytes) => self.explain_line(bytes).await?,
                Line::TooLong => {
                    malformed(format!("the line has more than {LINE_BYTES_MAX} bytes"))
                }
            };
            if !self.json {
                if number > 1 {
                    output.line("")?;
                }
                output.line(&format!("line {number}"))?;
            }
            self.report(&explanation, output)?;
            accepted &= explanation.accepted;
        }
        if number == 0 {
            return Err(
                Failure::usage("standard input holds no line").hint("write one credential a line")
            );
        }
        Ok(verdict(accepted))
    }

    /// A line as it is, or the JSON string that it holds.
    async fn explain_line(&self, line: &[u8]) -> Result<Explanation, Failure> {
        if !line.starts_with(b"\"") {
            return self.judge.explain(line).await;
        }
        match json::read(line) {
            Ok(Value::String(token)) => self.judge.explain(token.as_bytes()).await,
            Ok(_) => Ok(malformed("the line is no JSON string")),
            Err(error) => Ok(malformed(format!(
                "the line begins as a JSON string and is none: {error}"
            ))),
        }
    }

    fn report(&self, explanation: &Explanation, output: &mut Output) -> Result<(), Failure> {
        if self.json {
            output.line(&report::json(explanation))
        } else {
            report::lines(explanation)
                .iter()
                .try_for_each(|line| output.line(line))
        }
    }
}

fn verdict(accepted: bool) -> Exit {
    if accepted { Exit::Done } else { Exit::Refused }
}

/// Reads up to the next line feed, which is not part of the line, or to the
/// end. A line that is too long is read to its end and dropped.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let mut any = false;
    let mut too_long = false;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let piece = &buffer[..end.unwrap_or(buffer.len())];
        if line.len() + piece.len() > LINE_BYTES_MAX {
            too_long = true;
        } else {
            line.extend_from_slice(piece);
        }
        let consumed = piece.len() + usize::from(end.is_some());
        input.consume(consumed);
        if end.is_some() {
            break;
        }
    }
    Ok(match (any, too_long) {
        (false, _) => None,
        (true, true) => Some(Line::TooLong),
        (true, false) => Some(Line::Bytes(line)),
    })
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// The lines of an input that arrives in pieces of this size.
    fn lines(input: &[u8], piece: usize) -> Vec<Line> {
        let mut reader = BufReader::with_capacity(piece, input);
        std::iter::from_fn(|| read_line(&mut reader).unwrap()).collect()
    }

    #[test]
    fn lines_are_taken_byte_for_byte() {
        let bytes = |text: &[u8]| Line::Bytes(text.to_vec());
        let longest = vec![b'a'; LINE_BYTES_MAX];
        let too_long = vec![b'a'; LINE_BYTES_MAX + 1];
        let cases: Vec<(Vec<u8>, Vec<Line>)> = vec![
            (b"".to_vec(), vec![]),
            (b"\n".to_vec(), vec![bytes(b"")]),
            (b"a".to_vec(), vec![bytes(b"a")]),
            (b"a\n".to_vec(), vec![bytes(b"a")]),
            (
                b" a \r\n\n\xff".to_vec(),
                vec![bytes(b" a \r"), bytes(b""), bytes(b"\xff")],
            ),
            (
                [&longest[..], b"\nb"].concat(),
                vec![Line::Bytes(longest.clone()), bytes(b"b")],
            ),
            (
                [&too_long[..], b"\nb"].concat(),
                vec![Line::TooLong, bytes(b"b")],
            ),
            (too_long.clone(), vec![Line::TooLong]),
        ];
        for (input, expected) in cases {
            for piece in [1, 7, 4_096, 1 << 20] {
                assert_eq!(lines(&input, piece), expected, "{} bytes", input.len());
            }
        }
    }
}
