use syncline_core::{ErrorKind, Result};
use syncline_engine::run::{Run, RunParameters, RunRequest, RunScope};

use crate::play::{HUBSPOT, Play, SALESFORCE};

async fn run(play: &Play, scope: RunScope) -> Result<Vec<Run>> {
    let request = RunRequest {
        tenant: play.stage.tenant,
        scope,
        parameters: RunParameters::default(),
    };
    play.stage.engine.runs().run(request, &play.stage.actor).await
}

#[tokio::test]
async fn a_paused_sync_is_refused_with_its_reason_and_goes_on_when_resumed() {
    let play = Play::empty().await;
    let sync = play.people_sync(SALESFORCE).id;
    let (engine, actor) = (&play.stage.engine, &play.stage.actor);
    engine.syncs().pause(sync, "audit season", actor).await.unwrap();
    play.create(SALESFORCE, "a@x.org", &[]);
    let refused = run(&play, RunScope::Sync(sync)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    for part in ["salesforce-people", "paused", "audit season", "resume"] {
        assert!(refused.message().contains(part), "{refused}");
    }
    // The others of the connection run without it.
    let runs = run(&play, RunScope::Provider(SALESFORCE.into())).await.unwrap();
    assert!(!runs[0].ledgers.contains_key("salesforce-people"));
    assert!(play.people().await.is_empty());
    engine.syncs().resume(sync, actor).await.unwrap();
    run(&play, RunScope::Sync(sync)).await.unwrap();
    assert_eq!(play.people().await.len(), 1);
}

#[tokio::test]
async fn a_paused_connection_refuses_all_its_syncs_and_no_others() {
    let play = Play::empty().await;
    let (connections, actor) = (play.stage.engine.connections(), &play.stage.actor);
    let salesforce = play.stage.connections[SALESFORCE].id;
    connections
        .pause(salesforce, Some("moving house"), actor)
        .await
        .unwrap();
    for scope in [
        RunScope::Connection(salesforce),
        RunScope::Provider(SALESFORCE.into()),
        RunScope::Sync(play.people_sync(SALESFORCE).id),
    ] {
        let refused = run(&play, scope).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Refused);
        assert!(
            refused.message().contains("paused") && refused.message().contains("moving house"),
            "{refused}"
        );
    }
    let runs = run(&play, RunScope::Tenant).await.unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].connection, play.stage.connections[HUBSPOT].id);
    connections.resume(salesforce, actor).await.unwrap();
    assert_eq!(run(&play, RunScope::Tenant).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_was_deleted_never_runs_until_it_is_saved_again() {
    let play = Play::empty().await;
    let sync = play.people_sync(SALESFORCE).id;
    let (engine, actor) = (&play.stage.engine, &play.stage.actor);
    play.create(SALESFORCE, "a@x.org", &[("city", "Bern")]);
    play.settle().await;
    engine.syncs().delete(sync, actor).await.unwrap();
    let refused = run(&play, RunScope::Sync(sync)).await.unwrap_err();
    assert!(
        refused.message().contains("deleted") && refused.message().contains("save it again"),
        "{refused}"
    );
    let ext = play.ext(&play.person("a@x.org").await, SALESFORCE);
    play.later().await;
    play.edit(SALESFORCE, &ext, "city", "Genf");
    let connection = play.stage.connections[SALESFORCE].id;
    let again = syncline_testkit::stage::person_mapping(SALESFORCE, connection);
    assert_eq!(
        engine.syncs().save(again, actor).await.unwrap().sync.id,
        sync,
        "the same one"
    );
    play.settle().await;
    assert_eq!(play.people().await.len(), 1, "its links were kept");
    assert_eq!(play.app("a@x.org", "city").await, "Genf");
}
