use syncline_core::mapping::Rule;
use syncline_testkit::stage::{Stage, person_mapping};

use crate::gate::Gate;
use crate::play::{Play, SALESFORCE};

#[tokio::test(start_paused = true)]
async fn an_excluded_field_is_neither_requested_nor_proposed_nor_written() {
    let mut play = Play::mapped(|provider, sync| {
        if provider == SALESFORCE {
            sync.mapping.rules.retain(|rule| rule.remote != ["Title"]);
            sync.mapping.excluded = vec!["Title".into()];
        }
    })
    .await;
    let gate = Gate::before(&play.stage);
    play.stage.engine = Stage::engine_over(play.stage.store.clone(), gate.clone(), &play.stage.clock).unwrap();
    let ext = play.create(SALESFORCE, "a@x.org", &[("title", "Countess")]);
    play.settle().await;
    play.app_edit("a@x.org", "title", "Admiral").await;
    play.settle().await;
    assert_eq!(play.held(SALESFORCE, &ext, "title"), "Countess", "never written");
    let connection = play.stage.connections[SALESFORCE].clone();
    let (engine, actor) = (&play.stage.engine, &play.stage.actor);
    let proposal = engine.propose(&connection, "Contact", None, actor).await.unwrap();
    let names = |paths: &[String]| paths.iter().any(|path| path == "Title");
    assert!(!proposal.rules.iter().any(|rule| names(&rule.rule.remote)));
    assert!(proposal.left_out.iter().any(|left_out| left_out.remote == "Title"));
    assert!(names(&proposal.mapping.excluded), "and it stays excluded");
    for (_, address) in gate.taken() {
        assert!(!address.contains("Title"), "never requested: {address}");
    }
    // No rule, key or filter may bring it back.
    let mut ruled = person_mapping(SALESFORCE, connection.id);
    ruled.mapping.excluded = vec!["Title".into()];
    let mut filtered = ruled.clone();
    filtered.mapping.rules.retain(|rule| rule.remote != ["Title"]);
    filtered.mapping.filter = Some("remote.Title == 'Countess'".into());
    let mut related = filtered.clone();
    related.mapping.filter = None;
    related.mapping.excluded = vec!["AccountId".into()];
    related.mapping.rules.retain(|rule| rule.remote != ["AccountId"]);
    related.mapping.rules.push(Rule::new("city", "Account.Name"));
    for new in [ruled, filtered, related] {
        let refused = engine.syncs().save(new, actor).await.unwrap_err();
        assert!(refused.to_string().contains("excluded"), "{refused}");
    }
}
