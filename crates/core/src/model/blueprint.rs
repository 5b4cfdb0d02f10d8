use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BlueprintId, DeleteRule, Field, FieldType, GroupId, TenantId};
use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; it can be saved.
    Notice,
    /// It can't be saved like this.
    Error,
}

/// One thing found when something is checked: where, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where: a field, a rule, a path.
    pub place: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Finding {
    /// Something that can't be saved like this.
    pub fn error(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: place.into(),
            message: message.into(),
        }
    }

    /// Something worth knowing.
    pub fn notice(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Notice,
            place: place.into(),
            message: message.into(),
        }
    }
}

/// A named, versioned schema of one kind of entity.
///
/// Places of fields are only ever appended, so a field's position and its group never change and entities of older
/// versions simply have fewer values. What a version gives up is [`Field::retired`] and keeps its place; see
/// [`crate::migration`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blueprint {
    /// Its number.
    pub id: BlueprintId,
    /// The tenant that owns it.
    pub tenant: TenantId,
    /// Name in code and configuration, unique within the tenant.
    pub name: String,
    /// Name for people.
    pub label: String,
    /// Goes up by one with each saved change.
    pub version: u32,
    /// The fields by their places, also those that are retired.
    pub fields: Vec<Field>,
    /// Names of fields that are only ever changed together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Vec<String>>,
    /// Since when it is in the trash. Its entities are there, to be looked at; nothing changes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trashed_at: Option<Timestamp>,
}

impl Blueprint {
    /// A first version.
    pub fn new(id: BlueprintId, tenant: TenantId, name: impl Into<String>, fields: Vec<Field>) -> Self {
        let name = name.into();
        Self {
            id,
            tenant,
            label: name.clone(),
            name,
            version: 1,
            fields,
            groups: Vec::new(),
            trashed_at: None,
        }
    }

    /// The position of a field. Retired ones are not found.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields
            .iter()
            .position(|field| field.name == name && !field.retired)
    }

    /// The fields that this version has, with their positions.
    pub fn live_fields(&self) -> impl Iterator<Item = (usize, &Field)> {
        self.fields.iter().enumerate().filter(|(_, field)| !field.retired)
    }

    /// The names of the fields that this version has, in their order.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.live_fields().map(|(_, field)| field.name.as_str())
    }

    /// The group that a field belongs to.
    pub fn group_of(&self, field: usize) -> GroupId {
        let alone = field as GroupId + 1;
        let Some(name) = self
            .fields
            .get(field)
            .filter(|field| !field.retired)
            .map(|field| &field.name)
        else {
            return alone;
        };
        let Some(group) = self.groups.iter().find(|group| group.contains(name)) else {
            return alone;
        };
        group
            .iter()
            .filter_map(|name| self.position(name))
            .min()
            .map_or(alone, |first| first as GroupId + 1)
    }

    /// The positions of a group's fields, ascending. Empty for presence and for groups that do not exist.
    pub fn fields_of(&self, group: GroupId) -> Vec<usize> {
        (0..self.fields.len())
            .filter(|&field| self.group_of(field) == group)
            .collect()
    }

    /// All groups but presence, ascending.
    pub fn group_ids(&self) -> Vec<GroupId> {
        (0..self.fields.len())
            .map(|field| self.group_of(field))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// What people call a group: its fields' names joined by a plus sign.
    pub fn group_name(&self, group: GroupId) -> String {
        if group == super::PRESENCE {
            return "presence".to_owned();
        }
        let names: Vec<_> = self
            .fields_of(group)
            .into_iter()
            .map(|field| self.fields[field].name.as_str())
            .collect();
        names.join("+")
    }

    /// Refuses what would change it or its entities while it is in the trash.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] when it is there.
    pub fn check_not_trashed(&self) -> Result<()> {
        match self.trashed_at {
            None => Ok(()),
            Some(_) => Err(Error::new(
                ErrorKind::Refused,
                format!("blueprint `{}` is in the trash; restore it first", self.name),
            )),
        }
    }

    /// Everything wrong with the blueprint itself.
    pub fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !is_name(&self.name) {
            findings.push(Finding::error(
                &self.name,
                "a blueprint's name is a lower-case letter followed by lower-case letters, digits and underscores",
            ));
        }
        let mut seen = BTreeSet::new();
        for (_, field) in self.live_fields() {
            if !is_name(&field.name) {
                findings.push(Finding::error(
                    &field.name,
                    "a field's name is a lower-case letter followed by lower-case letters, digits and underscores",
                ));
            }
            if !seen.insert(&field.name) {
                findings.push(Finding::error(&field.name, "two fields have this name; rename one"));
            }
            if let Some(default) = &field.default
                && let Err(error) = field.kind.coerce(default.clone())
            {
                findings.push(Finding::error(
                    &field.name,
                    format!("the default does not fit: {}", error.message()),
                ));
            }
        }
        self.check_computed(&mut findings);
        for (_, field) in self.live_fields() {
            if !field.on_delete.keeps() && !matches!(field.kind, FieldType::Reference { .. }) {
                findings.push(Finding::error(&field.name, "only a reference has a rule for deletes"));
            }
            if field.on_delete == DeleteRule::Clear && field.required {
                findings.push(Finding::error(
                    &field.name,
                    "it is required, so a delete can't clear it; restrict the delete, or let it cascade",
                ));
            }
        }
        let mut grouped = BTreeSet::new();
        for name in self.groups.iter().flatten() {
            if self.position(name).is_none() {
                findings.push(Finding::error(
                    name,
                    "an atomic group names it, but there is no such field",
                ));
            }
            if !grouped.insert(name) {
                findings.push(Finding::error(
                    name,
                    "it is in two atomic groups; a field belongs to one",
                ));
            }
        }
        if self.fields.len() >= usize::from(GroupId::MAX) {
            findings.push(Finding::error(&self.name, "a blueprint has at most 65,534 fields"));
        }
        findings
    }

    /// Brings an entity's values into stored form and checks them: one value per field, defaults filled in on
    /// creation, types coerced, required fields set, choices known.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] naming the first field that is wrong, and why.
    pub fn validate(&self, values: &mut Vec<Value>, creating: bool) -> Result<()> {
        values.resize(self.fields.len(), Value::Null);
        for (field, value) in self.fields.iter().zip(values.iter_mut()) {
            if creating
                && value.is_empty()
                && let Some(default) = &field.default
            {
                *value = default.clone();
            }
            *value = self.check_value(field, std::mem::take(value))?;
            if field.required && value.is_empty() {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("`{}` is required; give it a value", field.name),
                )
                .with("field", &field.name));
            }
        }
        Ok(())
    }

    /// What is wrong where another entity holds a unique value.
    pub fn taken(&self, field: &Field, value: &Value) -> Error {
        let text = format!("`{}` is unique and another {} has {value}", field.name, self.name);
        Error::new(ErrorKind::Exists, text).with("field", &field.name)
    }

    /// Brings one value into stored form and checks it against its field, but for `required`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] naming the field, and why.
    pub fn check_value(&self, field: &Field, value: Value) -> Result<Value> {
        let value = field.kind.coerce(value).map_err(|error| {
            Error::new(ErrorKind::Invalid, format!("`{}`: {}", field.name, error.message())).with("field", &field.name)
        })?;
        let unknown = match (&field.kind, &value) {
            (FieldType::Choice { choices }, Value::Text(text)) if !choices.is_empty() => {
                (!choices.iter().any(|choice| &choice.value == text)).then(|| text.clone())
            }
            (FieldType::MultiChoice { choices }, Value::List(list)) if !choices.is_empty() => list
                .iter()
                .find(|item| !choices.iter().any(|choice| item.as_text() == Some(&choice.value)))
                .map(ToString::to_string),
            _ => None,
        };
        match unknown {
            None => Ok(value),
            Some(text) => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "`{}`: `{text}` is not one of its choices; add it to the blueprint or map it",
                    field.name
                ),
            )
            .with("field", &field.name)),
        }
    }
}

