//! The connector does what a connector has to do, and syncs.
#![allow(clippy::unwrap_used, reason = "a test that can't go on says why by panicking")]

mod made_up;
mod remote;

use std::sync::Arc;

use syncline::ports::SystemRandom;
use syncline::simple::Simple;
use syncline::store::MemoryStore;
use syncline::vault::InMemoryKeyProvider;
use syncline::{Actor, Engine, NewSync, RunRequest, TokenRequest};
use syncline_example_connector::Rolodex;
use syncline_testkit::connector::{self, Remote};

use crate::made_up::MadeUpCrm;
use crate::remote::SimulatedRolodex;

#[tokio::test]
async fn it_does_what_a_connector_has_to_do() {
    let fresh = |records| Box::new(SimulatedRolodex::fresh(records)) as Box<dyn Remote>;
    let suite = connector::suite(&fresh);
    assert!(suite.cases.len() > 40, "{} cases", suite.cases.len());
    suite.run(&fresh).await;
}

#[tokio::test]
async fn people_are_synced_both_ways() -> syncline::Result<()> {
    let crm = MadeUpCrm::default();
    let id = crm.save(None, &[("name", "Ada"), ("city", "London")]);
    let keys = Arc::new(InMemoryKeyProvider::generate(&SystemRandom));
    let engine = Engine::builder(Arc::new(MemoryStore::new()), keys)
        .connector(Simple::new(Rolodex))
        .transport(Arc::new(crm.clone()))
        .build()?;
    let me = Actor::admin("ada");
    let acme = engine.tenant("Acme", &me).await?.id;
    let request = TokenRequest::new(acme, "rolodex", "desk", "client", "token");
    let desk = engine.connections().connect_with_tokens(request, &me).await?;
    let proposal = engine.propose(&desk, "people", None, &me).await?;
    engine
        .syncs()
        .save(NewSync::proposed("people", &desk, proposal), &me)
        .await?;
    engine.runs().run(RunRequest::tenant(acme), &me).await?;

    let people = engine.entities();
    let found = people.list(acme, "person", &Default::default(), &me).await?.entities;
    let name = found[0].values.keys().find(|name| name.contains("city")).cloned();
    let patch = name.map(|name| (name, "Ockham".into())).into_iter().collect();
    people
        .update(
            acme,
            found[0].uid,
            patch,
            syncline::entity::EntityRead::Rev(found[0].rev),
            &me,
        )
        .await?;
    crm.save(Some(&id), &[("name", "Ada Lovelace")]);
    engine.runs().run(RunRequest::tenant(acme), &me).await?;

    let person = crm.person(&id).unwrap_or_default();
    assert_eq!(
        (person["name"].as_str(), person["city"].as_str()),
        (Some("Ada Lovelace"), Some("Ockham"))
    );
    let ada = people.get(acme, found[0].uid, &me).await?;
    assert!(
        ada.values
            .values()
            .any(|value| value.as_str().is_some_and(|text| text.ends_with("Lovelace")))
    );
    Ok(())
}
