//! Nothing in the project may know the machine that it was written on.

use crate::tidy::problem::Problem;

/// Folders under which somebody's own files lie, without the `/` in front: written so that this
/// list does not find itself.
const FOLDERS: &[&str] = &["work/", "root/", "home/", "Users/", "tmp/wt/"];

/// Looks for absolute paths into such a folder, one problem a line.
pub(crate) fn check(place: &str, text: &str) -> Vec<Problem> {
    let lines = text.lines().enumerate();
    let found = lines.filter_map(|(index, line)| Some((index + 1, machine_path(line)?)));
    found
        .map(|(number, path)| {
            let sentence =
                format!("`{path}…` is a path of one machine: compute it, or make it relative");
            Problem::new(format!("{place}:{number}"), sentence)
        })
        .collect()
}

/// The first such path of a line: a `/` that no longer path or URL leads up to, then a folder.
fn machine_path(line: &str) -> Option<&str> {
    line.match_indices('/').find_map(|(at, _)| {
        let (before, from) = line.split_at(at);
        let is_inside_a_path =
            before.ends_with(|c: char| c.is_alphanumeric() || "._-~*}>)$".contains(c));
        let folder = FOLDERS
            .iter()
            .find(|folder| from.split_at(1).1.starts_with(**folder))?;
        (!is_inside_a_path).then(|| from.split_at(folder.len() + 1).0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_into_somebody_s_folder_is_found_wherever_it_begins() {
        for folder in FOLDERS {
            for text in [
                format!("/{folder}a"),
                format!("let a = \"/{folder}a\";"),
                format!("see (/{folder})"),
                format!("PATH=/{folder}bin:/bin"),
                format!("file:///{folder}a"),
            ] {
                let problems = check("README.md", &format!("first line\n{text}\n"));
                assert_eq!(problems.len(), 1, "{text}");
                assert_eq!(problems[0].place, "README.md:2", "{text}");
                assert!(
                    problems[0].sentence.contains(&format!("`/{folder}…`")),
                    "{}",
                    problems[0]
                );
            }
        }
    }

    #[test]
    fn other_paths_are_left_alone() {
        for text in [
            "POST /v1/users/me/sessions",
            "https://example.org/home/page",
            "crates/work/src",
            "$HOME/work/a",
            "${root}/work/a",
            "../work/a",
            "~/work/a",
            "/homely/a",
            "/var/lib/countersign",
            "it works/does not",
        ] {
            assert_eq!(check("README.md", text), [], "{text}");
        }
    }
}
