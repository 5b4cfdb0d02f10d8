//! Field-level security: a field that the API's user may not read is to them as if it were not there.

use serde_json::{Map, Value};

use super::Salesforce;
use super::cell::Cell;
use super::error::ApiError;
use super::id::RecordId;
use super::stamp::seconds;
use super::state::State;
use super::table::{Record, Slot};
use crate::record::HookError;

impl Salesforce {
    /// Takes a field away from the integration's user, or gives it back, as an administrator does in a profile.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown object or field.
    pub fn let_see(&self, object: &str, field: &str, visible: bool) -> Result<(), HookError> {
        let mut state = self.state();
        let table = state.find(object).ok_or_else(ApiError::not_found)?;
        let now = state.now();
        let schema = &mut state.tables[table].schema;
        let index = schema.find_any(field).ok_or_else(ApiError::not_found)?;
        schema.fields[usize::from(index)].hidden = !visible;
        schema.changed = now;
        Ok(())
    }
}

impl Salesforce {
    /// Shares a record with the integration's user, as at first, or no longer: to the API it is then as if it were not
    /// there, and a write to it is refused. Neither moves the record's stamp.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown object or record.
    pub fn share(&self, object: &str, id: &str, shared: bool) -> Result<(), HookError> {
        let mut state = self.state();
        let table = state.find(object).ok_or_else(ApiError::not_found)?;
        let slot = RecordId::parse(id).and_then(|id| state.tables[table].slot(id));
        state.tables[table].share(slot.ok_or_else(ApiError::not_found)?, shared);
        Ok(())
    }

    /// Lets the integration's user see what encrypted fields hold, or only a mask, as at first.
    pub fn let_view_encrypted(&self, allowed: bool) {
        let mut state = self.state();
        for table in &mut state.tables {
            table.masked = !allowed;
            table.schema.changed = seconds(self.clock.now());
        }
        state.set_access(allowed);
    }
}

impl State {
    /// Shows from now on what the API's user may see, or everything.
    pub(super) fn look_as(&mut self, by_integration: bool) {
        for table in &mut self.tables {
            table.by_integration = by_integration;
        }
    }

    /// Writes down what the API's user may do.
    pub(super) fn set_access(&mut self, view_encrypted: bool) {
        let Some(table) = self.find("UserPermissionAccess") else {
            return;
        };
        let Some(field) = self.tables[table].schema.find("PermissionsViewEncryptedData") else {
            return;
        };
        if self.tables[table].len() == 0 {
            self.tables[table].reserve();
        }
        let mut record = Record::new(self.now(), self.integration_user, false);
        record.set(field, Some(Cell::Bool(view_encrypted)));
        self.put(table, 0, Some(record));
    }

    /// Refuses permissions that contradict others or name no field.
    pub(crate) fn check_permission(&self, table: usize, body: &Map<String, Value>) -> Result<(), ApiError> {
        let given = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let same: &[&str] = match self.tables[table].schema.name.as_str() {
            "FieldPermissions" => {
                let field = given("Field");
                let known = field
                    .split_once('.')
                    .and_then(|(object, field)| self.tables[self.find(object)?].schema.find_any(field));
                if known.is_none() {
                    return Err(ApiError::row(
                        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                        format!("Field Name: bad value for restricted picklist field: {field}"),
                        &["Field"],
                    ));
                }
                &["ParentId", "Field"]
            }
            "PermissionSetAssignment" => &["PermissionSetId", "AssigneeId"],
            _ => return Ok(()),
        };
        let is_same = |slot: &Slot| {
            same.iter()
                .all(|name| self.text(table, *slot, name).as_deref() == Some(given(name)))
        };
        match (0..self.tables[table].len()).find(is_same) {
            None => Ok(()),
            Some(slot) => Err(ApiError::row(
                "DUPLICATE_VALUE",
                format!(
                    "duplicate value found: <unknown> duplicates value on record with id: {}",
                    self.tables[table].id(slot)
                ),
                &[],
            )),
        }
    }

    /// Shows the fields that new permissions grant.
    pub(crate) fn grant(&mut self, table: usize) {
        if !matches!(
            self.tables[table].schema.name.as_str(),
            "FieldPermissions" | "PermissionSetAssignment"
        ) {
            return;
        }
        let (Some(assignments), Some(permissions)) =
            (self.find("PermissionSetAssignment"), self.find("FieldPermissions"))
        else {
            return;
        };
        let user = self.integration_user.to_string();
        let sets: Vec<String> = (0..self.tables[assignments].len())
            .filter(|slot| self.text(assignments, *slot, "AssigneeId").as_deref() == Some(&user))
            .filter_map(|slot| self.text(assignments, slot, "PermissionSetId"))
            .collect();
        let granted: Vec<String> = (0..self.tables[permissions].len())
            .filter(|slot| {
                let set = self.text(permissions, *slot, "ParentId");
                set.is_some_and(|set| sets.contains(&set))
                    && self.text(permissions, *slot, "PermissionsRead").as_deref() == Some("true")
            })
            .filter_map(|slot| self.text(permissions, slot, "Field"))
            .collect();
        for name in granted {
            let Some((object, field)) = name.split_once('.') else {
                continue;
            };
            let Some(table) = self.find(object) else { continue };
            let schema = &mut self.tables[table].schema;
            if let Some(index) = schema.find_any(field) {
                schema.fields[usize::from(index)].hidden = false;
            }
        }
    }

    /// A live record's field as text.
    fn text(&self, table: usize, slot: Slot, field: &str) -> Option<String> {
        let table = &self.tables[table];
        let record = table.get_live(slot)?;
        match table.read(slot, record, table.schema.find(field)?).to_json() {
            Value::String(text) => Some(text),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }
}
