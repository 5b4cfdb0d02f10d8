//! From the body of a write to changes of cells, or to the refusal that the service would give.

use serde_json::{Map, Value};

use super::cell::{Cell, java_double};
use super::error::ApiError;
use super::field_value::read_value;
use super::id::RecordId;
use super::schema::Field;
use super::state::{Author, Changes, State};
use super::table::Slot;
use crate::fault::Fault;

/// What the body is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Create,
    Update(Slot),
}

impl State {
    /// Checks a body against the schema and the other records.
    pub(crate) fn check(
        &self,
        table: usize,
        body: &Map<String, Value>,
        target: Target,
        author: Author,
    ) -> Result<Changes, ApiError> {
        let schema = &self.tables[table].schema;
        let trim_harder = author.integration
            && body
                .values()
                .any(|value| value.as_str().is_some_and(|text| text.contains(' ')))
            && self.faults.strike(Fault::SilentTrim);
        let mut changes = Changes::with_capacity(body.len() + 4);
        let mut refused = Vec::new();
        for (name, value) in body {
            if name == "attributes" {
                continue;
            }
            if let Value::Object(nested) = value {
                changes.push(self.nested_reference(table, name, nested)?);
                continue;
            }
            let Some(index) = schema.find(name) else {
                return Err(no_such_column(name, &schema.name));
            };
            let field = schema.field(index);
            let writable = match target {
                Target::Create => field.createable,
                Target::Update(_) => field.updateable,
            };
            if !writable {
                refused.push(field.name.as_str());
                continue;
            }
            let cell = read_value(field, value, trim_harder)?;
            if let Some(Cell::Id(id)) = &cell {
                self.check_reference(field, *id, &schema.name)?;
            }
            changes.push((index, cell));
        }
        if !refused.is_empty() {
            let names = refused.join(", ");
            return Err(ApiError::row(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                format!(
                    "Unable to create/update fields: {names}. Please check the security settings of this field and \
                     verify that it is read/write for your profile or permission set."
                ),
                &refused,
            ));
        }
        self.check_required(table, &mut changes, target, author)?;
        self.check_unique(table, &changes, target)?;
        Ok(changes)
    }

