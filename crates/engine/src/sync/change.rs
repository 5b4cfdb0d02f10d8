//! What saving a sync again changes, and what therefore has to be read.

use serde::{Deserialize, Serialize};
use syncline_core::mapping::{Direction, Mapping, SideMapping};
use syncline_core::model::Blueprint;
use syncline_core::schema::ObjectSchema;

use super::Sync;
use crate::engine::Inner;
use crate::run::{compile_sync, same_rules};

/// What saving a sync changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncChange {
    /// It is new: its first run reads everything.
    Created,
    /// Nothing.
    Unchanged,
    /// Its schedule, its policies, or a filter that it did not have before. Nothing is read.
    Settings,
    /// Rules were removed. Nothing is read, and the values stay.
    Narrowed,
    /// A rule was added or changed, the filter is another one, or records may be created in the app. The next run reads
    /// the records again: fields whose rules are the same are not decided anew.
    Widened,
}

impl SyncChange {
    /// Whether records are to be read because of it.
    pub const fn reads(self) -> bool {
        matches!(self, Self::Created | Self::Widened)
    }
}

/// What a new mapping means for the records that are known under the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct MappingChange {
    /// What is kept of records reads otherwise under it, so it is a version of its own.
    pub(super) is_version: bool,
    /// Records have to be read for it.
    pub(super) reads: bool,
    /// What is kept of records can be brought to it.
    pub(super) refiles: bool,
}

pub(super) fn compare(
    inner: &Inner,
    known: &Sync,
    new: &Mapping,
    blueprint: &Blueprint,
    schema: &ObjectSchema,
) -> MappingChange {
    let compiled = |mapping: &Mapping| {
        let sync = Sync {
            mapping: mapping.clone(),
            ..known.clone()
        };
        compile_sync(inner, &sync, &known.name, blueprint, schema).ok()
    };
    let (Some(old), Some(now)) = (compiled(&known.mapping), compiled(new)) else {
        // What can't be compared is read.
        return MappingChange {
            is_version: true,
            reads: true,
            refiles: false,
        };
    };
    let joins_more = now.groups.iter().any(|group| {
        let same = same_rules(&known.mapping, new, blueprint, group.group);
        let before = old.group(group.group).map(|before| before.direction);
        !same || before.is_none_or(|before| widens(before, group.direction))
    });
    let removes = old.groups.iter().any(|group| now.group(group.group).is_none());
    let was_read = |side: &SideMapping| {
        let mut fields = side.projection.fields.iter();
        fields.all(|field| old.projection.fields.contains(field))
    };
    let lets_in_more = known.mapping.filter != new.filter && known.mapping.filter.is_some();
    let is_version = joins_more || removes || old.projection.fields != now.projection.fields;
    MappingChange {
        is_version,
        reads: joins_more || !was_read(&now) || lets_in_more || now.create_in_app && !old.create_in_app,
        refiles: is_version && !joins_more && was_read(&now),
    }
}

fn widens(before: Direction, now: Direction) -> bool {
    now.pulls() && !before.pulls() || now.pushes() && !before.pushes()
}
