//! `syncline plugin add`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use syncline::plugins::{Approval, Inspection, Shelf};

use crate::config::PluginsTable;
use crate::failure::Failure;
use crate::output::{Output, is_interactive};
use crate::plugins::{machine, signed_by};

use super::{described, read, show};

/// Which plugin, and who agrees.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArguments {
    /// The plugin's file.
    file: PathBuf,
    /// Agrees to what it asks for, where nobody can be asked. Look at it first with `syncline plugin inspect`.
    #[arg(long)]
    approve: bool,
    /// Does not agree to a host that it asks for; may be given several times.
    #[arg(long, value_name = "HOST")]
    without_host: Vec<String>,
    /// The file with its signature, if that is not FILE.sig.
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Puts it in the place of a connector that this program has itself.
    #[arg(long)]
    replace: bool,
}

/// Shows what a plugin asks for, and puts it on the shelf once somebody agrees.
///
/// # Errors
/// When the file is no plugin that is acceptable, or nobody agrees.
pub(super) fn add(
    arguments: &AddArguments,
    shelf: &Shelf,
    table: &PluginsTable,
    output: Output,
) -> Result<ExitCode, Failure> {
    let file = read(&arguments.file)?;
    let plugins = machine(shelf)?;
    let asks = plugins.inspect(&file)?;
    let provider = asks.manifest.provider.clone();
    if BUILT_IN.contains(&provider.as_str()) && !arguments.replace {
        return Err(Failure::refused(format!(
            "the plugin calls itself `{provider}`, for which this program has a connector of its own"
        ))
        .next("`--replace` takes the plugin instead, for the connections that there are too"));
    }
    let signature = signature(arguments)?;
    let signed_by = signed_by(table, &file, signature.as_deref(), &asks)?;
    let approval = approval(arguments, &asks)?;
    let signed = signed_by.as_deref().map_or(show::Signed::ByNobody, show::Signed::By);
    show::tell(&asks, file.len(), signed, output);
    changes(shelf, &asks, &approval, output)?;
    if !arguments.approve {
        agree(&provider)?;
    }
    // What can't be used with what was agreed to is not put there.
    plugins.connector(&file, &approval)?;
    let shelved = shelf.put(&file, &asks, approval, signed_by)?;
    output.json(&serde_json::json!({"added": shelved, "asks": described(&asks)}))?;
    output.line(format_args!(
        "the plugin for `{provider}` is used from now on; a connection with `provider = \"{provider}\"` takes it"
    ));
    Ok(ExitCode::SUCCESS)
}

/// The connectors of this program.
const BUILT_IN: [&str; 2] = ["hubspot", "salesforce"];

fn approval(arguments: &AddArguments, asks: &Inspection) -> Result<Approval, Failure> {
    let mut approval = Approval::of_all(asks);
    for host in &arguments.without_host {
        if !approval.hosts.contains(host) {
            return Err(Failure::usage(format!("the plugin does not ask for {host}"))
                .next(format!("it asks for: {}", asks.manifest.hosts.join(", "))));
        }
        approval.hosts.retain(|other| other != host);
    }
    Ok(approval)
}

fn signature(arguments: &AddArguments) -> Result<Option<String>, Failure> {
    let beside = || {
        let mut path = arguments.file.clone().into_os_string();
        path.push(".sig");
        PathBuf::from(path)
    };
    let text = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| {
            Failure::not_found(format!("the signature {} can't be read: {error}", path.display()))
                .next("give the file that came with the plugin, or leave --signature out where FILE.sig lies beside it")
        })
    };
    match &arguments.signature {
        Some(path) => text(path).map(Some),
        None if beside().exists() => text(&beside()).map(Some),
        None => Ok(None),
    }
}

/// Tells what is other than in the plugin whose place it takes.
fn changes(shelf: &Shelf, asks: &Inspection, approval: &Approval, output: Output) -> Result<(), Failure> {
    let Some(before) = shelf
        .list()?
        .into_iter()
        .find(|shelved| shelved.provider == asks.manifest.provider)
    else {
        return Ok(());
    };
    let new: Vec<&str> = approval
        .hosts
        .iter()
        .filter(|host| !before.approval.hosts.contains(host))
        .map(String::as_str)
        .collect();
    if before.approval.hash == asks.hash {
        output.line("It is the file that is used already.");
    } else if new.is_empty() {
        output.line("It takes the place of another file, and reaches no host that the other could not.");
    } else {
        output.line(format_args!(
            "It takes the place of another file, and newly reaches: {}",
            new.join(", ")
        ));
    }
    Ok(())
}

fn agree(provider: &str) -> Result<(), Failure> {
    let refused = || Failure::refused(format!("nobody agreed to what the plugin for `{provider}` asks for"));
    if !is_interactive() {
        return Err(refused().next("look at what it asks for, and run the command again with --approve"));
    }
    crate::output::print("Use it? Type yes to agree: ");
    std::io::stdout().flush().ok();
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::failed(format!("the answer can't be read: {error}")))?;
    if answer.trim().eq_ignore_ascii_case("yes") {
        Ok(())
    } else {
        Err(refused())
    }
}
