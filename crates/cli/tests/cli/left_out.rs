//! What a run of everything could not do is said, and what alone lists.

use crate::folder::Folder;
use crate::journey::connected;
use crate::simulator::{Simulator, connect};

#[test]
fn a_connection_that_a_run_of_everything_leaves_out_is_named_and_what_to_do_about_it() {
    let (salesforce, hubspot) = (Simulator::serve("salesforce"), Simulator::serve("hubspot"));
    let folder = connected(&salesforce, &hubspot);
    folder.run(&["map", "auto", "sales", "Contact", "--write"], 0);
    folder.run(&["map", "auto", "hub", "contacts", "--write"], 0);
    folder.run(&["sync"], 0);

    folder.run(&["pause", "--connection", "hub"], 0);
    let paused = folder.run(&["sync"], 0);
    assert!(paused.out.contains("completed"), "{}", paused.out);
    assert!(
        paused.err.contains("hub is paused") && paused.err.contains("syncline resume --connection hub"),
        "{}",
        paused.err
    );
    folder.run(&["resume", "--connection", "hub"], 0);

    folder.run(&["connections", "disconnect", "hub"], 0);
    let cut_off = folder.run(&["sync"], 4);
    assert!(cut_off.out.contains("completed"), "the other one ran: {}", cut_off.out);
    assert!(cut_off.err.contains("syncline connect hub"), "{}", cut_off.err);
    let named = folder.run(&["sync", "--connection", "hub"], 4);
    assert!(named.err.contains("next: `syncline connect"), "{}", named.err);
    // Not where it was not asked for.
    folder.run(&["sync", "--provider", "salesforce"], 0);
    folder.run(&["sync", "--object", "Contact"], 0);

    connect(&folder, "hub", &hubspot);
    let again = folder.run(&["sync"], 0);
    assert!(!again.err.contains("left out"), "{}", again.err);
}

#[test]
fn listings_need_no_second_word_and_a_mapping_that_nothing_uses_is_named() {
    let folder = Folder::initialised();
    for command in ["connections", "runs", "conflicts", "audit"] {
        let short = folder.run(&[command], 0);
        assert_eq!(short.out, folder.run(&[command, "list"], 0).out, "{command}");
        folder.run(&[command, "--nonsense"], 2);
    }
    folder.configure("[mappings.idle]\nblueprint = \"person\"\nobject = \"Contact\"\nrules = []\n");
    let checked = folder.run(&["check"], 0);
    assert!(
        checked.out.contains("mapping idle") && checked.out.contains("no sync uses it"),
        "{}",
        checked.out
    );
}

#[test]
fn a_folder_without_recorded_schemas_is_refused_by_the_simulators() {
    let folder = Folder::initialised();
    for provider in ["salesforce", "hubspot"] {
        let refused = folder.run(&["simulate", provider, "--records", "0", "--from", "."], 2);
        assert!(refused.err.contains("in it"), "{}", refused.err);
    }
}
