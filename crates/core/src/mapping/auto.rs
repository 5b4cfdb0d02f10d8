use std::collections::BTreeMap;

use super::builtin::{is_custom, why_noise};
use super::closed_list::{ListPlan, choices_of, plan};
use super::likely_pair::{Target, likelihood};
use super::match_keys::match_keys;
use super::names::{key, snake_case};
use super::standard::{self, StandardBlueprint};
use super::steps::steps;
use super::{Direction, LeftOut, Mapping, Proposal, ProposedRule, RowSample, Rule};
use crate::model::{Blueprint, Field, FieldType};
use crate::schema::{FieldKind, FieldSchema, ObjectSchema};

/// Least confidence of a rule that is proposed.
const LEAST: f64 = 0.5;

/// Confidence of a rule for a field that is added to the blueprint for it.
const ADDED: f64 = 0.8;

/// Proposes a mapping of an object, from names, labels, types, known synonyms and sample values.
///
/// Without a blueprint, or with a standard one, fields that it lacks are proposed too: the standard ones
/// ([`super::standard_blueprint`]) and those that customers made. With any other blueprint only its own fields are
/// mapped. Fields of the CRM's own housekeeping are left out, and the field for our unique key becomes the marker.
pub fn propose(
    blueprint: Option<&Blueprint>,
    schema: &ObjectSchema,
    provider: &str,
    samples: &[RowSample],
) -> Proposal {
    let by_object = || standard::for_object(&schema.object.name).or_else(|| standard::for_object(&schema.object.label));
    let standard = blueprint
        .and_then(|blueprint| standard::named(&blueprint.name))
        .or_else(by_object);
    let name = blueprint.map_or_else(
        || standard.map_or_else(|| snake_case(&schema.object.name), |standard| standard.name.to_owned()),
        |blueprint| blueprint.name.clone(),
    );
    let mut work = Work {
        schema,
        provider,
        samples,
        standard,
        may_add: may_add(blueprint, standard),
        mapping: Mapping::new(name, schema.object.name.as_str()),
        targets: targets(blueprint, standard),
        rules: BTreeMap::new(),
        left_out: BTreeMap::new(),
        notes: Vec::new(),
    };
    work.find_marker();
    work.leave_out_noise();
    work.map_likely_pairs();
    work.add_fields();
    work.finish()
}

fn may_add(blueprint: Option<&Blueprint>, standard: Option<&StandardBlueprint>) -> bool {
    let Some(blueprint) = blueprint.filter(|blueprint| !blueprint.fields.is_empty()) else {
        return true;
    };
    standard.is_none_or(|standard| {
        standard.name == blueprint.name
            || standard
                .fields
                .iter()
                .filter(|field| blueprint.position(field.name).is_some())
                .count()
                >= 3
    })
}

fn targets(blueprint: Option<&Blueprint>, standard: Option<&'static StandardBlueprint>) -> Vec<Target> {
    let standard_fields = standard.map_or(&[][..], |standard| standard.fields);
    let mut targets: Vec<Target> = blueprint
        .into_iter()
        .flat_map(Blueprint::live_fields)
        .map(|(_, field)| {
            let exact = standard_fields.iter().find(|standard| standard.name == field.name);
            let word = key(&field.name);
            Target {
                field: field.clone(),
                exists: true,
                standard: exact.or_else(|| standard_fields.iter().find(|standard| standard.rank(&word).is_some())),
            }
        })
        .collect();
    if may_add(blueprint, standard) {
        for standard in standard_fields {
            // A field of the blueprint that goes by this one's words takes its place.
            let taken = targets
                .iter()
                .any(|target| target.standard.is_some_and(|other| other.name == standard.name));
            if !taken {
                targets.push(Target {
                    field: standard.field(),
                    exists: false,
                    standard: Some(standard),
                });
            }
        }
    }
    targets
}

struct Work<'a> {
    schema: &'a ObjectSchema,
    provider: &'a str,
    samples: &'a [RowSample],
    standard: Option<&'static StandardBlueprint>,
    may_add: bool,
    mapping: Mapping,
    targets: Vec<Target>,
    /// By position of the remote field, with the position of the target.
    rules: BTreeMap<usize, (usize, ProposedRule)>,
    /// By position of the remote field.
    left_out: BTreeMap<usize, String>,
    notes: Vec<String>,
}

