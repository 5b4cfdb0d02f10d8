//! Looking at what a connection offers before anything is saved: objects, a proposed mapping, a preview.

use std::collections::BTreeSet;

use syncline_core::batch::{Batch, Projection};
use syncline_core::connector::Connector;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::Io;
use syncline_core::job::{Budget, Job, Progress, Pull, Start};
use syncline_core::mapping::{
    LeftOut, Mapping, PreviewRecord, Proposal, RowSample, SidePlace, compile, preview, propose, unfilled_required,
};
use syncline_core::model::{Blueprint, Field, Finding};
use syncline_core::schema::{ObjectInfo, ObjectSchema};
use syncline_core::store::{DocumentKind, DocumentQuery, Mode};

use super::blueprint::extend;
use super::service::load_connection;
use super::{NewSync, Schedule, SweepInterval, Sync, SyncStatus};
use crate::actor::{Action, Actor};
use crate::connection::Connection;
use crate::document;
use crate::engine::Engine;
use crate::http::StopFlag;

/// Records that a proposal learns from.
const SAMPLES: usize = 50;

/// Most fields that samples are read with: more do not fit into a URL.
const SAMPLED_FIELDS: usize = 150;

/// What a mapping would do to live records. Nothing is stored or written.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Preview {
    /// The sample records, mapped.
    pub records: Vec<PreviewRecord>,
    /// Required fields of the blueprint that nothing fills.
    pub unfilled: Vec<String>,
    /// Everything worth knowing about the mapping. With an error among them there are no records.
    pub findings: Vec<Finding>,
}

impl NewSync {
    /// A sync of a mapping on a connection, with the fields that its blueprint may still lack, every hour.
    pub fn new(name: impl Into<String>, connection: &Connection, mapping: Mapping, fields: Vec<Field>) -> Self {
        Self {
            name: name.into(),
            connection: connection.id,
            mapping,
            fields,
            groups: Vec::new(),
            schedule: Schedule::default(),
            sweep: SweepInterval::default(),
            files: false,
            start: false,
        }
    }

    /// A sync of a proposed mapping on a connection, with the fields that its blueprint still lacks, every hour.
    pub fn proposed(name: impl Into<String>, connection: &Connection, proposal: Proposal) -> Self {
        Self::new(name, connection, proposal.mapping, proposal.new_fields)
    }
}

impl Engine {
    /// The objects that can be synced over a connection, sorted by name.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::Refused`] or [`ErrorKind::Reauthorise`] for a connection that
    /// can't be used; as [`Connector::objects`].
    pub async fn objects(&self, connection: &Connection, actor: &Actor) -> Result<Vec<ObjectInfo>> {
        self.inner.allow_in(actor, connection.tenant, Action::ReadMappings)?;
        let connector = self.inner.connector(&connection.provider)?;
        let io = self.inner.connections.io_for_work(connection, StopFlag::new()).await?;
        connector.objects(io.as_ref(), &connection.config()).await
    }

    /// Proposes a mapping of an object to a blueprint, from both schemas and some records. Without the name of a
    /// blueprint it takes the standard one for this object, or a new one; with the name of one that does not exist, a
    /// new one of that name.
    ///
    /// What refers to records of an object that no sync of the connection reads is left out, with a note: save the sync
    /// of companies before that of people.
    ///
    /// # Errors
    /// As [`Engine::objects`]; [`ErrorKind::NotFound`] for an object that is not there.
    pub async fn propose(
        &self,
        connection: &Connection,
        object: &str,
        blueprint: Option<&str>,
        actor: &Actor,
    ) -> Result<Proposal> {
        self.propose_beside(connection, object, blueprint, &[], actor).await
    }

    /// As [`Engine::propose`], where syncs of these objects are going to be saved as well.
    ///
    /// # Errors
    /// As [`Engine::propose`].
    pub async fn propose_beside(
        &self,
        connection: &Connection,
        object: &str,
        blueprint: Option<&str>,
        planned: &[&str],
        actor: &Actor,
    ) -> Result<Proposal> {
        self.inner.allow_in(actor, connection.tenant, Action::ReadMappings)?;
        let mut schema = self.describe_anew(connection, object).await?;
        let excluded = self.excluded(connection, object).await?;
        schema.fields.retain(|field| !excluded.contains(&field.path));
        let provider = connection.provider.as_str();
        let first = {
            let named = self.known_or_empty(connection, blueprint).await?;
            propose(named.as_ref(), &schema, provider, &[])
        };
        // Now that its name is known: the standard blueprint may be there already, with fields of its own.
        let target = self.known_or_empty(connection, Some(&first.mapping.blueprint)).await?;
        let target = target.filter(|target| blueprint.is_some() || !target.fields.is_empty());
        let mut paths: Vec<&str> = first
            .mapping
            .rules
            .iter()
            .flat_map(|rule| &rule.remote)
            .chain(first.left_out.iter().map(|left_out| &left_out.remote))
            .map(String::as_str)
            .collect();
        paths.truncate(SAMPLED_FIELDS);
        let sampled = |references: bool| {
            let fields = schema
                .fields
                .iter()
                .filter(|field| paths.contains(&field.path.as_str()) && (references || field.references.is_empty()));
            Projection::new(fields.map(|field| (field.path.as_str(), field.value_kind)))
        };
        let mut projection = sampled(true);
        let page = match self.sample(connection, object, &projection, SAMPLES).await {
            Ok(page) => page,
            // What a record refers to may be out of reach of the connection, which is no reason not to map the rest.
            Err(_) => {
                projection = sampled(false);
                self.sample(connection, object, &projection, SAMPLES).await?
            }
        };
        let samples = RowSample::from_batch(&projection, &page)?;
        let mut proposal = propose(target.as_ref(), &schema, provider, &samples);
        let synced = self.synced_objects(connection).await?;
        proposal.leave_out_references(&schema, |referred| {
            referred == object || planned.contains(&referred) || synced.iter().any(|synced| synced == referred)
        });
        proposal.left_out.extend(excluded.iter().map(|path| LeftOut {
            remote: path.clone(),
            reason: "a sync of this object excludes it".to_owned(),
        }));
        proposal.mapping.excluded.extend(excluded);
        Ok(proposal)
    }

