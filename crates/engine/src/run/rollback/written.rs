//! Undoing writes: what the run wrote to its CRM is written back, where it is still there. The journal tells what that
//! was; the app's own value stays, and the fields are held so that it is not written again at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::Result;
use syncline_core::io::Io;
use syncline_core::lens::{LensContext, NoLinks};
use syncline_core::mapping::SideGroup;
use syncline_core::model::{GroupId, PRESENCE};
use syncline_core::state::{EntityId, Linked, Operation, OperationState, OperationVerb, Presence, SideFlags, SideId};
use syncline_core::value::{Value, decode_all};

use super::super::context::SyncContext;
use super::super::model::{Ledger, PlannedChange, RollbackRelease, Run, RunParameters};
use super::super::pull::{fetch, store, take_page, uid};
use super::super::reporter::Reporter;
use super::super::session::{Page, Session};
use super::created::References;
use super::{Rollback, SHOWN_CHANGES, Undone, name_of};
use crate::connection::Connection;
use crate::document::Versioned;
use crate::http::StopFlag;
use crate::sync::SyncStatus;

/// All that a run wrote to one record.
#[derive(Debug, Default)]
struct Written {
    created: bool,
    mapping_version: u32,
    /// The hub's revision that was carried over last.
    rev: u64,
    groups: BTreeSet<GroupId>,
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
    fn of(&self, group: &SideGroup, row: &[Value]) -> [Vec<Value>; 3] {
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
        let io: Arc<dyn Io> = match self.inner.connections.io(connection, stop.clone()).await {
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
        super::super::push::send(self.inner, context, session, run, operations, reporter).await?;
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

    /// Undoes what was written to one record, if it is still there; returns the write that this takes.
    async fn undo_record(
        &self,
        page: &mut Page,
        run: &mut Run,
        context: &SyncContext,
        linked: &mut Linked,
        written: &Written,
        children: u64,
    ) -> Result<Option<Operation>> {
        let blueprint = &context.blueprint;
        let Some(index) = linked.side_index(context.side()) else {
            return Ok(None);
        };
        let side = &linked.sides[index];
        let record = side.ext.clone().unwrap_or_else(|| linked.entity.uid.to_string());
        let refusal = if written.mapping_version != context.mapping.version {
            Some("the mapping was changed since".to_owned())
        } else if side.flags.has(SideFlags::IN_FLIGHT) {
            Some("another write to it is under way".to_owned())
        } else if written.created && children > 0 {
            Some(format!("the run created it, and {children} other records refer to it"))
        } else {
            None
        };
        if let Some(reason) = refusal {
            run.diverge(record, name_of(blueprint, PRESENCE), reason);
            self.count(run, blueprint.id, context.side(), Undone::Diverged);
            return Ok(None);
        }
        if side.presence != Presence::Live {
            self.count(run, blueprint.id, context.side(), Undone::Already);
            return Ok(None);
        }
        let row = decode_all(&side.obs)?;
        let groups = context
            .mapping
            .groups
            .iter()
            .filter(|group| written.groups.contains(&group.group));
        let groups: Vec<(&SideGroup, [Vec<Value>; 3])> = groups.map(|group| (group, written.of(group, &row))).collect();
        let there = |group: &SideGroup, [_, after, now]: &[Vec<Value>; 3]| group.canon(now) == group.canon(after);
        if written.created {
            if !groups.iter().all(|(group, values)| there(group, values)) {
                run.diverge(
                    record,
                    name_of(blueprint, PRESENCE),
                    "the run created it, and it was changed since",
                );
                self.count(run, blueprint.id, context.side(), Undone::Diverged);
                return Ok(None);
            }
            show(run, context, &record, "delete", &[]);
            return Ok(Some(self.operation(
                page,
                run,
                context,
                linked,
                index,
                OperationVerb::Delete,
                &[],
            )));
        }
        let mut undo = Vec::new();
        for (group, values) in &groups {
            let [before, _, now] = values;
            if group.canon(before) == group.canon(now) {
                self.count(run, blueprint.id, context.side(), Undone::Already);
            } else if !there(group, values) {
                let reason = format!("it was changed in {} since", context.mapping.label);
                run.diverge(record.clone(), name_of(blueprint, group.group), reason);
                self.count(run, blueprint.id, context.side(), Undone::Diverged);
            } else if self.release == RollbackRelease::Everywhere {
                self.undo_in_app(page, run, context, linked, group, before, written.rev)
                    .await?;
            } else {
                undo.push((*group, before, now));
            }
        }
        if undo.is_empty() {
            return Ok(None);
        }
        let Some((blueprint, sides)) = self.blueprints.get(&linked.entity.blueprint) else {
            return Ok(None);
        };
        for (group, ..) in &undo {
            if self.undone.rolls_back.is_some() {
                let rev = linked.entity.rev;
                self.lift(page, linked, group.group, rev).await?;
            } else {
                self.hold(page, run, blueprint, sides, linked, context.side(), group.group)
                    .await?;
            }
        }
        let changes: Vec<(&SideGroup, &[Value], &[Value])> = undo
            .iter()
            .map(|(group, before, now)| (*group, now.as_slice(), before.as_slice()))
            .collect();
        show(run, context, &record, "update", &changes);
        Ok(Some(self.operation(
            page,
            run,
            context,
            linked,
            index,
            OperationVerb::Update,
            &changes,
        )))
    }

    /// The old value becomes the app's, and so that of every side.
    #[expect(
        clippy::too_many_arguments,
        reason = "a group is undone from exactly these, and each has another owner"
    )]
    async fn undo_in_app(
        &self,
        page: &mut Page,
        run: &mut Run,
        context: &SyncContext,
        linked: &mut Linked,
        group: &SideGroup,
        before: &[Value],
        rev: u64,
    ) -> Result<()> {
        let Some((blueprint, sides)) = self.blueprints.get(&linked.entity.blueprint) else {
            return Ok(());
        };
        let hub = linked.entity.group_values(blueprint, group.group);
        let links = sides.links(page.tx()?, linked).await?;
        let links: &dyn LensContext = links.get(&context.side()).map_or(&NoLinks, |links| links);
        let undone = match group.get(before, &hub, links) {
            // What the run itself had decided is undone in the app already; the side follows with the next run.
            _ if linked.entity.rev_of(group.group) > rev => Undone::Already,
            Ok(values) if values == hub => Undone::Already,
            Ok(values) => {
                self.decide(page, run, blueprint, linked, group.group, values);
                Undone::Restored
            }
            Err(error) => {
                run.diverge(
                    linked.entity.uid.to_string(),
                    name_of(blueprint, group.group),
                    error.message(),
                );
                Undone::Diverged
            }
        };
        for side in &mut linked.sides {
            side.flags.set(SideFlags::PUSH);
        }
        self.count(run, blueprint.id, context.side(), undone);
        Ok(())
    }

