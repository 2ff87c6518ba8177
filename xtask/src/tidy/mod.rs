//! `cargo xtask tidy`: reads the workspace once, then hands it to one small function a rule.
//!
//! Rules are pure: they get text and lists, and return problems. Only `workspace` and `tree` touch
//! cargo and the disk, so each rule is tested on input that is written out next to it.

mod dependencies;
mod documentation;
mod edges;
mod foreign;
mod length;
mod machine_path;
mod manifest;
mod problem;
mod security;
mod table;
mod tree;
mod workspace;

use std::collections::BTreeSet;

use crate::tidy::problem::Problem;
use crate::tidy::tree::Tree;
use crate::tidy::workspace::Workspace;

/// What a run looked at, and what it found there.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// In the order of their places; empty when every rule holds.
    pub(crate) problems: Vec<Problem>,
    crates: usize,
    files: usize,
}

/// Reads the workspace that the current folder belongs to and applies every rule to it.
///
/// # Errors
///
/// When cargo cannot describe the workspace or a file cannot be read; a rule that does not hold is
/// no error, but a problem of the outcome.
pub(crate) fn run() -> anyhow::Result<Outcome> {
    let workspace = Workspace::read()?;
    let tree = Tree::read(&workspace.root)?;
    let crates = &workspace.crates;

    let text = |place: &str| tree.text(place).unwrap_or_default();

    // A file that is not there is an empty one: the rule that wants it says what is to stand in it.
    let mut problems = BTreeSet::new();
    problems.extend(edges::check(crates, text(edges::PLACE)));
    problems.extend(dependencies::check(crates, text(dependencies::PLACE)));
    problems.extend(foreign::check(crates));
    problems.extend(security::check(text(security::PLACE), |place| {
        tree.text(place)
    }));
    for package in crates {
        problems.extend(manifest::check(&package.manifest, text(&package.manifest)));
        let roots = package.roots.iter();
        problems.extend(roots.filter_map(|root| documentation::check(root, text(&root.path))));
    }
    for file in &tree.files {
        problems.extend(length::check(&file.path, &file.text));
        problems.extend(machine_path::check(&file.path, &file.text));
    }

    Ok(Outcome {
        problems: problems.into_iter().collect(),
        crates: crates.len(),
        files: tree.files.len(),
    })
}

// === impl Outcome ===

impl Outcome {
    /// One line that says how the run ended and how much it covered.
    pub(crate) fn summary(&self) -> String {
        let covered = format!("{} crates and {} files", self.crates, self.files);
        match self.problems.len() {
            0 => format!("tidy: all rules hold over {covered}"),
            found => format!("tidy: {found} to put right in {covered}"),
        }
    }
}
