//! Printing the result.

use crate::output::Output;
use crate::table::Table;

use super::report::DemoReport;

/// Prints the report for people.
pub(super) fn show(report: &DemoReport, out: Output) {
    stages(report, out);
    mappings(report, out);
    ledgers(report, out);
    if let Some(people) = report.people {
        out.line(format_args!(
            "\nPeople in both files: {}. Matched {}, in review {}, missed {}, wrong {}.",
            people.people, people.matched, people.review, people.missed, people.wrong
        ));
    }
    edits(report, out);
    if !report.disturbances.is_empty() {
        let struck = report
            .disturbances
            .iter()
            .map(|(name, count)| format!("{name} {count} times"));
        out.line(format_args!(
            "\nMeanwhile the CRMs were disturbed: {}.",
            struck.collect::<Vec<_>>().join(", ")
        ));
    }
    conflicts(report, out);
    comparison(report, out);
    if report.plugins {
        out.line("\nBoth connectors ran as plugins.");
    }
    if report.passed {
        out.line("\nAll three sides agree.");
    } else {
        out.line(format_args!("\nFailed: {}.", report.faults.join("; ")));
    }
    out.line("\nNext:");
    for line in &report.next {
        out.line(format_args!("  {line}"));
    }
}

fn stages(report: &DemoReport, out: Output) {
    let mut table = Table::new(&["stage", "seconds", "records", "records/s"]);
    for stage in &report.stages {
        let counted = |number: String| if stage.records > 0 { number } else { String::new() };
        table.row(vec![
            stage.stage.clone(),
            format!("{:.1}", stage.seconds),
            counted(stage.records.to_string()),
            counted(format!("{:.0}", stage.records_per_second)),
        ]);
    }
    out.table(&table);
}

fn mappings(report: &DemoReport, out: Output) {
    let mut table = Table::new(&["sync", "object", "two-way", "one-way", "least sure", "matched by"]);
    for one in &report.mappings {
        table.row(vec![
            one.sync.clone(),
            one.object.clone(),
            one.two_way.to_string(),
            one.one_way.to_string(),
            format!("{:.0} %", one.least_confidence * 100.0),
            one.match_keys.join("; "),
        ]);
    }
    out.line("");
    out.table(&table);
}

fn ledgers(report: &DemoReport, out: Output) {
    let mut table = Table::new(&[
        "first sync",
        "",
        "read",
        "created",
        "updated",
        "deleted",
        "unchanged",
        "conflict",
        "later",
        "failed",
    ]);
    for run in &report.first_runs {
        for (sync, by_direction) in &run.ledgers {
            for (direction, ledger) in by_direction {
                let counts = [
                    ledger.read,
                    ledger.created,
                    ledger.updated,
                    ledger.deleted,
                    ledger.unchanged + ledger.filtered,
                    ledger.conflicted,
                    ledger.deferred,
                    ledger.failed,
                ];
                let mut row = vec![sync.clone(), direction.clone()];
                row.extend(counts.map(|count| count.to_string()));
                table.row(row);
            }
        }
    }
    out.line("");
    out.table(&table);
}

fn edits(report: &DemoReport, out: Output) {
    let mut table = Table::new(&["what users did", "what became of it"]);
    for (scenario, outcomes) in &report.edits.scenarios {
        let ended: Vec<String> = outcomes
            .iter()
            .map(|(name, count)| format!("{count} {}", name.replace('_', " ")))
            .collect();
        table.row(vec![(*scenario).to_owned(), ended.join(", ")]);
    }
    out.line("");
    out.table(&table);
    out.line(format_args!(
        "{} edits, {} unaccounted for.",
        report.edits.made,
        report.edits.unaccounted.len()
    ));
    for line in report.edits.unaccounted.iter().take(20).chain(&report.edits.refused) {
        out.line(format_args!("  {line}"));
    }
}

fn conflicts(report: &DemoReport, out: Output) {
    let conflicts = &report.conflicts;
    out.line(format_args!(
        "\nConflicts: {} settled by policy, {} resolved by a person, {} left, {} waiting.",
        conflicts.settled_by_policy, conflicts.resolved, conflicts.ignored, conflicts.waiting
    ));
    if conflicts.shown.is_empty() {
        return;
    }
    let mut table = Table::new(&["field", "why", "how it ended"]);
    for conflict in &conflicts.shown {
        table.row(vec![
            conflict.fields.clone(),
            conflict.reason.clone(),
            conflict.ended.clone(),
        ]);
    }
    out.table(&table);
}

fn comparison(report: &DemoReport, out: Output) {
    let compared = &report.comparison;
    out.line(format_args!(
        "\nCompared {} entities with {} records in both CRMs: {} fields, {} disagreements ({} links cut by users, {} \
         fields, {} entities and {} records in review).",
        compared.entities,
        compared.records,
        compared.fields,
        compared.disagreements,
        compared.unlinked,
        compared.fields_in_review,
        compared.entities_in_review,
        compared.records_in_review,
    ));
    if !compared.shown.is_empty() {
        let mut table = Table::new(&["side", "record", "field", "app", "CRM"]);
        for one in &compared.shown {
            table.row(vec![
                one.side.clone(),
                format!("{} {}", one.blueprint, one.record.clone().unwrap_or_default()),
                one.field.clone(),
                one.app.clone(),
                one.crm.clone(),
            ]);
        }
        out.table(&table);
    }
    for (name, pass) in [
        ("Second pass", &report.second_pass),
        ("Full second pass", &report.full_pass),
    ] {
        out.line(format_args!(
            "{name}: {} records read at {:.0}/s, {} mutating requests, {} entities changed.",
            pass.read, pass.records_per_second, pass.mutating_requests, pass.entities_changed
        ));
    }
}
