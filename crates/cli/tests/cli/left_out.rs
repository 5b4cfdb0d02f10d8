//! What a run of everything could not do is said, and what alone lists.

use crate::folder::Folder;
use crate::journey::connected;
use crate::simulator::{Simulator, connect, connect_by};

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

    folder.run(&["connections", "delete", "hub"], 0);
    let deleted = folder.run(&["sync"], 4);
    assert!(
        deleted.err.contains("hub is deleted") && deleted.err.contains("syncline connect hub"),
        "{}",
        deleted.err
    );
    connect(&folder, "hub", &hubspot);
    folder.run(&["sync"], 0);
}

#[test]
fn why_something_is_paused_outlives_a_second_pause_and_its_refusal_says_what_to_type() {
    let (salesforce, hubspot) = (Simulator::serve("salesforce"), Simulator::serve("hubspot"));
    let folder = connected(&salesforce, &hubspot);
    folder.run(&["map", "auto", "sales", "Contact", "--write"], 0);
    folder.run(&["check"], 0);
    let refused = |remedy: &str| {
        let refused = folder.run(&["sync", "--sync", "sales-contact"], 4);
        assert!(
            refused.err.contains("holiday") && refused.err.contains(&format!("next: `syncline resume {remedy}")),
            "{}",
            refused.err
        );
    };
    folder.run(&["pause", "sales-contact", "--reason", "holiday"], 0);
    folder.run(&["pause", "sales-contact"], 0);
    refused("sales-contact");
    folder.run(&["resume", "sales-contact"], 0);
    folder.run(&["pause", "--connection", "sales", "--reason", "holiday"], 0);
    folder.run(&["pause", "--connection", "sales"], 0);
    refused("--connection sales");
}

#[test]
fn an_object_that_needs_more_than_was_asked_for_says_how_to_ask_and_can_be_mapped_then() {
    let mut folder = Folder::initialised();
    let hubspot = Simulator::serve("hubspot");
    folder.add_connection("hub", "hubspot", &hubspot);
    assert_eq!(connect(&folder, "hub", &hubspot).code, 0);
    for command in [
        vec!["map", "auto", "hub", "deals", "--write"],
        vec!["describe", "hub", "deals"],
    ] {
        let refused = folder.run(&command, 4);
        assert!(
            refused.err.contains("next: `syncline connect hub --object deals`"),
            "{}",
            refused.err
        );
    }
    let asked = connect_by(
        &folder,
        &["connect", "hub", "--headless", "--object", "deals"],
        &hubspot,
    );
    assert_eq!(asked.code, 0, "{asked:#?}");
    folder.run(&["map", "auto", "hub", "deals", "--write"], 0);
    folder.run(&["sync"], 0);
}

#[test]
fn listings_need_no_second_word_and_a_mapping_that_nothing_uses_is_named() {
    let folder = Folder::initialised();
    for command in ["connections", "runs", "conflicts", "audit"] {
        let short = folder.run(&[command], 0);
        assert_eq!(short.out, folder.run(&[command, "list"], 0).out, "{command}");
        folder.run(&[command, "--nonsense"], 2);
    }
    let narrowed = folder.run(&["runs", "list", "--status", "failed"], 0);
    assert!(narrowed.out.contains("no run is like that"), "{}", narrowed.out);
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
