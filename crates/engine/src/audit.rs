//! Reading, verifying and exporting the audit: what was written down for ever, with names instead of numbers.

use std::collections::BTreeMap;
use std::io::Write;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::audit::{AuditEntry, AuditKind, open_block};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{Blueprint, BlueprintId, PRESENCE, TenantId};
use syncline_core::state::SideId;
use syncline_core::store::{AuditBlock, DocumentKind, DocumentQuery, Mode, Transaction};
use syncline_core::value::Value;
use uuid::Uuid;

use crate::actor::{Action, Actor};
use crate::document;
use crate::engine::Engine;
use crate::sync::Sync;

/// Entries on a page that does not say how many.
const PAGE: usize = 100;
/// Blocks read from the store at once.
const BLOCKS: usize = 200;

/// Where an entry stands in a tenant's audit: later ones compare greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct AuditPosition {
    /// The block, from 1: all entries of one transaction.
    pub block: u64,
    /// The entry within its block, from 1.
    pub entry: u32,
}

/// One field in an entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditChange {
    /// The field by its name in the blueprint; its place among the values where the entry does not tell.
    pub field: String,
    /// Of a write: the field's path in the CRM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// Its value before.
    pub before: serde_json::Value,
    /// Its value afterwards.
    pub after: serde_json::Value,
}

/// An entry of the audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Where it stands.
    pub position: AuditPosition,
    /// When it was written.
    pub at: Timestamp,
    /// The run; `None` for what a person or the app did.
    pub run: Option<u64>,
    /// What it tells.
    pub kind: AuditKind,
    /// The entity; `None` for settings.
    pub entity: Option<Uuid>,
    /// The sync by its name; `None` for the app.
    pub sync: Option<String>,
    /// The remote object.
    pub object: Option<String>,
    /// The remote record.
    pub record: Option<String>,
    /// The entity's revision afterwards.
    pub rev: u64,
    /// The values concerned.
    pub changes: Vec<AuditChange>,
    /// Who asked for it, and anything else worth reading.
    pub note: String,
}

/// What verifying the audit found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditVerdict {
    /// Blocks that were looked at and are intact.
    pub blocks: u64,
    /// Entries in them.
    pub entries: u64,
    /// Blocks among them whose entries were removed when their time was over; the chain over them is intact.
    pub purged: u64,
    /// Root of the last intact block, as hexadecimal digits: kept elsewhere, it proves later that nothing before it
    /// was changed or cut off.
    pub root: String,
    /// Where the chain breaks first.
    pub broken: Option<AuditBreak>,
}

/// Where the audit is not what was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditBreak {
    /// The block.
    pub block: u64,
    /// When it says that it was written.
    pub at: Timestamp,
    /// What is wrong with it.
    pub problem: String,
}

/// The audit of an engine.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a>(pub(crate) &'a Engine);

impl Engine {
    /// The audit.
    pub const fn audit(&self) -> Audit<'_> {
        Audit(self)
    }
}

