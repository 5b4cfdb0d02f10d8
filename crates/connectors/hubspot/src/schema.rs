//! Objects and their fields.

use serde::Deserialize;
use syncline_core::error::{ErrorKind, Result};
use syncline_core::schema::{FieldSchema, ObjectInfo, ObjectSchema};

use crate::client::Client;
use crate::field::{Property, choice, link};
use crate::object::ObjectName;

const OBJECTS: &str = "list objects";
const DESCRIBE: &str = "describe";

/// The standard objects, with their labels, their links and the properties that a create must set.
const STANDARD: [(&str, &str, &[&str], &[&str]); 4] = [
    ("companies", "Companies", &[], &[]),
    ("contacts", "Contacts", &["company"], &[]),
    (
        "deals",
        "Deals",
        &["company", "contact"],
        &["dealname", "dealstage", "pipeline"],
    ),
    (
        "tickets",
        "Tickets",
        &["company", "contact"],
        &["subject", "hs_pipeline_stage"],
    ),
];

#[derive(Deserialize)]
struct List<T> {
    #[serde(default = "Vec::new")]
    results: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomSchema {
    name: Option<String>,
    object_type_id: String,
    fully_qualified_name: Option<String>,
    labels: Option<Labels>,
    #[serde(default)]
    required_properties: Vec<String>,
    #[serde(default)]
    associations: Vec<SchemaAssociation>,
    #[serde(default)]
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
    let mut objects: Vec<ObjectInfo> = STANDARD
        .iter()
        .map(|(name, label, ..)| info(name, label, false))
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

/// The name under which webhooks' type id of a custom object is synced.
///
/// # Errors
/// As [`objects`].
pub(crate) async fn custom_name(client: &Client<'_>, type_id: &str) -> Result<Option<String>> {
    let schemas = custom(client).await?;
    Ok(schemas
        .iter()
        .find(|schema| schema.answers_to(type_id))
        .map(|schema| schema.path().to_owned()))
}

fn info(name: &str, label: &str, custom: bool) -> ObjectInfo {
    ObjectInfo {
        name: name.to_owned(),
        label: label.to_owned(),
        custom,
        creatable: true,
        updatable: true,
        deletable: true,
    }
}

/// The fields of one object: its properties, and its links as reference fields.
///
/// # Errors
/// As [`objects`], and `NotFound` for an object that does not exist.
pub(crate) async fn describe(client: &Client<'_>, object: &str) -> Result<ObjectSchema> {
    let properties: List<Property> = client.get(DESCRIBE, client.paths.properties(object)).await?;
    let name = ObjectName::new(object);
    let standard = STANDARD.iter().find(|(plural, ..)| *plural == name.plural());
    let (info, links, required): (ObjectInfo, Vec<&str>, Vec<String>) = match standard {
        Some((_, label, links, required)) => (
            info(object, label, false),
            links.to_vec(),
            required.iter().map(|name| (*name).to_owned()).collect(),
        ),
        None if name.is_standard() => (info(object, name.plural(), false), Vec::new(), Vec::new()),
        None => match custom(client)
            .await?
            .into_iter()
            .find(|schema| schema.answers_to(object))
        {
            Some(schema) => {
                let links = [("company", "0-2"), ("contact", "0-1")];
                let links = links
                    .into_iter()
                    .filter(|(_, type_id)| schema.links_to(type_id))
                    .map(|(name, _)| name);
                (
                    info(object, &schema.label(), true),
                    links.collect(),
                    schema.required_properties,
                )
            }
            None => (info(object, object, true), Vec::new(), Vec::new()),
        },
    };
    let mut fields: Vec<FieldSchema> = properties.results.iter().map(|property| property.field(name)).collect();
    for field in &mut fields {
        field.required = required.contains(&field.path);
    }
    add_pipelines(client, object, &mut fields).await?;
    fields.extend(links.into_iter().map(link));
    Ok(ObjectSchema {
        object: info,
        fields,
        version: None,
    })
}

#[derive(Deserialize)]
struct Pipeline {
    id: String,
    label: Option<String>,
    #[serde(default)]
    archived: bool,
    #[serde(default = "Vec::new")]
    stages: Vec<Stage>,
}

#[derive(Deserialize)]
struct Stage {
    id: String,
    label: Option<String>,
    #[serde(default)]
    archived: bool,
}

/// Properties that name a pipeline or a stage come without their options.
async fn add_pipelines(client: &Client<'_>, object: &str, fields: &mut [FieldSchema]) -> Result<()> {
    let (pipeline, stage) = match ObjectName::new(object).plural() {
        "deals" => ("pipeline", "dealstage"),
        "tickets" => ("hs_pipeline", "hs_pipeline_stage"),
        _ => return Ok(()),
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
        Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => return Ok(()),
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
