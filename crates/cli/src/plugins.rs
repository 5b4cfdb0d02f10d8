//! The plugins beside a configuration: where they are, whose signature counts, and how they come to an engine.

use std::path::Path;

use syncline::plugins::{Inspection, Limits, Plugins, Shelf, Shelved, TrustedKey, signer};
use syncline::{EngineBuilder, ErrorKind};

use crate::config::{Loaded, PluginsTable};
use crate::failure::Failure;
use crate::output::note;

/// The folder of plugins, beside the configuration.
const FOLDER: &str = "plugins";

/// The plugins beside a configuration file.
pub(crate) fn shelf(config: &Path) -> Shelf {
    Shelf::new(folder(config).join(FOLDER))
}

fn folder(config: &Path) -> &Path {
    config
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."))
}

/// What runs them; what it compiled is kept beside them.
///
/// # Errors
/// When this computer can't run plugins.
pub(crate) fn machine(shelf: &Shelf) -> Result<Plugins, Failure> {
    let compiled = shelf.folder().join("compiled");
    Ok(Plugins::new(Limits::default())?.keep_compiled_in(&compiled))
}

/// The keys that the configuration trusts.
///
/// # Errors
/// When one of them is no key.
pub(crate) fn trusted(table: &PluginsTable) -> Result<Vec<TrustedKey>, Failure> {
    let keys = table.trusted_keys.iter();
    Ok(keys
        .map(|(name, key)| TrustedKey::new(name, key))
        .collect::<syncline::Result<_>>()?)
}

/// Whose signature a file bears: the name of a trusted maker, or nobody's.
///
/// # Errors
/// When it bears one that is not trusted although keys are, or none where one is asked for.
pub(crate) fn signed_by(
    table: &PluginsTable,
    file: &[u8],
    signature: Option<&str>,
    asks: &Inspection,
) -> Result<Option<String>, Failure> {
    let keys = trusted(table)?;
    match signature {
        // Nobody is trusted, so nobody's signature says anything.
        Some(signature) if !keys.is_empty() => Ok(Some(signer(file, signature, &keys)?.name.clone())),
        _ if table.signed_only => Err(unsigned(&asks.manifest.provider)),
        _ => Ok(None),
    }
}

fn unsigned(provider: &str) -> Failure {
    Failure::refused(format!(
        "the plugin for `{provider}` bears no signature that counts, and `signed_only` asks for one"
    ))
    .next("get its signature from its maker and put it beside the file as FILE.sig, or give it with --signature")
}

/// A plugin's connector, if its file is the one that was approved.
///
/// # Errors
/// When it is not, or the plugin can't be run.
pub(crate) fn connector(
    plugins: &Plugins,
    shelf: &Shelf,
    shelved: &Shelved,
    table: &PluginsTable,
) -> Result<syncline::plugins::PluginConnector, Failure> {
    let trusts = |name: &String| table.trusted_keys.contains_key(name);
    if table.signed_only && !shelved.signed_by.as_ref().is_some_and(trusts) {
        return Err(unsigned(&shelved.provider));
    }
    let file = shelf.file(shelved)?;
    Ok(plugins.connector(&file, &shelved.approval)?)
}

/// Adds the plugins beside the configuration to an engine, and gives the providers that they are for. One that can't be
/// used is told of and left out.
///
/// # Errors
/// When the list of plugins can't be read, or this computer can't run plugins.
pub(crate) fn add_all(mut builder: EngineBuilder, loaded: &Loaded) -> Result<(EngineBuilder, Vec<String>), Failure> {
    let shelf = shelf(&loaded.path);
    let list = shelf.list()?;
    if list.is_empty() {
        return Ok((builder, Vec::new()));
    }
    let plugins = machine(&shelf)?;
    for shelved in &list {
        match connector(&plugins, &shelf, shelved, &loaded.config.plugins) {
            Ok(connector) => builder = builder.connector(connector),
            Err(failure) => note(format_args!(
                "the plugin for `{}` is left out, and its connections with it: {}",
                shelved.provider,
                failure.message()
            )),
        }
    }
    Ok((builder, list.into_iter().map(|shelved| shelved.provider).collect()))
}

/// What the configuration says of plugins; nothing where there is no file.
///
/// # Errors
/// When the file is wrong.
pub(crate) fn table(config: &Path) -> Result<PluginsTable, Failure> {
    if config.exists() {
        Ok(Loaded::read(config)?.config.plugins)
    } else {
        Ok(PluginsTable::default())
    }
}

/// Whether an error says that something is not there.
pub(crate) fn is_missing(error: &syncline::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}
