//! Reading the audit trail, verified block by block, for what happened to the values of edits.

use std::collections::{BTreeSet, HashMap};

use syncline::audit::{AuditEntry, AuditKind, open_block};
use syncline::model::GroupId;
use syncline::store::Mode;
use syncline::{Result, Value};
use uuid::Uuid;

use super::edit::Edit;
use super::world::World;

/// Blocks read at once.
const BLOCKS: usize = 64;

/// An edit that lost to another.
#[derive(Debug, Clone)]
pub(super) struct Lost {
    pub(super) entity: Uuid,
    pub(super) blueprint: &'static str,
    pub(super) group: GroupId,
    pub(super) lost: String,
    pub(super) won: String,
    pub(super) note: String,
}

/// What the audit says since the users began to work.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// The last block that was read.
    seq: u64,
    /// Values that are named as losers of a conflict.
    losers: BTreeSet<String>,
    /// Values that a decision replaced.
    replaced: BTreeSet<String>,
    /// Kinds of the entries about a remote record.
    records: HashMap<String, BTreeSet<AuditKind>>,
    /// Kinds of the entries about an entity as a whole.
    entities: HashMap<Uuid, BTreeSet<AuditKind>>,
    /// Every edit that lost to another.
    pub(super) lost: Vec<Lost>,
}

/// What is looked for.
struct Wanted<'a> {
    values: HashMap<&'a str, &'static str>,
    records: BTreeSet<&'a str>,
    entities: BTreeSet<Uuid>,
}

impl Trail {
    /// A trail that begins behind the last block there is.
    ///
    /// # Errors
    /// What the store reports.
    pub(super) async fn from_here(world: &World) -> Result<Self> {
        let mut tx = world.store.begin(Mode::Read).await?;
        let (seq, _) = tx.audit_head(world.tenant).await?;
        Ok(Self { seq, ..Self::default() })
    }

    /// Reads what was written since, remembering what concerns these edits.
    ///
    /// # Errors
    /// What the store reports, and `Corrupt` when the chain is broken.
    pub(super) async fn read_on(&mut self, world: &World, edits: &[Edit]) -> Result<()> {
        let wanted = Wanted {
            values: edits
                .iter()
                .filter_map(|edit| Some((edit.trace()?.1, edit.blueprint)))
                .collect(),
            records: edits.iter().filter_map(|edit| edit.record.as_deref()).collect(),
            entities: edits.iter().filter_map(|edit| edit.entity).collect(),
        };
        loop {
            let blocks = {
                let mut tx = world.store.begin(Mode::Read).await?;
                tx.audit(world.tenant, None, self.seq, BLOCKS).await?
            };
            let Some(last) = blocks.last().map(|block| block.seq) else {
                return Ok(());
            };
            for block in &blocks {
                for entry in open_block(block)? {
                    self.take(&entry, &wanted);
                }
            }
            self.seq = last;
        }
    }

    fn take(&mut self, entry: &AuditEntry, wanted: &Wanted<'_>) {
        // The winner's entry names the loser that it replaced; a loser that came late has an entry of its own.
        let settles = match entry.kind {
            AuditKind::Overruled => true,
            AuditKind::Decided => entry.note.starts_with("won a conflict"),
            _ => false,
        };
        for text in entry.before.iter().filter_map(Value::as_text) {
            let Some(blueprint) = wanted.values.get(text) else {
                continue;
            };
            if settles {
                self.losers.insert(text.to_owned());
                self.lost.push(Lost {
                    entity: entry.entity,
                    blueprint,
                    group: entry.group,
                    lost: text.to_owned(),
                    won: texts(&entry.after),
                    note: entry.note.clone(),
                });
            } else if matches!(entry.kind, AuditKind::Decided | AuditKind::ConflictResolved) {
                self.replaced.insert(text.to_owned());
            }
        }
        if wanted.records.contains(entry.ext.as_str()) {
            self.records.entry(entry.ext.clone()).or_default().insert(entry.kind);
        }
        if wanted.entities.contains(&entry.entity) {
            self.entities.entry(entry.entity).or_default().insert(entry.kind);
        }
    }

    /// Whether the audit names the value as the loser of a conflict.
    pub(super) fn names_loser(&self, value: &str) -> bool {
        self.losers.contains(value)
    }

    /// Whether a decision that was no conflict replaced the value.
    pub(super) fn was_replaced(&self, value: &str) -> bool {
        self.replaced.contains(value)
    }

    /// Whether an entry of one of these kinds is about the remote record.
    pub(super) fn tells_of_record(&self, record: &str, kinds: &[AuditKind]) -> bool {
        self.records
            .get(record)
            .is_some_and(|found| kinds.iter().any(|kind| found.contains(kind)))
    }

    /// Whether an entry of one of these kinds is about the entity.
    pub(super) fn tells_of_entity(&self, entity: Uuid, kinds: &[AuditKind]) -> bool {
        self.entities
            .get(&entity)
            .is_some_and(|found| kinds.iter().any(|kind| found.contains(kind)))
    }
}

/// Values in one line.
pub(super) fn texts(values: &[Value]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
