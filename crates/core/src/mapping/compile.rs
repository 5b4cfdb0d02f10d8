use std::collections::{BTreeMap, BTreeSet};

use super::resolve::{ResolvedRule, is_excluded, place, resolve, unknown_path, value_kind};
use super::{CompiledRule, Direction, Mapping, MatchKey, Role, SideGroup, SideMapping};
use crate::batch::{ProjectedField, Projection};
use crate::expression::Filter;
use crate::lens::LensRegistry;
use crate::model::{Blueprint, Finding, GroupId, Severity};
use crate::schema::ObjectSchema;
use crate::state::SideId;

/// Which side of the hub a mapping is compiled for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidePlace {
    /// The side.
    pub side: SideId,
    /// Its slot among the sides of its blueprint.
    pub slot: u8,
    /// Name for people, such as `salesforce Contact`.
    pub label: String,
    /// What it is to the hub.
    pub role: Role,
    /// Larger wins within a role.
    pub rank: i32,
}

/// Makes a mapping ready to run: positions instead of names, lenses built, rules gathered by atomic group, and the
/// projection of everything that has to be read.
///
/// A rule that can't write (a relationship path, a read-only or calculated field, a transform that can't be turned
/// round) pulls only, whatever it asks for. Rules with direction `none` are left out, unless a match key needs their
/// field: then their group has direction `none`, to be read and neither applied nor written.
///
/// # Errors
/// Everything of severity error that keeps the rules from running: names that don't exist, lenses that can't be
/// built, excluded fields, a filter that doesn't compile. [`super::check`] finds more.
pub fn compile(
    mapping: &Mapping,
    blueprint: &Blueprint,
    schema: &ObjectSchema,
    registry: &LensRegistry,
    place: SidePlace,
) -> Result<SideMapping, Vec<Finding>> {
    let (rules, mut findings) = resolve(mapping, blueprint, schema, registry);
    let filter_paths = match filter_paths(mapping) {
        Ok(paths) => paths,
        Err(message) => {
            findings.push(Finding::error("filter", message));
            Vec::new()
        }
    };
    for (where_, path) in filter_paths
        .iter()
        .map(|path| ("filter", path))
        .chain(mapping.marker.iter().map(|path| ("marker", path)))
    {
        if is_excluded(mapping, schema, path) {
            findings.push(Finding::error(
                where_,
                format!("`{path}` is excluded from this mapping"),
            ));
        } else if let Some(message) = unknown_path(path, schema) {
            findings.push(Finding::error(where_, message));
        }
    }
    findings.retain(|finding| finding.severity == Severity::Error);
    if !findings.is_empty() {
        return Err(findings);
    }
    let matched = matched_fields(mapping, blueprint);
    let used: Vec<&ResolvedRule> = rules
        .iter()
        .filter(|rule| rule.direction != Direction::None || rule.fields.iter().any(|field| matched.contains(field)))
        .collect();
    let projection = projection(mapping, blueprint, schema, &used, &filter_paths);
    Ok(SideMapping {
        side: place.side,
        slot: place.slot,
        label: place.label,
        role: place.role,
        rank: place.rank,
        version: mapping.version,
        object: mapping.object.clone(),
        groups: groups(mapping, blueprint, &used, &projection),
        projection,
        create_in_app: mapping.create_in_app,
        create_in_crm: mapping.create_in_crm && schema.object.creatable,
        on_crm_delete: mapping.on_crm_delete,
        on_app_delete: mapping.on_app_delete,
        delete_strategy: mapping.on_delete_conflict.strategy(mapping.strategy),
        marker: mapping.marker.clone(),
    })
}

/// Remote paths that the filter reads.
pub(super) fn filter_paths(mapping: &Mapping) -> Result<Vec<String>, String> {
    let Some(source) = mapping.filter.as_deref() else {
        return Ok(Vec::new());
    };
    let filter = Filter::compile(source).map_err(|error| error.message().to_owned())?;
    remote_paths(filter.paths())
}

/// The remote paths among those that an expression refers to. It may also name the connection's own user, `me`.
///
/// # Errors
/// A sentence for a finding, when it names something else.
pub(super) fn remote_paths(paths: impl IntoIterator<Item = String>) -> Result<Vec<String>, String> {
    let mut remote = Vec::new();
    for path in paths {
        match path.split_once('.') {
            Some(("remote", field)) => remote.push(field.to_owned()),
            Some(("me", "id")) => {}
            _ => {
                return Err(format!(
                    "it names `{path}`; a field of the record is `remote.` and its name, and the connection's own user \
                     is `me.id`"
                ));
            }
        }
    }
    Ok(remote)
}

