//! Pulls and sweeps.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use syncline_core::Value;
use syncline_core::batch::RowState;
use syncline_core::job::{Comparison, Condition, Job, Start};
use syncline_simulators::Fault;

use crate::connector::{Act, Host, Need, Pulled, Row, Scene};

topic! { "task":
    a_task_resumes(Need::Nothing, 450) "A task goes on from its checkpoint where the one before it stopped.",
    a_failed_step_may_be_repeated(Need::Act(Act::Fault(Fault::Reset)), 450) "A step that failed with the advice `After` may be repeated, and nothing is lost or doubled by it.",
    a_pull_returns_everything(Need::Nothing, 450) "A pull from the beginning returns every live record at least once, each with its id and its values.",
    a_pull_ends_with_a_cursor(Need::Nothing, 30) "It ends with a cursor, and a pull from there with nothing new ends too.",
    a_pull_returns_what_changed(Need::Nothing, 30) "A pull from a cursor returns every record that was created or changed since.",
    equal_stamps_lose_nothing(Need::Act(Act::TouchAll), 450) "Records that share one stamp are all returned, however many there are and however small a page is.",
    changes_under_way_are_not_lost(Need::Nothing, 450) "What changes while a pull is under way is returned by it or by the next one.",
    late_commits_are_not_lost(Need::Act(Act::CommitLate), 30) "A change that becomes visible late, with its old stamp, is returned as long as it is within the overlap.",
    a_pull_since_a_time(Need::Nothing, 30) "A pull since a time returns what changed after it.",
    conditions_leave_nothing_out(Need::Nothing, 30) "Conditions leave no record out that meets them.",
    deletes_are_told(Need::DeleteEvidence, 30) "`delete_evidence`: a record that was deleted shows as `Deleted` or `Archived` in a pull from a cursor.",
    merges_are_told(Need::Merges, 30) "`merges_reported`: a record that was merged away shows as `Merged` into its survivor in a pull from a cursor.",
    a_lagging_index_loses_nothing(Need::LaggingIndex, 30) "`read.index_lags`: a record that the index shows late, or shows with old values, is returned with its values of now.",
    a_sweep_returns_every_id(Need::Nothing, 450) "A sweep returns the id of every live record, and no other as `Live`.",
}

/// Longer than any clock or lag of the suite, shorter than any overlap.
const SOON: u64 = 60;

async fn everything(scene: &Scene<'_>, resume: bool) -> Pulled {
    let job = scene.pull_job(Start::Beginning, Vec::new());
    scene.run(job, resume, &mut |_| {}).await.expect("a pull that succeeds")
}

async fn since(scene: &Scene<'_>, before: &Pulled) -> Pulled {
    scene.pull(Start::Cursor(before.cursor.clone())).await
}

fn all_are_there(scene: &Scene<'_>, pulled: &Pulled) {
    assert_eq!(pulled.live(), scene.live());
    let latest = pulled.latest();
    for held in scene.remote.records() {
        let row = latest[held.id.as_str()];
        assert!(row.holds(scene.subject(), &held), "{row:?} is not {held:?}");
    }
}

fn row<'a>(pulled: &'a Pulled, id: &str) -> &'a Row {
    pulled
        .latest()
        .get(id)
        .copied()
        .unwrap_or_else(|| panic!("{id} was not returned"))
}

async fn a_task_resumes(scene: &Scene<'_>) {
    let pulled = everything(scene, true).await;
    assert!(pulled.steps > 1, "one step is not enough to see a resumption");
    all_are_there(scene, &pulled);
}

async fn a_failed_step_may_be_repeated(scene: &Scene<'_>) {
    for resume in [false, true] {
        let bare = Scene::with(scene.remote, Host::new(scene.remote, 1));
        let job = bare.pull_job(Start::Beginning, Vec::new());
        let mut strike = |step: usize| {
            if step % 2 == 1 {
                scene.remote.misbehave(Fault::Reset);
            }
        };
        let pulled = bare.run(job, resume, &mut strike).await.expect("a pull that succeeds");
        all_are_there(scene, &pulled);
        scene.remote.settle().await;
    }
    assert!(scene.remote.misbehaved() > 0, "no request was cut");
}

