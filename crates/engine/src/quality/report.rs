//! How the records of a blueprint stand with its rules.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use syncline_core::error::Result;
use syncline_core::matching::Duplicates;
use syncline_core::model::{Blueprint, FieldType, TenantId};
use syncline_core::quality::{QualityCheck, QualityRules, QualitySeverity};
use syncline_core::state::{Entity, EntityId};
use syncline_core::store::{IndexQuery, Mode, Transaction};
use syncline_core::value::Value;
use uuid::Uuid;

use super::gate::LARGEST_GROUP;
use super::rules::{Quality, stored};
use crate::actor::{Action, Actor};
use crate::document;
use crate::engine::Inner;
use crate::entity::{Definition, EntitySelection, Selection, fill_all, space_of};

/// Records that are shown for each rule.
const EXAMPLES: usize = 5;
/// Index entries read at once.
const ENTRIES: usize = 5_000;
/// Pairs of likely duplicates that are told apart from those that were counted already.
const PAIRS: usize = 1_000_000;

/// A record that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityExample {
    /// The record.
    pub uid: Uuid,
    /// The record that it is likely the same as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<Uuid>,
    /// What is wrong.
    pub message: String,
}

/// How records stand with one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityRuleReport {
    /// The rule.
    pub rule: String,
    /// What becomes of what breaks it.
    pub severity: QualitySeverity,
    /// Records that break it; pairs of records for likely duplicates.
    pub broken: u64,
    /// Some of them.
    pub examples: Vec<QualityExample>,
}

/// How the records of a blueprint stand with its rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityReport {
    /// The blueprint.
    pub blueprint: String,
    /// Records that were looked at.
    pub records: u64,
    /// Those among them that break no rule but perhaps one on likely duplicates.
    pub clean: u64,
    /// Rule by rule.
    pub rules: Vec<QualityRuleReport>,
    /// Rules that no longer fit the blueprint, and say nothing.
    pub problems: Vec<String>,
    /// Whether it was stopped before it was through.
    pub stopped: bool,
}

impl QualityReport {
    /// Whether a record breaks a rule that refuses.
    pub fn has_refused(&self) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| rule.broken > 0 && rule.severity == QualitySeverity::Refuse)
    }

    fn note(&mut self, rule: usize, example: QualityExample) {
        if let Some(rule) = self.rules.get_mut(rule) {
            rule.broken += 1;
            if rule.examples.len() < EXAMPLES {
                rule.examples.push(example);
            }
        }
    }
}

impl Quality<'_> {
    /// Holds the selected records of a blueprint against its rules, a page at a time; nothing is written but the index by
    /// which likely duplicates are found. `progress` is told how many were looked at and can stop it.
    ///
    /// # Errors
    /// As [`Quality::rules`]; [`syncline_core::ErrorKind::Invalid`] for a wrong selection.
    pub async fn report(
        &self,
        tenant: TenantId,
        blueprint: &str,
        selection: &EntitySelection,
        progress: &mut (dyn FnMut(u64) -> ControlFlow<()> + Send),
        actor: &Actor,
    ) -> Result<QualityReport> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::ReadEntities)?;
        let selection = Selection::open(inner, tenant, blueprint, selection).await?;
        let blueprint = selection.blueprint.clone();
        let (rules, problems, mut walk) = {
            let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
            let stored = stored(tx.as_mut(), &blueprint).await?;
            let rules = stored.map(|stored| stored.value.rules).unwrap_or_default();
            let (rules, problems) = QualityRules::compile_known(&rules, &blueprint);
            (rules, problems, selection.walk(tx.as_mut()).await?)
        };
        let mut report = QualityReport {
            blueprint: blueprint.name.clone(),
            records: 0,
            clean: 0,
            rules: rules
                .rules()
                .map(|rule| QualityRuleReport {
                    rule: rule.name.clone(),
                    severity: rule.severity,
                    broken: 0,
                    examples: Vec::new(),
                })
                .collect(),
            problems,
            stopped: false,
        };
        loop {
            let mut tx = inner.store.begin_for(tenant, Mode::Read).await?;
            let Some(entities) = walk.next(&selection, tx.as_mut()).await? else {
                break;
            };
            let missing = missing_references(tx.as_mut(), &blueprint, &rules, &entities).await?;
            drop(tx);
            for entity in &entities {
                report.records += 1;
                let mut is_clean = true;
                for breach in rules.breaches(&blueprint, &entity.values) {
                    is_clean = false;
                    let message = breach.message;
                    let uid = entity.uid;
                    report.note(
                        breach.rule,
                        QualityExample {
                            uid,
                            other: None,
                            message,
                        },
                    );
                }
                for (rule, message) in missing.get(&entity.id).into_iter().flatten() {
                    is_clean = false;
                    let message = message.clone();
                    let uid = entity.uid;
                    report.note(
                        *rule,
                        QualityExample {
                            uid,
                            other: None,
                            message,
                        },
                    );
                }
                report.clean += u64::from(is_clean);
            }
            if progress(report.records).is_break() {
                report.stopped = true;
                return Ok(report);
            }
        }
        for (place, rule) in rules.rules().enumerate() {
            if let QualityCheck::Duplicate { fields, likeness } = &rule.check {
                let search = Pairs {
                    fields,
                    positions: rules.fields(place),
                    duplicates: Duplicates::new(fields, *likeness),
                };
                search.find(inner, &selection, place, &mut report).await?;
            }
        }
        Ok(report)
    }
}

