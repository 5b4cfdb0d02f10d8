//! An application with a table of its own, kept in agreement with a CRM: `cargo run -p syncline-example-table-host`.
//! `docs/table.md` goes through it.
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{Connection as _, Row};
use syncline::connection::Connection;
use syncline::connectors::{TableSpec, Tables};
use syncline::mapping::{Mapping, MatchKey, MatchPart, Normalisation, Rule};
use syncline::model::{Field, FieldType};
use syncline::{Actor, ConnectRequest, Engine, NewSync, RunRequest, TokenRequest};
use syncline_simulators::{Options, salesforce::Salesforce};

/// The application's table, which has nothing to do with Syncline.
const SCHEMA: &str = "
CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT UNIQUE,
    phone TEXT
)";

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("shop.db");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let mut shop = SqliteConnection::connect_with(&options).await?;
    sqlx::query(SCHEMA).execute(&mut shop).await?;
    sqlx::query("INSERT INTO customers (name, email) VALUES ('Hopper', 'grace@example.org')")
        .execute(&mut shop)
        .await?;

    // Which tables take part, and how their changes are found.
    let database = path.to_string_lossy();
    let tables = Tables::open(&database)
        .await?
        .table(TableSpec::new("customers").outbox());
    tables.install_outbox().await?;

    // Syncline keeps what it has to remember in a database of its own.
    let engine = syncline::builder(folder.path().join("sync.db"))
        .await?
        .connector(tables)
        .allow_loopback(true)
        .build()?;
    let me = Actor::admin("ada");
    let acme = engine.tenant("Acme", &me).await?.id;
    let table = engine
        .connections()
        .connect(ConnectRequest::new(acme, "table", "shop"), &me)
        .await?;

    // The CRM, which here is a simulator.
    let crm = Salesforce::new(Options::default())?;
    let server = crm.serve(([127, 0, 0, 1], 0).into()).await?;
    let tokens = crm.credentials();
    let request = TokenRequest::new(acme, "salesforce", "sales", tokens.client_id, tokens.access_token)
        .simulated_at(server.base_url());
    let sales = engine.connections().connect_with_tokens(request, &me).await?;

    // Both are sides of one blueprint, recognised by their address.
    sync(&engine, &table, "customers", ["name", "email", "phone"], &me).await?;
    sync(&engine, &sales, "Contact", ["LastName", "Email", "Phone"], &me).await?;

    // What the application has in its table is in the CRM, and what the CRM has in the table.
    run(&engine, acme, &me).await?;
    let grace = contact(&crm, "grace@example.org").ok_or("nobody was made in the CRM")?;
    println!("in the CRM: {}", grace.fields["LastName"]);

    // An edit in SQL, and one in the CRM.
    sqlx::query("UPDATE customers SET name = 'Murray Hopper' WHERE email = 'grace@example.org'")
        .execute(&mut shop)
        .await?;
    crm.update(
        "Contact",
        &grace.id,
        [("Phone".to_owned(), json!("+43 316 873"))].into(),
    )?;
    run(&engine, acme, &me).await?;

    let row = sqlx::query("SELECT name, phone FROM customers WHERE email = 'grace@example.org'")
        .fetch_one(&mut shop)
        .await?;
    let (name, phone): (String, String) = (row.get(0), row.get(1));
    let grace = contact(&crm, "grace@example.org").ok_or("the contact is gone")?;
    println!("table: {name}, {phone}");
    println!("CRM: {}, {}", grace.fields["LastName"], grace.fields["Phone"]);
    assert_eq!(grace.fields["LastName"], json!(name));
    assert_eq!(grace.fields["Phone"], json!(phone));
    Ok(())
}

async fn sync(engine: &Engine, side: &Connection, object: &str, remote: [&str; 3], me: &Actor) -> syncline::Result<()> {
    let mut mapping = Mapping::new("customer", object);
    let names = ["name", "email", "phone"];
    mapping.rules = names
        .iter()
        .zip(remote)
        .map(|(name, remote)| Rule::new(*name, remote))
        .collect();
    let email = MatchPart {
        field: "email".into(),
        normalise: Normalisation::Email,
    };
    mapping.match_keys = vec![MatchKey::Exact { parts: vec![email] }];
    let fields = vec![
        Field::new("name", FieldType::Text),
        Field::new("email", FieldType::Email),
        Field::new("phone", FieldType::Text),
    ];
    engine
        .syncs()
        .save(NewSync::new(object, side, mapping, fields), me)
        .await?;
    Ok(())
}

/// Once to read what is new on either side, and once more to write to the side that was read first.
async fn run(engine: &Engine, tenant: u32, me: &Actor) -> syncline::Result<()> {
    for _ in 0..2 {
        for run in engine.runs().run(RunRequest::tenant(tenant), me).await? {
            println!(
                "run {}: {} {}",
                run.id,
                run.status.name(),
                run.error.as_deref().unwrap_or_default()
            );
        }
    }
    Ok(())
}

fn contact(crm: &Salesforce, email: &str) -> Option<syncline_simulators::SimulatedRecord> {
    let contacts = crm.records("Contact");
    contacts
        .into_iter()
        .find(|contact| contact.fields.get("Email") == Some(&json!(email)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_table_and_the_crm_follow_each_other() {
        super::main().unwrap();
    }
}
