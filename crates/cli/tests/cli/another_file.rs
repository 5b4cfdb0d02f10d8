//! A second configuration on the same database.

use crate::journey::connected;
use crate::simulator::Simulator;

#[test]
fn what_another_file_made_is_left_alone_unless_it_is_to_be_removed() {
    let (salesforce, hubspot) = (Simulator::serve("salesforce"), Simulator::serve("hubspot"));
    let folder = connected(&salesforce, &hubspot);
    let without = std::fs::read_to_string(folder.path().join("syncline.toml")).unwrap();
    std::fs::write(folder.path().join("other.toml"), without).unwrap();
    folder.run(&["map", "auto", "sales", "Contact", "--write", "--name", "people"], 0);
    let saved = folder.run(&["check"], 0);
    assert!(
        saved
            .out
            .contains("saved sync `people`; its first run reads everything, about 20 records"),
        "{}",
        saved.out
    );
    folder.run(&["sync", "--sync", "people", "--max-records", "3"], 0);

    let other = |command: &[&str], code| {
        let mut all = vec!["--config", "other.toml"];
        all.extend(command);
        folder.run(&all, code)
    };
    let checked = other(&["check"], 0);
    assert!(
        checked
            .out
            .contains("sync `people` is not in other.toml and was left alone"),
        "{}",
        checked.out
    );
    assert!(checked.out.contains("--prune"), "{}", checked.out);
    // Everything is what the file says, and it says nothing.
    let nothing = other(&["sync"], 3);
    assert!(
        nothing.err.contains("no sync in other.toml") && nothing.err.contains("map auto"),
        "{}",
        nothing.err
    );
    other(&["map", "auto", "hub", "contacts", "--write", "--name", "persons"], 0);
    let ran = folder.json(&["--config", "other.toml", "sync", "--max-records", "3"]);
    let ledgers = ran[0]["ledgers"].as_object().unwrap();
    assert!(
        ledgers.contains_key("persons") && !ledgers.contains_key("people"),
        "{ran}"
    );

    let pruned = other(&["check", "--prune"], 0);
    assert!(pruned.out.contains("removed sync `people`"), "{}", pruned.out);
    let refused = folder.json(&["status"]);
    assert!(refused.to_string().contains("persons"), "{refused}");
    // It comes back with its file, and its links.
    let back = folder.run(&["check"], 0);
    assert!(back.out.contains("saved sync `people`"), "{}", back.out);
    assert!(
        back.out.contains("sync `persons` is not in syncline.toml"),
        "{}",
        back.out
    );
}
