//! What is refused for breaking a rule.

use std::sync::Arc;

use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::matching::Duplicates;
use syncline_core::model::Blueprint;
use syncline_core::quality::{QualityCheck, QualityRules};
use syncline_core::state::EntityId;
use syncline_core::store::{IndexQuery, Transaction};
use syncline_core::value::Value;

use super::rules::stored;
use crate::entity::{Definition, Findings, fill_within};

/// Most records with one cheap key in common that are worth comparing: a key that more share tells nothing apart.
pub(super) const LARGEST_GROUP: usize = 40;

/// The rules of a blueprint of which some refuse.
#[derive(Debug)]
pub(crate) struct QualityGate {
    blueprint: Blueprint,
    rules: QualityRules,
}

impl QualityGate {
    /// Of a blueprint; `None` where nothing is refused. A rule that no longer fits the blueprint refuses nothing; the
    /// report tells of it.
    pub(crate) async fn load(tx: &mut dyn Transaction, blueprint: &Blueprint) -> Result<Option<Arc<Self>>> {
        let Some(stored) = stored(tx, blueprint).await? else {
            return Ok(None);
        };
        let (rules, _) = QualityRules::compile_known(&stored.rules, blueprint);
        Ok((!rules.refuses_nothing()).then(|| {
            Arc::new(Self {
                blueprint: blueprint.clone(),
                rules,
            })
        }))
    }

    /// Finds what a record has come to break.
    pub(crate) fn find(&self, before: Option<&[Value]>, after: &[Value], findings: &mut Findings) {
        let names: Vec<&str> = self.rules.rules().map(|rule| rule.name.as_str()).collect();
        for breach in self.rules.refusals(&self.blueprint, before, after) {
            let rule = names.get(breach.rule).copied().unwrap_or_default();
            let message = format!("{} (rule `{rule}`)", breach.message);
            findings.invalid(breach.field.as_deref().unwrap_or(rule), message);
        }
    }

    /// Passes when a record that was read from a CRM has come to break nothing.
    ///
    /// # Errors
    /// `Invalid` with everything that it breaks.
    pub(crate) fn check_pulled(&self, before: Option<&[Value]>, after: &[Value]) -> Result<()> {
        let mut findings = Findings::default();
        self.find(before, after, &mut findings);
        findings.check(&self.blueprint.name).map_err(|error| {
            let message = format!("{}; mend it in the CRM, or relax the rule", error.message());
            Error::new(ErrorKind::Invalid, message)
        })
    }

    /// Finds other records that one has likely become the same as.
    pub(crate) async fn find_duplicates(
        &self,
        tx: &mut dyn Transaction,
        entity: EntityId,
        before: Option<&[Value]>,
        after: &[Value],
        findings: &mut Findings,
    ) -> Result<()> {
        for place in self.rules.refused_duplicates(before, after) {
            let Some(rule) = self.rules.rules().nth(place) else {
                continue;
            };
            let QualityCheck::Duplicate { fields, likeness } = &rule.check else {
                continue;
            };
            let duplicates = Duplicates::new(fields, *likeness);
            let picked = |values: &[Value]| -> Vec<Value> {
                let positions = self.rules.fields(place).iter();
                positions
                    .map(|position| values.get(*position).cloned().unwrap_or_default())
                    .collect()
            };
            let own = picked(after);
            let definition = Definition::Alike { fields: fields.clone() };
            let space = fill_within(tx, &self.blueprint, &definition).await?.id;
            let mut candidates: Vec<EntityId> = Vec::new();
            for key in duplicates.keys(&own) {
                let from = key.to_be_bytes().to_vec();
                let query = IndexQuery {
                    space,
                    until: Some(syncline_core::sort_key::after(from.clone())),
                    from,
                    after: None,
                    descending: false,
                    limit: LARGEST_GROUP + 1,
                };
                let found = tx.find_index(&query).await?;
                if found.len() <= LARGEST_GROUP {
                    candidates.extend(found.iter().map(|entry| entry.entity).filter(|other| *other != entity));
                }
            }
            candidates.sort_unstable();
            candidates.dedup();
            let others = tx.load_entities(&candidates).await?;
            let alike = others
                .iter()
                .filter(|other| !other.deleted)
                .find_map(|other| Some((other.uid, duplicates.likeness(&own, &picked(&other.values))?)));
            if let Some((uid, likeness)) = alike {
                let message = if rule.message.is_empty() {
                    format!(
                        "it is {:.0} % like record {uid} in {}",
                        likeness * 100.0,
                        fields.join(", ")
                    )
                } else {
                    format!("{} (record {uid})", rule.message)
                };
                findings.invalid(&rule.name, format!("{message} (rule `{}`)", rule.name));
            }
        }
        Ok(())
    }
}
