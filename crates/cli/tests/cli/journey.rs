//! From nothing to two CRMs in sync, one command after the other.

use serde_json::Value;

use crate::folder::Folder;
use crate::simulator::{Simulator, connect};

fn counts(runs: &Value, direction: &str, count: &str) -> u64 {
    let mut sum = 0;
    for run in runs.as_array().unwrap() {
        for ledger in run["ledgers"].as_object().unwrap().values() {
            sum += ledger[direction][count].as_u64().unwrap_or_default();
        }
    }
    sum
}

fn statuses(runs: &Value) -> Vec<&str> {
    runs.as_array()
        .unwrap()
        .iter()
        .map(|run| run["status"].as_str().unwrap())
        .collect()
}

/// Signs in to both and maps people, with conflicts on the city left to a person.
pub(crate) fn connected(salesforce: &Simulator, hubspot: &Simulator) -> Folder {
    let mut folder = Folder::initialised();
    folder.add_connection("sales", "salesforce", salesforce);
    folder.add_connection("hub", "hubspot", hubspot);
    for (name, simulator) in [("sales", salesforce), ("hub", hubspot)] {
        let ended = connect(&folder, name, simulator);
        assert_eq!(ended.code, 0, "{ended:#?}");
        assert!(ended.out.contains(&format!("connected `{name}`")), "{}", ended.out);
        assert!(
            !ended.out.contains(&simulator.says("client_secret"))
                && !ended.err.contains(&simulator.says("client_secret"))
        );
    }
    folder
}

