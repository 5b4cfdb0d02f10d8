//! Everything that one run needs to know of one sync.

use std::sync::Arc;

use syncline_core::connector::Connector;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::expression::Filter;
use syncline_core::io::{Config, Io};
use syncline_core::mapping::{Direction, Role, SideMapping, SidePlace, compile};
use syncline_core::model::Blueprint;
use syncline_core::plan::{Force, Scene};
use syncline_core::schema::ObjectSchema;
use syncline_core::state::SideId;
use syncline_core::store::{DocumentKind, DocumentQuery, Transaction};

use super::RunParameters;
use super::links::{Links, ObjectSides};
use crate::connection::Connection;
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::sync::{Sync, SyncStatus};

/// A sync made ready to run.
#[derive(Clone)]
pub(crate) struct SyncContext {
    pub(crate) sync: Sync,
    pub(crate) blueprint: Blueprint,
    pub(crate) mapping: SideMapping,
    /// The other sides of the same blueprint.
    pub(crate) siblings: Vec<SideMapping>,
    /// The objects of the same connection.
    pub(crate) objects: ObjectSides,
    pub(crate) filter: Option<Filter>,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) io: Arc<dyn Io>,
    pub(crate) config: Config,
    pub(crate) force: Option<Force>,
    pub(crate) actor: String,
}

impl SyncContext {
    /// Loads and compiles a sync with its siblings.
    pub(crate) async fn load(
        inner: &Inner,
        tx: &mut dyn Transaction,
        sync: Sync,
        connection: &Connection,
        io: Arc<dyn Io>,
        parameters: &RunParameters,
        actor: &str,
    ) -> Result<Self> {
        let blueprint: Versioned<Blueprint> = document::get(tx, u64::from(sync.blueprint)).await?;
        let blueprint = blueprint.value;
        let connector = inner.connector(&connection.provider)?;
        let schema = schema_of(tx, sync.connection, &sync.mapping.object).await?;
        let mut mapping = compile_sync(inner, &sync, &connection.provider, &blueprint, &schema)?;
        if let Some(direction) = parameters.direction {
            restrict(&mut mapping, direction);
        }
        let source = match parameters.direction {
            Some(Direction::Push) => Force::App,
            _ => Force::Side(sync.side),
        };
        let force = parameters.force.then_some(source);
        let mut siblings = Vec::new();
        let mut objects = ObjectSides::new();
        let query = DocumentQuery::new(DocumentKind::Sync).tenant(sync.tenant);
        for other in document::find::<Sync>(tx, &query).await? {
            if other.connection == sync.connection && other.status != SyncStatus::Deleted {
                objects.insert(other.mapping.object.clone(), other.side);
            }
            if other.blueprint == sync.blueprint && other.id != sync.id && other.status != SyncStatus::Deleted {
                let other_schema = schema_of(tx, other.connection, &other.mapping.object).await?;
                siblings.push(compile_sync(inner, &other, &other.name, &blueprint, &other_schema)?);
            }
        }
        let filter = sync.mapping.filter.as_deref().map(Filter::compile).transpose()?;
        Ok(Self {
            blueprint,
            mapping,
            siblings,
            objects,
            filter,
            connector,
            io,
            config: inner.connections.config(connection),
            force,
            actor: actor.to_owned(),
            sync,
        })
    }

    /// The scene for planning this sync's records.
    pub(crate) fn scene<'a>(&'a self, inner: &Inner, links: &'a Links, nothing: &'a Links) -> Scene<'a> {
        let now = inner.clock.now();
        let mut scene = Scene::new(&self.blueprint, now, inner.marks.next(now).0).side(&self.mapping, links);
        for sibling in &self.siblings {
            scene = scene.side(sibling, nothing);
        }
        scene.force = self.force;
        scene.late_write_horizon = inner.settings.late_write_horizon;
        scene.actor = &self.actor;
        scene
    }

    /// The side's number.
    pub(crate) const fn side(&self) -> SideId {
        self.sync.side
    }
}

/// The stored description of an object.
pub(crate) async fn schema_of(tx: &mut dyn Transaction, connection: u64, object: &str) -> Result<ObjectSchema> {
    let query = DocumentQuery::new(DocumentKind::Schema)
        .scope(connection)
        .key(object)
        .limit(1);
    let found = tx.documents(&query).await?.into_iter().next().ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            format!("`{object}` has not been described yet; run `check` on the connection"),
        )
    })?;
    serde_json::from_value(found.body)
        .map_err(|error| Error::new(ErrorKind::Corrupt, format!("the stored description of `{object}`")).because(error))
}

/// Compiles a sync's mapping.
pub(crate) fn compile_sync(
    inner: &Inner,
    sync: &Sync,
    provider: &str,
    blueprint: &Blueprint,
    schema: &ObjectSchema,
) -> Result<SideMapping> {
    let place = SidePlace {
        side: sync.side,
        slot: sync.slot,
        label: format!("{provider} {}", sync.mapping.object),
        role: Role::Crm,
        rank: sync.rank,
    };
    compile(&sync.mapping, blueprint, schema, &inner.lenses, place).map_err(|findings| {
        let text: Vec<String> = findings
            .iter()
            .map(|finding| format!("{}: {}", finding.place, finding.message))
            .collect();
        Error::new(
            ErrorKind::Invalid,
            format!("the mapping of sync `{}` can't run: {}", sync.name, text.join("; ")),
        )
    })
}

fn restrict(mapping: &mut SideMapping, direction: Direction) {
    for group in &mut mapping.groups {
        group.direction = group.direction.intersect(direction);
    }
    mapping.create_in_app &= direction.pulls();
    mapping.create_in_crm &= direction.pushes();
}
