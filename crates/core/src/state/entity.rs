use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{SideId, Visit, trail};
use crate::model::{Blueprint, BlueprintId, GroupId, PRESENCE, TenantId};
use crate::value::Value;

/// Number of an entity within a store, ascending with creation. Positive and below 2^55, so that a side's number can
/// be derived from it.
pub type EntityId = i64;

/// Who or what took a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// An edit through the app.
    App,
    /// An edit observed on a side.
    Side(SideId),
    /// A person resolving a conflict.
    Review,
    /// A new mapping version re-baselined.
    Mapping,
    /// A run was rolled back.
    Rollback,
}

/// When a decision's edit was made: later edits compare greater. See section 4 of the algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// Microseconds since 1970, but always later than what the edit was made on top of.
    pub at: i64,
    /// What the source's clock said, in microseconds since 1970.
    pub source: i64,
    /// Rank of the deciding side, to break ties.
    pub rank: i32,
}

/// Who asked for something: a person, a service, or Syncline itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Actor(pub String);

/// One decision of the hub on one or several groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The entity's revision that it made.
    pub rev: u64,
    /// Engine sequence when it was taken.
    pub mark: u64,
    /// Who took it.
    pub cause: Cause,
    /// When the edit was made.
    pub stamp: Stamp,
    /// The groups decided, with the values where these are no longer the entity's current ones.
    pub groups: Vec<(GroupId, Option<Vec<Value>>)>,
}

/// One record of a blueprint: the app's record, and the hub with which every side is reconciled.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// Its number; 0 until the store gave one.
    pub id: EntityId,
    /// Its id for the world.
    pub uid: Uuid,
    /// The tenant.
    pub tenant: TenantId,
    /// The blueprint.
    pub blueprint: BlueprintId,
    /// The blueprint's version under which it was last written.
    pub blueprint_version: u32,
    /// Goes up by one with each decision.
    pub rev: u64,
    /// Whether it is deleted.
    pub deleted: bool,
    /// One value per field of the blueprint, in its order; missing ones at the end are null.
    pub values: Vec<Value>,
    /// The decisions that still matter, oldest first.
    pub decisions: Vec<Decision>,
    /// Groups frozen by a conflict, with the number of its review item.
    pub frozen: Vec<(GroupId, u64)>,
    /// Where groups that change often have been lately.
    pub trail: Vec<Visit>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who last changed it.
    pub updated_by: Actor,
}

impl Entity {
    /// A new entity without values, decisions or number.
    pub fn new(uid: Uuid, blueprint: &Blueprint, at: Timestamp, by: Actor) -> Self {
        Self {
            id: 0,
            uid,
            tenant: blueprint.tenant,
            blueprint: blueprint.id,
            blueprint_version: blueprint.version,
            rev: 0,
            deleted: false,
            values: vec![Value::Null; blueprint.fields.len()],
            decisions: Vec::new(),
            frozen: Vec::new(),
            trail: Vec::new(),
            created_at: at,
            updated_at: at,
            updated_by: by,
        }
    }

    /// The value of a field; null for fields that are younger than the entity.
    pub fn value(&self, field: usize) -> &Value {
        static NULL: Value = Value::Null;
        self.values.get(field).unwrap_or(&NULL)
    }

    /// The values of a group's fields. Presence is one truth value: live.
    pub fn group_values(&self, blueprint: &Blueprint, group: GroupId) -> Vec<Value> {
        if group == PRESENCE {
            return vec![Value::Bool(!self.deleted)];
        }
        blueprint
            .fields_of(group)
            .into_iter()
            .map(|field| self.value(field).clone())
            .collect()
    }

    /// The conflict that freezes a group.
    pub fn frozen_by(&self, group: GroupId) -> Option<u64> {
        self.frozen
            .iter()
            .find(|(frozen, _)| *frozen == group)
            .map(|(_, review)| *review)
    }

