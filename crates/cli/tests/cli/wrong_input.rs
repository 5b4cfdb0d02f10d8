//! Wrong input of each command: one sentence, what to do next, and the documented exit code.

use crate::folder::Folder;

#[test]
fn init_writes_both_files_and_overwrites_neither() {
    let folder = Folder::initialised();
    let key = folder.path().join("syncline.key");
    let before = std::fs::read(&key).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let again = folder.run(&["init"], 4);
    assert!(again.err.contains("syncline.toml is there already"), "{}", again.err);
    folder.run(&["init", "--key-only"], 4);
    assert_eq!(std::fs::read(&key).unwrap(), before);
    folder.run(&["check"], 0);
}

#[test]
fn without_a_configuration_every_command_says_how_to_get_one() {
    let folder = Folder::new();
    for command in [
        &["status"][..],
        &["check"],
        &["sync"],
        &["schedule"],
        &["connect", "x"],
        &["connections", "list"],
        &["objects", "x"],
        &["describe", "x", "y"],
        &["map", "auto", "x", "y"],
        &["runs", "list"],
        &["conflicts", "list"],
        &["entities", "list"],
        &["pause", "x"],
        &["resume", "x"],
        &["rollback", "1"],
        &["audit", "list"],
    ] {
        let ended = folder.run(command, 3);
        assert!(ended.err.contains("syncline init"), "{command:?}: {}", ended.err);
    }
}

#[test]
fn wrong_command_lines_end_with_2() {
    let folder = Folder::initialised();
    for command in [
        &["sync", "--max-records", "0"][..],
        &["sync", "--since", "yesterday-ish"],
        &["sync", "--full", "--since", "2h"],
        &["sync", "--record", "1"],
        &["sync", "--direction", "sideways"],
        &["simulate"],
        &["simulate", "pipedrive"],
        &["simulate", "salesforce", "--fault", "gremlins=0.1"],
        &["simulate", "salesforce", "--fault", "reset=7"],
        &["demo", "--fault", "gremlins=0.1"],
        &["demo", "--fault", "late-commit=0.1"],
        &["demo", "--records", "0"],
        &["simulate", "salesforce", "--listen", "nowhere"],
        &["runs", "list", "--status", "odd"],
        &["runs", "list", "--until", "soon-ish"],
        &["runs", "show", "one"],
        &["conflicts", "resolve", "1"],
        &["conflicts", "resolve", "1", "--field", "city"],
        // A mistyped side is no value.
        &["conflicts", "resolve", "1", "--field", "city=ap"],
        &["sync", "--since", "2999-01-01"],
        &["entities", "create", "person"],
        &["conflicts", "resolve", "1", "--all", "app", "--separate"],
        &["entities", "get", "nobody"],
        &["entities", "set", "nobody"],
        &["entities", "create", "person", "city"],
        &["pause"],
        &["audit", "list", "--after", "x"],
        &["completions", "abacus"],
        &["map", "preview", "x", "--records", "0"],
        &["nonsense"],
    ] {
        let ended = folder.run(command, 2);
        assert!(ended.err.starts_with("error: "), "{command:?}: {}", ended.err);
        assert!(!ended.err.contains("invalid digit"), "{command:?}: {}", ended.err);
    }
    let people = folder.path().join("people.csv");
    std::fs::write(&people, "some,other,columns\n").unwrap();
    let ended = folder.run(&["simulate", "hubspot", "--csv", &people.display().to_string()], 2);
    assert!(ended.err.contains("given_name"), "{}", ended.err);
}

#[test]
fn a_folder_with_nothing_in_it_says_what_to_type_next() {
    let folder = Folder::initialised();
    assert!(
        folder
            .run(&["status"], 0)
            .out
            .contains("add a section [connections.NAME]")
    );
    let ended = folder.run(&["sync"], 3);
    assert!(
        ended.err.contains("map auto CONNECTION OBJECT --write"),
        "{}",
        ended.err
    );
    folder.configure("[connections.sales]\nprovider = \"salesforce\"\nclient_id = \"x\"\n");
    for command in [&["status"][..], &["connections", "list"]] {
        let ended = folder.run(command, 0);
        assert!(ended.out.contains("`syncline connect sales`"), "{}", ended.out);
    }
}

