use std::time::Duration;

use syncline_core::mapping::Strategy;
use syncline_simulators::Fault;

use crate::play::{HUBSPOT, Play, SALESFORCE};

fn faults(play: &Play, provider: &str) -> syncline_simulators::Faults {
    match provider {
        SALESFORCE => play.stage.salesforce.faults().clone(),
        _ => play.stage.hubspot.faults().clone(),
    }
}

const UPDATE: [(&str, &str); 2] = [(SALESFORCE, "composite/sobjects"), (HUBSPOT, "batch/update")];

/// A user edits the very field that is being written, after the guard read and before the write.
#[tokio::test(start_paused = true)]
async fn an_edit_between_guard_read_and_write_is_named_or_kept_and_all_sides_agree() {
    for (provider, path) in UPDATE {
        let play = Play::empty().await;
        play.create(SALESFORCE, "a@x.org", &[("city", "Bern"), ("title", "Captain")]);
        play.settle().await;
        play.later().await;
        let ext = play.ext(&play.person("a@x.org").await, provider);
        play.app_edit("a@x.org", "city", "Basel").await;
        let faults = faults(&play, provider);
        faults.set_slow(Duration::from_millis(400));
        faults.script_for(Fault::Slow, 4, path);
        let edit = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            play.edit(provider, &ext, "title", "Admiral");
        };
        let _ = tokio::join!(play.run(provider), edit);
        faults.clear();
        play.settle().await;
        assert_eq!(
            play.app("a@x.org", "title").await,
            "Admiral",
            "{provider}: the other field's edit is kept"
        );
        assert_eq!(play.app("a@x.org", "city").await, "Basel", "{provider}");
        play.is_quiet().await;
    }
}

/// A user edits the field right after our write, before it is read back. In real time, which passes while the run
/// works: the outcome is looked for a millisecond later, within the same run.
#[tokio::test]
async fn an_edit_right_after_our_write_is_an_edit() {
    for (provider, path) in UPDATE {
        for strategy in [Strategy::LastWriteWins, Strategy::AppWins, Strategy::ManualReview] {
            let play = Play::mapped(|_, sync| sync.mapping.strategy = strategy).await;
            play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
            play.settle().await;
            play.later().await;
            let ext = play.ext(&play.person("a@x.org").await, provider);
            play.app_edit("a@x.org", "city", "Basel").await;
            let faults = faults(&play, provider);
            // The answer is lost after the write was applied, and found out about by reading.
            faults.script_for(Fault::AppliedTimeout, 1, path);
            let _ = play.stage.sync(provider, Default::default()).await;
            faults.clear();
            play.edit(provider, &ext, "city", "Genf");
            play.settle().await;
            assert_eq!(play.app("a@x.org", "city").await, "Genf", "{provider} {strategy:?}");
            play.is_quiet().await;
        }
    }
}

/// The app edits while our write of its edit before is under way and the answer of the write is lost.
#[tokio::test(start_paused = true)]
async fn an_app_edit_during_our_own_write_is_not_undone_by_that_write() {
    for (provider, path) in UPDATE {
        for fault in [Fault::Slow, Fault::AppliedTimeout, Fault::LateApply] {
            let play = Play::empty().await;
            play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
            play.settle().await;
            play.later().await;
            play.app_edit("a@x.org", "city", "Basel").await;
            let faults = faults(&play, provider);
            faults.set_slow(Duration::from_millis(1_500));
            faults.set_late_apply(jiff::SignedDuration::from_millis(2_500));
            faults.script_for(Fault::Slow, 1, path);
            if fault != Fault::Slow {
                faults.script_for(fault, 1, path);
            }
            let edit = async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                play.app_edit("a@x.org", "city", "Genf").await;
            };
            let _ = tokio::join!(play.stage.sync(provider, Default::default()), edit);
            faults.clear();
            play.settle().await;
            tokio::time::sleep(Duration::from_millis(2_500)).await;
            play.settle().await;
            assert_eq!(play.app("a@x.org", "city").await, "Genf", "{provider} {fault}");
            play.is_quiet().await;
        }
    }
}

/// A value set and set back in the app before anything was written is no rival of a CRM edit made later on.
#[tokio::test(start_paused = true)]
async fn there_and_back_in_the_app_is_no_rival_of_a_later_crm_edit() {
    for strategy in [Strategy::AppWins, Strategy::ManualReview] {
        let play = Play::mapped(|_, sync| sync.mapping.strategy = strategy).await;
        play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
        play.settle().await;
        play.app_edit("a@x.org", "city", "Basel").await;
        play.app_edit("a@x.org", "city", "Bern").await;
        play.settle().await;
        let ext = play.ext(&play.person("a@x.org").await, SALESFORCE);
        play.edit(SALESFORCE, &ext, "city", "Genf");
        play.settle().await;
        assert_eq!(play.app("a@x.org", "city").await, "Genf", "{strategy:?}");
        play.is_quiet().await;
    }
}