/// Whether a field or blueprint may be called so.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= 63
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person() -> Blueprint {
        let mut blueprint = Blueprint::new(
            1,
            1,
            "person",
            vec![
                Field::new("name", FieldType::Text),
                Field::new("amount", FieldType::Decimal),
                Field::new("currency", FieldType::Text),
                Field::new("city", FieldType::Text),
            ],
        );
        blueprint.groups = vec![vec!["currency".into(), "amount".into()]];
        blueprint
    }

    #[test]
    fn an_atomic_group_is_numbered_by_its_first_field_and_others_by_their_own() {
        let blueprint = person();
        assert_eq!(blueprint.group_ids(), [1, 2, 4]);
        assert_eq!(blueprint.fields_of(2), [1, 2]);
        assert_eq!(blueprint.group_name(2), "amount+currency");
    }

    #[test]
    fn a_wrong_value_is_refused_by_the_name_of_its_field() {
        let mut blueprint = person();
        blueprint.fields[0].required = true;
        let mut values = vec![Value::text("Ada"), Value::text("lots")];
        let error = blueprint.validate(&mut values, true).unwrap_err();
        assert!(error.to_string().contains("`amount`"), "{error}");
        let mut values = vec![Value::text("")];
        assert!(
            blueprint
                .validate(&mut values, true)
                .unwrap_err()
                .to_string()
                .contains("`name` is required")
        );
        let mut values = vec![Value::text("Ada"), Value::text("1.50")];
        blueprint.validate(&mut values, true).unwrap();
        assert_eq!(values.len(), 4);
    }

    #[test]
    fn every_fault_of_a_blueprint_is_found_at_once() {
        let mut blueprint = person();
        blueprint.fields.push(Field::new("name", FieldType::Text));
        blueprint.fields.push(Field::new("Bad Name", FieldType::Text));
        blueprint.groups.push(vec!["nowhere".into()]);
        assert_eq!(blueprint.check().len(), 3);
    }
}
