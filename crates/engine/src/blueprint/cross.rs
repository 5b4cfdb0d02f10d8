//! Bringing entities to another version of their blueprint, with all that hangs on them.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::Result;
use syncline_core::lens::NoLinks;
use syncline_core::migration::{History, StepFailure};
use syncline_core::model::{Blueprint, BlueprintId, GroupId};
use syncline_core::plan;
use syncline_core::state::{Cause, Entity, Linked, Presence, SideFlags, Stamp};
use syncline_core::store::Transaction;
use syncline_core::value::Value;

use super::history::history_of;
use crate::document;
use crate::engine::Inner;
use crate::entity::{EntitySides, UniqueFields};
use crate::run::{Page, store};

/// What brings entities to one version of their blueprint.
pub(crate) struct Crosser {
    /// The version that they are brought to.
    pub(crate) blueprint: Blueprint,
    pub(crate) history: History,
    pub(crate) sides: EntitySides,
}

/// What crossing did to an entity.
#[derive(Debug, Default)]
pub(crate) struct Crossed {
    /// The groups whose values are others now.
    pub(crate) groups: Vec<GroupId>,
    /// Of how many sides the record is to be written because of it.
    pub(crate) pushes: usize,
    pub(crate) audit: Vec<AuditEntry>,
}

impl Crosser {
    /// To the current version of a blueprint.
    pub(crate) async fn open(inner: &Inner, tx: &mut dyn Transaction, blueprint: &Blueprint) -> Result<Self> {
        Ok(Self {
            history: history_of(tx, blueprint).await?,
            sides: EntitySides::load(inner, tx, blueprint).await?,
            blueprint: blueprint.clone(),
        })
    }

    /// Whether an entity is of another version.
    pub(crate) const fn is_elsewhere(&self, entity: &Entity) -> bool {
        entity.blueprint_version != self.blueprint.version
    }

    /// Whether an entity is of a version whose values the current one does not read as they are.
    pub(crate) fn is_step(&self, entity: &Entity) -> bool {
        self.is_elsewhere(entity) && self.history.is_step(entity.blueprint_version, self.blueprint.version)
    }

    /// Brings an entity over. It stays as it is when that fails.
    ///
    /// What changes is a decision only where a side has to be written because of it, and then one as old as the value
    /// that it replaces: no edit that somebody made in a CRM meanwhile loses to a migration.
    pub(crate) fn cross(&self, inner: &Inner, linked: &mut Linked, actor: &str) -> Result<Crossed, Vec<StepFailure>> {
        let (from, to) = (linked.entity.blueprint_version, self.blueprint.version);
        let mut crossed = Crossed::default();
        if from == to {
            return Ok(crossed);
        }
        let frozen: BTreeMap<GroupId, u64> = linked.entity.frozen.iter().copied().collect();
        let touched: BTreeSet<GroupId> = self
            .history
            .touched(from, to)
            .into_iter()
            .map(|place| self.blueprint.group_of(place))
            .collect();
        if let Some((group, conflict)) = frozen.iter().find(|(group, _)| touched.contains(group)) {
            return Err(vec![StepFailure {
                version: to,
                fields: vec![self.blueprint.group_name(*group)],
                reason: format!("conflict {conflict} is about it; resolve that first"),
            }]);
        }
        let mut values = linked.entity.values.clone();
        self.history.migrate(&mut values, from, to)?;
        let null = Value::Null;
        let held = |values: &[Value], place: usize| values.get(place).unwrap_or(&null).clone();
        for group in self.blueprint.group_ids() {
            let fields = self.blueprint.fields_of(group);
            let is_live = |&&place: &&usize| self.blueprint.fields.get(place).is_some_and(|field| !field.retired);
            let differs = |&place: &usize| held(&linked.entity.values, place) != held(&values, place);
            if fields.iter().filter(is_live).any(differs) {
                crossed.groups.push(group);
            }
        }
        let mut before = linked.entity.clone();
        linked.entity.values = values;
        linked.entity.blueprint_version = to;
        let behind = self.behind(linked, &crossed.groups);
        crossed.pushes = behind.values().map(BTreeSet::len).max().unwrap_or(0);
        if !behind.is_empty() {
            let after = std::mem::replace(&mut linked.entity.values, std::mem::take(&mut before.values));
            before.values.clone_from(&linked.entity.values);
            let rev = linked.entity.rev + 1;
            let mark = inner.marks.next(inner.clock.now()).0;
            for &group in behind.keys() {
                let at = match linked.entity.stamp_up_to(group, u64::MAX) {
                    i64::MIN => linked.entity.created_at.as_microsecond(),
                    at => at,
                };
                let stamp = Stamp {
                    at,
                    source: at,
                    rank: 0,
                };
                let fields = self.blueprint.fields_of(group);
                let values = fields.into_iter().map(|place| held(&after, place)).collect();
                let header = (rev, mark, Cause::Mapping, stamp);
                linked.entity.decide(&self.blueprint, group, values, header);
            }
            linked.entity.values = after;
        }
        for &group in &crossed.groups {
            let entry = AuditEntry::new(AuditKind::Decided, linked.entity.uid, 0, None);
            crossed.audit.push(
                entry
                    .values(
                        group,
                        linked.entity.rev,
                        before.group_values(&self.blueprint, group),
                        linked.entity.group_values(&self.blueprint, group),
                    )
                    .note(format!("{actor}: brought from version {from} to {to}")),
            );
        }
        Ok(crossed)
    }

