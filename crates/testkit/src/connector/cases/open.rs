//! Opening jobs.

use bytes::Bytes;
use syncline_core::ErrorKind;
use syncline_core::job::{Job, Start};

use crate::connector::{Need, Scene};

topic! { "open":
    sends_nothing(Need::Nothing, 3) "It sends nothing by itself.",
    refuses_foreign_positions(Need::Nothing, 3) "A cursor or checkpoint that can't be read is `CursorExpired`.",
}

fn jobs(scene: &Scene<'_>) -> Vec<Job> {
    vec![
        scene.pull_job(Start::Beginning, Vec::new()),
        scene.pull_job(Start::Since(scene.remote.now()), Vec::new()),
        scene.push_job(vec![scene.create(None, &[(&scene.subject().name, "Nobody")])]),
        Job::Sweep {
            object: scene.subject().object.clone(),
            projection: scene.projection(),
        },
    ]
}

async fn sends_nothing(scene: &Scene<'_>) {
    for job in jobs(scene) {
        drop(scene.open(job, None));
    }
    assert_eq!(scene.host.requests(), 0);
}

async fn refuses_foreign_positions(scene: &Scene<'_>) {
    let connector = scene.remote.connector();
    for garbage in [&b"\xff\x00"[..], b"{}", b"[]", b"null", br#"{"x":"y"}"#] {
        let garbage = Bytes::from_static(garbage);
        let cursor = Start::Cursor(garbage.clone());
        let opened = connector.open(&scene.remote.config(), scene.pull_job(cursor, Vec::new()), None);
        let error = opened.err().unwrap_or_else(|| panic!("{garbage:?} is no cursor"));
        assert_eq!(error.kind(), ErrorKind::CursorExpired, "{garbage:?}");
        for job in jobs(scene).into_iter().filter(|job| !matches!(job, Job::Push(_))) {
            let opened = connector.open(&scene.remote.config(), job.clone(), Some(garbage.clone()));
            let error = opened
                .err()
                .unwrap_or_else(|| panic!("{garbage:?} is no checkpoint of {job:?}"));
            assert_eq!(error.kind(), ErrorKind::CursorExpired, "{garbage:?}");
        }
    }
}
