//! Each test that docs/security.md names is there.
//!
//! The page claims that a threat is met and names what proves it; a test that was renamed or taken
//! away would leave the claim standing alone.

use crate::tidy::problem::Problem;

/// Where the claims are kept.
pub(crate) const PLACE: &str = "docs/security.md";

/// Looks for every test that `page` names, in the text of its file. A test is named as code,
/// `crates/…/file.rs#name` or `e2e/file.test.mjs#how its title begins`.
pub(crate) fn check<'a>(page: &str, text_of: impl Fn(&str) -> Option<&'a str>) -> Vec<Problem> {
    if page.is_empty() {
        let sentence =
            "it is missing: say which threats are met, by what, and which tests prove it";
        return vec![Problem::new(PLACE, sentence)];
    }
    let lines = page.lines().enumerate();
    let named = lines.flat_map(|(index, line)| named(line).map(move |test| (index + 1, test)));
    let unproven = named.filter_map(|(number, (file, test))| {
        let sentence = match text_of(file) {
            None => format!("`{file}` is no file of the project: correct the path"),
            Some(text) if has_test(text, test) => return None,
            Some(_) => format!("`{file}` has no test `{test}`: name the one that proves it now"),
        };
        Some(Problem::new(format!("{PLACE}:{number}"), sentence))
    });
    unproven.collect()
}

/// The tests that stand in a line, as file and name.
fn named(line: &str) -> impl Iterator<Item = (&str, &str)> {
    // Every second part of a line is code.
    let code = line.split('`').skip(1).step_by(2);
    code.filter_map(|code| {
        let (file, test) = code.split_once('#')?;
        let is_test = file.ends_with(".rs") || file.ends_with(".test.mjs");
        is_test.then_some((file, test))
    })
}

fn has_test(text: &str, test: &str) -> bool {
    let in_rust = [format!("fn {test}("), format!("fn {test}<")];
    // The title may stand in any of the three quotes, and the page cannot have a backtick in code.
    let in_javascript = ["'", "\"", "`"].map(|quote| format!("test({quote}{test}"));
    in_rust
        .iter()
        .chain(&in_javascript)
        .any(|it| text.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, &str); 2] = [
        (
            "crates/a/tests/b.rs",
            "#[test]\nfn it_holds() {}\nfn all<T>(it: T) {}\n",
        ),
        (
            "e2e/c.test.mjs",
            "test('a key, and more', () => {});\n  test(`${name}: too`, () => {});\n",
        ),
    ];

    fn check_line(line: &str, expected: &str) {
        let text_of = |path: &str| {
            let found = FILES.iter().find(|(place, _)| *place == path);
            found.map(|(_, text)| *text)
        };
        let problems = check(&format!("# Security\n{line}\n"), text_of);
        assert_eq!(problems.is_empty(), expected.is_empty(), "{problems:?}");
        for problem in problems {
            assert_eq!(problem.place, "docs/security.md:2");
            assert!(problem.sentence.contains(expected), "{problem}");
        }
    }

    #[test]
    fn a_named_test_is_there() {
        check_line("| x | `crates/a/tests/b.rs#it_holds` |", "");
        check_line("`crates/a/tests/b.rs#all`", "");
        check_line(
            "`e2e/c.test.mjs#a key` and `e2e/c.test.mjs#${name}: too`",
            "",
        );
        check_line("`crates/a/tests/b.rs` alone, `a#b` and `GET /x#y`", "");
        check_line("`crates/a/tests/b.rs#it_hold`", "has no test `it_hold`");
        check_line("`crates/a/tests/b.rs#holds`", "has no test `holds`");
        check_line("`e2e/c.test.mjs#key`", "has no test `key`");
        check_line("`crates/a/tests/d.rs#it_holds`", "is no file");
    }

    #[test]
    fn the_page_is_there() {
        assert_eq!(check("", |_| None).len(), 1);
    }
}
