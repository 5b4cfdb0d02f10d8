//! Strong reads.

use std::collections::BTreeSet;

use syncline_core::Value;
use syncline_core::batch::RowState;
use syncline_core::job::FetchBy;

use crate::connector::scene::update;
use crate::connector::{Need, Scene};

topic! { "fetch":
    reads_are_strong(Need::Nothing, 3) "Its rows are of class [`crate::batch::ReadClass::Strong`].",
    sees_what_was_just_written(Need::Nothing, 3) "It sees what was written just before.",
    answers_every_id(Need::Nothing, 250) "Every id asked for is answered by a row of that id, however many are asked for.",
    answers_missing_ids(Need::Nothing, 3) "An id that names nothing is answered as `Missing`.",
    never_shows_a_deleted_record_as_live(Need::Nothing, 3) "A deleted record is answered as `Deleted`, `Archived` or `Missing`, never as `Live`.",
    keeps_the_order_of_the_projection(Need::Nothing, 3) "Values come in the order of the projection, and a field that holds nothing is null.",
    live_rows_carry_stamps(Need::Nothing, 3) "Live rows carry the record's stamp.",
    follows_merges(Need::Merges, 4) "`merges_reported`: a record that was merged away is answered as `Merged` into its survivor, whose own row is beside it.",
    finds_by_key(Need::Marker, 3) "`create.marker`: by key it finds the records whose field holds one of the texts, and no others.",
}

fn first_id(scene: &Scene<'_>) -> String {
    scene.live().into_iter().next().unwrap()
}

async fn reads_are_strong(scene: &Scene<'_>) {
    // The class is checked at every fetch.
    assert_eq!(scene.fetch_one(&first_id(scene)).await.state, RowState::Live);
}

async fn sees_what_was_just_written(scene: &Scene<'_>) {
    let city = scene.subject().city.clone();
    let id = first_id(scene);
    scene.apply(vec![update(&id, &[(&city, "Written")])]).await;
    assert!(
        scene
            .fetch_one(&id)
            .await
            .holds(scene.subject(), &scene.held(&id).unwrap())
    );
    scene.remote.edit(&id, &[(&city, "By hand")]);
    let row = scene.fetch_one(&id).await;
    assert_eq!(row.values[2], Some(Value::text("By hand")));
}

async fn answers_every_id(scene: &Scene<'_>) {
    let mut ids: Vec<String> = scene.live().into_iter().collect();
    ids.push(scene.subject().missing.clone());
    let rows = scene.fetch(FetchBy::Ids(ids.clone())).await.unwrap();
    let answered: BTreeSet<_> = rows.iter().map(|row| row.id.clone()).collect();
    assert_eq!(answered, ids.into_iter().collect());
    assert_eq!(answered.len(), rows.len(), "each once");
    for row in rows.iter().filter(|row| row.state == RowState::Live) {
        assert!(row.holds(scene.subject(), &scene.held(&row.id).unwrap()), "{row:?}");
    }
    assert!(scene.fetch(FetchBy::Ids(Vec::new())).await.unwrap().is_empty());
}

async fn answers_missing_ids(scene: &Scene<'_>) {
    let missing = scene.subject().missing.clone();
    assert_eq!(scene.fetch_one(&missing).await.state, RowState::Missing);
}

async fn never_shows_a_deleted_record_as_live(scene: &Scene<'_>) {
    let id = first_id(scene);
    scene.remote.delete(&id);
    let state = scene.fetch_one(&id).await.state;
    assert!(
        matches!(state, RowState::Deleted | RowState::Archived | RowState::Missing),
        "{state:?}"
    );
}

async fn keeps_the_order_of_the_projection(scene: &Scene<'_>) {
    let subject = scene.subject();
    let id = scene.remote.create(&[(&subject.name, "Order"), (&subject.city, "Ulm")]);
    let row = scene.fetch_one(&id).await;
    let values = [Value::text("Order"), Value::Null, Value::text("Ulm")];
    assert_eq!(row.values, values.map(Some));
}

async fn live_rows_carry_stamps(scene: &Scene<'_>) {
    let id = first_id(scene);
    let before = scene.fetch_one(&id).await.stamp.expect("a stamp");
    scene.pass(5);
    scene.remote.edit(&id, &[(&scene.subject().city, "Later")]);
    let after = scene.fetch_one(&id).await.stamp.expect("a stamp");
    assert!(after > before, "{before} {after}");
}

async fn follows_merges(scene: &Scene<'_>) {
    let ids: Vec<String> = scene.live().into_iter().collect();
    let survivor = scene.remote.merge(&ids[0], &ids[1]);
    let rows = scene.fetch(FetchBy::Ids(vec![ids[1].clone()])).await.unwrap();
    let merged = rows.iter().find(|row| row.id == ids[1]).expect("a row of the id");
    assert_eq!(
        (merged.state, merged.merged_into.as_ref()),
        (RowState::Merged, Some(&survivor))
    );
    let own = rows
        .iter()
        .find(|row| row.id == survivor)
        .expect("the survivor's own row");
    assert!(own.state == RowState::Live && own.holds(scene.subject(), &scene.held(&survivor).unwrap()));
}

async fn finds_by_key(scene: &Scene<'_>) {
    let subject = scene.subject();
    let field = subject.marker.clone().unwrap();
    let made: Vec<String> = ["K'1", "k-2", "K 3"]
        .iter()
        .map(|key| scene.remote.create(&[(&subject.name, key), (&field, key)]))
        .collect();
    let values = vec!["K'1".to_owned(), "k-2".to_owned(), "nobody".to_owned()];
    let rows = scene.fetch(FetchBy::Key { field, values }).await.unwrap();
    let found: BTreeSet<_> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(found, [made[0].as_str(), made[1].as_str()].into());
    assert!(rows.iter().all(|row| row.state == RowState::Live));
}
