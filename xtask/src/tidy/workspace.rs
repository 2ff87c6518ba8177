//! The workspace as the rules see it: crates, what each depends on, and where each begins.
//!
//! A model of our own in place of `cargo_metadata`'s types, since those cannot be written out in a
//! test. What is declared counts, not what is resolved: a dependency that is optional, or meant for
//! another platform, is held to the same rules.

use std::path::PathBuf;

use anyhow::Context;
use cargo_metadata::camino::Utf8Path;
use cargo_metadata::{DependencyKind, MetadataCommand, Package, TargetKind};

/// What the packages of this workspace have in front of the name that we call them by.
const PACKAGE_PREFIX: &str = "countersign-";

#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// By name.
    pub(crate) crates: Vec<Crate>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crate {
    /// The package's name without our prefix: `credential`, `xtask`.
    pub(crate) name: String,
    /// Path of its Cargo.toml, relative to the workspace's root.
    pub(crate) manifest: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) roots: Vec<Root>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// For a crate of this workspace without our prefix, like [`Crate::name`].
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) usage: Usage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Another crate of this workspace.
    Workspace,
    /// A crate that somebody else keeps.
    Foreign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    /// The crate itself or its build script needs it.
    Program,
    /// Only its tests, examples and benchmarks do.
    Tests,
}

/// The file that a library or a binary begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root {
    /// Relative to the workspace's root.
    pub(crate) path: String,
    pub(crate) is_library: bool,
}

// === impl Workspace ===

impl Workspace {
    /// Asks cargo about the workspace that the current folder belongs to. Needs no network.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let metadata = MetadataCommand::new()
            .no_deps()
            .other_options(["--locked".to_owned()])
            .exec()
            .context("asking cargo to describe the workspace")?;
        let root = &metadata.workspace_root;
        let mut crates: Vec<Crate> = metadata
            .workspace_packages()
            .into_iter()
            .map(|package| Crate::from_package(package, root))
            .collect();
        crates.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            root: root.clone().into_std_path_buf(),
            crates,
        })
    }
}

// === impl Crate ===

impl Crate {
    fn from_package(package: &Package, root: &Utf8Path) -> Self {
        let dependencies = package.dependencies.iter().map(|dependency| Dependency {
            name: short_name(&dependency.name),
            origin: if dependency.path.is_some() {
                Origin::Workspace
            } else {
                Origin::Foreign
            },
            usage: if dependency.kind == DependencyKind::Development {
                Usage::Tests
            } else {
                Usage::Program
            },
        });
        let roots = package.targets.iter().filter_map(|target| {
            let is_library = [TargetKind::Lib, TargetKind::ProcMacro, TargetKind::CDyLib]
                .iter()
                .any(|kind| target.kind.contains(kind));
            let is_binary = target.kind.contains(&TargetKind::Bin);
            (is_library || is_binary).then(|| Root {
                path: relative(&target.src_path, root),
                is_library,
            })
        });
        Self {
            name: short_name(&package.name),
            manifest: relative(&package.manifest_path, root),
            dependencies: dependencies.collect(),
            roots: roots.collect(),
        }
    }
}

fn short_name(package: &str) -> String {
    package
        .strip_prefix(PACKAGE_PREFIX)
        .unwrap_or(package)
        .to_owned()
}

fn relative(path: &Utf8Path, root: &Utf8Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .as_str()
        .replace('\\', "/")
}

#[cfg(test)]
impl Crate {
    /// A crate that has `dependencies` and nothing else, for the tests of rules.
    pub(crate) fn with_dependencies(name: &str, dependencies: &[(&str, Origin, Usage)]) -> Self {
        let dependencies = dependencies
            .iter()
            .map(|&(name, origin, usage)| Dependency {
                name: name.to_owned(),
                origin,
                usage,
            });
        Self {
            name: name.to_owned(),
            manifest: format!("crates/{name}/Cargo.toml"),
            dependencies: dependencies.collect(),
            roots: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_prefix_is_left_out_of_names_and_only_ours() {
        for (package, expected) in [
            ("countersign-credential", "credential"),
            ("xtask", "xtask"),
            ("not-countersign-at-all", "not-countersign-at-all"),
        ] {
            assert_eq!(short_name(package), expected, "{package}");
        }
    }

    #[test]
    fn this_workspace_is_read_with_its_edges_and_roots() {
        let workspace = Workspace::read().unwrap();
        let xtask = workspace
            .crates
            .iter()
            .find(|package| package.name == "xtask")
            .unwrap();
        assert_eq!(xtask.manifest, "xtask/Cargo.toml");
        let root = Root {
            path: "xtask/src/main.rs".to_owned(),
            is_library: false,
        };
        assert_eq!(xtask.roots, [root]);
        assert!(xtask.dependencies.contains(&Dependency {
            name: "cargo_metadata".to_owned(),
            origin: Origin::Foreign,
            usage: Usage::Program,
        }));
        let cli = workspace
            .crates
            .iter()
            .find(|package| package.name == "cli")
            .unwrap();
        assert!(cli.dependencies.contains(&Dependency {
            name: "credential".to_owned(),
            origin: Origin::Workspace,
            usage: Usage::Program,
        }));
    }
}
