use std::collections::BTreeSet;

use super::check_choices::choices_without_counterpart;
use super::check_keys::check_match_keys;
use super::compatible::{Compatibility, compatibility};
use super::compile::{filter_paths, uneven_groups};
use super::resolve::{ResolvedRule, is_excluded, place, resolve, unknown_path};
use super::{Direction, Mapping, Rule, Strategy, Transform};
use crate::expression::Expression;
use crate::lens::LensRegistry;
use crate::model::{Blueprint, Finding};
use crate::schema::ObjectSchema;

/// Most remote fields of a mapping: more do not fit into one request of the strictest provider.
pub const MAX_REMOTE_FIELDS: usize = 500;

/// Everything wrong or worth knowing about a mapping, against both schemas, with where and why.
///
/// What is true of several mappings together is found by [`check_together`].
pub fn check(mapping: &Mapping, blueprint: &Blueprint, schema: &ObjectSchema, registry: &LensRegistry) -> Vec<Finding> {
    let mut findings = Vec::new();
    check_names(mapping, blueprint, schema, &mut findings);
    let (rules, found) = resolve(mapping, blueprint, schema, registry);
    findings.extend(found);
    findings.extend(uneven_groups(mapping, blueprint, &rules));
    for rule in &rules {
        check_rule(mapping, rule, blueprint, schema, &mut findings);
    }
    check_match_keys(mapping, blueprint, &mut findings);
    check_marker(mapping, schema, &mut findings);
    check_filter(mapping, schema, &mut findings);
    check_required(mapping, &rules, blueprint, schema, &mut findings);
    check_size(mapping, &mut findings);
    findings
}

/// What is wrong with a mapping together with the others of its blueprint: a field of which two CRMs are each to have
/// the last word.
pub fn check_together(mapping: &Mapping, others: &[&Mapping]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, rule) in mapping
        .rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| has_last_word(mapping, rule))
    {
        for other in others.iter().filter(|other| other.blueprint == mapping.blueprint) {
            let rival = other.rules.iter().find(|rival| {
                has_last_word(other, rival) && rival.fields.iter().any(|field| rule.fields.contains(field))
            });
            if let Some(rival) = rival {
                findings.push(Finding::error(
                    place(index, rule),
                    format!(
                        "`{}` of {} is authoritative for this field already, and two CRMs can't both be; choose one, or \
                         another strategy",
                        rival.remote.join("+"),
                        other.object
                    ),
                ));
            }
        }
    }
    findings
}

fn has_last_word(mapping: &Mapping, rule: &Rule) -> bool {
    rule.strategy.unwrap_or(mapping.strategy) == Strategy::CrmAuthoritative
        && mapping.direction.intersect(rule.direction).pulls()
}

fn check_names(mapping: &Mapping, blueprint: &Blueprint, schema: &ObjectSchema, findings: &mut Vec<Finding>) {
    if mapping.blueprint != blueprint.name {
        findings.push(Finding::error(
            "blueprint",
            format!(
                "the mapping is of blueprint `{}`, not `{}`",
                mapping.blueprint, blueprint.name
            ),
        ));
    }
    if mapping.object != schema.object.name {
        findings.push(Finding::error(
            "object",
            format!(
                "the mapping is of object `{}`, not `{}`",
                mapping.object, schema.object.name
            ),
        ));
    }
    if mapping.direction == Direction::None {
        findings.push(Finding::notice(
            "direction",
            "nothing flows, since the mapping's direction is `none`",
        ));
    }
    if mapping.rules.iter().all(|rule| rule.direction == Direction::None) {
        findings.push(Finding::error("rules", "no rule lets anything flow; add one"));
    }
    for excluded in &mapping.excluded {
        if let Some(message) = unknown_path(excluded, schema) {
            findings.push(Finding::notice("excluded", message));
        }
    }
    if mapping.create_in_crm && mapping.direction.pushes() && !schema.object.creatable {
        findings.push(Finding::notice(
            "create_in_crm",
            format!(
                "records of `{}` can't be created by this user, so none are",
                schema.object.name
            ),
        ));
    }
}

fn check_rule(
    mapping: &Mapping,
    resolved: &ResolvedRule,
    blueprint: &Blueprint,
    schema: &ObjectSchema,
    findings: &mut Vec<Finding>,
) {
    let rule = &mapping.rules[resolved.index];
    let place = place(resolved.index, rule);
    if let Some(first) = &resolved.second_writer {
        findings.push(Finding::error(
            &place,
            format!("{first}; a remote field has one two-way rule, so set the direction of one of them to `pull`"),
        ));
    }
    if !resolved.one_way.is_empty() {
        findings.push(Finding::notice(
            &place,
            format!("one-way, from the CRM to the app: {}", resolved.one_way.join("; ")),
        ));
        if resolved.direction == Direction::None {
            findings.push(Finding::error(
                &place,
                "it only pushes, and can't: let it pull, or remove it",
            ));
        }
    }
    let strategy = rule.strategy.unwrap_or(mapping.strategy);
    match strategy {
        Strategy::CrmAuthoritative if rule.strategy.is_some() && !resolved.direction.pulls() => {
            findings.push(Finding::error(
                &place,
                "the CRM is to be authoritative, but nothing flows from it; let the rule pull",
            ));
        }
        Strategy::AppAuthoritative if rule.strategy.is_some() && !resolved.direction.pushes() => {
            findings.push(Finding::notice(
                &place,
                "the app is to be authoritative, but an edit made in the CRM can't be reverted, since nothing flows there",
            ));
        }
        _ => {}
    }
    if let Some(Transform::Cel { expression }) = &rule.transform {
        check_expression(rule, expression, &place, findings);
    }
    for &field in &resolved.fields {
        if blueprint.fields[field].computed.is_some() && resolved.direction.pulls() {
            findings.push(Finding::error(
                &place,
                "the field is computed, and nobody else sets it; let the rule only push",
            ));
        }
    }
    let has_steps = match &rule.transform {
        None => false,
        Some(Transform::Lens { steps }) => !steps.is_empty(),
        Some(Transform::Cel { .. }) => true,
    };
    let ([field], [path]) = (resolved.fields.as_slice(), resolved.paths.as_slice()) else {
        return;
    };
    let field = &blueprint.fields[*field];
    let Some(remote) = schema.field(path) else { return };
    if !has_steps {
        let pair = format!(
            "`{path}` is a {}, and `{}` a {}",
            remote.provider_type,
            field.name,
            field.kind.label()
        );
        match compatibility(&field.kind, remote.kind) {
            Compatibility::Never(why) => findings.push(Finding::error(&place, format!("{pair}: {why}"))),
            Compatibility::Sometimes(why) => findings.push(Finding::notice(&place, format!("{pair}: {why}"))),
            Compatibility::Same | Compatibility::Converts => {}
        }
    }
    findings.extend(
        choices_without_counterpart(field, remote, &resolved.lens, resolved.direction)
            .into_iter()
            .map(|message| Finding::notice(&place, message)),
    );
}

