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
mod table;
mod tree;
mod workspace;

use std::collections::BTreeSet;

use anyhow::Context;

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

    let mut problems = BTreeSet::new();
    problems.extend(edges::check(crates, text(&tree, edges::PLACE)?));
    problems.extend(dependencies::check(
        crates,
        text(&tree, dependencies::PLACE)?,
    ));
    problems.extend(foreign::check(crates));
    for package in crates {
        problems.extend(manifest::check(
            &package.manifest,
            text(&tree, &package.manifest)?,
        ));
        for root in &package.roots {
            problems.extend(documentation::check(root, text(&tree, &root.path)?));
        }
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

fn text<'a>(tree: &'a Tree, place: &str) -> anyhow::Result<&'a str> {
    tree.text(place)
        .with_context(|| format!("{place} is missing, and tidy checks the workspace against it"))
}

// === impl Outcome ===

impl Outcome {
    /// One line that says how the run ended and how much it covered.
    pub(crate) fn summary(&self) -> String {
        let Self {
            problems,
            crates,
            files,
        } = self;
        if problems.is_empty() {
            format!("tidy: all rules hold over {crates} crates and {files} files")
        } else {
            format!(
                "tidy: {} problems in {crates} crates and {files} files",
                problems.len()
            )
        }
    }
}
