//! Excel workbooks.

use std::io::{BufReader, BufWriter, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use calamine::{DataRef, Reader, Xlsx};
use rust_decimal::prelude::ToPrimitive;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use serde_json::{Map, Number, Value as Json};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::value::Value;

use super::cell::to_text;
use super::{FileColumn, FileRow, ReadRows, Source, Unreadable, WriteRows, no_columns, unwritable};

/// Rows read ahead.
const AHEAD: usize = 256;
/// Rows of a sheet, the columns' names among them.
const MOST_ROWS: u32 = 1_048_576;
/// Characters of a cell.
const LONGEST_TEXT: usize = 32_767;
/// Digits that Excel keeps of a number.
const DIGITS: usize = 15;

/// A row by the numbers of its columns.
struct SheetRow {
    number: u64,
    cells: Vec<(u32, Json)>,
    fault: Option<(u32, String)>,
}

/// Rows that a thread of their own reads, since what reads a sheet borrows from its workbook.
pub(super) struct ExcelRows {
    rows: Receiver<Result<SheetRow>>,
    /// With the number of the column in the sheet.
    places: Vec<u32>,
    columns: Vec<String>,
}

impl ExcelRows {
    pub(super) fn open(source: impl Source + 'static) -> Result<Self> {
        let (sender, rows) = sync_channel(AHEAD);
        std::thread::Builder::new()
            .name("excel".to_owned())
            .spawn(move || {
                if let Err(error) = read(source, &sender) {
                    // Whoever does not listen any more does not want to know.
                    let _nobody_listens = sender.send(Err(error));
                }
            })
            .map_err(|error| Error::new(ErrorKind::Internal, "no thread could be started").because(error))?;
        let mut opened = Self {
            rows,
            places: Vec::new(),
            columns: Vec::new(),
        };
        let Some(first) = opened.receive()? else {
            return Err(no_columns());
        };
        for (place, name) in first.cells {
            let name = match name {
                Json::String(name) => name.trim().to_owned(),
                other => other.to_string(),
            };
            if !name.is_empty() {
                opened.places.push(place);
                opened.columns.push(name);
            }
        }
        if opened.columns.is_empty() {
            return Err(no_columns());
        }
        Ok(opened)
    }

    fn receive(&self) -> Result<Option<SheetRow>> {
        self.rows.recv().ok().transpose()
    }
}

impl ReadRows for ExcelRows {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn next(&mut self) -> Result<Option<FileRow>> {
        let Some(row) = self.receive()? else { return Ok(None) };
        let mut cells = Map::new();
        for (place, column) in self.places.iter().zip(&self.columns) {
            let cell = row.cells.iter().find(|(number, _)| number == place);
            cells.insert(column.clone(), cell.map_or(Json::Null, |(_, cell)| cell.clone()));
        }
        let fault = row.fault.and_then(|(number, fault)| {
            let place = self.places.iter().position(|place| *place == number)?;
            Some(format!("column `{}`: {fault}", self.columns[place]))
        });
        Ok(Some(FileRow {
            number: row.number,
            cells: match fault {
                None => Ok(cells),
                Some(reason) => Err(Unreadable { reason, cells }),
            },
        }))
    }
}

fn read(source: impl Source, rows: &SyncSender<Result<SheetRow>>) -> Result<()> {
    let unreadable = |error: calamine::XlsxError| {
        Error::new(
            ErrorKind::Invalid,
            "the file can't be read as an Excel workbook (.xlsx)",
        )
        .because(error)
    };
    let mut workbook: Xlsx<_> = Xlsx::new(BufReader::new(source)).map_err(unreadable)?;
    let Some(sheet) = workbook.sheet_names().first().cloned() else {
        return Err(no_columns());
    };
    let mut cells = workbook.worksheet_cells_reader(&sheet).map_err(unreadable)?;
    let mut row: Option<SheetRow> = None;
    while let Some(cell) = cells.next_cell().map_err(unreadable)? {
        let (line, column) = cell.get_position();
        let number = u64::from(line) + 1;
        if row.as_ref().is_some_and(|row| row.number != number)
            && let Some(full) = row.take()
            && !send(rows, full)
        {
            return Ok(());
        }
        let row = row.get_or_insert_with(|| SheetRow {
            number,
            cells: Vec::new(),
            fault: None,
        });
        match value(cell.get_value()) {
            Ok(Json::Null) => {}
            Ok(json) => row.cells.push((column, json)),
            Err(fault) => row.fault = Some((column, fault)),
        }
    }
    if let Some(full) = row {
        send(rows, full);
    }
    Ok(())
}

/// Hands a row over unless it is empty; false when nobody wants more.
fn send(rows: &SyncSender<Result<SheetRow>>, row: SheetRow) -> bool {
    (row.cells.is_empty() && row.fault.is_none()) || rows.send(Ok(row)).is_ok()
}

fn value(cell: &DataRef<'_>) -> std::result::Result<Json, String> {
    Ok(match cell {
        DataRef::Empty => Json::Null,
        DataRef::Int(int) => (*int).into(),
        DataRef::Float(float) => number(*float),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.as_str().into(),
        DataRef::SharedString(text) => (*text).into(),
        DataRef::Bool(bool) => (*bool).into(),
        DataRef::DateTime(at) if at.is_duration() => number(at.as_f64()),
        DataRef::DateTime(at) => {
            let (year, month, day, hour, minute, second, milli) = at.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second, milli) == (0, 0, 0, 0) {
                date.into()
            } else {
                format!("{date}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z").into()
            }
        }
        DataRef::Error(error) => return Err(format!("the cell shows the error {error}")),
    })
}

