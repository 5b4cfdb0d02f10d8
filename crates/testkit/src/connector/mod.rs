//! What every connector has to do: each sentence of the contract in [`syncline_core::connector`] as a case, and each
//! [`Fault`] crossed with each [`Operation`].
//!
//! A suite runs a connector against a [`Remote`]: a system of the provider's kind, usually a simulator in process, on
//! which the suite also acts as the provider's users do. To run it for a connector of your own, implement [`Remote`]
//! (about a hundred lines; [`simulated`] has two of them) and hand the suite a function that makes a fresh one:
//!
//! ```
//! use syncline_testkit::connector::{self, Remote, simulated::SimulatedHubSpot};
//!
//! let fresh = |records| Box::new(SimulatedHubSpot::fresh(records)) as Box<dyn Remote>;
//! let suite = connector::suite(&fresh);
//! for left_out in &suite.left_out {
//!     println!("not selected: {}: {}", left_out.name, left_out.reason);
//! }
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! for case in suite.cases.iter().filter(|case| case.name.starts_with("fetch/")) {
//!     case.run(&fresh).await;
//! }
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A case panics where the connector does otherwise, so it fits any test harness. `tests/connectors.rs` registers each
//! as a test of its own.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a case panics where the connector does otherwise"
)]

/// The cases of one method, named as their functions are.
macro_rules! topic {
    ($topic:literal: $($name:ident($need:expr, $records:expr) $sentence:literal),+ $(,)?) => {
        /// The cases of this topic.
        pub(crate) fn cases() -> Vec<$crate::connector::Case> {
            vec![$($crate::connector::Case {
                name: concat!($topic, "/", stringify!($name)).to_owned(),
                sentence: Some($sentence),
                need: $need,
                records: $records,
                check: $crate::connector::Check::Sentence(|scene| Box::pin($name(scene))),
            }),+]
        }
    };
}

mod cases;
mod faults;
mod host;
mod remote;
mod scene;
pub mod simulated;

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use futures::future::BoxFuture;

pub use faults::Operation;
pub use host::Host;
pub use remote::{Act, Held, Remote, Subject};
pub use scene::{Pulled, Row, Scene, Written};
use syncline_core::manifest::{DeleteEvidence, Manifest};
use syncline_simulators::Fault;

/// Makes a fresh remote system that holds so many records of the subject's object.
pub type Fresh<'a> = &'a (dyn Fn(usize) -> Box<dyn Remote> + Sync);

/// What a case needs to be selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it binds every connector.
    Nothing,
    /// Creates that can carry our key (`create.marker`).
    Marker,
    /// Making the field for our key (`create.makes_marker`).
    MakesMarker,
    /// Deletes that show in the incremental read or in a list (`delete_evidence`).
    DeleteEvidence,
    /// Merges that are reported, and somebody to make one (`merges_reported`).
    Merges,
    /// An index that lags (`read.index_lags`).
    LaggingIndex,
    /// Webhooks, and somebody to sign one (`webhooks`).
    Webhooks,
    /// No webhooks.
    NoWebhooks,
    /// Files of records (`files`).
    Files,
    /// No files of records.
    NoFiles,
    /// Something that the remote system can be made to do.
    Act(Act),
}

impl Need {
    /// Why a case that needs this is not selected, if it is not.
    fn missing(self, manifest: &Manifest, remote: &dyn Remote) -> Option<String> {
        let capabilities = &manifest.capabilities;
        let (declared, act, name) = match self {
            Self::Nothing => return None,
            Self::Marker => (capabilities.create.marker, None, "create.marker"),
            Self::MakesMarker => (capabilities.create.makes_marker, None, "create.makes_marker"),
            Self::DeleteEvidence => (
                capabilities.delete_evidence != DeleteEvidence::Sweep,
                None,
                "delete_evidence incremental or archived_list",
            ),
            Self::Merges => (capabilities.merges_reported, Some(Act::Merge), "merges_reported"),
            Self::LaggingIndex => (
                capabilities.read.index_lags,
                Some(Act::Fault(Fault::StaleIndex)),
                "read.index_lags",
            ),
            Self::Webhooks => (capabilities.webhooks, Some(Act::SignWebhook), "webhooks"),
            Self::NoWebhooks => (!capabilities.webhooks, None, "no webhooks"),
            Self::Files => (capabilities.files, None, "files"),
            Self::NoFiles => (!capabilities.files, None, "no files"),
            Self::Act(act) => (true, Some(act), ""),
        };
        if !declared {
            return Some(format!("the manifest of {} does not declare {name}", manifest.provider));
        }
        let act = act.filter(|act| !remote.can(*act))?;
        Some(format!("the remote system can't be made to {act}"))
    }
}

