//! What a client's steps came to.

use serde::Deserialize;

use crate::outcome::Failure;

/// One step, as a script prints it.
#[derive(Debug, Deserialize)]
struct Step {
    step: String,
    passed: bool,
    /// What the simulator does not offer yet; such a step may fail.
    #[serde(default)]
    awaits: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    milliseconds: u64,
}

impl Step {
    fn verdict(&self) -> &'static str {
        match (self.passed, self.awaits.is_empty()) {
            (true, true) => "passed",
            (true, false) => "passed, though it was awaited",
            (false, true) => "FAILED",
            (false, false) => "awaited",
        }
    }
}

/// All steps of one client.
#[derive(Debug)]
pub(crate) struct Report {
    steps: Vec<Step>,
    ended_well: bool,
}

impl Report {
    /// Reads what a script printed: a JSON object per line.
    ///
    /// # Errors
    /// When a line is something else.
    pub(crate) fn read(output: &str, ended_well: bool) -> Result<Self, Failure> {
        let steps: Result<Vec<Step>, _> = output.lines().map(serde_json::from_str).collect();
        let steps = steps.map_err(|error| Failure::new(format!("a step can't be read ({error}) in:\n{output}")))?;
        Ok(Self { steps, ended_well })
    }

    /// Whether the script ran to its end and no step failed.
    pub(crate) fn passed(&self) -> bool {
        self.ended_well
            && !self.steps.is_empty()
            && self.steps.iter().all(|step| step.passed || !step.awaits.is_empty())
    }

    /// The steps, one per line, with what went wrong below.
    pub(crate) fn table(&self, client: &str) -> String {
        let width = self
            .steps
            .iter()
            .map(|step| step.step.chars().count())
            .max()
            .unwrap_or(0);
        let mut text = String::new();
        for step in &self.steps {
            let verdict = step.verdict();
            text.push_str(&format!(
                "  {:<width$}  {:>6} ms  {verdict}\n",
                step.step, step.milliseconds
            ));
            if !step.passed {
                let told = if step.awaits.is_empty() {
                    &step.detail
                } else {
                    &step.awaits
                };
                text.push_str(&format!("      {}\n", told.replace('\n', "\n      ")));
            }
        }
        let passed = self.steps.iter().filter(|step| step.passed).count();
        text.push_str(&format!("{client}: {passed} of {} steps passed\n", self.steps.len()));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_fails_the_client_and_an_awaited_one_does_not() {
        let passed = r#"{"step":"a","passed":true}"#;
        let awaited = r#"{"step":"b","passed":false,"awaits":"bulk"}"#;
        let failed = r#"{"step":"c","passed":false,"detail":"no"}"#;
        let report = |lines: &[&str]| Report::read(&lines.join("\n"), true).expect("steps that can be read");
        assert!(report(&[passed, awaited]).passed());
        assert!(!report(&[passed, failed]).passed());
        assert!(!report(&[]).passed(), "a script without steps shows nothing");
        let table = report(&[passed, failed]).table("x");
        assert!(
            table.contains("FAILED\n      no\n") && table.ends_with("x: 1 of 2 steps passed\n"),
            "{table}"
        );
    }

    #[test]
    fn a_script_that_breaks_off_has_not_passed() {
        let report = Report::read(r#"{"step":"a","passed":true}"#, false).expect("a step that can be read");
        assert!(!report.passed());
        assert!(Report::read("Traceback", false).is_err());
    }
}
