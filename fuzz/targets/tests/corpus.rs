//! Every input that is kept, among them all that once broke something.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use syncline_fuzz_targets::{TARGETS, replay};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn every_kept_input_is_survived() {
    for target in TARGETS {
        let inputs = replay(target, &fuzz().join("corpus").join(target.name)).expect("a folder of inputs");
        assert!(inputs > 0, "{} has no inputs", target.name);
    }
}

#[test]
fn every_target_has_a_program_for_the_fuzzer_and_no_program_is_without_one() {
    let entries = fs::read_dir(fuzz().join("fuzz_targets")).expect("a folder of programs");
    let programs: BTreeSet<String> = entries
        .map(|entry| {
            entry
                .expect("a file")
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(programs, targets);
}
