//! Reading `syncline.toml`, with the line of whatever is wrong.

use std::path::{Path, PathBuf};

use super::Config;
use crate::failure::Failure;

/// The file as it was read.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) config: Config,
    pub(super) text: String,
}

impl Loaded {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// When there is no such file, or with the line and the reason of the first thing that is wrong with it.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(
                    Failure::not_found(format!("there is no configuration file {}", path.display()))
                        .next("`syncline init` writes one; `--config FILE` names another"),
                );
            }
            Err(error) => {
                return Err(Failure::failed(format!("{} can't be read: {error}", path.display()))
                    .next("`--config FILE` names the configuration file"));
            }
        };
        Self::parse(path, text)
    }

    /// Reads and checks the text of a file.
    ///
    /// # Errors
    /// As [`Loaded::read`].
    pub(crate) fn parse(path: &Path, text: String) -> Result<Self, Failure> {
        let config: Config = toml::from_str(&text).map_err(|error| {
            let place = error.span().map_or_else(String::new, |span| format!(":{}", line(&text, span.start)));
            let message = error.message().replace('\n', " ");
            let failure = Failure::usage(format!("{}{place}: {}", path.display(), message.trim()));
            let secret = ["secret", "password", "token"].iter().any(|word| message.contains(&format!("{word}`")));
            if message.contains("unknown field") && secret {
                return failure.next(
                    "secrets stay out of this file: set the variable SYNCLINE_<CONNECTION>_CLIENT_SECRET, or name a file \
                     with `client_secret_file`",
                );
            }
            failure.next("correct the file; `syncline check` looks at all of it")
        })?;
        let loaded = Self {
            path: path.to_owned(),
            config,
            text,
        };
        loaded.check()?;
        Ok(loaded)
    }

    /// The folder that paths in the file start from.
    pub(crate) fn folder(&self) -> &Path {
        self.path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or_else(|| Path::new("."))
    }

    /// The database: a file, from the folder of this one, or a URL, which `SYNCLINE_DATABASE` may name so that no password
    /// is in the file.
    pub(crate) fn database(&self) -> PathBuf {
        let named = std::env::var_os("SYNCLINE_DATABASE").map_or_else(|| self.config.database.clone(), PathBuf::from);
        if syncline::is_url(&named) {
            named
        } else {
            self.folder().join(named)
        }
    }

    /// The file's name.
    pub(crate) fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// `file:line` of a place in the file.
    pub(crate) fn place(&self, offset: usize) -> String {
        format!("{}:{}", self.path.display(), line(&self.text, offset))
    }

    /// Everything that can be told without the engine.
    fn check(&self) -> Result<(), Failure> {
        let config = &self.config;
        let wrong = |offset: usize, message: String| Err(Failure::usage(format!("{}: {message}", self.place(offset))));
        for (name, connection) in &config.connections {
            let offset = connection.span().start;
            let connection = connection.get_ref();
            if name.parse::<u64>().is_ok() {
                return wrong(offset, format!("connection `{name}`: a number is no name"));
            }
            for (setting, url) in [("login_url", &connection.login_url), ("base_url", &connection.base_url)] {
                let Some(url) = url else { continue };
                match url::Url::parse(url) {
                    Err(error) => return wrong(offset, format!("connection `{name}`: {setting} is no URL: {error}")),
                    Ok(parsed) if is_local(&parsed) && !connection.allow_loopback => {
                        return wrong(
                            offset,
                            format!(
                                "connection `{name}`: {setting} is on this machine; add `allow_loopback = true` if that is a \
                                 simulator"
                            ),
                        );
                    }
                    Ok(_) => {}
                }
            }
        }
        if let Some(message) = config.brakes.complaint() {
            return Err(Failure::usage(format!("{}: {message}", self.path.display())));
        }
        for (name, mapping) in &config.mappings {
            mapping
                .get_ref()
                .mapping()
                .and_then(|_| mapping.get_ref().fields())
                .or_else(|message| {
                    wrong(mapping.span().start, format!("mapping `{name}`: {message}")).map(|()| Vec::new())
                })?;
        }
        for (name, blueprint) in &config.blueprints {
            for field in &blueprint.fields {
                field.field().map_err(|message| {
                    Failure::usage(format!("{}: blueprint `{name}`: {message}", self.path.display()))
                })?;
            }
        }
        for (name, sync) in &config.syncs {
            let offset = sync.span().start;
            let sync = sync.get_ref();
            if !config.connections.contains_key(&sync.connection) {
                let known = names(config.connections.keys());
                return wrong(
                    offset,
                    format!(
                        "sync `{name}`: there is no connection `{}`; there are: {known}",
                        sync.connection
                    ),
                );
            }
            if !config.mappings.contains_key(&sync.mapping) {
                let known = names(config.mappings.keys());
                return wrong(
                    offset,
                    format!(
                        "sync `{name}`: there is no mapping `{}`; there are: {known}",
                        sync.mapping
                    ),
                );
            }
            if let Err(message) = super::parse_schedule(&sync.schedule) {
                return wrong(offset, format!("sync `{name}`: {message}"));
            }
            if let Err(message) = super::parse_sweep(sync.sweep.as_deref()) {
                return wrong(offset, format!("sync `{name}`: {message}"));
            }
        }
        Ok(())
    }
}

