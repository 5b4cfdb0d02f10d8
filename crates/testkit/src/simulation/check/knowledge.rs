//! Everything that the store holds at one moment, for the checks.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use syncline_core::Value;
use syncline_core::audit::{AuditEntry, AuditKind, open_block};
use syncline_core::error::Result;
use syncline_core::model::GroupId;
use syncline_core::state::{Linked, Operation, OperationState, SideId};
use syncline_core::store::{AuditBlock, DocumentKind, DocumentQuery, EntityQuery, Mode};
use uuid::Uuid;

use crate::simulation::crm::Object;
use crate::simulation::scenario::TITLE;
use crate::simulation::world::World;

/// One audit entry with its tenant.
#[derive(Debug)]
pub(in crate::simulation) struct Told {
    pub(in crate::simulation) tenant: usize,
    pub(in crate::simulation) at: Timestamp,
    pub(in crate::simulation) entry: AuditEntry,
}

/// An entity with its sides, its tenant and what it is.
#[derive(Debug)]
pub(in crate::simulation) struct Known {
    pub(in crate::simulation) tenant: usize,
    pub(in crate::simulation) object: Object,
    pub(in crate::simulation) linked: Linked,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(in crate::simulation) struct Knowledge {
    pub(in crate::simulation) entities: Vec<Known>,
    /// Positions in `entities`.
    pub(in crate::simulation) by_uid: BTreeMap<Uuid, usize>,
    pub(in crate::simulation) by_ext: BTreeMap<(SideId, String), Uuid>,
    pub(in crate::simulation) audit: Vec<Told>,
    pub(in crate::simulation) blocks: Vec<(usize, AuditBlock)>,
    pub(in crate::simulation) operations: Vec<Operation>,
    /// Bodies of open reviews, ignored ones too, by entity.
    pub(in crate::simulation) reviews: Vec<serde_json::Value>,
    pub(in crate::simulation) failures: Vec<serde_json::Value>,
    /// Why people were ever asked.
    pub(in crate::simulation) asked: BTreeSet<String>,
    /// Values that the audit names as losers, by tenant.
    pub(in crate::simulation) losers: BTreeSet<(usize, String)>,
    /// Fields of which the audit says that nothing lost against something.
    pub(in crate::simulation) emptied_losers: BTreeSet<(Uuid, GroupId)>,
}

/// A value as a text; empty for none.
pub(in crate::simulation) fn text_of(value: &Value) -> String {
    if value.is_empty() {
        String::new()
    } else {
        value.to_string()
    }
}

/// A value as it is compared: without blanks at the ends, without case, and a title by what a coarse CRM keeps of it.
pub(in crate::simulation) fn same_form(field: &str, text: &str) -> String {
    let text = text.trim().to_lowercase();
    if field == "title" {
        return text.chars().take(TITLE).collect::<String>().trim().to_owned();
    }
    text
}

impl Knowledge {
    /// Reads the store.
    ///
    /// # Errors
    /// What the store reports; damaged audit blocks.
    pub(in crate::simulation) async fn load(world: &World) -> Result<Self> {
        let mut tx = world.store.begin(Mode::Read).await?;
        let mut known = Self::default();
        for tenant in 0..world.scenario.tenants {
            let number = world.tenant(tenant);
            let blueprints = DocumentQuery::new(DocumentKind::Blueprint).tenant(number);
            for blueprint in tx.documents(&blueprints).await? {
                let object = match blueprint.key.as_deref() {
                    Some("company") => Object::Company,
                    _ => Object::Person,
                };
                let query = EntityQuery {
                    tenant: number,
                    blueprint: u32::try_from(blueprint.id).unwrap_or_default(),
                    after: 0,
                    deleted: None,
                    limit: 10_000,
                };
                let ids: Vec<i64> = tx.entities(&query).await?.iter().map(|entity| entity.id).collect();
                for linked in tx.load(&ids).await? {
                    known.by_uid.insert(linked.entity.uid, known.entities.len());
                    for side in &linked.sides {
                        if let Some(ext) = &side.ext {
                            known.by_ext.insert((side.key.side, ext.clone()), linked.entity.uid);
                        }
                    }
                    known.entities.push(Known { tenant, object, linked });
                }
            }
            let mut after = 0;
            loop {
                let blocks = tx.audit(number, None, after, 500).await?;
                let Some(last) = blocks.last() else { break };
                after = last.seq;
                for block in blocks {
                    for entry in open_block(&block)? {
                        let at = block.at;
                        known.audit.push(Told { tenant, at, entry });
                    }
                    known.blocks.push((tenant, block));
                }
            }
            for (kind, into) in [
                (DocumentKind::Review, &mut known.reviews),
                (DocumentKind::Failure, &mut known.failures),
            ] {
                for document in tx.documents(&DocumentQuery::new(kind).tenant(number)).await? {
                    if kind == DocumentKind::Review {
                        let reason = document.body["reason"].as_str().unwrap_or_default();
                        known.asked.insert(reason.to_owned());
                    }
                    if document.status != "resolved" {
                        into.push(document.body);
                    }
                }
            }
        }
        for side in world.all_sides().into_keys() {
            let states = [
                OperationState::Intent,
                OperationState::Sent,
                OperationState::Unknown,
                OperationState::Confirmed,
                OperationState::Superseded,
                OperationState::Rejected,
            ];
            known.operations.extend(tx.operations(side, &states, 10_000).await?);
        }
        known.follow_audit();
        Ok(known)
    }

