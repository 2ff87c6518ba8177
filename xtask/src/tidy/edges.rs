//! Which crate of the workspace may know which.
//!
//! The table in docs/ARCHITECTURE.md is the rule, and each row has three cells: a crate, the crates
//! that it may depend on, and those that only its tests may add to them. A row may name nothing
//! that stands below it, so that the table reads from the inside out and cannot allow a cycle. It
//! may have rows for crates that are not there yet: the direction is decided before the code.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::problem::Problem;
use crate::tidy::table;
use crate::tidy::workspace::{Crate, Dependency, Origin, Usage};

/// Where the table is kept.
pub(crate) const PLACE: &str = "docs/ARCHITECTURE.md";

/// What a cell says that allows no crate at all.
const NONE: &str = "nothing";

/// Compares the edges between the workspace's crates with the table in `architecture`.
pub(crate) fn check(crates: &[Crate], architecture: &str) -> Vec<Problem> {
    let rows = match table::rows(PLACE, architecture, "edges") {
        Ok(rows) => rows,
        Err(problem) => return vec![problem],
    };
    let (allowed, mut problems) = read_rows(&rows);
    for package in crates {
        let Some(row) = allowed.get(package.name.as_str()) else {
            let sentence = format!(
                "the crate `{}` has no row in the table of edges: add one",
                package.name
            );
            problems.push(Problem::new(PLACE, sentence));
            continue;
        };
        let edges = package
            .dependencies
            .iter()
            .filter(|edge| edge.origin == Origin::Workspace);
        problems.extend(
            edges
                .filter(|edge| !row.allows(edge))
                .map(|edge| not_allowed(package, edge)),
        );
    }
    problems
}

/// One row of the table.
struct Row<'a> {
    program: BTreeSet<&'a str>,
    tests: BTreeSet<&'a str>,
}

fn read_rows(rows: &[Vec<String>]) -> (BTreeMap<&str, Row<'_>>, Vec<Problem>) {
    let mut allowed = BTreeMap::new();
    let mut problems = Vec::new();
    for row in rows {
        let [name, program, tests] = row.as_slice() else {
            let sentence = format!(
                "the row `{}` of the table of edges needs three cells",
                row.join(" | ")
            );
            problems.push(Problem::new(PLACE, sentence));
            continue;
        };
        let (program, tests) = (read_names(program), read_names(tests));
        for below in program
            .iter()
            .filter(|other| !allowed.contains_key(**other))
        {
            let sentence = format!(
                "the row of `{name}` names `{below}`, which has no row above it: write its row there, or \
                 turn the edge round"
            );
            problems.push(Problem::new(PLACE, sentence));
        }
        if allowed
            .insert(name.as_str(), Row { program, tests })
            .is_some()
        {
            let sentence = format!("`{name}` has two rows in the table of edges: make them one");
            problems.push(Problem::new(PLACE, sentence));
        }
    }
    for (name, row) in &allowed {
        for unknown in row
            .tests
            .iter()
            .filter(|other| !allowed.contains_key(**other))
        {
            let sentence = format!(
                "the row of `{name}` names `{unknown}`, which has no row: correct the name"
            );
            problems.push(Problem::new(PLACE, sentence));
        }
    }
    (allowed, problems)
}

fn read_names(cell: &str) -> BTreeSet<&str> {
    cell.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty() && *name != NONE)
        .collect()
}

fn not_allowed(package: &Crate, edge: &Dependency) -> Problem {
    let (who, cell) = match edge.usage {
        Usage::Program => (format!("`{}` depends", package.name), "second"),
        Usage::Tests => (format!("a test of `{}` depends", package.name), "third"),
    };
    let sentence = format!(
        "{who} on `{}`, which the table in {PLACE} does not allow: remove the dependency, or argue for \
         the edge and add it to the {cell} cell of the row",
        edge.name
    );
    Problem::new(&package.manifest, sentence)
}

// === impl Row ===

impl Row<'_> {
    fn allows(&self, edge: &Dependency) -> bool {
        let name = edge.name.as_str();
        match edge.usage {
            Usage::Program => self.program.contains(name),
            Usage::Tests => self.program.contains(name) || self.tests.contains(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
<!-- tidy: edges -->
| crate | may depend on | and its tests on |
|---|---|---|
| `credential` | nothing | nothing |
| `core` | `credential` | nothing |
| `store` | `core` | `credential` |
| `server` | `core` | `credential`, `store` |
<!-- tidy: end -->
";

    fn problems(crates: &[Crate], architecture: &str) -> Vec<String> {
        check(crates, architecture)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn check_edge(from: &str, to: &str, usage: Usage, is_allowed: bool) {
        let package = Crate::with_dependencies(from, &[(to, Origin::Workspace, usage)]);
        let problems = problems(&[package], TABLE);
        if is_allowed {
            assert_eq!(problems, [""; 0], "{from} to {to}, {usage:?}");
        } else {
            assert_eq!(problems.len(), 1, "{from} to {to}, {usage:?}");
            assert!(
                problems[0].starts_with(&format!("crates/{from}/Cargo.toml: ")),
                "{problems:?}"
            );
            assert!(problems[0].contains(&format!("on `{to}`")), "{problems:?}");
        }
    }

    #[test]
    fn an_edge_holds_only_where_its_cell_names_it() {
        check_edge("core", "credential", Usage::Program, true);
        check_edge("core", "credential", Usage::Tests, true);
        check_edge("core", "store", Usage::Program, false);
        check_edge("core", "store", Usage::Tests, false);
        check_edge("credential", "core", Usage::Program, false);
        check_edge("store", "credential", Usage::Program, false);
        check_edge("store", "credential", Usage::Tests, true);
        check_edge("server", "store", Usage::Tests, true);
        check_edge("server", "store", Usage::Program, false);
    }

    #[test]
    fn foreign_crates_are_no_edges() {
        let package =
            Crate::with_dependencies("core", &[("store", Origin::Foreign, Usage::Program)]);
        assert_eq!(problems(&[package], TABLE), [""; 0]);
    }

    #[test]
    fn a_crate_without_a_row_is_told_and_a_row_without_a_crate_is_not() {
        let packages = [Crate::with_dependencies("wire", &[])];
        assert_eq!(
            problems(&packages, TABLE),
            ["docs/ARCHITECTURE.md: the crate `wire` has no row in the table of edges: add one"],
        );
        assert_eq!(problems(&[], TABLE), [""; 0]);
    }

    fn check_table(rows: &str, expected: &str) {
        let table =
            format!("<!-- tidy: edges -->\n| c | p | t |\n|---|---|---|\n{rows}<!-- tidy: end -->");
        let problems = problems(&[], &table);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains(expected), "{problems:?}");
    }

    #[test]
    fn a_table_that_cannot_be_meant_is_refused() {
        check_table(
            "| a | b | nothing |\n| b | nothing | nothing |\n",
            "row of `a` names `b`, which has no row above",
        );
        check_table(
            "| a | a | nothing |\n",
            "row of `a` names `a`, which has no row above",
        );
        check_table(
            "| a | nothing | cerdential |\n",
            "names `cerdential`, which has no row:",
        );
        check_table(
            "| a | nothing | nothing |\n| a | nothing | nothing |\n",
            "`a` has two rows",
        );
        check_table("| a | nothing |\n", "needs three cells");
    }

    #[test]
    fn a_missing_table_is_one_problem() {
        let packages = [Crate::with_dependencies("wire", &[])];
        assert_eq!(problems(&packages, "# Architecture").len(), 1);
    }
}
