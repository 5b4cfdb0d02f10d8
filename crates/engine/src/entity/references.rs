//! References to other entities: they must exist and be of the right blueprint.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::error::Result;
use syncline_core::model::{Blueprint, BlueprintId, FieldType, TenantId};
use syncline_core::plan::Patch;
use syncline_core::store::Transaction;
use syncline_core::value::Value;
use uuid::Uuid;

use super::findings::Findings;
use super::transaction::is_provisional;
use crate::document;

/// The entities that the references of some edits name, loaded at once.
#[derive(Debug, Default)]
pub(super) struct References {
    known: BTreeMap<Uuid, BlueprintId>,
    blueprints: BTreeMap<String, Option<BlueprintId>>,
}

impl References {
    /// Looks up what these patches refer to.
    pub(super) async fn load(
        &mut self,
        tx: &mut dyn Transaction,
        tenant: TenantId,
        blueprint: &Blueprint,
        patches: &[&Patch],
    ) -> Result<()> {
        let mut uids = BTreeSet::new();
        for (position, field) in blueprint.fields.iter().enumerate() {
            let FieldType::Reference { blueprint } = &field.kind else {
                continue;
            };
            let named = patches.iter().filter_map(|patch| patch.get(&position).and_then(uid_of));
            let before = uids.len();
            uids.extend(named);
            if uids.len() > before && !self.blueprints.contains_key(blueprint) {
                let found = document::by_key::<Blueprint>(tx, tenant, 0, blueprint).await?;
                self.blueprints.insert(blueprint.clone(), found.map(|found| found.id));
            }
        }
        if uids.is_empty() {
            return Ok(());
        }
        let uids: Vec<Uuid> = uids.into_iter().collect();
        let numbers: Vec<_> = tx.find_uids(tenant, &uids).await?.into_iter().flatten().collect();
        for linked in tx.load(&numbers).await? {
            if !is_provisional(&linked) {
                self.known.insert(linked.entity.uid, linked.entity.blueprint);
            }
        }
        Ok(())
    }

    /// Notes an entity that was made in the same transaction.
    pub(super) fn note_made(&mut self, uid: Uuid, blueprint: BlueprintId) {
        self.known.insert(uid, blueprint);
    }

    /// Finds references to what is not there.
    pub(super) fn check(&self, blueprint: &Blueprint, patch: &Patch, findings: &mut Findings) {
        for (position, value) in patch {
            let Some(field) = blueprint.fields.get(*position) else {
                continue;
            };
            let (FieldType::Reference { blueprint: wanted }, Some(uid)) = (&field.kind, uid_of(value)) else {
                continue;
            };
            let wanted_id = self.blueprints.get(wanted).copied().flatten();
            match self.known.get(&uid) {
                Some(found) if wanted_id.is_none_or(|wanted| wanted == *found) => {}
                Some(_) => findings.invalid(&field.name, format!("`{}`: record {uid} is no {wanted}", field.name)),
                None => findings.invalid(&field.name, format!("`{}`: there is no {wanted} {uid}", field.name)),
            }
        }
    }
}

fn uid_of(value: &Value) -> Option<Uuid> {
    value.as_text().and_then(|text| text.parse().ok())
}