impl Work<'_> {
    fn find_marker(&mut self) {
        let ours = |field: &&FieldSchema| {
            let names = [key(&field.path), key(&field.label)];
            field.external_id
                && field.creatable
                && names.iter().any(|name| name == "externalid" || name == "synclineid")
        };
        if let Some(field) = self.schema.fields.iter().find(ours) {
            self.mapping.marker = Some(field.path.clone());
            self.notes.push(format!(
                "`{}` carries our unique key, so that a create sent twice makes one record.",
                field.path
            ));
        }
    }

    fn leave_out_noise(&mut self) {
        for (index, field) in self.schema.fields.iter().enumerate() {
            if self.mapping.marker.as_ref() == Some(&field.path) {
                self.left_out.insert(index, "it carries our unique key".to_owned());
            } else if let Some(why) = why_noise(field) {
                self.left_out.insert(index, why.to_owned());
            }
        }
    }

    fn map_likely_pairs(&mut self) {
        let mut pairs = Vec::new();
        for (index, remote) in self.schema.fields.iter().enumerate() {
            if self.left_out.contains_key(&index) {
                continue;
            }
            for (place, target) in self.targets.iter().enumerate() {
                if let Some((confidence, reason)) = likelihood(target, remote, self.samples) {
                    pairs.push((confidence, index, place, reason));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
        let mut used = vec![false; self.targets.len()];
        for (confidence, index, place, reason) in pairs {
            if used[place] || self.rules.contains_key(&index) || self.left_out.contains_key(&index) {
                continue;
            }
            if confidence < LEAST {
                self.left_out.insert(
                    index,
                    format!(
                        "it may be `{}`, but that is not likely enough ({reason})",
                        self.targets[place].field.name
                    ),
                );
                continue;
            }
            if self.propose_rule(index, place, confidence, reason) {
                used[place] = true;
            }
        }
    }

    /// Adds fields to the blueprint for what customers made, and for everything of an object that no CRM has by itself.
    fn add_fields(&mut self) {
        for (index, remote) in self.schema.fields.iter().enumerate() {
            if self.rules.contains_key(&index) || self.left_out.contains_key(&index) {
                continue;
            }
            let wanted = self.standard.is_none() || is_custom(self.provider, self.schema, remote);
            let name = snake_case(&remote.path);
            let taken = self.targets.iter().enumerate().any(|(place, target)| {
                target.field.name == name && (target.exists || self.rules.values().any(|(used, _)| *used == place))
            });
            let why = match new_field(&name, remote) {
                _ if !wanted => "no field of the blueprint corresponds to it; add a rule if you need it".to_owned(),
                _ if !self.may_add => "the blueprint has no such field; add one and a rule if you need it".to_owned(),
                _ if taken => format!("the blueprint has another field `{name}` already"),
                Err(why) => why,
                Ok(field) => {
                    self.targets.push(Target {
                        field,
                        exists: false,
                        standard: None,
                    });
                    let place = self.targets.len() - 1;
                    self.propose_rule(
                        index,
                        place,
                        ADDED,
                        "a field of its own is added to the blueprint".to_owned(),
                    );
                    continue;
                }
            };
            self.left_out.insert(index, why);
        }
    }

    fn propose_rule(&mut self, index: usize, place: usize, confidence: f64, mut reason: String) -> bool {
        let (remote, target) = (&self.schema.fields[index], &mut self.targets[place]);
        let mut rule = Rule::new(target.field.name.as_str(), remote.path.as_str());
        if !target.exists
            && let FieldType::Choice { choices } | FieldType::MultiChoice { choices } = &mut target.field.kind
        {
            *choices = choices_of(self.provider, remote);
        }
        let mut lenses = steps(&target.field.kind, remote, self.provider, self.samples);
        match plan(&target.field.kind, self.provider, remote) {
            ListPlan::Plain => {}
            ListPlan::Table(table) => {
                lenses = vec![table];
                reason.push_str("; its choices are told by their labels");
            }
            ListPlan::ReadOnly(why) => {
                rule.direction = Direction::Pull;
                reason.push_str("; ");
                reason.push_str(&why);
            }
            ListPlan::Person(why) => {
                self.left_out.insert(index, why);
                return false;
            }
        }
        if remote.kind == FieldKind::Html && !lenses.is_empty() {
            rule.direction = Direction::Pull;
            reason.push_str("; HTML is read as text and not written");
        }
        for lens in lenses {
            rule = rule.lens(lens);
        }
        let proposed = ProposedRule {
            rule,
            confidence,
            reason,
        };
        self.rules.insert(index, (place, proposed));
        true
    }

    fn finish(mut self) -> Proposal {
        let mut rules: Vec<(usize, ProposedRule)> = std::mem::take(&mut self.rules).into_values().collect();
        rules.sort_by_key(|(place, _)| *place);
        let new_fields: Vec<Field> = rules
            .iter()
            .map(|(place, _)| &self.targets[*place])
            .filter(|target| !target.exists)
            .map(|target| target.field.clone())
            .collect();
        let rules: Vec<ProposedRule> = rules.into_iter().map(|(_, rule)| rule).collect();
        self.mapping.rules = rules.iter().map(|proposed| proposed.rule.clone()).collect();
        let kind = self
            .standard
            .map_or(self.mapping.blueprint.as_str(), |standard| standard.name);
        let (keys, notes) = match_keys(kind, &rules, self.schema, self.samples);
        self.mapping.match_keys = keys;
        self.notes.extend(notes);
        self.decide_creation();
        let left_out = self
            .left_out
            .into_iter()
            .map(|(index, reason)| LeftOut {
                remote: self.schema.fields[index].path.clone(),
                reason,
            })
            .collect();
        Proposal {
            mapping: self.mapping,
            new_fields,
            rules,
            left_out,
            notes: self.notes,
        }
    }

    fn decide_creation(&mut self) {
        let filled = |field: &FieldSchema| {
            self.mapping
                .rules
                .iter()
                .any(|rule| rule.direction.pushes() && rule.remote.contains(&field.path))
                || self.mapping.marker.as_ref() == Some(&field.path)
        };
        let missing = self
            .schema
            .fields
            .iter()
            .find(|field| field.required && field.creatable && !filled(field));
        if let Some(field) = missing {
            self.mapping.create_in_crm = false;
            self.notes.push(format!(
                "New entities are not created in the CRM, which requires `{}`: map it and switch `create_in_crm` on.",
                field.path
            ));
        } else if key(&self.schema.object.name) == "lead" {
            self.mapping.create_in_crm = false;
            self.notes
                .push("New people are not created as leads: they would be contacts and leads at once.".to_owned());
        }
    }
}

fn new_field(name: &str, remote: &FieldSchema) -> Result<Field, String> {
    let kind = match remote.kind {
        FieldKind::Text => FieldType::Text,
        FieldKind::LongText | FieldKind::Html => FieldType::LongText,
        FieldKind::Integer => FieldType::Integer,
        FieldKind::Decimal | FieldKind::Money | FieldKind::Percent => FieldType::Decimal,
        FieldKind::Bool => FieldType::Bool,
        FieldKind::Date => FieldType::Date,
        FieldKind::DateTime => FieldType::DateTime,
        FieldKind::Choice => FieldType::Choice { choices: Vec::new() },
        FieldKind::MultiChoice => FieldType::MultiChoice { choices: Vec::new() },
        FieldKind::Email => FieldType::Email,
        FieldKind::Phone => FieldType::Phone,
        FieldKind::Url => FieldType::Url,
        FieldKind::Reference => match remote.references.as_slice() {
            [object] => FieldType::Reference {
                blueprint: standard::for_object(object)
                    .map_or_else(|| snake_case(object), |known| known.name.to_owned()),
            },
            _ => return Err("it may point to several objects; add a rule that says to which".to_owned()),
        },
        FieldKind::Id | FieldKind::Other => return Err("its type has no counterpart".to_owned()),
    };
    let mut field = Field::new(name, kind);
    field.label.clone_from(&remote.label);
    Ok(field)
}
