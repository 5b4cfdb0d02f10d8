//! A hub with sides in memory, driven through the plan alone: what the tests of the decision rule share.
#![allow(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::unnecessary_unwrap,
    reason = "each test uses its own part of it"
)]

use std::sync::Arc;

use jiff::Timestamp;
use syncline_core::batch::{Carried, Projection, ReadClass, ValueKind};
use syncline_core::error::Result;
use syncline_core::io::Mark;
use syncline_core::lens::{Lens, LensContext, NoLinks};
use syncline_core::mapping::{
    CompiledRule, DeletePolicy, Direction, EmptyPolicy, Role, SideGroup, SideMapping, Strategy,
};
use syncline_core::model::{Blueprint, Field, FieldType};
use syncline_core::plan::{self, Effects, Observation, Patch, ReadPoint, Scene};
use syncline_core::state::{Actor, Base, Entity, Linked, Presence, Side, SideId, SideKey};
use syncline_core::value::{Value, encode_all};
use uuid::Uuid;

/// Passes values through unchanged.
#[derive(Debug)]
pub struct Same;

impl Lens for Same {
    fn get(&self, raw: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        Ok(raw.to_vec())
    }

    fn put(&self, canonical: &[Value], _: &[Value], _: &dyn LensContext) -> Result<Vec<Value>> {
        Ok(canonical.to_vec())
    }
}

/// A mapping of every field to a path of its own, by the same position.
pub fn mapping(side: SideId, role: Role, rank: i32, blueprint: &Blueprint, strategy: Strategy) -> SideMapping {
    let groups = blueprint
        .group_ids()
        .into_iter()
        .map(|group| {
            let fields = blueprint.fields_of(group);
            SideGroup {
                group,
                rules: vec![CompiledRule {
                    fields: fields.clone(),
                    paths: fields.clone(),
                    lens: Arc::new(Same),
                }],
                paths: fields.clone(),
                direction: Direction::Bidirectional,
                strategy,
                empty: EmptyPolicy::Always,
                set: fields.iter().any(|&field| blueprint.fields[field].kind.is_set()),
                fields,
            }
        })
        .collect();
    SideMapping {
        side,
        slot: side as u8,
        label: format!("crm {side}"),
        role,
        rank,
        version: 1,
        object: "contact".into(),
        projection: Projection::new(
            blueprint
                .fields
                .iter()
                .map(|field| (field.name.clone(), ValueKind::Text)),
        ),
        groups,
        create_in_app: true,
        create_in_crm: true,
        on_crm_delete: DeletePolicy::Unlink,
        on_app_delete: DeletePolicy::Unlink,
        delete_strategy: strategy,
        marker: None,
    }
}

/// A blueprint of text fields.
pub fn blueprint(fields: &[&str]) -> Blueprint {
    Blueprint::new(
        1,
        1,
        "thing",
        fields.iter().map(|name| Field::new(*name, FieldType::Text)).collect(),
    )
}

/// One entity, its sides, and what the CRMs really hold.
#[derive(Debug, Clone)]
pub struct World {
    pub blueprint: Blueprint,
    pub mappings: Vec<SideMapping>,
    pub linked: Linked,
    pub actual: Vec<(Vec<Value>, Timestamp)>,
    pub sequence: u64,
    pub now: Timestamp,
    /// What the CRMs make of a text that is written to them.
    pub stores: fn(&str) -> String,
    /// Writes so far.
    pub writes: u32,
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).unwrap()
}

impl World {
    /// Every side and the hub hold `initial`, in agreement.
    pub fn agreed(blueprint: Blueprint, mappings: Vec<SideMapping>, initial: &[Value]) -> Self {
        let mut entity = Entity::new(Uuid::from_u128(1), &blueprint, at(0), Actor::default());
        entity.id = 1;
        entity.values = initial.to_vec();
        let sides = mappings
            .iter()
            .map(|mapping| {
                let mut side = Side::new(SideKey {
                    entity: 1,
                    side: mapping.side,
                    slot: mapping.slot,
                });
                side.ext = Some(format!("ext{}", mapping.side));
                side.presence = Presence::Live;
                side.obs = encode_all(initial);
                side.mapping_version = 1;
                side
            })
            .collect();
        let actual = mappings.iter().map(|_| (initial.to_vec(), at(0))).collect();
        Self {
            blueprint,
            mappings,
            linked: Linked { entity, sides },
            actual,
            sequence: 10,
            now: at(0),
            stores: str::to_owned,
            writes: 0,
        }
    }

