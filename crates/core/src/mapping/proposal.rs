use serde::Serialize;

use super::{Mapping, Rule};
use crate::model::{Blueprint, BlueprintId, Field, TenantId};

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
