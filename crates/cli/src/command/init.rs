//! `syncline init`.

use std::path::Path;
use std::process::ExitCode;

use syncline::ports::SystemRandom;
use syncline::vault::FileKeyProvider;

use crate::config::{Loaded, TEMPLATE};
use crate::failure::Failure;
use crate::output::Output;

/// What `init` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArguments {
    /// Only make the key file that the configuration names.
    #[arg(long)]
    key_only: bool,
}

/// Writes configuration and key file. Overwrites neither.
///
/// # Errors
/// When one is there already, or can't be written.
pub(crate) fn init(arguments: &InitArguments, path: &Path, output: Output) -> Result<ExitCode, Failure> {
    if !arguments.key_only {
        write_new(path)?;
    }
    let loaded = Loaded::read(path)?;
    let key = loaded.folder().join(&loaded.config.key_file);
    if key.exists() {
        if arguments.key_only {
            return Err(exists(&key));
        }
        output.line(format_args!("kept the key file {}", key.display()));
    } else {
        FileKeyProvider::open_or_create(&key, &SystemRandom)?;
        output.line(format_args!(
            "wrote {}: keep a copy elsewhere, and out of version control",
            key.display()
        ));
    }
    if !arguments.key_only {
        output.line(format_args!(
            "wrote {}: every setting is in it, with what it does",
            path.display()
        ));
        output.line("next: add a connection to it, then `syncline connect NAME`; or see `syncline demo` first");
    }
    output.json(&serde_json::json!({ "config": path, "key_file": key }))?;
    Ok(ExitCode::SUCCESS)
}

fn write_new(path: &Path) -> Result<(), Failure> {
    use std::io::Write;
    let mut file = match std::fs::OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Err(exists(path)),
        Err(error) => return Err(Failure::failed(format!("{} can't be written: {error}", path.display()))),
    };
    file.write_all(TEMPLATE.as_bytes())
        .map_err(|error| Failure::failed(format!("{} can't be written: {error}", path.display())))
}

fn exists(path: &Path) -> Failure {
    Failure::refused(format!("{} is there already and was left as it is", path.display()))
        .next("edit it, move it away first, or name another with `--config FILE`")
}
