//! Who wins where several sides changed the same group: never by the order in which they were read (section 4).

use jiff::Timestamp;

use super::compare::same_to;
use super::decide::Table;
use super::scene::{Force, ReviewReason};
use crate::error::Result;
use crate::mapping::{Role, SideGroup, Strategy};
use crate::model::GroupId;
use crate::state::{Base, Cause, Linked, Side, Stamp};
use crate::value::Value;

impl Table<'_> {
    pub(super) fn conflict(&mut self, linked: &mut Linked, group: &SideGroup, canonical: Vec<Value>, hub: Vec<Value>) {
        let id = group.group;
        let base_rev = linked.sides[self.index].base_rev(id);
        let me = Cause::Side(self.known.mapping.side);
        let rivals: Vec<(Cause, Stamp)> = linked
            .entity
            .decisions_on(self.scene.blueprint, id)
            .filter(|(decision, value)| {
                decision.rev > base_rev
                    && decision.cause != me
                    && *value != canonical
                    && !same_to(group, value, &canonical, self.known.links)
            })
            .map(|(decision, _)| (decision.cause, decision.stamp))
            .collect();
        let (stamp, overlaps) = self.stamp(linked, id, &rivals);
        // Of a value that was there before the record was linked nobody knows since when.
        let low_confidence = overlaps || never_agreed(&linked.sides[self.index], id);
        let mine = (self.known.mapping.role, self.known.mapping.rank);
        let wins = match (self.scene.force, group.strategy) {
            _ if rivals.is_empty() => true,
            (Some(Force::Side(side)), _) => side == self.known.mapping.side,
            (Some(Force::App), _) => false,
            (None, Strategy::ManualReview) => {
                self.freeze(linked, id, canonical, hub, ReviewReason::Conflict);
                return;
            }
            // The record's stamp says nothing of a field that nobody has looked at before.
            (None, Strategy::LastWriteWins) if self.seen.added.contains(&id) => false,
            (None, Strategy::LastWriteWins) => rivals.iter().all(|(_, rival)| stamp > *rival),
            (None, Strategy::CrmWins | Strategy::CrmAuthoritative) => rivals
                .iter()
                .all(|(cause, _)| self.seat(mine, Role::Crm) > self.seat(self.rank_of(*cause), Role::Crm)),
            (None, Strategy::AppWins) => rivals
                .iter()
                .all(|(cause, _)| self.seat(mine, Role::App) > self.seat(self.rank_of(*cause), Role::App)),
            (None, Strategy::AppAuthoritative) => self.known.mapping.role == Role::App,
        };
        if wins {
            self.win(linked, group, canonical, hub, Some("won a conflict"), low_confidence);
        } else {
            let note = if low_confidence {
                "lost a conflict; low confidence"
            } else {
                "lost a conflict"
            };
            self.lose(linked, group, canonical, hub, note);
        }
    }

    pub(super) fn seat(&self, (role, rank): (Role, i32), first: Role) -> (bool, i32) {
        (role == first, rank)
    }

    pub(super) fn rank_of(&self, cause: Cause) -> (Role, i32) {
        match cause {
            Cause::Side(side) => self
                .scene
                .sides
                .get(&side)
                .map_or((Role::Crm, i32::MIN), |known| (known.mapping.role, known.mapping.rank)),
            _ => (Role::App, 0),
        }
    }

    /// The stamp of this side's edit, and whether the clocks leave its order to the rivals open.
    pub(super) fn stamp(&self, linked: &Linked, group: GroupId, rivals: &[(Cause, Stamp)]) -> (Stamp, bool) {
        let side = &linked.sides[self.index];
        let now = self.scene.now.as_microsecond();
        let source = side.stamp.map_or(now, |stamp| stamp.as_microsecond().min(now));
        let before = linked.entity.stamp_up_to(group, side.base_rev(group)).saturating_add(1);
        let stamp = Stamp {
            at: source.max(before),
            source,
            rank: self.known.mapping.rank,
        };
        let since = self.seen.previous_stamp.map_or(i64::MIN, Timestamp::as_microsecond);
        (
            stamp,
            rivals
                .iter()
                .any(|(_, rival)| rival.source >= since && rival.source <= source),
        )
    }

    /// Whether hub and canonical are the same to the side that decided last.
    pub(super) fn same_to_cause(&self, linked: &Linked, group: GroupId, canonical: &[Value], hub: &[Value]) -> bool {
        if canonical == hub {
            return true;
        }
        let Some(Cause::Side(side)) = linked.entity.last_decision(group).map(|decision| decision.cause) else {
            return false;
        };
        self.scene
            .sides
            .get(&side)
            .and_then(|known| known.mapping.group(group).map(|rules| (rules, known.links)))
            .is_some_and(|(rules, links)| same_to(rules, canonical, hub, links))
    }

    pub(super) fn merge_sets(
        &self,
        group: &SideGroup,
        base: Option<&[Value]>,
        canonical: &[Value],
        hub: &[Value],
    ) -> Result<Vec<Value>> {
        let base = base.map(|base| group.get(base, hub, self.known.links)).transpose()?;
        let merged = canonical.iter().zip(hub).enumerate().map(|(place, (mine, hub))| {
            let before = base.as_ref().map(|base| items(&base[place])).unwrap_or_default();
            let mine = items(mine);
            let mut merged: Vec<Value> = items(hub)
                .into_iter()
                .filter(|item| mine.contains(item) || !before.contains(item))
                .collect();
            for item in mine {
                if !before.contains(&item) && !merged.contains(&item) {
                    merged.push(item);
                }
            }
            merged.sort_by_key(ToString::to_string);
            if merged.is_empty() {
                Value::Null
            } else {
                Value::List(merged)
            }
        });
        Ok(merged.collect())
    }
}

fn never_agreed(side: &Side, group: GroupId) -> bool {
    side.groups.get(&group).is_some_and(|state| state.base == Base::Never)
}

fn items(value: &Value) -> Vec<Value> {
    match value {
        Value::List(list) => list.clone(),
        Value::Null => Vec::new(),
        other => vec![other.clone()],
    }
}
