//! Every dependency says what it replaces, and nothing else is said.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::problem::Problem;
use crate::tidy::table;
use crate::tidy::workspace::{Crate, Origin};

/// Where the lines are kept.
pub(crate) const PLACE: &str = "docs/DEPENDENCIES.md";

/// Compares the direct foreign dependencies of all crates with the tables in `document`, both ways.
pub(crate) fn check(crates: &[Crate], document: &str) -> Vec<Problem> {
    let rows = match table::rows(PLACE, document, "dependencies") {
        Ok(rows) => rows,
        Err(problem) => return vec![problem],
    };

    let mut users: BTreeMap<&str, &Crate> = BTreeMap::new();
    for package in crates {
        for dependency in package
            .dependencies
            .iter()
            .filter(|it| it.origin == Origin::Foreign)
        {
            users.entry(&dependency.name).or_insert(package);
        }
    }

    let mut problems = Vec::new();
    let mut listed: BTreeSet<&str> = BTreeSet::new();
    for row in &rows {
        let [name, reasons @ ..] = row.as_slice() else {
            continue;
        };
        if reasons.len() != 2 || reasons.iter().any(String::is_empty) {
            let sentence =
                format!("say in the line of `{name}` what it replaces and why it is this one");
            problems.push(Problem::new(PLACE, sentence));
        }
        if !listed.insert(name) {
            problems.push(Problem::new(
                PLACE,
                format!("`{name}` has two lines: make them one"),
            ));
        }
        if !users.contains_key(name.as_str()) {
            let sentence = format!("no crate depends on `{name}` any more: remove its line");
            problems.push(Problem::new(PLACE, sentence));
        }
    }
    for (name, package) in users.iter().filter(|(name, _)| !listed.contains(**name)) {
        let sentence = format!(
            "`{name}` has no line in {PLACE}: say there what it replaces and why it is this one, or do \
             without it"
        );
        problems.push(Problem::new(&package.manifest, sentence));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::workspace::Usage;

    fn check_against(dependencies: &[(&str, Origin, Usage)], lines: &str, expected: &[&str]) {
        let package = Crate::with_dependencies("core", dependencies);
        let document = format!(
            "<!-- tidy: dependencies -->\n| c | r | w |\n|---|---|---|\n{lines}<!-- tidy: end -->"
        );
        let problems: Vec<String> = check(&[package], &document)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(problems.len(), expected.len(), "{problems:?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(
                problem.contains(expected),
                "{problem} does not contain {expected}"
            );
        }
    }

    #[test]
    fn lines_and_dependencies_must_match_both_ways() {
        let tokio = ("tokio", Origin::Foreign, Usage::Program);
        let proptest = ("proptest", Origin::Foreign, Usage::Tests);
        let both =
            "| `tokio` | a scheduler | everybody's |\n| `proptest` | generators | shrinks |\n";
        check_against(&[tokio, proptest], both, &[]);
        check_against(&[tokio], both, &["no crate depends on `proptest` any more"]);
        check_against(
            &[tokio, proptest],
            "| `tokio` | a scheduler | everybody's |\n",
            &["crates/core/Cargo.toml: `proptest` has no line in docs/DEPENDENCIES.md"],
        );
    }

    #[test]
    fn crates_of_the_workspace_need_no_line() {
        let tokio = ("tokio", Origin::Foreign, Usage::Program);
        let credential = ("credential", Origin::Workspace, Usage::Program);
        check_against(
            &[tokio, credential],
            "| tokio | a scheduler | everybody's |\n",
            &[],
        );
    }

    #[test]
    fn a_line_says_both_things_once() {
        let tokio = ("tokio", Origin::Foreign, Usage::Program);
        check_against(
            &[tokio],
            "| tokio | a scheduler | |\n",
            &["say in the line of `tokio`"],
        );
        check_against(
            &[tokio],
            "| tokio | a scheduler |\n",
            &["say in the line of `tokio`"],
        );
        let twice =
            "| tokio | a scheduler | everybody's |\n| tokio | a scheduler | everybody's |\n";
        check_against(&[tokio], twice, &["`tokio` has two lines"]);
    }
}
