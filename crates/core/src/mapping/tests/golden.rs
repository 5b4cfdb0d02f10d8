//! Cases as folders.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::place;
use super::short_schema::schema;
use crate::lens::LensRegistry;
use crate::mapping::{Mapping, check, compile};
use crate::model::Blueprint;
use crate::schema::ObjectSchema;

fn run(mapping: &Mapping, blueprint: &Blueprint, schema: &ObjectSchema) -> serde_json::Value {
    let registry = LensRegistry::standard();
    let findings = check(mapping, blueprint, schema, &registry);
    let compiled = match compile(mapping, blueprint, schema, &registry, place()) {
        Err(_) => json!(null),
        Ok(side) => json!({
            "projection": side.projection.fields,
            "groups": side.groups.iter().map(|group| json!({
                "name": blueprint.group_name(group.group),
                "direction": group.direction,
                "strategy": group.strategy,
                "paths": group.paths.iter().map(|&path| &side.projection.fields[path].path).collect::<Vec<_>>(),
                "set": group.set,
            })).collect::<Vec<_>>(),
        }),
    };
    json!({ "findings": findings, "compiled": compiled })
}

fn read(folder: &Path, file: &str) -> serde_json::Value {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Each folder below `golden` is a case; `SYNCLINE_GOLDEN=write` writes what it gives.
#[test]
fn golden_cases_give_what_is_expected_of_them() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/mapping/golden"));
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    assert!(!folders.is_empty());
    for folder in folders {
        let mapping: Mapping = serde_json::from_value(read(&folder, "mapping.json")).unwrap();
        let blueprint: Blueprint = serde_json::from_value(read(&folder, "blueprint.json")).unwrap();
        let found = run(&mapping, &blueprint, &schema(read(&folder, "schema.json")));
        let expected = folder.join("expected.json");
        if std::env::var_os("SYNCLINE_GOLDEN").is_some() {
            std::fs::write(&expected, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
        }
        assert_eq!(read(&folder, "expected.json"), found, "{}", folder.display());
    }
}
