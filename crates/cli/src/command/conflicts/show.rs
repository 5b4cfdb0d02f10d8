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
        let at = |values: &[Value]| {
            if is_whole(review) {
                presence(values)
            } else {
                at(values, index)
            }
        };
        let mut row = vec![field.clone(), at(&review.app)];
        for side in &review.sides {
            row.push(at(&side.values));
            row.push(at(&side.base));
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
        let own = syncs.iter().find(|sync| sync.id == review.sync);
        if let Some(own) = own.filter(|_| review.sides.len() > 1 && !is_whole(review)) {
            output.line(format_args!(
                "`crm` is what sync `{}` holds; another CRM's value is chosen by `value:`",
                own.name
            ));
        }
        output.line(format_args!("next: {}", next(review)));
    }
    Ok(())
}

/// The command that decides a conflict.
pub(super) fn next(review: &Review) -> String {
    format!("`syncline conflicts resolve {} {}`", review.id, how(review))
}

/// Whether it is about a record as a whole: whether there is to be one.
pub(super) fn is_whole(review: &Review) -> bool {
    review.group == syncline::model::PRESENCE
}

/// Whether a side has the record, in words.
pub(super) fn presence(values: &[Value]) -> String {
    match values.first() {
        Some(Value::Bool(true)) => "there".to_owned(),
        Some(Value::Bool(false)) => "deleted".to_owned(),
        _ => "-".to_owned(),
    }
}

/// What fits a conflict.
fn how(review: &Review) -> String {
    match review.reason {
        ReviewReason::AmbiguousMatch => "--link ID` or `... --separate".to_owned(),
        ReviewReason::MergeCollision | ReviewReason::Converted => "--keep-both` or `... --delete-record".to_owned(),
        _ if is_whole(review) => "--keep-record` or `... --delete-record".to_owned(),
        _ => "--all app|crm` or `... --field FIELD=app|crm|value:...".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use syncline::model::PRESENCE;

    use super::*;

    #[test]
    fn a_delete_that_met_an_edit_is_told_in_words_and_with_what_decides_it() {
        let mut review: Review = serde_json::from_value(json!({
            "tenant": 1, "sync": 1, "connection": 1, "object": "Contact", "reason": "delete_conflict", "entity": 1,
            "uid": "01890c6e-0000-7000-8000-000000000000", "group": PRESENCE, "fields": ["(the record)"],
            "app": [true], "rev": 1, "sides": [], "candidates": [], "explanation": "", "status": "pending", "run": 1,
            "opened_at": "2026-11-20T10:00:00Z", "refreshed_at": "2026-11-20T10:00:00Z"
        }))
        .unwrap();
        review.id = 6;
        assert_eq!(
            next(&review),
            "`syncline conflicts resolve 6 --keep-record` or `... --delete-record`"
        );
        assert_eq!(presence(&review.app), "there");
        assert_eq!(presence(&[json!(false)]), "deleted");
        review.group = PRESENCE + 1;
        assert!(next(&review).contains("--all app|crm"));
    }
}
