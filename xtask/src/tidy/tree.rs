//! The project's own text files, read once.

use std::fs;
use std::path::Path;

use anyhow::Context;

/// What was built, fetched or found by chance, wherever it stands. In a work tree of git `.git` is a
/// file.
const NAMES_SKIPPED: &[&str] = &[
    ".git",
    "target",
    "node_modules",
    ".venv",
    "artifacts",
    "corpus",
];

#[derive(Debug)]
pub(crate) struct Tree {
    /// By path.
    pub(crate) files: Vec<File>,
}

#[derive(Debug)]
pub(crate) struct File {
    /// Relative to the workspace's root, with `/` on every platform.
    pub(crate) path: String,
    pub(crate) text: String,
}

// === impl Tree ===

impl Tree {
    /// Reads every file below `root` that is UTF-8 text. Symbolic links are not followed: what they
    /// lead to is either in the tree already or no part of it.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries =
                fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))?;
            for entry in entries {
                let entry = entry.with_context(|| format!("listing {}", folder.display()))?;
                let path = entry.path();
                let kind = entry
                    .file_type()
                    .with_context(|| format!("looking at {}", path.display()))?;
                let skipped = NAMES_SKIPPED.iter().any(|name| entry.file_name() == *name);
                if kind.is_dir() && !skipped {
                    folders.push(path);
                } else if kind.is_file() && !skipped {
                    let bytes =
                        fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
                    let Ok(text) = String::from_utf8(bytes) else {
                        continue;
                    };
                    let path = path.strip_prefix(root).unwrap_or(&path);
                    files.push(File {
                        path: path.to_string_lossy().replace('\\', "/"),
                        text,
                    });
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// The text of one file, by its path.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        let position = self
            .files
            .binary_search_by(|file| file.path.as_str().cmp(path))
            .ok()?;
        self.files.get(position).map(|file| file.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_read_without_what_was_built_or_fetched() {
        let tree = Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
        assert!(tree.files.is_sorted_by_key(|file| &file.path));
        let own = tree.text("xtask/src/tidy/tree.rs").unwrap();
        assert!(own.starts_with("//! The project's own text files"));
        assert_eq!(tree.text("xtask/src/tidy/no_such_file.rs"), None);
        for file in &tree.files {
            let skipped = file
                .path
                .split('/')
                .find(|name| NAMES_SKIPPED.contains(name));
            assert_eq!(skipped, None, "{}", file.path);
        }
    }
}
