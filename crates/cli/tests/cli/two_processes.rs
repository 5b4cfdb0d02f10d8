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
