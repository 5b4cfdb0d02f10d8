//! Records from a file to a list, an edit of many, a file and a report.

use serde_json::json;

use crate::folder::Folder;

const BLUEPRINT: &str = "[blueprints.person]\nfields = [\n  { name = \"name\", required = true, indexed = true },\n  \
                         { name = \"email\", type = \"email\", unique = true },\n  { name = \"city\" },\n  \
                         { name = \"age\", type = \"integer\" },\n]\n";

const PEOPLE: &str = "Full name;E-Mail;City;Age\nZoë Müßig;zoe@x.org;Graz;36\nAda King;ada@x.org;Wien;old\n\
                      \"=1+1; \"\"x\"\"\";eq@x.org;Linz;1\nBo;bo@x.org;Graz;7\n";

#[test]
fn records_come_from_a_file_are_found_edited_and_written_to_another() {
    let folder = Folder::initialised();
    folder.configure(BLUEPRINT);
    folder.run(&["check"], 0);
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("people.csv"), PEOPLE).unwrap();
    let import = [
        "entities",
        "import",
        "person",
        "people.csv",
        "--column",
        "Full name=name",
    ];
    let tried = folder.run(&[&import[..], &["--dry-run"]].concat(), 0);
    assert!(tried.out.contains("records are recognised by `email`"), "{}", tried.out);
    assert!(folder.run(&["entities", "list"], 0).out.contains("none yet"));
    let imported = folder.run(&import, 5);
    assert!(
        imported
            .out
            .contains("3 new, 0 changed, 0 like this already, 1 refused"),
        "{}",
        imported.out
    );
    // What was refused is mended and imported again, and never overwritten.
    folder.run(&import, 4);
    let refused = std::fs::read_to_string(file("people.refused.csv")).unwrap();
    assert!(refused.contains("`old` is text, not a whole number"), "{refused}");
    std::fs::write(file("mended.csv"), refused.replace(",old", ",41")).unwrap();
    folder.run(
        &[
            "entities",
            "import",
            "person",
            "mended.csv",
            "--column",
            "Full name=name",
        ],
        0,
    );

    let page = folder.json(&["entities", "list", "person", "--sort", "city,age:desc", "--page", "1"]);
    let names: Vec<&str> = page["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| entity["values"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        (names, &page["total"]),
        (vec!["Zoë Müßig", "Bo", "=1+1; \"x\"", "Ada King"], &json!(4))
    );
    let found = folder.json(&["entities", "search", "person", "MUSSIG gra"]);
    assert_eq!(found["entities"][0]["values"]["email"], "zoe@x.org");
    let sums = folder.json(&["entities", "aggregate", "person", "--by", "city", "--sum", "age"]);
    assert_eq!(sums[0], json!({ "key": "Graz", "count": 2, "values": [43] }));

    folder.run(&["entities", "bulk", "set", "person", "city=Rom"], 2);
    let graz = [
        "entities",
        "bulk",
        "set",
        "person",
        "--filter",
        "city == 'Graz'",
        "city=Rom",
    ];
    let shown = folder.run(&graz, 0);
    assert!(
        shown.out.contains("2 would change") && shown.out.contains("nothing was written"),
        "{}",
        shown.out
    );
    folder.run(&[&graz[..], &["--yes"]].concat(), 0);
    let taken = folder.run(
        &["entities", "bulk", "set", "person", "--all", "email=a@x.org", "--yes"],
        5,
    );
    assert!(
        taken.out.contains("1 changed, 0 like this already, 3 refused"),
        "{}",
        taken.out
    );

    let uid = found["entities"][0]["uid"].as_str().unwrap();
    let history = folder.run(&["entities", "history", uid], 0);
    assert!(
        history.out.contains("city: Graz -> Rom") && history.out.contains("tester"),
        "{}",
        history.out
    );
    folder.run(&["entities", "restore", uid, "--rev", "1"], 0);
    folder.run(&["entities", "restore", uid, "--rev", "99"], 2);

    for name in ["out.csv", "out.jsonl", "out.xlsx"] {
        folder.run(&["entities", "export", "person", name], 0);
        folder.run(&["entities", "export", "person", name], 4);
        let again = folder.run(&["entities", "import", "person", name], 0);
        assert!(
            again.out.contains("0 new, 0 changed, 4 like this already"),
            "{}",
            again.out
        );
    }
    let csv = std::fs::read_to_string(file("out.csv")).unwrap();
    assert!(csv.contains("\"'=1+1; \"\"x\"\"\""), "{csv}");

    let rules = json!([
        { "name": "age", "check": "range", "field": "age", "maximum": 40, "severity": "refuse" },
        { "name": "city", "check": "format", "field": "city", "pattern": "[A-Z][a-z]+" }
    ]);
    std::fs::write(file("rules.json"), rules.to_string()).unwrap();
    folder.run(&["entities", "quality", "person", "--set-rules", "rules.json"], 0);
    let report = folder.run(&["entities", "quality", "person"], 5);
    assert!(
        report.out.contains("`age` is 41, and at most 40 is expected"),
        "{}",
        report.out
    );
    folder.run(
        &["entities", "quality", "person", "--filter", "age < 40", "--strict"],
        0,
    );
    folder.run(&["entities", "set", uid, "age=77"], 2);
}
