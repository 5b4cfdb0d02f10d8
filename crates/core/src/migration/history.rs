//! All versions of a blueprint, and the ways between them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::change::apply;
use super::crossing::{self, StepFailure};
use super::rule::Migration;
use super::step::Step;
use crate::model::{Blueprint, Finding};
use crate::value::Value;

/// One version of a blueprint, and how it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlueprintVersion {
    /// The blueprint as of this version.
    pub blueprint: Blueprint,
    /// The version that it was made from; 0 for the first one.
    pub parent: u32,
    /// What made it.
    pub migration: Migration,
    /// What entities do on their way from the parent.
    pub steps: Vec<Step>,
    /// The place where entities keep aside what the steps take away.
    pub kept: Option<usize>,
    /// When it was saved.
    pub saved_at: Timestamp,
    /// Who saved it.
    pub saved_by: String,
}

/// All versions of one blueprint.
///
/// Each version but the first was made from an earlier one. Usually that is the one before; after a way back it is the
/// version that was gone back to, so versions form a tree, and between any two of them there is exactly one way.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    versions: BTreeMap<u32, BlueprintVersion>,
}

impl History {
    /// The history of a blueprint of which no earlier version is known.
    pub fn new(blueprint: Blueprint) -> Self {
        let mut history = Self {
            versions: BTreeMap::new(),
        };
        history.push(BlueprintVersion {
            blueprint,
            parent: 0,
            migration: Migration::default(),
            steps: Vec::new(),
            kept: None,
            saved_at: Timestamp::UNIX_EPOCH,
            saved_by: String::new(),
        });
        history
    }

    /// The history of these versions; `None` if there are none.
    pub fn of(versions: impl IntoIterator<Item = BlueprintVersion>) -> Option<Self> {
        let versions: BTreeMap<u32, BlueprintVersion> = versions
            .into_iter()
            .map(|version| (version.blueprint.version, version))
            .collect();
        (!versions.is_empty()).then_some(Self { versions })
    }

    /// Adds a version.
    pub fn push(&mut self, version: BlueprintVersion) {
        self.versions.insert(version.blueprint.version, version);
    }

    /// All versions, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = &BlueprintVersion> {
        self.versions.values()
    }

    /// The number of the newest version.
    pub fn newest(&self) -> u32 {
        self.versions.keys().next_back().copied().unwrap_or(0)
    }

    /// A version. What was written before versions were kept is read by the oldest that is.
    pub fn version(&self, number: u32) -> Option<&BlueprintVersion> {
        let oldest = self.versions.keys().next().copied()?;
        self.versions.get(&number.max(oldest))
    }

    /// The blueprint as of a version, with a place for every field of any version, so that nothing that an entity holds
    /// falls off its end.
    pub fn blueprint(&self, number: u32) -> Option<Blueprint> {
        let mut blueprint = self.version(number)?.blueprint.clone();
        let most = self
            .versions
            .values()
            .max_by_key(|version| version.blueprint.fields.len())?;
        let surplus = most.blueprint.fields.iter().skip(blueprint.fields.len());
        blueprint.fields.extend(surplus.map(|field| {
            let mut field = field.clone();
            field.retire();
            field
        }));
        Some(blueprint)
    }

    /// What a migration makes of a version. It is not in the history yet, and has neither time nor author.
    ///
    /// # Errors
    /// Everything that is wrong with the migration.
    pub fn derive(&self, from: u32, migration: &Migration) -> Result<BlueprintVersion, Vec<Finding>> {
        let Some(parent) = self.blueprint(from) else {
            return Err(vec![Finding::error(
                format!("version {from}"),
                "there is no such version",
            )]);
        };
        let mut made = apply(&parent, migration)?;
        made.blueprint.version = self.newest() + 1;
        made.parent = parent.version;
        Ok(made)
    }

    fn ancestors(&self, number: u32) -> Vec<u32> {
        let mut found = Vec::new();
        let mut next = self.version(number);
        while let Some(version) = next {
            found.push(version.blueprint.version);
            // A parent is always older: what claims otherwise must not send us in circles.
            next = self
                .versions
                .get(&version.parent)
                .filter(|parent| parent.blueprint.version < version.blueprint.version);
        }
        found
    }

    /// Brings an entity's values from one version to another, through those between. Values stay as they are when it
    /// fails.
    ///
    /// # Errors
    /// What is wrong with the values, of the first version that they can't cross to.
    pub fn migrate(&self, values: &mut Vec<Value>, from: u32, to: u32) -> Result<(), Vec<StepFailure>> {
        let (up, down) = self.way(from, to);
        let mut new = values.clone();
        let parent = |version: &BlueprintVersion| self.versions.get(&version.parent);
        for version in up.iter().filter_map(|number| self.versions.get(number)) {
            if let Some(parent) = parent(version) {
                failed(crossing::back(version, &parent.blueprint, &mut new))?;
            }
        }
        for version in down.iter().filter_map(|number| self.versions.get(number)) {
            if let Some(parent) = parent(version) {
                failed(crossing::forward(version, &parent.blueprint, &mut new))?;
            }
        }
        *values = new;
        Ok(())
    }

    /// Whether values have to change on the way from one version to another.
    pub fn is_step(&self, from: u32, to: u32) -> bool {
        let (up, down) = self.way(from, to);
        let mut all = up.iter().chain(&down).filter_map(|number| self.versions.get(number));
        all.any(|version| {
            let parent = self.versions.get(&version.parent);
            let demands = parent.is_some_and(|parent| demands_more(&parent.blueprint, &version.blueprint));
            !version.steps.is_empty() || demands
        })
    }

    /// The places of fields whose values may change between two versions.
    pub fn touched(&self, from: u32, to: u32) -> Vec<usize> {
        let (up, down) = self.way(from, to);
        let all = up.iter().chain(&down).filter_map(|number| self.versions.get(number));
        let mut places: Vec<usize> = all
            .flat_map(|version| version.steps.iter().flat_map(Step::touches))
            .collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The versions to be left on the way back, and those to be entered on the way forward.
    fn way(&self, from: u32, to: u32) -> (Vec<u32>, Vec<u32>) {
        let (mut up, mut down) = (self.ancestors(from), self.ancestors(to));
        while let (Some(one), Some(other)) = (up.last(), down.last())
            && one == other
        {
            up.pop();
            down.pop();
        }
        down.reverse();
        (up, down)
    }
}

/// Whether a field is required that was not.
fn demands_more(before: &Blueprint, after: &Blueprint) -> bool {
    let mut fields = after.live_fields();
    fields.any(|(place, field)| {
        let required = |blueprint: &Blueprint| blueprint.fields.get(place).is_some_and(|field| field.required);
        field.required && !required(before) || !field.required && required(before)
    })
}

fn failed(failures: Vec<StepFailure>) -> Result<(), Vec<StepFailure>> {
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}
