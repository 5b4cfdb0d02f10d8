//! A stage with hands to act on all of its sides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use syncline_core::state::{Linked, Presence, Side, SideId};
use syncline_core::store::Store;
use syncline_engine::conflict::{ConflictQuery, Review};
use syncline_engine::entity::{EntityRead, EntityView};
use syncline_engine::run::{Run, RunParameters};
use syncline_engine::sync::{NewSync, Sync};
use syncline_simulators::{Fields, Options};
use syncline_storage::MemoryStore;
use syncline_testkit::stage::{Stage, company_mapping, person_mapping};

pub(crate) const SALESFORCE: &str = "salesforce";
pub(crate) const HUBSPOT: &str = "hubspot";

/// The remote names of the fields of a person, by provider, in the order of the blueprint.
const NAMES: [(&str, &str, &str); 6] = [
    ("email", "Email", "email"),
    ("first_name", "FirstName", "firstname"),
    ("last_name", "LastName", "lastname"),
    ("phone", "Phone", "phone"),
    ("title", "Title", "jobtitle"),
    ("city", "MailingCity", "city"),
];

pub(crate) struct Play {
    pub(crate) stage: Stage,
    pub(crate) syncs: Vec<Sync>,
}

impl Play {
    /// Nobody is there yet, and the usual mappings are.
    pub(crate) async fn empty() -> Self {
        Self::mapped(|_, _| {}).await
    }

    /// Nobody is there yet; the mappings of people are changed by provider before they are saved.
    pub(crate) async fn mapped(change: impl Fn(&str, &mut NewSync)) -> Self {
        Self::over(
            Arc::new(MemoryStore::new()),
            Options {
                records: 0,
                ..Options::default()
            },
            change,
        )
        .await
    }

    pub(crate) async fn over(store: Arc<dyn Store>, options: Options, change: impl Fn(&str, &mut NewSync)) -> Self {
        let stage = Stage::set(store, options).await.unwrap();
        let mut play = Self {
            stage,
            syncs: Vec::new(),
        };
        for provider in [SALESFORCE, HUBSPOT] {
            let connection = play.stage.connections[provider].id;
            play.save(company_mapping(provider, connection)).await;
            let mut people = person_mapping(provider, connection);
            change(provider, &mut people);
            play.save(people).await;
        }
        play
    }

    pub(crate) async fn save(&mut self, new: NewSync) -> Sync {
        let saved = self
            .stage
            .engine
            .syncs()
            .save(new, &self.stage.actor)
            .await
            .unwrap()
            .sync;
        self.syncs.retain(|sync| sync.id != saved.id);
        self.syncs.push(saved.clone());
        saved
    }

    pub(crate) fn people_sync(&self, provider: &str) -> &Sync {
        self.syncs
            .iter()
            .find(|sync| sync.name == format!("{provider}-people"))
            .unwrap()
    }

    pub(crate) fn side_of(&self, provider: &str) -> SideId {
        self.people_sync(provider).side
    }

