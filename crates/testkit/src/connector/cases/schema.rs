//! Objects and their fields.

use std::collections::BTreeSet;

use syncline_core::ErrorKind;
use syncline_core::schema::{Described, FieldKind, ObjectSchema};

use crate::connector::{Act, Need, Scene};

topic! { "schema":
    objects_are_sorted(Need::Nothing, 1) "Objects are sorted by name, each there once.",
    default_objects_are_there(Need::Nothing, 1) "The manifest's default objects are among them.",
    fields_are_described_once(Need::Nothing, 1) "A field is described once.",
    required_fields_can_be_created(Need::Nothing, 1) "A required field can be set by a create.",
    references_name_objects(Need::Nothing, 1) "A reference names the objects it may point to, a set of links those of its members, and nothing else does.",
    nothing_new_is_told(Need::Nothing, 1) "With the version of an earlier description it answers `Unchanged` or the same fields, as long as they are.",
    a_new_field_is_told(Need::Act(Act::AddField), 1) "A field that was added is in the next description, whatever version is given.",
    no_object_is_not_found(Need::Nothing, 1) "An object that does not exist is `NotFound`.",
    a_marker_is_made_once(Need::MakesMarker, 1) "`create.makes_marker`: the field that it names is described as one that can be the marker, and asked again it names the same and makes no other.",
}

async fn objects_are_sorted(scene: &Scene<'_>) {
    let connector = scene.remote.connector();
    let objects = connector.objects(&scene.host, &scene.remote.config()).await.unwrap();
    assert!(objects.windows(2).all(|pair| pair[0].name < pair[1].name));
    assert!(objects.iter().any(|object| object.name == scene.subject().object));
}

async fn default_objects_are_there(scene: &Scene<'_>) {
    let connector = scene.remote.connector();
    let objects = connector.objects(&scene.host, &scene.remote.config()).await.unwrap();
    for default in &connector.manifest().default_objects {
        assert!(objects.iter().any(|object| object.name == *default), "{default}");
    }
}

async fn describe(scene: &Scene<'_>, object: &str, version: Option<&str>) -> Described {
    let connector = scene.remote.connector();
    let described = connector
        .describe(&scene.host, &scene.remote.config(), object, version)
        .await;
    described.unwrap_or_else(|error| panic!("{object}: {error:?}"))
}

/// The descriptions of all default objects.
async fn schemas(scene: &Scene<'_>) -> Vec<ObjectSchema> {
    let mut schemas = Vec::new();
    for object in &scene.remote.connector().manifest().default_objects {
        match describe(scene, object, None).await {
            Described::Schema(schema) => schemas.push(schema),
            Described::Unchanged => panic!("a first description of {object} is whole"),
        }
    }
    schemas
}

async fn fields_are_described_once(scene: &Scene<'_>) {
    for schema in schemas(scene).await {
        let paths: BTreeSet<_> = schema.fields.iter().map(|field| &field.path).collect();
        assert_eq!(paths.len(), schema.fields.len(), "{}", schema.object.name);
        assert!(!paths.is_empty() && paths.iter().all(|path| !path.is_empty()));
    }
    let Described::Schema(schema) = describe(scene, &scene.subject().object, None).await else {
        panic!("a first description is whole")
    };
    let subject = scene.subject();
    for field in [&subject.name, &subject.note, &subject.city] {
        let field = schema.field(field).unwrap_or_else(|| panic!("no {field}"));
        assert!(field.writable(), "{field:?}");
    }
    if let Some(marker) = &subject.marker {
        assert!(schema.field(marker).is_some_and(|field| field.external_id), "{marker}");
    }
}

async fn required_fields_can_be_created(scene: &Scene<'_>) {
    for schema in schemas(scene).await {
        for field in schema.fields.iter().filter(|field| field.required) {
            assert!(field.creatable, "{}: {field:?}", schema.object.name);
        }
    }
}

async fn references_name_objects(scene: &Scene<'_>) {
    for schema in schemas(scene).await {
        for field in &schema.fields {
            let names = !field.references.is_empty();
            let fits = match field.kind {
                FieldKind::Reference => names,
                // A set of choices, or a set of links.
                FieldKind::MultiChoice => true,
                _ => !names,
            };
            assert!(fits, "{}: {field:?}", schema.object.name);
        }
    }
}

async fn nothing_new_is_told(scene: &Scene<'_>) {
    for before in schemas(scene).await {
        match describe(scene, &before.object.name, before.version.as_deref()).await {
            Described::Unchanged => {}
            Described::Schema(again) => assert_eq!(again.fields, before.fields),
        }
    }
}

async fn a_new_field_is_told(scene: &Scene<'_>) {
    let object = &scene.subject().object;
    let Described::Schema(before) = describe(scene, object, None).await else {
        panic!("a first description is whole")
    };
    scene.pass(60);
    let name = scene.remote.add_field();
    for version in [None, before.version.as_deref()] {
        match describe(scene, object, version).await {
            Described::Schema(schema) => assert!(schema.field(&name).is_some(), "no {name}"),
            Described::Unchanged => panic!("{name} is new"),
        }
    }
}

async fn no_object_is_not_found(scene: &Scene<'_>) {
    let connector = scene.remote.connector();
    let no_object = &scene.subject().no_object;
    let described = connector
        .describe(&scene.host, &scene.remote.config(), no_object, None)
        .await;
    assert_eq!(described.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn a_marker_is_made_once(scene: &Scene<'_>) {
    let connector = scene.remote.connector();
    let config = scene.remote.config();
    let object = &scene.subject().object;
    let fields = async || match describe(scene, object, None).await {
        Described::Schema(schema) => schema.fields,
        Described::Unchanged => panic!("a first description of {object} is whole"),
    };
    let before = fields().await.len();
    let made = connector.make_marker(&scene.host, &config, object).await.unwrap();
    let after = fields().await;
    assert_eq!(after.len(), before + 1);
    let field = after.iter().find(|field| field.path == made).unwrap();
    assert!(field.external_id && field.unique && field.creatable, "{field:?}");
    let again = connector.make_marker(&scene.host, &config, object).await.unwrap();
    assert_eq!(again, made);
    assert_eq!(fields().await.len(), before + 1);
}
