//! One contact of 12 fields, made ready to be planned again and again.

use jiff::Timestamp;
use syncline_core::batch::{ReadClass, ValueKind};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::io::Mark;
use syncline_core::lens::{LensRegistry, NoLinks};
use syncline_core::mapping::{Mapping, Role, Rule, SideMapping, SidePlace, compile};
use syncline_core::model::{Blueprint, Field, FieldType};
use syncline_core::plan::{self, Acceptance, Creations, Observation, Scene};
use syncline_core::schema::{FieldKind, FieldSchema, ObjectInfo, ObjectSchema};
use syncline_core::state::{Actor, Entity, Linked, Presence, Side, SideKey};
use syncline_core::store::SideHead;
use syncline_core::value::{Value, content_hash, encode_all};
use uuid::Uuid;

/// Fields of the contact.
pub const FIELDS: usize = 12;
const SIDE: u32 = 3;

/// A contact that was read once, and what a later read of it brings.
#[derive(Debug)]
pub struct Planned {
    blueprint: Blueprint,
    mapping: SideMapping,
    linked: Linked,
    head: SideHead,
    same: Vec<u8>,
    changed: Vec<u8>,
}

impl Planned {
    /// The contact after its first read.
    ///
    /// # Errors
    /// What compiling and planning report: none.
    pub fn new() -> Result<Self> {
        let names: Vec<String> = (0..FIELDS).map(|field| format!("field_{field}")).collect();
        let fields = names.iter().map(|name| Field::new(name, FieldType::Text)).collect();
        let blueprint = Blueprint::new(1, 1, "person", fields);
        let mut mapping = Mapping::new("person", "Contact");
        mapping.version = 1;
        mapping.rules = names.iter().map(|name| Rule::new(name, name)).collect();
        let place = SidePlace {
            side: SIDE,
            slot: 0,
            label: "salesforce Contact".to_owned(),
            role: Role::Crm,
            rank: 1,
        };
        let mapping = compile(&mapping, &blueprint, &schema(&names), &LensRegistry::standard(), place)
            .map_err(|findings| Error::new(ErrorKind::Internal, format!("{findings:?}")))?;
        let mut values: Vec<Value> = (0..FIELDS)
            .map(|field| Value::text(format!("the value of field {field}")))
            .collect();
        let same = encode_all(&values);
        values[5] = Value::text("another value");
        let changed = encode_all(&values);
        let now = Timestamp::UNIX_EPOCH;
        let entity = Entity {
            id: 1,
            ..Entity::new(Uuid::from_u128(1), &blueprint, now, Actor::default())
        };
        let side = Side {
            ext: Some("003000000000001AAA".to_owned()),
            ..Side::new(SideKey {
                entity: 1,
                side: SIDE,
                slot: 0,
            })
        };
        let mut planned = Self {
            head: SideHead {
                key: side.key,
                presence: Presence::Live,
                flags: side.flags,
                stamp: None,
                obs_seq: 10,
                write_seq: 0,
                dirty_seq: 0,
                mapping_version: 1,
                hash: content_hash(&same),
            },
            linked: Linked {
                entity,
                sides: vec![side],
            },
            blueprint,
            mapping,
            same,
            changed,
        };
        let mut linked = planned.linked.clone();
        plan::observe(
            &mut linked,
            0,
            &planned.observation(10, &planned.same),
            &planned.scene(11),
        )?;
        planned.linked = linked;
        Ok(planned)
    }

    /// A copy of the contact, to be changed.
    pub fn linked(&self) -> Linked {
        self.linked.clone()
    }

    /// Whether an unchanged row is found to be unchanged: what such a record costs.
    pub fn accept_unchanged(&self) -> bool {
        let hash = content_hash(&self.same);
        plan::accept(&self.head, &self.observation(20, &self.same), hash, 1) == Acceptance::Same
    }

    /// Takes a row in of which one field changed; returns how many groups were decided.
    ///
    /// # Errors
    /// As [`plan::observe`].
    pub fn take_change(&self, linked: &mut Linked) -> Result<usize> {
        let effects = plan::observe(linked, 0, &self.observation(20, &self.changed), &self.scene(21))?;
        Ok(effects.decided.len())
    }

    /// Plans so many first creations, as a page does, and returns how many were plain.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the mapping is not plain.
    pub fn create(&self, count: usize) -> Result<usize> {
        let scene = self.scene(11);
        let mut creations =
            Creations::new(&scene, SIDE).ok_or_else(|| Error::new(ErrorKind::Internal, "the mapping is not plain"))?;
        let template = Entity::new(Uuid::nil(), &self.blueprint, Timestamp::UNIX_EPOCH, Actor::default());
        let mut page = creations.page(template, Mark(10));
        for _ in 0..count {
            let observation = self.observation(10, &self.same);
            creations.take(1, Uuid::nil(), "003000000000001AAA", &observation, &mut page);
        }
        Ok(page.len())
    }

    const fn observation<'a>(&self, mark: u64, encoded: &'a [u8]) -> Observation<'a> {
        Observation {
            mark: Mark(mark),
            class: ReadClass::Strong,
            stamp: None,
            encoded,
            carried: syncline_core::batch::Carried::all(),
        }
    }

    fn scene(&self, mark: u64) -> Scene<'_> {
        Scene::new(&self.blueprint, Timestamp::UNIX_EPOCH, mark).side(&self.mapping, &NoLinks)
    }
}

fn schema(names: &[String]) -> ObjectSchema {
    let field = |name: &String| FieldSchema {
        path: name.clone(),
        label: name.clone(),
        kind: FieldKind::Other,
        value_kind: ValueKind::Text,
        provider_type: String::new(),
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
    };
    ObjectSchema {
        object: ObjectInfo {
            name: "Contact".to_owned(),
            label: "Contact".to_owned(),
            custom: false,
            creatable: true,
            updatable: true,
            deletable: true,
        },
        fields: names.iter().map(field).collect(),
        version: None,
        left_out: Vec::new(),
    }
}
