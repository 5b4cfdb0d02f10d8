//! The plugins that the tests run, built when they are missing or older than their sources.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use syncline_plugins::{Approval, Limits, PluginConnector, Plugins};

/// Folders whose sources are in a plugin.
const SOURCES: [&str; 5] = [
    "crates/core/src",
    "crates/connectors",
    "crates/plugin-sdk",
    "crates/plugins/guests",
    "crates/plugins/wit",
];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A machine for plugins that keeps what it compiled, since each test is a process of its own.
pub(crate) fn plugins(limits: Limits) -> Plugins {
    Plugins::new(limits)
        .unwrap()
        .keep_compiled_in(&root().join("target/plugins/compiled"))
}

/// A plugin's file; `None`, with a line that says so, where nothing can build one.
pub(crate) fn file(name: &str) -> Option<Vec<u8>> {
    let path = root().join("target/plugins").join(format!("{name}.wasm"));
    if !is_fresh(&path) {
        build()?;
    }
    Some(std::fs::read(&path).unwrap_or_else(|error| panic!("{} is not there: {error}", path.display())))
}

/// A plugin as a connector, with all approved that it asks for.
#[allow(dead_code, reason = "some tests look at the file alone")]
pub(crate) fn connector(plugins: &Plugins, name: &str) -> Option<PluginConnector> {
    let file = file(name)?;
    let asks = {
        // Tests that start together would all compile it; so the first one does, and the others find it done.
        let lock = std::fs::File::create(root().join("target/plugins/lock")).unwrap();
        lock.lock().unwrap();
        plugins.inspect(&file).unwrap()
    };
    Some(plugins.connector(&file, &Approval::of_all(&asks)).unwrap())
}

fn is_fresh(path: &Path) -> bool {
    let built = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    let stamp = std::fs::metadata(root().join("target/plugins/stamp")).and_then(|metadata| metadata.modified());
    let (Ok(_), Ok(stamp)) = (built, stamp) else {
        return false;
    };
    SOURCES.iter().all(|folder| newest(&root().join(folder)) <= stamp)
}

fn newest(folder: &Path) -> SystemTime {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                newest(&entry.path())
            } else {
                entry.metadata().unwrap().modified().unwrap()
            }
        })
        .max()
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Builds all plugins; tests that come meanwhile wait, and find that it is done.
fn build() -> Option<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["xtask", "plugins"])
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    assert!(
        built.status.success(),
        "the plugins could not be built:\n{}{}",
        String::from_utf8_lossy(&built.stdout),
        String::from_utf8_lossy(&built.stderr)
    );
    let said = String::from_utf8_lossy(&built.stdout);
    if said.contains("skipped: ") {
        println!("{said}");
        return None;
    }
    Some(())
}
