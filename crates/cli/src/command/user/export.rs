//! `countersign user export`: all that is kept of a user, a record a line.

use std::fs::{File, OpenOptions, remove_file};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use countersign_client::http::{Call, segment, with_query};
use serde_json::Value;

use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::remote::Session;

/// Where the records go.
enum To<'a> {
    Answer,
    File(BufWriter<File>, &'a Path),
}

/// Reads to the end, a page at a time, and writes each record as it comes.
///
/// # Errors
/// The server's refusal; if the file is there already, or cannot be written.
pub(super) async fn run(
    session: &Session,
    id: &str,
    file: &Path,
    named: &[(&str, &str)],
    output: &mut Output,
) -> Result<Exit, Failure> {
    let path = format!("/v1/users/{}/export", segment(id)?);
    // Whoever is not there makes no file.
    let mut page = session.call(Call::get(&with_query(&path, named)?)).await?;
    let mut to = To::open(file)?;
    let mut records: u64 = 0;
    loop {
        for record in page["records"].as_array().into_iter().flatten() {
            to.write(record, output)?;
            records += 1;
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        let pairs = [named, &[("cursor", next)]].concat();
        let next = session.call(Call::get(&with_query(&path, &pairs)?)).await;
        page = match next {
            Ok(page) => page,
            Err(failure) => {
                to.give_up();
                return Err(failure);
            }
        };
    }
    to.finish()?;
    if file.as_os_str() != "-" {
        let told = format!("{records} records of {id} are in {}.", file.display());
        session.done(&told, output)?;
    }
    Ok(Exit::Done)
}

// === impl To ===

impl<'a> To<'a> {
    /// A file is nobody else's to read, and none that is there is written over.
    fn open(file: &'a Path) -> Result<Self, Failure> {
        if file.as_os_str() == "-" {
            return Ok(Self::Answer);
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        match options.open(file) {
            Ok(opened) => Ok(Self::File(BufWriter::new(opened), file)),
            Err(error) => Err(Failure::usage(format!(
                "cannot make {}: {error}",
                file.display()
            ))),
        }
    }

    fn write(&mut self, record: &Value, output: &mut Output) -> Result<(), Failure> {
        match self {
            Self::Answer => output.line(&record.to_string()),
            Self::File(writer, file) => writeln!(writer, "{record}").map_err(|error| {
                Failure::usage(format!("cannot write {}: {error}", file.display()))
            }),
        }
    }

    fn finish(self) -> Result<(), Failure> {
        let Self::File(mut writer, file) = self else {
            return Ok(());
        };
        let written = writer.flush().and_then(|()| writer.get_ref().sync_all());
        written.map_err(|error| Failure::usage(format!("cannot write {}: {error}", file.display())))
    }

    /// A part of an export is none.
    fn give_up(self) {
        if let Self::File(_, file) = self {
            drop(remove_file(file));
        }
    }
}
