//! What reads bytes from outside, as functions that a fuzzer calls.
//!
//! Each target takes any bytes and must neither panic, hang nor grow; most also hold what was read to an invariant. The
//! targets of `fuzz/` are one line over these, and [`replay`] runs the committed inputs through them, so that whatever a
//! fuzzer once found is tested on every machine.
#![allow(
    clippy::panic,
    clippy::expect_used,
    reason = "a target panics where an input broke something"
)]

mod answers;
mod connector;
mod expression;
mod injection;
mod mapping;
mod shape;
mod stored;
mod webhook;

use std::fs;
use std::io;
use std::path::Path;

/// Something that is fed bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: the same in `fuzz/fuzz_targets` and `fuzz/corpus`.
    pub name: &'static str,
    /// Takes one input.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "salesforce_answers",
        run: connector::salesforce,
    },
    Target {
        name: "hubspot_answers",
        run: connector::hubspot,
    },
    Target {
        name: "salesforce_position",
        run: connector::salesforce_position,
    },
    Target {
        name: "hubspot_position",
        run: connector::hubspot_position,
    },
    Target {
        name: "salesforce_injection",
        run: injection::salesforce,
    },
    Target {
        name: "hubspot_injection",
        run: injection::hubspot,
    },
    Target {
        name: "webhook",
        run: webhook::webhook,
    },
    Target {
        name: "expression",
        run: expression::expression,
    },
    Target {
        name: "mapping",
        run: mapping::mapping,
    },
    Target {
        name: "stored",
        run: stored::stored,
    },
];

/// The target of this name.
///
/// # Panics
/// If there is none.
pub fn target(name: &str) -> &'static Target {
    TARGETS
        .iter()
        .find(|target| target.name == name)
        .unwrap_or_else(|| panic!("there is no fuzz target {name}"))
}

/// Runs every input of a target's folder through it, and says how many there were.
///
/// # Errors
/// If the folder or one of its files can't be read.
pub fn replay(target: &Target, folder: &Path) -> io::Result<usize> {
    let mut files: Vec<_> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    files.sort();
    for file in &files {
        (target.run)(&fs::read(file)?);
    }
    Ok(files.len())
}
