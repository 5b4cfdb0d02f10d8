use serde::Serialize;

use super::match_keys::NO_KEY;
use super::{Mapping, Rule};
use crate::model::{Blueprint, BlueprintId, Field, TenantId};
use crate::schema::{FieldSchema, ObjectSchema};

/// A rule that auto-map proposes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProposedRule {
    /// The rule, as it stands in the proposed mapping.
    pub rule: Rule,
    /// How likely it is right, from 0 to 1.
    pub confidence: f64,
    /// Why.
    pub reason: String,
}

/// A remote field that auto-map leaves to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The remote path.
    pub remote: String,
    /// Why.
    pub reason: String,
}

/// What auto-map proposes for one object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposal {
    /// The mapping, ready to be checked and saved once the blueprint has the new fields.
    pub mapping: Mapping,
    /// Fields that the blueprint lacks; all of them when there is no blueprint yet.
    pub new_fields: Vec<Field>,
    /// The mapping's rules with confidence and reason, in their order.
    pub rules: Vec<ProposedRule>,
    /// Remote fields that are not mapped, in the provider's order.
    pub left_out: Vec<LeftOut>,
    /// What else was decided and why, for people.
    pub notes: Vec<String>,
}

impl Proposal {
    /// Leaves out the rules that refer to records of objects that are not synced. Nothing could resolve such a
    /// reference: it would be asked about for every record. Where the CRM requires one, nothing is created there.
    pub fn leave_out_references(&mut self, schema: &ObjectSchema, is_synced: impl Fn(&str) -> bool) {
        let unreachable: Vec<(&str, &[String])> = schema
            .fields
            .iter()
            .filter(|field| !field.references.is_empty() && !field.references.iter().any(|object| is_synced(object)))
            .map(|field| (field.path.as_str(), field.references.as_slice()))
            .collect();
        for (path, objects) in unreachable {
            let objects = objects.join(" or ");
            let Some(index) = self.mapping.rules.iter().position(|rule| rule.remote == [path]) else {
                continue;
            };
            let rule = self.mapping.rules.remove(index);
            self.rules.retain(|proposed| proposed.rule != rule);
            let is_used = |name: &String| self.mapping.rules.iter().any(|rule| rule.fields.contains(name));
            self.new_fields
                .retain(|field| !rule.fields.contains(&field.name) || is_used(&field.name));
            let is_required = |field: &FieldSchema| field.path == path && field.required && field.creatable;
            if schema.fields.iter().any(is_required) {
                self.mapping.create_in_crm = false;
            }
            self.left_out.push(LeftOut {
                remote: path.to_owned(),
                reason: format!("it refers to {objects}, which is not synced"),
            });
            self.notes.push(format!(
                "`{path}` refers to {objects} and is left out: map that first, and this afterwards, to keep it."
            ));
        }
        self.leave_out_keys();
        let position = |remote: &str| schema.fields.iter().position(|field| field.path == remote);
        self.left_out.sort_by_key(|left_out| position(&left_out.remote));
    }

    /// Drops the match keys of fields that no rule fills any more: they can't be saved where the blueprint lacks them, and
    /// would match nothing where it has them.
    fn leave_out_keys(&mut self) {
        let had_keys = !self.mapping.match_keys.is_empty();
        let rules = &self.mapping.rules;
        let is_filled = |name: &String| rules.iter().any(|rule| rule.fields.contains(name));
        self.mapping
            .match_keys
            .retain(|key| crate::matching::key_fields(key).iter().all(is_filled));
        if had_keys && self.mapping.match_keys.is_empty() {
            self.notes.push(NO_KEY.to_owned());
        }
    }

    /// A blueprint made of the new fields, for a proposal that was made without one.
    pub fn blueprint(&self, id: BlueprintId, tenant: TenantId) -> Blueprint {
        Blueprint::new(id, tenant, self.mapping.blueprint.as_str(), self.new_fields.clone())
    }

    /// Adds the new fields to the blueprint and counts its version up; returns whether there were any.
    pub fn extend(&self, blueprint: &mut Blueprint) -> bool {
        let before = blueprint.fields.len();
        for field in &self.new_fields {
            if blueprint.position(&field.name).is_none() {
                blueprint.fields.push(field.clone());
            }
        }
        let grew = blueprint.fields.len() > before;
        blueprint.version += u32::from(grew);
        grew
    }
}
