//! How a job's CSV is written: delimiter and line ending, and which values stand in quotes.

use serde_json::{Map, Value};

use crate::salesforce::cell::{View, java_double};
use crate::salesforce::error::ApiError;
use crate::salesforce::stamp::{datetime_text, write_date};

/// Delimiter and line ending, by the names of the service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CsvForm {
    pub(super) delimiter: u8,
    pub(super) delimiter_name: &'static str,
    pub(super) crlf: bool,
}

const DELIMITERS: [(&str, u8); 6] = [
    ("COMMA", b','),
    ("BACKQUOTE", b'`'),
    ("CARET", b'^'),
    ("PIPE", b'|'),
    ("SEMICOLON", b';'),
    ("TAB", b'\t'),
];

impl CsvForm {
    /// Comma and line feed.
    pub(super) const PLAIN: Self = Self {
        delimiter: b',',
        delimiter_name: "COMMA",
        crlf: false,
    };

    /// What a request for a job asks for.
    pub(super) fn of_request(body: &Map<String, Value>) -> Result<Self, ApiError> {
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        let wanted = text("columnDelimiter").unwrap_or("COMMA");
        let Some((delimiter_name, delimiter)) = DELIMITERS.iter().find(|(name, _)| *name == wanted) else {
            return Err(super::invalid(&format!("Unsupported column delimiter: {wanted}")));
        };
        let crlf = match text("lineEnding").unwrap_or("LF") {
            "LF" => false,
            "CRLF" => true,
            other => return Err(super::invalid(&format!("Unsupported line ending: {other}"))),
        };
        if let Some(other) = text("contentType").filter(|kind| *kind != "CSV") {
            return Err(super::invalid(&format!("Unsupported content type: {other}")));
        }
        Ok(Self {
            delimiter: *delimiter,
            delimiter_name,
            crlf,
        })
    }

    /// Appends a row, every value in quotes as the service writes them.
    pub(super) fn write_row<'a>(&self, values: impl Iterator<Item = &'a str>, out: &mut Vec<u8>) {
        for (index, value) in values.enumerate() {
            if index > 0 {
                out.push(self.delimiter);
            }
            out.push(b'"');
            for byte in value.bytes() {
                if byte == b'"' {
                    out.push(b'"');
                }
                out.push(byte);
            }
            out.push(b'"');
        }
        out.extend_from_slice(if self.crlf { b"\r\n" } else { b"\n" });
    }
}

/// A value as a cell of a bulk result; nothing for null.
pub(super) fn cell_text(value: &View<'_>) -> String {
    match value {
        View::Null => String::new(),
        View::Bool(value) => value.to_string(),
        View::Int(value) => value.to_string(),
        View::Double(value) => java_double(*value),
        View::Text(value) => value.clone().into_owned(),
        View::Id(value) => value.to_string(),
        View::Date(value) => {
            let mut out = Vec::with_capacity(10);
            write_date(*value, &mut out);
            String::from_utf8(out).unwrap_or_default()
        }
        // Bulk results write the offset as a letter, unlike every other answer.
        View::DateTime(value) => datetime_text(*value).replace("+0000", "Z"),
        View::Json(value) => value.to_string(),
    }
}
