//! Finding, or getting, a compiler and a standard library for the target.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use crate::command::{capture, program_at, run, succeeds};
use crate::outcome::Failure;

/// The target of every plugin.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler, the standard library's source it builds, and the package of cargo they ask for.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const DEBIAN_COMPILER: &str = "/usr/bin/rustc";
const DEBIAN_SOURCE: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";

/// Which toolchain may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preference {
    /// The installed toolchain with its target, else Debian's.
    Any,
    /// The installed toolchain, adding its target with rustup when it is missing.
    Rustup,
    /// Debian's compiler, building the standard library from source.
    Debian,
}

/// A way to build for the target.
#[derive(Debug)]
pub(crate) enum Toolchain {
    /// The installed toolchain has the target's standard library.
    Installed,
    /// Debian's compiler and source, with the installed toolchain's linker.
    Debian { linker: PathBuf },
}

impl Toolchain {
    /// The first way that works here; the failure says why there is none.
    pub(crate) fn find(preference: Preference) -> Result<Self, Failure> {
        // The order matters: rustup needs seconds, Debian's way a minute.
        match preference {
            Preference::Rustup => installed(),
            Preference::Debian => debian(),
            Preference::Any => {
                installed().or_else(|first| debian().map_err(|second| Failure::new(format!("{first}; {second}"))))
            }
        }
    }

    /// Makes a `cargo build` use this toolchain.
    pub(crate) fn apply(&self, command: &mut Command) {
        if let Self::Debian { linker } = self {
            command
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", DEBIAN_COMPILER)
                // Building the standard library is not stable; this compiler is asked to allow it.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Installed => write!(formatter, "the installed toolchain has {TARGET}"),
            Self::Debian { .. } => write!(formatter, "{DEBIAN_COMPILER} builds the standard library for {TARGET}"),
        }
    }
}

fn rustc(arguments: &[&str]) -> Result<String, Failure> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    Ok(capture(&mut program_at(program, arguments))?.trim().to_owned())
}

fn has_target() -> Result<bool, Failure> {
    // The folder may be there and empty: only the library itself counts.
    let folder = rustc(&["--print", "target-libdir", "--target", TARGET])?;
    let Ok(mut entries) = std::fs::read_dir(folder) else {
        return Ok(false);
    };
    Ok(entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))))
}

fn installed() -> Result<Toolchain, Failure> {
    if has_target()? {
        return Ok(Toolchain::Installed);
    }
    if !succeeds(&mut program_at("rustup", ["--version"])) {
        return Err(Failure::new(
            "the installed toolchain lacks the target and there is no rustup to add it",
        ));
    }
    run(&mut program_at("rustup", ["target", "add", TARGET]))?;
    if has_target()? {
        Ok(Toolchain::Installed)
    } else {
        Err(Failure::new("rustup added the target elsewhere"))
    }
}

fn debian() -> Result<Toolchain, Failure> {
    let packages = DEBIAN_PACKAGES.join(" ");
    if !debian_is_installed() {
        if !succeeds(&mut program_at("apt-get", ["--version"])) {
            return Err(Failure::new(format!("there is no apt-get to install {packages}")));
        }
        if capture(&mut program_at("id", ["-u"]))?.trim() != "0" {
            return Err(Failure::new(format!("only root can do `apt-get install {packages}`")));
        }
        // Old lists may offer a compiler too old for the workspace; without a network they are still worth a try.
        apt_get(&["update"]).ok();
        apt_get(
            &["install", "--yes", "--no-install-recommends"]
                .into_iter()
                .chain(DEBIAN_PACKAGES)
                .collect::<Vec<_>>(),
        )?;
    }
    let linker = linker()?;
    if !linker.is_file() {
        return Err(Failure::new(format!("the linker {} is missing", linker.display())));
    }
    Ok(Toolchain::Debian { linker })
}

fn debian_is_installed() -> bool {
    Path::new(DEBIAN_COMPILER).is_file() && Path::new(DEBIAN_SOURCE).is_file()
}

fn apt_get(arguments: &[&str]) -> Result<(), Failure> {
    run(program_at("apt-get", ["-qq"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}

fn linker() -> Result<PathBuf, Failure> {
    let version = rustc(&["-vV"])?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap_or_default();
    Ok(Path::new(&rustc(&["--print", "sysroot"])?)
        .join("lib/rustlib")
        .join(host)
        .join("bin/rust-lld"))
}
