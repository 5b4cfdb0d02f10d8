//! A database that somebody puts back from a backup, while the CRMs have gone on.

use std::path::Path;
use std::sync::Arc;

use syncline_core::mapping::DeletePolicy;
use syncline_simulators::Options;
use syncline_storage::{MemoryStore, SqliteStore};

use crate::play::{HUBSPOT, Play, SALESFORCE};

async fn play(store: Arc<dyn syncline_core::store::Store>) -> Play {
    let options = Options {
        records: 0,
        ..Options::default()
    };
    Play::over(store, options, |_, sync| {
        sync.mapping.on_crm_delete = DeletePolicy::Delete;
        sync.mapping.on_app_delete = DeletePolicy::Delete;
    })
    .await
}

fn copy(from: &Path, to: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let name = |path: &Path| std::path::PathBuf::from(format!("{}{ending}", path.display()));
        let _ = std::fs::remove_file(name(to));
        if name(from).exists() {
            std::fs::copy(name(from), name(to)).unwrap();
        }
    }
}

#[tokio::test]
async fn after_a_backup_is_put_back_no_edit_is_lost_and_nothing_is_deleted_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("a.db"), folder.path().join("backup.db"));
    let open = async || Arc::new(SqliteStore::open(&path).await.unwrap());
    let mut store = open().await;
    let mut play = play(store.clone()).await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        ids.push(play.create(SALESFORCE, &format!("{name}@x.org"), &[("city", "Bern")]));
    }
    play.settle().await;
    store.close().await;
    copy(&path, &backup);
    store = open().await;
    play.stage.reopen(store.clone()).unwrap();
    assert_eq!(play.stage.engine.restored(&play.stage.actor).await.unwrap(), None);

    // Everybody goes on: a CRM's user, the app's, and one whom the backup does not know.
    play.later().await;
    play.edit(SALESFORCE, &ids[0], "city", "Genf");
    play.app_edit("b@x.org", "city", "Basel").await;
    play.app_create("new@x.org", &[("city", "Chur")]).await;
    play.settle().await;
    store.close().await;
    copy(&backup, &path);
    store = open().await;
    play.stage.reopen(store).unwrap();

    let restored = play.stage.engine.restored(&play.stage.actor).await.unwrap().unwrap();
    assert!(
        restored.reason.contains("restored from a backup"),
        "{}",
        restored.reason
    );
    play.settle().await;
    assert_eq!(play.app("a@x.org", "city").await, "Genf");
    assert_eq!(play.app("b@x.org", "city").await, "Basel");
    assert_eq!(play.app("new@x.org", "city").await, "Chur");
    assert_eq!((play.count(SALESFORCE), play.count(HUBSPOT)), (5, 5));

    // A delete is a person's to decide until the restore is confirmed.
    play.later().await;
    play.delete(SALESFORCE, &ids[2]);
    play.settle().await;
    assert_eq!((play.people().await.len(), play.count(HUBSPOT)), (5, 5));
    assert_eq!(play.conflicts().await.len(), 1);
    play.stage.engine.confirm_restored(&play.stage.actor).await.unwrap();
    play.later().await;
    play.delete(SALESFORCE, &ids[3]);
    play.settle().await;
    assert_eq!((play.people().await.len(), play.count(HUBSPOT)), (4, 4));
    assert_eq!(play.conflicts().await.len(), 1);
}

#[tokio::test]
async fn a_restored_store_is_told_from_one_that_was_killed_and_from_one_that_the_host_restored() {
    let store = MemoryStore::new();
    let play = play(Arc::new(store.clone())).await;
    let (engine, actor) = (&play.stage.engine, &play.stage.actor);
    play.create(SALESFORCE, "a@x.org", &[]);
    play.settle().await;
    let backup = store.backup();
    store.crash();
    assert_eq!(engine.restored(actor).await.unwrap(), None);
    play.settle().await;
    store.restore(backup);
    assert!(engine.restored(actor).await.unwrap().is_some());
    play.settle().await;
    assert!(
        engine.restored(actor).await.unwrap().is_some(),
        "until somebody confirms it"
    );
    engine.confirm_restored(actor).await.unwrap();
    assert_eq!(engine.restored(actor).await.unwrap(), None);
    engine.declare_restored(actor).await.unwrap();
    assert!(engine.restored(actor).await.unwrap().is_some());
}
