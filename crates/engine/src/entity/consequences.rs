//! What deleting an entity does to those that refer to it: refused, their reference cleared, or deleted with it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::{Blueprint, BlueprintId, DeleteRule, FieldType, PRESENCE, TenantId};
use syncline_core::plan::{Patch, ReadPoint};
use syncline_core::sort_key::{after, sort_key};
use syncline_core::state::{Cause, Entity, EntityId};
use syncline_core::store::{DocumentKind, DocumentQuery, IndexQuery, Transaction};
use syncline_core::value::Value;
use uuid::Uuid;

use super::findings::Findings;
use super::index::{Definition, fill_within};
use super::presence::delete_by;
use super::sides::SideLinks;
use super::transaction::EntityTransaction;
use crate::actor::Actor;
use crate::document;
use crate::engine::Inner;
use crate::run::Page;

/// Referring entities looked up at once.
const PAGE: usize = 1_000;
/// So many are named where they refuse a delete.
const NAMED: usize = 3;

/// A field that refers to entities of a blueprint and has a rule for their deletes.
struct Referrer {
    blueprint: Blueprint,
    place: usize,
    to: String,
    rule: DeleteRule,
}

/// What becomes of an entity that refers to a deleted one.
#[derive(Debug)]
enum Fate {
    Deleted,
    /// The references at these places are emptied.
    Cleared(BTreeSet<usize>),
}

/// What deleting entities does to others.
#[derive(Debug, Default)]
pub(crate) struct Consequences {
    blueprints: BTreeMap<BlueprintId, Blueprint>,
    fates: BTreeMap<BlueprintId, BTreeMap<EntityId, Fate>>,
    /// Who refuses: name of the blueprint, the field, the entity.
    refused_by: Vec<(String, String, Uuid)>,
}

/// All fields of a tenant that have a rule for deletes.
async fn referrers(tx: &mut dyn Transaction, tenant: TenantId) -> Result<Vec<Referrer>> {
    let query = DocumentQuery::new(DocumentKind::Blueprint)
        .tenant(tenant)
        .status("active");
    let mut found = Vec::new();
    for blueprint in document::find::<Blueprint>(tx, &query).await? {
        for (place, field) in blueprint.live_fields() {
            if let (FieldType::Reference { blueprint: to }, false) = (&field.kind, field.on_delete.keeps()) {
                found.push(Referrer {
                    blueprint: blueprint.value.clone(),
                    place,
                    to: to.clone(),
                    rule: field.on_delete,
                });
            }
        }
    }
    found.sort_by_key(|referrer| (referrer.blueprint.id, referrer.place));
    Ok(found)
}

