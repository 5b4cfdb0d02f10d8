//! `syncline.toml`: what it says, how it is read, applied to the engine, and extended.

mod apply;
mod convert;
mod limits;
mod load;
mod mapping;
mod schedule;
mod secrets;
mod strategy;
mod template;
mod write;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use syncline::settings::Retention;
use toml::Spanned;

pub(crate) use apply::{Applied, ApplyOptions, apply, new_sync, save_blueprints};
pub(crate) use limits::settings;
pub(crate) use load::Loaded;
pub(crate) use mapping::{FieldTable, MappingTable};
pub(crate) use schedule::{parse as parse_schedule, parse_sweep, show as show_schedule};
pub(crate) use secrets::{Secrets, variable};
pub(crate) use strategy::set_strategy;
pub(crate) use template::TEMPLATE;
pub(crate) use write::{Addition, append};

/// What the file says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Name of the tenant.
    #[serde(default = "default_tenant")]
    pub(crate) tenant: String,
    /// IANA name of the zone that daily schedules mean.
    pub(crate) time_zone: Option<String>,
    /// Language for people, as a BCP 47 tag.
    pub(crate) language: Option<String>,
    /// The database, relative to this file.
    #[serde(default = "default_database")]
    pub(crate) database: PathBuf,
    /// The file with the key that credentials are sealed under, relative to this file.
    #[serde(default = "default_key_file")]
    pub(crate) key_file: PathBuf,
    /// How much one run may change before it stops and asks.
    #[serde(default)]
    pub(crate) brakes: limits::BrakesTable,
    /// How long things are kept, in days.
    #[serde(default)]
    pub(crate) retention: Retention,
    /// Which plugins may be used.
    #[serde(default)]
    #[cfg_attr(
        not(feature = "plugins"),
        expect(dead_code, reason = "the file is the same for a build that runs no plugins")
    )]
    pub(crate) plugins: PluginsTable,
    /// Accounts at providers, by the names that commands take.
    #[serde(default)]
    pub(crate) connections: BTreeMap<String, Spanned<ConnectionTable>>,
    /// Kinds of records in the app.
    #[serde(default)]
    pub(crate) blueprints: BTreeMap<String, BlueprintTable>,
    /// Which field is which.
    #[serde(default)]
    pub(crate) mappings: BTreeMap<String, Spanned<MappingTable>>,
    /// Mappings at work on connections.
    #[serde(default)]
    pub(crate) syncs: BTreeMap<String, Spanned<SyncTable>>,
}

/// Which plugins may be used.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    not(feature = "plugins"),
    expect(dead_code, reason = "the file is the same for a build that runs no plugins")
)]
pub(crate) struct PluginsTable {
    /// Makers whose signature counts: their names, and their public keys of Ed25519 in Base64.
    #[serde(default)]
    pub(crate) trusted_keys: BTreeMap<String, String>,
    /// Whether only plugins of theirs are used.
    #[serde(default)]
    pub(crate) signed_only: bool,
}

/// One account at a provider. Its secrets are elsewhere.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionTable {
    /// `salesforce` or `hubspot`.
    pub(crate) provider: String,
    /// Another authorisation server of the provider: a sandbox, a customer's own domain, a simulator.
    pub(crate) login_url: Option<String>,
    /// Base URL of the API; only needed to connect with a token that does not name it.
    pub(crate) base_url: Option<String>,
    /// The app's client id at the provider.
    #[serde(default)]
    pub(crate) client_id: String,
    /// A file that holds the client secret, relative to this file. The environment comes first.
    pub(crate) client_secret_file: Option<PathBuf>,
    /// Port of the redirect on this machine, where the provider wants it registered exactly.
    pub(crate) redirect_port: Option<u16>,
    /// Whether the connection may be to this machine: for simulators.
    #[serde(default)]
    pub(crate) allow_loopback: bool,
    /// Settings of the connector.
    #[serde(default)]
    pub(crate) settings: BTreeMap<String, String>,
}

/// One kind of record in the app.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlueprintTable {
    /// Its fields.
    #[serde(default)]
    pub(crate) fields: Vec<FieldTable>,
    /// Fields that are only ever changed together.
    #[serde(default)]
    pub(crate) groups: Vec<Vec<String>>,
}

/// One mapping at work on a connection.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SyncTable {
    /// Name of the connection.
    pub(crate) connection: String,
    /// Name of the mapping.
    pub(crate) mapping: String,
    /// When it runs by itself, in words.
    #[serde(default = "default_schedule")]
    pub(crate) schedule: String,
    /// How often it is swept by itself, in words.
    pub(crate) sweep: Option<String>,
    /// Whether files are carried between its records and those of other syncs of its blueprint that say so, too.
    #[serde(default)]
    pub(crate) files: bool,
}

fn default_tenant() -> String {
    "default".to_owned()
}

fn default_database() -> PathBuf {
    "syncline.db".into()
}

fn default_key_file() -> PathBuf {
    "syncline.key".into()
}

fn default_schedule() -> String {
    "hourly".to_owned()
}