/// One thing that a connector has to do.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name: the method and the behaviour.
    pub name: String,
    /// The sentence of the contract that it tests; `None` for a fault.
    pub sentence: Option<&'static str>,
    need: Need,
    records: usize,
    check: Check,
}

#[derive(Debug, Clone, Copy)]
enum Check {
    Sentence(for<'a> fn(&'a Scene<'a>) -> BoxFuture<'a, ()>),
    Fault(Fault, Operation),
}

impl Case {
    /// Checks it on a fresh remote system. Panics where the connector does otherwise.
    pub async fn run(&self, fresh: Fresh<'_>) {
        match self.check {
            Check::Sentence(check) => {
                let remote = fresh(self.records);
                check(&Scene::new(&*remote)).await;
            }
            Check::Fault(fault, operation) => faults::strike_each_request(fresh, fault, operation).await,
        }
    }
}

/// A case that does not bind this connector, or can't be played on this remote system.
#[derive(Debug, Clone)]
pub struct LeftOut {
    /// The case.
    pub name: String,
    /// Why it was left out, for people.
    pub reason: String,
}

/// The cases of one connector.
#[derive(Debug, Clone)]
pub struct Suite {
    /// Those that its capabilities select.
    pub cases: Vec<Case>,
    /// The others, each with its reason.
    pub left_out: Vec<LeftOut>,
}

impl Suite {
    /// Checks all cases one after the other, each on a fresh remote system. Panics at the end if the connector does
    /// otherwise in any of them, with the name of each and what it said.
    pub async fn run(&self, fresh: Fresh<'_>) {
        let mut failed = Vec::new();
        for case in &self.cases {
            if let Err(panic) = AssertUnwindSafe(case.run(fresh)).catch_unwind().await {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref().copied()).unwrap_or_default();
                let sentence = case.sentence.unwrap_or_default();
                failed.push(format!("{}: {sentence}\n  {said}", case.name));
            }
        }
        let (failures, cases) = (failed.len(), self.cases.len());
        assert!(
            failed.is_empty(),
            "{failures} of {cases} cases failed:\n{}",
            failed.join("\n")
        );
    }
}

/// Selects the cases for a connector, by its manifest and by what its remote system can be made to do.
pub fn suite(fresh: Fresh<'_>) -> Suite {
    let remote = fresh(1);
    let manifest = remote.connector().manifest().clone();
    let mut suite = Suite {
        cases: Vec::new(),
        left_out: Vec::new(),
    };
    for case in all() {
        let reason = match case.check {
            Check::Sentence(_) => case.need.missing(&manifest, &*remote),
            Check::Fault(fault, operation) => faults::left_out(fault, operation, &manifest, &*remote),
        };
        match reason {
            Some(reason) => suite.left_out.push(LeftOut {
                name: case.name,
                reason,
            }),
            None => suite.cases.push(case),
        }
    }
    suite
}

/// Every sentence of the contract that has a case, in the order of the cases.
pub fn sentences() -> Vec<&'static str> {
    cases::all().iter().filter_map(|case| case.sentence).collect()
}

fn all() -> Vec<Case> {
    let mut all = cases::all();
    for fault in Fault::ALL {
        for operation in Operation::ALL {
            all.push(Case {
                name: format!("faults/{fault}/{operation}"),
                sentence: None,
                need: Need::Nothing,
                records: 0,
                check: Check::Fault(fault, operation),
            });
        }
    }
    all
}
