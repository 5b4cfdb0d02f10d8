//! What most commands start from: the configuration, and the engine over its database.

use std::sync::Arc;

use syncline::actor::{Action, DefaultPolicy, Policy};
use syncline::connection::Connection;
use syncline::model::Tenant;
use syncline::sync::Sync;
use syncline::vault::{EnvKeyProvider, FileKeyProvider, KeyProvider};
use syncline::{Actor, Engine, ErrorKind};

use crate::arguments::GlobalOptions;
use crate::config::{ConnectionTable, Loaded, settings};
use crate::failure::Failure;
use crate::output::Output;

/// An opened configuration.
#[derive(Debug)]
pub(crate) struct Project {
    /// The file.
    pub(crate) loaded: Loaded,
    /// The engine.
    pub(crate) engine: Engine,
    /// The tenant that the file names.
    pub(crate) tenant: Tenant,
    /// Who types.
    pub(crate) actor: Actor,
    /// Where results go.
    pub(crate) output: Output,
}

impl Project {
    /// Opens the configuration and its database, which is made if there is none. Transitions of flows are taken with
    /// `roles`, or as an administrator where there are none.
    ///
    /// # Errors
    /// When the file is missing or wrong, or when key or database can't be opened.
    pub(crate) async fn open(global: &GlobalOptions, roles: Vec<String>) -> Result<Self, Failure> {
        let loaded = Loaded::read(&global.config)?;
        let config = &loaded.config;
        let keys: Arc<dyn KeyProvider> = if std::env::var_os(EnvKeyProvider::VARIABLE).is_some() {
            Arc::new(EnvKeyProvider::from_env()?)
        } else {
            let path = loaded.folder().join(&config.key_file);
            Arc::new(FileKeyProvider::open(&path).map_err(|error| match error.kind() {
                ErrorKind::NotFound => Failure::not_found(format!("there is no key file {}", path.display())).next(
                    "bring it back from your copy, set SYNCLINE_KEY, or make a new one with `syncline init --key-only`",
                ),
                _ => error.into(),
            })?)
        };
        let database = loaded.database();
        if database.is_dir() {
            return Err(
                Failure::usage(format!("{} is a folder and no database", database.display()))
                    .next(format!("let `database` in {} name a file in it", loaded.shown())),
            );
        }
        let store = syncline::open_store(database).await?;
        let loopback = config
            .connections
            .values()
            .any(|connection| connection.get_ref().allow_loopback);
        let builder = Engine::builder(store, keys)
            .allow_loopback(loopback)
            .settings(settings(config.brakes, config.retention))
            .policy(Operator { roles });
        let builder = syncline::connectors::add_all(builder);
        #[cfg(feature = "plugins")]
        let (builder, shelved) = crate::plugins::add_all(builder, &loaded)?;
        #[cfg(not(feature = "plugins"))]
        let shelved = Vec::new();
        let engine = builder.build()?;
        known_providers(&loaded, &engine, &shelved)?;
        let actor = actor();
        let mut tenant = engine.tenant(&config.tenant, &actor).await?;
        let time_zone = config.time_zone.as_ref().unwrap_or(&tenant.time_zone).clone();
        let language = config.language.as_ref().unwrap_or(&tenant.language).clone();
        if tenant.time_zone != time_zone || tenant.language != language {
            (tenant.time_zone, tenant.language) = (time_zone, language);
            engine
                .update_tenant(&tenant, &actor)
                .await
                .map_err(|error| match error.kind() {
                    ErrorKind::Invalid => Failure::usage(format!("{}: {error}", loaded.shown())),
                    _ => error.into(),
                })?;
        }
        Ok(Self {
            engine,
            tenant,
            actor,
            output: Output::new(global.output),
            loaded,
        })
    }

    /// A connection of the file.
    ///
    /// # Errors
    /// When the file has none of this name.
    pub(crate) fn table(&self, name: &str) -> Result<&ConnectionTable, Failure> {
        let connections = &self.loaded.config.connections;
        connections.get(name).map(toml::Spanned::get_ref).ok_or_else(|| {
            let known: Vec<&str> = connections.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            Failure::not_found(format!(
                "{} has no connection `{name}`; it has: {known}",
                self.loaded.shown()
            ))
            .next(format!("add a section [connections.{name}] to the file"))
        })
    }

