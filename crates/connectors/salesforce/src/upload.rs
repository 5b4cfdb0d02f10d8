//! Writes as the CSV that a bulk job takes.

use syncline_core::job::{Verb, Write};

use crate::bulk_csv::cell;
use crate::payload::target;

/// Longer texts are refused by bulk jobs alone.
const LONGEST_TEXT: usize = 32_000;

/// The record that a write's lock probably waits for.
pub(crate) fn parent(write: &Write) -> Option<String> {
    write
        .fields
        .iter()
        .find(|(name, _)| name.ends_with("Id") && name != "OwnerId")
        .map(|(_, value)| value.to_string())
}

/// The cells of a write by column; `None` for one that CSV can't carry.
pub(crate) fn cells(write: &Write) -> Option<Vec<(&str, String)>> {
    let mut row: Vec<(&str, String)> = Vec::with_capacity(write.fields.len() + 1);
    let key = match &write.verb {
        Verb::Create {
            marker: Some((field, value)),
        } => {
            row.push((field, value.clone()));
            Some(field.as_str())
        }
        Verb::Create { marker: None } => None,
        verb => {
            row.push(("Id", target(verb)?));
            None
        }
    };
    if !matches!(write.verb, Verb::Delete { .. }) {
        for (name, value) in &write.fields {
            if key.is_some_and(|key| key.eq_ignore_ascii_case(name)) {
                continue;
            }
            let text = cell(value).ok().filter(|text| text.chars().count() <= LONGEST_TEXT)?;
            row.push((name, text));
        }
    }
    Some(row)
}

/// The rows of a job as CSV. A column that a write does not have is empty, which leaves the field as it is.
pub(crate) fn table(writes: &[Write], rows: &[usize]) -> Vec<u8> {
    let all: Vec<Vec<(&str, String)>> = rows.iter().filter_map(|index| cells(&writes[*index])).collect();
    let mut columns: Vec<&str> = Vec::new();
    for (name, _) in all.iter().flatten() {
        if !columns.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            columns.push(name);
        }
    }
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    // Writing to memory can't fail, and every row is as long as the header.
    let _ = writer.write_record(&columns);
    for row in &all {
        let cell = |column: &&str| {
            row.iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(column))
                .map_or("", |(_, cell)| cell.as_str())
        };
        let _ = writer.write_record(columns.iter().map(cell));
    }
    writer.into_inner().unwrap_or_default()
}
