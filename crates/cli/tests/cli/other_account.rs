//! A connection that comes back as another account.

use std::fs;

use crate::folder::{Ended, Folder};
use crate::simulator::{Simulator, connect, connect_by};

/// Points a connection of the file at another simulator.
fn repoint(folder: &Folder, from: &Simulator, to: &Simulator) {
    let path = folder.path().join("syncline.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(&from.says("base_url"), &to.says("base_url"))).unwrap();
}

#[test]
fn records_of_another_account_under_the_same_ids_overwrite_nothing_unasked() {
    // Their records have the same ids, and are other people.
    let (first, second) = (Simulator::serve("salesforce"), Simulator::seeded("salesforce", "8"));
    let mut folder = Folder::initialised();
    folder.add_connection("sales", "salesforce", &first);
    assert_eq!(connect(&folder, "sales", &first).code, 0);
    folder.run(&["map", "auto", "sales", "Contact", "--write"], 0);
    folder.run(&["sync"], 0);
    let before = folder.json(&["entities", "list", "person", "--limit", "100"]);

    repoint(&folder, &first, &second);
    let checked = folder.run(&["check"], 0);
    assert!(
        checked.out.contains(&first.says("base_url")) && checked.out.contains("syncline connect sales"),
        "{}",
        checked.out
    );
    let refused = connect(&folder, "sales", &second);
    assert_eq!(refused.code, 4, "{refused:#?}");
    assert!(
        refused.err.contains("syncline connect sales --accept-other-account"),
        "{}",
        refused.err
    );
    assert_eq!(connect_with(&folder, &second).code, 0);

    let stopped = folder.run(&["sync"], 4);
    assert!(
        stopped.err.contains("its account was replaced") && stopped.err.contains("--release-brake"),
        "{}",
        stopped.err
    );
    let after = folder.json(&["entities", "list", "person", "--limit", "100"]);
    assert_eq!(before, after);
    let dry = Ended::new(&folder.command(&["sync", "--dry-run"]).output().unwrap());
    assert!(
        dry.out.contains("last_name") && dry.err.contains("brake would stop"),
        "{dry:#?}"
    );
    let pushed = folder.run(&["sync", "--direction", "push", "--sync", "sales-contact"], 0);
    assert!(pushed.out.contains("completed"), "{}", pushed.out);
    let released = folder.run(&["sync", "--release-brake"], 0);
    assert!(!released.err.contains("brake"), "{released:#?}");
    let last = folder.run(&["sync", "--full"], 0);
    assert!(!last.err.contains("brake"), "it is asked once: {last:#?}");
}

fn connect_with(folder: &Folder, simulator: &Simulator) -> Ended {
    connect_by(
        folder,
        &["connect", "sales", "--headless", "--accept-other-account"],
        simulator,
    )
}
