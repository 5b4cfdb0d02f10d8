//! I21: the audit tells how every value came about, in an unbroken chain.

use std::collections::BTreeMap;

use syncline_core::audit::AuditKind;
use uuid::Uuid;

use super::Invariant;
use super::knowledge::{Knowledge, Told, same_form, text_of};
use crate::simulation::world::World;

/// The chain is unbroken, and what it says of each field's last value is what the app holds.
pub(super) fn fold(world: &World, known: &Knowledge) {
    let mut heads: BTreeMap<usize, (u64, [u8; 32])> = BTreeMap::new();
    for (tenant, block) in &known.blocks {
        let head = heads.entry(*tenant).or_default();
        if block.seq != head.0 + 1 || block.previous != head.1 {
            world.violate(
                Invariant::AuditCompleteness,
                format!(
                    "block {} of tenant {tenant} does not follow block {}",
                    block.seq, head.0
                ),
            );
        }
        *head = (block.seq, block.root);
    }
    let mut folded: BTreeMap<(Uuid, u16), String> = BTreeMap::new();
    for Told { entry, .. } in &known.audit {
        match entry.kind {
            AuditKind::Created => {
                for (place, value) in entry.after.iter().enumerate() {
                    let group = u16::try_from(place + 1).unwrap_or_default();
                    folded.insert((entry.entity, group), text_of(value));
                }
            }
            AuditKind::Decided | AuditKind::Agreed | AuditKind::ConflictResolved | AuditKind::RolledBack
                if entry.group > 0 && !entry.after.is_empty() =>
            {
                folded.insert((entry.entity, entry.group), text_of(&entry.after[0]));
            }
            _ => {}
        }
    }
    for entity in &known.entities {
        for field in entity.object.fields() {
            let group = entity.group(field);
            let told = folded
                .get(&(entity.linked.entity.uid, group))
                .cloned()
                .unwrap_or_default();
            let held = entity.text(field);
            if same_form(field, &told) != same_form(field, &held) {
                world.violate(
                    Invariant::AuditCompleteness,
                    format!(
                        "the audit says that {field} of entity {} is `{told}`, and it is `{held}`",
                        entity.linked.entity.uid
                    ),
                );
            }
        }
    }
}