impl Audit<'_> {
    /// Entries of a tenant after a position, oldest first, at most `limit` (100 if 0); of one run only if one is given.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::Corrupt`] at a block that was tampered with: [`Audit::verify`]
    /// says where.
    pub async fn list(
        &self,
        tenant: TenantId,
        run: Option<u64>,
        after: AuditPosition,
        limit: usize,
        actor: &Actor,
    ) -> Result<Vec<AuditRecord>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadAudit)?;
        let limit = if limit == 0 { PAGE } else { limit };
        let mut tx = inner.store.begin(Mode::Read).await?;
        let mut names = Names::load(tx.as_mut(), tenant).await?;
        let mut records = Vec::new();
        // The block of the last entry seen may hold more.
        let mut block = after.block.saturating_sub(u64::from(after.entry > 0));
        while records.len() < limit {
            let blocks = tx.audit(tenant, run, block, BLOCKS).await?;
            let Some(last) = blocks.last() else { break };
            block = last.seq;
            for block in &blocks {
                let mut entries = numbered(block)?;
                entries.retain(|(position, _)| *position > after);
                entries.truncate(limit - records.len());
                names.learn(tx.as_mut(), &entries).await?;
                records.extend(
                    entries
                        .into_iter()
                        .map(|(position, entry)| names.record(block, position, entry)),
                );
                if records.len() >= limit {
                    break;
                }
            }
        }
        Ok(records)
    }

    /// Walks a tenant's chain from its beginning and says whether every block is what was written and where it was
    /// written. What is found is an answer, not an error.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy.
    pub async fn verify(&self, tenant: TenantId, actor: &Actor) -> Result<AuditVerdict> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadAudit)?;
        let mut tx = inner.store.begin(Mode::Read).await?;
        let head = tx.audit_head(tenant).await?;
        let mut walk = Walk::default();
        loop {
            let blocks = tx.audit(tenant, None, walk.seq, BLOCKS).await?;
            if blocks.is_empty() {
                break;
            }
            for block in &blocks {
                if let Err(problem) = walk.step(block) {
                    return Ok(walk.verdict(Some(AuditBreak {
                        block: block.seq,
                        at: block.at,
                        problem,
                    })));
                }
            }
        }
        let cut_off = (walk.seq, walk.root) != head;
        Ok(walk.verdict(cut_off.then(|| AuditBreak {
            block: head.0,
            at: inner.clock.now(),
            problem: "the chain does not end at its head".to_owned(),
        })))
    }

    /// Writes a tenant's whole audit as JSON lines, one [`AuditRecord`] each, oldest first, and returns what it
    /// verified on the way. It ends before a block that was tampered with.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::Unavailable`] when the writer fails.
    pub async fn export(
        &self,
        tenant: TenantId,
        writer: &mut (dyn Write + Send),
        actor: &Actor,
    ) -> Result<AuditVerdict> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadAudit)?;
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Unavailable, "the audit can't be written to its file").because(error)
        };
        let mut tx = inner.store.begin(Mode::Read).await?;
        let mut names = Names::load(tx.as_mut(), tenant).await?;
        let mut walk = Walk::default();
        loop {
            let blocks = tx.audit(tenant, None, walk.seq, BLOCKS).await?;
            if blocks.is_empty() {
                break;
            }
            for block in &blocks {
                if let Err(problem) = walk.step(block) {
                    return Ok(walk.verdict(Some(AuditBreak {
                        block: block.seq,
                        at: block.at,
                        problem,
                    })));
                }
                let entries = numbered(block)?;
                names.learn(tx.as_mut(), &entries).await?;
                for (position, entry) in entries {
                    let line = serde_json::to_string(&names.record(block, position, entry)).map_err(|error| {
                        Error::new(ErrorKind::Internal, "an audit entry can't be written").because(error)
                    })?;
                    writeln!(writer, "{line}").map_err(failed)?;
                }
            }
        }
        writer.flush().map_err(failed)?;
        Ok(walk.verdict(None))
    }
}

fn numbered(block: &AuditBlock) -> Result<Vec<(AuditPosition, AuditEntry)>> {
    let entries = open_block(block)?.into_iter().zip(1..);
    Ok(entries
        .map(|(entry, number)| {
            (
                AuditPosition {
                    block: block.seq,
                    entry: number,
                },
                entry,
            )
        })
        .collect())
}

/// How far the chain was followed.
#[derive(Debug, Default)]
struct Walk {
    seq: u64,
    root: [u8; 32],
    entries: u64,
    purged: u64,
}

impl Walk {
    fn step(&mut self, block: &AuditBlock) -> std::result::Result<(), String> {
        if block.seq != self.seq + 1 {
            return Err(format!("block {} is missing", self.seq + 1));
        }
        if block.previous != self.root {
            return Err(format!(
                "it does not follow block {}: one of the two was replaced",
                self.seq
            ));
        }
        if block.body.is_empty() && block.count > 0 {
            self.purged += 1;
        } else {
            let entries = open_block(block).map_err(|_| "its entries are not those that were written".to_owned())?;
            self.entries += entries.len() as u64;
        }
        (self.seq, self.root) = (block.seq, block.root);
        Ok(())
    }

    fn verdict(self, broken: Option<AuditBreak>) -> AuditVerdict {
        AuditVerdict {
            blocks: self.seq,
            entries: self.entries,
            purged: self.purged,
            root: self.root.iter().map(|byte| format!("{byte:02x}")).collect(),
            broken,
        }
    }
}

/// What the numbers in entries stand for.
pub(crate) struct Names {
    tenant: TenantId,
    syncs: BTreeMap<SideId, Sync>,
    blueprints: BTreeMap<BlueprintId, Blueprint>,
    entities: BTreeMap<Uuid, BlueprintId>,
}

