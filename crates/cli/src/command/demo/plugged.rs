//! `--plugins`: the connectors of both CRMs as plugins, in the place of those of this program.

use std::path::Path;

use syncline::plugins::{Approval, Limits, Plugins};
use syncline::{EngineBuilder, Error, ErrorKind, Result};

/// The CRMs, whose plugins are called so with `.wasm` behind it.
const PROVIDERS: [&str; 2] = ["salesforce", "hubspot"];

/// Puts the plugins of a folder in the place of the connectors. They reach the simulators alone, so nobody is asked.
///
/// # Errors
/// `NotFound` when a plugin is not there, `Invalid` when it is for another provider, and what is wrong with it.
pub(super) fn plug_in(mut builder: EngineBuilder, folder: &Path) -> Result<EngineBuilder> {
    let plugins = Plugins::new(Limits::default())?.keep_compiled_in(&folder.join("compiled"));
    for provider in PROVIDERS {
        let path = folder.join(format!("{provider}.wasm"));
        let file = std::fs::read(&path).map_err(|error| {
            let message = format!(
                "the plugin {} can't be read; `cargo xtask plugins` puts it into target/plugins of the sources, and \
                 `--plugins FOLDER` names another folder",
                path.display()
            );
            Error::new(ErrorKind::NotFound, message).because(error)
        })?;
        let asks = plugins.inspect(&file)?;
        if asks.manifest.provider != provider {
            let message = format!(
                "the plugin {} is for `{}` and not for `{provider}`; put the right one there",
                path.display(),
                asks.manifest.provider
            );
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        builder = builder.connector(plugins.connector(&file, &Approval::of_all(&asks))?);
    }
    Ok(builder)
}
