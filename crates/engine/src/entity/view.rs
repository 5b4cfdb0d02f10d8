//! Entities with names instead of numbers.

use serde_json::Map;
use syncline_core::migration::History;
use syncline_core::model::{Blueprint, PRESENCE};
use syncline_core::state::{Linked, Presence, Side, SideFlags};

use super::model::{EntityConflict, EntityLink, EntityView};
use crate::sync::Sync;

/// What the numbers in an entity stand for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntityNames<'a> {
    pub(crate) blueprint: &'a Blueprint,
    /// Its versions, by which entities are read that were not brought to the current one; `None` where there are none.
    pub(crate) history: Option<&'a History>,
    pub(crate) syncs: &'a [Sync],
}

impl EntityNames<'_> {
    /// An entity as the app sees it.
    pub(crate) fn view(&self, linked: &Linked) -> EntityView {
        let entity = &linked.entity;
        let own = self
            .history
            .filter(|_| entity.blueprint_version != self.blueprint.version)
            .and_then(|history| history.blueprint(entity.blueprint_version));
        let mut values = Map::new();
        for (position, field) in own.as_ref().unwrap_or(self.blueprint).live_fields() {
            values.insert(field.name.clone(), entity.value(position).to_json());
        }
        let failed = if self.blueprint.has_computed() {
            self.blueprint.compute(&mut entity.values.clone()).failed
        } else {
            Vec::new()
        };
        EntityView {
            findings: failed
                .into_iter()
                .map(|(place, reason)| format!("`{}` can't be computed: {reason}", self.blueprint.fields[place].name))
                .collect(),
            uid: entity.uid,
            number: entity.id,
            blueprint: self.blueprint.name.clone(),
            version: entity.blueprint_version,
            rev: entity.rev,
            deleted: entity.deleted,
            values,
            created_at: entity.created_at,
            updated_at: entity.updated_at,
            updated_by: entity.updated_by.0.clone(),
            conflicts: entity
                .frozen
                .iter()
                .map(|&(group, conflict)| EntityConflict {
                    conflict,
                    fields: if group == PRESENCE {
                        Vec::new()
                    } else {
                        self.fields_of(group)
                    },
                })
                .collect(),
            links: linked.sides.iter().filter_map(|side| self.link(side)).collect(),
        }
    }

    /// Names of a group's fields.
    pub(crate) fn fields_of(&self, group: u16) -> Vec<String> {
        self.blueprint
            .fields_of(group)
            .into_iter()
            .map(|field| self.blueprint.fields[field].name.clone())
            .collect()
    }

    fn link(&self, side: &Side) -> Option<EntityLink> {
        let sync = self.syncs.iter().find(|sync| sync.side == side.key.side)?;
        let refused = side
            .groups
            .iter()
            .filter_map(|(group, state)| Some((group, state.quarantine.as_ref()?)))
            .map(|(group, quarantine)| (self.blueprint.group_name(*group), quarantine.error.clone()))
            .collect();
        Some(EntityLink {
            sync: sync.id,
            sync_name: sync.name.clone(),
            side: side.key.side,
            connection: sync.connection,
            object: sync.mapping.object.clone(),
            // An id that is kept from before a record is created anew is no record.
            record: side.ext.clone().filter(|_| side.presence != Presence::NeverSeen),
            presence: side.presence.clone(),
            changed_at: side.stamp,
            push_due: side.flags.has(SideFlags::PUSH),
            read_due: side.flags.has(SideFlags::READ) || side.dirty_seq > 0,
            held: side.flags.has(SideFlags::HELD),
            failed: side.flags.has(SideFlags::FAILED),
            refused,
        })
    }
}
