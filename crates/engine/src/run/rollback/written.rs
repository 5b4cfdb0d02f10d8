//! Undoing writes: what the run wrote to its CRM is written back, where it is still there. The journal tells what that
//! was; the app's own value stays, and the fields are held so that it is not written again at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use syncline_core::error::Result;
use syncline_core::io::Io;
use syncline_core::mapping::SideGroup;
use syncline_core::model::GroupId;
use syncline_core::state::{EntityId, Operation, OperationState, OperationVerb, SideId};
use syncline_core::value::Value;

use super::super::context::SyncContext;
use super::super::model::{Ledger, RollbackRelease, Run, RunParameters};
use super::super::page::{store, take_page};
use super::super::pull::fetch;
use super::super::reporter::Reporter;
use super::super::session::Session;
use super::Rollback;
use super::created::References;
use crate::connection::Connection;
use crate::document::Versioned;
use crate::http::StopFlag;
use crate::sync::SyncStatus;

/// All that a run wrote to one record.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) created: bool,
    pub(super) mapping_version: u32,
    /// The hub's revision that was carried over last.
    pub(super) rev: u64,
    pub(super) groups: BTreeSet<GroupId>,
    /// By position in the projection: what was there before the first write, and what the last one wrote.
    fields: BTreeMap<u16, (Value, Value)>,
}

impl Written {
    fn add(&mut self, operation: &Operation) {
        self.created |= operation.verb == OperationVerb::Create;
        self.mapping_version = operation.mapping_version;
        self.rev = operation.rev;
        self.groups.extend(&operation.groups);
        for (path, after) in &operation.target {
            let before = || {
                let expected = operation.expected.iter().find(|(expected, _)| expected == path);
                expected.map(|(_, value)| value.clone()).unwrap_or_default()
            };
            self.fields.entry(*path).or_insert_with(|| (before(), Value::Null)).1 = after.clone();
        }
    }

    /// What a group held before and after the run, given what it holds now.
    pub(super) fn of(&self, group: &SideGroup, row: &[Value]) -> [Vec<Value>; 3] {
        let now: Vec<Value> = group
            .paths
            .iter()
            .map(|&path| row.get(path).cloned().unwrap_or_default())
            .collect();
        let overlaid = |pick: fn(&(Value, Value)) -> &Value| -> Vec<Value> {
            let fields = group.paths.iter().zip(&now).map(|(&path, now)| {
                let path = u16::try_from(path).ok().and_then(|path| self.fields.get(&path));
                path.map_or(now, pick).clone()
            });
            fields.collect()
        };
        [overlaid(|(before, _)| before), overlaid(|(_, after)| after), now]
    }
}

type WrittenBySide = BTreeMap<SideId, BTreeMap<EntityId, Written>>;

