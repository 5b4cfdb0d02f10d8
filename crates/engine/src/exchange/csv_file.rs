//! Comma-separated values.

use std::io::{BufReader, Read, SeekFrom, Write};

use csv::{ByteRecord, ReaderBuilder, Terminator, Writer, WriterBuilder};
use serde_json::{Map, Value as Json};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::value::Value;

use super::cell::{guarded, to_text, unguarded};
use super::{FileColumn, FileRow, ReadRows, Source, Unreadable, WriteRows, no_columns, unwritable};

/// Bytes in which the separator is looked for.
const LOOKED_AT: usize = 16 * 1024;

pub(super) struct CsvRows<S> {
    reader: csv::Reader<BufReader<S>>,
    columns: Vec<String>,
    record: ByteRecord,
}

impl<S: Source> CsvRows<S> {
    pub(super) fn open(mut source: S) -> Result<Self> {
        let unreadable =
            |error: std::io::Error| Error::new(ErrorKind::Invalid, "the file can't be read").because(error);
        let mut start = Vec::new();
        source
            .by_ref()
            .take(LOOKED_AT as u64)
            .read_to_end(&mut start)
            .map_err(unreadable)?;
        // A mark that says no more than that this is UTF-8.
        let mark = if start.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        source.seek(SeekFrom::Start(mark)).map_err(unreadable)?;
        let mut reader = ReaderBuilder::new()
            .delimiter(separator(&start[mark as usize..]))
            .flexible(true)
            .from_reader(BufReader::new(source));
        let headers = reader.headers().map_err(|error| {
            Error::new(
                ErrorKind::Invalid,
                "the first row can't be read; the file has to be CSV in UTF-8",
            )
            .because(error)
        })?;
        let columns: Vec<String> = headers.iter().map(|name| name.trim().to_owned()).collect();
        if columns.iter().all(String::is_empty) {
            return Err(no_columns());
        }
        Ok(Self {
            reader,
            columns,
            record: ByteRecord::new(),
        })
    }
}

/// The separator of a file by its first row: what stands there most often outside quotes.
fn separator(start: &[u8]) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in start {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            other if !quoted => {
                for (separator, count) in &mut counts {
                    *count += usize::from(other == separator);
                }
            }
            _ => {}
        }
    }
    // The comma where none is more frequent.
    counts
        .iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .map_or(b',', |(separator, _)| *separator)
}

impl<S: Source> ReadRows for CsvRows<S> {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next(&mut self) -> Result<Option<FileRow>> {
        let line = self.reader.position().line();
        let is_read = self.reader.read_byte_record(&mut self.record).map_err(|error| {
            Error::new(ErrorKind::Invalid, format!("the file can't be read after line {line}")).because(error)
        })?;
        if !is_read {
            return Ok(None);
        }
        let number = self.record.position().map_or(line, csv::Position::line);
        let mut cells = Map::new();
        let mut reason = None;
        for (column, bytes) in self.columns.iter().zip(&self.record) {
            match std::str::from_utf8(bytes) {
                Ok(text) => {
                    cells.insert(column.clone(), Json::from(unguarded(text)));
                }
                Err(_) => {
                    cells.insert(column.clone(), String::from_utf8_lossy(bytes).into_owned().into());
                    reason = Some(format!(
                        "column `{column}` is not in UTF-8; save the file as CSV in UTF-8"
                    ));
                }
            }
        }
        if self.record.len() != self.columns.len() {
            reason = Some(format!(
                "it has {} values, and the file has {} columns; a text with a separator or line break in it has to be \
                 quoted",
                self.record.len(),
                self.columns.len()
            ));
        }
        Ok(Some(FileRow {
            number,
            cells: match reason {
                None => Ok(cells),
                Some(reason) => Err(Unreadable { reason, cells }),
            },
        }))
    }
}

pub(super) struct CsvWriter<W: Write> {
    writer: Writer<W>,
    columns: Vec<FileColumn>,
}

impl<W: Write + Send> CsvWriter<W> {
    pub(super) fn begin(columns: Vec<FileColumn>, writer: W) -> Result<Self> {
        let mut writer = WriterBuilder::new()
            .terminator(Terminator::Any(b'\n'))
            .from_writer(writer);
        writer
            .write_record(columns.iter().map(|column| guarded(column.name.clone())))
            .map_err(unwritable)?;
        Ok(Self { writer, columns })
    }
}

impl<W: Write + Send> WriteRows for CsvWriter<W> {
    fn write(&mut self, row: &[Value]) -> Result<()> {
        let cells = self.columns.iter().zip(row).map(|(column, value)| {
            let kind = column.field.as_ref().map(|field| &field.kind);
            match value {
                Value::Int(_) | Value::Decimal(_) | Value::Float(_) => to_text(value, kind),
                _ => guarded(to_text(value, kind)),
            }
        });
        self.writer.write_record(cells).map_err(unwritable)
    }

    fn finish(&mut self) -> Result<()> {
        self.writer.flush().map_err(unwritable)
    }
}
