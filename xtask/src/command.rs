//! Running other programs from the workspace root.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::outcome::Failure;

/// The workspace root.
pub(crate) fn root() -> PathBuf {
    // `cargo run` says where the manifest is now; the compiled-in path is only right until the checkout moves.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut root = PathBuf::from(manifest);
    root.pop();
    root
}

/// Whether this runs in continuous integration, where a check that can't be done is a failure.
pub(crate) fn in_continuous_integration() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// The cargo that started this program, with these arguments.
pub(crate) fn cargo<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = program_at(&program, arguments);
    // What `cargo run` tells about xtask itself would make build scripts that watch these names run again.
    for (name, _) in std::env::vars_os() {
        let own = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
        if name
            .to_str()
            .is_some_and(|name| own.iter().any(|prefix| name.starts_with(prefix)))
        {
            command.env_remove(name);
        }
    }
    command
}

/// A program with these arguments, started in the workspace root.
pub(crate) fn program_at<I: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = I>,
) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// Runs a command in the open: prints it, lets it print, waits.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let shown = describe(command);
    println!("$ {shown}");
    let status = command
        .status()
        .map_err(|error| Failure::new(format!("`{shown}` could not be started: {error}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("`{shown}` ended with {status}")))
    }
}

/// Runs a command and returns what it prints; what it complains about is shown.
pub(crate) fn capture(command: &mut Command) -> Result<String, Failure> {
    let shown = describe(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::new(format!("`{shown}` could not be started: {error}")))?;
    if !output.status.success() {
        return Err(Failure::new(format!("`{shown}` ended with {}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(|error| Failure::new(format!("`{shown}` did not print UTF-8: {error}")))
}

/// Whether a command can be started and succeeds; nothing is shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn describe(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy()
        .into_owned();
    let settings = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={}", name.to_string_lossy(), value?.to_string_lossy())));
    let arguments = command
        .get_args()
        .map(|argument| argument.to_string_lossy().into_owned());
    settings.chain([name]).chain(arguments).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named_with_its_settings_and_arguments() {
        let mut command = program_at("false", ["--really"]);
        command.env("MODE", "strict");
        let failure = run(&mut command).expect_err("false fails");
        assert!(
            failure
                .to_string()
                .starts_with("`MODE=strict false --really` ended with"),
            "{failure}"
        );
    }

    #[test]
    fn a_missing_program_is_a_failure_and_not_a_success() {
        assert!(!succeeds(&mut program_at("no-such-program-anywhere", ["--version"])));
        assert!(capture(&mut program_at("no-such-program-anywhere", ["--version"])).is_err());
    }

    #[test]
    fn a_nested_cargo_does_not_inherit_what_describes_this_package() {
        let command = cargo(["--version"]);
        let removed = command.get_envs().filter(|(_, value)| value.is_none()).count();
        assert!(removed > 0, "a test under cargo has CARGO_PKG_NAME set");
    }
}
