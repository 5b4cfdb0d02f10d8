//! The guide to flows, typed as it stands.

use std::process::Command;

use crate::folder::Folder;

const GUIDE: &str = include_str!("../../../../docs/flows.md");

/// A block of commands, with the output that the guide shows for it.
struct Step {
    commands: String,
    shown: Vec<String>,
}

fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut language: Option<&str> = None;
    for line in GUIDE.lines() {
        match (line.strip_prefix("```"), language) {
            (Some(_), Some(_)) => language = None,
            (Some(opened), None) => {
                language = Some(opened);
                if opened == "sh" {
                    steps.push(Step {
                        commands: String::new(),
                        shown: Vec::new(),
                    });
                }
            }
            (None, Some("sh")) => {
                let step = steps.last_mut().unwrap();
                step.commands.push_str(line);
                step.commands.push('\n');
            }
            (None, Some("text")) => steps.last_mut().unwrap().shown.push(line.to_owned()),
            (None, _) => {}
        }
    }
    steps
}

#[test]
fn the_two_cases_of_the_guide_go_from_an_empty_folder_to_the_end() {
    let folder = Folder::new();
    let steps = steps();
    assert!(steps.len() > 5, "the guide has its steps");
    let mut script = String::new();
    for step in &steps {
        script.push_str(&step.commands);
        script.push_str("echo @@@\n");
    }
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_syncline")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let ran = Command::new("bash")
        .args(["-c", &format!("exec 2>&1\n{script}")])
        .current_dir(folder.path())
        .env("PATH", path)
        .env("SYNCLINE_ACTOR", "ada")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&ran.stdout).into_owned();
    let printed: Vec<&str> = output.split("@@@\n").collect();
    for (step, printed) in steps.iter().zip(&printed) {
        let mut rest = *printed;
        for line in &step.shown {
            for part in line.split('…') {
                let place = rest.find(part);
                assert!(
                    place.is_some(),
                    "the guide shows `{line}`, and this was printed:\n{printed}\n(all: {output})"
                );
                rest = &rest[place.unwrap_or_default() + part.len()..];
            }
        }
    }
    let complained = output.matches("error: ").count();
    let shown = steps
        .iter()
        .flat_map(|step| &step.shown)
        .filter(|line| line.starts_with("error: "))
        .count();
    assert_eq!(complained, shown, "only what the guide shows goes wrong:\n{output}");

    let deliveries = folder.json(&["entities", "list", "delivery"]);
    let delivery = &deliveries["entities"][0]["values"];
    assert_eq!(delivery["status"], "DELIVERED");
    assert!(
        delivery["started_at"].is_string() && delivery["delivered_at"].is_string(),
        "{delivery}"
    );
    let stock = folder.json(&["entities", "list", "stock_item"]);
    let states: Vec<&str> = stock["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["values"]["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["STORED", "RECEIVED", "GONE"]);
    let uid = stock["entities"][2]["uid"].as_str().unwrap().to_owned();
    let history = folder.json(&["flow", "history", &uid]);
    assert_eq!(history[0]["changes"].as_array().unwrap().len(), 3);
    assert_eq!(history[0]["changes"][0]["by"], "ada");
}

