use syncline_core::model::TenantId;
use syncline_core::store::{AuditBlock, Store, Transaction};
use syncline_core::{ErrorKind, Result};

use super::sample::{at, read, refused, write};

topic![
    a_chain_begins_with_zeros,
    a_block_comes_back_as_it_was_and_is_the_head,
    a_block_that_does_not_follow_is_refused,
    each_tenant_has_its_own_chain,
    blocks_come_oldest_first_and_by_run,
    purging_removes_old_bodies_and_keeps_the_chain,
];

fn block(tenant: TenantId, seq: u64) -> AuditBlock {
    AuditBlock {
        seq,
        tenant,
        run: seq % 2,
        at: at(seq as i64),
        count: 3,
        previous: [seq as u8 - 1; 32],
        root: [seq as u8; 32],
        body: vec![1, 2, 3, seq as u8],
    }
}

/// Four blocks of tenant 1.
async fn four(store: &dyn Store) -> Result<Box<dyn Transaction>> {
    let mut transaction = write(store).await?;
    for seq in 1..=4 {
        transaction.append_audit(&block(1, seq)).await?;
    }
    transaction.commit().await?;
    write(store).await
}

async fn a_chain_begins_with_zeros(store: &dyn Store) -> Result<()> {
    assert_eq!(read(store).await?.audit_head(1).await?, (0, [0; 32]));
    Ok(())
}

async fn a_block_comes_back_as_it_was_and_is_the_head(store: &dyn Store) -> Result<()> {
    let mut transaction = write(store).await?;
    transaction.append_audit(&block(1, 1)).await?;
    assert_eq!(transaction.audit_head(1).await?, (1, [1; 32]));
    assert_eq!(transaction.audit(1, None, 0, 10).await?, [block(1, 1)]);
    Ok(())
}

async fn a_block_that_does_not_follow_is_refused(store: &dyn Store) -> Result<()> {
    four(store).await?;
    for seq in [1, 4, 6] {
        let refusal = write(store).await?.append_audit(&block(1, seq)).await;
        assert_eq!(refused(refusal)?, ErrorKind::Stale, "{seq}");
    }
    Ok(())
}

async fn each_tenant_has_its_own_chain(store: &dyn Store) -> Result<()> {
    let mut transaction = four(store).await?;
    transaction.append_audit(&block(2, 1)).await?;
    assert_eq!(transaction.audit_head(1).await?, (4, [4; 32]));
    assert_eq!(transaction.audit_head(2).await?, (1, [1; 32]));
    assert_eq!(transaction.audit(2, None, 0, 10).await?, [block(2, 1)]);
    Ok(())
}

async fn blocks_come_oldest_first_and_by_run(store: &dyn Store) -> Result<()> {
    let mut transaction = four(store).await?;
    assert_eq!(transaction.audit(1, None, 1, 2).await?, [block(1, 2), block(1, 3)]);
    assert_eq!(transaction.audit(1, Some(1), 0, 10).await?, [block(1, 1), block(1, 3)]);
    Ok(())
}

async fn purging_removes_old_bodies_and_keeps_the_chain(store: &dyn Store) -> Result<()> {
    let mut transaction = four(store).await?;
    assert_eq!(transaction.purge_audit(1, at(3)).await?, 2);
    assert_eq!(transaction.purge_audit(1, at(3)).await?, 0);
    let bare = |seq| AuditBlock {
        body: Vec::new(),
        ..block(1, seq)
    };
    assert_eq!(
        transaction.audit(1, None, 0, 10).await?,
        [bare(1), bare(2), block(1, 3), block(1, 4)]
    );
    assert_eq!(transaction.audit_head(1).await?, (4, [4; 32]));
    Ok(())
}
