//! Comparing two descriptions of an object.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::mapping::Rule;
use syncline_core::schema::{FieldSchema, ObjectSchema};

use super::{FieldChange, FieldDrift};
use crate::sync::Sync;

/// What changed from one description to the next, by field.
pub(super) fn compare(before: &ObjectSchema, now: &ObjectSchema, syncs: &[&Sync]) -> Vec<FieldDrift> {
    let mut found: BTreeMap<&str, Vec<FieldChange>> = BTreeMap::new();
    for old in &before.fields {
        let changes = match now.field(&old.path) {
            None => match now.left_out.iter().find(|left| left.path == old.path) {
                Some(left) => vec![FieldChange::LeftOut {
                    reason: left.reason.clone(),
                }],
                None => vec![FieldChange::Removed],
            },
            Some(new) => changes(old, new),
        };
        if !changes.is_empty() {
            found.insert(&old.path, changes);
        }
    }
    for new in now.fields.iter().filter(|new| before.field(&new.path).is_none()) {
        let required = (new.required && new.creatable).then_some(FieldChange::Required);
        found.insert(&new.path, std::iter::once(FieldChange::Added).chain(required).collect());
    }
    let drift = |field: &str, change: FieldChange| {
        let schema = before.field(field).or_else(|| now.field(field));
        FieldDrift {
            field: field.to_owned(),
            effects: effects(field, schema, &change, syncs),
            change,
        }
    };
    found
        .into_iter()
        .flat_map(|(field, changes)| changes.into_iter().map(move |change| drift(field, change)))
        .collect()
}

fn changes(old: &FieldSchema, new: &FieldSchema) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    if (old.kind, old.value_kind) != (new.kind, new.value_kind) {
        let (before, after) = (old.provider_type.clone(), new.provider_type.clone());
        changes.push(FieldChange::Retyped { before, after });
    }
    let choices = |field: &FieldSchema| -> BTreeSet<String> {
        field
            .choices
            .iter()
            .filter(|choice| choice.active)
            .map(|choice| choice.value.clone())
            .collect()
    };
    let (had, has) = (choices(old), choices(new));
    if had != has {
        let added = has.difference(&had).cloned().collect();
        let removed = had.difference(&has).cloned().collect();
        changes.push(FieldChange::Choices { added, removed });
    }
    match (old.writable(), new.writable()) {
        (true, false) => changes.push(FieldChange::NotWritable),
        (false, true) => changes.push(FieldChange::Writable),
        _ => {}
    }
    if new.required && !old.required {
        changes.push(FieldChange::Required);
    }
    if let (Some(before), Some(after)) = (old.length, new.length)
        && after < before
    {
        changes.push(FieldChange::Shortened { before, after });
    }
    changes
}

/// What a change does to the syncs that use the field.
fn effects(field: &str, schema: Option<&FieldSchema>, change: &FieldChange, syncs: &[&Sync]) -> Vec<String> {
    let mut effects = Vec::new();
    for sync in syncs {
        let name = &sync.name;
        let rules: Vec<&Rule> = sync
            .mapping
            .rules
            .iter()
            .filter(|rule| uses(rule, field, schema))
            .collect();
        if matches!(change, FieldChange::Required) && rules.is_empty() {
            effects.push(format!(
                "sync `{name}` does not fill it, so its creates will be refused; map it"
            ));
        }
        for rule in rules {
            let fields = rule.fields.join(", ");
            let writes = rule.direction.pushes();
            let effect = match change {
                FieldChange::Added | FieldChange::Writable => continue,
                FieldChange::Removed | FieldChange::LeftOut { .. } => {
                    format!("sync `{name}` can't run until the rule of `{fields}` is changed or removed")
                }
                FieldChange::Retyped { .. } => format!("check the rule of `{fields}` in sync `{name}`"),
                FieldChange::Choices { removed, .. } if !removed.is_empty() && writes => {
                    format!(
                        "sync `{name}` can't write the removed values of `{fields}` any more; extend its value table"
                    )
                }
                FieldChange::Choices { added, .. } if !added.is_empty() => {
                    format!("sync `{name}` may meet values of `{fields}` that its value table lacks")
                }
                FieldChange::NotWritable if writes => format!("sync `{name}` only reads `{fields}` from now on"),
                FieldChange::Shortened { .. } if writes => {
                    format!("longer texts of `{fields}` in sync `{name}` will be refused")
                }
                FieldChange::Required if writes => {
                    format!("records without `{fields}` in sync `{name}` will be refused")
                }
                _ => continue,
            };
            effects.push(effect);
        }
    }
    effects
}

/// Whether a rule reads or writes a field, also by walking its relationship.
fn uses(rule: &Rule, field: &str, schema: Option<&FieldSchema>) -> bool {
    let relationship = schema.and_then(|schema| schema.relationship.as_deref());
    rule.remote.iter().any(|path| {
        path == field
            || path
                .split_once('.')
                .is_some_and(|(first, _)| Some(first) == relationship)
    })
}

