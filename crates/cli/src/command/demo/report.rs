//! The result of the demo: what `--output json` prints, and what the tables are made of.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use syncline::run::{Ledger, Run};
use uuid::Uuid;

use super::DemoArguments;
use super::edit::{Edit, Outcome};

/// Everything that the demo found.
#[derive(Debug, Default, Serialize)]
pub(super) struct DemoReport {
    /// Whether all sides agree, every edit is accounted for, and the second passes were silent.
    pub(super) passed: bool,
    /// Why not.
    pub(super) faults: Vec<String>,
    /// People per CRM that were asked for; absent with people files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) records: Option<u64>,
    /// What everything followed from.
    pub(super) seed: u64,
    /// Whether the connectors ran as plugins.
    pub(super) plugins: bool,
    /// The store.
    pub(super) store: String,
    /// `matched`, `missed`, `review` and `wrong`, with people files.
    #[serde(flatten)]
    pub(super) people: Option<PeopleReport>,
    /// Stages with their times.
    pub(super) stages: Vec<StageReport>,
    /// What auto-map made.
    pub(super) mappings: Vec<MappingSummary>,
    /// The first run of each CRM.
    pub(super) first_runs: Vec<RunReport>,
    /// The users' edits.
    pub(super) edits: Edits,
    /// How often each fault struck that was asked for.
    pub(super) disturbances: BTreeMap<&'static str, u64>,
    /// The conflicts.
    pub(super) conflicts: Conflicts,
    /// The comparison of all three sides.
    pub(super) comparison: Comparison,
    /// The incremental second pass.
    pub(super) second_pass: PassReport,
    /// The second pass that read everything.
    pub(super) full_pass: PassReport,
    /// What to type next.
    pub(super) next: Vec<String>,
}

/// One stage.
#[derive(Debug, Serialize)]
pub(super) struct StageReport {
    pub(super) stage: String,
    pub(super) seconds: f64,
    pub(super) records: u64,
    pub(super) records_per_second: f64,
}

/// One mapping.
#[derive(Debug, Serialize)]
pub(super) struct MappingSummary {
    pub(super) sync: String,
    pub(super) object: String,
    pub(super) blueprint: String,
    pub(super) fields: Vec<String>,
    pub(super) two_way: usize,
    pub(super) one_way: usize,
    pub(super) least_confidence: f64,
    pub(super) left_out: usize,
    pub(super) match_keys: Vec<String>,
}

/// One run.
#[derive(Debug, Serialize)]
pub(super) struct RunReport {
    pub(super) run: u64,
    pub(super) status: &'static str,
    pub(super) ledgers: BTreeMap<String, BTreeMap<String, Ledger>>,
}

impl From<Run> for RunReport {
    fn from(run: Run) -> Self {
        Self {
            run: run.id,
            status: run.status.name(),
            ledgers: run.ledgers,
        }
    }
}

/// How people were recognised.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct PeopleReport {
    /// People who are in both files.
    pub(super) people: u64,
    /// Linked by itself, rightly.
    pub(super) matched: u64,
    /// Not linked and not asked about.
    pub(super) missed: u64,
    /// Put before a person.
    pub(super) review: u64,
    /// Linked by itself, wrongly.
    pub(super) wrong: u64,
}

/// The users' edits.
#[derive(Debug, Default, Serialize)]
pub(super) struct Edits {
    pub(super) made: u64,
    /// How many ended how.
    pub(super) outcomes: BTreeMap<&'static str, u64>,
    /// Those that nobody can account for.
    pub(super) unaccounted: Vec<String>,
    /// Why edits were refused, with an example.
    pub(super) refused: Vec<String>,
    /// By scenario: how many ended how.
    pub(super) scenarios: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
}

/// The conflicts met.
#[derive(Debug, Default, Serialize)]
pub(super) struct Conflicts {
    /// Values that lost to another by policy, named in the audit.
    pub(super) settled_by_policy: u64,
    /// Review items that were decided.
    pub(super) resolved: u64,
    /// Review items that a person chose to leave.
    pub(super) ignored: u64,
    /// Review items that wait.
    pub(super) waiting: u64,
    /// Some of them.
    pub(super) shown: Vec<ConflictReport>,
}

/// One conflict.
#[derive(Debug, Serialize)]
pub(super) struct ConflictReport {
    pub(super) entity: Uuid,
    pub(super) fields: String,
    pub(super) reason: String,
    pub(super) ended: String,
}

