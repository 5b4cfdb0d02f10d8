//! A tenant that is deleted for good.

use std::path::Path;
use std::sync::Arc;

use syncline_core::ErrorKind;
use syncline_simulators::Options;
use syncline_storage::SqliteStore;

use crate::play::{HUBSPOT, Play, SALESFORCE};

/// Which of these texts are in the files of a database.
fn found<'a>(path: &Path, texts: &[&'a str]) -> Vec<&'a str> {
    let folder = std::fs::read_dir(path.parent().unwrap()).unwrap();
    let files: Vec<Vec<u8>> = folder
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .collect();
    let holds = |text: &&str| {
        let mut windows = files.iter().flat_map(|bytes| bytes.windows(text.len()));
        windows.any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
    };
    texts.iter().copied().filter(holds).collect()
}

#[tokio::test]
async fn of_a_deleted_tenant_nothing_is_left_but_a_chain_that_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = Arc::new(SqliteStore::open(&path).await.unwrap());
    let options = Options {
        records: 0,
        ..Options::default()
    };
    let play = Play::over(store.clone(), options, |_, _| {}).await;
    let ext = play.create(
        SALESFORCE,
        "zoe.quux@personal.example",
        &[("city", "Quuxville"), ("title", "Kwisatz")],
    );
    let gone = play.create(
        HUBSPOT,
        "deleted.quux@personal.example",
        &[("first_name", "Jabberwock")],
    );
    play.app_create("app.quux@personal.example", &[("phone", "+43 1 9998877")])
        .await;
    play.settle().await;
    play.app_edit("zoe.quux@personal.example", "city", "Bandersnatch").await;
    play.settle().await;
    play.delete(HUBSPOT, &gone);
    play.settle().await;
    let engine = &play.stage.engine;
    let (tenant, actor) = (play.stage.tenant, play.stage.actor.clone());
    let renamed = serde_json::from_value(serde_json::json!({"rules": [
        {"rule": "drop", "field": "title"}]}));
    let refused = engine
        .versions()
        .save(tenant, "person", &renamed.unwrap(), &actor)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid, "syncs use it");
    let before = engine.audit().verify(tenant, &actor).await.unwrap();
    let texts = [
        "quux@personal.example",
        "Quuxville",
        "Kwisatz",
        "Jabberwock",
        "9998877",
        "Bandersnatch",
        ext.as_str(),
        gone.as_str(),
        "Acme",
        "MailingCity",
    ];
    assert_eq!(found(&path, &texts), texts, "they were all there");

    let deleted = engine.delete_tenant(tenant, &actor).await.unwrap();
    assert_eq!(deleted.entities, 3, "{deleted:?}");
    assert_eq!(deleted.revoked + deleted.not_revoked.len() as u64, 2, "{deleted:?}");
    assert_eq!(found(&path, &texts), [""; 0], "what remains");
    let after = engine.audit().verify(tenant, &actor).await.unwrap();
    assert_eq!(
        (after.broken.clone(), after.blocks),
        (None, before.blocks + 1),
        "{after:?}"
    );
    assert_eq!(engine.tenants(&actor).await.unwrap(), []);
    assert_eq!(
        (play.count(SALESFORCE), play.count(HUBSPOT)),
        (3, 2),
        "no CRM's record is touched"
    );
}
