//! Every crate takes the workspace's lints. Without that line cargo says nothing, and neither does
//! clippy.

use crate::tidy::problem::Problem;

/// Looks for `workspace = true` in the `[lints]` table of one Cargo.toml.
pub(crate) fn check(place: &str, text: &str) -> Option<Problem> {
    let takes_lints = text
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .any(|line| line == "workspace = true");
    (!takes_lints).then(|| {
        Problem::new(
            place,
            "it does not take the workspace's lints: add `[lints]` with `workspace = true`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lints_table_counts() {
        for (text, is_tidy) in [
            (
                "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n",
                true,
            ),
            (
                "[lints]\n# Why.\nworkspace = true\n\n[dependencies]\n",
                true,
            ),
            ("[package]\nname = \"a\"\n", false),
            ("[lints]\nworkspace = false\n", false),
            ("[lints]\n\n[dependencies.a]\nworkspace = true\n", false),
            ("[dependencies.a]\nworkspace = true\n\n[lints]\n", false),
        ] {
            assert_eq!(check("Cargo.toml", text).is_none(), is_tidy, "{text}");
        }
    }
}