/// What the comparison of all three sides found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Comparison {
    /// Live entities.
    pub(super) entities: u64,
    /// Deleted entities.
    pub(super) deleted_entities: u64,
    /// Live records of both CRMs.
    pub(super) records: u64,
    /// Fields compared between the app and a CRM.
    pub(super) fields: u64,
    /// Fields that only flow to the app, which are not compared.
    pub(super) one_way_fields: u64,
    /// Entities whose link to a CRM was cut.
    pub(super) unlinked: u64,
    /// Fields that wait for a person.
    pub(super) fields_in_review: u64,
    /// Entities that wait for a person.
    pub(super) entities_in_review: u64,
    /// Records that wait for a person.
    pub(super) records_in_review: u64,
    /// Fields and records on which sides disagree.
    pub(super) disagreements: u64,
    /// Some of them.
    pub(super) shown: Vec<Disagreement>,
}

/// One disagreement.
#[derive(Debug, Serialize)]
pub(super) struct Disagreement {
    pub(super) blueprint: String,
    pub(super) side: String,
    pub(super) entity: Option<Uuid>,
    pub(super) record: Option<String>,
    pub(super) field: String,
    pub(super) app: String,
    pub(super) crm: String,
}

/// What a second pass did, which should be nothing.
#[derive(Debug, Default, Serialize)]
pub(super) struct PassReport {
    pub(super) full: bool,
    pub(super) read: u64,
    pub(super) records_per_second: f64,
    pub(super) mutating_requests: u64,
    pub(super) entities_changed: u64,
}

impl PassReport {
    fn is_silent(&self) -> bool {
        self.mutating_requests == 0 && self.entities_changed == 0
    }
}

impl DemoReport {
    /// A report without any finding.
    pub(super) fn new(arguments: &DemoArguments) -> Self {
        let records = (!arguments.has_files()).then_some(arguments.records);
        Self {
            records,
            seed: arguments.seed,
            plugins: arguments.has_plugins(),
            ..Self::default()
        }
    }

    /// Says what to type next.
    pub(super) fn point_on(&mut self, db: Option<&Path>, tenant: &str) {
        let Some(db) = db else {
            self.next = [
                "syncline demo --db demo.db                # the same, and keep the records to look at them",
                "syncline init                             # a project of your own",
                "syncline simulate salesforce --listen 127.0.0.1:8701   # a CRM to connect it to",
            ]
            .map(str::to_owned)
            .to_vec();
            return;
        };
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let config = db.with_extension("toml");
        let config = config.display();
        let text = format!(
            "tenant = \"{tenant}\"\\ndatabase = \"{}\"\\nkey_file = \"{}\"\\n",
            name(db),
            name(&db.with_extension("key"))
        );
        self.next = vec![
            format!("printf '{text}' > {config}"),
            format!("syncline --config {config} status"),
            format!("syncline --config {config} entities list person"),
            format!("syncline --config {config} conflicts list"),
        ];
    }

    /// Adds a wave's edits.
    pub(super) fn take_edits(&mut self, edits: Vec<Edit>) {
        for edit in edits {
            self.edits.made += 1;
            let name = edit.outcome.name();
            *self.edits.outcomes.entry(name).or_default() += 1;
            *self
                .edits
                .scenarios
                .entry(edit.scenario)
                .or_default()
                .entry(name)
                .or_default() += 1;
            match &edit.outcome {
                Outcome::Unaccounted(why) => self.edits.unaccounted.push(format!("{}: {why}", edit.line())),
                Outcome::Refused(why) if self.edits.refused.len() < 10 => {
                    self.edits.refused.push(format!("{}: {why}", edit.line()));
                }
                _ => {}
            }
        }
    }

    /// Comes to the verdict.
    pub(super) fn conclude(&mut self) {
        let comparison = &self.comparison;
        if comparison.disagreements > 0 {
            self.faults
                .push(format!("the sides disagree in {} places", comparison.disagreements));
        }
        if !self.edits.unaccounted.is_empty() {
            self.faults
                .push(format!("{} edits are unaccounted for", self.edits.unaccounted.len()));
        }
        for (name, pass) in [
            ("second pass", &self.second_pass),
            ("full second pass", &self.full_pass),
        ] {
            if !pass.is_silent() {
                self.faults.push(format!(
                    "the {name} sent {} mutating requests and changed {} entities",
                    pass.mutating_requests, pass.entities_changed
                ));
            }
        }
        if comparison.fields == 0 {
            self.faults.push("there was nothing to compare".to_owned());
        }
        self.passed = self.faults.is_empty();
    }
}
