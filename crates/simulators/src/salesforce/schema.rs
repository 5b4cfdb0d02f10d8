//! What an object looks like: its fields and their rules.

mod build;
mod permissions;
mod recorded;
mod standard;
mod standard_content;
mod standard_marketing;
mod standard_products;
mod standard_sales;
mod standard_setup;

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::id::KeyPrefix;

pub(crate) use build::{custom_field, describe_field};
pub(crate) use recorded::load as load_recorded;
pub(crate) use standard::standard_objects;

/// How a field's value is held and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldKind {
    Text,
    Email,
    Picklist,
    MultiPicklist,
    Boolean,
    Int,
    Double,
    Date,
    DateTime,
    Reference,
    /// A compound address, read-only.
    Address,
}

/// Where a field's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Stored,
    Id,
    IsDeleted,
    MasterRecordId,
    CreatedDate,
    CreatedById,
    LastModifiedDate,
    LastModifiedById,
    SystemModstamp,
    /// First and last name together.
    PersonName,
    /// The parts that name this field as their compound.
    Address,
}

/// One field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) type_name: String,
    pub(crate) kind: FieldKind,
    pub(crate) source: Source,
    pub(crate) length: usize,
    pub(crate) precision: usize,
    pub(crate) scale: usize,
    pub(crate) digits: usize,
    pub(crate) nillable: bool,
    pub(crate) createable: bool,
    pub(crate) updateable: bool,
    pub(crate) defaulted_on_create: bool,
    pub(crate) filterable: bool,
    pub(crate) sortable: bool,
    pub(crate) unique: bool,
    pub(crate) external_id: bool,
    pub(crate) id_lookup: bool,
    pub(crate) case_sensitive: bool,
    pub(crate) custom: bool,
    pub(crate) restricted: bool,
    pub(crate) picklist: Vec<String>,
    pub(crate) default_choice: Option<String>,
    pub(crate) reference_to: Vec<String>,
    pub(crate) relationship: Option<String>,
    pub(crate) polymorphic: bool,
    /// Whether the API's user may not see it.
    pub(crate) hidden: bool,
    /// The field as the describe call shows it.
    pub(crate) describe: Map<String, Value>,
}

impl Field {
    /// Reads a field of a describe document.
    pub(crate) fn from_describe(describe: Map<String, Value>) -> Option<Self> {
        let text = |key: &str| describe.get(key).and_then(Value::as_str).map(str::to_owned);
        let flag = |key: &str| describe.get(key).and_then(Value::as_bool).unwrap_or(false);
        let size = |key: &str| {
            describe
                .get(key)
                .and_then(Value::as_u64)
                .and_then(|size| usize::try_from(size).ok())
                .unwrap_or(0)
        };
        let name = text("name")?;
        let type_name = text("type")?;
        let kind = match type_name.as_str() {
            "boolean" => FieldKind::Boolean,
            "int" | "long" => FieldKind::Int,
            "double" | "currency" | "percent" => FieldKind::Double,
            "date" => FieldKind::Date,
            "datetime" => FieldKind::DateTime,
            "reference" | "id" => FieldKind::Reference,
            "picklist" => FieldKind::Picklist,
            "multipicklist" => FieldKind::MultiPicklist,
            "email" => FieldKind::Email,
            "address" | "location" => FieldKind::Address,
            _ => FieldKind::Text,
        };
        let choices = describe
            .get("picklistValues")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let active = |choice: &&Value| choice.get("active").and_then(Value::as_bool).unwrap_or(true);
        let value = |choice: &Value| choice.get("value").and_then(Value::as_str).map(str::to_owned);
        let picklist: Vec<String> = choices.iter().filter(active).filter_map(value).collect();
        let default_choice = choices
            .iter()
            .find(|choice| choice.get("defaultValue").and_then(Value::as_bool).unwrap_or(false))
            .and_then(value);
        let reference_to: Vec<String> = describe
            .get("referenceTo")
            .and_then(Value::as_array)
            .map(|names| {
                names
                    .iter()
                    .filter_map(|name| name.as_str().map(str::to_owned))
                    .collect()
            })
            .unwrap_or_default();
        let createable = flag("createable");
        let source = match name.as_str() {
            "Id" => Source::Id,
            "IsDeleted" => Source::IsDeleted,
            "MasterRecordId" => Source::MasterRecordId,
            "CreatedDate" => Source::CreatedDate,
            "CreatedById" => Source::CreatedById,
            "LastModifiedDate" => Source::LastModifiedDate,
            "LastModifiedById" => Source::LastModifiedById,
            "SystemModstamp" => Source::SystemModstamp,
            "Name" if !createable && text("extraTypeInfo").as_deref() == Some("personname") => Source::PersonName,
            _ if kind == FieldKind::Address => Source::Address,
            _ => Source::Stored,
        };
        Some(Self {
            label: text("label").unwrap_or_else(|| name.clone()),
            kind,
            source,
            length: size("length"),
            precision: size("precision"),
            scale: size("scale"),
            digits: size("digits"),
            nillable: flag("nillable"),
            createable,
            updateable: flag("updateable"),
            defaulted_on_create: flag("defaultedOnCreate"),
            filterable: flag("filterable"),
            sortable: flag("sortable"),
            unique: flag("unique"),
            external_id: flag("externalId"),
            id_lookup: flag("idLookup"),
            case_sensitive: flag("caseSensitive"),
            custom: flag("custom"),
            restricted: flag("restrictedPicklist"),
            picklist,
            default_choice,
            polymorphic: flag("polymorphicForeignKey") || reference_to.len() > 1,
            reference_to,
            hidden: false,
            relationship: text("relationshipName"),
            name,
            type_name,
            describe,
        })
    }

