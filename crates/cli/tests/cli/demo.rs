//! The demo as a process: its verdict, its exit code, and what it counts.

use std::fmt::Write;

use serde_json::Value;

use crate::folder::{Ended, Folder};

fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", ended.out, ended.err))
}

fn passed(report: &Value) {
    assert_eq!(report["passed"], true, "{:#}", report["faults"]);
    assert_eq!(report["comparison"]["disagreements"], 0);
    assert_eq!(report["edits"]["unaccounted"], Value::Array(Vec::new()));
    for pass in ["second_pass", "full_pass"] {
        assert_eq!(report[pass]["mutating_requests"], 0);
        assert_eq!(report[pass]["entities_changed"], 0);
    }
    assert!(report["next"].as_array().is_some_and(|next| !next.is_empty()));
}

#[test]
fn all_sides_agree_although_both_crms_go_wrong() {
    let folder = Folder::new();
    let ended = folder.run(
        &[
            "demo",
            "--records",
            "20",
            "--seed",
            "4",
            "--fault",
            "server-error=0.2",
            "--fault",
            "applied-timeout=0.1",
            "--fault",
            "stale-index=0.2",
            "--output",
            "json",
        ],
        0,
    );
    let report = report(&ended);
    passed(&report);
    assert!(report["edits"]["made"].as_u64() > Some(0));
    assert!(
        report["disturbances"]["server-error"].as_u64() > Some(0),
        "{}",
        report["disturbances"]
    );
}

#[test]
fn people_of_two_files_are_matched_and_judged_by_their_true_number() {
    let folder = Folder::new();
    let names = [
        ("michaela", "neumann", "19151111"),
        ("courtney", "painter", "19161214"),
        ("charles", "green", "19480930"),
        ("vanessa", "parr", "19951119"),
        ("mikayla", "malloney", "19860208"),
        ("blake", "howie", "19250301"),
        ("edward", "denholm", "19660306"),
        ("charlie", "alderson", "19491121"),
    ];
    let mut files = [String::new(), String::new()];
    for file in &mut files {
        file.push_str(
            "rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, \
             date_of_birth, soc_sec_id\n",
        );
    }
    for (number, (given, family, born)) in names.iter().enumerate() {
        let id = 4_000_000 + number * 104_729;
        // The second file has typing errors in every third name.
        let mistyped = if number % 3 == 0 { "x" } else { "" };
        for (file, kind, family) in [
            (0, "org", (*family).to_owned()),
            (1, "dup-0", format!("{family}{mistyped}")),
        ] {
            writeln!(
                files[file],
                "rec-{number}-{kind}, {given}, {family}, {number}, station road {number}, , hill{number}, 2{number}00, \
                 nsw, {born}, {id}"
            )
            .unwrap();
        }
    }
    std::fs::write(folder.path().join("a.csv"), &files[0]).unwrap();
    std::fs::write(folder.path().join("b.csv"), &files[1]).unwrap();
    let arguments = [
        "demo",
        "--salesforce",
        "a.csv",
        "--hubspot",
        "b.csv",
        "--output",
        "json",
    ];
    let report = report(&folder.run(&arguments, 0));
    passed(&report);
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!(count("people"), 8);
    assert_eq!(count("matched") + count("missed") + count("review") + count("wrong"), 8);
    assert_eq!(count("wrong"), 0);
    assert!(count("matched") >= 7, "{report:#}");
}