impl Consequences {
    /// Of deleting these entities.
    pub(crate) async fn of(tx: &mut dyn Transaction, tenant: TenantId, deleted: &[&Entity]) -> Result<Self> {
        let mut consequences = Self::default();
        let referrers = referrers(tx, tenant).await?;
        if referrers.is_empty() {
            return Ok(consequences);
        }
        let mut gone: BTreeSet<Uuid> = deleted.iter().map(|entity| entity.uid).collect();
        let mut open: Vec<(BlueprintId, Uuid)> = deleted.iter().map(|entity| (entity.blueprint, entity.uid)).collect();
        let mut names: BTreeMap<BlueprintId, String> = BTreeMap::new();
        while let Some((blueprint, uid)) = open.pop() {
            let name = match names.entry(blueprint) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let found = document::get::<Blueprint>(tx, u64::from(blueprint)).await?;
                    unknown.insert(found.value.name)
                }
            };
            for referrer in referrers.iter().filter(|referrer| referrer.to == *name) {
                for entity in referring(tx, referrer, uid).await? {
                    consequences.add(referrer, &entity, &mut gone, &mut open);
                }
            }
        }
        // Who is deleted along with it refuses nothing.
        consequences.refused_by.retain(|(_, _, uid)| !gone.contains(uid));
        Ok(consequences)
    }

    fn add(
        &mut self,
        referrer: &Referrer,
        entity: &Entity,
        gone: &mut BTreeSet<Uuid>,
        open: &mut Vec<(BlueprintId, Uuid)>,
    ) {
        let blueprint = &referrer.blueprint;
        let fates = self.fates.entry(blueprint.id).or_default();
        match referrer.rule {
            DeleteRule::Keep => return,
            DeleteRule::Restrict => {
                let field = blueprint.fields[referrer.place].name.clone();
                self.refused_by.push((blueprint.name.clone(), field, entity.uid));
                return;
            }
            DeleteRule::Cascade => {
                if gone.insert(entity.uid) {
                    open.push((blueprint.id, entity.uid));
                    fates.insert(entity.id, Fate::Deleted);
                }
            }
            DeleteRule::Clear => {
                if let Fate::Cleared(places) = fates.entry(entity.id).or_insert_with(|| Fate::Cleared(BTreeSet::new()))
                {
                    places.insert(referrer.place);
                }
            }
        }
        self.blueprints.entry(blueprint.id).or_insert_with(|| blueprint.clone());
    }

    /// Who refuses the delete, in words; `None` if nobody does.
    pub(crate) fn refusal(&self) -> Option<String> {
        if self.refused_by.is_empty() {
            return None;
        }
        let named: Vec<String> = self
            .refused_by
            .iter()
            .take(NAMED)
            .map(|(blueprint, field, uid)| format!("{blueprint} {uid} by `{field}`"))
            .collect();
        let more = self.refused_by.len().saturating_sub(NAMED);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        Some(format!("it is referred to by {}{more}", named.join(", ")))
    }

    /// Refuses the delete of `uid` where anybody does.
    pub(crate) fn check(&self, uid: Uuid) -> Result<()> {
        match self.refusal() {
            None => Ok(()),
            Some(who) => Err(Error::new(
                ErrorKind::Refused,
                format!("record {uid} can't be deleted: {who}; change or delete these first"),
            )),
        }
    }

    /// Clears and deletes what is to be, as edits of the hub in the transaction of `page`, which is given back.
    ///
    /// # Errors
    /// As an edit. Where a CRM has deleted, what refuses its edit stays as it is, with a note in the audit.
    pub(crate) async fn carry_out(self, inner: &Inner, mut page: Page, cause: Cause, actor: &Actor) -> Result<Page> {
        let Self {
            blueprints, mut fates, ..
        } = self;
        for (id, blueprint) in blueprints {
            let fates = fates.remove(&id).unwrap_or_default();
            let mut work = EntityTransaction::open(inner, page, blueprint, actor).await?;
            let ids: Vec<EntityId> = fates.keys().copied().collect();
            for linked in work.page.load(inner, &ids).await? {
                match &fates[&linked.entity.id] {
                    Fate::Deleted if linked.entity.deleted || linked.entity.frozen_by(PRESENCE).is_some() => {}
                    Fate::Deleted => {
                        let mut deleted = linked.clone();
                        let links = SideLinks::new();
                        let scene = work.sides.scene(inner, &work.blueprint, &links, &actor.name);
                        let entry = delete_by(cause, &mut deleted, &scene);
                        drop(scene);
                        work.page.audit.push(entry);
                        work.keep(Some(&linked.entity), deleted);
                    }
                    Fate::Cleared(places) => {
                        let patch: Patch = places.iter().map(|&place| (place, Value::Null)).collect();
                        let edited = work.edit(&linked, patch, &ReadPoint::Blind, Findings::default()).await;
                        match (edited, cause) {
                            (Ok(_), _) => {}
                            (Err(error), Cause::Side(_))
                                if matches!(error.kind(), ErrorKind::Refused | ErrorKind::Invalid) =>
                            {
                                let entry = AuditEntry::new(AuditKind::NotWritten, linked.entity.uid, 0, None);
                                work.page
                                    .audit
                                    .push(entry.note(format!("a reference stays: {}", error.message())));
                            }
                            (Err(error), _) => return Err(error),
                        }
                    }
                }
            }
            page = work.hand_over().await?;
        }
        Ok(page)
    }
}

/// The live entities whose field refers to this one.
async fn referring(tx: &mut dyn Transaction, referrer: &Referrer, uid: Uuid) -> Result<Vec<Entity>> {
    let definition = Definition::sorted(&referrer.blueprint.fields[referrer.place]);
    let space = fill_within(tx, &referrer.blueprint, &definition).await?.id;
    let value = Value::text(uid.to_string());
    let mut query = IndexQuery {
        space,
        from: sort_key(&value),
        until: Some(after(sort_key(&value))),
        after: None,
        descending: false,
        limit: PAGE,
    };
    let mut found = Vec::new();
    loop {
        let entries = tx.find_index(&query).await?;
        let ids: Vec<EntityId> = entries.iter().map(|entry| entry.entity).collect();
        // An index may hold too much.
        let holds = |entity: &Entity| !entity.deleted && *entity.value(referrer.place) == value;
        found.extend(tx.load_entities(&ids).await?.into_iter().filter(holds));
        match entries.into_iter().next_back() {
            Some(last) if ids.len() == PAGE => query.after = Some((last.sort, last.entity)),
            _ => return Ok(found),
        }
    }
}
