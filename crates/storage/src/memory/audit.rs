use std::ops::Bound;

use jiff::Timestamp;
use rpds::RedBlackTreeMapSync;
use syncline_core::Result;
use syncline_core::model::TenantId;
use syncline_core::store::AuditBlock;

use crate::packed::{kept, micros};
use crate::refusal;

#[derive(Clone, Default)]
pub(super) struct Audit {
    blocks: RedBlackTreeMapSync<(TenantId, u64), AuditBlock>,
}

impl Audit {
    pub(super) fn head(&self, tenant: TenantId) -> (u64, [u8; 32]) {
        self.above(tenant, 0)
            .next_back()
            .map_or((0, [0; 32]), |block| (block.seq, block.root))
    }

    pub(super) fn append(&mut self, block: &AuditBlock) -> Result<()> {
        let (head, _) = self.head(block.tenant);
        if block.seq != head + 1 {
            return Err(refusal::stale_audit(block.tenant, head, block.seq));
        }
        self.blocks.insert_mut(
            (block.tenant, block.seq),
            AuditBlock {
                at: kept(block.at),
                ..block.clone()
            },
        );
        Ok(())
    }

    pub(super) fn find(&self, tenant: TenantId, run: Option<u64>, after: u64, limit: usize) -> Vec<AuditBlock> {
        self.above(tenant, after)
            .filter(|block| run.is_none_or(|run| block.run == run))
            .take(limit)
            .cloned()
            .collect()
    }

    pub(super) fn purge(&mut self, tenant: TenantId, before: Timestamp) -> u64 {
        let old: Vec<AuditBlock> = self
            .above(tenant, 0)
            .filter(|block| micros(block.at) < micros(before) && !block.body.is_empty())
            .map(|block| AuditBlock {
                body: Vec::new(),
                ..block.clone()
            })
            .collect();
        let purged = old.len() as u64;
        for block in old {
            self.blocks.insert_mut((tenant, block.seq), block);
        }
        purged
    }

    fn above(&self, tenant: TenantId, after: u64) -> impl DoubleEndedIterator<Item = &AuditBlock> {
        self.blocks
            .range((Bound::Excluded((tenant, after)), Bound::Included((tenant, u64::MAX))))
            .map(|(_, block)| block)
    }
}
