//! Everything that one run needs to know of one sync.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};

use syncline_core::connector::Connector;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::expression::Filter;
use syncline_core::flow::CompiledFlow;
use syncline_core::io::{Config, Io};
use syncline_core::mapping::{Direction, Mapping, Rule, SideMapping, SidePlace, Transform, compile};
use syncline_core::model::{Blueprint, GroupId};
use syncline_core::plan::{EarlierMapping, Force, Scene};
use syncline_core::schema::ObjectSchema;
use syncline_core::state::SideId;
use syncline_core::store::{DocumentKind, DocumentQuery, Transaction};

use super::RunParameters;
use super::links::{Links, ObjectSides};
use crate::connection::Connection;
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::flow::{compiled, flows_of};
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
    /// The remote account.
    pub(crate) account: String,
    pub(crate) force: Option<Force>,
    /// Which way the run lets values flow.
    pub(crate) direction: Direction,
    /// Earlier versions of the mapping.
    pub(crate) earlier: Vec<EarlierMapping>,
    pub(crate) actor: String,
    /// Whether a person is asked before anything is deleted.
    pub(crate) hold_deletes: bool,
    /// The flows over the blueprint, as they were when the run began.
    pub(crate) flows: Vec<CompiledFlow>,
    /// Entities up to this number were all read from this side first: nothing to match new records with.
    pub(crate) read_first: Arc<AtomicI64>,
    /// Whether it is known that the mapped fields are still there; see [`super::silence`].
    pub(crate) fields_are_there: Arc<AtomicBool>,
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
        let direction = parameters.direction.unwrap_or_default();
        mapping.create_in_app &= direction.pulls();
        mapping.create_in_crm &= direction.pushes();
        let earlier = earlier(inner, &sync, &connection.provider, &blueprint, &schema);
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
                match compile_sync(inner, &other, &other.name, &blueprint, &other_schema) {
                    Ok(mapping) => siblings.push(mapping),
                    // It can't run, which is told by its own runs; this one goes on as if it had been deleted.
                    Err(error) => tracing::warn!(sync = other.name, %error, "a sync of the same blueprint can't run"),
                }
            }
        }
        let filter = sync.mapping.filter.as_deref().map(Filter::compile).transpose()?;
        let flows = flows_of(tx, sync.tenant, sync.blueprint).await?;
        let flows = compiled(&flows, &blueprint);
        Ok(Self {
            flows,
            blueprint,
            mapping,
            siblings,
            objects,
            filter,
            connector,
            io,
            config: connection.config(),
            force,
            direction,
            earlier,
            actor: actor.to_owned(),
            hold_deletes: sync.hold_deletes || crate::restore::holds_deletes(tx).await?,
            account: connection.account.id.clone(),
            read_first: Arc::default(),
            fields_are_there: Arc::default(),
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
        scene = scene.earlier(self.side(), &self.earlier);
        scene.force = self.force;
        scene.direction = self.direction;
        scene.oscillation = Some(inner.settings.oscillation());
        scene.late_write_horizon = inner.settings.late_write_horizon;
        scene.hold_deletes = self.hold_deletes;
        scene.unique = Some(links);
        scene.flows = &self.flows;
        scene.actor = &self.actor;
        scene
    }

    /// Whether anything may be written in this run.
    pub(crate) fn writes(&self) -> bool {
        self.direction.pushes() && self.mapping.groups.iter().any(|group| group.direction.pushes())
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
        role: sync.role,
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

/// Whether two mappings map a group by the very same rules.
pub(crate) fn same_rules(before: &Mapping, now: &Mapping, blueprint: &Blueprint, group: GroupId) -> bool {
    let rules_of = |mapping: &Mapping| -> Vec<(Vec<String>, Vec<String>, Option<Transform>)> {
        let fields = blueprint.fields_of(group);
        let serves = |rule: &&Rule| {
            rule.fields
                .iter()
                .any(|name| blueprint.position(name).is_some_and(|field| fields.contains(&field)))
        };
        let mut rules: Vec<_> = mapping.rules.iter().filter(serves).collect();
        rules.sort_by(|a, b| (&a.fields, &a.remote).cmp(&(&b.fields, &b.remote)));
        rules
            .into_iter()
            .map(|rule| (rule.fields.clone(), rule.remote.clone(), rule.transform.clone()))
            .collect()
    };
    rules_of(before) == rules_of(now)
}

/// Earlier versions of a sync's mapping, as far as they still make sense, with the groups whose rules are the same now.
fn earlier(
    inner: &Inner,
    sync: &Sync,
    provider: &str,
    blueprint: &Blueprint,
    schema: &ObjectSchema,
) -> Vec<EarlierMapping> {
    sync.earlier
        .iter()
        .filter_map(|before| {
            let then = Sync {
                mapping: before.clone(),
                ..sync.clone()
            };
            let mapping = compile_sync(inner, &then, provider, blueprint, schema).ok()?;
            let groups = mapping.groups.iter().map(|group| group.group);
            let same = groups
                .filter(|&group| same_rules(before, &sync.mapping, blueprint, group))
                .collect();
            Some(EarlierMapping { mapping, same })
        })
        .collect()
}
