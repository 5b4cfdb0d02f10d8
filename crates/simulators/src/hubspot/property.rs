//! Property definitions of one object type, and the table that numbers them.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::stamp::Stamp;

/// Where a property's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The record's id.
    Id,
    /// The instant of its creation.
    Created,
    /// The instant of its last change.
    Modified,
    /// A stored value, by property number.
    Stored(u32),
}

/// A property's data type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Date,
    DateTime,
    Enumeration,
    Bool,
}

impl Kind {
    /// The type as HubSpot names it. Types that we do not compute with are text to us.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "number" => Self::Number,
            "date" => Self::Date,
            "datetime" => Self::DateTime,
            "enumeration" => Self::Enumeration,
            "bool" => Self::Bool,
            _ => Self::Text,
        }
    }
}

/// One choice of an enumeration.
#[derive(Clone, Debug)]
pub(super) struct PropertyOption {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) description: Option<String>,
    pub(super) display_order: i64,
    pub(super) hidden: bool,
}

/// One property of an object type.
#[derive(Clone, Debug)]
pub(super) struct Property {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) kind: Kind,
    /// The type's name on the wire, which may be one that `kind` folds into text.
    pub(super) type_name: String,
    pub(super) field_type: String,
    pub(super) group: String,
    pub(super) description: String,
    pub(super) options: Vec<PropertyOption>,
    pub(super) source: Source,
    pub(super) unique: bool,
    pub(super) calculated: bool,
    pub(super) external_options: bool,
    pub(super) referenced_object: Option<String>,
    pub(super) hidden: bool,
    pub(super) hubspot_defined: bool,
    pub(super) form_field: bool,
    pub(super) display_order: i64,
    pub(super) read_only_value: bool,
    pub(super) read_only_definition: bool,
    pub(super) archived_at: Option<Stamp>,
    pub(super) created: Option<Stamp>,
    pub(super) updated: Option<Stamp>,
}

impl Property {
    /// A writable property with nothing special about it.
    pub(super) fn new(name: &str, label: &str, type_name: &str, field_type: &str, group: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            kind: Kind::of(type_name),
            type_name: type_name.to_owned(),
            field_type: field_type.to_owned(),
            group: group.to_owned(),
            description: String::new(),
            options: Vec::new(),
            source: Source::Stored(0),
            unique: false,
            calculated: false,
            external_options: false,
            referenced_object: None,
            hidden: false,
            hubspot_defined: false,
            form_field: false,
            display_order: -1,
            read_only_value: false,
            read_only_definition: false,
            archived_at: None,
            created: None,
            updated: None,
        }
    }

    /// Whether several choices are stored, separated by semicolons.
    pub(super) fn many(&self) -> bool {
        self.kind == Kind::Enumeration && self.field_type == "checkbox"
    }

    /// Whether a client may set the value.
    pub(super) fn writable(&self) -> bool {
        !self.read_only_value && !self.calculated
    }

    /// The definition as the properties API shows it.
    pub(super) fn json(&self) -> Value {
        let options: Vec<Value> = self
            .options
            .iter()
            .map(|option| {
                let mut shown = Map::new();
                shown.insert("label".into(), option.label.clone().into());
                shown.insert("value".into(), option.value.clone().into());
                if let Some(description) = &option.description {
                    shown.insert("description".into(), description.clone().into());
                }
                shown.insert("displayOrder".into(), option.display_order.into());
                shown.insert("hidden".into(), option.hidden.into());
                Value::Object(shown)
            })
            .collect();
        let mut shown = Map::new();
        if let Some(updated) = self.updated {
            shown.insert("updatedAt".into(), updated.to_string().into());
        }
        if let Some(created) = self.created {
            shown.insert("createdAt".into(), created.to_string().into());
        }
        shown.insert("name".into(), self.name.clone().into());
        shown.insert("label".into(), self.label.clone().into());
        shown.insert("type".into(), self.type_name.clone().into());
        shown.insert("fieldType".into(), self.field_type.clone().into());
        shown.insert("description".into(), self.description.clone().into());
        shown.insert("groupName".into(), self.group.clone().into());
        shown.insert("options".into(), options.into());
        if let Some(referenced) = &self.referenced_object {
            shown.insert("referencedObjectType".into(), referenced.clone().into());
        }
        shown.insert("displayOrder".into(), self.display_order.into());
        shown.insert("calculated".into(), self.calculated.into());
        shown.insert("externalOptions".into(), self.external_options.into());
        if let Some(archived_at) = self.archived_at {
            shown.insert("archived".into(), true.into());
            shown.insert("archivedAt".into(), archived_at.to_string().into());
        } else if !self.hubspot_defined {
            shown.insert("archived".into(), false.into());
        }
        shown.insert("hasUniqueValue".into(), self.unique.into());
        shown.insert("hidden".into(), self.hidden.into());
        if self.hubspot_defined {
            shown.insert("hubspotDefined".into(), true.into());
        }
        shown.insert(
            "modificationMetadata".into(),
            json!({
                "archivable": !self.hubspot_defined || !self.read_only_definition,
                "readOnlyDefinition": self.read_only_definition,
                "readOnlyValue": self.read_only_value,
            }),
        );
        shown.insert("formField".into(), self.form_field.into());
        shown.insert("dataSensitivity".into(), "non_sensitive".into());
        Value::Object(shown)
    }
}

/// A group that properties are shown under.
#[derive(Clone, Debug)]
pub(super) struct PropertyGroup {
    pub(super) label: String,
    pub(super) display_order: i64,
}

/// The properties of one object type by name. A property's number never changes, for records refer to it.
#[derive(Clone, Debug, Default)]
pub(super) struct PropertyTable {
    properties: IndexMap<String, Property>,
    pub(super) groups: IndexMap<String, PropertyGroup>,
}

impl PropertyTable {
    /// Adds a property, or replaces the definition of one that is there and keeps its number.
    pub(super) fn define(&mut self, mut property: Property) {
        let next = u32::try_from(self.properties.len()).unwrap_or(u32::MAX);
        match self.properties.get_mut(&property.name) {
            Some(present) => {
                property.source = present.source;
                *present = property;
            }
            None => {
                if matches!(property.source, Source::Stored(_)) {
                    property.source = Source::Stored(next);
                }
                self.properties.insert(property.name.clone(), property);
            }
        }
    }

    /// The property of this name, archived or not.
    pub(super) fn any(&self, name: &str) -> Option<&Property> {
        self.properties.get(name)
    }

    /// The property of this name unless it is archived.
    pub(super) fn get(&self, name: &str) -> Option<&Property> {
        self.properties
            .get(name)
            .filter(|property| property.archived_at.is_none())
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Property> {
        self.properties.get_mut(name)
    }

    /// The number of a stored property.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        match self.properties.get(name)?.source {
            Source::Stored(number) => Some(number),
            _ => None,
        }
    }

    /// The property with this number.
    pub(super) fn numbered(&self, number: u32) -> Option<&Property> {
        self.properties
            .get_index(usize::try_from(number).ok()?)
            .map(|(_, property)| property)
    }

    /// Every property in the order of definition, archived ones too.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Property> {
        self.properties.values()
    }

    /// Adds a group unless one of that name is there.
    pub(super) fn group(&mut self, name: &str, label: &str) {
        let display_order = i64::try_from(self.groups.len()).unwrap_or(i64::MAX);
        self.groups.entry(name.to_owned()).or_insert_with(|| PropertyGroup {
            label: label.to_owned(),
            display_order,
        });
    }
}
