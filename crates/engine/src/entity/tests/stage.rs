//! An engine on the memory store with a blueprint of people, and syncs whose reads a test plays by hand: no request is
//! sent to anybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};
use syncline_connector_salesforce::Salesforce;
use syncline_core::audit::{AuditEntry, open_block};
use syncline_core::batch::{ReadClass, ValueKind};
use syncline_core::mapping::{Mapping, Rule, Strategy};
use syncline_core::model::{Blueprint, Field, FieldType};
use syncline_core::plan::{self, Gone, Observation};
use syncline_core::schema::{Account, FieldKind, FieldSchema, ObjectInfo, ObjectSchema};
use syncline_core::state::{self, Entity, EntityId, Linked, Side, SideFlags, SideKey};
use syncline_core::store::{Document, DocumentKind, Mode, Sequence, Store};
use syncline_core::value::{Value, encode_all};
use syncline_storage::MemoryStore;
use uuid::Uuid;

use crate::Engine;
use crate::actor::Actor;
use crate::conflict::{ReviewPlace, open_match_review, open_review_at};
use crate::connection::{Connection, ConnectionStatus};
use crate::document;
use crate::entity::{EntitySides, blueprint_by_id, witness};
use crate::ports::SeededRandom;
use crate::run::{Page, store};
use crate::sync::{Schedule, Sync, SyncStatus};
use crate::vault::{InMemoryKeyProvider, SecretKey};

/// Field of the blueprint, and field of the remote object.
const FIELDS: [(&str, &str); 4] = [
    ("name", "Name"),
    ("email", "Email"),
    ("city", "City"),
    ("phone", "Phone"),
];

pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) tenant: u32,
    pub(crate) ada: Actor,
}

