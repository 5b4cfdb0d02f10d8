//! `syncline plugin`: connectors that come as plugins.

mod add;
mod new;
mod show;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;
use syncline::plugins::{Inspection, Plugins, Shelf};

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::plugins::{connector, is_missing, machine, shelf, table, trusted};

/// What can be done with plugins.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum PluginCommand {
    /// Make a project to begin a plugin from: a connector, its conformance test, and a stub of the CRM.
    New(new::NewArguments),
    /// Show what a plugin asks for, and use it once somebody agrees.
    Add(add::AddArguments),
    /// List the plugins that are used here.
    List,
    /// Show what a plugin is and asks for, without using it.
    Inspect {
        /// The plugin's file, or the provider of one that is used here.
        plugin: PathBuf,
    },
    /// Look whether the plugins are as they were approved, and can be run; all if none is named.
    Check {
        /// The plugin's provider.
        provider: Option<String>,
    },
    /// Use a plugin no longer. Its connections stay, and wait for another one.
    Remove {
        /// The plugin's provider.
        provider: String,
    },
}

/// Does it.
///
/// # Errors
/// When there is no such plugin, it is not acceptable, or nobody agreed.
pub(crate) fn plugin(command: PluginCommand, config: &Path, output: Output) -> Result<ExitCode, Failure> {
    let shelf = shelf(config);
    match command {
        PluginCommand::New(arguments) => new::new(&arguments, output),
        PluginCommand::Add(arguments) => add::add(&arguments, &shelf, &table(config)?, output),
        PluginCommand::List => list(&shelf, output),
        PluginCommand::Inspect { plugin } => {
            let plugins = machine(&shelf)?;
            let file = named(&shelf, &plugin)?;
            let asks = plugins.inspect(&file)?;
            output.json(&described(&asks))?;
            show::tell(&asks, file.len(), show::Signed::NotLookedAt, output);
            Ok(ExitCode::SUCCESS)
        }
        PluginCommand::Check { provider } => check(&shelf, config, provider.as_deref(), output),
        PluginCommand::Remove { provider } => {
            shelf.remove(&provider)?;
            output.json(&json!({"removed": provider}))?;
            output.line(format_args!("the plugin for `{provider}` is used no longer"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The bytes of a file, or of the plugin for a provider.
fn named(shelf: &Shelf, plugin: &Path) -> Result<Vec<u8>, Failure> {
    match plugin.to_str().map(|name| shelf.get(name)) {
        Some(Ok(shelved)) => Ok(shelf.file(&shelved)?),
        Some(Err(error)) if !is_missing(&error) => Err(error.into()),
        _ => read(plugin),
    }
}

/// A plugin's file.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound {
            Exit::NotFound
        } else {
            Exit::Failure
        };
        Failure::new(exit, format!("{} can't be read: {error}", path.display()))
            .next("give the path of the plugin's file; `syncline plugin list` names those that are used here")
    })
}

fn described(asks: &Inspection) -> serde_json::Value {
    json!({
        "provider": asks.manifest.provider,
        "hash": asks.hash,
        "contract": asks.contract,
        "hosts": asks.manifest.hosts,
        "app_scopes": asks.app_scopes,
        "manifest": asks.manifest,
    })
}

/// What is said where there are none.
const NONE: &str = "no plugins are used here; `syncline plugin add FILE` adds one";

fn list(shelf: &Shelf, output: Output) -> Result<ExitCode, Failure> {
    output.listing(
        &shelf.list()?,
        &["Provider", "Name", "Hosts", "Signed by", "SHA-256"],
        NONE,
        Clone::clone,
        |shelved| {
            vec![
                shelved.provider.clone(),
                shelved.label.clone(),
                shelved.approval.hosts.join(", "),
                shelved.signed_by.clone().unwrap_or_else(|| "-".to_owned()),
                shelved.approval.hash.chars().take(12).collect(),
            ]
        },
    )?;
    Ok(ExitCode::SUCCESS)
}

fn check(shelf: &Shelf, config: &Path, provider: Option<&str>, output: Output) -> Result<ExitCode, Failure> {
    let list = match provider {
        Some(provider) => vec![shelf.get(provider)?],
        None => shelf.list()?,
    };
    let (plugins, table): (Plugins, _) = (machine(shelf)?, table(config)?);
    // A key that is none would only be found out by the next plugin that is added.
    trusted(&table)?;
    if list.is_empty() {
        output.line(NONE);
    }
    let mut wrong = Vec::new();
    for shelved in &list {
        match connector(&plugins, shelf, shelved, &table) {
            Ok(_) => output.line(format_args!(
                "the plugin for `{}` is as it was approved, and runs",
                shelved.provider
            )),
            Err(failure) => wrong.push((shelved.provider.clone(), failure.message().to_owned())),
        }
    }
    output.json(&json!({
        "right": list.len() - wrong.len(),
        "wrong": wrong.iter().map(|(provider, reason)| json!({"provider": provider, "reason": reason})).collect::<Vec<_>>(),
    }))?;
    match wrong.as_slice() {
        [] => Ok(ExitCode::SUCCESS),
        [(provider, reason), ..] => Err(Failure::refused(format!(
            "{} of {} plugins can't be used; the one for `{provider}`: {reason}",
            wrong.len(),
            list.len()
        ))
        .next("get the file anew and add it again with `syncline plugin add FILE`, or remove it")),
    }
}
