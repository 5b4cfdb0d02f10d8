use serde_json::json;
use syncline_core::ErrorKind;
use syncline_core::audit::AuditKind;
use syncline_core::mapping::Strategy;
use syncline_core::plan::ReviewReason;
use syncline_core::state::{Presence, SideFlags};
use uuid::Uuid;

use crate::conflict::{ConflictQuery, Resolution, Review, ReviewStatus};
use crate::entity::EntityRead;
use crate::entity::tests::stage::{Stage, values};

async fn made(stage: &Stage, name: &str, city: &str) -> Uuid {
    let record = values(json!({ "name": name, "city": city }));
    stage
        .engine
        .entities()
        .create(stage.tenant, "person", record, &stage.ada)
        .await
        .unwrap()
        .uid
}

async fn seen(stage: &Stage, id: u64) -> Review {
    stage
        .engine
        .conflicts()
        .get(stage.tenant, id, &stage.ada)
        .await
        .unwrap()
}

async fn resolve(stage: &Stage, id: u64, resolution: Resolution) -> syncline_core::Result<Review> {
    let review = seen(stage, id).await;
    stage
        .engine
        .conflicts()
        .resolve(stage.tenant, id, review.version, &resolution, &stage.ada)
        .await
}

#[tokio::test]
async fn a_staged_record_is_linked_to_the_chosen_candidate_and_the_other_is_free_again() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    let (ada, other) = (made(&stage, "Ada", "Wien").await, made(&stage, "Ada", "Graz").await);
    let waiting = stage.stage(&sync, "003A", &[("Name", "Ada"), ("Phone", "1")]).await;
    let id = stage
        .ask(&sync, waiting, &[ada, other], ReviewReason::AmbiguousMatch)
        .await;
    let records = stage
        .engine
        .conflicts()
        .records(stage.tenant, id, &stage.ada)
        .await
        .unwrap();
    assert_eq!(
        records.iter().map(|view| view.uid).collect::<Vec<_>>(),
        [waiting, ada, other]
    );
    assert!(
        stage
            .engine
            .entities()
            .get(stage.tenant, ada, &stage.ada)
            .await
            .unwrap()
            .links[0]
            .held
    );

    let done = resolve(&stage, id, Resolution::Link(ada)).await.unwrap();
    assert_eq!(
        (done.status, done.resolved_by.as_deref()),
        (ReviewStatus::Resolved, Some("ada"))
    );
    let view = stage
        .engine
        .entities()
        .get(stage.tenant, ada, &stage.ada)
        .await
        .unwrap();
    assert_eq!(
        (view.links[0].record.as_deref(), view.links[0].held),
        (Some("003A"), false)
    );
    assert_eq!(
        (view.values["phone"].clone(), view.values["city"].clone()),
        (json!("1"), json!("Wien"))
    );
    assert_eq!(stage.behind(&sync, ada).await["City"], "Wien");
    assert!(stage.stored(waiting).await.is_none());
    assert!(stage.stored(other).await.unwrap().sides.is_empty());
    let audited = stage.audited().await;
    assert!(
        audited
            .iter()
            .any(|entry| entry.kind == AuditKind::Linked && entry.entity == ada && entry.ext == "003A")
    );
}

#[tokio::test]
async fn a_staged_record_kept_separate_becomes_a_record_and_candidates_that_others_name_stay_held() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    let ada = made(&stage, "Ada", "Wien").await;
    let first = stage.stage(&sync, "003A", &[("Name", "Ada")]).await;
    let second = stage.stage(&sync, "003B", &[("Name", "Ada")]).await;
    let one = stage.ask(&sync, first, &[ada], ReviewReason::AmbiguousMatch).await;
    let two = stage.ask(&sync, second, &[ada], ReviewReason::AmbiguousMatch).await;
    resolve(&stage, one, Resolution::Separate).await.unwrap();
    let view = stage
        .engine
        .entities()
        .get(stage.tenant, first, &stage.ada)
        .await
        .unwrap();
    assert_eq!((view.deleted, view.values["name"].clone()), (false, json!("Ada")));
    assert!(stage.stored(ada).await.unwrap().sides[0].flags.has(SideFlags::HELD));
    resolve(&stage, two, Resolution::Separate).await.unwrap();
    assert!(stage.stored(ada).await.unwrap().sides.is_empty());
}

