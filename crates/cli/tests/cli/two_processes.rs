//! Two processes on one database.

use std::process::Stdio;

use crate::folder::Ended;
use crate::journey::connected;
use crate::simulator::Simulator;

#[test]
fn two_first_imports_at_once_make_nobody_twice() {
    let (salesforce, hubspot) = (Simulator::serve("salesforce"), Simulator::serve("hubspot"));
    let folder = connected(&salesforce, &hubspot);
    for (connection, object) in [("sales", "Contact"), ("hub", "contacts")] {
        let name = format!("{connection}-people");
        folder.run(&["map", "auto", connection, object, "--write", "--name", &name], 0);
    }
    folder.run(&["check"], 0);
    let children: Vec<_> = ["sales", "hub"]
        .into_iter()
        .map(|connection| {
            let mut command = folder.command(&["sync", "--connection", connection, "--output", "json"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let ended = Ended::new(&child.wait_with_output().unwrap());
        assert!(ended.code == 0 || ended.code == 5, "{ended:#?}");
    }
    folder.run(&["sync"], 0);
    let people = folder.json(&["entities", "list", "person", "--limit", "200"]);
    let list = people.as_array().or_else(|| people["entities"].as_array()).unwrap();
    let mut addresses: Vec<String> = list
        .iter()
        .map(|person| person["values"]["email"].as_str().unwrap_or_default().to_lowercase())
        .filter(|address| !address.is_empty())
        .collect();
    let all = addresses.len();
    assert!(all >= 20, "{people}");
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), all, "somebody is there twice");
}

#[test]
fn a_sync_that_was_killed_is_shown_as_interrupted_and_the_next_goes_on() {
    let (salesforce, hubspot) = (Simulator::serve("salesforce"), Simulator::serve("hubspot"));
    let folder = connected(&salesforce, &hubspot);
    folder.run(
        &["map", "auto", "sales", "Contact", "--write", "--name", "sales-people"],
        0,
    );
    folder.run(&["sync"], 0);
    // Somebody who is not there is a failure, and nothing that goes unsaid.
    let unknown = folder.run(&["sync", "--sync", "sales-people", "--record", "003000000000000AAA"], 5);
    assert!(unknown.out.contains("1 record failed"), "{unknown:#?}");
    let failures = folder.json(&["runs", "failures"]);
    assert!(
        failures.to_string().contains("there is no record `003000000000000AAA`"),
        "{failures:#}"
    );

    salesforce.signal("STOP");
    let mut sync = folder
        .command(&["sync"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let under_way = || folder.json(&["status"])["running"].clone();
    while under_way()[0]["status"] != "running" {
        assert!(sync.try_wait().unwrap().is_none(), "it ended by itself");
    }
    sync.kill().unwrap();
    sync.wait().unwrap();
    salesforce.signal("CONT");
    let interrupted = under_way();
    assert_eq!(interrupted[0]["status"], "interrupted", "{interrupted:#}");
    let told = folder.run(&["status"], 0);
    assert!(
        told.out.contains("was interrupted; the next one goes on from there"),
        "{told:#?}"
    );
    let id = interrupted[0]["id"].to_string();
    assert!(folder.run(&["rollback", &id], 4).err.contains("was interrupted"));
    folder.run(&["sync"], 0);
    assert!(under_way().as_array().unwrap().is_empty());
    assert_eq!(folder.json(&["runs", "show", &id])["status"], "stopped");
}
