//! Blueprints, their versions, the trash, and tenants.

use crate::folder::Folder;

fn write(folder: &Folder, name: &str, text: &str) {
    std::fs::write(folder.path().join(name), text).unwrap();
}

#[test]
fn a_blueprint_goes_from_a_file_to_another_version_and_back() {
    let folder = Folder::initialised();
    write(
        &folder,
        "stock.json",
        r#"{"title": "Stock", "type": "object", "required": ["kind"], "x-syncline-blueprint": "stock", "properties": {
            "kind": {"type": "string"}, "weight": {"type": "string"}, "place": {"type": "string"}}}"#,
    );
    folder.run(&["blueprint", "create", "stock.json"], 0);
    let again = folder.run(&["blueprint", "create", "stock.json"], 4);
    assert!(again.err.contains("propose stock"), "{}", again.err);
    let uid = |values: &[&str]| {
        let mut all = vec!["entities", "create", "stock"];
        all.extend(values);
        folder.json(&all)["uid"].as_str().unwrap().to_owned()
    };
    let bolt = uid(&["kind=bolt", "weight=01.50", "place=A 7"]);
    let odd = uid(&["kind=odd", "weight=heavy"]);

    let mut schema: serde_json::Value =
        serde_json::from_str(&folder.run(&["blueprint", "show", "stock", "--schema"], 0).out).unwrap();
    assert_eq!(schema["required"], serde_json::json!(["kind"]));
    schema["properties"]["weight"] = serde_json::json!({"type": "number", "title": "Weight"});
    schema["x-syncline-order"] = serde_json::json!([]);
    write(&folder, "new.json", &schema.to_string());
    let rules = folder.run(&["blueprint", "propose", "stock", "new.json"], 0);
    assert!(rules.out.contains("\"retype\""), "{}", rules.out);
    write(&folder, "rules.json", &rules.out);

    let dry = folder.run(
        &["blueprint", "migrate", "stock", "--rules", "rules.json", "--dry-run"],
        5,
    );
    assert!(
        dry.out.contains("1 of 2 records would change") && dry.out.contains("`heavy`"),
        "{}",
        dry.out
    );
    let ran = folder.run(&["blueprint", "migrate", "stock", "--rules", "rules.json"], 5);
    assert!(
        ran.out.contains("1 brought to version 2") && ran.err.contains("failures stock"),
        "{}{}",
        ran.out,
        ran.err
    );
    let failed = folder.json(&["blueprint", "failures", "stock"]);
    assert_eq!(
        (failed[0]["uid"].as_str(), failed.as_array().unwrap().len()),
        (Some(odd.as_str()), 1)
    );
    assert_eq!(folder.json(&["entities", "get", &bolt])["values"]["weight"], 1.5);
    folder.run(&["entities", "set", &odd, "weight=12"], 0);
    assert_eq!(folder.json(&["blueprint", "failures", "stock"]), serde_json::json!([]));
    let diff = folder.run(&["blueprint", "diff", "stock", "1", "2"], 0);
    assert!(
        diff.out.contains("weight is a decimal number instead of a text"),
        "{}",
        diff.out
    );
    folder.run(&["blueprint", "migrate", "stock", "--back-to", "1"], 0);
    assert_eq!(folder.json(&["entities", "get", &bolt])["values"]["weight"], "01.50");
    let versions = folder.json(&["blueprint", "versions", "stock"]);
    assert_eq!(versions[0]["current"], true);
    folder.run(&["blueprint", "diff", "stock", "1", "9"], 3);

    let trashed = folder.run(&["blueprint", "trash", "stock"], 0);
    assert!(trashed.out.contains("2 records"), "{}", trashed.out);
    assert_eq!(folder.json(&["blueprint", "trash"])[0]["entities"], 2);
    folder.run(&["entities", "set", &bolt, "kind=x"], 4);
    folder.run(&["blueprint", "restore", "stock"], 0);
    folder.run(&["entities", "set", &bolt, "kind=nut"], 0);
    folder.run(&["blueprint", "trash", "stock"], 0);
    folder.run(&["blueprint", "purge", "stock"], 4);
    let purged = folder.run(&["blueprint", "purge", "stock", "--yes"], 0);
    assert!(purged.out.contains("2 records"), "{}", purged.out);
    folder.run(&["entities", "get", &bolt], 3);
}

#[test]
fn tenants_are_made_changed_and_deleted_for_good() {
    let folder = Folder::initialised();
    folder.run(&["tenant", "create", "Acme & Co."], 0);
    folder.run(&["tenant", "create", "acme co"], 4);
    folder.run(&["tenant", "update", "acme-co", "--time-zone", "Nowhere/At All"], 2);
    folder.run(
        &[
            "tenant",
            "update",
            "acme-co",
            "--name",
            "Acme",
            "--time-zone",
            "Europe/Vienna",
        ],
        0,
    );
    let shown = folder.json(&["tenant", "show", "acme-co"]);
    assert_eq!(shown["tenant"]["time_zone"], "Europe/Vienna");
    assert_eq!(shown["records"], 0);
    folder.run(&["tenant", "delete", "acme-co"], 4);
    let deleted = folder.run(&["tenant", "delete", "acme-co", "--yes"], 0);
    assert!(deleted.out.contains("verifies"), "{}", deleted.out);
    folder.run(&["tenant", "show", "acme-co"], 3);
}
