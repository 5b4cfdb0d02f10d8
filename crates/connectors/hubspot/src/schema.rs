//! Objects and their fields.

use std::collections::BTreeSet;

use serde::Deserialize;
use syncline_core::batch::Hint;
use syncline_core::error::{ErrorKind, Result};
use syncline_core::schema::{FieldSchema, ObjectInfo, ObjectSchema};

use crate::client::Client;
use crate::field::{Property, choice, labelled_links, link, links};
use crate::link_type::LinkKind;
use crate::object::ObjectName;

const OBJECTS: &str = "list objects";
const DESCRIBE: &str = "describe";

/// What describes a standard object beside its properties.
struct Known {
    object: &'static str,
    /// Objects of which one record is linked as a reference.
    references: &'static [&'static str],
    /// Objects whose links are offered as sets.
    sets: &'static [&'static str],
    /// Properties that a create must set.
    required: &'static [&'static str],
}

const ACTIVITY_LINKS: &[&str] = &["companies", "contacts", "deals", "tickets"];

const fn activity(object: &'static str, required: &'static [&'static str]) -> Known {
    Known {
        object,
        references: &["company", "contact"],
        sets: ACTIVITY_LINKS,
        required,
    }
}

const KNOWN: [Known; 13] = [
    activity("calls", &["hs_timestamp"]),
    Known {
        object: "companies",
        references: &[],
        sets: &["contacts", "deals", "tickets"],
        required: &[],
    },
    activity("communications", &["hs_timestamp"]),
    Known {
        object: "contacts",
        references: &["company"],
        sets: &["companies", "deals", "tickets"],
        required: &[],
    },
    Known {
        object: "deals",
        references: &["company", "contact"],
        sets: &["companies", "contacts", "tickets"],
        required: &["dealname", "dealstage", "pipeline"],
    },
    activity("emails", &["hs_timestamp", "hs_email_direction"]),
    Known {
        object: "leads",
        references: &["company", "contact"],
        sets: &[],
        required: &["hs_lead_name"],
    },
    Known {
        object: "line_items",
        references: &["deal"],
        sets: &[],
        required: &[],
    },
    activity("meetings", &["hs_timestamp"]),
    activity("notes", &["hs_timestamp"]),
    Known {
        object: "products",
        references: &[],
        sets: &[],
        required: &["name"],
    },
    activity("tasks", &["hs_timestamp"]),
    Known {
        object: "tickets",
        references: &["company", "contact"],
        sets: &["companies", "contacts", "deals"],
        required: &["subject", "hs_pipeline_stage"],
    },
];
/// Objects that HubSpot lets nobody write.
const READ_ONLY: [&str; 1] = ["feedback_submissions"];

#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct List<T> {
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    results: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomSchema {
    name: Option<String>,
    object_type_id: String,
    fully_qualified_name: Option<String>,
    labels: Option<Labels>,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    required_properties: Vec<String>,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    associations: Vec<SchemaAssociation>,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    archived: bool,
}

#[derive(Deserialize)]
struct Labels {
    singular: Option<String>,
    plural: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaAssociation {
    from_object_type_id: Option<String>,
    to_object_type_id: Option<String>,
}

impl CustomSchema {
    fn path(&self) -> &str {
        self.fully_qualified_name.as_deref().unwrap_or(&self.object_type_id)
    }

    fn label(&self) -> String {
        let labels = self.labels.as_ref();
        let named = labels.and_then(|labels| labels.plural.clone().or_else(|| labels.singular.clone()));
        named
            .or_else(|| self.name.clone())
            .unwrap_or_else(|| self.object_type_id.clone())
    }

    fn answers_to(&self, name: &str) -> bool {
        name == self.object_type_id || name == self.path() || self.name.as_deref() == Some(name)
    }

    fn links_to(&self, type_id: &str) -> bool {
        self.associations.iter().any(|association| {
            association.from_object_type_id.as_deref() == Some(&self.object_type_id)
                && association.to_object_type_id.as_deref() == Some(type_id)
        })
    }
}

/// Descriptions of the custom objects; none where the scope for them is not given.
async fn custom(client: &Client<'_>) -> Result<Vec<CustomSchema>> {
    match client.get::<List<CustomSchema>>(OBJECTS, client.paths.schemas()).await {
        Ok(list) => Ok(list
            .results
            .into_iter()
            .filter(|schema| !schema.archived && !ObjectName::new(&schema.object_type_id).is_standard())
            .collect()),
        Err(error) if error.kind() == ErrorKind::Forbidden => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The objects that can be synced, sorted by name.
///
/// # Errors
/// As [`Client::read`], and `Protocol` when the answer can't be read.
pub(crate) async fn objects(client: &Client<'_>) -> Result<Vec<ObjectInfo>> {
    let mut objects: Vec<ObjectInfo> = ObjectName::all_standard()
        .map(|name| info(name, ObjectName::new(name).label(), false))
        .collect();
    objects.extend(
        custom(client)
            .await?
            .iter()
            .map(|schema| info(schema.path(), &schema.label(), true)),
    );
    objects.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(objects)
}

/// The name under which a custom object of this type id is synced.
async fn custom_name(client: &Client<'_>, type_id: &str) -> Result<Option<String>> {
    let schemas = custom(client).await?;
    Ok(schemas
        .iter()
        .find(|schema| schema.answers_to(type_id))
        .map(|schema| schema.path().to_owned()))
}

/// The type id of an object, which subscriptions name it by.
///
/// # Errors
/// As [`objects`].
pub(crate) async fn type_id(client: &Client<'_>, object: &str) -> Result<String> {
    let name = ObjectName::new(object);
    if name.is_standard() || object.starts_with("2-") {
        return Ok(name.type_id().to_owned());
    }
    let schemas = custom(client).await?;
    let found = schemas.into_iter().find(|schema| schema.answers_to(object));
    Ok(found.map_or_else(|| object.to_owned(), |schema| schema.object_type_id))
}

/// Gives custom objects the names under which they are synced: events name them by type id.
pub(crate) async fn name_custom_objects(client: &Client<'_>, hints: &mut [Hint]) {
    let types: BTreeSet<String> = hints
        .iter()
        .map(|hint| hint.object.clone())
        .filter(|object| object.starts_with("2-"))
        .collect();
    for type_id in types {
        // A hint is only a reason to read, so one under the type id is no harm.
        let Ok(Some(name)) = custom_name(client, &type_id).await else {
            continue;
        };
        for hint in hints.iter_mut().filter(|hint| hint.object == type_id) {
            hint.object.clone_from(&name);
        }
    }
}

fn info(name: &str, label: &str, custom: bool) -> ObjectInfo {
    let writable = custom || !READ_ONLY.contains(&ObjectName::new(name).plural());
    ObjectInfo {
        name: name.to_owned(),
        label: label.to_owned(),
        custom,
        creatable: writable,
        updatable: writable,
        deletable: writable,
    }
}

/// The fields of one object: its properties, and its links as reference fields.
///
/// # Errors
/// As [`objects`], and `NotFound` for an object that does not exist.
pub(crate) async fn describe(client: &Client<'_>, object: &str) -> Result<ObjectSchema> {
    let properties: List<Property> = client.get(DESCRIBE, client.paths.properties(object)).await?;
    let name = ObjectName::new(object);
    let Shape {
        info,
        references,
        sets,
        required,
    } = shape(client, object).await?;
    let mut fields: Vec<FieldSchema> = properties.results.iter().map(|property| property.field(name)).collect();
    for field in &mut fields {
        field.required = required.contains(&field.path);
    }
    add_pipelines(client, object, &mut fields).await?;
    fields.extend(references.into_iter().map(link));
    for target in sets {
        fields.push(links(target));
        fields.extend(labelled(client, object, target).await?);
    }
    Ok(ObjectSchema {
        object: info,
        fields,
        version: None,
        left_out: Vec::new(),
    })
}

/// What is known of an object beside its properties.
struct Shape {
    info: ObjectInfo,
    references: Vec<&'static str>,
    sets: Vec<&'static str>,
    required: Vec<String>,
}

async fn shape(client: &Client<'_>, object: &str) -> Result<Shape> {
    let name = ObjectName::new(object);
    let bare = |info| Shape {
        info,
        references: Vec::new(),
        sets: Vec::new(),
        required: Vec::new(),
    };
    if name.is_standard() {
        let mut shape = bare(info(object, name.label(), false));
        if let Some(known) = KNOWN.iter().find(|known| known.object == name.plural()) {
            shape.references = known.references.to_vec();
            shape.sets = known.sets.to_vec();
            shape.required = known.required.iter().map(|name| (*name).to_owned()).collect();
        }
        return Ok(shape);
    }
    let schemas = custom(client).await?;
    let Some(schema) = schemas.into_iter().find(|schema| schema.answers_to(object)) else {
        return Ok(bare(info(object, object, true)));
    };
    let linked = |name: &&&'static str| schema.links_to(ObjectName::new(name).type_id());
    Ok(Shape {
        info: info(object, &schema.label(), true),
        references: ["company", "contact"].iter().filter(linked).copied().collect(),
        sets: ACTIVITY_LINKS.iter().filter(linked).copied().collect(),
        required: schema.required_properties,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Label {
    category: String,
    type_id: u64,
    label: Option<String>,
}

/// A field for each label that links between two objects can carry; none where the scope for them is not given.
async fn labelled(client: &Client<'_>, object: &str, target: &str) -> Result<Vec<FieldSchema>> {
    let url = client
        .paths
        .association_labels(ObjectName::new(object).plural(), target);
    let labels = match client.get::<List<Label>>(DESCRIBE, url).await {
        Ok(list) => list.results,
        Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut fields = Vec::new();
    for Label {
        category,
        type_id,
        label,
    } in labels
    {
        let Some(label) = label.filter(|label| !label.is_empty()) else {
            continue;
        };
        fields.push(labelled_links(target, &LinkKind::new(&category, type_id), &label));
    }
    Ok(fields)
}

#[derive(Deserialize)]
struct Pipeline {
    id: String,
    label: Option<String>,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    archived: bool,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    stages: Vec<Stage>,
}

#[derive(Deserialize)]
struct Stage {
    id: String,
    label: Option<String>,
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    archived: bool,
}

/// Properties that name a pipeline or a stage come without their options.
async fn add_pipelines(client: &Client<'_>, object: &str, fields: &mut [FieldSchema]) -> Result<()> {
    let (pipeline, stage) = match ObjectName::new(object).plural() {
        "deals" => ("pipeline", "dealstage"),
        // Leads, tickets, custom objects and whatever else has a pipeline.
        _ => ("hs_pipeline", "hs_pipeline_stage"),
    };
    let open = |field: &FieldSchema| (field.path == pipeline || field.path == stage) && field.choices.is_empty();
    if !fields.iter().any(open) {
        return Ok(());
    }
    let pipelines = match client
        .get::<List<Pipeline>>(DESCRIBE, client.paths.pipelines(object))
        .await
    {
        Ok(list) => list.results,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::Rejected
            ) =>
        {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for field in fields.iter_mut().filter(|field| open(field)) {
        field.choices = if field.path == pipeline {
            pipelines
                .iter()
                .map(|one| choice(&one.id, one.label.as_deref(), !one.archived))
                .collect()
        } else {
            let stages = pipelines.iter().flat_map(|one| &one.stages);
            stages
                .map(|one| choice(&one.id, one.label.as_deref(), !one.archived))
                .collect()
        };
    }
    Ok(())
}
