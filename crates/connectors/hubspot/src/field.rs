//! Property definitions as fields.

use serde::Deserialize;
use syncline_core::batch::ValueKind;
use syncline_core::schema::{Choice, FieldKind, FieldSchema};

use crate::associations::ALL;
use crate::link_type::LinkKind;
use crate::object::ObjectName;

/// Longest text of a property.
const TEXT_LENGTH: u32 = 65_536;

/// One choice; its value is its label where it has none.
pub(crate) fn choice(value: &str, label: Option<&str>, active: bool) -> Choice {
    Choice {
        value: value.to_owned(),
        label: label.unwrap_or(value).to_owned(),
        active,
    }
}

/// A property's definition.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Property {
    name: String,
    label: Option<String>,
    #[serde(rename = "type")]
    type_name: Option<String>,
    field_type: Option<String>,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    options: Vec<PropertyOption>,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    has_unique_value: bool,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    calculated: bool,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    external_options: bool,
    referenced_object_type: Option<String>,
    #[serde(default)]
    hubspot_defined: Option<bool>,
    show_currency_symbol: Option<bool>,
    number_display_hint: Option<String>,
    modification_metadata: Option<Modification>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PropertyOption {
    value: String,
    label: Option<String>,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    hidden: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Modification {
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    read_only_value: bool,
}

impl Property {
    fn kinds(&self) -> (FieldKind, ValueKind) {
        if self.name == "hs_object_id" {
            return (FieldKind::Id, ValueKind::Text);
        }
        if self.external_options && self.referenced_object_type.as_deref() == Some("OWNER") {
            return (FieldKind::Reference, ValueKind::Text);
        }
        let field_type = self.field_type.as_deref().unwrap_or_default();
        match self.type_name.as_deref().unwrap_or_default() {
            "bool" => (FieldKind::Bool, ValueKind::Bool),
            "number" => (self.number(), ValueKind::Number),
            "date" => (FieldKind::Date, ValueKind::Date),
            "datetime" => (FieldKind::DateTime, ValueKind::DateTime),
            "enumeration" => match field_type {
                "checkbox" => (FieldKind::MultiChoice, ValueKind::Choices),
                "booleancheckbox" => (FieldKind::Bool, ValueKind::Bool),
                _ => (FieldKind::Choice, ValueKind::Text),
            },
            "phone_number" => (FieldKind::Phone, ValueKind::Text),
            "json" => (FieldKind::Other, ValueKind::Json),
            "string" => match field_type {
                "phonenumber" => (FieldKind::Phone, ValueKind::Text),
                "html" => (FieldKind::Html, ValueKind::Text),
                "textarea" => (FieldKind::LongText, ValueKind::Text),
                _ => (self.text(), ValueKind::Text),
            },
            _ => (FieldKind::Other, ValueKind::Text),
        }
    }

    fn number(&self) -> FieldKind {
        let money = self.show_currency_symbol == Some(true) || self.number_display_hint.as_deref() == Some("currency");
        if money { FieldKind::Money } else { FieldKind::Decimal }
    }

    /// HubSpot has no types for addresses, so their names have to tell.
    fn text(&self) -> FieldKind {
        let name = self.name.as_str();
        if name == "email" || name.ends_with("_email") {
            FieldKind::Email
        } else if matches!(name, "domain" | "website") || name.ends_with("_url") {
            FieldKind::Url
        } else {
            FieldKind::Text
        }
    }

    /// As the contract describes it.
    pub(crate) fn field(&self, object: ObjectName<'_>) -> FieldSchema {
        let (kind, value_kind) = self.kinds();
        let read_only = self
            .modification_metadata
            .as_ref()
            .is_some_and(|metadata| metadata.read_only_value);
        let writable = !read_only && !self.calculated;
        let is_email = object.plural() == "contacts" && self.name == "email";
        let text = matches!(
            kind,
            FieldKind::Text | FieldKind::LongText | FieldKind::Html | FieldKind::Other
        );
        FieldSchema {
            path: self.name.clone(),
            label: self
                .label
                .clone()
                .filter(|label| !label.is_empty())
                .unwrap_or_else(|| self.name.clone()),
            kind,
            value_kind,
            provider_type: format!(
                "{}/{}",
                self.type_name.as_deref().unwrap_or("unknown"),
                self.field_type.as_deref().unwrap_or("unknown")
            ),
            creatable: writable,
            updatable: writable,
            required: false,
            unique: self.has_unique_value || is_email || kind == FieldKind::Id,
            // An upsert by e-mail clears what it leaves out, so only properties that customers made will do.
            external_id: self.has_unique_value && writable && !is_email && self.hubspot_defined != Some(true),
            calculated: self.calculated,
            length: (text && value_kind == ValueKind::Text).then_some(TEXT_LENGTH),
            scale: None,
            choices: match kind {
                FieldKind::Choice | FieldKind::MultiChoice => self
                    .options
                    .iter()
                    .map(|option| choice(&option.value, option.label.as_deref(), !option.hidden))
                    .collect(),
                _ => Vec::new(),
            },
            restricted: matches!(kind, FieldKind::Choice | FieldKind::MultiChoice) && !self.external_options,
            references: if kind == FieldKind::Reference {
                vec!["owners".to_owned()]
            } else {
                Vec::new()
            },
            // `history.phone` walks to what the record's phone held before.
            relationship: (kind == FieldKind::Id).then(|| "history".to_owned()),
        }
    }
}

/// The reference field of a link to one record of an object.
pub(crate) fn link(target: &str) -> FieldSchema {
    let name = ObjectName::new(target);
    let label = if name.plural() == "companies" {
        "Primary company".to_owned()
    } else {
        name.label().to_owned()
    };
    association(name, name.singular().to_owned(), label, false)
}

/// The field that is the set of all linked records of an object.
pub(crate) fn links(target: &str) -> FieldSchema {
    let name = ObjectName::new(target);
    let path = format!("{}.{ALL}", name.singular());
    association(name, path, format!("All associated {}", name.plural()), true)
}

/// The field that is the set of those records whose link carries a label.
pub(crate) fn labelled_links(target: &str, kind: &LinkKind, label: &str) -> FieldSchema {
    let name = ObjectName::new(target);
    let path = format!("{}.{kind}", name.singular());
    association(name, path, format!("Associated {}: {label}", name.plural()), true)
}

fn association(target: ObjectName<'_>, path: String, label: String, several: bool) -> FieldSchema {
    FieldSchema {
        path: format!("associations.{path}"),
        label,
        kind: if several {
            FieldKind::MultiChoice
        } else {
            FieldKind::Reference
        },
        value_kind: if several { ValueKind::Choices } else { ValueKind::Text },
        provider_type: "association".to_owned(),
        creatable: true,
        updatable: true,
        required: false,
        unique: false,
        external_id: false,
        calculated: false,
        length: None,
        scale: None,
        choices: Vec::new(),
        restricted: false,
        references: vec![target.plural().to_owned()],
        relationship: None,
    }
}

#[cfg(test)]
#[path = "field_tests.rs"]
mod tests;
