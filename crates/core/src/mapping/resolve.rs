//! Names to positions, and which way each rule can work: what compiling and checking share.

use std::collections::{BTreeMap, BTreeSet};

use super::rule_lens::rule_lens;
use super::suggest::did_you_mean;
use super::{Direction, Mapping, Rule, Transform};
use crate::batch::ValueKind;
use crate::lens::{LensRegistry, SharedLens};
use crate::model::{Blueprint, FieldType, Finding};
use crate::schema::{FieldSchema, ObjectSchema};

/// A rule whose names exist and whose lens was built.
#[derive(Debug)]
pub(super) struct ResolvedRule {
    /// Position in the mapping.
    pub(super) index: usize,
    /// Positions in the blueprint.
    pub(super) fields: Vec<usize>,
    /// Remote paths.
    pub(super) paths: Vec<String>,
    /// Steps and conversion by type.
    pub(super) lens: SharedLens,
    /// What is left of the mapping's and the rule's directions.
    pub(super) direction: Direction,
    /// Why values can't go to the CRM although the mapping asks for it.
    pub(super) one_way: Vec<String>,
    /// Which rule writes one of its remote fields already, so that this one only reads.
    pub(super) second_writer: Option<String>,
}

/// What people call a rule in a finding.
pub(super) fn place(index: usize, rule: &Rule) -> String {
    format!(
        "rule {} ({} = {})",
        index + 1,
        rule.fields.join("+"),
        rule.remote.join("+")
    )
}

/// Whether a path walks to another record, which can be read and not written. Associations are fields of their own.
pub(super) fn is_relationship(path: &str, schema: &ObjectSchema) -> bool {
    path.contains('.') && !path.starts_with("associations.") && schema.field(path).is_none()
}

/// Whether a path is excluded, by itself or by the relationship that it starts with.
pub(super) fn is_excluded(mapping: &Mapping, schema: &ObjectSchema, path: &str) -> bool {
    let listed = |name: &str| mapping.excluded.iter().any(|excluded| excluded == name);
    let first = path.split('.').next().unwrap_or(path);
    listed(path)
        || (is_relationship(path, schema)
            && (listed(first)
                || schema
                    .fields
                    .iter()
                    .any(|field| field.relationship.as_deref() == Some(first) && listed(&field.path))))
}

/// How a path's wire form is read. What a relationship leads to is not described here, so the blueprint's field says.
pub(super) fn value_kind(path: &str, schema: &ObjectSchema, field: Option<&FieldType>) -> ValueKind {
    if let Some(described) = schema.field(path) {
        return described.value_kind;
    }
    match field {
        Some(FieldType::Integer | FieldType::Decimal | FieldType::Float) => ValueKind::Number,
        Some(FieldType::Bool) => ValueKind::Bool,
        Some(FieldType::Date) => ValueKind::Date,
        Some(FieldType::DateTime) => ValueKind::DateTime,
        Some(FieldType::MultiChoice { .. }) => ValueKind::Choices,
        Some(FieldType::List | FieldType::Json) => ValueKind::Json,
        _ => ValueKind::Text,
    }
}

/// Resolves all rules. Those with a finding of severity error are left out.
pub(super) fn resolve(
    mapping: &Mapping,
    blueprint: &Blueprint,
    schema: &ObjectSchema,
    registry: &LensRegistry,
) -> (Vec<ResolvedRule>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut resolved = Vec::new();
    for (index, rule) in mapping.rules.iter().enumerate() {
        let place = place(index, rule);
        let before = findings.len();
        let fields = resolve_fields(rule, blueprint, &place, &mut findings);
        check_paths(mapping, rule, schema, &place, &mut findings);
        if findings.len() > before {
            continue;
        }
        match rule_lens(rule, &fields, blueprint, schema, registry) {
            Err(message) => findings.push(Finding::error(place, message)),
            Ok(lens) => {
                let one_way = why_one_way(mapping, rule, &fields, blueprint, schema, &lens);
                let asked = mapping.direction.intersect(rule.direction);
                let direction = if one_way.is_empty() {
                    asked
                } else {
                    asked.intersect(Direction::Pull)
                };
                resolved.push(ResolvedRule {
                    index,
                    fields,
                    paths: rule.remote.clone(),
                    lens,
                    direction,
                    one_way: if asked.pushes() { one_way } else { Vec::new() },
                    second_writer: None,
                });
            }
        }
    }
    one_rule_per_field(mapping, blueprint, &resolved, &mut findings);
    one_writer_per_path(mapping, &mut resolved);
    (resolved, findings)
}

fn resolve_fields(rule: &Rule, blueprint: &Blueprint, place: &str, findings: &mut Vec<Finding>) -> Vec<usize> {
    if rule.fields.is_empty() {
        findings.push(Finding::error(
            place,
            "it names no field of the blueprint; name at least one",
        ));
    }
    let mut fields = Vec::new();
    for name in &rule.fields {
        match blueprint.position(name) {
            Some(field) => fields.push(field),
            None => findings.push(Finding::error(
                place,
                format!(
                    "blueprint `{}` has no field `{name}`{}",
                    blueprint.name,
                    did_you_mean(name, blueprint.field_names())
                ),
            )),
        }
    }
    fields
}

