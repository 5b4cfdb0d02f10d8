//! Undoing what was written to one record.

use syncline_core::audit::AuditKind;
use syncline_core::error::Result;
use syncline_core::lens::{LensContext, NoLinks};
use syncline_core::mapping::SideGroup;
use syncline_core::model::PRESENCE;
use syncline_core::plan;
use syncline_core::state::{Linked, Operation, OperationState, OperationVerb, Presence, SideFlags};
use syncline_core::value::{Value, decode_all};

use super::super::context::SyncContext;
use super::super::model::{PlannedChange, RollbackRelease, Run};
use super::super::page::uid;
use super::super::session::Page;
use super::written::Written;
use super::{Rollback, SHOWN_CHANGES, Undone, name_of};

impl Rollback<'_> {
    /// Undoes what was written to one record, if it is still there; returns the write that this takes.
    pub(super) async fn undo_record(
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
                self.lift(page, blueprint, sides, linked, group.group, rev).await?;
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
        let side = &mut linked.sides[index];
        page.audit.push(plan::written(
            AuditKind::Intended,
            linked.entity.uid,
            side.ext.as_deref(),
            &operation,
            &context.mapping,
            &context.blueprint,
        ));
        side.flags.set(SideFlags::IN_FLIGHT);
        side.flags.clear(SideFlags::PUSH);
        operation
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
