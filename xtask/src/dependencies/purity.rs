//! What the pure crates may not pull in from outside, at any depth.

use crate::command::{capture, cargo};
use crate::outcome::Failure;
use crate::workspace::{Package, Workspace};

/// I/O, runtimes and databases: time, network and state reach a pure crate through ports.
const IMPURE: &[&str] = &[
    "async-std",
    "hyper",
    "libsqlite3-sys",
    "mio",
    "reqwest",
    "rusqlite",
    "socket2",
    "sqlx",
    "tokio",
    "ureq",
];

/// The engine runs on any store, so it knows none.
const DATABASES: &[&str] = &["libsqlite3-sys", "rusqlite", "sqlx", "sqlx-core", "tokio-postgres"];

/// Every forbidden crate in reach of the core, a connector or the engine, with the way to it.
pub(super) fn violations(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let core = workspace
        .packages
        .iter()
        .filter(|package| package.folder == "crates/core");
    let pure: Vec<&Package> = core.chain(workspace.connectors()).collect();
    let engine: Vec<&Package> = workspace
        .packages
        .iter()
        .filter(|package| package.folder == "crates/engine")
        .collect();
    let mut findings = forbidden(&tree(&pure)?, IMPURE);
    findings.extend(forbidden(&tree(&engine)?, DATABASES));
    Ok(findings)
}

fn tree(packages: &[&Package]) -> Result<String, Failure> {
    if packages.is_empty() {
        return Ok(String::new());
    }
    let mut command = cargo([
        "tree",
        "--quiet",
        "--edges",
        "normal,build",
        "--all-features",
        "--target",
        "all",
    ]);
    command.args(["--prefix", "depth", "--format", " {p}"]);
    for package in packages {
        command.args(["--package", &package.name]);
    }
    capture(&mut command)
}

/// Reads lines of `depth name version`. A subtree that cargo shows once and then leaves out has been seen by then.
fn forbidden(tree: &str, names: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut path: Vec<&str> = Vec::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        let (Some(depth), Some(name)) = (words.next(), words.next()) else {
            continue;
        };
        let Ok(depth) = depth.parse::<usize>() else { continue };
        path.truncate(depth);
        path.push(name);
        // What a forbidden crate pulls in itself is no news.
        let reached_before = path[..path.len() - 1].iter().any(|name| names.contains(name));
        if names.contains(&name) && !reached_before {
            findings.push(path.join(" -> "));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0 syncline-core v0.1.0 (/somewhere)\n1 serde v1.0.0\n1 helper v0.3.0\n2 tokio v1.0.0\n3 mio v1.0.0\n\n\
                        0 syncline-connector-one v0.1.0\n1 syncline-core v0.1.0 (*)\n1 reqwest v0.13.0\n";

    #[test]
    fn a_forbidden_crate_is_found_at_any_depth_with_the_way_to_it() {
        assert_eq!(
            forbidden(TREE, IMPURE),
            ["syncline-core -> helper -> tokio", "syncline-connector-one -> reqwest"]
        );
    }

    #[test]
    fn a_tree_without_forbidden_crates_has_no_finding() {
        assert!(forbidden("0 syncline-core v0.1.0\n1 tokio-like v1.0.0\n", IMPURE).is_empty());
    }
}
