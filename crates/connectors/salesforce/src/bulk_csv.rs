//! The CSV of bulk jobs: pages of results to rows, and cells as they are written for an upload.

use syncline_core::batch::{Batch, RowState, ValueKind};
use syncline_core::decode::ReadText;
use syncline_core::value::{Value, encode_null};
use syncline_core::{Error, ErrorKind, Result};

use crate::id::{is_empty, normalised_or_same};
use crate::selection::Selection;
use crate::system::{CONVERTED_CONTACT, IS_CONVERTED};
use crate::wire::{RestText, Unwritable, instant, joined};

/// Stands for null in an upload, where an empty cell means "leave it as it is".
const NULL: &str = "#N/A";

/// What a column of a result holds beside a mapped value.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Role {
    Id,
    Stamp,
    Converted,
    ConvertedContact,
    None,
}

/// The columns of one result: their role, and the slot that they fill.
#[derive(Debug, Clone)]
struct Column {
    role: Role,
    slot: Option<(usize, ValueKind)>,
}

/// One page of a bulk query's result, read a few rows at a time.
#[derive(Debug)]
pub(crate) struct ResultPage {
    body: Vec<u8>,
    columns: Vec<Column>,
    /// Where the next row begins.
    at: usize,
}

impl ResultPage {
    /// A page of which `expected` rows were promised, where the answer says.
    ///
    /// # Errors
    /// `Protocol`, to be tried again, when rows are missing: a body cut short on its way is well-formed CSV.
    pub(crate) fn new(body: &[u8], expected: Option<usize>, selection: &Selection) -> Result<Self> {
        // NUL bytes have been seen in results; no text can hold one.
        let body: Vec<u8> = if body.contains(&0) {
            body.iter().copied().filter(|byte| *byte != 0).collect()
        } else {
            body.to_vec()
        };
        let lines = lines(&body);
        if expected.is_some_and(|expected| expected != lines.saturating_sub(1)) {
            return Err(damaged("rows are missing from a page of the result"));
        }
        let mut page = Self {
            body,
            columns: Vec::new(),
            at: 0,
        };
        let mut header = csv::ByteRecord::new();
        if page.next(&mut header)? {
            page.columns = header
                .iter()
                .map(|name| column(std::str::from_utf8(name).unwrap_or_default(), selection))
                .collect();
            if !page.columns.iter().any(|column| column.role == Role::Id) {
                return Err(damaged("a page of the result has no column Id"));
            }
        }
        Ok(page)
    }

    fn next(&mut self, record: &mut csv::ByteRecord) -> Result<bool> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(&self.body[self.at..]);
        let more = reader
            .read_byte_record(record)
            .map_err(|error| damaged("a page of the result can't be read").because(error))?;
        self.at += usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        self.at = self.at.min(self.body.len());
        Ok(more)
    }

    /// Passes over rows that were taken before.
    ///
    /// # Errors
    /// As [`ResultPage::rows`].
    pub(crate) fn skip(&mut self, rows: usize) -> Result<()> {
        self.each(rows, |_, _| Ok(())).map(|_| ())
    }

    /// Adds up to `most` rows to the batch; gives how many. Fewer than `most` were the last ones.
    ///
    /// # Errors
    /// `Protocol` when a row can't be read.
    pub(crate) fn rows(&mut self, most: usize, batch: &mut Batch) -> Result<usize> {
        self.each(most, |columns, record| add_row(columns, record, batch))
    }

    /// Whether every row was taken.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.body[self.at..].iter().all(|byte| matches!(byte, b'\r' | b'\n'))
    }

    fn each(&mut self, most: usize, mut take: impl FnMut(&[Column], &csv::ByteRecord) -> Result<()>) -> Result<usize> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(&self.body[self.at..]);
        let mut record = csv::ByteRecord::new();
        let mut rows = 0;
        while rows < most {
            let more = reader
                .read_byte_record(&mut record)
                .map_err(|error| damaged("a page of the result can't be read").because(error))?;
            if !more {
                break;
            }
            if record.len() != self.columns.len() {
                return Err(damaged(
                    "a row of the result has another number of columns than its header",
                ));
            }
            take(&self.columns, &record)?;
            rows += 1;
        }
        self.at = (self.at + usize::try_from(reader.position().byte()).unwrap_or(usize::MAX)).min(self.body.len());
        Ok(rows)
    }
}

