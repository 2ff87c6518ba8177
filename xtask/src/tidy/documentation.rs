//! Every crate begins by saying why it exists, and a library what must be absent from it.

use crate::tidy::length;
use crate::tidy::problem::Problem;
use crate::tidy::workspace::Root;

const HEADING: &str = "# Invariants";

/// Looks at the doc that a crate's first file opens with.
pub(crate) fn check(root: &Root, text: &str) -> Option<Problem> {
    let doc: Vec<&str> = text
        .lines()
        .skip_while(|line| length::is_marker(line))
        .map_while(|line| line.strip_prefix("//!"))
        .map(str::trim)
        .collect();
    if doc.iter().all(|line| line.is_empty()) {
        let sentence = "it does not begin with a doc: say in `//!` lines why the crate exists";
        return Some(Problem::new(&root.path, sentence));
    }
    let Some(heading) = doc.iter().position(|line| *line == HEADING) else {
        let sentence =
            format!("its doc has no `{HEADING}`: end it with what this crate never does");
        return root.is_library.then(|| Problem::new(&root.path, sentence));
    };
    let is_empty = doc.iter().skip(heading + 1).all(|line| line.is_empty());
    is_empty.then(|| {
        Problem::new(
            &root.path,
            format!("nothing stands under `{HEADING}`: say what this crate never does"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `expected` is what the problem contains; empty where there is none.
    fn check_root(is_library: bool, text: &str, expected: &str) {
        let root = Root {
            path: "crates/core/src/lib.rs".to_owned(),
            is_library,
        };
        let problem = check(&root, text);
        assert_eq!(problem.is_some(), !expected.is_empty(), "{text}");
        assert!(
            problem.is_none_or(|it| it.to_string().contains(expected)),
            "{text}"
        );
    }

    #[test]
    fn a_library_says_why_it_is_there_and_what_it_never_does() {
        check_root(
            true,
            "//! Why.\n//!\n//! # Invariants\n//!\n//! - Never.\n\nmod a;\n",
            "",
        );
        check_root(
            true,
            "// tidy: declarative\n//! Why.\n//! # Invariants\n//! Never.\n",
            "",
        );
        check_root(true, "//! Why.\n\nmod a;\n", "has no `# Invariants`");
        check_root(
            true,
            "//! Why.\n\nmod a;\n//! # Invariants\n//! Never.\n",
            "has no `# Invariants`",
        );
        check_root(
            true,
            "//! Why.\n//!\n//! # Invariants\n//!\n",
            "nothing stands under",
        );
        check_root(true, "mod a;\n", "does not begin with a doc");
        check_root(true, "//!\n//!\n", "does not begin with a doc");
        check_root(true, "", "does not begin with a doc");
    }

    #[test]
    fn a_binary_says_why_it_is_there() {
        check_root(false, "//! Why.\n\nfn main() {}\n", "");
        check_root(false, "fn main() {}\n", "does not begin with a doc");
    }
}