#[test]
fn what_is_wrong_with_a_flow_is_told_with_its_place_and_an_exit_code() {
    let folder = Folder::initialised();
    std::fs::write(
        folder.path().join("delivery.json"),
        r#"{ "name": "delivery", "fields": [
            { "name": "status", "type": "choice", "choices": [
                { "value": "OPEN", "label": "Open" }, { "value": "SHUT", "label": "Shut" } ] },
            { "name": "weight", "type": "decimal" } ] }"#,
    )
    .unwrap();
    folder.run(&["blueprint", "create", "delivery.json"], 0);
    let flow = r#"
        name = "delivery"
        blueprint = "delivery"
        field = "status"
        initial = ["OPEN"]
        [[transitions]]
        name = "shut"
        from = ["OPEN"]
        to = "SHUT"
        guard = "status == 'SHUT'"
        updates = ["weight = 'heavy'"]
    "#;
    std::fs::write(folder.path().join("flow.toml"), flow).unwrap();
    let ended = folder.run(&["flow", "check", "flow.toml"], 2);
    for part in [
        "transitions.shut.guard",
        "transitions.shut.updates.weight",
        "nothing leads out of SHUT",
    ] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
    let ended = folder.run(&["flow", "create", "flow.toml"], 2);
    assert!(ended.err.contains("can't be saved as it is"), "{}", ended.err);
    let ended = folder.run(&["flow", "show", "delivery"], 3);
    assert!(ended.err.contains("there is no flow `delivery`"), "{}", ended.err);
    let ended = folder.run(&["flow", "edit", "flow.toml"], 3);
    assert!(ended.err.contains("flow create flow.toml"), "{}", ended.err);
    let ended = folder.run(&["flow", "check", "nowhere.toml"], 3);
    assert!(ended.err.contains("nowhere.toml can't be read"), "{}", ended.err);
    std::fs::write(folder.path().join("odd.toml"), "name = \"x\"\nsteps = 1\n").unwrap();
    let ended = folder.run(&["flow", "check", "odd.toml"], 2);
    assert!(ended.err.contains("odd.toml is no flow"), "{}", ended.err);
}

#[test]
fn a_saved_flow_is_printed_as_a_file_that_makes_its_next_version() {
    let folder = Folder::initialised();
    let blueprint = r#"{ "name": "door", "fields": [ { "name": "state", "type": "choice", "default": "OPEN", "choices": [
        { "value": "OPEN", "label": "Open" }, { "value": "SHUT", "label": "Shut" } ] } ] }"#;
    std::fs::write(folder.path().join("door.json"), blueprint).unwrap();
    folder.run(&["blueprint", "create", "door.json"], 0);
    let flow = r#"{ "name": "door", "blueprint": "door", "field": "state", "initial": ["OPEN"], "final": ["SHUT"],
        "transitions": [ { "name": "shut", "from": ["OPEN"], "to": "SHUT", "roles": ["porter"] } ] }"#;
    std::fs::write(folder.path().join("flow.json"), flow).unwrap();
    folder.run(&["flow", "create", "flow.json"], 0);
    let shown = folder.run(&["flow", "show", "door", "--toml"], 0);
    let edited = shown
        .out
        .replace("[[transitions]]", "inbound = \"refuse\"\n[[transitions]]")
        .replace("inbound = \"review\"\n", "");
    std::fs::write(folder.path().join("flow.toml"), edited).unwrap();
    let saved = folder.run(&["flow", "edit", "flow.toml"], 0);
    assert!(saved.out.contains("saved version 2"), "{}", saved.out);
    let again = folder.run(&["flow", "edit", "flow.toml"], 0);
    assert!(again.out.contains("version 2 stays"), "{}", again.out);
    let versions = folder.json(&["flow", "versions", "door"]);
    assert_eq!(versions[0]["flow"]["inbound"], "review");
    assert_eq!(versions[1]["flow"]["inbound"], "refuse");
    assert_eq!(
        folder.json(&["flow", "show", "door", "--version", "1"])["inbound"],
        "review"
    );

    let made = folder.run(&["entities", "create", "door", "state=OPEN"], 0);
    let uid = made.out.trim().to_owned();
    let refused = folder.run(&["flow", "take", "shut", &uid], 4);
    assert!(refused.err.contains("it is for the role porter"), "{}", refused.err);
    folder.run(&["flow", "take", "shut", &uid, "--role", "porter"], 0);
    folder.run(&["flow", "remove", "door"], 0);
    assert!(folder.run(&["flow", "list"], 0).out.contains("there is no flow yet"));
}
