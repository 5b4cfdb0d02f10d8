//! The migration that makes one blueprint of another, as far as that can be guessed: a person has the last word.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::difference::{Difference, of_field};
use super::rule::{FieldSettings, Migration, MigrationRule};
use crate::mapping::likeness_of;
use crate::model::{Blueprint, Field, FieldChoice, FieldType, Finding};

/// A proposed migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// The rules.
    pub migration: Migration,
    /// What was guessed, and what a person should look at before they take it.
    pub findings: Vec<Finding>,
}

/// The migration from a blueprint to these fields and groups, where only names tell which field is which.
pub fn propose(before: &Blueprint, wanted: &[Field], groups: &[Vec<String>]) -> Proposal {
    let mut pairs = BTreeMap::new();
    for (place, field) in before.live_fields() {
        if let Some(index) = wanted.iter().position(|wanted| wanted.name == field.name) {
            pairs.insert(place, index);
        }
    }
    proposal(before, wanted, groups, pairs)
}

/// The migration from one version of a blueprint to another. Places tell which field is which.
pub fn propose_between(before: &Blueprint, after: &Blueprint) -> Proposal {
    let wanted: Vec<(usize, Field)> = after
        .live_fields()
        .map(|(place, field)| (place, field.clone()))
        .collect();
    let mut pairs = BTreeMap::new();
    for (index, (place, _)) in wanted.iter().enumerate() {
        if before.fields.get(*place).is_some_and(|field| !field.retired) {
            pairs.insert(*place, index);
        }
    }
    let fields: Vec<Field> = wanted.into_iter().map(|(_, field)| field).collect();
    proposal(before, &fields, &after.groups, pairs)
}

fn proposal(
    before: &Blueprint,
    wanted: &[Field],
    groups: &[Vec<String>],
    mut pairs: BTreeMap<usize, usize>,
) -> Proposal {
    let mut rules = Vec::new();
    let mut findings = Vec::new();
    let taken: BTreeSet<usize> = pairs.values().copied().collect();
    let mut gone: Vec<usize> = before
        .live_fields()
        .map(|(place, _)| place)
        .filter(|place| !pairs.contains_key(place))
        .collect();
    let mut new: Vec<usize> = (0..wanted.len()).filter(|index| !taken.contains(index)).collect();
    reshape(before, wanted, &mut gone, &mut new, &mut rules, &mut findings);
    for (place, index) in renamed(before, wanted, &gone, &new) {
        gone.retain(|&other| other != place);
        new.retain(|&other| other != index);
        findings.push(Finding::notice(
            &wanted[index].name,
            format!(
                "taken for a new name of `{}`; drop one and add the other if it is another field",
                before.fields[place].name
            ),
        ));
        pairs.insert(place, index);
    }
    for place in gone {
        let field = before.fields[place].name.clone();
        findings.push(Finding::notice(&field, "it is given up; its values are kept aside"));
        rules.push(MigrationRule::Drop { field });
    }
    renames(before, wanted, &pairs, &mut rules);
    for (&place, &index) in &pairs {
        change(&before.fields[place], &wanted[index], &mut rules, &mut findings);
    }
    rules.extend(new.into_iter().map(|index| MigrationRule::Add {
        field: wanted[index].clone(),
    }));
    let renamed = |name: &String| {
        let index = before.position(name).and_then(|place| pairs.get(&place));
        index.map_or_else(|| name.clone(), |&index| wanted[index].name.clone())
    };
    let known: Vec<Vec<String>> = before
        .groups
        .iter()
        .map(|group| group.iter().map(renamed).collect())
        .collect();
    for group in groups.iter().filter(|group| !known.contains(group)) {
        rules.push(MigrationRule::Group { fields: group.clone() });
    }
    Proposal {
        migration: Migration::new(rules),
        findings,
    }
}

/// Renames in an order in which no name is taken; those that go round in a circle go by way of a name of their own.
fn renames(before: &Blueprint, wanted: &[Field], pairs: &BTreeMap<usize, usize>, rules: &mut Vec<MigrationRule>) {
    let mut open: Vec<(String, String)> = pairs
        .iter()
        .map(|(&place, &index)| (before.fields[place].name.clone(), wanted[index].name.clone()))
        .filter(|(from, to)| from != to)
        .collect();
    while !open.is_empty() {
        let free = open.iter().position(|(_, to)| open.iter().all(|(from, _)| from != to));
        match free {
            Some(index) => {
                let (field, to) = open.remove(index);
                rules.push(MigrationRule::Rename { field, to });
            }
            None => {
                let by_way = format!("{}_before", open[0].0);
                let field = std::mem::replace(&mut open[0].0, by_way.clone());
                rules.push(MigrationRule::Rename { field, to: by_way });
            }
        }
    }
}