/// References of these entities to what is not there, by entity, with the rule and what is wrong.
async fn missing_references(
    tx: &mut dyn Transaction,
    blueprint: &Blueprint,
    rules: &QualityRules,
    entities: &[Entity],
) -> Result<BTreeMap<EntityId, Vec<(usize, String)>>> {
    let mut missing: BTreeMap<EntityId, Vec<(usize, String)>> = BTreeMap::new();
    for (place, rule) in rules.rules().enumerate() {
        let (QualityCheck::Reference { field }, [position]) = (&rule.check, rules.fields(place)) else {
            continue;
        };
        let FieldType::Reference { blueprint: wanted } = &blueprint.fields[*position].kind else {
            continue;
        };
        let named = |entity: &Entity| {
            entity
                .value(*position)
                .as_text()
                .and_then(|text| text.parse::<Uuid>().ok())
        };
        let uids: BTreeSet<Uuid> = entities.iter().filter_map(named).collect();
        let uids: Vec<Uuid> = uids.into_iter().collect();
        let numbers: Vec<EntityId> = tx
            .find_uids(blueprint.tenant, &uids)
            .await?
            .into_iter()
            .flatten()
            .collect();
        let wanted_id = document::by_key::<Blueprint>(tx, blueprint.tenant, 0, wanted)
            .await?
            .map(|found| found.id);
        let there: BTreeSet<Uuid> = tx
            .load_entities(&numbers)
            .await?
            .into_iter()
            .filter(|other| !other.deleted && wanted_id.is_none_or(|wanted| wanted == other.blueprint))
            .map(|other| other.uid)
            .collect();
        for entity in entities {
            if let Some(uid) = named(entity).filter(|uid| !there.contains(uid)) {
                let message = if rule.message.is_empty() {
                    format!("`{field}`: there is no {wanted} {uid}")
                } else {
                    rule.message.clone()
                };
                missing.entry(entity.id).or_default().push((place, message));
            }
        }
    }
    Ok(missing)
}

/// A search for pairs of likely duplicates: along an index of cheap keys, so that only neighbours are in memory.
struct Pairs<'a> {
    fields: &'a [String],
    positions: &'a [usize],
    duplicates: Duplicates,
}

impl Pairs<'_> {
    async fn find(&self, inner: &Inner, selection: &Selection, rule: usize, report: &mut QualityReport) -> Result<()> {
        let blueprint = &selection.blueprint;
        let definition = Definition::Alike {
            fields: self.fields.to_vec(),
        };
        fill_all(inner, blueprint, std::slice::from_ref(&definition)).await?;
        let mut seen: BTreeSet<(EntityId, EntityId)> = BTreeSet::new();
        let mut query = IndexQuery {
            space: 0,
            from: Vec::new(),
            until: None,
            after: None,
            descending: false,
            limit: ENTRIES,
        };
        // The last key of a chunk may go on in the next.
        let mut open: (Vec<u8>, Vec<EntityId>) = (Vec::new(), Vec::new());
        loop {
            let mut tx = inner.store.begin_for(blueprint.tenant, Mode::Read).await?;
            let Some(space) = space_of(tx.as_mut(), blueprint, &definition).await? else {
                return Ok(());
            };
            query.space = space.id;
            let entries = tx.find_index(&query).await?;
            let is_last = entries.len() < ENTRIES;
            let mut groups: Vec<Vec<EntityId>> = Vec::new();
            for entry in &entries {
                if entry.sort != open.0 {
                    groups.push(std::mem::take(&mut open.1));
                    open.0.clone_from(&entry.sort);
                }
                // One more than is compared shows that there are too many.
                if open.1.len() <= LARGEST_GROUP {
                    open.1.push(entry.entity);
                }
            }
            if is_last {
                groups.push(std::mem::take(&mut open.1));
            }
            groups.retain(|group| (2..=LARGEST_GROUP).contains(&group.len()));
            let ids: BTreeSet<EntityId> = groups.iter().flatten().copied().collect();
            let loaded = tx.load_entities(&ids.into_iter().collect::<Vec<_>>()).await?;
            drop(tx);
            let loaded: BTreeMap<EntityId, Entity> = loaded.into_iter().map(|entity| (entity.id, entity)).collect();
            for group in &groups {
                let members: Vec<&Entity> = group.iter().filter_map(|entity| loaded.get(entity)).collect();
                self.compare(selection, &members, rule, &mut seen, report)?;
            }
            match entries.into_iter().last() {
                Some(last) if !is_last => query.after = Some((last.sort, last.entity)),
                _ => return Ok(()),
            }
        }
    }

    fn compare(
        &self,
        selection: &Selection,
        members: &[&Entity],
        rule: usize,
        seen: &mut BTreeSet<(EntityId, EntityId)>,
        report: &mut QualityReport,
    ) -> Result<()> {
        let picked = |entity: &Entity| -> Vec<Value> {
            let positions = self.positions.iter();
            positions.map(|position| entity.value(*position).clone()).collect()
        };
        for (place, one) in members.iter().enumerate() {
            for other in &members[place + 1..] {
                let pair = (one.id.min(other.id), one.id.max(other.id));
                if seen.contains(&pair) {
                    continue;
                }
                let Some(likeness) = self.duplicates.likeness(&picked(one), &picked(other)) else {
                    continue;
                };
                if !selection.fits(one)? && !selection.fits(other)? {
                    continue;
                }
                if seen.len() < PAIRS {
                    seen.insert(pair);
                }
                let message = format!("{:.0} % alike in {}", likeness * 100.0, self.fields.join(", "));
                report.note(
                    rule,
                    QualityExample {
                        uid: one.uid,
                        other: Some(other.uid),
                        message,
                    },
                );
            }
        }
        Ok(())
    }
}