fn column(name: &str, selection: &Selection) -> Column {
    let columns = &selection.columns;
    let role = match name {
        "Id" => Role::Id,
        name if columns.stamp.as_deref() == Some(name) => Role::Stamp,
        IS_CONVERTED if columns.converted => Role::Converted,
        CONVERTED_CONTACT if columns.converted => Role::ConvertedContact,
        _ => Role::None,
    };
    let slot = selection
        .projection
        .fields
        .iter()
        .position(|field| field.path.eq_ignore_ascii_case(name))
        .map(|slot| (slot, selection.projection.fields[slot].kind));
    Column { role, slot }
}

fn add_row(columns: &[Column], record: &csv::ByteRecord, batch: &mut Batch) -> Result<()> {
    let mut row = batch.row("");
    let (mut has_id, mut converted, mut contact) = (false, false, None);
    for (column, cell) in columns.iter().zip(record) {
        let Ok(text) = std::str::from_utf8(cell) else {
            row.abandon();
            return Err(damaged("a row of the result is no UTF-8"));
        };
        match column.role {
            Role::Id if !text.is_empty() => {
                row.id(&normalised_or_same(text));
                has_id = true;
            }
            Role::Stamp => {
                if let Some(stamp) = instant(text) {
                    row.stamp(stamp);
                }
            }
            Role::Converted => converted = text == "true",
            Role::ConvertedContact => contact = (!text.is_empty() && !is_empty(text)).then(|| normalised_or_same(text)),
            Role::Id | Role::None => {}
        }
        if let Some((slot, kind)) = column.slot {
            row.encode(slot, |out| match (text, kind) {
                ("", _) => encode_null(out),
                // Only a text may really hold this.
                (NULL, kind) if kind != ValueKind::Text => encode_null(out),
                (text, kind) => RestText.read(kind, text, out),
            });
        }
    }
    if !has_id {
        row.abandon();
        return Err(damaged("a row of the result has no Id"));
    }
    if converted {
        row.state(RowState::Converted);
        if let Some(contact) = &contact {
            row.merged_into(contact);
        }
    }
    row.finish();
    Ok(())
}

/// Lines of CSV: line feeds outside of quotes.
fn lines(body: &[u8]) -> usize {
    let (mut quoted, mut lines, mut open) = (false, 0, false);
    for byte in body {
        match byte {
            b'"' => {
                quoted = !quoted;
                open = true;
            }
            b'\n' if !quoted => {
                lines += usize::from(open);
                open = false;
            }
            b'\r' if !quoted => {}
            _ => open = true,
        }
    }
    lines + usize::from(open)
}

/// The error of a result that can't be read, which may be its way here.
pub(crate) fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Protocol, what).retry_as(syncline_core::Retry::After(std::time::Duration::ZERO))
}

/// A value as a cell of an upload.
///
/// # Errors
/// Why the value can't be sent.
pub(crate) fn cell(value: &Value) -> std::result::Result<String, Unwritable> {
    Ok(match value {
        empty if empty.is_empty() => NULL.to_owned(),
        Value::Null => NULL.to_owned(),
        // It would be stored as null.
        Value::Text(text) if text == NULL => return Err("a bulk upload can't carry the text #N/A"),
        Value::Text(text) => text.clone(),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Decimal(decimal) => decimal.normalize().to_string(),
        Value::Float(float) if float.is_finite() => float.to_string(),
        Value::Float(_) => return Err("the number is infinite or not a number"),
        Value::Date(date) => date.to_string(),
        Value::DateTime(at) => at.instant.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        Value::List(list) => joined(list)?,
        Value::Json(json) => json.to_string(),
    })
}

#[cfg(test)]
#[path = "bulk_csv_tests.rs"]
mod tests;
