//! A first sync: `cargo run -p syncline-example-quickstart`. `docs/quickstart.md` goes through it step by step.
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use serde_json::json;
use syncline::entity::EntityRead;
use syncline::{Actor, EntityListQuery, NewSync, RunRequest, TokenRequest};
use syncline_simulators::{Options, salesforce::Salesforce};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A CRM in this process. Your customer's own is connected in `docs/web-host.md`.
    let crm = Salesforce::new(Options {
        records: 20,
        ..Options::default()
    })?;
    let server = crm.serve(([127, 0, 0, 1], 0).into()).await?;

    // The engine, over one file. Yours stays where your application keeps its data.
    let folder = tempfile::tempdir()?;
    let engine = syncline::builder(folder.path().join("app.db"))
        .await?
        .allow_loopback(true)
        .build()?;
    let me = Actor::admin("ada");
    let acme = engine.tenant("Acme", &me).await?.id;

    // The account to sync with.
    let tokens = crm.credentials();
    let request = TokenRequest::new(acme, "salesforce", "sales", tokens.client_id, tokens.access_token)
        .simulated_at(server.base_url());
    let sales = engine.connections().connect_with_tokens(request, &me).await?;

    // What is synced: a proposal to look at, and to change before it is saved.
    let proposal = engine.propose(&sales, "Contact", None, &me).await?;
    for rule in &proposal.rules {
        println!("{:?} <-> {:?}: {}", rule.rule.fields, rule.rule.remote, rule.reason);
    }
    engine
        .syncs()
        .save(NewSync::proposed("contacts", &sales, proposal), &me)
        .await?;

    // The first run reads everybody.
    let runs = engine.runs().run(RunRequest::tenant(acme), &me).await?;
    println!("read {} contacts", runs[0].total("pull").created);

    // Both sides edit the same person at once.
    let query = EntityListQuery::default();
    let ada = engine
        .entities()
        .list(acme, "person", &query, &me)
        .await?
        .entities
        .remove(0);
    let record = ada.links[0].record.clone().ok_or("a person without a record")?;
    crm.update("Contact", &record, [("LastName".to_owned(), json!("Lovelace"))].into())?;
    let patch = [("first_name".to_owned(), json!("Augusta"))].into_iter().collect();
    engine
        .entities()
        .update(acme, ada.uid, patch, EntityRead::Rev(ada.rev), &me)
        .await?;

    // The next run brings each edit to the other side. Nothing is lost, and nobody is asked.
    for run in engine.runs().run(RunRequest::tenant(acme), &me).await? {
        println!("run {}: {}", run.id, run.status.name());
    }
    let ada = engine.entities().get(acme, ada.uid, &me).await?;
    let contact = crm.record("Contact", &record).ok_or("the contact is gone")?;
    println!("app: {} {}", ada.values["first_name"], ada.values["last_name"]);
    println!("CRM: {} {}", contact.fields["FirstName"], contact.fields["LastName"]);
    assert_eq!(ada.values["last_name"], "Lovelace");
    assert_eq!(contact.fields["FirstName"], "Augusta");
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_quickstart_runs_from_its_first_line_to_its_last() {
        super::main().unwrap();
    }
}
