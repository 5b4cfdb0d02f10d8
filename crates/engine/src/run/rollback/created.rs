//! Undoing creates: an entity that the run made is deleted if nobody has touched it and nothing refers to it.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::audit::{AuditEntry, AuditKind, open_block};
use syncline_core::error::Result;
use syncline_core::model::{Blueprint, FieldType, PRESENCE};
use syncline_core::state::{Cause, Entity, EntityId, Linked, Presence, SideFlags, SideKey};
use syncline_core::store::{EntityQuery, InboxEntry};
use syncline_core::value::Value;
use uuid::Uuid;

use super::super::model::{RollbackRelease, Run};
use super::super::page::store;
use super::super::reporter::Reporter;
use super::super::session::{Page, Session};
use super::scan::{Created, same_values};
use super::{Rollback, Undone, name_of};
use crate::document::Versioned;
use crate::entity::{is_provisional, spare_held};

/// How many live entities refer to each of some others.
pub(super) type References = BTreeMap<Uuid, u64>;

impl Rollback<'_> {
    /// Deletes what the run created, newest first, so that children go before their parents.
    pub(super) async fn undo_created(
        &self,
        session: &mut Session<'_>,
        run: &mut Versioned<Run>,
        created: Vec<Created>,
        reporter: &Reporter,
    ) -> Result<()> {
        if created.is_empty() {
            return Ok(());
        }
        let wanted: BTreeSet<Uuid> = created.iter().map(|created| created.uid).collect();
        let mut references = self.references(session, run, &wanted).await?;
        let size = self.inner.settings.page_rows.max(1);
        let newest_first: Vec<Created> = created.into_iter().rev().collect();
        for created in newest_first.chunks(size) {
            reporter.check_stop()?;
            let mut page = session.begin().await?;
            let uids: Vec<Uuid> = created.iter().map(|created| created.uid).collect();
            let numbers: Vec<EntityId> = page
                .tx()?
                .find_uids(self.undone.tenant, &uids)
                .await?
                .into_iter()
                .flatten()
                .collect();
            let loaded = page.tx()?.load(&numbers).await?;
            let mut known: BTreeMap<Uuid, Linked> =
                loaded.into_iter().map(|linked| (linked.entity.uid, linked)).collect();
            let mut changed = Vec::new();
            for created in created {
                let Some(linked) = known.remove(&created.uid) else {
                    continue;
                };
                let Some((blueprint, _)) = self.blueprints.get(&linked.entity.blueprint) else {
                    continue;
                };
                let blueprint = blueprint.clone();
                let (undone, kept) = self
                    .undo_create(&mut page, run, &blueprint, linked, created, &mut references)
                    .await?;
                self.count(run, blueprint.id, created.side, undone);
                changed.extend(kept);
            }
            store(page.tx()?, &changed).await?;
            session.commit(page, run).await?;
        }
        Ok(())
    }

    /// Deletes one entity, and returns it where it is to be stored.
    async fn undo_create(
        &self,
        page: &mut Page,
        run: &mut Run,
        blueprint: &Blueprint,
        mut linked: Linked,
        created: &Created,
        references: &mut References,
    ) -> Result<(Undone, Option<Linked>)> {
        if linked.entity.deleted || is_provisional(&linked) {
            return Ok((Undone::Already, None));
        }
        let index = linked.side_index(created.side);
        let record = index
            .and_then(|index| linked.sides[index].ext.clone())
            .unwrap_or(created.uid.to_string());
        let diverged = |run: &mut Run, reason: String| {
            run.diverge(record.clone(), name_of(blueprint, PRESENCE), reason);
            Ok((Undone::Diverged, None))
        };
        if !self.is_untouched(page, &linked, created).await? {
            return diverged(run, "the run created it, and it was changed since".to_owned());
        }
        let children = references.get(&created.uid).copied().unwrap_or(0);
        if children > 0 {
            return diverged(
                run,
                format!("the run created it, and {children} other records refer to it now"),
            );
        }
        for uid in referred(blueprint, &linked.entity) {
            if let Some(count) = references.get_mut(&uid) {
                *count = count.saturating_sub(1);
            }
        }
        if self.release == RollbackRelease::AcceptSourceNext {
            let [side] = linked.sides.as_slice() else {
                return diverged(
                    run,
                    "the run created it, and other CRMs have it as well by now".to_owned(),
                );
            };
            if let Some(ext) = &side.ext {
                // Read anew by the next run, as if it had never been seen.
                let seq = self.inner.marks.next(self.inner.clock.now()).0;
                page.tx()?
                    .put_hints(&[InboxEntry {
                        side: side.key.side,
                        ext: ext.clone(),
                        seq,
                    }])
                    .await?;
            }
            let keys: Vec<SideKey> = linked.sides.iter().map(|side| side.key).collect();
            self.decide(page, run, blueprint, &mut linked, PRESENCE, vec![Value::Bool(false)]);
            page.tx()?.delete_sides(&keys).await?;
            page.tx()?.delete_entities(&[linked.entity.id]).await?;
            return Ok((Undone::Deleted, None));
        }
        for (place, side) in linked.sides.iter_mut().enumerate() {
            if self.release == RollbackRelease::Hold && Some(place) == index {
                // The tombstone: the record stays where it came from, and does not come back by itself.
                side.presence = Presence::Unlinked;
                side.flags = SideFlags::default();
                page.audit.push(
                    AuditEntry::new(AuditKind::Unlinked, created.uid, side.key.side, side.ext.as_deref()).note(
                        format!(
                            "{}: rolls run {} back; the CRM keeps its record",
                            run.initiator, self.undone.id
                        ),
                    ),
                );
            } else {
                side.flags.set(SideFlags::PUSH);
            }
        }
        spare_held(&mut linked);
        self.decide(page, run, blueprint, &mut linked, PRESENCE, vec![Value::Bool(false)]);
        Ok((Undone::Deleted, Some(linked)))
    }

    /// Whether an entity is as the run made it: no later decision, or only ones that are rolled back.
    async fn is_untouched(&self, page: &mut Page, linked: &Linked, created: &Created) -> Result<bool> {
        if linked.entity.rev == created.rev {
            return Ok(true);
        }
        if linked
            .entity
            .decisions
            .last()
            .is_none_or(|last| last.cause != Cause::Rollback)
        {
            return Ok(false);
        }
        // Rare enough to look the entry up: the run created the entity, changed it later, and that is undone by now.
        let mut after = 0;
        loop {
            let blocks = page
                .tx()?
                .audit(self.undone.tenant, Some(self.undone.id), after, super::scan::BLOCKS)
                .await?;
            let Some(last) = blocks.last() else { return Ok(false) };
            after = last.seq;
            for block in &blocks {
                let entries = open_block(block)?;
                let entry = entries
                    .iter()
                    .find(|entry| entry.kind == AuditKind::Created && entry.entity == created.uid);
                if let Some(entry) = entry {
                    return Ok(same_values(&linked.entity.values, &entry.after));
                }
            }
        }
    }

    /// Counts the live entities that refer to any of these.
    pub(super) async fn references(
        &self,
        session: &mut Session<'_>,
        run: &mut Versioned<Run>,
        wanted: &BTreeSet<Uuid>,
    ) -> Result<References> {
        let mut references: References = wanted.iter().map(|uid| (*uid, 0)).collect();
        for (blueprint, _) in self.blueprints.values() {
            if !blueprint
                .fields
                .iter()
                .any(|field| matches!(field.kind, FieldType::Reference { .. }))
            {
                continue;
            }
            let mut query = EntityQuery {
                tenant: self.undone.tenant,
                blueprint: blueprint.id,
                after: 0,
                deleted: Some(false),
                limit: self.inner.settings.page_rows.max(1),
            };
            loop {
                let mut page = session.begin().await?;
                let entities = page.tx()?.entities(&query).await?;
                session.commit(page, run).await?;
                let Some(last) = entities.last() else { break };
                query.after = last.id;
                for uid in entities.iter().flat_map(|entity| referred(blueprint, entity)) {
                    if let Some(count) = references.get_mut(&uid) {
                        *count += 1;
                    }
                }
            }
        }
        Ok(references)
    }
}

/// The entities that an entity refers to.
fn referred(blueprint: &Blueprint, entity: &Entity) -> Vec<Uuid> {
    let is_reference = |kind: &FieldType| matches!(kind, FieldType::Reference { .. });
    let values = blueprint
        .fields
        .iter()
        .enumerate()
        .filter(|(_, field)| is_reference(&field.kind));
    values
        .flat_map(|(position, _)| match entity.value(position) {
            Value::List(list) => list.clone(),
            value => vec![value.clone()],
        })
        .filter_map(|value| value.as_text().and_then(|text| text.parse().ok()))
        .collect()
}
