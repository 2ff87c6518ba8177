//! Each foreign thing is known by one crate.
//!
//! The framework, the database, the wire of another product: what one crate alone knows can be
//! replaced in one crate. `deny.toml` says the same of the whole graph for the release check; this
//! is what `make test` can see without a further tool.

use crate::tidy::problem::Problem;
use crate::tidy::workspace::{Crate, Dependency, Origin, Usage};

/// A foreign crate and the crates of ours that may depend on it.
struct Home {
    foreign: &'static str,
    crates: &'static [&'static str],
    /// Whether the tests of any crate may use it too.
    tests_anywhere: bool,
}

/// A crate of ours and a foreign crate that it must do without, in its tests excepted.
struct Absence {
    name: &'static str,
    foreign: &'static str,
    reason: &'static str,
}

const HOMES: &[Home] = &[
    home("axum", &["server"]),
    home("socketioxide", &["server"]),
    home("tower-http", &["server"]),
    // HTTP itself: who answers it, and the bench, whose driver must cost less than what it measures.
    home("hyper", &["server", "cli"]),
    home("hyper-util", &["server", "cli"]),
    home("rustls", &["server", "cli"]),
    home("tokio-rustls", &["server", "cli"]),
    home("utoipa-axum", &["server"]),
    home("askama", &["server"]),
    home("rust-embed", &["server"]),
    home("rusqlite", &["store"]),
    home("tokio-postgres", &["store"]),
    home("deadpool-postgres", &["store"]),
    home("async-nats", &["fanout"]),
    home("argon2", &["cli"]),
    home("clap", &["cli"]),
    home("clap_complete", &["cli"]),
    home("toml", &["cli"]),
    home("tracing-subscriber", &["cli"]),
    home("cargo_metadata", &["xtask"]),
    Home {
        foreign: "rcgen",
        crates: &["cli"],
        tests_anywhere: true,
    },
    Home {
        foreign: "anyhow",
        crates: &["cli", "xtask", "bench", "e2e"],
        tests_anywhere: true,
    },
    Home {
        foreign: "reqwest",
        crates: &["client", "cli", "bench", "e2e"],
        tests_anywhere: true,
    },
    Home {
        foreign: "tokio-tungstenite",
        crates: &["client", "cli", "bench", "e2e"],
        tests_anywhere: true,
    },
];

const ABSENCES: &[Absence] = &[
    absence("credential", "serde", NOT_SERIALISABLE),
    absence(
        "credential",
        "serde_json",
        "its own reader refuses duplicate members, which serde_json takes",
    ),
    absence(
        "credential",
        "tokio",
        "verifying is pure: no IO, no clock, no task",
    ),
    absence("credential", "rand", "randomness is passed in"),
    absence("core", "serde", NOT_SERIALISABLE),
    absence("core", "serde_json", NOT_SERIALISABLE),
    absence("core", "rand", "randomness comes in through Ctx"),
    absence(
        "wire",
        "tokio",
        "the wire's types are data: whoever sends them does the IO",
    ),
];

const NOT_SERIALISABLE: &str =
    "no type in it is serialisable: each wire has its own types, next to the conversion";

/// Applies both tables to what each crate declares.
pub(crate) fn check(crates: &[Crate]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for package in crates {
        for dependency in package
            .dependencies
            .iter()
            .filter(|it| it.origin == Origin::Foreign)
        {
            problems.extend(outside_its_home(package, dependency));
            problems.extend(present_where_absent(package, dependency));
        }
    }
    problems
}

fn outside_its_home(package: &Crate, dependency: &Dependency) -> Option<Problem> {
    let home = HOMES.iter().find(|home| home.foreign == dependency.name)?;
    let allowed = home.crates.contains(&package.name.as_str())
        || (home.tests_anywhere && dependency.usage == Usage::Tests);
    (!allowed).then(|| {
        let sentence = format!(
            "only {} may know `{}`: give that crate what `{}` needs, or move the code there",
            home.crates.join(", "),
            home.foreign,
            package.name
        );
        Problem::new(&package.manifest, sentence)
    })
}

fn present_where_absent(package: &Crate, dependency: &Dependency) -> Option<Problem> {
    let absence = ABSENCES.iter().find(|absence| {
        absence.name == package.name
            && absence.foreign == dependency.name
            && dependency.usage == Usage::Program
    })?;
    let sentence = format!(
        "`{}` does without `{}`: {}",
        absence.name, absence.foreign, absence.reason
    );
    Some(Problem::new(&package.manifest, sentence))
}

const fn home(foreign: &'static str, crates: &'static [&'static str]) -> Home {
    Home {
        foreign,
        crates,
        tests_anywhere: false,
    }
}

const fn absence(name: &'static str, foreign: &'static str, reason: &'static str) -> Absence {
    Absence {
        name,
        foreign,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `expected` is what the one problem contains; empty where there is none.
    fn check_one(package: &str, foreign: &str, usage: Usage, expected: &str) {
        let package = Crate::with_dependencies(package, &[(foreign, Origin::Foreign, usage)]);
        let problems: Vec<String> = check(&[package]).iter().map(ToString::to_string).collect();
        assert_eq!(
            problems.len(),
            usize::from(!expected.is_empty()),
            "{foreign}: {problems:?}"
        );
        assert!(
            problems.iter().all(|problem| problem.contains(expected)),
            "{foreign}: {problems:?}"
        );
    }

    #[test]
    fn a_foreign_thing_is_known_at_home_only() {
        check_one("server", "axum", Usage::Program, "");
        check_one(
            "core",
            "axum",
            Usage::Program,
            "crates/core/Cargo.toml: only server may know `axum`",
        );
        check_one("core", "axum", Usage::Tests, "only server may know `axum`");
        check_one(
            "server",
            "rusqlite",
            Usage::Tests,
            "only store may know `rusqlite`",
        );
        check_one("server", "clap", Usage::Program, "only cli may know `clap`");
        check_one("store", "rusqlite", Usage::Program, "");
    }

    #[test]
    fn tests_may_use_what_the_table_says_they_may() {
        check_one("store", "anyhow", Usage::Tests, "");
        check_one(
            "store",
            "anyhow",
            Usage::Program,
            "only cli, xtask, bench, e2e may know `anyhow`",
        );
        check_one("cli", "anyhow", Usage::Program, "");
    }

    #[test]
    fn what_must_be_absent_is_absent_from_the_program() {
        check_one(
            "core",
            "serde",
            Usage::Program,
            "`core` does without `serde`: no type",
        );
        check_one(
            "core",
            "serde_json",
            Usage::Program,
            "`core` does without `serde_json`",
        );
        check_one(
            "credential",
            "tokio",
            Usage::Program,
            "`credential` does without `tokio`",
        );
        check_one("credential", "serde_json", Usage::Tests, "");
        check_one("wire", "serde", Usage::Program, "");
    }

    #[test]
    fn a_crate_of_ours_is_not_foreign() {
        let package =
            Crate::with_dependencies("core", &[("axum", Origin::Workspace, Usage::Program)]);
        assert_eq!(check(&[package]), []);
    }
}