    /// A connection that was made, by its name or number.
    ///
    /// # Errors
    /// When there is none, with how to make it if the file has one of this name.
    pub(crate) async fn connection(&self, name: &str) -> Result<Connection, Failure> {
        match self.engine.connections().find(self.tenant.id, name, &self.actor).await {
            Ok(connection) => Ok(connection),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.table(name)?;
                Err(Failure::refused(format!("connection `{name}` is not authorised yet"))
                    .next(format!("`syncline connect {name}` signs in")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A sync by its name or number; by `connection/sync` where several connections have one of this name.
    ///
    /// # Errors
    /// When there is none, or several.
    pub(crate) async fn sync(&self, name: &str) -> Result<Sync, Failure> {
        let syncs = self.engine.syncs().list(self.tenant.id, false, &self.actor).await?;
        let connections = self
            .engine
            .connections()
            .list(self.tenant.id, true, &self.actor)
            .await?;
        let full = |sync: &Sync| {
            let connection = connections.iter().find(|connection| connection.id == sync.connection);
            format!(
                "{}/{}",
                connection.map_or("?", |connection| connection.name.as_str()),
                sync.name
            )
        };
        let found: Vec<&Sync> = syncs
            .iter()
            .filter(|sync| sync.name == name || full(sync) == name || sync.id.to_string() == name)
            .collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => {
                let known: Vec<String> = syncs.iter().map(|sync| sync.name.clone()).collect();
                let known = if known.is_empty() {
                    "none yet".to_owned()
                } else {
                    known.join(", ")
                };
                let failure = Failure::not_found(format!("there is no sync `{name}`; there are: {known}"));
                Err(match self.loaded.config.syncs.get(name) {
                    Some(table) => failure.next(format!(
                        "`syncline connect {}`, then `syncline check`",
                        table.get_ref().connection
                    )),
                    None => failure.next("`syncline map auto CONNECTION OBJECT --write` makes one"),
                })
            }
            several => {
                let several: Vec<String> = several.iter().map(|sync| full(sync)).collect();
                Err(Failure::usage(format!(
                    "several syncs are called `{name}`: {}",
                    several.join(", ")
                )))
            }
        }
    }
}

/// Refuses connections to providers that nobody speaks to, by their line.
fn known_providers(loaded: &Loaded, engine: &Engine, shelved: &[String]) -> Result<(), Failure> {
    let mut known: Vec<&str> = engine
        .connectors()
        .map(|connector| connector.manifest().provider.as_str())
        .collect();
    known.sort_unstable();
    for (name, table) in &loaded.config.connections {
        let provider = table.get_ref().provider.as_str();
        // A plugin that can't be used was told of; it must not keep the other connections from their work.
        if !known.contains(&provider) && !shelved.iter().any(|name| name == provider) {
            return Err(Failure::usage(format!(
                "{}: connection `{name}`: there is no provider `{provider}`; there are: {}",
                loaded.place(table.span().start),
                known.join(", ")
            )));
        }
    }
    Ok(())
}

/// Lets whoever holds the database do everything, also in somebody's role.
#[derive(Debug)]
struct Operator {
    roles: Vec<String>,
}

impl Policy for Operator {
    fn allows(&self, actor: &Actor, action: Action) -> syncline::Result<()> {
        DefaultPolicy.allows(actor, action)
    }

    fn roles(&self, actor: &Actor) -> Vec<String> {
        if self.roles.is_empty() {
            DefaultPolicy.roles(actor)
        } else {
            self.roles.clone()
        }
    }
}

/// Whoever is logged in here: the database is theirs, and so is everything in it.
fn actor() -> Actor {
    let name = ["SYNCLINE_ACTOR", "USER", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    Actor::admin(
        name.filter(|name| !name.trim().is_empty())
            .unwrap_or_else(|| "command line".to_owned()),
    )
}
