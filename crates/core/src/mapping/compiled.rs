use crate::batch::Projection;
use crate::error::Result;
use crate::lens::{LensContext, SharedLens};
use crate::mapping::{DeletePolicy, Direction, EmptyPolicy, Strategy};
use crate::model::GroupId;
use crate::state::SideId;
use crate::value::Value;

pub use crate::manifest::Role;

/// A rule ready to run: positions instead of names.
#[derive(Debug, Clone)]
pub struct CompiledRule {
    /// Positions of the blueprint's fields.
    pub fields: Vec<usize>,
    /// Positions in the projection.
    pub paths: Vec<usize>,
    /// The transform, conversion by type included.
    pub lens: SharedLens,
}

/// The rules of one atomic group on one side.
#[derive(Debug, Clone)]
pub struct SideGroup {
    /// The group.
    pub group: GroupId,
    /// Positions of all the group's fields in the blueprint, ascending: the order of hub values.
    pub fields: Vec<usize>,
    /// The rules that serve it.
    pub rules: Vec<CompiledRule>,
    /// Positions in the projection that the rules use, ascending and without repetition: the order of raw values.
    pub paths: Vec<usize>,
    /// Which way values flow, mapping and rule intersected.
    pub direction: Direction,
    /// Who wins.
    pub strategy: Strategy,
    /// What an empty value does.
    pub empty: EmptyPolicy,
    /// Whether values are sets, which merge three ways.
    pub set: bool,
}

impl SideGroup {
    /// Hub values from raw ones. Fields that no rule of this side serves are taken from `hub`.
    ///
    /// # Errors
    /// As [`crate::lens::Lens::get`].
    pub fn get(&self, raw: &[Value], hub: &[Value], context: &dyn LensContext) -> Result<Vec<Value>> {
        let mut values = hub.to_vec();
        values.resize(self.fields.len(), Value::Null);
        for rule in &self.rules {
            let got = rule.lens.get(&self.pick(rule, raw), context)?;
            for (field, value) in rule.fields.iter().zip(got) {
                if let Some(place) = self.fields.iter().position(|candidate| candidate == field) {
                    values[place] = value;
                }
            }
        }
        Ok(values)
    }

    /// Raw values from hub ones, given what the side holds now.
    ///
    /// # Errors
    /// As [`crate::lens::Lens::put`].
    pub fn put(&self, hub: &[Value], old: &[Value], context: &dyn LensContext) -> Result<Vec<Value>> {
        let mut raw = old.to_vec();
        raw.resize(self.paths.len(), Value::Null);
        for rule in self.rules.iter().filter(|rule| rule.lens.is_two_way()) {
            let canonical: Vec<Value> = rule
                .fields
                .iter()
                .map(|field| {
                    let place = self.fields.iter().position(|candidate| candidate == field);
                    place.and_then(|place| hub.get(place)).cloned().unwrap_or_default()
                })
                .collect();
            let put = rule.lens.put(&canonical, &self.pick(rule, &raw), context)?;
            for (path, value) in rule.paths.iter().zip(put) {
                if let Some(place) = self.paths.iter().position(|candidate| candidate == path) {
                    raw[place] = value;
                }
            }
        }
        Ok(raw)
    }

    /// Raw values in the form in which this side compares them.
    pub fn canon(&self, raw: &[Value]) -> Vec<Value> {
        let mut canon = raw.to_vec();
        canon.resize(self.paths.len(), Value::Null);
        for rule in &self.rules {
            let values = rule.lens.canon(&self.pick(rule, &canon));
            for (path, value) in rule.paths.iter().zip(values) {
                if let Some(place) = self.paths.iter().position(|candidate| candidate == path) {
                    canon[place] = value;
                }
            }
        }
        canon
    }

    fn pick(&self, rule: &CompiledRule, raw: &[Value]) -> Vec<Value> {
        rule.paths
            .iter()
            .map(|path| {
                let place = self.paths.iter().position(|candidate| candidate == path);
                place.and_then(|place| raw.get(place)).cloned().unwrap_or_default()
            })
            .collect()
    }
}

/// A mapping made ready for one sync's side: what the plan works with.
#[derive(Debug, Clone)]
pub struct SideMapping {
    /// The side.
    pub side: SideId,
    /// Slot of the side among those of its blueprint.
    pub slot: u8,
    /// Name for people, such as `salesforce Contact`.
    pub label: String,
    /// What the side is to the hub.
    pub role: Role,
    /// Larger wins within a role.
    pub rank: i32,
    /// The mapping's version.
    pub version: u32,
    /// The provider's object.
    pub object: String,
    /// The remote fields asked for.
    pub projection: Projection,
    /// The groups served, by ascending number.
    pub groups: Vec<SideGroup>,
    /// Whether a record that is new in the CRM becomes an entity.
    pub create_in_app: bool,
    /// Whether an entity that is new in the app becomes a record in the CRM.
    pub create_in_crm: bool,
    /// What a delete in the CRM does in the app.
    pub on_crm_delete: DeletePolicy,
    /// What a delete in the app does in the CRM.
    pub on_app_delete: DeletePolicy,
    /// Who wins when a delete meets an edit.
    pub delete_strategy: Strategy,
    /// Remote field that carries our unique key.
    pub marker: Option<String>,
}

impl SideMapping {
    /// The rules of a group.
    pub fn group(&self, group: GroupId) -> Option<&SideGroup> {
        self.groups.iter().find(|candidate| candidate.group == group)
    }
}