/// Excel knows one kind of number; a whole one is meant as such.
fn number(float: f64) -> Json {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() < EXACT {
        return Json::from(float as i64);
    }
    Number::from_f64(float).map_or(Json::Null, Json::Number)
}

pub(super) struct ExcelWriter<W: Write> {
    workbook: Workbook,
    date: Format,
    columns: Vec<FileColumn>,
    row: u32,
    writer: Option<BufWriter<W>>,
}

impl<W: Write + Send> ExcelWriter<W> {
    pub(super) fn begin(columns: Vec<FileColumn>, writer: W) -> Result<Self> {
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet_with_constant_memory().map_err(unwritable)?;
        let bold = Format::new().set_bold();
        for (place, column) in columns.iter().enumerate() {
            sheet
                .write_string_with_format(0, numbered(place)?, column.name.as_str(), &bold)
                .map_err(unwritable)?;
        }
        Ok(Self {
            workbook,
            date: Format::new().set_num_format("yyyy-mm-dd"),
            columns,
            row: 0,
            writer: Some(BufWriter::new(writer)),
        })
    }
}

fn numbered(place: usize) -> Result<u16> {
    u16::try_from(place)
        .ok()
        .filter(|place| *place < 16_384)
        .ok_or_else(|| Error::new(ErrorKind::Invalid, "an Excel sheet has at most 16,384 columns"))
}

impl<W: Write + Send> WriteRows for ExcelWriter<W> {
    fn write(&mut self, row: &[Value]) -> Result<()> {
        self.row += 1;
        if self.row >= MOST_ROWS {
            return Err(Error::new(
                ErrorKind::Invalid,
                "an Excel sheet has at most 1,048,575 records; filter them, or write CSV or JSON lines",
            ));
        }
        let sheet = self.workbook.worksheet_from_index(0).map_err(unwritable)?;
        for (place, (column, value)) in self.columns.iter().zip(row).enumerate() {
            let place = numbered(place)?;
            let written = match value {
                Value::Null => continue,
                Value::Bool(bool) => sheet.write_boolean(self.row, place, *bool),
                Value::Int(int) if int.unsigned_abs() < 1 << 50 => sheet.write_number(self.row, place, *int as f64),
                Value::Decimal(decimal) if decimal.normalize().mantissa().to_string().len() <= DIGITS => {
                    sheet.write_number(self.row, place, decimal.to_f64().unwrap_or_default())
                }
                Value::Date(date) => {
                    let (year, month, day) = (date.year(), date.month(), date.day());
                    let parts = (u16::try_from(year), u8::try_from(month), u8::try_from(day));
                    match parts {
                        // Excel knows a 29th of February in 1900, and no earlier year.
                        (Ok(year), Ok(month), Ok(day)) if year > 1900 => {
                            let date = ExcelDateTime::from_ymd(year, month, day).map_err(unwritable)?;
                            sheet.write_datetime_with_format(self.row, place, &date, &self.date)
                        }
                        _ => sheet.write_string(self.row, place, date.to_string()),
                    }
                }
                other => {
                    let text = to_text(other, column.field.as_ref().map(|field| &field.kind));
                    let length = text.encode_utf16().count();
                    if length > LONGEST_TEXT {
                        return Err(Error::new(
                            ErrorKind::Invalid,
                            format!(
                                "`{}` of the record in row {} has {length} characters, and an Excel cell holds \
                                 {LONGEST_TEXT}; leave the field out, or write CSV or JSON lines",
                                column.name,
                                self.row + 1
                            ),
                        ));
                    }
                    sheet.write_string(self.row, place, text)
                }
            };
            written.map_err(unwritable)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let Some(mut writer) = self.writer.take() else {
            return Ok(());
        };
        // The archive is put together in memory, compressed; its rows come from their temporary file.
        let bytes = self.workbook.save_to_buffer().map_err(unwritable)?;
        writer
            .write_all(&bytes)
            .and_then(|()| writer.flush())
            .map_err(unwritable)
    }
}