impl Names {
    pub(crate) async fn load(tx: &mut dyn Transaction, tenant: TenantId) -> Result<Self> {
        let syncs = document::find::<Sync>(tx, &DocumentQuery::new(DocumentKind::Sync).tenant(tenant)).await?;
        let blueprints =
            document::find::<Blueprint>(tx, &DocumentQuery::new(DocumentKind::Blueprint).tenant(tenant)).await?;
        Ok(Self {
            tenant,
            syncs: syncs.into_iter().map(|sync| (sync.side, sync.value)).collect(),
            blueprints: blueprints
                .into_iter()
                .map(|blueprint| (blueprint.id, blueprint.value))
                .collect(),
            entities: BTreeMap::new(),
        })
    }

    /// Finds out of which blueprint the entities are that no side tells of.
    pub(crate) async fn learn(
        &mut self,
        tx: &mut dyn Transaction,
        entries: &[(AuditPosition, AuditEntry)],
    ) -> Result<()> {
        // More are hardly on one page, and an export must not keep them all.
        if self.entities.len() > 10_000 {
            self.entities.clear();
        }
        let unknown = |entry: &&AuditEntry| {
            !entry.entity.is_nil()
                && !self.syncs.contains_key(&entry.side)
                && !self.entities.contains_key(&entry.entity)
        };
        let uids: Vec<Uuid> = entries
            .iter()
            .map(|(_, entry)| entry)
            .filter(unknown)
            .map(|entry| entry.entity)
            .collect();
        if uids.is_empty() {
            return Ok(());
        }
        let numbers: Vec<_> = tx.find_uids(self.tenant, &uids).await?.into_iter().flatten().collect();
        for linked in tx.load(&numbers).await? {
            self.entities.insert(linked.entity.uid, linked.entity.blueprint);
        }
        Ok(())
    }

    pub(crate) fn record(&self, block: &AuditBlock, position: AuditPosition, entry: AuditEntry) -> AuditRecord {
        let sync = self.syncs.get(&entry.side);
        AuditRecord {
            position,
            at: block.at,
            run: (block.run > 0).then_some(block.run),
            kind: entry.kind,
            entity: (!entry.entity.is_nil()).then_some(entry.entity),
            sync: sync.map(|sync| sync.name.clone()),
            object: sync.map(|sync| sync.mapping.object.clone()),
            record: (!entry.ext.is_empty()).then(|| entry.ext.clone()),
            rev: entry.rev,
            changes: self.changes(&entry, sync),
            note: entry.note,
        }
    }

    fn changes(&self, entry: &AuditEntry, sync: Option<&Sync>) -> Vec<AuditChange> {
        let size = entry.before.len().max(entry.after.len());
        let blueprint = sync
            .map(|sync| sync.blueprint)
            .or_else(|| self.entities.get(&entry.entity).copied());
        let blueprint = blueprint.and_then(|blueprint| self.blueprints.get(&blueprint));
        let is_whole = entry.kind == AuditKind::Created || entry.after.is_empty() || entry.before.is_empty();
        let names: Vec<String> = match blueprint {
            Some(blueprint) if entry.group != PRESENCE => blueprint
                .fields_of(entry.group)
                .into_iter()
                .map(|field| blueprint.fields[field].name.clone())
                .collect(),
            _ if matches!(entry.kind, AuditKind::Intended | AuditKind::Confirmed) => Vec::new(),
            _ if entry.kind != AuditKind::Created && is_presence(&entry.before) && is_presence(&entry.after) => {
                vec!["(the record)".to_owned()]
            }
            Some(blueprint) if is_whole => blueprint.fields.iter().map(|field| field.name.clone()).collect(),
            _ => Vec::new(),
        };
        let json = |values: &[Value], place: usize| values.get(place).map_or(serde_json::Value::Null, Value::to_json);
        let written = |place: usize| entry.fields.get(place);
        let name = |place: usize| match written(place) {
            Some(field) if field.field.is_empty() => field.remote.clone(),
            Some(field) => field.field.clone(),
            None => match names.get(place) {
                Some(name) => name.clone(),
                None => format!("value {}", place + 1),
            },
        };
        (0..size)
            .map(|place| AuditChange {
                field: name(place),
                remote: written(place).map(|field| field.remote.clone()),
                before: json(&entry.before, place),
                after: json(&entry.after, place),
            })
            .filter(|change| entry.kind != AuditKind::Created || !change.after.is_null())
            .collect()
    }
}

/// Whether values are those of presence: one truth value, or none given.
fn is_presence(values: &[Value]) -> bool {
    matches!(values, [] | [Value::Bool(_)])
}

#[cfg(test)]
mod tests;