    /// The groups that some side now holds another value of, with those sides, which are marked to be written.
    fn behind(&self, linked: &mut Linked, groups: &[GroupId]) -> BTreeMap<GroupId, BTreeSet<usize>> {
        let mut behind: BTreeMap<GroupId, BTreeSet<usize>> = BTreeMap::new();
        for index in 0..linked.sides.len() {
            let side = &linked.sides[index];
            let known = self.sides.active.iter().find(|known| known.sync.side == side.key.side);
            let Some(mapping) = known.map(|known| &known.mapping) else {
                continue;
            };
            if side.presence != Presence::Live {
                continue;
            }
            let is_current = side.mapping_version == mapping.version;
            let raw = plan::raw_groups(side, &mapping.groups).unwrap_or_default();
            for (place, group) in mapping.groups.iter().enumerate() {
                if !groups.contains(&group.group) || !group.direction.pushes() {
                    continue;
                }
                let observed = raw.get(place).map_or(&[][..], Vec::as_slice);
                // What was read under another mapping, or is not linked yet, is compared by the next run.
                let is_behind = !is_current
                    || plan::behind(&linked.entity, side, group, observed, &self.blueprint, &NoLinks).unwrap_or(true);
                if is_behind {
                    behind.entry(group.group).or_default().insert(index);
                }
            }
        }
        for &index in behind.values().flatten() {
            linked.sides[index].flags.set(SideFlags::PUSH);
        }
        behind
    }
}

/// How one entity fared.
pub(crate) type CrossedOrNot = Result<Crossed, Vec<StepFailure>>;

/// Brings entities over and stores those that came, in the transaction of `page`. The answers are in their order.
pub(crate) async fn cross_all(
    inner: &Inner,
    page: &mut Page,
    crosser: &Crosser,
    loaded: &mut [Linked],
    actor: &str,
) -> Result<Vec<CrossedOrNot>> {
    let mut answers = Vec::with_capacity(loaded.len());
    let before: Vec<Linked> = loaded.to_vec();
    for linked in loaded.iter_mut() {
        answers.push(crosser.cross(inner, linked, actor));
    }
    keep_unique(page, crosser, &before, loaded, &mut answers).await?;
    let mut came = Vec::new();
    for (linked, answer) in loaded.iter().zip(&mut answers) {
        if let Ok(crossed) = answer {
            page.audit.extend(std::mem::take(&mut crossed.audit));
            came.push(linked.clone());
        }
    }
    store(page.tx()?, &came).await?;
    Ok(answers)
}

/// Takes back what would make two entities hold one unique value.
async fn keep_unique(
    page: &mut Page,
    crosser: &Crosser,
    before: &[Linked],
    after: &mut [Linked],
    answers: &mut [CrossedOrNot],
) -> Result<()> {
    let blueprint = &crosser.blueprint;
    if !blueprint.fields.iter().any(|field| field.unique) {
        return Ok(());
    }
    let mut unique = UniqueFields::open(page.tx()?, blueprint).await?;
    let rows: Vec<Vec<Value>> = after.iter().map(|linked| linked.entity.values.clone()).collect();
    unique.load(page.tx()?, &rows).await?;
    for ((before, after), answer) in before.iter().zip(after).zip(answers) {
        if answer.is_err() || after.entity.deleted {
            continue;
        }
        let (id, old, new) = (after.entity.id, &before.entity.values, &after.entity.values);
        let taken = unique.taken(id, old, new).into_iter();
        let failures: Vec<StepFailure> = taken
            .map(|(place, _)| StepFailure {
                version: blueprint.version,
                fields: vec![blueprint.fields[place].name.clone()],
                reason: blueprint
                    .taken(&blueprint.fields[place], after.entity.value(place))
                    .message()
                    .to_owned(),
            })
            .collect();
        if failures.is_empty() {
            unique.change(Some(&before.entity), &after.entity);
        } else {
            *after = before.clone();
            *answer = Err(failures);
        }
    }
    Ok(())
}

/// Brings what was loaded to edit or sync it to the current version of its blueprint, and stores it so. What can't be
/// brought over stays as it is; the migration says why.
pub(crate) async fn settle(inner: &Inner, page: &mut Page, loaded: &mut [Linked]) -> Result<()> {
    let blueprints: BTreeSet<BlueprintId> = loaded.iter().map(|linked| linked.entity.blueprint).collect();
    for id in blueprints {
        let current = match page.current.get(&id) {
            Some(current) => *current,
            None => {
                let current = document::get::<Blueprint>(page.tx()?, u64::from(id))
                    .await?
                    .value
                    .version;
                page.current.insert(id, current);
                current
            }
        };
        let is_old = |linked: &&mut Linked| linked.entity.blueprint == id && linked.entity.blueprint_version != current;
        if !loaded.iter_mut().any(|linked| is_old(&linked)) {
            continue;
        }
        let blueprint = document::get::<Blueprint>(page.tx()?, u64::from(id)).await?.value;
        let history = history_of(page.tx()?, &blueprint).await?;
        let is_step = |linked: &Linked| {
            linked.entity.blueprint == id && history.is_step(linked.entity.blueprint_version, blueprint.version)
        };
        // What only has other names, or more fields, is of the current version as it is.
        for linked in loaded.iter_mut().filter(|linked| linked.entity.blueprint == id) {
            if !is_step(linked) {
                linked.entity.blueprint_version = current;
            }
        }
        let places: Vec<usize> = (0..loaded.len()).filter(|&place| is_step(&loaded[place])).collect();
        if places.is_empty() {
            continue;
        }
        let crosser = Crosser::open(inner, page.tx()?, &blueprint).await?;
        let mut old: Vec<Linked> = places.iter().map(|&place| loaded[place].clone()).collect();
        cross_all(inner, page, &crosser, &mut old, "system").await?;
        for (place, linked) in places.into_iter().zip(old) {
            loaded[place] = linked;
        }
    }
    Ok(())
}
