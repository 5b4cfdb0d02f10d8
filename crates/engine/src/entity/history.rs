//! What became of one entity: who changed what, when, and from which side.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Map;
use syncline_core::audit::{AuditEntry, AuditKind, open_block};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{Blueprint, PRESENCE, TenantId};
use syncline_core::state::{Entity, Linked};
use syncline_core::store::{AuditBlock, Mode, Transaction};
use syncline_core::value::Value;
use uuid::Uuid;

use super::index::{blocks_of, fill_history};
use super::model::{Edited, EntityRead};
use super::service::Entities;
use super::transaction::entity_by_uid;
use crate::actor::{Action, Actor};
use crate::audit::{AuditPosition, AuditRecord, Names};
use crate::document;

/// Entries on a page that does not say how many.
const PAGE: usize = 25;
/// How long after an entity was made its making may be written down: a page of a pull is planned before.
const WRITTEN_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// A page of an entity's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityHistory {
    /// The entity.
    pub uid: Uuid,
    /// What happened to it, newest first.
    pub entries: Vec<AuditRecord>,
    /// Where the next page begins, with what is older; `None` on the last.
    pub next: Option<AuditPosition>,
    /// Whether something older was removed when its time was over.
    pub purged: bool,
}

impl Entities<'_> {
    /// What happened to an entity, newest first, below a position if one is given; 25 entries if `limit` is 0. The first
    /// time that a tenant asks, its whole audit is read once; from then on each change is found by itself.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`]; [`ErrorKind::Corrupt`] at a block of the audit that
    /// was tampered with.
    pub async fn history(
        &self,
        tenant: TenantId,
        uid: Uuid,
        before: Option<AuditPosition>,
        limit: usize,
        actor: &Actor,
    ) -> Result<EntityHistory> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadEntities)?;
        {
            let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
            entity_by_uid(tx.as_mut(), tenant, uid).await?;
        }
        fill_history(inner, tenant).await?;
        let limit = if limit == 0 { PAGE } else { limit };
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let linked = entity_by_uid(tx.as_mut(), tenant, uid).await?;
        let mut names = Names::load(tx.as_mut(), tenant).await?;
        let mut trail = Trail::of(tx.as_mut(), &linked).await?;
        let mut history = EntityHistory {
            uid,
            entries: Vec::new(),
            next: None,
            purged: false,
        };
        while let Some((block, entries)) = trail.next(tx.as_mut(), before).await? {
            names.learn(tx.as_mut(), &entries).await?;
            for (position, entry) in entries.into_iter().rev() {
                if before.is_none_or(|before| position < before) {
                    history.entries.push(names.record(&block, position, entry));
                }
            }
            if history.entries.len() > limit {
                break;
            }
        }
        history.purged = trail.purged;
        if history.entries.len() > limit {
            history.entries.truncate(limit);
            history.next = history.entries.last().map(|entry| entry.position);
        }
        Ok(history)
    }

    /// Gives an entity the values that it had at an earlier revision, as a new edit by this actor, which takes part in the
    /// syncs like any other. Nothing is forgotten: the history goes on.
    ///
    /// # Errors
    /// As [`Entities::update`]; [`ErrorKind::Invalid`] for a revision that it never had; [`ErrorKind::Refused`] when it is
    /// deleted, or when what happened since was removed from the audit.
    pub async fn restore(&self, tenant: TenantId, uid: Uuid, rev: u64, actor: &Actor) -> Result<Edited> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::EditEntities)?;
        fill_history(inner, tenant).await?;
        let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
        let linked = entity_by_uid(tx.as_mut(), tenant, uid).await?;
        let entity = &linked.entity;
        if rev == 0 || rev > entity.rev {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("record {uid} has revisions 1 to {}; {rev} is none of them", entity.rev),
            ));
        }
        if entity.deleted {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("record {uid} is deleted; bring it back first"),
            ));
        }
        let blueprint = document::get::<Blueprint>(tx.as_mut(), u64::from(entity.blueprint))
            .await?
            .value;
        let mut trail = Trail::of(tx.as_mut(), &linked).await?;
        let mut before = entity.clone();
        let mut undone = entity.rev;
        while undone > rev {
            let Some((_, entries)) = trail.next(tx.as_mut(), None).await? else {
                break;
            };
            for (_, entry) in entries.iter().rev().filter(|(_, entry)| entry.rev > rev) {
                undo(entry, &blueprint, &mut before);
            }
            let oldest = entries.iter().map(|(_, entry)| entry.rev).filter(|rev| *rev > 0).min();
            undone = undone.min(oldest.unwrap_or(undone));
        }
        if undone > rev && trail.purged {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("what happened to record {uid} since revision {rev} is no longer in the audit"),
            ));
        }
        drop(tx);
        let mut patch = Map::new();
        for (position, field) in blueprint.live_fields() {
            if before.value(position) != entity.value(position) {
                patch.insert(field.name.clone(), before.value(position).to_json());
            }
        }
        self.update(tenant, uid, patch, EntityRead::Rev(entity.rev), actor)
            .await
    }
}

