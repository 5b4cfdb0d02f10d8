//! Faults that strike both CRMs while everybody edits, where somebody asked for them.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use syncline_simulators::{Fault, Faults};

use super::DemoArguments;
use crate::command::simulate::FaultArgument;
use crate::failure::Failure;

/// The faults that were asked for, and the switch for them.
#[derive(Debug)]
pub(super) struct Trouble {
    faults: Faults,
    rates: Vec<(Fault, f64)>,
}

impl Trouble {
    /// After how long what is late has come: within what the demo waits before silence proves anything.
    pub(super) const PASSES_AFTER: SignedDuration = SignedDuration::from_secs(1);

    /// Refuses what the demo can't account for.
    ///
    /// # Errors
    /// For late commits: the CRM drops those that came too late, and one may fall between our read and our write.
    pub(super) fn check(arguments: &DemoArguments) -> Result<(), Failure> {
        let is_late =
            |argument: &FaultArgument| matches!(argument, FaultArgument::Rate(Fault::LateCommit, rate) if *rate > 0.0);
        if arguments.fault.iter().any(is_late) {
            return Err(Failure::usage(
                "`late-commit` drops edits of the CRM's users by itself, which nobody can account for",
            )
            .next("`syncline simulate` has it"));
        }
        Ok(())
    }

    /// What was asked for, switched off.
    pub(super) fn new(arguments: &DemoArguments) -> Self {
        let faults = Faults::new(arguments.seed);
        // Sooner than the demo takes a write for given up.
        faults.set_late_apply(SignedDuration::from_millis(500));
        let rates = arguments.fault.iter().filter_map(|argument| match argument {
            FaultArgument::Rate(fault, rate) => Some((*fault, *rate)),
            FaultArgument::List => None,
        });
        Self {
            faults,
            rates: rates.collect(),
        }
    }

    /// What the simulators ask.
    pub(super) fn faults(&self) -> Faults {
        self.faults.clone()
    }

    /// Whether anything goes wrong at all.
    pub(super) fn is_any(&self) -> bool {
        self.rates.iter().any(|(_, rate)| *rate > 0.0)
    }

    /// From now on it goes wrong.
    pub(super) fn begin(&self) {
        for (fault, rate) in &self.rates {
            self.faults.set_rate(*fault, *rate);
        }
    }

    /// From now on it does not.
    pub(super) fn end(&self) {
        for (fault, _) in &self.rates {
            self.faults.set_rate(*fault, 0.0);
        }
    }

    /// How often each fault struck.
    pub(super) fn struck(&self) -> BTreeMap<&'static str, u64> {
        let struck = self.faults.injected().into_iter().filter(|(_, count)| *count > 0);
        struck.map(|(fault, count)| (fault.name(), count)).collect()
    }
}