/// Names for a sentence, or that there are none.
pub(super) fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() {
        "none yet".to_owned()
    } else {
        names.join(", ")
    }
}

fn line(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

fn is_local(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        Loaded::parse(Path::new("syncline.toml"), text.to_owned())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn the_file_that_init_writes_can_be_read() {
        Loaded::parse(Path::new("syncline.toml"), super::super::TEMPLATE.to_owned()).unwrap();
    }

    #[test]
    fn every_setting_of_the_file_that_init_writes_can_be_taken_in_as_it_stands() {
        let mut text = String::new();
        for line in super::super::TEMPLATE.lines() {
            let said = line.strip_prefix("# ").unwrap_or(line);
            let is_setting = said.starts_with('[') || said.starts_with("    {") || said.starts_with(']');
            let is_named = said.split_once(" = ").is_some_and(|(name, _)| !name.contains(' '));
            text.push_str(if is_setting || is_named { said } else { line });
            text.push('\n');
        }
        assert!(text.contains("\nsweep = "), "{text}");
        Loaded::parse(Path::new("syncline.toml"), text).unwrap();
    }

    #[test]
    fn an_unknown_setting_is_named_with_its_line() {
        let text = complaint("tenant = \"x\"\n\n[connections.sales]\nprovider = \"salesforce\"\nclientid = \"y\"\n");
        assert!(
            text.starts_with("error: syncline.toml:5: unknown field `clientid`"),
            "{text}"
        );
    }

    #[test]
    fn what_the_file_says_of_brakes_and_retention_is_what_the_engine_goes_by() {
        let text = "[brakes]\ndeletes = { least = 5, share = 0.02 }\n\n[retention]\naudit = 30\n".to_owned();
        let config = Loaded::parse(Path::new("syncline.toml"), text).unwrap().config;
        let settings = super::super::settings(config.brakes, config.retention);
        assert!(settings.delete_brake.trips(6, 100) && !settings.delete_brake.trips(5, 100));
        assert_eq!((settings.retention.audit, settings.retention.runs), (30, 90));
        let defaults = syncline::settings::Settings::default();
        assert_eq!(settings.overwrite_brake, defaults.overwrite_brake);
    }

    #[test]
    fn a_brake_that_means_nothing_is_answered() {
        let text = complaint("[brakes]\noverwrites = { least = 5, share = 20 }\n");
        assert!(text.contains("from 0 to 1, and not 20"), "{text}");
        let text = complaint("\n[retention]\nrun = 30\n");
        assert!(text.contains("syncline.toml:3: unknown field `run`"), "{text}");
    }

    #[test]
    fn a_secret_in_the_file_is_answered_with_where_it_belongs() {
        let text = complaint("[connections.sales]\nprovider = \"salesforce\"\nclient_secret = \"hunter2\"\n");
        assert!(text.contains("CLIENT_SECRET") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_sync_without_its_mapping_or_connection_is_named_with_its_line() {
        let text = complaint("\n[syncs.people]\nconnection = \"sales\"\nmapping = \"people\"\n");
        assert!(
            text.contains("syncline.toml:2") && text.contains("no connection `sales`"),
            "{text}"
        );
    }

    #[test]
    fn this_machine_is_only_reached_where_the_file_allows_it() {
        let text = complaint("[connections.sales]\nprovider = \"salesforce\"\nlogin_url = \"http://127.0.0.1:1\"\n");
        assert!(text.contains("allow_loopback = true"), "{text}");
    }
}
