//! The packages of this workspace, as cargo sees them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::command::{capture, cargo};
use crate::outcome::Failure;

/// Every package of the workspace, by name.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The packages, sorted by name.
    pub(crate) packages: Vec<Package>,
}

/// One package of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its folder, relative to the workspace root, with forward slashes.
    pub(crate) folder: String,
    /// What its manifest asks for.
    pub(crate) dependencies: Vec<Dependency>,
    /// Its features and what each turns on.
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

/// One line of a manifest's dependency tables.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Dependency {
    /// The package asked for.
    pub(crate) name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    /// Whether its default features are on.
    pub(crate) uses_default_features: bool,
    /// The features asked for by name.
    pub(crate) features: Vec<String>,
}

impl Dependency {
    /// Whether only tests, examples and benches see it.
    pub(crate) fn is_for_tests(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Self, Failure> {
        let text = capture(&mut cargo(["metadata", "--format-version", "1", "--no-deps"]))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let metadata: Metadata = serde_json::from_str(text)
            .map_err(|error| Failure::new(format!("what `cargo metadata` printed was not understood: {error}")))?;
        let mut packages = Vec::with_capacity(metadata.packages.len());
        for package in metadata.packages {
            packages.push(Package {
                folder: folder(&metadata.workspace_root, &package.manifest_path)?,
                name: package.name,
                dependencies: package.dependencies,
                features: package.features,
            });
        }
        packages.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(Self { packages })
    }

    /// The connector crates that do no I/O: all but the one that reaches the host's own database.
    pub(crate) fn connectors(&self) -> impl Iterator<Item = &Package> {
        const REACHES_ITS_DATABASE: &str = "crates/connectors/table";
        self.packages.iter().filter(|package| {
            package.folder.starts_with("crates/connectors/") && package.folder != REACHES_ITS_DATABASE
        })
    }
}

fn folder(root: &Path, manifest: &Path) -> Result<String, Failure> {
    let relative = manifest
        .parent()
        .and_then(|folder| folder.strip_prefix(root).ok())
        .ok_or_else(|| {
            Failure::new(format!(
                "{} is a workspace member outside the workspace root",
                manifest.display()
            ))
        })?;
    let parts: Vec<_> = relative
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    Ok(parts.join("/"))
}

#[derive(Debug, Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    packages: Vec<MetadataPackage>,
}

#[derive(Debug, Deserialize)]
struct MetadataPackage {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
    features: BTreeMap<String, Vec<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read_with_folders_relative_to_the_root() {
        let workspace = Workspace::parse(
            r#"{"workspace_root": "/somewhere", "packages": [{
                "name": "syncline-connector-one", "manifest_path": "/somewhere/crates/connectors/one/Cargo.toml",
                "features": {}, "dependencies": [{
                    "name": "syncline-core", "kind": "dev", "uses_default_features": false, "features": ["model"]}]}]}"#,
        )
        .expect("valid metadata");
        let connector = workspace.connectors().next().expect("one connector");
        assert_eq!(connector.folder, "crates/connectors/one");
        assert!(connector.dependencies[0].is_for_tests());
    }
}