    /// Whether a value must come with a new record.
    pub(crate) fn required(&self) -> bool {
        self.createable && !self.nillable && !self.defaulted_on_create && self.kind != FieldKind::Boolean
    }

    /// Whether an upsert or a nested reference may name a record by it.
    pub(crate) fn is_key(&self) -> bool {
        self.external_id || self.id_lookup || self.unique
    }
}

/// One object with its fields.
#[derive(Clone, Debug)]
pub(crate) struct ObjectSchema {
    pub(crate) name: String,
    pub(crate) key_prefix: KeyPrefix,
    pub(crate) fields: Vec<Field>,
    /// Whether records can be written through the API.
    pub(crate) writable: bool,
    pub(crate) mergeable: bool,
    /// When the metadata changed last, in seconds.
    pub(crate) changed: i64,
    /// The describe document without `fields` and `urls`.
    pub(crate) describe: Map<String, Value>,
    by_name: HashMap<String, u16>,
    by_relationship: HashMap<String, u16>,
}

impl ObjectSchema {
    pub(crate) fn new(describe: Map<String, Value>, fields: Vec<Field>, changed: i64) -> Option<Self> {
        let text = |key: &str| describe.get(key).and_then(Value::as_str);
        let flag = |key: &str| describe.get(key).and_then(Value::as_bool).unwrap_or(false);
        let mut schema = Self {
            name: text("name")?.to_owned(),
            key_prefix: text("keyPrefix")?.as_bytes().try_into().ok()?,
            fields: Vec::with_capacity(fields.len()),
            writable: flag("createable") && flag("updateable"),
            mergeable: flag("mergeable"),
            changed,
            describe,
            by_name: HashMap::new(),
            by_relationship: HashMap::new(),
        };
        for field in fields {
            schema.add(field);
        }
        Some(schema)
    }

    /// Adds a field, unless there is one of that name.
    pub(crate) fn add(&mut self, field: Field) {
        let Ok(index) = u16::try_from(self.fields.len()) else {
            return;
        };
        if self.by_name.contains_key(&field.name.to_ascii_lowercase()) {
            return;
        }
        self.by_name.insert(field.name.to_ascii_lowercase(), index);
        if let Some(relationship) = &field.relationship {
            self.by_relationship.insert(relationship.to_ascii_lowercase(), index);
        }
        self.fields.push(field);
    }

    /// The fields that the API's user may see, with their places.
    pub(crate) fn visible(&self) -> impl Iterator<Item = (u16, &Field)> {
        (0_u16..).zip(&self.fields).filter(|(_, field)| !field.hidden)
    }

    /// The field of that name, in any case, if the API's user may see it.
    pub(crate) fn find(&self, name: &str) -> Option<u16> {
        self.find_any(name).filter(|index| !self.field(*index).hidden)
    }

    /// The field of that name, in any case.
    pub(crate) fn find_any(&self, name: &str) -> Option<u16> {
        self.by_name
            .get(name)
            .or_else(|| self.by_name.get(&name.to_ascii_lowercase()))
            .copied()
    }

    /// The lookup behind a relationship name, in any case.
    pub(crate) fn find_relationship(&self, name: &str) -> Option<u16> {
        let index = self.by_relationship.get(&name.to_ascii_lowercase()).copied()?;
        (!self.field(index).hidden).then_some(index)
    }

    pub(crate) fn field(&self, index: u16) -> &Field {
        &self.fields[usize::from(index)]
    }
}
