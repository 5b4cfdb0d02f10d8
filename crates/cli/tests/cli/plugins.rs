//! Plugins: seen, approved, used, changed and removed.

use std::path::{Path, PathBuf};

use crate::folder::Folder;
use crate::simulator::{Simulator, connect};

/// A plugin of this workspace, built if it is not there; `None`, with a line that says so, where nothing can build one.
fn plugin(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("target/plugins").join(format!("{name}.wasm"));
    if !path.exists() {
        let built = std::process::Command::new(env!("CARGO"))
            .args(["xtask", "plugins"])
            .current_dir(&root)
            .status()
            .unwrap();
        assert!(built.success(), "the plugins could not be built");
    }
    if path.exists() {
        return Some(path);
    }
    println!("skipped: nothing here can build a plugin");
    None
}

#[test]
fn a_plugin_is_used_once_somebody_agreed_and_only_as_it_was() {
    let Some(file) = plugin("hostile") else { return };
    let file = file.to_str().unwrap();
    let folder = Folder::initialised();
    assert!(
        folder
            .run(&["plugin", "list"], 0)
            .out
            .contains("no plugins are used here")
    );

    let shown = folder.run(&["plugin", "inspect", file], 0).out;
    for part in [
        "Hostile",
        "`hostile`",
        "login.hostile.example, api.hostile.example",
        "1.0.0",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    let refused = folder.run(&["plugin", "add", file], 4);
    assert!(
        refused.err.contains("nobody agreed") && refused.err.contains("--approve"),
        "{}",
        refused.err
    );
    assert_eq!(folder.json(&["plugin", "list"]).as_array().unwrap().len(), 0);
    let refused = folder.run(
        &[
            "plugin",
            "add",
            file,
            "--approve",
            "--without-host",
            "api.hostile.example",
        ],
        4,
    );
    assert!(refused.err.contains("authorisation"), "{}", refused.err);

    folder.run(&["plugin", "add", file, "--approve"], 0);
    let list = folder.json(&["plugin", "list"]);
    assert_eq!(list[0]["provider"], "hostile");
    assert_eq!(list[0]["approval"]["hash"].as_str().unwrap().len(), 64);
    folder.run(&["plugin", "check"], 0);
    // It is a provider like any other.
    folder.run(&["status"], 0);

    // Another file in its place is not run, and what does not need it goes on.
    let shelved = folder.path().join("plugins/hostile.wasm");
    let mut bytes = std::fs::read(&shelved).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&shelved, bytes).unwrap();
    let refused = folder.run(&["plugin", "check"], 4);
    assert!(refused.err.contains("changed since it was approved"), "{}", refused.err);
    let ended = folder.run(&["status"], 0);
    assert!(
        ended.err.contains("the plugin for `hostile` is left out"),
        "{}",
        ended.err
    );

    folder.run(&["plugin", "remove", "hostile"], 0);
    folder.run(&["plugin", "remove", "hostile"], 3);
    assert!(!shelved.exists());
}

#[test]
fn only_signed_plugins_are_used_where_that_is_asked_for() {
    let Some(file) = plugin("hostile") else { return };
    let folder = Folder::initialised();
    folder.configure(
        "[plugins]\nsigned_only = true\n[plugins.trusted_keys]\nacme = \"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n",
    );
    let refused = folder.run(&["plugin", "add", file.to_str().unwrap(), "--approve"], 4);
    assert!(refused.err.contains("signed_only"), "{}", refused.err);
    let signature = folder.path().join("forged.sig");
    std::fs::write(&signature, "AAAA").unwrap();
    let refused = folder.run(
        &[
            "plugin",
            "add",
            file.to_str().unwrap(),
            "--approve",
            "--signature",
            signature.to_str().unwrap(),
        ],
        4,
    );
    assert!(
        refused.err.contains("signed by nobody whom you trust"),
        "{}",
        refused.err
    );
}

#[test]
fn a_connection_is_served_by_a_plugin_as_by_a_native_connector() {
    let Some(file) = plugin("hubspot") else { return };
    let file = file.to_str().unwrap();
    let simulator = Simulator::serve("hubspot");
    let mut folder = Folder::initialised();
    let refused = folder.run(&["plugin", "add", file, "--approve"], 4);
    assert!(refused.err.contains("a connector of its own"), "{}", refused.err);
    folder.run(&["plugin", "add", file, "--approve", "--replace"], 0);

    folder.add_connection("hub", "hubspot", &simulator);
    let ended = connect(&folder, "hub", &simulator);
    assert_eq!(ended.code, 0, "{ended:#?}");
    folder.run(&["map", "auto", "hub", "contacts", "--write"], 0);
    folder.run(&["sync"], 0);
    let people = folder.json(&["entities", "list", "person", "--limit", "200"]);
    let list = people.as_array().or_else(|| people["entities"].as_array()).unwrap();
    assert_eq!(list.len(), 20, "{people}");
}

#[test]
fn the_demo_agrees_with_both_connectors_as_plugins() {
    let (Some(salesforce), Some(_)) = (plugin("salesforce"), plugin("hubspot")) else {
        return;
    };
    let plugins = salesforce.parent().unwrap().to_str().unwrap();
    let folder = Folder::new();
    let ended = folder.run(
        &["demo", "--plugins", plugins, "--records", "20", "--output", "json"],
        0,
    );
    let report: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((&report["passed"], &report["plugins"]), (&true.into(), &true.into()));
    assert_eq!(report["comparison"]["disagreements"], 0);

    // Without the plugins it says how to get them.
    let ended = folder.run(&["demo", "--plugins", "--records", "20"], 3);
    assert!(ended.err.contains("cargo xtask plugins"), "{}", ended.err);
}

#[test]
fn a_new_project_builds_and_is_left_alone_by_a_second_one() {
    let folder = Folder::new();
    let made = folder.json(&["plugin", "new", "data-hub"]);
    assert_eq!(made["provider"], "data-hub");
    let project = folder.path().join("data-hub");
    let read = |path: &str| std::fs::read_to_string(project.join(path)).unwrap();
    assert!(read("src/lib.rs").contains("plugin!(syncline_core::simple::Simple::new(DataHub))"));
    assert!(read("tests/suite/main.rs").contains("use data_hub_plugin::DataHub;"));
    for file in made["files"].as_array().unwrap() {
        let text = read(file.as_str().unwrap());
        for left in ["rolodex", "Rolodex", "SOURCES", "LIBRARY", "syncline_example"] {
            assert!(!text.contains(left), "{file} has {left} in it");
        }
    }

    // The tests of the project are those of an example, which is built and run beside these.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::copy(root.join("Cargo.lock"), project.join("Cargo.lock")).unwrap();
    let built = std::process::Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--lib", "--offline"])
        .current_dir(&project)
        // Where most of what it depends on has been checked already, with these settings.
        .env("CARGO_TARGET_DIR", root.join("target"))
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    let refused = folder.run(&["plugin", "new", "data-hub"], 4);
    assert!(refused.err.contains("was left as it is"), "{}", refused.err);
    let refused = folder.run(&["plugin", "new", "Data Hub"], 2);
    assert!(refused.err.contains("small letters"), "{}", refused.err);
}