/// What a field becomes that is the same on both sides.
fn change(before: &Field, after: &Field, rules: &mut Vec<MigrationRule>, findings: &mut Vec<Finding>) {
    for difference in of_field(before, after) {
        match difference {
            Difference::Retyped { field, from, to } => {
                let choices = match (&from, &to) {
                    (FieldType::Choice { choices: old }, FieldType::Choice { choices: new })
                    | (FieldType::MultiChoice { choices: old }, FieldType::MultiChoice { choices: new }) => {
                        Some((old, new))
                    }
                    _ => None,
                };
                rules.push(match choices {
                    Some((old, new)) => MigrationRule::MapChoices {
                        map: mapped(&field, old, new, findings),
                        field,
                        choices: new.clone(),
                    },
                    None => MigrationRule::Retype {
                        field,
                        to,
                        or_empty: false,
                    },
                });
            }
            Difference::Settings { field, set } => rules.push(MigrationRule::Settings {
                field,
                set: FieldSettings { ..set },
            }),
            _ => {}
        }
    }
}

fn mapped(
    field: &str,
    old: &[FieldChoice],
    new: &[FieldChoice],
    findings: &mut Vec<Finding>,
) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    if new.is_empty() {
        return map;
    }
    for choice in old
        .iter()
        .filter(|choice| !new.iter().any(|new| new.value == choice.value))
    {
        let same_label = |new: &&FieldChoice| {
            new.label.eq_ignore_ascii_case(&choice.label) || new.value.eq_ignore_ascii_case(&choice.value)
        };
        match new.iter().find(same_label) {
            Some(found) => {
                map.insert(choice.value.clone(), found.value.clone());
            }
            None => findings.push(Finding::notice(
                field,
                format!("`{}` is no choice any more; say in `map` what it becomes", choice.value),
            )),
        }
    }
    map
}

/// Fields that went and fields that came that are likely the same under another name.
fn renamed(before: &Blueprint, wanted: &[Field], gone: &[usize], new: &[usize]) -> Vec<(usize, usize)> {
    let mut candidates: Vec<(f64, usize, usize)> = Vec::new();
    for &place in gone {
        for &index in new {
            let (old, now) = (&before.fields[place], &wanted[index]);
            if old.kind.label() != now.kind.label() {
                continue;
            }
            let same_label = old.label.eq_ignore_ascii_case(&now.label);
            let alone = gone.len() == 1 && new.len() == 1;
            let score = if same_label {
                1.0
            } else {
                likeness_of(&old.name, &now.name)
            };
            if score >= 0.75 || alone {
                candidates.push((score, place, index));
            }
        }
    }
    candidates.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (_, place, index) in candidates {
        if !pairs.iter().any(|&(one, other)| one == place || other == index) {
            pairs.push((place, index));
        }
    }
    pairs
}

/// A text whose name is the end of the names of several new ones was split into them, and the other way round.
fn reshape(
    before: &Blueprint,
    wanted: &[Field],
    gone: &mut Vec<usize>,
    new: &mut Vec<usize>,
    rules: &mut Vec<MigrationRule>,
    findings: &mut Vec<Finding>,
) {
    let is_part =
        |part: &str, whole: &str| part.ends_with(&format!("_{whole}")) || part.starts_with(&format!("{whole}_"));
    for place in gone.clone() {
        let whole = &before.fields[place];
        let parts: Vec<usize> = new
            .iter()
            .copied()
            .filter(|&index| is_part(&wanted[index].name, &whole.name))
            .collect();
        if parts.len() >= 2 {
            let into: Vec<Field> = parts.iter().map(|&index| wanted[index].clone()).collect();
            findings.push(guessed(&whole.name, "split"));
            rules.push(MigrationRule::Split {
                field: whole.name.clone(),
                into,
                by: " ".to_owned(),
                from_end: false,
            });
            gone.retain(|&other| other != place);
            new.retain(|index| !parts.contains(index));
        }
    }
    for index in new.clone() {
        let whole = &wanted[index];
        let parts: Vec<usize> = gone
            .iter()
            .copied()
            .filter(|&place| is_part(&before.fields[place].name, &whole.name))
            .collect();
        if parts.len() >= 2 {
            findings.push(guessed(&whole.name, "joined"));
            rules.push(MigrationRule::Join {
                fields: parts.iter().map(|&place| before.fields[place].name.clone()).collect(),
                into: whole.clone(),
                by: " ".to_owned(),
            });
            gone.retain(|place| !parts.contains(place));
            new.retain(|&other| other != index);
        }
    }
}

fn guessed(field: &str, what: &str) -> Finding {
    Finding::notice(
        field,
        format!("guessed from the names that it is {what} at spaces; say otherwise in the rule if it is not"),
    )
}
