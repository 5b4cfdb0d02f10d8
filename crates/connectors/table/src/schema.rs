//! Objects and fields, from the catalog.

use syncline_core::Result;
use syncline_core::batch::ValueKind;
use syncline_core::schema::{Choice, FieldKind, FieldSchema, LeftOut, ObjectInfo, ObjectSchema};

use crate::catalog::{Column, Shape};
use crate::spec::TableSpec;

/// The object of a table.
pub(crate) fn object(spec: &TableSpec) -> ObjectInfo {
    let name = spec.name.rsplit('.').next().unwrap_or(&spec.name);
    ObjectInfo {
        custom: true,
        ..ObjectInfo::new(&spec.name, words(name))
    }
}

/// `account_name` as people write it.
fn words(name: &str) -> String {
    let mut words = name.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// The description of a table; references lead to tables that are synced too.
pub(crate) fn describe(shape: &Shape, objects: &[ObjectInfo]) -> Result<ObjectSchema> {
    let mut fields = Vec::new();
    let mut left_out = Vec::new();
    for column in &shape.columns {
        match column.left_out {
            Some(reason) => left_out.push(LeftOut {
                path: column.name.clone(),
                reason: reason.to_owned(),
            }),
            None => fields.push(field(shape, column, objects)),
        }
    }
    let version = serde_json::to_vec(&fields).map(|bytes| format!("{:032x}", xxhash_rust::xxh3::xxh3_128(&bytes)));
    Ok(ObjectSchema {
        object: object(&shape.spec),
        fields,
        version: version.ok(),
        left_out,
    })
}

fn field(shape: &Shape, column: &Column, objects: &[ObjectInfo]) -> FieldSchema {
    let spec = &shape.spec;
    let is = |name: &Option<String>| name.as_ref() == Some(&column.name);
    let is_key = column.name == shape.key.name;
    let kept = is(&spec.stamp) || is(&spec.version) || is(&spec.deleted) || is(&spec.scope);
    let writable = !column.generated && !is_key && !kept;
    let target = column.references.as_ref();
    let reference = target.and_then(|target| objects.iter().find(|object| object.name == *target));
    let kind = match column.kind {
        _ if is_key => FieldKind::Id,
        _ if reference.is_some() => FieldKind::Reference,
        FieldKind::Text | FieldKind::LongText => named(column),
        kind => kind,
    };
    let text = matches!(column.kind, FieldKind::Text | FieldKind::LongText);
    FieldSchema {
        label: words(&column.name),
        provider_type: column.column_type.clone(),
        creatable: writable,
        updatable: writable,
        required: column.required && writable,
        unique: column.unique,
        external_id: column.unique && text && writable && reference.is_none(),
        calculated: column.generated,
        length: column.length,
        scale: column.scale,
        choices: column
            .choices
            .iter()
            .map(|value| Choice {
                value: value.clone(),
                label: value.clone(),
                active: true,
            })
            .collect(),
        restricted: !column.choices.is_empty(),
        references: reference.map(|object| object.name.clone()).into_iter().collect(),
        // An id is text to the engine, whatever its column holds.
        value_kind: if is_key || reference.is_some() {
            ValueKind::Text
        } else {
            column.kind.value_kind()
        },
        ..FieldSchema::new(&column.name, kind)
    }
}

/// Texts whose names say what they hold.
fn named(column: &Column) -> FieldKind {
    let name = column.name.to_lowercase().replace('_', "");
    match name.as_str() {
        "email" | "mail" | "emailaddress" => FieldKind::Email,
        "phone" | "mobile" | "phonenumber" | "telephone" => FieldKind::Phone,
        "website" | "url" | "homepage" => FieldKind::Url,
        _ => column.kind,
    }
}