/// Takes one decision on values back.
fn undo(entry: &AuditEntry, blueprint: &Blueprint, entity: &mut Entity) {
    let decided = matches!(
        entry.kind,
        AuditKind::Decided | AuditKind::Agreed | AuditKind::ConflictResolved
    );
    if !decided || entry.group == PRESENCE || entry.after.is_empty() {
        return;
    }
    let fields = blueprint.fields_of(entry.group).into_iter();
    for (place, field) in fields.enumerate() {
        if entity.values.len() <= field {
            entity.values.resize(field + 1, Value::Null);
        }
        entity.values[field] = entry.before.get(place).cloned().unwrap_or_default();
    }
}

/// The way back through an entity's audit, block by block.
struct Trail {
    tenant: TenantId,
    entity: Uuid,
    created_at: Timestamp,
    /// Blocks that are still to be read, oldest first.
    blocks: Vec<u64>,
    is_made_read: bool,
    purged: bool,
}

/// A block with the entries in it that are about the entity.
type Found = (AuditBlock, Vec<(AuditPosition, AuditEntry)>);

impl Trail {
    async fn of(tx: &mut dyn Transaction, linked: &Linked) -> Result<Self> {
        let entity = &linked.entity;
        Ok(Self {
            tenant: entity.tenant,
            entity: entity.uid,
            created_at: entity.created_at,
            blocks: blocks_of(tx, entity.tenant, entity.uid).await?,
            is_made_read: false,
            purged: false,
        })
    }

    /// The next older block that tells of the entity; those that lie wholly above a position are not read.
    async fn next(&mut self, tx: &mut dyn Transaction, before: Option<AuditPosition>) -> Result<Option<Found>> {
        while let Some(seq) = self.blocks.pop() {
            if before.is_some_and(|before| seq > before.block) {
                continue;
            }
            let block = tx
                .audit(self.tenant, None, seq.saturating_sub(1), 1)
                .await?
                .into_iter()
                .next();
            let Some(block) = block.filter(|block| block.seq == seq) else {
                self.purged = true;
                continue;
            };
            self.purged |= block.body.is_empty() && block.count > 0;
            let entries = self.about(&block)?;
            self.is_made_read |= entries.iter().any(|(_, entry)| entry.kind == AuditKind::Created);
            if !entries.is_empty() {
                return Ok(Some((block, entries)));
            }
        }
        if std::mem::replace(&mut self.is_made_read, true) {
            return Ok(None);
        }
        self.made(tx).await
    }

    fn about(&self, block: &AuditBlock) -> Result<Vec<(AuditPosition, AuditEntry)>> {
        let entries = open_block(block)?.into_iter().zip(1..);
        let own = entries.filter(|(entry, _)| entry.entity == self.entity);
        Ok(own
            .map(|(entry, number)| {
                let position = AuditPosition {
                    block: block.seq,
                    entry: number,
                };
                (position, entry)
            })
            .collect())
    }

    /// The block in which the entity was made, by its time.
    async fn made(&mut self, tx: &mut dyn Transaction) -> Result<Option<Found>> {
        let (mut low, mut high) = (1, tx.audit_head(self.tenant).await?.0 + 1);
        let since = self
            .created_at
            .saturating_sub(SignedDuration::from_secs(1))
            .unwrap_or(self.created_at);
        let until = self.created_at.saturating_add(WRITTEN_WITHIN).unwrap_or(Timestamp::MAX);
        while low < high {
            let middle = low + (high - low) / 2;
            let block = tx.audit(self.tenant, None, middle - 1, 1).await?.into_iter().next();
            match block {
                Some(block) if block.at < since => low = middle + 1,
                _ => high = middle,
            }
        }
        let mut after = low - 1;
        loop {
            let Some(block) = tx.audit(self.tenant, None, after, 1).await?.into_iter().next() else {
                return Ok(None);
            };
            if block.at > until {
                return Ok(None);
            }
            after = block.seq;
            if block.body.is_empty() && block.count > 0 {
                self.purged = true;
                continue;
            }
            let made: Vec<_> = self
                .about(&block)?
                .into_iter()
                .filter(|(_, entry)| entry.kind == AuditKind::Created)
                .collect();
            if !made.is_empty() {
                return Ok(Some((block, made)));
            }
        }
    }
}