    fn check_required(
        &self,
        table: usize,
        changes: &mut Changes,
        target: Target,
        author: Author,
    ) -> Result<(), ApiError> {
        let schema = &self.tables[table].schema;
        let mut missing = Vec::new();
        for (index, field) in (0_u16..).zip(&schema.fields) {
            let given = changes
                .iter()
                .rev()
                .find(|(field, _)| *field == index)
                .map(|(_, cell)| cell.is_some());
            match (target, given) {
                (Target::Create, None | Some(false)) if field.required() => missing.push(field.name.as_str()),
                (Target::Update(_), Some(false)) if field.required() => missing.push(field.name.as_str()),
                (Target::Create, None | Some(false)) if field.createable => {
                    if let Some(default) = default_of(field, author) {
                        changes.push((index, Some(default)));
                    }
                }
                // A field that the service fills by itself keeps what it has when told to be empty.
                (Target::Update(_), Some(false)) if field.defaulted_on_create && !field.nillable => {
                    changes.retain(|(field, _)| *field != index);
                }
                _ => {}
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let names = missing.join(", ");
        Err(ApiError::row(
            "REQUIRED_FIELD_MISSING",
            format!("Required fields are missing: [{names}]"),
            &missing,
        ))
    }

    fn check_unique(&self, table: usize, changes: &Changes, target: Target) -> Result<(), ApiError> {
        let table = &self.tables[table];
        for (index, cell) in changes {
            let field = table.schema.field(*index);
            let Some(key) = cell.as_ref().and_then(|cell| cell.index_key(true)) else {
                continue;
            };
            if !field.unique {
                continue;
            }
            let taken = table.lookup(*index, &key).iter().find(|slot| {
                let record = table.get_unshared(**slot);
                Target::Update(**slot) != target && record.is_some_and(|record| record.deleted.is_none())
            });
            if let Some(slot) = taken {
                let id = table.id(*slot);
                let id = if table.is_shared(*slot) {
                    id.short()
                } else {
                    "<unknown>"
                };
                return Err(ApiError::row(
                    "DUPLICATE_VALUE",
                    format!(
                        "duplicate value found: {} duplicates value on record with id: {}",
                        field.name, id
                    ),
                    &[],
                ));
            }
        }
        Ok(())
    }

    fn check_reference(&self, field: &Field, id: RecordId, object: &str) -> Result<(), ApiError> {
        let targets: Vec<usize> = field.reference_to.iter().filter_map(|name| self.find(name)).collect();
        if targets.is_empty() {
            // The target is not simulated, so any id will do.
            return Ok(());
        }
        let Some(table) = self.find_by_prefix(id).filter(|table| targets.contains(table)) else {
            if targets.len() < field.reference_to.len() {
                return Ok(());
            }
            return Err(ApiError::row(
                "FIELD_INTEGRITY_EXCEPTION",
                format!("{}: id value of incorrect type: {id}", field.label),
                &[&field.name],
            ));
        };
        let Some((_, slot, record)) = self.record(id) else {
            return Err(ApiError::row(
                "INVALID_CROSS_REFERENCE_KEY",
                "invalid cross reference id",
                &[],
            ));
        };
        if record.deleted.is_some() {
            return Err(ApiError::row("ENTITY_IS_DELETED", "entity is deleted", &[]));
        }
        let target = &self.tables[table];
        let inactive = target.schema.find("IsActive").is_some_and(|active| {
            target.schema.name == "User" && target.read(slot, record, active).to_json() == Value::Bool(false)
        });
        if field.name == "OwnerId" && inactive {
            return Err(ApiError::row(
                "INACTIVE_OWNER_OR_USER",
                format!(
                    "operation performed with inactive user [{id}] as owner of {}",
                    object.to_lowercase()
                ),
                &[],
            ));
        }
        Ok(())
    }

    /// `{"Account": {"External_Id__c": "A-9"}}`.
    fn nested_reference(
        &self,
        table: usize,
        name: &str,
        nested: &Map<String, Value>,
    ) -> Result<(u16, Option<Cell>), ApiError> {
        let schema = &self.tables[table].schema;
        let Some(index) = schema.find_relationship(name) else {
            return Err(no_such_column(name, &schema.name));
        };
        let field = schema.field(index);
        let first_is_type = nested.keys().next().is_some_and(|key| key == "attributes");
        let wanted = nested
            .get("attributes")
            .and_then(|attributes| attributes.get("type"))
            .and_then(Value::as_str);
        let target_name = match (field.polymorphic, wanted) {
            (true, _) if !first_is_type => {
                return Err(ApiError::json_parser(
                    "Nested object for polymorphic foreign key must have an attributes field before any other fields.",
                ));
            }
            (_, Some(wanted)) => wanted,
            (_, None) => field.reference_to.first().map_or("", String::as_str),
        };
        let target = self
            .find(target_name)
            .ok_or_else(|| no_such_column(name, &schema.name))?;
        let target = &self.tables[target];
        let Some((key, value)) = nested.iter().find(|(key, _)| *key != "attributes") else {
            return Err(ApiError::json_parser("Nested object needs one external id field"));
        };
        let key_field = target
            .schema
            .find(key)
            .filter(|key| target.schema.field(*key).is_key())
            .ok_or_else(|| no_such_column(key, &target.schema.name))?;
        let text = key_text(value);
        let found = if target.schema.field(key_field).name == "Id" {
            RecordId::parse(&text)
                .and_then(|id| target.slot(id))
                .filter(|slot| target.get_live(*slot).is_some())
        } else {
            target
                .lookup(key_field, &text)
                .iter()
                .copied()
                .find(|slot| target.get_live(*slot).is_some())
        };
        match found {
            Some(slot) => Ok((index, Some(Cell::Id(target.id(slot))))),
            None => Err(ApiError::row(
                "INVALID_FIELD",
                format!(
                    "Foreign key external ID: {text} not found for field {key} in entity {}",
                    target.schema.name
                ),
                &[],
            )),
        }
    }
}

/// A key value as an index holds it, whatever JSON it came in.
pub(crate) fn key_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.as_i64().map_or_else(
            || java_double(number.as_f64().unwrap_or(0.0)),
            |whole| whole.to_string(),
        ),
        other => other.to_string(),
    }
}

fn default_of(field: &Field, author: Author) -> Option<Cell> {
    if field.name == "OwnerId" {
        return Some(Cell::Id(author.user));
    }
    field.default_choice.as_deref().map(Cell::text)
}

pub(crate) fn no_such_column(name: &str, object: &str) -> ApiError {
    ApiError::new(
        400,
        "INVALID_FIELD",
        format!("No such column '{name}' on sobject of type {object}"),
    )
}
