//! JSON lines: one object per line.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, BufWriter, Write};

use serde_json::{Map, Value as Json};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::value::Value;

use super::{FileColumn, FileRow, ReadRows, Source, Unreadable, WriteRows, no_columns, unwritable};

/// Lines that are read ahead for their columns.
const LOOKED_AT: usize = 100;
/// Longest line, in bytes: a file without line breaks must not fill the memory.
const LONGEST: u64 = 64 * 1024 * 1024;

pub(super) struct JsonRows<S> {
    reader: BufReader<S>,
    columns: Vec<String>,
    ahead: VecDeque<FileRow>,
    line: u64,
}

impl<S: Source> JsonRows<S> {
    pub(super) fn open(source: S) -> Result<Self> {
        let mut rows = Self {
            reader: BufReader::new(source),
            columns: Vec::new(),
            ahead: VecDeque::new(),
            line: 0,
        };
        while rows.ahead.len() < LOOKED_AT {
            let Some(row) = rows.read()? else { break };
            let cells = match &row.cells {
                Ok(cells) => cells,
                Err(unreadable) => &unreadable.cells,
            };
            for name in cells.keys() {
                if !rows.columns.contains(name) {
                    rows.columns.push(name.clone());
                }
            }
            rows.ahead.push_back(row);
        }
        if rows.columns.is_empty() && !rows.ahead.is_empty() {
            return Err(no_columns());
        }
        Ok(rows)
    }

    fn read(&mut self) -> Result<Option<FileRow>> {
        loop {
            let mut bytes = Vec::new();
            let mut limited = std::io::Read::take(&mut self.reader, LONGEST);
            limited.read_until(b'\n', &mut bytes).map_err(|error| {
                Error::new(
                    ErrorKind::Invalid,
                    format!("the file can't be read after line {}", self.line),
                )
                .because(error)
            })?;
            if bytes.is_empty() {
                return Ok(None);
            }
            self.line += 1;
            if bytes.len() as u64 == LONGEST {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!(
                        "line {} is longer than 64 MiB; JSON lines have one record per line",
                        self.line
                    ),
                ));
            }
            let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let unreadable = |reason: String| {
                Err(Unreadable {
                    reason,
                    cells: Map::from_iter([("line".to_owned(), String::from_utf8_lossy(text).trim_end().into())]),
                })
            };
            let cells = match serde_json::from_slice::<Json>(text) {
                Ok(Json::Object(cells)) => Ok(cells),
                Ok(_) => unreadable("the line is no JSON object".to_owned()),
                Err(error) => unreadable(format!("the line is no JSON: {error}")),
            };
            return Ok(Some(FileRow {
                number: self.line,
                cells,
            }));
        }
    }
}

impl<S: Source> ReadRows for JsonRows<S> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn is_typed(&self) -> bool {
        true
    }

    fn next(&mut self) -> Result<Option<FileRow>> {
        match self.ahead.pop_front() {
            Some(row) => Ok(Some(row)),
            None => self.read(),
        }
    }
}

pub(super) struct JsonWriter<W: Write> {
    writer: BufWriter<W>,
    columns: Vec<FileColumn>,
}

impl<W: Write + Send> JsonWriter<W> {
    pub(super) fn begin(columns: Vec<FileColumn>, writer: W) -> Self {
        Self {
            writer: BufWriter::new(writer),
            columns,
        }
    }
}

impl<W: Write + Send> WriteRows for JsonWriter<W> {
    fn write(&mut self, row: &[Value]) -> Result<()> {
        let cells = self.columns.iter().zip(row);
        let object: Map<String, Json> = cells
            .map(|(column, value)| (column.name.clone(), value.to_json()))
            .collect();
        serde_json::to_writer(&mut self.writer, &object).map_err(unwritable)?;
        self.writer.write_all(b"\n").map_err(unwritable)
    }

    fn finish(&mut self) -> Result<()> {
        self.writer.flush().map_err(unwritable)
    }
}
