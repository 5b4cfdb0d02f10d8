//! Object types: the names they go by, their default and required properties, and their description.

use serde_json::{Value, json};

use super::builtin;
use super::property::PropertyTable;
use super::standard_types;

/// One object type and its properties.
#[derive(Clone, Debug)]
pub(super) struct ObjectType {
    /// `0-1`, or `2-1000001` for a custom one.
    pub(super) type_id: &'static str,
    pub(super) singular: &'static str,
    pub(super) plural: &'static str,
    pub(super) singular_label: &'static str,
    pub(super) plural_label: &'static str,
    /// What error messages call it.
    pub(super) upper: &'static str,
    pub(super) custom: bool,
    pub(super) created_property: &'static str,
    pub(super) modified_property: &'static str,
    /// Shown when a read names no property, besides id and stamps.
    pub(super) defaults: &'static [&'static str],
    /// Required on create through any version of the API.
    pub(super) required: &'static [&'static str],
    /// Required on create since 2026-09; an inner list means any one of them.
    pub(super) required_2026_09: &'static [&'static [&'static str]],
    /// Looked through by the `query` of a search.
    pub(super) searchable: &'static [&'static str],
    pub(super) display: &'static str,
    /// The part of a scope that names the type, as in `crm.objects.contacts.read`.
    pub(super) scope: &'static str,
    pub(super) first_id: u64,
    pub(super) properties: PropertyTable,
}

impl ObjectType {
    /// The fully qualified name: that of a custom type carries the portal.
    pub(super) fn qualified(&self, portal: u64) -> String {
        if self.custom {
            format!("p{portal}_{}", self.singular)
        } else {
            self.upper.to_owned()
        }
    }

    /// Whether a path segment means this type. Names are case-insensitive.
    pub(super) fn answers_to(&self, name: &str, portal: u64) -> bool {
        name == self.type_id
            || name.eq_ignore_ascii_case(self.plural)
            || (name.eq_ignore_ascii_case(self.singular))
            || name.eq_ignore_ascii_case(&self.qualified(portal))
    }

    /// The description without properties and associations.
    pub(super) fn json(&self, portal: u64) -> Value {
        json!({
            "labels": {"singular": self.singular_label, "plural": self.plural_label},
            "requiredProperties": self.required,
            "searchableProperties": self.searchable,
            "primaryDisplayProperty": self.display,
            "secondaryDisplayProperties": [],
            "archived": false,
            "restorable": true,
            "allowsSensitiveProperties": false,
            "metaType": if self.custom { "PORTAL_SPECIFIC" } else { "HUBSPOT" },
            "id": self.type_id.split_once('-').map_or(self.type_id, |(_, number)| number),
            "fullyQualifiedName": self.qualified(portal),
            "createdAt": if self.custom { "2025-11-01T20:52:41.767Z" } else { "1970-01-01T00:00:00Z" },
            "updatedAt": "2025-11-01T20:52:41.767Z",
            "objectTypeId": self.type_id,
            "name": if self.custom { self.singular } else { self.upper },
        })
    }
}

/// Every object type of the portal.
pub(super) fn object_types() -> Vec<ObjectType> {
    let mut types = vec![
        ObjectType {
            type_id: "0-1",
            singular: "contact",
            plural: "contacts",
            singular_label: "Contact",
            plural_label: "Contacts",
            upper: "CONTACT",
            custom: false,
            created_property: "createdate",
            modified_property: "lastmodifieddate",
            defaults: &["email", "firstname", "lastname"],
            required: &[],
            required_2026_09: &[],
            searchable: &[
                "firstname",
                "lastname",
                "email",
                "phone",
                "company",
                "hs_additional_emails",
                "fax",
            ],
            display: "firstname",
            scope: "contacts",
            first_id: 171_590_000_001,
            properties: builtin::table("contacts"),
        },
        ObjectType {
            type_id: "0-2",
            singular: "company",
            plural: "companies",
            singular_label: "Company",
            plural_label: "Companies",
            upper: "COMPANY",
            custom: false,
            created_property: "createdate",
            modified_property: "hs_lastmodifieddate",
            defaults: &["domain", "name"],
            required: &[],
            required_2026_09: &[&["domain", "name"]],
            searchable: &["website", "phone", "name", "domain"],
            display: "name",
            scope: "companies",
            first_id: 30_100_000_001,
            properties: builtin::table("companies"),
        },
        ObjectType {
            type_id: "0-3",
            singular: "deal",
            plural: "deals",
            singular_label: "Deal",
            plural_label: "Deals",
            upper: "DEAL",
            custom: false,
            created_property: "createdate",
            modified_property: "hs_lastmodifieddate",
            defaults: &["amount", "closedate", "dealname", "dealstage", "pipeline"],
            required: &[],
            required_2026_09: &[&["dealname"], &["dealstage"], &["pipeline"]],
            searchable: &["dealname", "pipeline", "dealstage", "description", "dealtype"],
            display: "dealname",
            scope: "deals",
            first_id: 28_200_000_001,
            properties: builtin::table("deals"),
        },
        ObjectType {
            type_id: "0-5",
            singular: "ticket",
            plural: "tickets",
            singular_label: "Ticket",
            plural_label: "Tickets",
            upper: "TICKET",
            custom: false,
            created_property: "createdate",
            modified_property: "hs_lastmodifieddate",
            defaults: &[
                "content",
                "hs_pipeline",
                "hs_pipeline_stage",
                "hs_ticket_category",
                "hs_ticket_priority",
                "subject",
            ],
            required: &[],
            required_2026_09: &[&["subject"], &["hs_pipeline_stage"]],
            searchable: &["subject", "content", "hs_pipeline_stage", "hs_ticket_category"],
            display: "subject",
            scope: "tickets",
            first_id: 19_300_000_001,
            properties: builtin::table("tickets"),
        },
        ObjectType {
            type_id: "0-46",
            singular: "note",
            plural: "notes",
            singular_label: "Note",
            plural_label: "Notes",
            upper: "NOTE",
            custom: false,
            created_property: "hs_createdate",
            modified_property: "hs_lastmodifieddate",
            defaults: &[],
            required: &["hs_timestamp"],
            required_2026_09: &[],
            searchable: &["hs_note_body"],
            display: "hs_note_body",
            scope: "contacts",
            first_id: 61_400_000_001,
            properties: builtin::table("notes"),
        },
        ObjectType {
            type_id: "0-27",
            singular: "task",
            plural: "tasks",
            singular_label: "Task",
            plural_label: "Tasks",
            upper: "TASK",
            custom: false,
            created_property: "hs_createdate",
            modified_property: "hs_lastmodifieddate",
            defaults: &[],
            required: &["hs_timestamp"],
            required_2026_09: &[],
            searchable: &["hs_task_body", "hs_task_subject"],
            display: "hs_task_subject",
            scope: "contacts",
            first_id: 62_500_000_001,
            properties: builtin::table("tasks"),
        },
        ObjectType {
            type_id: "2-1000001",
            singular: "project",
            plural: "projects",
            singular_label: "Project",
            plural_label: "Projects",
            upper: "2-1000001",
            custom: true,
            created_property: "hs_createdate",
            modified_property: "hs_lastmodifieddate",
            defaults: &[],
            required: &["name"],
            required_2026_09: &[],
            searchable: &["name", "code"],
            display: "name",
            scope: "custom",
            first_id: 8_600_000_001,
            properties: builtin::table("projects"),
        },
    ];
    types.extend(standard_types::types());
    types
}
