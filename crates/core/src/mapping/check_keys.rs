//! Whether match keys can work.

use super::compile::matched_names;
use super::suggest::did_you_mean;
use super::{Mapping, MatchKey};
use crate::model::{Blueprint, Finding};

/// Finds keys that name unknown or unmapped fields, or make no sense.
pub(super) fn check_match_keys(mapping: &Mapping, blueprint: &Blueprint, findings: &mut Vec<Finding>) {
    for (index, key) in mapping.match_keys.iter().enumerate() {
        let place = format!("match key {}", index + 1);
        let names = matched_names(key);
        if names.is_empty() {
            findings.push(Finding::error(&place, "it compares nothing; name at least one field"));
        }
        for name in names {
            if blueprint.position(name).is_none() {
                let near = did_you_mean(name, blueprint.field_names());
                findings.push(Finding::error(
                    &place,
                    format!("blueprint `{}` has no field `{name}`{near}", blueprint.name),
                ));
            } else if !mapping
                .rules
                .iter()
                .any(|rule| rule.fields.iter().any(|field| field == name))
            {
                findings.push(Finding::error(
                    &place,
                    format!("`{name}` is not mapped, so there is nothing to compare; add a rule for it"),
                ));
            }
        }
        if let MatchKey::Fuzzy { parts, link, review } = key {
            if !(0.0..=1.0).contains(link) || !(0.0..=1.0).contains(review) || review > link {
                findings.push(Finding::error(
                    &place,
                    "`link` and `review` lie between 0 and 1, and `review` is not above `link`",
                ));
            }
            if parts.iter().any(|part| !part.weight.is_finite() || part.weight <= 0.0) {
                findings.push(Finding::error(&place, "every weight is a number above 0"));
            }
        }
    }
    let both_ways = mapping.direction.pulls() && mapping.direction.pushes();
    if mapping.match_keys.is_empty() && both_ways && (mapping.create_in_app || mapping.create_in_crm) {
        findings.push(Finding::notice(
            "match_keys",
            "there are none, so records that exist on both sides are not recognised and would be doubled",
        ));
    }
}