    /// What the audit says of records that no side is linked to any more, and of values that lost.
    fn follow_audit(&mut self) {
        let mut by_ext = BTreeMap::new();
        for Told { tenant, entry, .. } in &self.audit {
            if !entry.ext.is_empty() {
                // Later entries know better: a record may first have been staged under an entity of its own.
                by_ext.insert((entry.side, entry.ext.clone()), entry.entity);
            }
            let names = match entry.kind {
                AuditKind::Overruled
                | AuditKind::ConflictOpened
                | AuditKind::ConflictResolved
                | AuditKind::LateWriteOrUser
                | AuditKind::WriteIgnored
                | AuditKind::Agreed
                | AuditKind::Merged
                | AuditKind::RolledBack => true,
                AuditKind::Decided => ["conflict", "merged", "rolls run"]
                    .iter()
                    .any(|why| entry.note.contains(why)),
                _ => false,
            };
            if names {
                let is_nothing = |values: &[Value]| values.iter().all(Value::is_empty);
                if is_nothing(&entry.before) || is_nothing(&entry.after) {
                    self.emptied_losers.insert((entry.entity, entry.group));
                }
                let values = entry.before.iter().chain(match entry.kind {
                    AuditKind::ConflictOpened | AuditKind::Merged => entry.after.as_slice(),
                    _ => &[],
                });
                for value in values {
                    self.losers.insert((*tenant, value.to_string().trim().to_lowercase()));
                    self.losers.insert((*tenant, same_form("title", &value.to_string())));
                }
            }
        }
        for (record, entity) in by_ext {
            self.by_ext.entry(record).or_insert(entity);
        }
    }

    /// The entity that a remote record belongs to, or belonged to.
    pub(in crate::simulation) fn of_record(&self, side: SideId, ext: &str) -> Option<&Known> {
        let uid = self.by_ext.get(&(side, ext.to_owned()))?;
        self.entities.get(*self.by_uid.get(uid)?)
    }

    pub(in crate::simulation) fn of_uid(&self, uid: &str) -> Option<&Known> {
        let uid: Uuid = uid.parse().ok()?;
        self.entities.get(*self.by_uid.get(&uid)?)
    }

    /// Whether an open conflict or failure speaks of a record, an entity or a value.
    pub(in crate::simulation) fn is_open(&self, what: &str) -> bool {
        !what.is_empty()
            && self
                .reviews
                .iter()
                .chain(&self.failures)
                .any(|body| body.to_string().to_lowercase().contains(&what.to_lowercase()))
    }

    /// Whether something about an entity waits for a person or failed.
    pub(in crate::simulation) fn is_held(&self, linked: &Linked) -> bool {
        let number = linked.entity.id;
        self.is_open(&linked.entity.uid.to_string())
            || self.reviews.iter().any(|review| {
                let candidates = review["candidates"].as_array();
                candidates.is_some_and(|candidates| candidates.iter().any(|candidate| candidate == number))
            })
            || self.failures.iter().any(|failure| failure["entity"] == number)
            || linked
                .sides
                .iter()
                .any(|side| side.ext.as_deref().is_some_and(|ext| self.is_failed(ext)))
    }

    fn is_failed(&self, ext: &str) -> bool {
        self.failures.iter().any(|failure| failure["record"] == ext)
    }
}

impl Known {
    /// The text of a field.
    pub(in crate::simulation) fn text(&self, field: &str) -> String {
        let position = self.object.fields().position(|name| name == field).unwrap_or_default();
        text_of(self.linked.entity.value(position))
    }

    /// The number of a field's group.
    pub(in crate::simulation) fn group(&self, field: &str) -> u16 {
        let position = self.object.fields().position(|name| name == field).unwrap_or_default();
        u16::try_from(position).unwrap_or_default() + 1
    }
}
