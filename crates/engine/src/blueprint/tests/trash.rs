use serde_json::json;
use syncline_core::ErrorKind;
use syncline_core::mapping::Strategy;
use syncline_core::state::{Presence, SideFlags};
use syncline_core::store::{DocumentKind, DocumentQuery, Mode, Store};

use crate::entity::tests::stage::{Stage, values};
use crate::entity::{EntityListQuery, EntityRead};
use crate::sync::SyncStatus;

#[tokio::test]
async fn a_blueprint_in_the_trash_keeps_its_records_tells_no_crm_and_comes_back_whole() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    let paused = stage.sync("Lead", Strategy::LastWriteWins).await;
    let syncs = stage.engine.syncs();
    syncs.pause(paused.id, "by hand", &stage.ada).await.unwrap();
    let ada = stage.pull(&sync, "003A", &[("Name", "Ada")]).await;
    let trashed = stage
        .engine
        .trash_blueprint(stage.tenant, "person", &stage.ada)
        .await
        .unwrap();
    assert_eq!(trashed.entities, 1);
    assert!(
        stage
            .engine
            .blueprints(stage.tenant, &stage.ada)
            .await
            .unwrap()
            .is_empty()
    );
    let status = async |id| syncs.get(id, &stage.ada).await.unwrap().status;
    assert_eq!(status(sync.id).await, SyncStatus::Paused);
    let entities = stage.engine.entities();
    let listed = entities
        .list(stage.tenant, "person", &EntityListQuery::default(), &stage.ada)
        .await
        .unwrap();
    assert_eq!(listed.entities[0].values["name"], json!("Ada"), "they can be looked at");
    let side = &stage.stored(ada).await.unwrap().sides[0];
    assert!(
        !side.flags.has(SideFlags::PUSH) && side.presence == Presence::Live,
        "nothing is deleted anywhere"
    );
    let patch = values(json!({"city": "Graz"}));
    let refused = [
        entities
            .update(stage.tenant, ada, patch, EntityRead::Blind, &stage.ada)
            .await
            .map(drop),
        entities.delete(stage.tenant, ada, &stage.ada).await.map(drop),
        entities
            .create(stage.tenant, "person", values(json!({"name": "Bob"})), &stage.ada)
            .await
            .map(drop),
        syncs.resume(sync.id, &stage.ada).await.map(drop),
        stage
            .engine
            .save_blueprint(stage.tenant, "person", &[], &[], &stage.ada)
            .await
            .map(drop),
    ];
    for refused in refused {
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
        assert!(refused.to_string().contains("restore it first"), "{refused}");
    }
    stage
        .engine
        .restore_blueprint(stage.tenant, "person", &stage.ada)
        .await
        .unwrap();
    assert_eq!(status(sync.id).await, SyncStatus::Active);
    assert_eq!(
        status(paused.id).await,
        SyncStatus::Paused,
        "who paused it by hand resumes it by hand"
    );
    entities.delete(stage.tenant, ada, &stage.ada).await.unwrap();
}

#[tokio::test]
async fn a_purge_leaves_nothing_of_a_blueprint_and_asks_that_nobody_refers_to_it() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    stage
        .pull(&sync, "003A", &[("Name", "Ada"), ("Email", "ada@acme.example")])
        .await;
    let refers = serde_json::from_value(json!({"name": "who", "type": "reference", "blueprint": "person"})).unwrap();
    let engine = &stage.engine;
    engine
        .save_blueprint(stage.tenant, "task", &[refers], &[], &stage.ada)
        .await
        .unwrap();
    let purge = async || engine.purge_blueprint(stage.tenant, "person", &stage.ada).await;
    assert_eq!(
        purge().await.unwrap_err().kind(),
        ErrorKind::NotFound,
        "only what is in the trash"
    );
    engine
        .trash_blueprint(stage.tenant, "person", &stage.ada)
        .await
        .unwrap();
    let refused = purge().await.unwrap_err();
    assert!(refused.to_string().contains("`who` of task"), "{refused}");
    engine.trash_blueprint(stage.tenant, "task", &stage.ada).await.unwrap();
    let purged = purge().await.unwrap();
    assert_eq!((purged.entities, purged.syncs), (1, 1));
    let mut tx = stage.store.begin(Mode::Read).await.unwrap();
    assert_eq!(tx.heads(sync.side, &["003A"]).await.unwrap(), [None]);
    for kind in [DocumentKind::Sync, DocumentKind::Space] {
        assert_eq!(
            tx.count_documents(&DocumentQuery::new(kind)).await.unwrap(),
            0,
            "{kind:?}"
        );
    }
    drop(tx);
    let left: Vec<String> = engine
        .trashed_blueprints(stage.tenant, &stage.ada)
        .await
        .unwrap()
        .into_iter()
        .map(|trashed| trashed.blueprint.name)
        .collect();
    assert_eq!(left, ["task"]);
}
