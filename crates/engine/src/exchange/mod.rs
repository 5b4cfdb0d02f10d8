//! Files of records: CSV, JSON lines and Excel, read and written a row at a time.
//!
//! A row that can't be read is told by its number, and those after it are read all the same. What is written comes back
//! as it was: text of any characters, numbers with all their digits, lists as JSON. In CSV, text that a spreadsheet would
//! take for a formula is written with an apostrophe before it, which reading takes away again; Excel's cells say
//! themselves that they are text.

mod cell;
mod csv_file;
mod excel_file;
mod json_lines;
mod refused;

use std::io::{Read, Seek, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::Field;
use syncline_core::value::Value;

pub(crate) use cell::from_cell;
pub use refused::{RefusedFile, fingerprint};

/// A kind of file of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Comma-separated values, with the columns' names in the first row. Semicolons and tabs are recognised.
    Csv,
    /// One JSON object per line.
    JsonLines,
    /// An Excel workbook (`.xlsx`); its first sheet, with the columns' names in the first row.
    Excel,
}

impl FileFormat {
    /// The format of a file by the end of its name.
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, ending) = name.rsplit_once('.')?;
        match ending.to_ascii_lowercase().as_str() {
            "csv" | "tsv" | "txt" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "xlsx" | "xlsm" => Some(Self::Excel),
            _ => None,
        }
    }
}

/// A row of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileRow {
    /// Its number as people count: the line or row of the file in which it begins, from 1.
    pub number: u64,
    /// What it holds by column; the reason why it can't be read otherwise, with as much of it as could be.
    pub cells: std::result::Result<Map<String, Json>, Unreadable>,
}

/// A row that can't be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Unreadable {
    /// Why.
    pub reason: String,
    /// What could be read of it.
    pub cells: Map<String, Json>,
}

/// Something that can be read from any place: an opened file.
pub trait Source: Read + Seek + Send {}

impl<T: Read + Seek + Send> Source for T {}

/// Rows of a file, one after the other.
pub trait ReadRows: Send {
    /// The columns. Of JSON lines, those of the first lines.
    fn columns(&self) -> &[String];

    /// Whether cells are told apart by their types, so that text is text: true of JSON alone.
    fn is_typed(&self) -> bool {
        false
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when nothing after it can be read either.
    fn next(&mut self) -> Result<Option<FileRow>>;
}

/// Opens a file of records for reading.
///
/// # Errors
/// [`ErrorKind::Invalid`] when it has no columns, or is no such file.
///
/// ```
/// use syncline_engine::exchange::{FileFormat, read_rows};
/// let file = std::io::Cursor::new(b"name;age\nAda;36\n".to_vec());
/// let mut rows = read_rows(FileFormat::Csv, file)?;
/// assert_eq!(rows.columns(), ["name", "age"]);
/// assert_eq!(rows.next()?.unwrap().cells.unwrap()["age"], "36");
/// # Ok::<(), syncline_core::Error>(())
/// ```
pub fn read_rows(format: FileFormat, source: impl Source + 'static) -> Result<Box<dyn ReadRows>> {
    Ok(match format {
        FileFormat::Csv => Box::new(csv_file::CsvRows::open(source)?),
        FileFormat::JsonLines => Box::new(json_lines::JsonRows::open(source)?),
        FileFormat::Excel => Box::new(excel_file::ExcelRows::open(source)?),
    })
}

/// Writes rows of values to a file.
pub trait WriteRows: Send {
    /// Writes one row: a value for each column.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for what the file can't hold, [`ErrorKind::Unavailable`] when it can't be written.
    fn write(&mut self, row: &[Value]) -> Result<()>;

    /// Writes what is still to be written.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] when it can't be written.
    fn finish(&mut self) -> Result<()>;
}

/// A column of a file that is written.
#[derive(Debug, Clone)]
pub struct FileColumn {
    /// Its name.
    pub name: String,
    /// The field that it holds; `None` for an id.
    pub field: Option<Field>,
}

/// Begins a file of records with these columns.
///
/// # Errors
/// As [`WriteRows::write`].
pub fn write_rows(
    format: FileFormat,
    columns: Vec<FileColumn>,
    writer: impl Write + Send + 'static,
) -> Result<Box<dyn WriteRows>> {
    Ok(match format {
        FileFormat::Csv => Box::new(csv_file::CsvWriter::begin(columns, writer)?),
        FileFormat::JsonLines => Box::new(json_lines::JsonWriter::begin(columns, writer)),
        FileFormat::Excel => Box::new(excel_file::ExcelWriter::begin(columns, writer)?),
    })
}

/// A file can't be written.
fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Unavailable, "the file can't be written").because(error)
}

/// The first row names no columns.
fn no_columns() -> Error {
    Error::new(
        ErrorKind::Invalid,
        "the file names no columns; its first row has to hold their names",
    )
}

#[cfg(test)]
mod tests;