fn check_paths(mapping: &Mapping, rule: &Rule, schema: &ObjectSchema, place: &str, findings: &mut Vec<Finding>) {
    if rule.remote.is_empty() {
        findings.push(Finding::error(place, "it names no remote field; name at least one"));
    }
    for path in &rule.remote {
        if is_excluded(mapping, schema, path) {
            findings.push(Finding::error(
                place,
                format!("`{path}` is excluded from this mapping; remove the rule, or the exclusion"),
            ));
        } else if let Some(message) = unknown_path(path, schema) {
            findings.push(Finding::error(place, message));
        }
    }
}

/// What is wrong with a path that the object does not have.
pub(super) fn unknown_path(path: &str, schema: &ObjectSchema) -> Option<String> {
    if schema.field(path).is_some() {
        return None;
    }
    let object = &schema.object.name;
    let Some((first, _)) = path.split_once('.').filter(|_| is_relationship(path, schema)) else {
        let near = did_you_mean(path, schema.fields.iter().map(|field| field.path.as_str()));
        return Some(format!("`{object}` has no field `{path}`{near}"));
    };
    let relationships: BTreeSet<&str> = schema
        .fields
        .iter()
        .filter_map(|field| field.relationship.as_deref())
        .collect();
    (!relationships.contains(first)).then(|| {
        let near = did_you_mean(first, relationships.iter().copied());
        format!("`{object}` has no relationship `{first}` to walk in `{path}`{near}")
    })
}

fn why_one_way(
    mapping: &Mapping,
    rule: &Rule,
    fields: &[usize],
    blueprint: &Blueprint,
    schema: &ObjectSchema,
    lens: &SharedLens,
) -> Vec<String> {
    let mut reasons = Vec::new();
    if matches!(rule.transform, Some(Transform::Cel { .. })) {
        reasons.push("an expression can't be turned round".to_owned());
    } else if !lens.is_two_way() {
        reasons.push("its transform can't be turned round".to_owned());
    }
    for path in &rule.remote {
        if is_relationship(path, schema) {
            reasons.push(format!(
                "`{path}` belongs to another record, which this rule can't write"
            ));
        } else if let Some(reason) = schema.field(path).and_then(|field| why_read_only(mapping, field)) {
            reasons.push(reason);
        }
    }
    let groups: BTreeSet<_> = fields.iter().map(|&field| blueprint.group_of(field)).collect();
    if groups.len() > 1 {
        reasons.push(format!(
            "{} are not one atomic group of the blueprint, so half of the value could be written; group them to write it",
            rule.fields.join(" and ")
        ));
    }
    reasons
}

fn why_read_only(mapping: &Mapping, field: &FieldSchema) -> Option<String> {
    let path = &field.path;
    if field.calculated {
        Some(format!("the CRM calculates `{path}`"))
    } else if !field.writable() {
        Some(format!("`{path}` is read-only in the CRM"))
    } else if !field.updatable {
        Some(format!(
            "`{path}` can be set when a record is created and never changed"
        ))
    } else if !field.creatable && mapping.create_in_crm {
        Some(format!("`{path}` can't be set when a record is created"))
    } else {
        None
    }
}

/// Two rules that fill one field from this side would overwrite each other with every read.
fn one_rule_per_field(mapping: &Mapping, blueprint: &Blueprint, rules: &[ResolvedRule], findings: &mut Vec<Finding>) {
    let mut served: BTreeMap<usize, usize> = BTreeMap::new();
    for rule in rules.iter().filter(|rule| rule.direction != Direction::None) {
        for &field in &rule.fields {
            let Some(&first) = served.get(&field) else {
                served.insert(field, rule.index);
                continue;
            };
            findings.push(Finding::error(
                place(rule.index, &mapping.rules[rule.index]),
                format!(
                    "{} serves `{}` already; keep one of them, or set the other's direction to `none`",
                    place(first, &mapping.rules[first]),
                    blueprint.fields[field].name
                ),
            ));
        }
    }
}

/// The first rule that writes a remote field keeps doing so; later ones only read it.
fn one_writer_per_path(mapping: &Mapping, rules: &mut [ResolvedRule]) {
    let mut writers: BTreeMap<String, usize> = BTreeMap::new();
    for rule in rules.iter_mut().filter(|rule| rule.direction.pushes()) {
        let other = rule.paths.iter().find_map(|path| Some((path, *writers.get(path)?)));
        if let Some((path, first)) = other {
            rule.second_writer = Some(format!(
                "{} writes `{path}` already",
                place(first, &mapping.rules[first])
            ));
            rule.direction = rule.direction.intersect(Direction::Pull);
        } else {
            writers.extend(rule.paths.iter().map(|path| (path.clone(), rule.index)));
        }
    }
}