/// Values by field name.
pub(crate) fn values(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let keys = InMemoryKeyProvider::new(SecretKey::generate(&SeededRandom::new(1)));
        let engine = Engine::builder(store.clone(), Arc::new(keys))
            .connector(Salesforce::new())
            .build()
            .unwrap();
        let ada = Actor::admin("ada");
        let tenant = engine.tenant("Acme", &ada).await.unwrap().id;
        let mut fields = vec![
            Field::new("name", FieldType::Text),
            Field::new("email", FieldType::Email),
            Field::new("city", FieldType::Text),
            Field::new("phone", FieldType::Text),
            Field::new("age", FieldType::Integer),
            Field::new(
                "status",
                FieldType::Choice {
                    choices: choices(&["new", "old"]),
                },
            ),
            Field::new(
                "friend",
                FieldType::Reference {
                    blueprint: "person".into(),
                },
            ),
        ];
        fields[0].required = true;
        fields[1].unique = true;
        fields[5].default = Some(Value::text("new"));
        engine
            .save_blueprint(tenant, "person", &fields, &[], &ada)
            .await
            .unwrap();
        Self {
            engine,
            store,
            tenant,
            ada,
        }
    }

    /// Joins the people to an object of a new connection.
    pub(crate) async fn sync(&self, object: &str, strategy: Strategy) -> Sync {
        let blueprint = self.engine.blueprint(self.tenant, "person", &self.ada).await.unwrap();
        let mut tx = self.store.begin(Mode::Write).await.unwrap();
        let now = self.engine.now();
        let connection = Connection {
            id: 0,
            tenant: self.tenant,
            provider: "salesforce".into(),
            name: object.to_lowercase(),
            status: ConnectionStatus::Active,
            status_reason: None,
            account: Account {
                id: object.into(),
                ..Account::default()
            },
            base_url: "https://acme.example".into(),
            login_url: "https://acme.example".into(),
            settings: BTreeMap::new(),
            client_id: String::new(),
            grant: crate::connection::GrantKind::default(),
            scopes: Vec::new(),
            creator: "ada".into(),
            created_at: now,
            authorised_at: now,
            last_error: None,
            last_run_at: None,
            next_run_at: None,
        };
        let connection = document::insert(tx.as_mut(), connection).await.unwrap().value;
        let schema = Document {
            kind: DocumentKind::Schema,
            id: 0,
            tenant: self.tenant,
            scope: connection.id,
            key: Some(object.into()),
            status: "described".into(),
            at: now,
            version: 0,
            body: serde_json::to_value(schema(object)).unwrap(),
        };
        tx.put_document(&schema).await.unwrap();
        let mut mapping = Mapping::new("person", object);
        mapping.strategy = strategy;
        mapping.rules = FIELDS.iter().map(|(field, path)| Rule::new(*field, *path)).collect();
        let side = u32::try_from(tx.reserve(Sequence::Side, 1).await.unwrap()).unwrap();
        let sync = Sync {
            id: 0,
            tenant: self.tenant,
            connection: connection.id,
            name: object.to_lowercase(),
            blueprint: blueprint.id,
            mapping,
            earlier: Vec::new(),
            side,
            slot: u8::try_from(side).unwrap(),
            rank: 100 - i32::try_from(side).unwrap(),
            role: syncline_core::manifest::Role::Crm,
            schedule: Schedule::Manual,
            sweep: crate::sync::SweepInterval::default(),
            status: SyncStatus::Active,
            paused_because: None,
            backfill: false,
            refile: false,
            hold_deletes: false,
            unproven_links: false,
            dirty_since: None,
            files: false,
            estimate: None,
            created_by: "ada".into(),
            created_at: now,
            last_run_at: None,
            next_run_at: None,
        };
        let sync = document::insert(tx.as_mut(), sync).await.unwrap().value;
        tx.commit().await.unwrap();
        sync
    }

    /// Plays the read of a remote record, as a run would take it in, and returns its entity.
    pub(crate) async fn pull(&self, sync: &Sync, record: &str, row: &[(&str, &str)]) -> Uuid {
        self.read(sync, record, row, false).await
    }

    /// Plays the read of a new remote record that waits to be matched.
    pub(crate) async fn stage(&self, sync: &Sync, record: &str, row: &[(&str, &str)]) -> Uuid {
        self.read(sync, record, row, true).await
    }

    async fn read(&self, sync: &Sync, record: &str, row: &[(&str, &str)], staged: bool) -> Uuid {
        let inner = &self.engine.inner;
        let mut page = Page::begin(inner, self.tenant).await.unwrap();
        let blueprint = blueprint_by_id(&mut page, sync.blueprint).await.unwrap();
        let sides = EntitySides::load(inner, page.tx().unwrap(), &blueprint).await.unwrap();
        let mapping = sides
            .mappings()
            .into_iter()
            .find(|mapping| mapping.side == sync.side)
            .unwrap();
        let value = |path: &str| {
            row.iter()
                .find(|(name, _)| *name == path)
                .map_or(Value::Null, |(_, value)| Value::text(*value))
        };
        let held: Vec<Value> = mapping
            .projection
            .fields
            .iter()
            .map(|field| value(&field.path))
            .collect();
        let encoded = encode_all(&held);
        let mut linked = self.linked(&mut page, &blueprint, sync, record).await;
        witness(inner, &linked);
        let before = linked.clone();
        let index = linked.side_index(sync.side).unwrap();
        let mark = inner.marks.next(inner.clock.now());
        let links = BTreeMap::new();
        let scene = sides.scene(inner, &blueprint, &links, "run");
        let observation = Observation {
            mark,
            class: ReadClass::Strong,
            stamp: Some(scene.now),
            encoded: &encoded,
            carried: syncline_core::batch::Carried::default(),
        };
        let effects = plan::observe(&mut linked, index, &observation, &scene).unwrap();
        assert!(effects.failures.is_empty(), "{:?}", effects.failures);
        if staged && before.entity.rev == 0 {
            linked.entity.deleted = true;
            linked.sides[index].flags.set(SideFlags::STAGED);
        }
        page.audit.extend(effects.audit);
        for change in effects.reviews {
            let place = ReviewPlace {
                sync,
                blueprint: &blueprint,
                mappings: sides.mappings(),
                explanation: "",
            };
            let reason = change.reason.unwrap();
            let review = open_review_at(inner, &mut page, 0, &place, &linked, change.group, reason)
                .await
                .unwrap();
            let frozen = linked
                .entity
                .frozen
                .iter_mut()
                .find(|(frozen, _)| *frozen == change.group)
                .unwrap();
            frozen.1 = review;
        }
        self.put(page, &linked).await;
        linked.entity.uid
    }

    /// Plays the news that a remote record was deleted.
    pub(crate) async fn gone(&self, sync: &Sync, record: &str) {
        let inner = &self.engine.inner;
        let mut page = Page::begin(inner, self.tenant).await.unwrap();
        let blueprint = blueprint_by_id(&mut page, sync.blueprint).await.unwrap();
        let sides = EntitySides::load(inner, page.tx().unwrap(), &blueprint).await.unwrap();
        let mut linked = self.linked(&mut page, &blueprint, sync, record).await;
        let index = linked.side_index(sync.side).unwrap();
        let links = BTreeMap::new();
        let scene = sides.scene(inner, &blueprint, &links, "run");
        let effects = plan::gone(&mut linked, index, Gone::Deleted, Some(scene.now), &scene).unwrap();
        page.audit.extend(effects.audit);
        for change in effects.reviews {
            let place = ReviewPlace {
                sync,
                blueprint: &blueprint,
                mappings: sides.mappings(),
                explanation: "",
            };
            let reason = change.reason.unwrap();
            let review = open_review_at(inner, &mut page, 0, &place, &linked, change.group, reason)
                .await
                .unwrap();
            linked
                .entity
                .frozen
                .iter_mut()
                .find(|(frozen, _)| *frozen == change.group)
                .unwrap()
                .1 = review;
        }
        self.put(page, &linked).await;
    }

    /// Opens an item about records that may be the same, as matching does.
    pub(crate) async fn ask(
        &self,
        sync: &Sync,
        own: Uuid,
        candidates: &[Uuid],
        reason: syncline_core::plan::ReviewReason,
    ) -> u64 {
        let inner = &self.engine.inner;
        let mut page = Page::begin(inner, self.tenant).await.unwrap();
        let context = crate::conflict::context_for_tests(inner, page.tx().unwrap(), sync.id, &self.ada).await;
        let own = self.numbers(&mut page, &[own]).await;
        let others = self.numbers(&mut page, candidates).await;
        let mut loaded = page.tx().unwrap().load(&others).await.unwrap();
        for linked in loaded
            .iter_mut()
            .filter(|linked| linked.side_index(sync.side).is_none())
        {
            let mut side = Side::new(SideKey {
                entity: linked.entity.id,
                side: sync.side,
                slot: sync.slot,
            });
            side.flags.set(SideFlags::HELD);
            linked.sides.push(side);
        }
        store(page.tx().unwrap(), &loaded).await.unwrap();
        open_match_review(inner, &mut page, 0, &context, &own, &others, "they look alike", reason)
            .await
            .unwrap();
        page.finish(inner, self.tenant).await.unwrap();
        let found = self
            .engine
            .conflicts()
            .list(self.tenant, &crate::conflict::ConflictQuery::pending(), &self.ada)
            .await;
        found
            .unwrap()
            .into_iter()
            .find(|review| own.contains(&review.entity))
            .unwrap()
            .id
    }

    async fn numbers(&self, page: &mut Page, uids: &[Uuid]) -> Vec<EntityId> {
        page.tx()
            .unwrap()
            .find_uids(self.tenant, uids)
            .await
            .unwrap()
            .into_iter()
            .flatten()
            .collect()
    }

    async fn linked(&self, page: &mut Page, blueprint: &Blueprint, sync: &Sync, record: &str) -> Linked {
        let tx = page.tx().unwrap();
        let head = tx
            .heads(sync.side, &[record])
            .await
            .unwrap()
            .into_iter()
            .next()
            .flatten();
        if let Some(head) = head {
            return tx.load(&[head.key.entity]).await.unwrap().remove(0);
        }
        let inner = &self.engine.inner;
        let id = EntityId::try_from(tx.reserve(Sequence::Entity, 1).await.unwrap()).unwrap();
        let uid = crate::run::uid(inner);
        let mut entity = Entity::new(uid, blueprint, inner.clock.now(), state::Actor("run".into()));
        entity.id = id;
        let mut side = Side::new(SideKey {
            entity: id,
            side: sync.side,
            slot: sync.slot,
        });
        side.ext = Some(record.to_owned());
        Linked {
            entity,
            sides: vec![side],
        }
    }

    async fn put(&self, mut page: Page, linked: &Linked) {
        let inner = &self.engine.inner;
        let tx = page.tx().unwrap();
        store(tx, std::slice::from_ref(linked)).await.unwrap();
        page.finish(inner, self.tenant).await.unwrap();
    }

    /// An entity as it is stored.
    /// Makes a person in the app.
    pub(crate) async fn create(&self, json: Json) -> crate::entity::EntityView {
        let entities = self.engine.entities();
        entities
            .create(self.tenant, "person", values(json), &self.ada)
            .await
            .unwrap()
    }

    pub(crate) async fn stored(&self, uid: Uuid) -> Option<Linked> {
        let mut tx = self.store.begin(Mode::Read).await.unwrap();
        let number = tx.find_uids(self.tenant, &[uid]).await.unwrap()[0]?;
        tx.load(&[number]).await.unwrap().pop()
    }

    /// All entries of the audit.
    pub(crate) async fn audited(&self) -> Vec<AuditEntry> {
        let mut tx = self.store.begin(Mode::Read).await.unwrap();
        let blocks = tx.audit(self.tenant, None, 0, 10_000).await.unwrap();
        blocks.iter().flat_map(|block| open_block(block).unwrap()).collect()
    }

    /// What the next run would write to a side: field of the remote object and value.
    pub(crate) async fn behind(&self, sync: &Sync, uid: Uuid) -> BTreeMap<String, String> {
        let inner = &self.engine.inner;
        let mut page = Page::begin(inner, self.tenant).await.unwrap();
        let blueprint = blueprint_by_id(&mut page, sync.blueprint).await.unwrap();
        let sides = EntitySides::load(inner, page.tx().unwrap(), &blueprint).await.unwrap();
        let linked = self.stored_in(&mut page, uid).await;
        let links = BTreeMap::new();
        let scene = sides.scene(inner, &blueprint, &links, "run");
        let index = linked.side_index(sync.side).unwrap();
        let planned = plan::plan_push(&linked, index, &scene).unwrap();
        let fields = &scene.sides[&sync.side].mapping.projection.fields;
        planned
            .target
            .iter()
            .map(|(path, value)| (fields[usize::from(*path)].path.clone(), value.to_string()))
            .collect()
    }

    async fn stored_in(&self, page: &mut Page, uid: Uuid) -> Linked {
        let numbers = self.numbers(page, &[uid]).await;
        page.tx().unwrap().load(&numbers).await.unwrap().remove(0)
    }

    /// Stores an entity as it is.
    pub(crate) async fn overwrite(&self, linked: &Linked) {
        let mut tx = self.store.begin(Mode::Write).await.unwrap();
        store(tx.as_mut(), std::slice::from_ref(linked)).await.unwrap();
        tx.commit().await.unwrap();
    }
}

fn choices(names: &[&str]) -> Vec<syncline_core::model::FieldChoice> {
    names
        .iter()
        .map(|name| syncline_core::model::FieldChoice {
            value: (*name).into(),
            label: (*name).into(),
        })
        .collect()
}

fn schema(object: &str) -> ObjectSchema {
    ObjectSchema {
        object: ObjectInfo {
            name: object.into(),
            label: object.into(),
            custom: false,
            creatable: true,
            updatable: true,
            deletable: true,
        },
        fields: FIELDS.iter().map(|(_, path)| text_field(path)).collect(),
        version: None,
        left_out: Vec::new(),
    }
}

fn text_field(path: &str) -> FieldSchema {
    FieldSchema {
        path: path.into(),
        label: path.into(),
        kind: FieldKind::Text,
        value_kind: ValueKind::Text,
        provider_type: "string".into(),
        creatable: true,
        updatable: true,
        required: false,
        unique: false,
        external_id: false,
        calculated: false,
        length: None,
        scale: None,
        choices: Vec::new(),
        restricted: false,
        references: Vec::new(),
        relationship: None,
    }
}
