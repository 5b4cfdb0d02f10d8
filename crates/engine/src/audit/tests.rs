use serde_json::json;
use syncline_core::ErrorKind;
use syncline_core::audit::AuditKind;
use syncline_core::mapping::Strategy;
use syncline_core::model::TenantId;
use syncline_core::store::{AuditBlock, Mode, Store};
use syncline_storage::MemoryStore;

use super::{AuditPosition, AuditRecord};
use crate::Engine;
use crate::actor::Actor;
use crate::entity::EntityRead;
use crate::entity::tests::stage::{Stage, values};
use crate::ports::SeededRandom;
use crate::vault::{InMemoryKeyProvider, SecretKey};

/// A record that came by pull and was edited a few times.
async fn history() -> (Stage, uuid::Uuid) {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    let uid = stage.pull(&sync, "003A", &[("Name", "Ada"), ("City", "Wien")]).await;
    for city in ["Graz", "Linz", "Wels"] {
        let patch = values(json!({ "city": city }));
        stage
            .engine
            .entities()
            .update(stage.tenant, uid, patch, EntityRead::Blind, &stage.ada)
            .await
            .unwrap();
    }
    (stage, uid)
}

async fn blocks(stage: &Stage) -> Vec<AuditBlock> {
    let mut tx = stage.store.begin(Mode::Read).await.unwrap();
    tx.audit(stage.tenant, None, 0, 1_000).await.unwrap()
}

/// An engine over a store that holds these blocks, whatever they are.
async fn engine_over(blocks: &[AuditBlock]) -> (Engine, TenantId) {
    let store = std::sync::Arc::new(MemoryStore::new());
    let keys = InMemoryKeyProvider::new(SecretKey::generate(&SeededRandom::new(1)));
    let engine = Engine::builder(store.clone(), std::sync::Arc::new(keys))
        .build()
        .unwrap();
    let tenant = engine.tenant("Acme", &Actor::system()).await.unwrap().id;
    let mut tx = store.begin(Mode::Write).await.unwrap();
    for block in blocks {
        tx.append_audit(&AuditBlock {
            tenant,
            ..block.clone()
        })
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    (engine, tenant)
}

#[tokio::test]
async fn entries_name_fields_syncs_and_people() {
    let (stage, uid) = history().await;
    let all = stage
        .engine
        .audit()
        .list(stage.tenant, None, AuditPosition::default(), 0, &stage.ada)
        .await
        .unwrap();
    assert_eq!(
        (all[0].kind, all[0].sync.as_deref()),
        (AuditKind::Created, Some("contact"))
    );
    assert_eq!(
        (all[0].object.as_deref(), all[0].record.as_deref()),
        (Some("Contact"), Some("003A"))
    );
    let decided: Vec<&AuditRecord> = all.iter().filter(|entry| entry.kind == AuditKind::Decided).collect();
    let change = &decided[0].changes[0];
    assert_eq!(
        (change.field.as_str(), &change.before, &change.after),
        ("city", &json!("Wien"), &json!("Graz"))
    );
    assert_eq!(
        (decided[0].entity, decided[0].note.as_str(), decided[0].run),
        (Some(uid), "ada", None)
    );
}

#[tokio::test]
async fn pages_of_entries_follow_each_other_within_blocks_too() {
    let (stage, _) = history().await;
    let audit = stage.engine.audit();
    let all = audit
        .list(stage.tenant, None, AuditPosition::default(), 0, &stage.ada)
        .await
        .unwrap();
    let mut paged = Vec::new();
    let mut after = AuditPosition::default();
    loop {
        let page = audit.list(stage.tenant, None, after, 1, &stage.ada).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.position;
        paged.extend(page);
    }
    assert!(all.len() > 6);
    assert_eq!(paged, all);
}

#[tokio::test]
async fn an_untouched_audit_is_verified_and_exported_line_by_line() {
    let (stage, _) = history().await;
    let audit = stage.engine.audit();
    let verdict = audit.verify(stage.tenant, &stage.ada).await.unwrap();
    assert_eq!(verdict.broken, None);
    let all = audit
        .list(stage.tenant, None, AuditPosition::default(), 1_000, &stage.ada)
        .await
        .unwrap();
    assert_eq!(verdict.entries, all.len() as u64);
    let mut file = Vec::new();
    let exported = audit.export(stage.tenant, &mut file, &stage.ada).await.unwrap();
    assert_eq!(exported, verdict);
    let lines = String::from_utf8(file).unwrap();
    let lines: Vec<AuditRecord> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, all);
}

#[tokio::test]
async fn every_kind_of_tampering_is_found_with_its_place() {
    let (stage, _) = history().await;
    let intact = blocks(&stage).await;
    assert!(intact.len() >= 4);
    let changed = |tamper: &dyn Fn(&mut Vec<AuditBlock>)| {
        let mut blocks = intact.clone();
        tamper(&mut blocks);
        blocks
    };
    let cases = [
        (
            "a changed value",
            3,
            changed(&|blocks| {
                let last = blocks[2].body.len() - 2;
                blocks[2].body[last] ^= 1;
            }),
        ),
        (
            "a block that was replaced by another",
            2,
            changed(&|blocks| {
                let (previous, body, root, count) = (
                    blocks[2].previous,
                    blocks[2].body.clone(),
                    blocks[2].root,
                    blocks[2].count,
                );
                (blocks[1].previous, blocks[1].body, blocks[1].root, blocks[1].count) = (previous, body, root, count);
            }),
        ),
        ("another root", 2, changed(&|blocks| blocks[1].root[0] ^= 1)),
        (
            "an entry dropped from the count",
            2,
            changed(&|blocks| blocks[1].count -= 1),
        ),
        ("another past", 1, changed(&|blocks| blocks[0].previous[5] ^= 1)),
    ];
    for (what, place, blocks) in cases {
        let (engine, tenant) = engine_over(&blocks).await;
        let verdict = engine.audit().verify(tenant, &Actor::system()).await.unwrap();
        let broken = verdict.broken.unwrap_or_else(|| panic!("{what} was not found"));
        assert_eq!(
            (broken.block, verdict.blocks),
            (place, place - 1),
            "{what}: {}",
            broken.problem
        );
        let mut file = Vec::new();
        let exported = engine
            .audit()
            .export(tenant, &mut file, &Actor::system())
            .await
            .unwrap();
        assert!(exported.broken.is_some(), "{what}");
    }
    let (engine, tenant) = engine_over(&intact).await;
    assert_eq!(
        engine.audit().verify(tenant, &Actor::system()).await.unwrap().broken,
        None
    );
}

#[tokio::test]
async fn purged_bodies_leave_the_chain_intact() {
    let (stage, _) = history().await;
    let mut tx = stage.store.begin(Mode::Write).await.unwrap();
    let purged = tx.purge_audit(stage.tenant, jiff::Timestamp::MAX).await.unwrap();
    tx.commit().await.unwrap();
    let verdict = stage.engine.audit().verify(stage.tenant, &stage.ada).await.unwrap();
    assert_eq!((verdict.broken, verdict.purged), (None, purged));
}

#[tokio::test]
async fn the_audit_is_not_for_members() {
    let (stage, _) = history().await;
    let refused = stage
        .engine
        .audit()
        .verify(stage.tenant, &Actor::member("bo"))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
}
