//! `cargo xtask connectors-table`: README.md's connector by capability table, generated from the manifests.

use clap::Args;

use crate::command::{capture, root};
use crate::outcome::{Failure, Outcome};
use crate::program::{Build, Program};

const BEGIN: &str = "<!-- connectors:begin -->";
const END: &str = "<!-- connectors:end -->";

/// What to do with the table.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail when README.md differs from the manifests.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Writes or checks the table.
pub(crate) fn run(arguments: &Arguments, build: Build) -> Result<Outcome, Failure> {
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).map_err(|error| {
        Failure::new(format!(
            "README.md could not be read ({error}): write it, with the two lines\n{BEGIN}\n{END}"
        ))
    })?;
    // The markers are looked at first: without them there is no need to build the command line.
    splice(&readme, "")?;
    let mut command = Program::CommandLine.command(build)?;
    let table = capture(command.args(["connectors", "--output", "markdown"]))?;
    let wanted = splice(&readme, &table)?;
    if wanted == readme {
        return Ok(Outcome::Passed);
    }
    if arguments.check {
        return Err(Failure::new(
            "the connector table in README.md differs from the connectors' manifests: \
             run `cargo xtask connectors-table` and commit README.md",
        ));
    }
    std::fs::write(&path, wanted).map_err(|error| Failure::new(format!("README.md could not be written: {error}")))?;
    println!("README.md: connector table written");
    Ok(Outcome::Passed)
}

/// The text with whatever stands between the markers replaced by the table.
fn splice(readme: &str, table: &str) -> Result<String, Failure> {
    let missing = || {
        Failure::new(format!(
            "README.md has no place for the connector table: put these two lines, in this order, where it belongs, \
             then run `cargo xtask connectors-table`\n{BEGIN}\n{END}"
        ))
    };
    let (before, rest) = readme.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", table.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_replaces_what_stands_between_the_markers_and_nothing_else() {
        let readme = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        assert_eq!(
            splice(&readme, "| new |\n").expect("markers are there"),
            format!("before\n{BEGIN}\n| new |\n{END}\nafter\n")
        );
    }

    #[test]
    fn splicing_the_same_table_twice_changes_nothing() {
        let once = splice(&format!("{BEGIN}{END}"), "| a |\n| b |\n").expect("markers are there");
        assert_eq!(splice(&once, "| a |\n| b |\n").expect("markers are there"), once);
    }

    #[test]
    fn missing_or_swapped_markers_are_an_error_that_says_what_to_write() {
        for readme in ["nothing".to_owned(), BEGIN.to_owned(), format!("{END}\n{BEGIN}")] {
            let failure = splice(&readme, "| a |").expect_err("no place for the table");
            assert!(
                failure.to_string().contains(BEGIN) && failure.to_string().contains(END),
                "{failure}"
            );
        }
    }
}