#[cfg(test)]
mod tests {
    use syncline_core::batch::ValueKind;
    use syncline_core::mapping::{Direction, Mapping};
    use syncline_core::schema::{Choice, FieldKind, ObjectInfo};

    use super::*;
    use crate::sync::{Schedule, SyncStatus};

    fn field(path: &str) -> FieldSchema {
        FieldSchema {
            path: path.into(),
            label: path.into(),
            kind: FieldKind::Text,
            value_kind: ValueKind::Text,
            provider_type: "string".into(),
            creatable: true,
            updatable: true,
            required: false,
            unique: false,
            external_id: false,
            calculated: false,
            length: Some(100),
            scale: None,
            choices: Vec::new(),
            restricted: false,
            references: Vec::new(),
            relationship: None,
        }
    }

    fn schema(fields: Vec<FieldSchema>) -> ObjectSchema {
        let object = ObjectInfo {
            name: "Contact".into(),
            label: "Contact".into(),
            custom: false,
            creatable: true,
            updatable: true,
            deletable: true,
        };
        ObjectSchema {
            object,
            fields,
            version: None,
            left_out: Vec::new(),
        }
    }

    fn sync(rules: Vec<Rule>) -> Sync {
        let mut mapping = Mapping::new("person", "Contact");
        mapping.rules = rules;
        Sync {
            id: 1,
            tenant: 1,
            connection: 1,
            name: "people".into(),
            blueprint: 1,
            mapping,
            earlier: Vec::new(),
            side: 1,
            slot: 0,
            rank: 1,
            role: syncline_core::manifest::Role::Crm,
            schedule: Schedule::Manual,
            sweep: crate::sync::SweepInterval::default(),
            status: SyncStatus::Active,
            paused_because: None,
            backfill: false,
            refile: false,
            hold_deletes: false,
            unproven_links: false,
            dirty_since: None,
            files: false,
            estimate: None,
            created_by: "ada".into(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            last_run_at: None,
            next_run_at: None,
        }
    }

    /// What changing the field `Title` does, in words.
    fn drift(rule: Option<Rule>, change: impl FnOnce(&mut FieldSchema)) -> Vec<String> {
        let mut changed = field("Title");
        change(&mut changed);
        let sync = sync(rule.into_iter().collect());
        let found = compare(&schema(vec![field("Title")]), &schema(vec![changed]), &[&sync]);
        found.iter().map(FieldDrift::describe).collect()
    }

    #[test]
    fn a_field_that_is_gone_stops_the_sync_that_maps_it_and_no_other() {
        let (before, now) = (schema(vec![field("Title"), field("Fax")]), schema(vec![field("Title")]));
        let mapped = sync(vec![Rule::new("fax", "Fax")]);
        let found = compare(&before, &now, &[&mapped]);
        assert_eq!(
            (found[0].field.as_str(), &found[0].change),
            ("Fax", &FieldChange::Removed)
        );
        assert!(found[0].effects[0].contains("sync `people` can't run"), "{found:?}");
        assert!(compare(&before, &now, &[&sync(Vec::new())])[0].effects.is_empty());
    }

    #[test]
    fn a_lost_permission_to_write_matters_only_to_rules_that_write() {
        let lose = |field: &mut FieldSchema| (field.creatable, field.updatable) = (false, false);
        let both = drift(Some(Rule::new("title", "Title")), lose);
        assert_eq!(
            both,
            ["`Title` can no longer be written; sync `people` only reads `title` from now on"]
        );
        let read = drift(Some(Rule::new("title", "Title").direction(Direction::Pull)), lose);
        assert_eq!(read, ["`Title` can no longer be written"]);
    }

    #[test]
    fn a_field_that_became_required_matters_where_nothing_fills_it() {
        let found = drift(None, |field| field.required = true);
        assert!(found[0].contains("its creates will be refused; map it"), "{found:?}");
    }

    #[test]
    fn types_lengths_and_choices_are_compared() {
        let choice = |value: &str| Choice {
            value: value.into(),
            label: value.into(),
            active: true,
        };
        let found = drift(Some(Rule::new("title", "Title")), |field| {
            field.kind = FieldKind::Choice;
            field.provider_type = "picklist".into();
            field.choices = vec![choice("Countess")];
            field.length = Some(40);
        });
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[0].starts_with("`Title` was string and is now picklist; check the rule"),
            "{found:?}"
        );
        assert!(found[1].contains("added Countess"), "{found:?}");
        assert!(found[2].contains("held 100 characters and now holds 40"), "{found:?}");
    }

    #[test]
    fn an_inactive_choice_counts_as_removed_and_a_new_label_as_nothing() {
        let choice = |active, label: &str| Choice {
            value: "a".into(),
            label: label.into(),
            active,
        };
        let with = |choice: Choice| FieldSchema {
            choices: vec![choice],
            ..field("Title")
        };
        let removed = changes(&with(choice(true, "A")), &with(choice(false, "A")));
        assert_eq!(
            removed,
            [FieldChange::Choices {
                added: Vec::new(),
                removed: vec!["a".into()]
            }]
        );
        assert!(changes(&with(choice(true, "A")), &with(choice(true, "B"))).is_empty());
    }
}