async fn a_pull_returns_everything(scene: &Scene<'_>) {
    let gone = scene.live().into_iter().next().unwrap();
    scene.remote.delete(&gone);
    let pulled = everything(scene, false).await;
    all_are_there(scene, &pulled);
}

async fn a_pull_ends_with_a_cursor(scene: &Scene<'_>) {
    let first = everything(scene, false).await;
    assert!(!first.cursor.is_empty());
    scene.pass(86_400);
    let second = since(scene, &first).await;
    assert!(!second.cursor.is_empty());
    scene.pass(86_400);
    let third = since(scene, &second).await;
    assert!(third.rows.is_empty(), "nothing changed for a day: {:?}", third.rows);
}

async fn a_pull_returns_what_changed(scene: &Scene<'_>) {
    let subject = scene.subject();
    let mut last = everything(scene, false).await;
    let ids: Vec<String> = scene.live().into_iter().collect();
    for id in &ids[..3] {
        scene.pass(3_600);
        let city = format!("City {id}");
        scene.remote.edit(id, &[(&subject.city, &city)]);
        let made = scene.remote.create(&[(&subject.name, &city)]);
        scene.pass(SOON);
        last = since(scene, &last).await;
        for id in [id, &made] {
            let held = scene.held(id).unwrap();
            assert!(row(&last, id).holds(subject, &held), "{held:?}");
        }
    }
}

async fn equal_stamps_lose_nothing(scene: &Scene<'_>) {
    let first = everything(scene, false).await;
    scene.pass(3_600);
    scene.remote.touch_all();
    scene.pass(SOON);
    for resume in [false, true] {
        let job = scene.pull_job(Start::Cursor(first.cursor.clone()), Vec::new());
        let pulled = scene.run(job, resume, &mut |_| {}).await.unwrap();
        all_are_there(scene, &pulled);
    }
}

async fn changes_under_way_are_not_lost(scene: &Scene<'_>) {
    let subject = scene.subject();
    let ids: Vec<String> = scene.live().into_iter().collect();
    let first = everything(scene, false).await;
    for start in [Start::Beginning, Start::Cursor(first.cursor.clone())] {
        scene.pass(3_600);
        scene.remote.touch_all();
        scene.pass(SOON);
        let mut edited = BTreeSet::new();
        let mut act = |step: usize| {
            let Some(id) = ids.get(step * 7 % ids.len()) else {
                return;
            };
            let city = format!("Step {step}");
            scene.remote.edit(id, &[(&subject.city, &city)]);
            edited.insert(id.clone());
            edited.insert(scene.remote.create(&[(&subject.name, &city)]));
            scene.pass(2);
        };
        let job = scene.pull_job(start, Vec::new());
        let mut pulled = scene.run(job, false, &mut act).await.unwrap();
        scene.pass(SOON);
        let next = since(scene, &pulled).await;
        pulled.rows.extend(next.rows);
        assert!(!edited.is_empty(), "one step is not enough to see a change under way");
        for id in edited {
            let held = scene.held(&id).unwrap();
            assert!(row(&pulled, &id).holds(subject, &held), "{held:?}");
        }
    }
}

async fn late_commits_are_not_lost(scene: &Scene<'_>) {
    let subject = scene.subject();
    let first = everything(scene, false).await;
    scene.pass(3_600);
    let id = scene.live().into_iter().next().unwrap();
    let overlap = scene.remote.connector().manifest().capabilities.read.overlap_seconds;
    let late = u64::from(overlap) / 2;
    scene.remote.commit_next_late(Duration::from_secs(late));
    scene.remote.edit(&id, &[(&subject.city, "Late")]);
    scene.pass(10);
    let second = since(scene, &first).await;
    assert!(
        second
            .rows
            .iter()
            .all(|row| row.values.get(2) != Some(&Some(Value::text("Late")))),
        "the edit can't be seen yet"
    );
    scene.pass(late);
    let third = since(scene, &second).await;
    assert_eq!(row(&third, &id).values[2], Some(Value::text("Late")));
}

