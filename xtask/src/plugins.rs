//! `cargo xtask plugins`: the connectors as plugins, from the very crates of the native build.

use std::fs;
use std::path::PathBuf;

use crate::command::{cargo, root, run};
use crate::outcome::{Failure, Outcome};
use crate::wasm::{self, TARGET, Toolchain};
use crate::workspace::{Package, Workspace};

/// Where the crates are that make a plugin of something.
const GUESTS: &str = "crates/plugins/guests/";

/// Where the plugins are put.
pub(crate) fn folder() -> PathBuf {
    root().join("target/plugins")
}

/// Builds every guest, and makes components of them.
pub(crate) fn build(arguments: &wasm::Arguments) -> Result<Outcome, Failure> {
    wasm::with_toolchain(arguments, build_with)
}

fn build_with(toolchain: &Toolchain) -> Result<Outcome, Failure> {
    let workspace = Workspace::load()?;
    let guests: Vec<&Package> = workspace
        .packages
        .iter()
        .filter(|package| package.folder.starts_with(GUESTS))
        .collect();
    let names: Vec<&str> = guests.iter().map(|package| package.name.as_str()).collect();
    run(wasm::cargo_build(toolchain, &names).args(["--profile", "plugin"]))?;
    let folder = folder();
    fs::create_dir_all(&folder)
        .map_err(|error| Failure::new(format!("{} can't be made: {error}", folder.display())))?;
    let mut component = cargo(["run", "--quiet", "--package", "component", "--"]);
    for guest in &guests {
        let module = root()
            .join("target/wasm")
            .join(TARGET)
            .join("plugin")
            .join(format!("{}.wasm", guest.name.replace('-', "_")));
        component.arg(module).arg(folder.join(file_name(guest)));
    }
    run(&mut component)?;
    // When they were last built, whether or not a file changed by it: the tests ask.
    fs::write(folder.join("stamp"), "")
        .map_err(|error| Failure::new(format!("{} can't be written: {error}", folder.display())))?;
    for guest in &guests {
        let path = folder.join(file_name(guest));
        let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        println!("{} ({} KiB)", path.display(), bytes >> 10);
    }
    Ok(Outcome::Passed)
}

fn file_name(guest: &Package) -> String {
    format!("{}.wasm", guest.folder.trim_start_matches(GUESTS))
}