    /// The fields of an object that a sync of this connection excludes: they are not even sampled.
    async fn excluded(&self, connection: &Connection, object: &str) -> Result<BTreeSet<String>> {
        let mut tx = self.inner.store.begin(Mode::Read).await?;
        let query = DocumentQuery::new(DocumentKind::Sync)
            .tenant(connection.tenant)
            .scope(connection.id);
        let syncs = document::find::<Sync>(tx.as_mut(), &query).await?;
        Ok(syncs
            .into_iter()
            .filter(|sync| sync.status != SyncStatus::Deleted && sync.mapping.object == object)
            .flat_map(|sync| sync.value.mapping.excluded)
            .collect())
    }

    /// The objects that syncs of a connection read.
    async fn synced_objects(&self, connection: &Connection) -> Result<Vec<String>> {
        let mut tx = self.inner.store.begin(Mode::Read).await?;
        let query = DocumentQuery::new(DocumentKind::Sync).tenant(connection.tenant);
        let syncs = document::find::<Sync>(tx.as_mut(), &query).await?;
        Ok(syncs
            .into_iter()
            .map(|sync| sync.value)
            .filter(|sync| sync.connection == connection.id && sync.status != SyncStatus::Deleted)
            .map(|sync| sync.mapping.object)
            .collect())
    }

    async fn known_or_empty(&self, connection: &Connection, name: Option<&str>) -> Result<Option<Blueprint>> {
        let Some(name) = name else { return Ok(None) };
        let mut tx = self.inner.store.begin(Mode::Read).await?;
        let known = document::by_key::<Blueprint>(tx.as_mut(), connection.tenant, 0, name).await?;
        let empty = || Blueprint::new(0, connection.tenant, name, Vec::new());
        Ok(Some(known.map_or_else(empty, |known| known.value)))
    }

    /// Shows what a mapping would make of up to `records` live records. Nothing is stored or written.
    ///
    /// # Errors
    /// As [`Engine::propose`].
    pub async fn preview(&self, new: &NewSync, records: usize, actor: &Actor) -> Result<Preview> {
        let findings = self.syncs().check(new, actor).await?;
        let connection = load_connection(&self.inner, new.connection, actor).await?;
        let schema: ObjectSchema = self.describe_anew(&connection, &new.mapping.object).await?;
        let blueprint = {
            // Never committed: a preview leaves the blueprint as it is.
            let mut tx = self.inner.store.begin(Mode::Write).await?;
            extend(
                tx.as_mut(),
                connection.tenant,
                &new.mapping.blueprint,
                &new.fields,
                &new.groups,
                (self.inner.clock.now(), &actor.name),
            )
            .await?
        };
        let place = SidePlace {
            side: 0,
            slot: 0,
            label: format!("{} {}", connection.name, new.mapping.object),
            role: self.inner.connector(&connection.provider)?.manifest().role,
            rank: 0,
        };
        let Ok(side) = compile(&new.mapping, &blueprint, &schema, &self.inner.lenses, place) else {
            return Ok(Preview {
                records: Vec::new(),
                unfilled: Vec::new(),
                findings,
            });
        };
        let page = self
            .sample(&connection, &new.mapping.object, &side.projection, records)
            .await?;
        let mut mapped = preview(&side, &blueprint, &page);
        mapped.truncate(records);
        Ok(Preview {
            records: mapped,
            unfilled: unfilled_required(&side, &blueprint),
            findings,
        })
    }

    /// The first records of an object, at least `records` if there are so many.
    async fn sample(
        &self,
        connection: &Connection,
        object: &str,
        projection: &Projection,
        records: usize,
    ) -> Result<Batch> {
        let connector = self.inner.connector(&connection.provider)?;
        let io = self.inner.connections.io_for_work(connection, StopFlag::new()).await?;
        first_page(connector.as_ref(), io.as_ref(), connection, object, projection, records).await
    }
}

async fn first_page(
    connector: &dyn Connector,
    io: &dyn Io,
    connection: &Connection,
    object: &str,
    projection: &Projection,
    records: usize,
) -> Result<Batch> {
    let job = Job::Pull(Pull {
        object: object.to_owned(),
        projection: projection.clone(),
        start: Start::Beginning,
        conditions: Vec::new(),
        page_size: Some(records.max(1)),
    });
    let mut task = connector.open(&connection.config(), job, None)?;
    let mut batch = Batch::new(projection.fields.len());
    let budget = Budget {
        rows: records.max(1),
        ..Budget::default()
    };
    // An account without records ends at once; an empty page in between is legal.
    for _ in 0..10 {
        batch.clear();
        let progress = task.step(io, budget, &mut batch).await?;
        match progress {
            Progress::Done { .. } => return Ok(batch),
            Progress::More { .. } if batch.rows().next().is_some() => return Ok(batch),
            Progress::More { .. } => {}
            Progress::Wait { .. } => {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("`{object}` can't be sampled at the moment; the provider makes us wait"),
                ));
            }
        }
    }
    Ok(batch)
}
