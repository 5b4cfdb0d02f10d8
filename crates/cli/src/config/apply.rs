//! Bringing the engine to what `syncline.toml` says. Doing it again changes nothing.

use std::collections::BTreeMap;

use syncline::connection::Connection;
use syncline::model::Field;
use syncline::sync::{SavedSync, Sync, SyncStatus};
use syncline::{Actor, Engine, NewSync};

use super::{Config, Loaded, parse_schedule, parse_sweep};
use crate::failure::Failure;
use crate::project::Project;

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// Syncs that were made or changed.
    pub(crate) saved: Vec<SavedSync>,
    /// Syncs that are not in the file, and were removed since that was asked for. Their links stay.
    pub(crate) removed: Vec<String>,
    /// Syncs that are not in the file: another one's, or taken out of it. They stay as they are.
    pub(crate) left_alone: Vec<String>,
    /// Syncs whose connection is not there yet.
    pub(crate) waiting: Vec<(String, String)>,
}

/// What else is to be done beside saving what the file says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ApplyOptions {
    /// Removes syncs that are not in the file.
    pub(crate) prune: bool,
    /// Starts reading what is new at once.
    pub(crate) import: bool,
}

/// Saves the blueprints and syncs of the file where they differ from what the engine has.
///
/// # Errors
/// With everything that is wrong with the first mapping that can't be saved, and where it is.
pub(crate) async fn apply(project: &Project, options: ApplyOptions) -> Result<Applied, Failure> {
    let Project {
        engine,
        tenant,
        actor,
        loaded,
        ..
    } = project;
    save_blueprints(project).await?;
    let connections = engine.connections().list(tenant.id, true, actor).await?;
    let known = engine.syncs().list(tenant.id, true, actor).await?;
    let mut applied = Applied::default();
    for (name, sync) in &loaded.config.syncs {
        let place = loaded.place(sync.span().start);
        let Some(connection) = connections
            .iter()
            .find(|connection| connection.name == sync.get_ref().connection)
        else {
            applied.waiting.push((name.clone(), sync.get_ref().connection.clone()));
            continue;
        };
        let mut new = new_sync(&loaded.config, name, connection)?;
        let existing = known
            .iter()
            .find(|known| known.connection == connection.id && known.name == *name);
        if existing.is_some_and(|existing| is_same(existing, &new)) {
            continue;
        }
        if connection.check_usable().is_err() && existing.is_some() {
            // Can't be checked against a schema that can't be read; what is saved stays until it can.
            continue;
        }
        // What people have paused is not started by a file.
        new.start = options.import && existing.is_none_or(|existing| existing.status != SyncStatus::Paused);
        let saved = save(engine, new, existing, actor)
            .await
            .map_err(|failure| located(&failure, &place))?;
        applied.saved.push(saved);
    }
    for sync in known.iter().filter(|sync| sync.status != SyncStatus::Deleted) {
        let on = connections.iter().find(|connection| connection.id == sync.connection);
        let wanted = loaded
            .config
            .syncs
            .get(&sync.name)
            .is_some_and(|table| on.is_none_or(|connection| connection.name == table.get_ref().connection));
        if !wanted && options.prune {
            engine.syncs().delete(sync.id, actor).await?;
            applied.removed.push(sync.name.clone());
        } else if !wanted {
            applied.left_alone.push(sync.name.clone());
        }
    }
    Ok(applied)
}

async fn save(
    engine: &Engine,
    new: NewSync,
    existing: Option<&Sync>,
    actor: &Actor,
) -> Result<SavedSync, syncline::Error> {
    let mut saved = engine.syncs().save(new, actor).await?;
    // Saving lets a sync run again; the file says nothing of pauses, which people make by hand.
    if let Some(paused) = existing.filter(|existing| existing.status == SyncStatus::Paused) {
        let reason = paused.paused_because.as_deref().unwrap_or("no reason was given");
        saved.sync = engine.syncs().pause(saved.sync.id, reason, actor).await?;
    }
    Ok(saved)
}

fn located(error: &syncline::Error, place: &str) -> Failure {
    match error.kind() {
        syncline::ErrorKind::Invalid => {
            Failure::usage(format!("{place}: {error}")).next("`syncline map check` lists every finding")
        }
        syncline::ErrorKind::NotFound => Failure::not_found(format!("{place}: {error}")),
        _ => Failure::failed(format!("{place}: {error}")),
    }
}

fn is_same(existing: &Sync, new: &NewSync) -> bool {
    let mut mapping = new.mapping.clone();
    mapping.version = existing.mapping.version;
    existing.status != SyncStatus::Deleted
        && existing.mapping == mapping
        && existing.schedule == new.schedule
        && existing.sweep == new.sweep
        && existing.files == new.files
}

/// A sync of the file for the engine.
///
/// # Errors
/// When the file contradicts itself; reading it has found that already.
pub(crate) fn new_sync(config: &Config, name: &str, connection: &Connection) -> Result<NewSync, Failure> {
    let missing = |what: &str| Failure::not_found(format!("there is no {what} in the configuration"));
    let sync = config
        .syncs
        .get(name)
        .ok_or_else(|| missing(&format!("sync `{name}`")))?
        .get_ref();
    let mapping = config
        .mappings
        .get(&sync.mapping)
        .ok_or_else(|| missing(&format!("mapping `{}`", sync.mapping)))?;
    let mapping = mapping.get_ref().mapping().map_err(Failure::usage)?;
    let (fields, groups) = fields_by_blueprint(config)?
        .remove(&mapping.blueprint)
        .unwrap_or_default();
    Ok(NewSync {
        name: name.to_owned(),
        connection: connection.id,
        mapping,
        fields,
        groups,
        schedule: parse_schedule(&sync.schedule).map_err(Failure::usage)?,
        sweep: parse_sweep(sync.sweep.as_deref()).map_err(Failure::usage)?,
        files: sync.files,
        start: false,
    })
}

/// Fields and atomic groups.
type Shape = (Vec<Field>, Vec<Vec<String>>);

/// What the file wants each blueprint to have: its own section first, then what mappings add.
fn fields_by_blueprint(config: &Config) -> Result<BTreeMap<String, Shape>, Failure> {
    let mut shapes: BTreeMap<String, Shape> = BTreeMap::new();
    for (name, blueprint) in &config.blueprints {
        let fields: Result<Vec<Field>, String> = blueprint.fields.iter().map(super::FieldTable::field).collect();
        shapes.insert(
            name.clone(),
            (fields.map_err(Failure::usage)?, blueprint.groups.clone()),
        );
    }
    for mapping in config.mappings.values().map(toml::Spanned::get_ref) {
        let shape = shapes.entry(mapping.blueprint.clone()).or_default();
        for field in mapping.fields().map_err(Failure::usage)? {
            if !shape.0.iter().any(|known| known.name == field.name) {
                shape.0.push(field);
            }
        }
    }
    Ok(shapes)
}

/// Saves the blueprints of the file; fields are only ever added.
///
/// # Errors
/// With everything that is wrong with one.
pub(crate) async fn save_blueprints(project: &Project) -> Result<(), Failure> {
    let Project {
        engine,
        tenant,
        actor,
        loaded,
        ..
    } = project;
    for (name, (fields, groups)) in fields_by_blueprint(&loaded.config)? {
        engine
            .save_blueprint(tenant.id, &name, &fields, &groups, actor)
            .await
            .map_err(|error| located(&error, &Loaded::shown(loaded)))?;
    }
    Ok(())
}
