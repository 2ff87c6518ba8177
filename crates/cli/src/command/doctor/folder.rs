//! The data folder: whose it is, who else may look into it, and the disk under
//! it.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use countersign_store::sqlite::DATABASE_FILE;
use countersign_store::sqlite::folder::{Holder, holder, refuse_network_file_system};
use rustix::fs::statvfs;

use super::finding::Finding;
use crate::data_folder::DataFolder;
use crate::installation::readable;

const FOLDER: &str = "data folder";
const FILES: &str = "files";
const DISK: &str = "disk";
const OPERATOR_KEY: &str = "operator key";
const SERVER: &str = "server";

/// Below this a disk is as good as full, and below that it is to be looked at.
const FREE_BYTES_MIN: u64 = 256 << 20;
const FREE_BYTES_WANTED: u64 = 2 << 30;
/// What anybody but the owner may do.
const OTHERS: u32 = 0o077;

/// Looks at the folder, and says whether there is one to look into.
pub(super) fn look(folder: &DataFolder, findings: &mut Vec<Finding>) -> bool {
    let path = folder.path();
    let shown = path.display();
    let metadata = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            findings.push(Finding::problem(
                FOLDER,
                format!("{shown} is no folder"),
                "name another with --data-dir, or in the configuration",
            ));
            return false;
        }
        Err(error) => {
            findings.push(Finding::problem(
                FOLDER,
                format!("{shown} cannot be looked at: {error}"),
                "name the server's with --data-dir or --config; the first start makes a new one",
            ));
            return false;
        }
    };
    let mode = metadata.permissions().mode() & 0o777;
    findings.push(if mode & OTHERS == 0 {
        Finding::ok(FOLDER, format!("{shown} is its owner's alone"))
    } else {
        Finding::warning(
            FOLDER,
            format!("{shown} is open to other users (mode {mode:04o})"),
            format!("run chmod 700 {shown}"),
        )
    });
    findings.push(files(folder, metadata.uid()));
    findings.extend(operator_key(folder));
    findings.extend(disk(path));
    true
}

/// Whether a server runs on the folder.
pub(super) fn holder_of(folder: &DataFolder, findings: &mut Vec<Finding>) -> Option<Holder> {
    match holder(folder.path()) {
        Ok(Some(holder)) => {
            let process = holder.process;
            let process =
                process.map_or_else(String::new, |process| format!(", process {process}"));
            findings.push(Finding::ok(
                SERVER,
                format!("one runs on the folder{process}"),
            ));
            Some(holder)
        }
        Ok(None) => {
            findings.push(Finding::ok(SERVER, "none runs on the folder"));
            None
        }
        Err(error) => {
            findings.push(Finding::problem(
                SERVER,
                format!("whether one runs cannot be told: {error}"),
                "run the doctor as the user that the server runs as",
            ));
            None
        }
    }
}

/// Whether somebody else may read or write what lies in the folder, or owns it:
/// a server would fail on its own files.
fn files(folder: &DataFolder, owner: u32) -> Finding {
    let log = format!("{DATABASE_FILE}-wal");
    let all = [
        folder.path().join(DATABASE_FILE),
        folder.path().join(log),
        folder.key_encryption_key(),
        folder.operator_key(),
        folder.dev_json(),
        folder.dev_private_key(),
        folder.tls_key(),
    ];
    for file in all {
        let Ok(metadata) = fs::metadata(&file) else {
            continue;
        };
        let shown = file.display();
        let mode = metadata.permissions().mode() & 0o777;
        if mode & OTHERS != 0 {
            return Finding::problem(
                FILES,
                format!("{shown} is open to other users (mode {mode:04o})"),
                format!(
                    "run chmod 600 {shown}, and replace the secrets in it if others have read them"
                ),
            );
        }
        if metadata.uid() != owner {
            return Finding::problem(
                FILES,
                format!(
                    "{shown} belongs to user {}, and the folder to user {owner}",
                    metadata.uid()
                ),
                format!("run chown {owner} {shown}"),
            );
        }
    }
    Finding::ok(FILES, "they are the owner's alone")
}

/// In development it has to lie there.
fn operator_key(folder: &DataFolder) -> Option<Finding> {
    let file = folder.operator_key();
    (file.exists() && !folder.is_for_development()).then(|| {
        Finding::warning(
            OPERATOR_KEY,
            format!(
                "{} still lies where the first start has put it",
                file.display()
            ),
            "keep it where your secrets are, and remove the file",
        )
    })
}

fn disk(path: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = refuse_network_file_system(path) {
        findings.push(Finding::problem(
            DISK,
            error.to_string(),
            "a server refuses to start there: move the folder to a disk of this machine",
        ));
    }
    match statvfs(path) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let detail = format!("{} are free", readable(free));
            let remedy = "make room, or move the folder to a larger disk: on a full one every \
                          write is refused";
            findings.push(if free < FREE_BYTES_MIN {
                Finding::problem(DISK, detail, remedy)
            } else if free < FREE_BYTES_WANTED {
                Finding::warning(DISK, detail, remedy)
            } else {
                Finding::ok(DISK, detail)
            });
        }
        Err(error) => findings.push(Finding::problem(
            DISK,
            format!("how much is free cannot be told: {error}"),
            "run the doctor as the user that the server runs as",
        )),
    }
    // Nothing has to be written to learn that a sync fails.
    if let Err(error) = File::open(path).and_then(|folder| folder.sync_all()) {
        findings.push(Finding::problem(
            DISK,
            format!("it does not sync: {error}"),
            "look into the system's log, make a backup, and replace the disk",
        ));
    }
    findings
}