impl Rollback<'_> {
    /// Writes back what the run wrote. With [`RollbackRelease::AcceptSourceNext`] that would be in vain: the app still
    /// holds it, and the next run would write it again.
    pub(super) async fn undo_writes(
        &self,
        session: &mut Session<'_>,
        run: &mut Versioned<Run>,
        connection: &Connection,
        confirmed: u64,
        reporter: &Reporter,
        stop: &StopFlag,
    ) -> Result<()> {
        if self.release == RollbackRelease::AcceptSourceNext || confirmed == 0 {
            return Ok(());
        }
        let written = self.written(session, run).await?;
        if written.is_empty() {
            let reason = format!(
                "the journal of what the run wrote to {} is no longer kept",
                connection.name
            );
            run.diverge(format!("{confirmed} writes"), "(all)".to_owned(), reason);
            return Ok(());
        }
        let io: Arc<dyn Io> = match self.inner.connections.io_for_work(connection, stop.clone()).await {
            Ok(io) => io,
            Err(error) => {
                let count: usize = written.values().map(BTreeMap::len).sum();
                run.diverge(format!("{count} records"), "(all)".to_owned(), error.to_string());
                return Ok(());
            }
        };
        for (side, written) in written {
            let sync = self
                .blueprints
                .values()
                .flat_map(|(_, sides)| &sides.syncs)
                .find(|sync| sync.side == side);
            let Some(sync) = sync.filter(|sync| sync.status != SyncStatus::Deleted) else {
                let reason = "the sync that wrote it is deleted; save it again to write it back";
                run.diverge(format!("{} records", written.len()), "(all)".to_owned(), reason);
                continue;
            };
            let mut page = session.begin().await?;
            let parameters = RunParameters::default();
            let initiator = run.initiator.clone();
            let context = SyncContext::load(
                self.inner,
                page.tx()?,
                sync.clone(),
                connection,
                io.clone(),
                &parameters,
                &initiator,
            )
            .await?;
            session.commit(page, run).await?;
            let written: Vec<(EntityId, Written)> = written.into_iter().collect();
            let references = self.children(session, run, &written).await?;
            for written in written.chunks((self.inner.settings.page_rows / 2).max(1)) {
                reporter.check_stop()?;
                self.undo_page(session, run, &context, written, &references, reporter)
                    .await?;
            }
        }
        Ok(())
    }

    /// What the run wrote, by side and record.
    async fn written(&self, session: &mut Session<'_>, run: &mut Versioned<Run>) -> Result<WrittenBySide> {
        let mut written = WrittenBySide::new();
        let mut after = None;
        loop {
            let mut page = session.begin().await?;
            let operations = page
                .tx()?
                .operations_of_run(self.undone.id, after, self.inner.settings.page_rows.max(1))
                .await?;
            session.commit(page, run).await?;
            let Some(last) = operations.last() else {
                return Ok(written);
            };
            after = Some(last.id);
            for operation in &operations {
                match (operation.state, operation.verb) {
                    (OperationState::Confirmed, OperationVerb::Create | OperationVerb::Update) => {
                        let by_entity = written.entry(operation.key.side).or_default();
                        by_entity.entry(operation.key.entity).or_default().add(operation);
                    }
                    (OperationState::Sent | OperationState::Unknown, _) => {
                        let reason = "whether this write was done is not known yet; roll back again after the next run";
                        run.diverge(operation.id.to_string(), "(write)".to_owned(), reason);
                    }
                    _ => {}
                }
            }
        }
    }

    /// How many records refer to those that the run created in the CRM.
    async fn children(
        &self,
        session: &mut Session<'_>,
        run: &mut Versioned<Run>,
        written: &[(EntityId, Written)],
    ) -> Result<References> {
        let created: Vec<EntityId> = written
            .iter()
            .filter(|(_, written)| written.created)
            .map(|(entity, _)| *entity)
            .collect();
        if created.is_empty() {
            return Ok(References::new());
        }
        let mut uids = BTreeSet::new();
        for created in created.chunks(self.inner.settings.page_rows.max(1)) {
            let mut page = session.begin().await?;
            uids.extend(page.tx()?.load(created).await?.iter().map(|linked| linked.entity.uid));
            session.commit(page, run).await?;
        }
        self.references(session, run, &uids).await
    }

    async fn undo_page(
        &self,
        session: &mut Session<'_>,
        run: &mut Versioned<Run>,
        context: &SyncContext,
        written: &[(EntityId, Written)],
        references: &References,
        reporter: &Reporter,
    ) -> Result<()> {
        let ids: Vec<EntityId> = written.iter().map(|(entity, _)| *entity).collect();
        let by_hand = self.release == RollbackRelease::Hold && !session.is_dry();
        if by_hand {
            self.guard_read(session, run, context, &ids).await?;
        }
        let mut page = session.begin().await?;
        let mut loaded = page.tx()?.load(&ids).await?;
        let mut operations = Vec::new();
        let mut ledger = Ledger::default();
        for linked in &mut loaded {
            let Some((_, written)) = written.iter().find(|(entity, _)| *entity == linked.entity.id) else {
                continue;
            };
            let children = references.get(&linked.entity.uid).copied().unwrap_or(0);
            let operation = self
                .undo_record(&mut page, run, context, linked, written, children)
                .await?;
            if let Some(operation) = operation {
                ledger.read += 1;
                match operation.verb {
                    OperationVerb::Delete => ledger.deleted += 1,
                    _ => ledger.updated += 1,
                }
                operations.push(operation);
            }
        }
        run.ledger(&context.sync.name, "push").add(&ledger);
        store(page.tx()?, &loaded).await?;
        page.tx()?
            .put_operations(&operations.iter().collect::<Vec<_>>())
            .await?;
        session.commit(page, run).await?;
        if operations.is_empty() || session.is_dry() {
            return Ok(());
        }
        let held: Vec<(EntityId, Vec<GroupId>)> = operations
            .iter()
            .map(|operation| (operation.key.entity, operation.groups.clone()))
            .collect();
        super::super::send::send(self.inner, context, session, run, operations, &[], reporter).await?;
        self.show_held(session, run, context, &held).await
    }

    /// Reads the records strongly before anything is decided about them.
    async fn guard_read(
        &self,
        session: &mut Session<'_>,
        run: &mut Versioned<Run>,
        context: &SyncContext,
        ids: &[EntityId],
    ) -> Result<()> {
        let mut page = session.begin().await?;
        let loaded = page.tx()?.load(ids).await?;
        session.commit(page, run).await?;
        let exts: Vec<String> = loaded
            .iter()
            .filter_map(|linked| linked.side_index(context.side()).map(|index| &linked.sides[index]))
            .filter(|side| side.presence.is_live())
            .filter_map(|side| side.ext.clone())
            .collect();
        let size = context.connector.manifest().capabilities.read.fetch_size.max(1);
        for exts in exts.chunks(size) {
            let (batch, mark) = fetch(self.inner, context, exts.to_vec()).await?;
            let mut page = session.begin().await?;
            let tally = take_page(self.inner, context, &mut page, run, &batch, batch.len(), mark).await?;
            run.ledger(&context.sync.name, "pull").add(&tally.ledger);
            session.commit(page, run).await?;
        }
        Ok(())
    }

    /// Shows in the held items what the sides hold after the writes.
    async fn show_held(
        &self,
        session: &mut Session<'_>,
        run: &mut Versioned<Run>,
        context: &SyncContext,
        held: &[(EntityId, Vec<GroupId>)],
    ) -> Result<()> {
        let Some((blueprint, sides)) = self.blueprints.get(&context.blueprint.id) else {
            return Ok(());
        };
        let mut page = session.begin().await?;
        let ids: Vec<EntityId> = held.iter().map(|(entity, _)| *entity).collect();
        let mut loaded = page.tx()?.load(&ids).await?;
        for linked in &mut loaded {
            let groups = held
                .iter()
                .find(|(entity, _)| *entity == linked.entity.id)
                .map(|(_, groups)| groups);
            let frozen: Vec<GroupId> = groups.into_iter().flatten().copied().collect();
            for group in frozen {
                if linked.entity.frozen_by(group).is_some() {
                    self.hold(&mut page, run, blueprint, sides, linked, context.side(), group)
                        .await?;
                }
            }
        }
        store(page.tx()?, &loaded).await?;
        session.commit(page, run).await
    }
}
