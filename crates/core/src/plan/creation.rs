//! First creations by the page: what [`super::observe`] makes of records that nobody knows yet, written straight from
//! their bytes into those that stores keep. Nothing is decided here that is not decided there: a record about which
//! there is more to say is left to it, and a test holds the two against each other.

use std::ops::Range;

use uuid::Uuid;

use super::{Force, Observation, Scene, SceneSide};
use crate::error::Result;
use crate::glimpse::Glimpse;
use crate::mapping::{Role, SideGroup, Strategy};
use crate::model::{FieldType, GroupId};
use crate::state::{Actor, Cause, CreatedPage, Decision, Entity, EntityId, SideId, SideKey, Stamp, put_lone_decision};
use crate::value::{Value, content_hash, encode_null};

/// Plans the first creations of one page.
#[derive(Debug)]
pub struct Creations<'s> {
    scene: &'s Scene<'s>,
    known: SceneSide<'s>,
    /// Positions of fields that a record must not leave empty.
    required: Vec<usize>,
    /// Where each value of the row at hand lies.
    places: Vec<Range<usize>>,
    /// For each field of the blueprint, where its value comes from.
    cells: Vec<Cell>,
    /// Values that did not pass through as they are.
    made: Vec<u8>,
    decided: Vec<GroupId>,
}

#[derive(Debug, Clone)]
enum Cell {
    Null,
    Row(Range<usize>),
    Made(Range<usize>),
}

impl<'s> Creations<'s> {
    /// The planner for a side's page, unless its mapping or this run asks for more than taking values in.
    pub fn new(scene: &'s Scene<'s>, side: SideId) -> Option<Self> {
        let known = *scene.sides.get(&side)?;
        let forced_away = match scene.force {
            Some(Force::Side(forced)) => forced != side,
            Some(Force::App) => true,
            None => false,
        };
        let takes_in = |group: &SideGroup| {
            let app_decides = scene.force.is_none()
                && group.strategy == Strategy::AppAuthoritative
                && known.mapping.role == Role::Crm;
            group.direction.pulls() && !app_decides
        };
        // Whether a value is free depends on the records before it.
        let asks_for_values = scene.unique.is_some() && scene.blueprint.fields.iter().any(|field| field.unique);
        if asks_for_values
            || scene.blueprint.has_computed()
            || forced_away
            || !scene.direction.pulls()
            || !known.mapping.groups.iter().all(takes_in)
        {
            return None;
        }
        let fields = scene.blueprint.fields.iter().enumerate();
        let required = fields.filter(|(_, field)| field.required && field.default.is_none());
        Some(Self {
            scene,
            known,
            required: required.map(|(position, _)| position).collect(),
            places: Vec::new(),
            cells: Vec::new(),
            made: Vec::new(),
            decided: Vec::new(),
        })
    }

    /// The page to which records are added. `template` is a new entity of the blueprint, as [`Entity::new`] makes it.
    pub fn page<'r>(&self, template: Entity, observed_at: crate::io::Mark) -> CreatedPage<'r> {
        let mapping = self.known.mapping;
        let entity = Entity {
            updated_at: self.scene.now,
            updated_by: Actor(mapping.label.clone()),
            ..template
        };
        let key = SideKey {
            entity: 0,
            side: mapping.side,
            slot: mapping.slot,
        };
        CreatedPage::new(entity, key, mapping.version, observed_at.0)
    }

