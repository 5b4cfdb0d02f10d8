//! How a conflict is shown.

use serde_json::{Value, json};
use syncline::conflict::Review;
use syncline::plan::ReviewReason;

use super::{shown, why};
use crate::failure::Failure;
use crate::project::Project;
use crate::table::{Table, maybe, maybe_time, time, value};

/// Shows a conflict: what each side holds and held, the records concerned, and what to type next.
///
/// # Errors
/// When the store fails.
pub(super) async fn show(project: &Project, review: &Review) -> Result<(), Failure> {
    let records = project
        .engine
        .conflicts()
        .records(project.tenant.id, review.id, &project.actor)
        .await?;
    if project.output.is_json() {
        let mut json = shown(review);
        json["records"] = json!(records);
        return project.output.json(&json);
    }
    let output = &project.output;
    output.line(format_args!(
        "conflict {} (version {}): {}, {}, opened {} by run {}",
        review.id,
        review.version,
        why(review.reason),
        review.status.name(),
        time(review.opened_at),
        review.run
    ));
    if !review.explanation.is_empty() {
        output.line(&review.explanation);
    }
    let mut headers = vec!["Field".to_owned(), "App".to_owned()];
    let syncs = project
        .engine
        .syncs()
        .list(project.tenant.id, true, &project.actor)
        .await?;
    for side in &review.sides {
        // By the sync's name, which the person gave: several connections may have the same object.
        let sync = syncs.iter().find(|sync| sync.side == side.side);
        let name = sync.map_or(side.label.as_str(), |sync| sync.name.as_str());
        headers.push(format!("{name} {}", maybe(side.record.as_deref())));
        headers.push("when they agreed".to_owned());
    }
    let mut table = Table::new(&headers.iter().map(String::as_str).collect::<Vec<_>>());
    let at = |values: &[Value], index: usize| values.get(index).map_or_else(|| "-".to_owned(), value);
    for (index, field) in review.fields.iter().enumerate() {
        let mut row = vec![field.clone(), at(&review.app, index)];
        for side in &review.sides {
            row.push(at(&side.values, index));
            row.push(at(&side.base, index));
        }
        table.row(row);
    }
    let mut changed = vec!["(changed)".to_owned(), String::new()];
    for side in &review.sides {
        changed.push(maybe_time(side.changed_at));
        changed.push(String::new());
    }
    table.row(changed);
    output.table(&table);
    for (index, record) in records.iter().enumerate() {
        let role = if index == 0 { "record" } else { "may be" };
        let held: Vec<String> = record
            .values
            .iter()
            .filter(|(_, held)| !held.is_null())
            .map(|(name, held)| format!("{name}={}", value(held)))
            .collect();
        output.line(format_args!("{role} {}: {}", record.uid, held.join(", ")));
    }
    if let Some(resolution) = &review.resolution {
        output.line(format_args!(
            "{} by {} at {}",
            resolution,
            maybe(review.resolved_by.as_deref()),
            maybe_time(review.resolved_at)
        ));
    } else {
        output.line(format_args!(
            "next: `syncline conflicts resolve {} {}`",
            review.id,
            how(review)
        ));
    }
    Ok(())
}

/// What fits a conflict.
fn how(review: &Review) -> String {
    match review.reason {
        ReviewReason::AmbiguousMatch => "--link ID` or `... --separate".to_owned(),
        ReviewReason::MergeCollision | ReviewReason::Converted => "--keep-both` or `... --delete-record".to_owned(),
        _ if review.fields.is_empty() => "--keep-record` or `... --delete-record".to_owned(),
        _ => "--all app|crm` or `... --field FIELD=app|crm|value:...".to_owned(),
    }
}