    /// Every side holds something, and nothing was ever agreed.
    pub fn unlinked(blueprint: Blueprint, mappings: Vec<SideMapping>, hub: &[Value]) -> Self {
        let mut world = Self::agreed(blueprint, mappings, hub);
        for side in &mut world.linked.sides {
            side.obs = Vec::new();
            for group in world.blueprint.group_ids() {
                side.group_mut(group).base = Base::Never;
            }
        }
        world
    }

    pub fn scene(&self) -> Scene<'_> {
        let mut scene = Scene::new(&self.blueprint, self.now, self.sequence);
        for mapping in &self.mappings {
            scene = scene.side(mapping, &NoLinks);
        }
        scene
    }

    /// A user edits a CRM record.
    pub fn crm_edit(&mut self, index: usize, values: &[Value], when: Timestamp) {
        self.actual[index] = (values.to_vec(), when);
    }

    /// A read of a side that began after every decision so far.
    pub fn read(&mut self, index: usize) -> Effects {
        self.read_carrying(index, Carried::default())
    }

    /// The same, by an answer that carried these fields only.
    pub fn read_carrying(&mut self, index: usize, carried: Carried<'_>) -> Effects {
        self.sequence += 1;
        let (values, stamp) = self.actual[index].clone();
        let mut linked = self.linked.clone();
        let encoded = encode_all(&values);
        let observation = Observation {
            mark: Mark(self.sequence),
            class: ReadClass::Strong,
            stamp: Some(stamp),
            encoded: &encoded,
            carried,
        };
        self.sequence += 1;
        let effects = plan::observe(&mut linked, index, &observation, &self.scene()).unwrap();
        self.linked = linked;
        effects
    }

    /// The guard read, and the write if the side is behind.
    pub fn push(&mut self, index: usize) -> Effects {
        let mut effects = self.read(index);
        let scene_plan = plan::plan_push(&self.linked, index, &self.scene()).unwrap();
        if scene_plan.verb.is_some() {
            for (path, value) in &scene_plan.target {
                self.actual[index].0[usize::from(*path)] = match value.as_text() {
                    Some(text) => Value::text((self.stores)(text)),
                    None => value.clone(),
                };
            }
            self.writes += 1;
            self.actual[index].1 = self.now;
            let operation = syncline_core::state::Operation {
                id: Uuid::nil(),
                tenant: 1,
                key: self.linked.sides[index].key,
                run: 1,
                verb: scene_plan.verb.unwrap(),
                state: syncline_core::state::OperationState::Sent,
                attempts: 1,
                rev: self.linked.entity.rev,
                mapping_version: 1,
                groups: scene_plan.groups,
                target: scene_plan.target,
                expected: scene_plan.expected,
                marker: None,
                not_before: None,
                sent_at: None,
                created_at: self.now,
                error: None,
            };
            self.sequence += 1;
            let (values, stamp) = self.actual[index].clone();
            let encoded = encode_all(&values);
            let readback = plan::Readback {
                ext: "ext",
                stamp: Some(stamp),
                encoded: &encoded,
                carried: Carried::all(),
                written_stamp: Some(stamp),
            };
            let mut linked = self.linked.clone();
            effects.absorb(
                plan::confirm(
                    &mut linked,
                    index,
                    &operation,
                    &readback,
                    Mark(self.sequence),
                    &self.scene(),
                )
                .unwrap(),
            );
            self.linked = linked;
        }
        effects
    }

    /// An edit by the app.
    pub fn app_edit(&mut self, patch: Patch, read: &ReadPoint) -> Result<Effects> {
        self.sequence += 1;
        let mut linked = self.linked.clone();
        let effects = plan::app_edit(&mut linked, &patch, read, &self.scene())?;
        self.linked = linked;
        Ok(effects)
    }

    /// Reads and pushes every side until nothing happens any more.
    pub fn settle(&mut self) {
        for _ in 0..6 {
            for index in 0..self.mappings.len() {
                self.push(index);
            }
        }
    }

    pub fn hub(&self, field: usize) -> &Value {
        self.linked.entity.value(field)
    }
}
