//! What a guide shows is what its example does: every block of Rust in it stands in the example, line by line.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const GUIDES: [(&str, &str); 5] = [
    ("quickstart", "quickstart"),
    ("web-host", "axum_host"),
    ("connector", "connector"),
    ("lens-and-conflicts", "lens_and_conflicts"),
    ("table", "table_host"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path) -> io::Result<Vec<String>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(fs::read_to_string(&path)?);
        }
    }
    Ok(all)
}

/// The blocks of a guide in a language.
fn blocks<'a>(guide: &'a str, language: &str) -> Vec<&'a str> {
    let opened = format!("```{language}\n");
    let after = guide.split(opened.as_str()).skip(1);
    after.map(|rest| rest.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn what_a_guide_shows_stands_in_its_example() {
    for (guide, example) in GUIDES {
        let text = fs::read_to_string(root().join(format!("docs/{guide}.md"))).expect("a guide");
        let sources = sources(&root().join("examples").join(example)).expect("the sources of an example");
        let shown = blocks(&text, "rust");
        assert!(shown.len() >= 3, "docs/{guide}.md shows its example");
        for block in shown {
            assert!(
                sources.iter().any(|source| source.contains(block)),
                "docs/{guide}.md shows what is not in examples/{example}:\n{block}"
            );
        }
    }
}

#[test]
fn every_command_of_a_guide_names_a_crate_that_is_there() {
    for (guide, _) in GUIDES {
        let text = fs::read_to_string(root().join(format!("docs/{guide}.md"))).expect("a guide");
        let commands: Vec<&str> = blocks(&text, "console")
            .iter()
            .flat_map(|block| block.lines())
            .collect();
        let named = commands
            .iter()
            .filter_map(|line| line.split_once(" -p ").map(|(_, name)| name));
        let mut count = 0;
        for name in named {
            count += 1;
            let folder = name.trim().strip_prefix("syncline-example-").expect("an example");
            let folder = root().join("examples").join(folder.replace('-', "_"));
            assert!(folder.join("Cargo.toml").is_file(), "docs/{guide}.md: {name}");
        }
        assert!(count > 0, "docs/{guide}.md says how its example is run");
    }
}
