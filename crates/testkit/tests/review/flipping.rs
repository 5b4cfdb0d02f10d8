use syncline_core::plan::ReviewReason;
use syncline_engine::conflict::{FieldChoice, Resolution};

use crate::play::{HUBSPOT, Play, SALESFORCE};

/// An automation in each CRM that sets a person's city back whenever it finds another.
fn automations(play: &Play, salesforce: &str, hubspot: &str) {
    for (provider, ext, wanted) in [(SALESFORCE, salesforce, "Bern"), (HUBSPOT, hubspot, "Genf")] {
        if play.held(provider, ext, "city") != wanted {
            play.edit(provider, ext, "city", wanted);
        }
    }
}

#[tokio::test]
async fn a_field_that_two_automations_flip_is_frozen_and_asked_about_and_everything_else_goes_on() {
    let play = Play::empty().await;
    play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.settle().await;
    let person = play.person("a@x.org").await;
    let (salesforce, hubspot) = (play.ext(&person, SALESFORCE), play.ext(&person, HUBSPOT));
    let mut rounds = 0;
    while play.conflicts().await.is_empty() {
        rounds += 1;
        assert!(rounds < 12, "it would flip for ever");
        automations(&play, &salesforce, &hubspot);
        play.run(SALESFORCE).await;
        play.run(HUBSPOT).await;
    }
    let open = play.conflicts().await;
    assert_eq!(open.len(), 1, "{open:#?}");
    assert_eq!(open[0].reason, ReviewReason::Oscillation);
    assert_eq!(open[0].fields, ["city"]);
    // Nothing is written to it any more, whatever the automations do.
    let before = play.writes();
    for _ in 0..3 {
        automations(&play, &salesforce, &hubspot);
        play.run(SALESFORCE).await;
        play.run(HUBSPOT).await;
    }
    assert_eq!(play.writes(), before);
    // Other fields go on.
    play.later().await;
    play.edit(SALESFORCE, &salesforce, "title", "Admiral");
    play.settle().await;
    assert_eq!(play.held(HUBSPOT, &hubspot, "title"), "Admiral");
    // A person ends it; one that switches an automation off ends it for good.
    let open = play.conflicts().await.remove(0);
    let resolution = Resolution::every(&open, &FieldChoice::Value("Basel".into()));
    let (conflicts, actor) = (play.stage.engine.conflicts(), &play.stage.actor);
    conflicts
        .resolve(play.stage.tenant, open.id, open.version, &resolution, actor)
        .await
        .unwrap();
    play.settle().await;
    assert!(play.conflicts().await.is_empty());
    assert_eq!(play.held(SALESFORCE, &salesforce, "city"), "Basel");
    assert_eq!(play.held(HUBSPOT, &hubspot, "city"), "Basel");
    play.is_quiet().await;
}

#[tokio::test]
async fn changing_ones_mind_a_few_times_is_no_oscillation() {
    let play = Play::empty().await;
    let ext = play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.settle().await;
    for city in ["Genf", "Bern", "Genf"] {
        play.later().await;
        play.edit(SALESFORCE, &ext, "city", city);
        play.settle().await;
    }
    assert!(play.conflicts().await.is_empty());
    assert_eq!(play.crm(HUBSPOT, "a@x.org", "city").await, "Genf");
}