#[test]
fn two_simulated_crms_are_connected_mapped_synced_edited_and_resolved() {
    let (salesforce, hubspot) = (Simulator::serve("salesforce"), Simulator::serve("hubspot"));
    let folder = connected(&salesforce, &hubspot);

    let connections = folder.json(&["connections", "list"]);
    assert_eq!(connections.as_array().unwrap().len(), 2);
    let tests = folder.json(&["connections", "test"]);
    assert!(
        tests
            .as_array()
            .unwrap()
            .iter()
            .all(|test| test["health"]["ok"] == true),
        "{tests}"
    );
    let objects = folder.json(&["objects", "sales"]);
    assert!(
        objects
            .as_array()
            .unwrap()
            .iter()
            .any(|object| object["name"] == "Contact")
    );
    let schema = folder.json(&["describe", "hub", "contacts"]);
    assert!(
        schema["fields"]
            .as_array()
            .unwrap()
            .iter()
            .any(|field| field["path"] == "email")
    );
    assert!(
        folder
            .run(&["describe", "sales", "Nothing__c"], 3)
            .err
            .contains("syncline objects sales")
    );

    assert_eq!(folder.json(&["marker", "sales", "Lead"])["marker"], "Syncline_Key__c");
    let told = folder.run(&["marker", "sales", "Lead"], 0).out;
    assert!(told.contains("marker = \"Syncline_Key__c\""), "asked again: {told}");

    // What people refer to comes first; without it, the reference is left out and the note says so.
    let alone = folder.run(&["map", "auto", "sales", "Contact"], 0);
    assert!(
        alone.out.contains("`AccountId` refers to Account and is left out"),
        "{}",
        alone.out
    );
    for (connection, object, name) in [
        ("sales", "Account", "sales-companies"),
        ("hub", "companies", "hub-companies"),
    ] {
        folder.run(&["map", "auto", connection, object, "--write", "--name", name], 0);
    }
    let proposal = folder.json(&["map", "auto", "sales", "Contact", "--write", "--name", "sales-people"]);
    assert!(
        proposal["rules"]
            .as_array()
            .unwrap()
            .iter()
            .any(|rule| rule["rule"]["remote"][0] == "AccountId"),
        "{proposal:#}"
    );
    assert!(
        proposal["rules"]
            .as_array()
            .unwrap()
            .iter()
            .all(|rule| rule["confidence"].as_f64().unwrap() >= 0.5)
    );
    folder.run(
        &[
            "map",
            "auto",
            "hub",
            "contacts",
            "--write",
            "--name",
            "hub-people",
            "--schedule",
            "every 15 minutes",
        ],
        0,
    );
    assert!(
        folder
            .run(
                &["map", "auto", "hub", "contacts", "--write", "--name", "hub-people"],
                4
            )
            .err
            .contains("--name")
    );
    folder.run(&["map", "check"], 0);
    let preview = folder.json(&["map", "preview", "sales-people", "--records", "2"]);
    assert_eq!(preview["records"].as_array().unwrap().len(), 2);
    ask_a_person_about_cities(&folder);
    folder.run(&["check"], 0);

    let planned = folder.json(&["sync", "--dry-run"]);
    assert!(
        planned
            .as_array()
            .unwrap()
            .iter()
            .any(|run| run["planned"].as_u64().unwrap() > 0)
    );
    assert!(
        folder.json(&["entities", "list", "person"])["entities"]
            .as_array()
            .unwrap()
            .is_empty()
    );

    let first = folder.json(&["sync"]);
    assert_eq!(statuses(&first), ["completed", "completed"], "{first:#}");
    assert_eq!(counts(&first, "pull", "read"), 44);
    folder.json(&["sync"]);
    let quiet = folder.json(&["sync"]);
    for count in ["created", "updated", "deleted", "failed"] {
        assert_eq!(
            counts(&quiet, "pull", count) + counts(&quiet, "push", count),
            0,
            "{count}: {quiet:#}"
        );
    }
    let status = folder.json(&["status"]);
    let linked = |name: &str| {
        let sync = status["syncs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|sync| sync["name"] == name)
            .unwrap();
        sync["counts"]["linked"].as_u64().unwrap()
    };
    assert_eq!(
        linked("sales-people"),
        linked("hub-people"),
        "both CRMs hold everybody: {status:#}"
    );
    assert!(
        linked("sales-people") < 40,
        "nobody who is in both was made twice: {status:#}"
    );

    edit_and_resolve(&folder, &salesforce);
    look_back(&folder);
}

/// Syncs until nothing is left for a later run. A record edited within the second of our own write is looked at again.
fn settle(folder: &Folder) {
    for _ in 0..5 {
        let output = folder.command(&["sync"]).output().unwrap();
        match output.status.code() {
            Some(0) => return,
            Some(5) => std::thread::sleep(std::time::Duration::from_secs(1)),
            _ => panic!("{output:?}"),
        }
    }
    panic!("it does not settle: {}", folder.run(&["status"], 0).out);
}

fn ask_a_person_about_cities(folder: &Folder) {
    let path = folder.path().join("syncline.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let asked = text.replace(
        "remote = \"MailingCity\"",
        "remote = \"MailingCity\", strategy = \"manual_review\"",
    );
    assert_ne!(text, asked);
    std::fs::write(path, asked).unwrap();
}

/// Both sides change the same city: a person decides, once for this record and then for all.
fn edit_and_resolve(folder: &Folder, salesforce: &Simulator) {
    let page = folder.json(&["entities", "list", "person", "--limit", "3"]);
    let person = &page["entities"][0];
    let uid = person["uid"].as_str().unwrap();
    let record = person["links"]
        .as_array()
        .unwrap()
        .iter()
        .find(|link| link["object"] == "Contact")
        .unwrap()["record"]
        .as_str()
        .unwrap();
    folder.run(&["entities", "set", uid, "city=Graz"], 0);
    assert!(
        folder
            .run(&["entities", "set", uid, "town=Graz"], 2)
            .err
            .contains("town")
    );
    assert_eq!(
        folder
            .run(&["entities", "set", uid, "city=Wien", "--rev", "9999"], 2)
            .code,
        2
    );
    let answer = salesforce.patch(
        &format!("/services/data/v66.0/sobjects/Contact/{record}"),
        "{\"MailingCity\":\"Linz\"}",
    );
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");

    settle(folder);
    folder.run(&["sync", "--fail-on-conflicts"], 6);
    folder.run(&["status", "--fail-on-conflicts"], 6);
    let conflicts = folder.json(&["conflicts", "list", "--object", "Contact"]);
    let conflict = conflicts[0]["id"].to_string();
    assert_eq!(conflicts.as_array().unwrap().len(), 1, "{conflicts:#}");
    let shown = folder.run(&["conflicts", "show", &conflict], 0).out;
    assert!(shown.contains("Graz") && shown.contains("Linz"), "{shown}");
    assert!(shown.contains(&format!("sales-people {record}")), "{shown}");
    let listed = folder.run(&["conflicts", "list"], 0).out;
    assert!(
        listed.contains("both changed") && listed.contains("`syncline conflicts show"),
        "{listed}"
    );
    assert!(
        folder
            .run(&["conflicts", "resolve", &conflict, "--field", "phone=app"], 2)
            .err
            .contains("city")
    );
    folder.run(
        &["conflicts", "resolve", &conflict, "--all", "app", "--if-version", "99"],
        4,
    );
    folder.run(&["conflicts", "resolve", &conflict, "--field", "city=value:Steyr"], 0);
    folder.run(&["conflicts", "resolve", &conflict, "--all", "app"], 4);
    settle(folder);
    let person = folder.json(&["entities", "get", uid]);
    assert_eq!(person["values"]["city"], "Steyr");

    folder.run(&["entities", "set", uid, "city=Graz"], 0);
    salesforce.patch(
        &format!("/services/data/v66.0/sobjects/Contact/{record}"),
        "{\"MailingCity\":\"Linz\"}",
    );
    settle(folder);
    let conflict = folder.json(&["conflicts", "list"])[0]["id"].to_string();
    folder.run(&["conflicts", "always", &conflict, "crm"], 0);
    let text = std::fs::read_to_string(folder.path().join("syncline.toml")).unwrap();
    assert!(
        text.contains("remote = \"MailingCity\", strategy = \"crm_wins\""),
        "{text}"
    );
    settle(folder);
    assert_eq!(folder.json(&["entities", "get", uid])["values"]["city"], "Linz");
}

/// Runs, pauses, rollback and audit of what happened.
fn look_back(folder: &Folder) {
    let runs = folder.json(&["runs", "list", "--object", "Contact", "--status", "completed"]);
    let newest = runs[0]["id"].to_string();
    assert!(folder.run(&["runs", "show", &newest], 0).out.contains("started"));
    assert!(folder.json(&["runs", "failures"]).as_array().unwrap().is_empty());

    folder.run(&["pause", "sales-people", "--reason", "month end"], 0);
    let refused = folder.run(&["sync", "--sync", "sales-people"], 4);
    assert!(refused.err.contains("month end"), "{}", refused.err);
    folder.run(&["check"], 0);
    folder.run(&["sync", "--sync", "sales-people"], 4);
    let rest = folder.run(&["sync"], 0);
    assert!(
        rest.err
            .contains("`sales-people` is paused (month end) and left out; `syncline resume sales-people`"),
        "{}",
        rest.err
    );
    assert_eq!(folder.run(&["sync", "--object", "Kontakt"], 3).out, "");
    folder.run(&["resume", "sales-people"], 0);
    folder.run(&["resume", "sales-people"], 4);
    folder.run(&["pause", "--connection", "hub"], 0);
    folder.run(&["objects", "hub"], 4);
    folder.run(&["resume", "--connection", "hub"], 0);

    let made = folder
        .run(
            &["entities", "create", "person", "last_name=Neu", "email=neu@example.com"],
            0,
        )
        .out;
    let uid = made.trim();
    let pushed = folder.json(&["sync", "--direction", "push"]);
    assert_eq!(counts(&pushed, "push", "created"), 2, "{pushed:#}");
    let run = pushed[0]["id"].to_string();
    folder.run(&["rollback", &run, "--dry-run"], 0);
    folder.run(&["entities", "delete", uid], 0);
    folder.run(&["entities", "undelete", uid], 0);

    // A record that Salesforce refuses is named so that it can be looked up and mended.
    let nameless = folder.run(&["entities", "create", "person", "city=Wien"], 0).out;
    let nameless = nameless.trim();
    let partial = folder.run(&["sync", "--sync", "sales-people"], 5).out;
    assert!(partial.contains("1 record failed"), "{partial}");
    let failures = folder.run(&["runs", "failures"], 0).out;
    assert!(
        failures.contains(nameless) && failures.contains("sales-people") && failures.contains("runs retry"),
        "{failures}"
    );
    folder.run(&["entities", "set", nameless, "last_name=Namenlos"], 0);
    let failure = folder.json(&["runs", "failures"])[0]["id"].to_string();
    folder.run(&["runs", "retry", &failure], 0);
    folder.run(&["sync", "--sync", "sales-people"], 0);
    assert!(folder.json(&["runs", "failures"]).as_array().unwrap().is_empty());

    assert!(folder.run(&["audit", "verify"], 0).out.contains("intact"));
    let entries = folder.json(&["audit", "list", "--limit", "5"]);
    assert_eq!(entries.as_array().unwrap().len(), 5);
    let mut exporting = folder
        .command(&["audit", "export"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(exporting.stdout.take());
    assert!(
        exporting.wait().unwrap().success(),
        "whoever stops reading is no failure"
    );
    folder.run(&["audit", "export", "--file", "audit.jsonl"], 0);
    folder.run(&["audit", "export", "--file", "audit.jsonl"], 4);
    assert!(
        std::fs::read_to_string(folder.path().join("audit.jsonl"))
            .unwrap()
            .lines()
            .count()
            > 5
    );

    folder.run(&["connections", "disconnect", "hub"], 0);
    folder.run(&["connections", "delete", "hub"], 0);
    folder.run(&["connections", "delete", "hub"], 4);
    assert_eq!(folder.json(&["connections", "list"]).as_array().unwrap().len(), 1);
}