    /// Journals the write that undoes another.
    #[expect(
        clippy::too_many_arguments,
        reason = "a write is journaled with exactly these, and each has another owner"
    )]
    fn operation(
        &self,
        page: &mut Page,
        run: &Run,
        context: &SyncContext,
        linked: &mut Linked,
        index: usize,
        verb: OperationVerb,
        changes: &[(&SideGroup, &[Value], &[Value])],
    ) -> Operation {
        let now = self.inner.clock.now();
        let mut target = Vec::new();
        let mut expected = Vec::new();
        for (group, from, to) in changes {
            for (place, &path) in group
                .paths
                .iter()
                .enumerate()
                .filter(|(place, _)| from[*place] != to[*place])
            {
                let path = u16::try_from(path).unwrap_or(u16::MAX);
                target.push((path, to[place].clone()));
                expected.push((path, from[place].clone()));
            }
        }
        let operation = Operation {
            id: uid(self.inner),
            tenant: context.sync.tenant,
            key: linked.sides[index].key,
            run: run.id,
            verb,
            state: OperationState::Sent,
            attempts: 1,
            rev: linked.entity.rev,
            mapping_version: context.mapping.version,
            groups: changes.iter().map(|(group, ..)| group.group).collect(),
            target,
            expected,
            marker: None,
            not_before: None,
            sent_at: Some(now),
            created_at: now,
            error: None,
        };
        let values = |fields: &[(u16, Value)]| fields.iter().map(|(_, value)| value.clone()).collect();
        let side = &mut linked.sides[index];
        page.audit.push(
            AuditEntry::new(
                AuditKind::Intended,
                linked.entity.uid,
                context.side(),
                side.ext.as_deref(),
            )
            .values(0, operation.rev, values(&operation.expected), values(&operation.target))
            .note(operation.id.to_string()),
        );
        side.flags.set(SideFlags::IN_FLIGHT);
        side.flags.clear(SideFlags::PUSH);
        operation
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

/// Shows in a dry run's plan what a write would change.
fn show(
    run: &mut Run,
    context: &SyncContext,
    record: &str,
    action: &str,
    changes: &[(&SideGroup, &[Value], &[Value])],
) {
    if !run.parameters.dry_run {
        return;
    }
    let mut push = |field: String, before: &Value, after: &Value| {
        run.planned += 1;
        if run.plan.len() < SHOWN_CHANGES {
            run.plan.push(PlannedChange {
                target: context.sync.name.clone(),
                record: record.to_owned(),
                action: action.to_owned(),
                field,
                before: before.to_json(),
                after: after.to_json(),
            });
        }
    };
    if changes.is_empty() {
        push("(the record)".to_owned(), &Value::Bool(true), &Value::Bool(false));
    }
    for (group, from, to) in changes {
        for (place, &path) in group
            .paths
            .iter()
            .enumerate()
            .filter(|(place, _)| from[*place] != to[*place])
        {
            let field = context.mapping.projection.fields.get(path);
            push(
                field.map(|field| field.path.clone()).unwrap_or_default(),
                &from[place],
                &to[place],
            );
        }
    }
}
