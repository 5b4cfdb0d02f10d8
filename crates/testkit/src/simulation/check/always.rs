//! I11 and I14: what is compared from step to step.

use std::collections::BTreeMap;

use syncline_core::error::Result;
use syncline_core::state::{OperationState, Presence, SideKey};
use syncline_core::store::{DocumentKind, DocumentQuery, EntityQuery, Mode};

use super::Invariant;
use crate::simulation::world::World;

/// What may only go up.
#[derive(Debug, Default)]
pub(in crate::simulation) struct Watermarks {
    revs: BTreeMap<i64, u64>,
    seqs: BTreeMap<(SideKey, String), u64>,
    audit: BTreeMap<u32, u64>,
    epochs: BTreeMap<u64, u64>,
}

impl Watermarks {
    /// Compares the store with what was seen before.
    ///
    /// # Errors
    /// What the store reports.
    pub(in crate::simulation) async fn check(&mut self, world: &World) -> Result<()> {
        let mut tx = world.store.begin(Mode::Read).await?;
        let back = |what: String| world.violate(Invariant::Monotonicity, what);
        for tenant in 0..world.scenario.tenants {
            let tenant = world.tenant(tenant);
            let (seq, _) = tx.audit_head(tenant).await?;
            if let Some(last) = self.audit.insert(tenant, seq).filter(|last| *last > seq) {
                back(format!("the audit of tenant {tenant} went from block {last} to {seq}"));
            }
            for blueprint in tx
                .documents(&DocumentQuery::new(DocumentKind::Blueprint).tenant(tenant))
                .await?
            {
                let query = EntityQuery {
                    tenant,
                    blueprint: u32::try_from(blueprint.id).unwrap_or_default(),
                    after: 0,
                    deleted: None,
                    limit: 10_000,
                };
                let ids: Vec<i64> = tx.entities(&query).await?.iter().map(|entity| entity.id).collect();
                for linked in tx.load(&ids).await? {
                    let (id, rev) = (linked.entity.id, linked.entity.rev);
                    if let Some(last) = self.revs.insert(id, rev).filter(|last| *last > rev) {
                        back(format!("entity {id} went from revision {last} to {rev}"));
                    }
                    // A side whose record is to be made anew begins anew.
                    for side in linked.sides.iter().filter(|side| side.presence != Presence::NeverSeen) {
                        let key = (side.key, side.ext.clone().unwrap_or_default());
                        let seq = side.obs_seq;
                        if let Some(last) = self.seqs.insert(key, seq).filter(|last| *last > seq) {
                            back(format!("the observation of {:?} went from {last} to {seq}", side.key));
                        }
                    }
                }
            }
        }
        for lease in tx.documents(&DocumentQuery::new(DocumentKind::Lease)).await? {
            let epoch = lease.body["epoch"].as_u64().unwrap_or_default();
            if let Some(last) = self.epochs.insert(lease.id, epoch).filter(|last| *last > epoch) {
                back(format!("lease {:?} went from epoch {last} to {epoch}", lease.key));
            }
        }
        for side in world.all_sides().into_keys() {
            let open = [OperationState::Intent, OperationState::Sent, OperationState::Unknown];
            let mut under_way: BTreeMap<SideKey, u32> = BTreeMap::new();
            for operation in tx.operations(side, &open, 10_000).await? {
                *under_way.entry(operation.key).or_default() += 1;
            }
            for (key, count) in under_way.into_iter().filter(|(_, count)| *count > 1) {
                world.violate(
                    Invariant::Serialisation,
                    format!("{count} operations on {key:?} are under way"),
                );
            }
        }
        Ok(())
    }
}