    /// The decisions on a group, oldest first, with the value that each gave it.
    pub fn decisions_on<'a>(
        &'a self,
        blueprint: &'a Blueprint,
        group: GroupId,
    ) -> impl Iterator<Item = (&'a Decision, Vec<Value>)> + 'a {
        self.decisions.iter().filter_map(move |decision| {
            let (_, value) = decision.groups.iter().find(|(decided, _)| *decided == group)?;
            Some((
                decision,
                value.clone().unwrap_or_else(|| self.group_values(blueprint, group)),
            ))
        })
    }

    /// The revision of the last decision on a group; 0 if there is none.
    pub fn rev_of(&self, group: GroupId) -> u64 {
        self.last_decision(group).map_or(0, |decision| decision.rev)
    }

    /// The last decision on a group.
    pub fn last_decision(&self, group: GroupId) -> Option<&Decision> {
        self.decisions
            .iter()
            .rev()
            .find(|decision| decision.groups.iter().any(|(decided, _)| *decided == group))
    }

    /// The largest stamp of decisions on a group up to a revision.
    pub fn stamp_up_to(&self, group: GroupId, rev: u64) -> i64 {
        self.decisions
            .iter()
            .filter(|decision| decision.rev <= rev && decision.groups.iter().any(|(decided, _)| *decided == group))
            .map(|decision| decision.stamp.at)
            .max()
            .unwrap_or(i64::MIN)
    }

    /// How often a group came back to an earlier value since `since`, if it now takes these: 0 where they are new.
    pub(crate) fn returns(&self, group: GroupId, values: &[Value], since: u64) -> usize {
        trail::returns(&self.trail, group, values, since)
    }

    /// Notes that a group is about to take `values`, for [`Entity::returns`]. What is older than `since` is forgotten.
    pub(crate) fn note_visit(
        &mut self,
        blueprint: &Blueprint,
        group: GroupId,
        (values, mark): (&[Value], u64),
        since: u64,
        by_side: bool,
    ) {
        let before = self.group_values(blueprint, group);
        let decided = self.last_decision(group).map_or(0, |decision| decision.mark);
        let after = (values, mark);
        trail::note(&mut self.trail, group, (&before, decided), after, since, by_side);
    }

    /// Takes a decision: `rev` is the revision it makes, which is the entity's from then on. Decisions with the same
    /// revision, mark, cause and stamp become one.
    pub fn decide(
        &mut self,
        blueprint: &Blueprint,
        group: GroupId,
        values: Vec<Value>,
        header: (u64, u64, Cause, Stamp),
    ) {
        if self.rev_of(group) > 0 {
            let current = self.group_values(blueprint, group);
            let mut earlier = self
                .decisions
                .iter_mut()
                .rev()
                .flat_map(|decision| &mut decision.groups);
            if let Some((_, value)) = earlier.find(|(decided, _)| *decided == group) {
                value.get_or_insert(current);
            }
        }
        if group == PRESENCE {
            self.deleted = values.first() == Some(&Value::Bool(false));
        } else {
            for (field, value) in blueprint.fields_of(group).into_iter().zip(values) {
                if self.values.len() <= field {
                    self.values.resize(field + 1, Value::Null);
                }
                self.values[field] = value;
            }
        }
        let (rev, mark, cause, stamp) = header;
        self.rev = self.rev.max(rev);
        match self.decisions.last_mut() {
            Some(last) if (last.rev, last.mark, last.cause, last.stamp) == header => last.groups.push((group, None)),
            _ => self.decisions.push(Decision {
                rev,
                mark,
                cause,
                stamp,
                groups: vec![(group, None)],
            }),
        }
    }

    /// Forgets decisions that no side can still ask for: those on a group below the least revision that any side is
    /// known to have agreed with, but for the newest of them, which tells a form that was read before the last decision
    /// what it had read.
    pub fn prune(&mut self, least_base_rev: impl Fn(GroupId) -> u64) {
        let groups: std::collections::BTreeSet<GroupId> = self
            .decisions
            .iter()
            .flat_map(|decision| decision.groups.iter().map(|(group, _)| *group))
            .collect();
        for group in groups {
            let least = least_base_rev(group);
            let decides = |decision: &Decision| decision.groups.iter().any(|(decided, _)| *decided == group);
            let floor = self
                .decisions
                .iter()
                .rev()
                .find(|decision| decision.rev < least && decides(decision))
                .map(|d| d.rev);
            let Some(floor) = floor else { continue };
            for decision in self.decisions.iter_mut().filter(|decision| decision.rev < floor) {
                decision.groups.retain(|(decided, _)| *decided != group);
            }
        }
        self.decisions.retain(|decision| !decision.groups.is_empty());
    }
}
