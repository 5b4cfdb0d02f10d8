//! A lens and a conflict rule of the application's own: `cargo run -p syncline-example-lens-and-conflicts`.
//! `docs/lens-and-conflicts.md` explains them.
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

mod account_number;
mod larger_wins;

use serde_json::{Value, json};
use syncline::conflict::ConflictQuery;
use syncline::entity::EntityRead;
use syncline::lens::LensRegistry;
use syncline::mapping::{LensSpec, Mapping, Rule, Strategy};
use syncline::model::{Field, FieldType};
use syncline::{Actor, EntityListQuery, NewSync, RunRequest, TokenRequest};
use syncline_simulators::{Options, salesforce::Salesforce};

use crate::larger_wins::LargerWins;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let crm = Salesforce::new(Options::default())?;
    let server = crm.serve(([127, 0, 0, 1], 0).into()).await?;
    let account = [
        ("Name", json!("Acme")),
        ("AccountNumber", json!("12-345")),
        ("NumberOfEmployees", json!(50)),
    ];
    let account = account.map(|(name, value)| (name.to_owned(), value));
    let record = crm.create("Account", account.into_iter().collect())?;

    // The engine is told of both.
    let mut lenses = LensRegistry::standard();
    account_number::register(&mut lenses);
    let folder = tempfile::tempdir()?;
    let engine = syncline::builder(folder.path().join("app.db"))
        .await?
        .lenses(lenses)
        .conflict_rule(LargerWins("employees"))
        .allow_loopback(true)
        .build()?;
    let me = Actor::admin("ada");
    let tenant = engine.tenant("Acme", &me).await?.id;
    let tokens = crm.credentials();
    let request = TokenRequest::new(tenant, "salesforce", "sales", tokens.client_id, tokens.access_token)
        .simulated_at(server.base_url());
    let sales = engine.connections().connect_with_tokens(request, &me).await?;

    // The mapping uses them: the lens by its name, the rule for whatever would wait for a person.
    let mut mapping = Mapping::new("company", "Account");
    mapping.rules = vec![
        Rule::new("name", "Name"),
        Rule::new("number", "AccountNumber").lens(LensSpec::new("account_number")),
        Rule {
            strategy: Some(Strategy::ManualReview),
            ..Rule::new("employees", "NumberOfEmployees")
        },
    ];
    let fields = vec![
        Field::new("name", FieldType::Text),
        Field::new("number", FieldType::Text),
        Field::new("employees", FieldType::Integer),
    ];
    engine
        .syncs()
        .save(NewSync::new("companies", &sales, mapping, fields), &me)
        .await?;
    engine.runs().run(RunRequest::tenant(tenant), &me).await?;

    let query = EntityListQuery {
        filter: Some("name == 'Acme'".into()),
        ..EntityListQuery::default()
    };
    let companies = engine.entities();
    let acme = companies.list(tenant, "company", &query, &me).await?.entities.remove(0);
    println!("CRM 12-345, app {}", acme.values["number"]);
    assert_eq!(acme.values["number"], "12345");

    // The app sets a number as it writes numbers, and both sides count the employees anew.
    let patch = json!({ "number": "67890", "employees": 70 });
    let patch = patch.as_object().cloned().unwrap_or_default();
    companies
        .update(tenant, acme.uid, patch, EntityRead::Rev(acme.rev), &me)
        .await?;
    crm.update("Account", &record, [("NumberOfEmployees".to_owned(), json!(90))].into())?;
    engine.runs().run(RunRequest::tenant(tenant), &me).await?;

    let acme = companies.get(tenant, acme.uid, &me).await?;
    let account = crm.record("Account", &record).ok_or("the account is gone")?;
    println!("CRM {}, app {}", account.fields["AccountNumber"], acme.values["number"]);
    println!(
        "CRM {}, app {}",
        account.fields["NumberOfEmployees"], acme.values["employees"]
    );
    assert_eq!(
        (&account.fields["AccountNumber"], &acme.values["employees"]),
        (&json!("67-890"), &Value::from(90))
    );

    // Nobody was asked, and it is written down who decided.
    assert_eq!(engine.conflicts().count_pending(tenant, &me).await?, 0);
    let settled = engine.conflicts().list(tenant, &ConflictQuery::default(), &me).await?;
    println!("decided by `{}`", settled[0].resolved_by.as_deref().unwrap_or_default());
    assert_eq!(settled[0].resolved_by.as_deref(), Some("the larger number wins"));
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_lens_and_the_rule_are_used() {
        super::main().unwrap();
    }
}
