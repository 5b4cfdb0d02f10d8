//! The engine over the same bytes: a first pull, then an unchanged full one, with all that production does.

use std::collections::BTreeMap;
use std::sync::Arc;

use syncline_connector_salesforce::Salesforce;
use syncline_core::mapping::{Mapping, MatchKey, MatchPart, Normalisation, Rule};
use syncline_core::model::{Field, FieldType};
use syncline_engine::Engine;
use syncline_engine::actor::Actor;
use syncline_engine::connection::TokenRequest;
use syncline_engine::run::{RunParameters, RunRequest, RunScope};
use syncline_engine::settings::Settings;
use syncline_engine::sync::{NewSync, Schedule, SweepInterval};
use syncline_engine::vault::{InMemoryKeyProvider, SecretKey};
use syncline_storage::SqliteStore;

use crate::failure::Result;
use crate::measure::Phase;
use crate::server::Address;

/// The mapped fields: the application's name, its type, the CRM's name.
pub(crate) const FIELDS: [(&str, FieldType, &str); 12] = [
    ("first_name", FieldType::Text, "FirstName"),
    ("last_name", FieldType::Text, "LastName"),
    ("email", FieldType::Email, "Email"),
    ("phone", FieldType::Text, "Phone"),
    ("title", FieldType::Text, "Title"),
    ("department", FieldType::Text, "Department"),
    ("street", FieldType::Text, "MailingStreet"),
    ("city", FieldType::Text, "MailingCity"),
    ("postal_code", FieldType::Text, "MailingPostalCode"),
    ("country", FieldType::Text, "MailingCountry"),
    ("birthdate", FieldType::Date, "Birthdate"),
    ("opted_out", FieldType::Bool, "HasOptedOutOfEmail"),
];

/// Runs so many of the pulls.
pub(crate) fn run(address: &Address, records: usize, phases: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("engine.db");
        let store = SqliteStore::open(&file).await?;
        let engine = engine(&store, Settings::default())?;
        let actor = Actor::admin("bench");
        let tenant = engine.tenant("Bench", &actor).await?.id;
        let connection = engine
            .connections()
            .connect_with_tokens(
                TokenRequest {
                    tenant,
                    provider: "salesforce".to_owned(),
                    name: "salesforce".to_owned(),
                    login_url: Some(address.url.clone()),
                    base_url: Some(address.url.clone()),
                    client_id: address.client_id.clone(),
                    client_secret: Some(address.client_secret.clone().into()),
                    access_token: address.access_token.clone().into(),
                    refresh_token: Some(address.refresh_token.clone().into()),
                    expires_at: None,
                    // By pages, as the references read.
                    settings: BTreeMap::from([("bulk_read_above".to_owned(), "0".to_owned())]),
                },
                &actor,
            )
            .await?;
        engine.syncs().save(people(connection.id), &actor).await?;
        let no_sweep = Settings {
            sweep_after_full_calls: 0,
            ..Settings::default()
        };
        let without_sweep = self::engine(&store, no_sweep)?;
        for (name, engine, full) in [
            ("first pull", &engine, false),
            ("unchanged full pull", &without_sweep, true),
            ("unchanged full pull and sweep", &engine, true),
        ]
        .into_iter()
        .take(phases)
        {
            let phase = Phase::begin(name)?;
            let request = RunRequest {
                tenant,
                scope: RunScope::Provider("salesforce".to_owned()),
                parameters: RunParameters {
                    full,
                    ..RunParameters::default()
                },
            };
            let run = engine.runs().run(request, &actor).await?.pop().ok_or("nothing ran")?;
            let ledger = run.total("pull");
            let size = std::fs::metadata(&file)?.len() / (records as u64).max(1);
            phase.end(ledger.read, format!("{:?}, {size} bytes a record", run.status))?;
            let expected = if full { ledger.unchanged } else { ledger.created };
            if expected != records as u64 {
                return Err(format!("{name} of {records} records: {ledger:?}, {:?}", run.error).into());
            }
        }
        Ok(())
    })
}

/// An engine as a host puts it together, over loopback.
fn engine(store: &SqliteStore, settings: Settings) -> Result<Engine> {
    let keys = Arc::new(InMemoryKeyProvider::new(SecretKey::new([7; 32])));
    Ok(Engine::builder(Arc::new(store.clone()), keys)
        .connector(Salesforce::new())
        .settings(settings)
        .allow_loopback(true)
        .build()?)
}

/// A sync of contacts.
pub(crate) fn people(connection: u64) -> NewSync {
    let mut mapping = Mapping::new("person", "Contact");
    mapping.rules = FIELDS
        .iter()
        .map(|(field, _, remote)| Rule::new(*field, *remote))
        .collect();
    mapping.match_keys = vec![MatchKey::Exact {
        parts: vec![MatchPart {
            field: "email".to_owned(),
            normalise: Normalisation::Email,
        }],
    }];
    NewSync {
        name: "people".to_owned(),
        connection,
        mapping,
        fields: FIELDS
            .iter()
            .map(|(name, kind, _)| Field::new(*name, kind.clone()))
            .collect(),
        groups: Vec::new(),
        schedule: Schedule::Manual,
        sweep: SweepInterval::Usual,
        files: false,
        start: false,
    }
}