/// Names of the blueprint's fields that match keys compare.
pub(super) fn matched_names(key: &MatchKey) -> Vec<&str> {
    match key {
        MatchKey::Exact { parts } => parts.iter().map(|part| part.field.as_str()).collect(),
        MatchKey::Fuzzy { parts, .. } => parts
            .iter()
            .flat_map(|part| std::iter::once(&part.field).chain(&part.swapped_with))
            .map(String::as_str)
            .collect(),
    }
}

fn matched_fields(mapping: &Mapping, blueprint: &Blueprint) -> BTreeSet<usize> {
    mapping
        .match_keys
        .iter()
        .flat_map(matched_names)
        .filter_map(|name| blueprint.position(name))
        .collect()
}

fn projection(
    mapping: &Mapping,
    blueprint: &Blueprint,
    schema: &ObjectSchema,
    rules: &[&ResolvedRule],
    filter_paths: &[String],
) -> Projection {
    let mut projection = Projection::default();
    let mut add = |path: &str, kind| {
        if projection.position(path).is_none() {
            projection.fields.push(ProjectedField {
                path: path.to_owned(),
                kind,
            });
        }
    };
    for rule in rules {
        let field = rule.fields.first().map(|&field| &blueprint.fields[field].kind);
        for path in &rule.paths {
            add(path, value_kind(path, schema, field));
        }
    }
    for path in filter_paths.iter().chain(&mapping.marker) {
        add(path, value_kind(path, schema, None));
    }
    projection
}

fn groups(
    mapping: &Mapping,
    blueprint: &Blueprint,
    rules: &[&ResolvedRule],
    projection: &Projection,
) -> Vec<SideGroup> {
    let mut by_group: BTreeMap<GroupId, Vec<&ResolvedRule>> = BTreeMap::new();
    for rule in rules {
        let groups: BTreeSet<_> = rule.fields.iter().map(|&field| blueprint.group_of(field)).collect();
        for group in groups {
            by_group.entry(group).or_default().push(rule);
        }
    }
    by_group
        .into_iter()
        .filter_map(|(group, rules)| {
            let declared = &mapping.rules[rules.first()?.index];
            let fields = blueprint.fields_of(group);
            let compiled: Vec<CompiledRule> = rules
                .iter()
                .map(|rule| CompiledRule {
                    fields: rule.fields.clone(),
                    paths: rule.paths.iter().filter_map(|path| projection.position(path)).collect(),
                    lens: rule.lens.clone(),
                })
                .collect();
            let paths: BTreeSet<usize> = compiled.iter().flat_map(|rule| rule.paths.iter().copied()).collect();
            let direction = rules
                .iter()
                .fold(Direction::Bidirectional, |all, rule| all.intersect(rule.direction));
            let set = matches!((fields.as_slice(), rules.as_slice()), ([field], [rule])
                if blueprint.fields[*field].kind.is_set() && rule.paths.len() == 1);
            Some(SideGroup {
                group,
                fields,
                rules: compiled,
                paths: paths.into_iter().collect(),
                direction,
                strategy: declared.strategy.unwrap_or(mapping.strategy),
                empty: declared.empty_overwrites.unwrap_or(mapping.empty_overwrites),
                set,
            })
        })
        .collect()
}

/// What is odd about rules that share an atomic group, and so share its direction and strategy.
pub(super) fn uneven_groups(mapping: &Mapping, blueprint: &Blueprint, rules: &[ResolvedRule]) -> Vec<Finding> {
    let mut first: BTreeMap<GroupId, &ResolvedRule> = BTreeMap::new();
    let mut findings = Vec::new();
    for rule in rules.iter().filter(|rule| rule.direction != Direction::None) {
        for group in rule
            .fields
            .iter()
            .map(|&field| blueprint.group_of(field))
            .collect::<BTreeSet<_>>()
        {
            let Some(other) = first.get(&group) else {
                first.insert(group, rule);
                continue;
            };
            let (this, that) = (&mapping.rules[rule.index], &mapping.rules[other.index]);
            let name = blueprint.group_name(group);
            let here = place(rule.index, this);
            if rule.direction.intersect(other.direction) == Direction::None {
                findings.push(Finding::error(
                    here,
                    format!("the atomic group {name} flows one way here and the other way in another rule"),
                ));
            } else if rule.direction != other.direction {
                findings.push(Finding::notice(
                    here,
                    format!("the atomic group {name} is one-way as a whole, since one of its rules is"),
                ));
            } else if this.strategy != that.strategy || this.empty_overwrites != that.empty_overwrites {
                findings.push(Finding::error(
                    here,
                    format!("the rules of the atomic group {name} name different strategies; give them the same"),
                ));
            }
        }
    }
    findings
}