/// An expression sees the rule's own paths and nothing else of the record.
fn check_expression(rule: &Rule, expression: &str, place: &str, findings: &mut Vec<Finding>) {
    let Ok(expression) = Expression::compile(expression) else {
        return;
    };
    for path in expression.paths() {
        let Some(path) = path.strip_prefix("remote.") else {
            continue;
        };
        if !rule.remote.iter().any(|known| known == path) {
            findings.push(Finding::error(
                place,
                format!(
                    "its expression reads `remote.{path}`, which is not among its remote fields; add `{path}` to them"
                ),
            ));
        }
    }
}

fn check_marker(mapping: &Mapping, schema: &ObjectSchema, findings: &mut Vec<Finding>) {
    let Some(path) = &mapping.marker else { return };
    let Some(field) = schema.field(path) else {
        findings.extend(unknown_path(path, schema).map(|message| Finding::error("marker", message)));
        return;
    };
    if is_excluded(mapping, schema, path) {
        findings.push(Finding::error(
            "marker",
            format!("`{path}` is excluded from this mapping"),
        ));
    }
    if !field.unique && !field.external_id {
        findings.push(Finding::error(
            "marker",
            format!("`{path}` is not unique in the CRM, so it can't tell a create sent twice; choose a unique field"),
        ));
    } else if !field.external_id {
        findings.push(Finding::notice(
            "marker",
            format!("`{path}` is unique, but the CRM does not accept it as the key of an upsert"),
        ));
    }
    if !field.creatable {
        findings.push(Finding::error(
            "marker",
            format!("`{path}` can't be set when a record is created; choose a field that can"),
        ));
    }
    if let Some((index, rule)) = mapping
        .rules
        .iter()
        .enumerate()
        .find(|(_, rule)| rule.remote.contains(path))
    {
        findings.push(Finding::error(
            place(index, rule),
            format!("`{path}` carries our unique key as the marker; remove the rule or choose another marker"),
        ));
    }
}

fn check_filter(mapping: &Mapping, schema: &ObjectSchema, findings: &mut Vec<Finding>) {
    match filter_paths(mapping) {
        Err(message) => findings.push(Finding::error("filter", message)),
        Ok(paths) => {
            for path in &paths {
                if is_excluded(mapping, schema, path) {
                    findings.push(Finding::error(
                        "filter",
                        format!("`{path}` is excluded from this mapping"),
                    ));
                } else if let Some(message) = unknown_path(path, schema) {
                    findings.push(Finding::error("filter", message));
                }
            }
        }
    }
}

fn check_required(
    mapping: &Mapping,
    rules: &[ResolvedRule],
    blueprint: &Blueprint,
    schema: &ObjectSchema,
    findings: &mut Vec<Finding>,
) {
    if mapping.create_in_crm && mapping.direction.pushes() && schema.object.creatable {
        let filled: BTreeSet<&str> = rules
            .iter()
            .filter(|rule| rule.direction.pushes())
            .flat_map(|rule| &rule.paths)
            .chain(&mapping.marker)
            .map(String::as_str)
            .collect();
        for field in schema.fields.iter().filter(|field| field.required && field.creatable) {
            if !filled.contains(field.path.as_str()) {
                findings.push(Finding::error(
                    &field.path,
                    "the CRM requires it and no rule writes it, so no record could be created; map it, or set \
                     `create_in_crm` to false",
                ));
            }
        }
    }
    if mapping.create_in_app && mapping.direction.pulls() {
        for (position, field) in blueprint.fields.iter().enumerate() {
            let filled = rules
                .iter()
                .any(|rule| rule.direction.pulls() && rule.fields.contains(&position));
            if field.required && field.default.is_none() && !filled {
                findings.push(Finding::error(
                    &field.name,
                    "the blueprint requires it and no rule reads it, so no entity could be created; map it, give it a \
                     default, or set `create_in_app` to false",
                ));
            }
        }
    }
}

fn check_size(mapping: &Mapping, findings: &mut Vec<Finding>) {
    let paths: BTreeSet<&String> = mapping
        .rules
        .iter()
        .filter(|rule| rule.direction != Direction::None)
        .flat_map(|rule| &rule.remote)
        .collect();
    if paths.len() > MAX_REMOTE_FIELDS {
        findings.push(Finding::error(
            "rules",
            format!(
                "{} remote fields are mapped, and one request holds at most {MAX_REMOTE_FIELDS}; leave some out",
                paths.len()
            ),
        ));
    }
}
