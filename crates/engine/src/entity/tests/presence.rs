use serde_json::json;
use syncline_core::ErrorKind;
use syncline_core::audit::AuditKind;
use syncline_core::mapping::Strategy;
use syncline_core::state::{Cause, Presence, SideFlags};

use super::stage::{Stage, values};
use crate::entity::EntityRead;

#[tokio::test]
async fn a_delete_is_a_decision_that_leaves_the_rest_to_the_next_push() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    let uid = stage.pull(&sync, "003A", &[("Name", "Ada")]).await;
    let entities = stage.engine.entities();
    let view = entities.delete(stage.tenant, uid, &stage.ada).await.unwrap();
    assert!(view.deleted && view.links[0].push_due);
    let stored = stage.stored(uid).await.unwrap();
    assert_eq!(stored.entity.last_decision(0).unwrap().cause, Cause::App);
    assert_eq!(stored.sides[0].presence, Presence::Live);
    let again = entities.delete(stage.tenant, uid, &stage.ada).await.unwrap();
    assert_eq!(again.rev, view.rev);
    let patch = values(json!({ "city": "Graz" }));
    let refused = entities
        .update(stage.tenant, uid, patch, EntityRead::Blind, &stage.ada)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    let deleted = stage
        .audited()
        .await
        .into_iter()
        .filter(|entry| entry.kind == AuditKind::Deleted)
        .count();
    assert_eq!(deleted, 1);
}

#[tokio::test]
async fn an_undelete_revives_a_cut_link_and_makes_a_deleted_record_anew() {
    let stage = Stage::new().await;
    let contact = stage.sync("Contact", Strategy::LastWriteWins).await;
    let lead = stage.sync("Lead", Strategy::LastWriteWins).await;
    let uid = stage.pull(&contact, "003A", &[("Name", "Ada"), ("City", "Wien")]).await;
    stage
        .engine
        .entities()
        .delete(stage.tenant, uid, &stage.ada)
        .await
        .unwrap();
    let mut stored = stage.stored(uid).await.unwrap();
    stored.sides[0].presence = Presence::Unlinked;
    stored.sides[0].flags = SideFlags::default();
    let mut gone = stored.sides[0].clone();
    (gone.key.side, gone.key.slot, gone.ext) = (lead.side, lead.slot, Some("00QA".into()));
    gone.presence = Presence::Deleted("deleted in the app".into());
    stored.sides.push(gone);
    stage.overwrite(&stored).await;
    let view = stage
        .engine
        .entities()
        .undelete(stage.tenant, uid, &stage.ada)
        .await
        .unwrap();
    assert!(!view.deleted);
    let revived = view.links.iter().find(|link| link.side == contact.side).unwrap();
    assert_eq!(
        (revived.presence.clone(), revived.record.as_deref()),
        (Presence::Live, Some("003A"))
    );
    assert!(revived.read_due);
    let anew = view.links.iter().find(|link| link.side == lead.side).unwrap();
    assert_eq!(
        (anew.presence.clone(), anew.record.clone()),
        (Presence::NeverSeen, None)
    );
    assert_eq!(stage.behind(&lead, uid).await["City"], "Wien");
}

#[tokio::test]
async fn a_delete_waits_while_a_person_is_asked_whether_to_delete() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::ManualReview).await;
    let uid = stage.pull(&sync, "003A", &[("Name", "Ada"), ("City", "Wien")]).await;
    let patch = values(json!({ "city": "Graz" }));
    stage
        .engine
        .entities()
        .update(stage.tenant, uid, patch, EntityRead::Blind, &stage.ada)
        .await
        .unwrap();
    stage.gone(&sync, "003A").await;
    let refused = stage
        .engine
        .entities()
        .delete(stage.tenant, uid, &stage.ada)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert!(refused.to_string().contains("conflict"), "{refused}");
}

#[tokio::test]
async fn an_undelete_creates_what_was_to_be_created_before_the_delete() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    let uid = stage.pull(&sync, "003A", &[("Name", "Ada")]).await;
    let entities = stage.engine.entities();
    entities.delete(stage.tenant, uid, &stage.ada).await.unwrap();
    // A run began to create it, and found it deleted.
    let mut stored = stage.stored(uid).await.unwrap();
    (stored.sides[0].ext, stored.sides[0].presence) = (None, Presence::NeverSeen);
    stored.sides[0].flags = SideFlags::default();
    stage.overwrite(&stored).await;
    let view = entities.undelete(stage.tenant, uid, &stage.ada).await.unwrap();
    assert!(view.links[0].push_due);
}
