//! Mappings without a unique key of ours, as in an organisation where nobody may add a field, and unique values that two
//! records want.

use syncline_simulators::Fault;

use crate::play::{HUBSPOT, Play, SALESFORCE};

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_was_lost_is_found_again_instead_of_repeated() {
    for (provider, path) in [(SALESFORCE, "composite/sobjects"), (HUBSPOT, "batch/create")] {
        let play = Play::mapped(|_, sync| sync.mapping.marker = None).await;
        play.app_create("a@x.org", &[("city", "Bern")]).await;
        let faults = match provider {
            SALESFORCE => play.stage.salesforce.faults(),
            _ => play.stage.hubspot.faults(),
        };
        faults.script_for(Fault::AppliedTimeout, 1, path);
        let _ = play.stage.sync(provider, Default::default()).await;
        play.settle().await;
        assert_eq!(play.count(provider), 1, "{provider}");
        assert_eq!(play.people().await.len(), 1, "{provider}");
        play.is_quiet().await;
    }
}

#[tokio::test(start_paused = true)]
async fn two_people_with_one_unique_address_hold_nobody_up() {
    for marked in [true, false] {
        let play = Play::mapped(|_, sync| {
            if !marked {
                sync.mapping.marker = None;
            }
        })
        .await;
        play.app_create("a@x.org", &[("city", "Bern")]).await;
        play.app_create("a@x.org", &[("city", "Genf")]).await;
        play.app_create("b@x.org", &[]).await;
        for _ in 0..3 {
            play.run(HUBSPOT).await;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(play.count(HUBSPOT), 2, "HubSpot has an address once");
        let failures = play
            .stage
            .engine
            .runs()
            .failures(play.stage.tenant, None, &play.stage.actor)
            .await
            .unwrap();
        assert_eq!(failures.len(), 1, "and a person can see why: {failures:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_edited_before_its_lost_create_was_found_out_is_nobody_elses() {
    for (provider, path) in [(SALESFORCE, "composite/sobjects"), (HUBSPOT, "batch/create")] {
        let play = Play::mapped(|_, sync| sync.mapping.marker = None).await;
        play.create(provider, "old@x.org", &[]);
        play.settle().await;
        play.app_create("a@x.org", &[("city", "Bern")]).await;
        let faults = match provider {
            SALESFORCE => play.stage.salesforce.faults(),
            _ => play.stage.hubspot.faults(),
        };
        faults.script_for(Fault::AppliedTimeout, 1, path);
        let _ = play.stage.sync(provider, Default::default()).await;
        // It is there, and a user of the CRM edits it before anybody knows whose it is.
        let records = match provider {
            SALESFORCE => play.stage.salesforce.records("Contact"),
            _ => play.stage.hubspot.records("contacts"),
        };
        let mut ids = records.into_iter().map(|record| record.id);
        let made = ids.find(|id| play.held(provider, id, "email") == "a@x.org").unwrap();
        play.later().await;
        play.edit(provider, &made, "city", "Genf");
        play.settle().await;
        assert_eq!(play.count(provider), 2, "{provider}: it is not created again");
        assert_eq!(play.people().await.len(), 2, "{provider}: nor taken for a stranger's");
        assert_eq!(play.conflicts().await.len(), 0, "{provider}");
        assert_eq!(play.app("a@x.org", "city").await, "Genf", "{provider}");
        play.is_quiet().await;
    }
}