    pub(crate) fn side<'a>(&self, linked: &'a Linked, provider: &str) -> &'a Side {
        let index = linked.side_index(self.side_of(provider)).unwrap();
        &linked.sides[index]
    }

    pub(crate) fn ext(&self, linked: &Linked, provider: &str) -> String {
        self.side(linked, provider).ext.clone().unwrap()
    }

    /// Everybody who is live in the app, by e-mail address.
    pub(crate) async fn people(&self) -> Vec<Linked> {
        let mut people = self.stage.entities("person").await.unwrap();
        people.sort_by_key(|linked| linked.entity.value(0).to_string());
        people
    }

    pub(crate) async fn person(&self, email: &str) -> Linked {
        let people = self.people().await;
        let mut found = people
            .into_iter()
            .filter(|linked| linked.entity.value(0).to_string() == email);
        let person = found.next().unwrap_or_else(|| panic!("{email} is not in the app"));
        assert!(found.next().is_none(), "{email} is in the app twice");
        person
    }

    /// A field of a person as the app holds it.
    pub(crate) async fn app(&self, email: &str, field: &str) -> String {
        let person = self.person(email).await;
        let position = NAMES.iter().position(|names| names.0 == field).unwrap();
        person.entity.value(position).as_text().unwrap_or_default().to_owned()
    }

    /// A field of a person as a CRM really holds it.
    pub(crate) async fn crm(&self, provider: &str, email: &str, field: &str) -> String {
        let person = self.person(email).await;
        self.held(provider, &self.ext(&person, provider), field)
    }

    pub(crate) fn held(&self, provider: &str, ext: &str, field: &str) -> String {
        let record = match provider {
            SALESFORCE => self.stage.salesforce.record("Contact", ext),
            _ => self.stage.hubspot.record("contacts", ext),
        };
        let record = record.unwrap_or_else(|| panic!("{provider} has no {ext}"));
        record
            .fields
            .get(remote(provider, field))
            .and_then(|value| value.as_str())
            .unwrap_or_default()
            .to_owned()
    }

    /// A user makes a person in a CRM.
    pub(crate) fn create(&self, provider: &str, email: &str, fields: &[(&str, &str)]) -> String {
        let last = email.split('@').next().unwrap();
        let mut values = vec![("email", email), ("last_name", last)];
        values.extend(fields);
        match provider {
            SALESFORCE => self
                .stage
                .salesforce
                .create("Contact", named(provider, &values))
                .unwrap(),
            _ => self.stage.hubspot.create("contacts", named(provider, &values)).unwrap(),
        }
    }

    /// A user edits a person in a CRM.
    pub(crate) fn edit(&self, provider: &str, ext: &str, field: &str, value: &str) {
        let fields = named(provider, &[(field, value)]);
        match provider {
            SALESFORCE => self.stage.salesforce.update("Contact", ext, fields).unwrap(),
            _ => self.stage.hubspot.update("contacts", ext, fields).unwrap(),
        }
    }

    pub(crate) fn delete(&self, provider: &str, ext: &str) {
        match provider {
            SALESFORCE => self.stage.salesforce.delete("Contact", ext).unwrap(),
            _ => self.stage.hubspot.delete("contacts", ext).unwrap(),
        }
    }

    pub(crate) fn undelete(&self, provider: &str, ext: &str) {
        match provider {
            SALESFORCE => self.stage.salesforce.undelete("Contact", ext).unwrap(),
            _ => self.stage.hubspot.undelete("contacts", ext).unwrap(),
        }
    }

    /// How many live people a CRM has.
    pub(crate) fn count(&self, provider: &str) -> usize {
        match provider {
            SALESFORCE => self.stage.salesforce.count("Contact"),
            _ => self.stage.hubspot.count("contacts"),
        }
    }

    /// The app's user makes a person.
    pub(crate) async fn app_create(&self, email: &str, fields: &[(&str, &str)]) -> EntityView {
        let mut values: serde_json::Map<String, serde_json::Value> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).into()))
            .collect();
        values.insert("email".into(), email.into());
        values
            .entry("last_name")
            .or_insert_with(|| email.split('@').next().unwrap().into());
        let entities = self.stage.engine.entities();
        entities
            .create(self.stage.tenant, "person", values, &self.stage.actor)
            .await
            .unwrap()
    }

    /// The app's user edits a person, having seen it as it is.
    pub(crate) async fn app_edit(&self, email: &str, field: &str, value: &str) {
        let person = self.person(email).await;
        let patch = [(field.to_owned(), serde_json::Value::from(value))]
            .into_iter()
            .collect();
        let read = EntityRead::Rev(person.entity.rev);
        let (entities, actor) = (self.stage.engine.entities(), &self.stage.actor);
        entities
            .update(self.stage.tenant, person.entity.uid, patch, read, actor)
            .await
            .unwrap();
    }

    pub(crate) async fn app_delete(&self, email: &str) {
        let person = self.person(email).await;
        let (entities, actor) = (self.stage.engine.entities(), &self.stage.actor);
        entities
            .delete(self.stage.tenant, person.entity.uid, actor)
            .await
            .unwrap();
    }

    pub(crate) async fn run(&self, provider: &str) -> Run {
        let run = self.stage.sync(provider, RunParameters::default()).await.unwrap();
        assert!(run.balances(), "{:?}", run.ledgers);
        assert!(run.error.is_none(), "{provider}: {:?} {:?}", run.error, run.ledgers);
        run
    }

    /// Both CRMs' syncs in turn, until nothing should be left to do.
    pub(crate) async fn settle(&self) {
        for _ in 0..3 {
            self.run(SALESFORCE).await;
            self.run(HUBSPOT).await;
        }
    }

    /// Lets the clocks, which some stamps show in whole seconds, move on.
    pub(crate) async fn later(&self) {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }

    pub(crate) fn writes(&self) -> u64 {
        self.stage.salesforce.log().mutating() + self.stage.hubspot.log().mutating()
    }

    /// All sides agree, and another round writes nothing.
    pub(crate) async fn is_quiet(&self) {
        let differences = self.stage.differences().await.unwrap();
        assert!(differences.is_empty(), "{differences:#?}");
        let before = self.writes();
        self.run(SALESFORCE).await;
        self.run(HUBSPOT).await;
        assert_eq!(self.writes(), before, "an echo");
    }

    pub(crate) async fn conflicts(&self) -> Vec<Review> {
        let (conflicts, actor) = (self.stage.engine.conflicts(), &self.stage.actor);
        conflicts
            .list(self.stage.tenant, &ConflictQuery::pending(), actor)
            .await
            .unwrap()
    }

    pub(crate) fn presence<'a>(&self, linked: &'a Linked, provider: &str) -> &'a Presence {
        &self.side(linked, provider).presence
    }
}

fn remote<'a>(provider: &str, field: &'a str) -> &'a str {
    let names = NAMES.iter().find(|names| names.0 == field);
    names.map_or(field, |names| if provider == SALESFORCE { names.1 } else { names.2 })
}

fn named(provider: &str, values: &[(&str, &str)]) -> Fields {
    let name = |field: &str| remote(provider, field).to_owned();
    let pairs: BTreeMap<String, serde_json::Value> = values
        .iter()
        .map(|(field, value)| (name(field), (*value).into()))
        .collect();
    pairs.into_iter().collect()
}