#[test]
fn what_is_not_there_ends_with_3_and_says_what_is() {
    let folder = Folder::initialised();
    folder.configure("[connections.sales]\nprovider = \"salesforce\"\nclient_id = \"x\"\n");
    for command in [
        &["connect", "nowhere"][..],
        &["connections", "test", "nowhere"],
        &["objects", "nowhere"],
        &["sync", "--sync", "nowhere"],
        &["sync", "--provider", "nowhere"],
        &["pause", "nowhere"],
        &["runs", "show", "99"],
        &["runs", "retry", "99"],
        &["rollback", "99"],
        &["audit", "list", "--run", "99"],
        &["conflicts", "show", "99"],
        &["entities", "list", "nothing"],
        &["entities", "get", "01890c6e-0000-7000-8000-000000000000"],
        &["map", "preview", "nowhere"],
        &["map", "check", "nowhere"],
        &["simulate", "salesforce", "--csv", "nowhere.csv"],
        &["simulate", "hubspot", "--from", "nowhere"],
        &["demo", "--salesforce", "nowhere.csv"],
        &["sync", "--config", "other.toml"],
    ] {
        let ended = folder.run(command, 3);
        assert!(ended.err.starts_with("error: "), "{command:?}: {}", ended.err);
    }
    let ended = folder.run(&["objects", "sales"], 4);
    assert!(ended.err.contains("`syncline connect sales`"), "{}", ended.err);
}

#[test]
fn a_mistake_in_the_file_is_shown_with_its_line() {
    let folder = Folder::new();
    folder.run(&["init"], 0);
    std::fs::write(
        folder.path().join("syncline.toml"),
        "tenant = \"x\"\nschedule = \"hourly\"\n",
    )
    .unwrap();
    let ended = folder.run(&["status"], 2);
    assert!(
        ended.err.contains("syncline.toml:2: unknown field `schedule`"),
        "{}",
        ended.err
    );
    let text = "[connections.a]\nprovider = \"salesforce\"\nclient_secret = \"hunter2\"\n";
    std::fs::write(folder.path().join("syncline.toml"), text).unwrap();
    let ended = folder.run(&["status"], 2);
    assert!(
        ended.err.contains("SYNCLINE_<CONNECTION>_CLIENT_SECRET") && !ended.err.contains("hunter2"),
        "{}",
        ended.err
    );
    let text = "[connections.a]\nprovider = \"abacus\"\nclient_id = \"x\"\n";
    std::fs::write(folder.path().join("syncline.toml"), text).unwrap();
    for command in [&["connect", "a", "--headless"][..], &["check"]] {
        let ended = folder.run(command, 2);
        assert!(
            ended
                .err
                .contains("syncline.toml:1: connection `a`: there is no provider `abacus`"),
            "{}",
            ended.err
        );
    }
    std::fs::write(folder.path().join("syncline.toml"), "time_zone = \"Mars/Base\"\n").unwrap();
    let ended = folder.run(&["status"], 2);
    assert!(ended.err.contains("syncline.toml: `Mars/Base`"), "{}", ended.err);
}

#[test]
fn a_key_that_others_may_read_or_that_is_gone_is_refused() {
    let folder = Folder::initialised();
    let key = folder.path().join("syncline.key");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(folder.run(&["status"], 4).err.contains("chmod 600"));
    }
    std::fs::remove_file(&key).unwrap();
    assert!(folder.run(&["status"], 3).err.contains("init --key-only"));
    folder.run(&["init", "--key-only"], 0);
    folder.run(&["status"], 0);
}

#[test]
fn faults_connectors_and_completions_need_no_configuration() {
    let folder = Folder::new();
    let faults = folder.json(&["simulate", "--fault", "list"]);
    assert!(
        faults
            .as_array()
            .unwrap()
            .iter()
            .any(|fault| fault["name"] == "applied-timeout")
    );
    let table = folder.run(&["connectors", "--output", "markdown"], 0).out;
    assert!(
        table.starts_with("| Capability") && table.contains("Salesforce"),
        "{table}"
    );
    assert!(folder.run(&["completions", "bash"], 0).out.contains("_syncline"));
    assert!(folder.run(&["--help"], 0).out.contains("Exit codes:"));
}
