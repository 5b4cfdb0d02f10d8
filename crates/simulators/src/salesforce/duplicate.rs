//! Duplicate rules: a new record that looks like another is refused, or warned of.

use serde_json::json;

use super::error::ApiError;
use super::state::{Changes, DuplicateRule, State};

impl State {
    /// Refuses a new record that a duplicate rule finds another for.
    pub(crate) fn check_duplicates(&self, table: usize, changes: &Changes) -> Result<(), ApiError> {
        for rule in self.duplicate_rules.iter().filter(|rule| rule.table == table) {
            if rule.only_warns && self.saves_duplicates {
                continue;
            }
            if let Some(error) = self.duplicate(rule, changes) {
                return Err(error);
            }
        }
        Ok(())
    }

    fn duplicate(&self, rule: &DuplicateRule, changes: &Changes) -> Option<ApiError> {
        let table = &self.tables[rule.table];
        let (_, wanted) = changes.iter().find(|(field, _)| *field == rule.field)?;
        let wanted = wanted.as_ref()?.view().to_json().as_str()?.to_lowercase();
        let found: Vec<_> = (0..table.len())
            .filter(|slot| {
                table.get_live(*slot).is_some_and(|record| {
                    let value = table.read(*slot, record, rule.field).to_json();
                    value.as_str().is_some_and(|text| text.to_lowercase() == wanted)
                })
            })
            .take(5)
            .collect();
        if found.is_empty() {
            return None;
        }
        let object = table.schema.name.as_str();
        let matches: Vec<_> = found
            .iter()
            .map(|slot| {
                let id = table.id(*slot);
                json!({
                    "additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0,
                    "record": {
                        "attributes": {"type": object, "url": format!("/services/data/v66.0/sobjects/{object}/{id}")},
                        "Id": id.as_str()
                    }
                })
            })
            .collect();
        let message = "Use one of these records?";
        let details = json!({
            "allowSave": rule.only_warns, "duplicateRule": format!("Standard_{object}_Duplicate_Rule"),
            "duplicateRuleEntityType": object, "errorMessage": message,
            "matchResults": [{
                "entityType": object, "errors": [], "matchEngine": "ExactMatchEngine", "matchRecords": matches,
                "rule": format!("Standard_{object}_Match_Rule"), "size": found.len(), "success": true
            }]
        });
        Some(ApiError {
            // The service really spells it so.
            details: Some(Box::new(("duplicateResut", details))),
            ..ApiError::row("DUPLICATES_DETECTED", message, &[])
        })
    }
}