    /// Adds a record to the page; false if it has to be planned by [`super::observe`].
    pub fn take<'r>(
        &mut self,
        id: EntityId,
        uid: Uuid,
        ext: &'r str,
        observation: &Observation<'r>,
        page: &mut CreatedPage<'r>,
    ) -> bool {
        if !self.fill(observation.encoded).unwrap_or(false) {
            return false;
        }
        let (now, stamp) = (self.scene.now.as_microsecond(), observation.stamp);
        let source = stamp.map_or(now, |stamp| stamp.as_microsecond().min(now));
        let decision = Decision {
            rev: 1,
            mark: self.scene.mark,
            cause: Cause::Side(self.known.mapping.side),
            stamp: Stamp {
                at: source,
                source,
                rank: self.known.mapping.rank,
            },
            groups: Vec::new(),
        };
        let hash = content_hash(observation.encoded);
        page.push_with(
            (id, uid, ext),
            (stamp, hash, observation.encoded),
            |out| self.put_values(observation.encoded, out),
            |out| put_lone_decision(&decision, &self.decided, out),
        );
        true
    }

    /// Finds every field's value; false when something about the row is not plain.
    fn fill(&mut self, row: &[u8]) -> Result<bool> {
        self.places.clear();
        self.made.clear();
        self.decided.clear();
        self.cells.clear();
        self.cells.resize(self.scene.blueprint.fields.len(), Cell::Null);
        let mut rest = row;
        while !rest.is_empty() {
            let start = row.len() - rest.len();
            Value::skip(&mut rest)?;
            self.places.push(start..row.len() - rest.len());
        }
        let mapping = self.known.mapping;
        for group in &mapping.groups {
            let filled = match plain(group) {
                Some((field, path)) => match self.keep(group, field, path, row) {
                    Some(filled) => filled,
                    None => self.make(group, row)?,
                },
                None => self.make(group, row)?,
            };
            if filled {
                self.decided.push(group.group);
            }
        }
        let complete = self
            .required
            .iter()
            .all(|&position| !matches!(self.cells[position], Cell::Null));
        Ok(complete && !self.decided.is_empty())
    }

    /// Lets a value pass as it is, and says whether it is set; `None` when its lens has to be asked.
    fn keep(&mut self, group: &SideGroup, field: usize, path: usize, row: &[u8]) -> Option<bool> {
        let place = self.places.get(path)?.clone();
        let encoded = &row[place.clone()];
        let glimpse = Glimpse::of(encoded);
        if glimpse == Glimpse::Other || !group.rules.first()?.lens.keeps(encoded) {
            return None;
        }
        if glimpse.is_empty() {
            return Some(false);
        }
        match (&self.scene.blueprint.fields.get(field)?.kind, glimpse) {
            (FieldType::Choice { choices }, Glimpse::Text(text)) if !choices.is_empty() => {
                choices.iter().find(|choice| choice.value.as_bytes() == text)?;
            }
            (FieldType::Choice { choices } | FieldType::MultiChoice { choices }, _) if !choices.is_empty() => {
                return None;
            }
            _ => {}
        }
        self.cells[field] = Cell::Row(place);
        Some(true)
    }

    /// Reads a group through its lenses, and says whether anything is set.
    fn make(&mut self, group: &SideGroup, row: &[u8]) -> Result<bool> {
        let mut raw = Vec::with_capacity(group.paths.len());
        for &path in &group.paths {
            let value = self
                .places
                .get(path)
                .map(|place| Value::decode(&mut &row[place.clone()]));
            raw.push(value.transpose()?.unwrap_or_default());
        }
        let mut values = group.get(&raw, &[], self.known.links)?;
        for (value, &field) in values.iter_mut().zip(&group.fields) {
            if let Some(field) = self.scene.blueprint.fields.get(field) {
                *value = self.scene.blueprint.check_value(field, std::mem::take(value))?;
            }
        }
        if values.iter().all(Value::is_empty) {
            return Ok(false);
        }
        for (value, &field) in values.iter().zip(&group.fields) {
            let start = self.made.len();
            value.encode(&mut self.made);
            if !matches!(value, Value::Null)
                && let Some(cell) = self.cells.get_mut(field)
            {
                *cell = Cell::Made(start..self.made.len());
            }
        }
        Ok(true)
    }

    fn put_values(&self, row: &[u8], out: &mut Vec<u8>) {
        for cell in &self.cells {
            match cell {
                Cell::Null => encode_null(out),
                Cell::Row(place) => out.extend_from_slice(&row[place.clone()]),
                Cell::Made(place) => out.extend_from_slice(&self.made[place.clone()]),
            }
        }
    }
}

/// Field and path of a group that has one of each.
fn plain(group: &SideGroup) -> Option<(usize, usize)> {
    match (group.fields.as_slice(), group.paths.as_slice(), group.rules.as_slice()) {
        ([field], [path], [rule]) if rule.fields.len() == 1 && rule.paths.len() == 1 => Some((*field, *path)),
        _ => None,
    }
}
