//! What the audit says of a write.

use crate::audit::{AuditEntry, AuditField, AuditKind};
use crate::mapping::SideMapping;
use crate::model::Blueprint;
use crate::state::Operation;
use uuid::Uuid;

/// The entry for a write that is intended or confirmed: what its fields held, and what they are to hold.
pub fn written(
    kind: AuditKind,
    entity: Uuid,
    ext: Option<&str>,
    operation: &Operation,
    mapping: &SideMapping,
    blueprint: &Blueprint,
) -> AuditEntry {
    let values = |fields: &[(u16, crate::Value)]| fields.iter().map(|(_, value)| value.clone()).collect();
    let mut entry = AuditEntry::new(kind, entity, operation.key.side, ext)
        .values(0, operation.rev, values(&operation.expected), values(&operation.target))
        .note(operation.id.to_string());
    entry.fields = operation
        .target
        .iter()
        .map(|(path, _)| field(usize::from(*path), mapping, blueprint))
        .collect();
    entry
}

/// The names of a projected field on both sides.
fn field(path: usize, mapping: &SideMapping, blueprint: &Blueprint) -> AuditField {
    let names: Vec<&str> = mapping
        .groups
        .iter()
        .flat_map(|group| &group.rules)
        .filter(|rule| rule.paths.contains(&path))
        .flat_map(|rule| &rule.fields)
        .filter_map(|&field| blueprint.fields.get(field))
        .map(|field| field.name.as_str())
        .collect();
    let remote = mapping.projection.fields.get(path).map(|field| field.path.clone());
    AuditField {
        remote: remote.unwrap_or_default(),
        field: names.join("+"),
    }
}
