//! Installing a client from its pinned version into a folder of its own.

use std::path::Path;

use crate::clients::{Client, Runtime};
use crate::command::{program_at, run};
use crate::outcome::Failure;

/// Installs a client, unless exactly this version is installed already.
///
/// # Errors
/// When its package manager is missing, or can't get it.
pub(crate) fn install(client: Client, source: &Path, installed: &Path) -> Result<(), Failure> {
    let pin = match client.runtime() {
        Runtime::Python => source.join("requirements.txt"),
        Runtime::Node => source.join("package.json"),
    };
    let broken = |path: &Path, error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    let wanted = std::fs::read_to_string(&pin).map_err(|error| broken(&pin, error))?;
    let mark = installed.join("installed");
    std::fs::create_dir_all(installed).map_err(|error| broken(installed, error))?;
    if client.runtime() == Runtime::Node {
        // Node resolves a package from where the script lies.
        for file in ["package.json", "steps.mjs"] {
            std::fs::copy(source.join(file), installed.join(file)).map_err(|error| broken(installed, error))?;
        }
    }
    if std::fs::read_to_string(&mark).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    match client.runtime() {
        Runtime::Python => {
            let folder = installed.as_os_str();
            run(&mut program_at("python3", ["-m".as_ref(), "venv".as_ref(), folder]))?;
            let arguments = ["-m", "pip", "install", "--quiet", "--requirement"].map(std::ffi::OsStr::new);
            let mut command = program_at(installed.join("bin/python"), arguments);
            run(command.arg(&pin))?;
        }
        Runtime::Node => {
            let arguments = ["install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"];
            run(program_at("npm", arguments).current_dir(installed))?;
        }
    }
    std::fs::write(&mark, wanted).map_err(|error| broken(&mark, error))
}