#[tokio::test]
async fn a_candidate_that_is_linked_meanwhile_can_not_be_chosen() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    let ada = made(&stage, "Ada", "Wien").await;
    let first = stage.stage(&sync, "003A", &[("Name", "Ada")]).await;
    let second = stage.stage(&sync, "003B", &[("Name", "Ada")]).await;
    let one = stage.ask(&sync, first, &[ada], ReviewReason::AmbiguousMatch).await;
    let two = stage.ask(&sync, second, &[ada], ReviewReason::AmbiguousMatch).await;
    resolve(&stage, one, Resolution::Link(ada)).await.unwrap();
    let refused = resolve(&stage, two, Resolution::Link(ada)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert!(refused.to_string().contains("003A"), "{refused}");
    let unknown = resolve(&stage, two, Resolution::Link(Uuid::from_u128(7)))
        .await
        .unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    resolve(&stage, two, Resolution::Separate).await.unwrap();
}

#[tokio::test]
async fn a_match_that_a_run_settled_is_closed_instead_of_decided_again() {
    let stage = Stage::new().await;
    let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
    let ada = made(&stage, "Ada", "Wien").await;
    let waiting = stage.stage(&sync, "003A", &[("Name", "Ada")]).await;
    let id = stage.ask(&sync, waiting, &[ada], ReviewReason::AmbiguousMatch).await;
    let mut stored = stage.stored(waiting).await.unwrap();
    crate::run::publish(&mut stored);
    stage.overwrite(&stored).await;
    assert_eq!(
        resolve(&stage, id, Resolution::Link(ada)).await.unwrap_err().kind(),
        ErrorKind::Stale
    );
    assert_eq!(seen(&stage, id).await.status, ReviewStatus::Resolved);
}

#[tokio::test]
async fn records_merged_in_the_crm_both_stay_or_the_loser_is_deleted_by_decision() {
    for (resolution, deleted) in [(Resolution::KeepBoth, false), (Resolution::DeleteRecord, true)] {
        let stage = Stage::new().await;
        let sync = stage.sync("Contact", Strategy::LastWriteWins).await;
        let winner = stage.pull(&sync, "003A", &[("Name", "Ada")]).await;
        let loser = stage.pull(&sync, "003B", &[("Name", "Ada L.")]).await;
        let mut stored = stage.stored(loser).await.unwrap();
        stored.sides[0].presence = Presence::MergedInto("003A".into());
        stage.overwrite(&stored).await;
        let id = stage.ask(&sync, loser, &[winner], ReviewReason::MergeCollision).await;
        resolve(&stage, id, resolution).await.unwrap();
        let view = stage
            .engine
            .entities()
            .get(stage.tenant, loser, &stage.ada)
            .await
            .unwrap();
        assert_eq!(view.deleted, deleted);
        assert_eq!(view.links[0].presence, Presence::MergedInto("003A".into()));
        assert!(
            !stage
                .engine
                .entities()
                .get(stage.tenant, winner, &stage.ada)
                .await
                .unwrap()
                .deleted
        );
        let audited = stage.audited().await;
        let entry = audited
            .iter()
            .find(|entry| entry.kind == AuditKind::ConflictResolved)
            .unwrap();
        assert!(entry.note.starts_with("ada: "), "{}", entry.note);
    }
}

#[tokio::test]
async fn a_delete_that_met_an_edit_is_undone_or_carried_out() {
    for (resolution, deleted) in [(Resolution::KeepRecord, false), (Resolution::DeleteRecord, true)] {
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
        let open = stage
            .engine
            .conflicts()
            .list(stage.tenant, &ConflictQuery::pending(), &stage.ada)
            .await
            .unwrap();
        assert_eq!(open[0].reason, ReviewReason::DeleteConflict);
        resolve(&stage, open[0].id, resolution).await.unwrap();
        let view = stage
            .engine
            .entities()
            .get(stage.tenant, uid, &stage.ada)
            .await
            .unwrap();
        assert_eq!((view.deleted, view.conflicts.len()), (deleted, 0));
        if !deleted {
            assert_eq!(
                (view.links[0].presence.clone(), view.links[0].record.clone()),
                (Presence::NeverSeen, None)
            );
            assert_eq!(stage.behind(&sync, uid).await["City"], "Graz");
        }
    }
}
