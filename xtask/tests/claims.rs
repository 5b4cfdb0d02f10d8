//! What documents promise names the tests that show it; a test that is renamed or removed takes its promise along.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, all: &mut String) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, all)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// The names of tests in a document: words of code that read as sentences.
fn tests_of(document: &str) -> Vec<&str> {
    let words = document.split('`').skip(1).step_by(2);
    words
        .filter(|word| {
            word.matches('_').count() >= 3
                && word
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        })
        .collect()
}

#[test]
fn every_test_that_a_promise_names_is_there() {
    let mut all = String::new();
    for folder in ["crates", "fuzz/targets", "xtask/src"] {
        sources(&root().join(folder), &mut all).expect("folders of sources");
    }
    for document in ["SECURITY.md", "docs/guarantees.md"] {
        let text = fs::read_to_string(root().join(document)).expect("a document");
        let named = tests_of(&text);
        assert!(named.len() > 20, "{document} names tests");
        for name in named {
            // Some tests are made by a macro, so a name may stand anywhere.
            assert!(all.contains(name), "{document} names {name}, which is no longer there");
        }
    }
}
