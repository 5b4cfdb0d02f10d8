use rpds::RedBlackTreeMapSync;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::TenantId;
use syncline_core::state::{Operation, OperationState, SideId};
use syncline_core::store::{AuditBlock, Transaction};
use uuid::Uuid;

use super::kept;

/// Operations and audit.
#[derive(Clone, Default)]
pub(super) struct Journal {
    operations: RedBlackTreeMapSync<Uuid, Operation>,
    blocks: RedBlackTreeMapSync<(TenantId, u64), AuditBlock>,
}

impl Journal {
    pub(super) fn len(&self) -> usize {
        self.operations.size() + self.blocks.size()
    }

    pub(super) fn put_operations(&mut self, operations: &[&Operation]) -> Result<()> {
        for operation in operations {
            self.operations.insert_mut(operation.id, kept::operation(operation)?);
        }
        Ok(())
    }

    pub(super) async fn operations(
        &self,
        base: &mut dyn Transaction,
        side: SideId,
        states: &[OperationState],
        limit: usize,
    ) -> Result<Vec<Operation>> {
        let below = base.operations(side, states, limit + self.operations.size()).await?;
        let mut found: Vec<Operation> = below
            .into_iter()
            .filter(|operation| !self.operations.contains_key(&operation.id))
            .collect();
        let mine = self.operations.values();
        found.extend(
            mine.filter(|operation| operation.key.side == side && states.contains(&operation.state))
                .cloned(),
        );
        found.sort_by_key(|operation| (operation.created_at.as_microsecond(), operation.id));
        found.truncate(limit);
        Ok(found)
    }

    pub(super) async fn operations_of_run(
        &self,
        base: &mut dyn Transaction,
        run: u64,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Operation>> {
        let below = base
            .operations_of_run(run, after, limit + self.operations.size())
            .await?;
        let mut found: Vec<Operation> = below
            .into_iter()
            .filter(|operation| !self.operations.contains_key(&operation.id))
            .collect();
        let mine = self.operations.values();
        found.extend(
            mine.filter(|operation| operation.run == run && after.is_none_or(|after| operation.id > after))
                .cloned(),
        );
        found.sort_by_key(|operation| operation.id);
        found.truncate(limit);
        Ok(found)
    }

    pub(super) async fn audit_head(&self, base: &mut dyn Transaction, tenant: TenantId) -> Result<(u64, [u8; 32])> {
        match self.blocks.range((tenant, 0)..=(tenant, u64::MAX)).next_back() {
            Some((_, block)) => Ok((block.seq, block.root)),
            None => base.audit_head(tenant).await,
        }
    }

    pub(super) async fn append_audit(&mut self, base: &mut dyn Transaction, block: &AuditBlock) -> Result<()> {
        let (head, _) = self.audit_head(base, block.tenant).await?;
        if block.seq != head + 1 {
            return Err(Error::new(
                ErrorKind::Stale,
                format!(
                    "audit block {} does not follow block {head}; read the head again",
                    block.seq
                ),
            )
            .with("tenant", block.tenant));
        }
        let written = AuditBlock {
            at: kept::time(block.at),
            ..block.clone()
        };
        self.blocks.insert_mut((block.tenant, block.seq), written);
        Ok(())
    }

    pub(super) async fn audit(
        &self,
        base: &mut dyn Transaction,
        tenant: TenantId,
        run: Option<u64>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<AuditBlock>> {
        let first = self
            .blocks
            .range((tenant, 0)..=(tenant, u64::MAX))
            .next()
            .map_or(u64::MAX, |((_, seq), _)| *seq);
        let below = base.audit(tenant, run, after, limit).await?;
        // The chain below may have grown since: what was appended here is what counts here.
        let mut found: Vec<AuditBlock> = below.into_iter().filter(|block| block.seq < first).collect();
        let mine = self.blocks.range((tenant, 0)..=(tenant, u64::MAX));
        found.extend(
            mine.map(|(_, block)| block)
                .filter(|block| block.seq > after && run.is_none_or(|run| block.run == run))
                .cloned(),
        );
        found.truncate(limit);
        Ok(found)
    }
}
