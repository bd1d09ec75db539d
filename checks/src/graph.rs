//! The dependency tree as cargo resolves it, cut down to what the checks ask about.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// A package of the tree.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its licence, as an SPDX expression.
    pub licence: Option<String>,
    /// Where it comes from; nothing for a package of this repository.
    pub source: Option<String>,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
}

/// An edge of the tree.
#[derive(Clone, Copy, Debug)]
pub struct Dependency {
    /// The position of the package depended on.
    pub package: usize,
    /// Whether only tests, examples and benches need it.
    pub development: bool,
}

/// The packages of the tree, which name each other by position.
#[derive(Clone, Debug, Default)]
pub struct Graph(Vec<Package>);

impl Graph {
    /// Makes a graph of packages.
    pub fn new(packages: Vec<Package>) -> Self {
        Graph(packages)
    }

    /// Asks cargo for the tree of the workspace at `root`, exactly as its lock file says and for all platforms.
    pub fn load(root: &Path) -> Result<Graph, cargo_metadata::Error> {
        let options = ["--locked".to_owned()];
        let metadata = MetadataCommand::new()
            .manifest_path(root.join("Cargo.toml"))
            .other_options(options)
            .exec()?;
        Ok(Graph::from(&metadata))
    }

    /// Returns the packages.
    pub fn packages(&self) -> &[Package] {
        &self.0
    }

    /// Finds the position of a package of this repository.
    pub fn member(&self, name: &str) -> Option<usize> {
        self.0
            .iter()
            .position(|package| package.name == name && package.source.is_none())
    }

    /// Returns everything that ends up in a build of the package: itself and its dependencies, theirs, and so on,
    /// those of tests left out.
    pub fn closure(&self, package: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::from([package]);
        let mut open = vec![package];
        while let Some(package) = open.pop() {
            let shipped = self.0[package]
                .dependencies
                .iter()
                .filter(|dependency| !dependency.development);
            open.extend(
                shipped
                    .map(|dependency| dependency.package)
                    .filter(|&next| reached.insert(next)),
            );
        }
        reached
    }
}

impl From<&Metadata> for Graph {
    fn from(metadata: &Metadata) -> Graph {
        let positions: HashMap<_, _> = metadata
            .packages
            .iter()
            .enumerate()
            .map(|(position, package)| (&package.id, position))
            .collect();
        let mut packages: Vec<Package> = metadata
            .packages
            .iter()
            .map(|package| Package {
                name: package.name.to_string(),
                licence: package.license.clone(),
                source: package.source.as_ref().map(|source| source.repr.clone()),
                dependencies: Vec::new(),
            })
            .collect();
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            packages[positions[&node.id]].dependencies = node
                .deps
                .iter()
                .map(|edge| Dependency {
                    package: positions[&edge.pkg],
                    development: edge
                        .dep_kinds
                        .iter()
                        .all(|kind| kind.kind == DependencyKind::Development),
                })
                .collect();
        }
        Graph(packages)
    }
}