async fn a_pull_since_a_time(scene: &Scene<'_>) {
    let subject = scene.subject();
    scene.pass(3_600);
    let time = scene.remote.now();
    scene.pass(5);
    let made = scene.remote.create(&[(&subject.name, "New")]);
    let edited = scene.live().into_iter().next().unwrap();
    scene.remote.edit(&edited, &[(&subject.city, "New")]);
    scene.pass(SOON);
    let pulled = scene.pull(Start::Since(time)).await;
    assert!(pulled.live().is_superset(&[made, edited].into()));
    assert!(!pulled.cursor.is_empty());
    let later = scene.remote.now() + SignedDuration::from_secs(1);
    scene.pass(SOON);
    assert!(scene.pull(Start::Since(later)).await.rows.is_empty());
}

async fn conditions_leave_nothing_out(scene: &Scene<'_>) {
    let subject = scene.subject();
    for text in ["Ulm", "ulm", "O'Fallon \\ \"x\"", "50 %"] {
        let id = scene.remote.create(&[(&subject.name, text), (&subject.city, text)]);
        scene.pass(SOON);
        for (comparison, value) in [
            (Comparison::Equal, text),
            (Comparison::NotEqual, "Elsewhere"),
            (Comparison::GreaterOrEqual, text),
            (Comparison::LessOrEqual, text),
        ] {
            let condition = Condition {
                field: subject.city.clone(),
                comparison,
                value: Value::text(value),
            };
            let job = scene.pull_job(Start::Beginning, vec![condition]);
            let pulled = scene.run(job, false, &mut |_| {}).await.unwrap();
            assert!(pulled.live().contains(&id), "{text} {comparison:?} {value}");
        }
    }
}

async fn deletes_are_told(scene: &Scene<'_>) {
    let first = everything(scene, false).await;
    scene.pass(3_600);
    let id = scene.live().into_iter().next().unwrap();
    scene.remote.delete(&id);
    scene.pass(SOON);
    let second = since(scene, &first).await;
    let state = row(&second, &id).state;
    assert!(matches!(state, RowState::Deleted | RowState::Archived), "{state:?}");
}

async fn merges_are_told(scene: &Scene<'_>) {
    let first = everything(scene, false).await;
    scene.pass(3_600);
    let ids: Vec<String> = scene.live().into_iter().collect();
    let survivor = scene.remote.merge(&ids[0], &ids[1]);
    scene.pass(SOON);
    let second = since(scene, &first).await;
    let merged = row(&second, &ids[1]);
    assert_eq!(
        (merged.state, merged.merged_into.as_ref()),
        (RowState::Merged, Some(&survivor))
    );
    assert_eq!(row(&second, &survivor).state, RowState::Live);
}

async fn a_lagging_index_loses_nothing(scene: &Scene<'_>) {
    let subject = scene.subject();
    let first = everything(scene, false).await;
    scene.pass(3_600);
    let id = scene.live().into_iter().next().unwrap();
    scene.remote.edit(&id, &[(&subject.city, "Indexed")]);
    scene.remote.misbehave(Fault::StaleIndex);
    scene.remote.edit(&id, &[(&subject.city, "Stale")]);
    scene.pass(5);
    let second = since(scene, &first).await;
    if let Some(row) = second.latest().get(id.as_str()) {
        assert_eq!(row.values[2], Some(Value::text("Stale")), "the index's own values");
    }
    scene.pass(SOON * 2);
    let third = since(scene, &second).await;
    assert_eq!(row(&third, &id).values[2], Some(Value::text("Stale")));
}

async fn a_sweep_returns_every_id(scene: &Scene<'_>) {
    let ids: Vec<String> = scene.live().into_iter().collect();
    scene.remote.delete(&ids[0]);
    for resume in [false, true] {
        let job = Job::Sweep {
            object: scene.subject().object.clone(),
            projection: scene.projection(),
        };
        let swept = scene.run(job, resume, &mut |_| {}).await.unwrap();
        assert_eq!(swept.live(), scene.live());
    }
}
