//! Both connectors do what a connector has to do, sentence by sentence, and survive each fault at each request.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that can't go on says why by panicking; what is not selected is told"
)]

use std::collections::BTreeSet;

use libtest_mimic::{Arguments, Failed, Trial};
use syncline_testkit::connector::simulated::{SimulatedHubSpot, SimulatedSalesforce};
use syncline_testkit::connector::{self, Remote};

type Make = fn(usize) -> Box<dyn Remote>;

fn main() {
    let arguments = Arguments::from_args();
    let remotes: [(&str, Make); 3] = [
        ("salesforce", |records| Box::new(SimulatedSalesforce::fresh(records))),
        ("hubspot", |records| Box::new(SimulatedHubSpot::fresh(records))),
        ("hubspot_v3", |records| {
            Box::new(SimulatedHubSpot::fresh(records).version("v3"))
        }),
    ];
    let mut trials = vec![Trial::test(
        "the_cases_are_the_sentences_of_the_contract",
        the_cases_are_the_sentences_of_the_contract,
    )];
    let mut left_out = String::new();
    for (provider, make) in remotes {
        let suite = connector::suite(&make);
        for case in &suite.left_out {
            left_out.push_str(&format!("{provider}/{}: {}\n", case.name, case.reason));
        }
        // The paths differ, the rest is the same code; once is enough for the long part.
        let (cases, faults): (Vec<_>, Vec<_>) = suite
            .cases
            .into_iter()
            .partition(|case| provider != "hubspot_v3" || case.sentence.is_some());
        if !faults.is_empty() {
            left_out.push_str(&format!(
                "{provider}/faults: crossed with the operations at the dated paths\n"
            ));
        }
        for case in cases {
            trials.push(Trial::test(format!("{provider}/{}", case.name), move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(Failed::from)?;
                runtime.block_on(case.run(&make));
                Ok(())
            }));
        }
    }
    // A list of tests is read by programs.
    if !arguments.list {
        print!("not selected:\n{left_out}");
    }
    trials.push(Trial::test("the_cases_left_out_are_those_that_are_known", move || {
        the_cases_left_out_are_those_that_are_known(&left_out)
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

/// A capability that is taken back must not take its cases with it unseen.
fn the_cases_left_out_are_those_that_are_known(left_out: &str) -> Result<(), Failed> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/connectors_left_out.txt");
    if std::env::var_os("SYNCLINE_WRITE").is_some() {
        std::fs::write(&path, left_out)?;
    }
    let known = std::fs::read_to_string(&path)?;
    let (known, now): (BTreeSet<&str>, BTreeSet<&str>) = (known.lines().collect(), left_out.lines().collect());
    if known == now {
        return Ok(());
    }
    Err(format!(
        "{} no longer says which cases are left out; look whether each is right, then write it with \
         SYNCLINE_WRITE=1\nnew: {:#?}\ngone: {:#?}",
        path.display(),
        now.difference(&known).collect::<Vec<_>>(),
        known.difference(&now).collect::<Vec<_>>()
    )
    .into())
}

/// Holds the cases and the documentation of the contract equal, both ways.
fn the_cases_are_the_sentences_of_the_contract() -> Result<(), Failed> {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/connector.rs");
    let documented = documented(&std::fs::read_to_string(source)?);
    let tested: BTreeSet<String> = connector::sentences().into_iter().map(str::to_owned).collect();
    let untested: Vec<_> = documented.difference(&tested).collect();
    let unwritten: Vec<_> = tested.difference(&documented).collect();
    if untested.is_empty() && unwritten.is_empty() {
        return Ok(());
    }
    Err(format!("no case for: {untested:#?}\nnot in the documentation: {unwritten:#?}").into())
}

/// The items of all lists of behaviour in the documentation comments.
fn documented(source: &str) -> BTreeSet<String> {
    let mut sentences = BTreeSet::new();
    let mut sentence = String::new();
    for line in source.lines().map(str::trim) {
        let text = line
            .strip_prefix("///")
            .map(|text| text.strip_prefix(' ').unwrap_or(text));
        match text {
            Some(item) if item.starts_with("- ") => {
                sentences.extend((!sentence.is_empty()).then(|| std::mem::take(&mut sentence)));
                item[2..].clone_into(&mut sentence);
            }
            Some(more) if more.starts_with("  ") && !sentence.is_empty() => {
                sentence.push(' ');
                sentence.push_str(more.trim());
            }
            _ => sentences.extend((!sentence.is_empty()).then(|| std::mem::take(&mut sentence))),
        }
    }
    sentences
}
