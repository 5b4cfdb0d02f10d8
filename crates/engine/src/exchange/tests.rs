use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::json;
use syncline_core::model::{Field, FieldType};
use syncline_core::value::Value;

use super::*;

/// A file that the test can look into after it was written.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const FORMATS: [FileFormat; 3] = [FileFormat::Csv, FileFormat::JsonLines, FileFormat::Excel];

fn written(format: FileFormat, fields: &[Field], rows: &[Vec<Value>]) -> Vec<u8> {
    let file = Shared::default();
    let columns = fields.iter().map(|field| FileColumn {
        name: field.name.clone(),
        field: Some(field.clone()),
    });
    let mut writer = write_rows(format, columns.collect(), file.clone()).unwrap();
    rows.iter().for_each(|row| writer.write(row).unwrap());
    writer.finish().unwrap();
    file.0.lock().unwrap().clone()
}

fn read(format: FileFormat, fields: &[Field], bytes: Vec<u8>) -> Vec<Vec<Value>> {
    let mut rows = read_rows(format, Cursor::new(bytes)).unwrap();
    let is_typed = rows.is_typed();
    let mut values = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let cells = row.cells.unwrap();
        let value = |field: &Field| {
            let cell = cells.get(&field.name).cloned().unwrap_or_default();
            let cell = if is_typed { cell } else { from_cell(&cell, &field.kind) };
            field.kind.coerce(Value::from_json(cell)).unwrap()
        };
        values.push(fields.iter().map(value).collect());
    }
    values
}

/// Text of the kinds that break files.
fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[=+@'\"\\-,;\t\r\n \\\\_x0-9Aa\u{e9}\u{1F600}]{0,12}",
        2 => "\\PC{0,20}",
        1 => Just("_x000D_".to_owned()),
        1 => Just("'=cmd|' /C calc'!A0".to_owned()),
        1 => Just("[1]".to_owned()),
        1 => Just("2026-01-01".to_owned()),
    ]
}

fn stored(kind: &FieldType, value: Value) -> Value {
    kind.coerce(value).unwrap_or_default()
}

fn rows() -> impl Strategy<Value = Vec<Vec<Value>>> {
    let row = (
        prop::option::of(nasty()),
        prop::option::of(any::<i64>()),
        prop::option::of((any::<i64>(), 0u32..20)),
        prop::option::of(-1e12..1e12f64),
        prop::option::of(any::<bool>()),
        prop::option::of((1..9999i16, 1..13i8, 1..29i8)),
        prop::option::of(prop::collection::vec(nasty(), 0..4)),
        prop::option::of(-9_000_000_000_000_000i64..9_000_000_000_000_000),
    );
    let values = row.prop_map(|(text, int, decimal, float, bool, date, list, instant)| {
        let decimal = decimal.map(|(mantissa, scale)| rust_decimal::Decimal::new(mantissa, scale).normalize());
        let date = date.map(|(year, month, day)| jiff::civil::date(year, month, day));
        let instant = instant.and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
        let list = list.map(|list| Value::List(list.into_iter().map(Value::text).collect()));
        let at = |instant| {
            Value::DateTime(syncline_core::value::DateTime::new(
                instant,
                syncline_core::value::Precision::Microsecond,
            ))
        };
        let values = vec![
            text.map(Value::Text).unwrap_or_default(),
            int.map(Value::Int).unwrap_or_default(),
            decimal.map(Value::Decimal).unwrap_or_default(),
            float.map(Value::Float).unwrap_or_default(),
            bool.map(Value::Bool).unwrap_or_default(),
            date.map(Value::Date).unwrap_or_default(),
            list.clone().unwrap_or_default(),
            instant.map(at).unwrap_or_default(),
            list.unwrap_or_default(),
        ];
        let fields = fields();
        fields
            .iter()
            .zip(values)
            .map(|(field, value)| stored(&field.kind, value))
            .collect()
    });
    prop::collection::vec(values, 1..8)
}

fn fields() -> Vec<Field> {
    let kinds = [
        ("text", FieldType::LongText),
        ("int", FieldType::Integer),
        ("decimal", FieldType::Decimal),
        ("float", FieldType::Float),
        ("bool", FieldType::Bool),
        ("date", FieldType::Date),
        ("list", FieldType::List),
        ("instant", FieldType::DateTime),
        ("choices", FieldType::MultiChoice { choices: Vec::new() }),
    ];
    kinds.into_iter().map(|(name, kind)| Field::new(name, kind)).collect()
}

proptest! {
    // Each case is three files, of which one is a workbook.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_written_comes_back_in_every_format(rows in rows()) {
        let fields = fields();
        for format in FORMATS {
            let bytes = written(format, &fields, &rows);
            let mut expected = rows.clone();
            if format == FileFormat::Excel {
                // A row without a value is no row of a sheet.
                expected.retain(|row| row.iter().any(|value| !value.is_empty()));
            }
            prop_assert_eq!(read(format, &fields, bytes), expected, "{:?}", format);
        }
    }

    #[test]
    fn json_comes_back_as_it_was(text in nasty(), number in any::<i32>()) {
        let field = [Field::new("id", FieldType::Integer), Field::new("json", FieldType::Json)];
        for json in [json!(text), json!({ "a": [text, null], "b": number }), json!([number, text]), json!(number)] {
            let row = vec![Value::Int(1), stored(&FieldType::Json, Value::from_json(json))];
            for format in FORMATS {
                let bytes = written(format, &field, std::slice::from_ref(&row));
                prop_assert_eq!(read(format, &field, bytes), vec![row.clone()], "{:?}", format);
            }
        }
    }
}

#[test]
fn a_spreadsheet_sees_no_formula_in_csv() {
    let text = [
        Field::new("name", FieldType::Text),
        Field::new("age", FieldType::Integer),
    ];
    let row = |name: &str| vec![Value::text(name), Value::Int(-5)];
    let rows = [
        row("=1+1"),
        row("@SUM(A1)"),
        row("'=x"),
        row("+43 1 234-567"),
        row("-cmd"),
    ];
    let file = String::from_utf8(written(FileFormat::Csv, &text, &rows)).unwrap();
    assert_eq!(
        file,
        "name,age\n'=1+1,-5\n'@SUM(A1),-5\n''=x,-5\n+43 1 234-567,-5\n'-cmd,-5\n"
    );
    assert_eq!(read(FileFormat::Csv, &text, file.into_bytes()), rows);
}

#[test]
fn rows_that_can_not_be_read_are_told_by_number_and_the_others_go_on() {
    let csv = b"\xef\xbb\xbfname;age\n\"A;\nda\";36\nBo\nCy;1;2\nD\xff;4\nEve;5\n".to_vec();
    let lines = b"{\"name\":\"Ada\"}\n\nnonsense\n[1]\n{\"name\":\"Eve\"}\n".to_vec();
    let told = |format, bytes: Vec<u8>| {
        let mut rows = read_rows(format, Cursor::new(bytes)).unwrap();
        let mut told = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            told.push((row.number, row.cells.err().map(|unreadable| unreadable.reason)));
        }
        told
    };
    let told_of_csv = told(FileFormat::Csv, csv);
    let numbers: Vec<(u64, bool)> = told_of_csv
        .iter()
        .map(|(number, reason)| (*number, reason.is_some()))
        .collect();
    assert_eq!(numbers, [(2, false), (4, true), (5, true), (6, true), (7, false)]);
    assert!(told_of_csv[3].1.as_ref().unwrap().contains("`name` is not in UTF-8"));
    let told_of_lines = told(FileFormat::JsonLines, lines);
    let numbers: Vec<(u64, bool)> = told_of_lines
        .iter()
        .map(|(number, reason)| (*number, reason.is_some()))
        .collect();
    assert_eq!(numbers, [(1, false), (3, true), (4, true), (5, false)]);
}

#[test]
fn what_is_no_file_of_records_is_refused() {
    for (format, bytes) in [
        (FileFormat::Csv, b"".to_vec()),
        (FileFormat::Csv, b"\xff\xfe\n".to_vec()),
        (FileFormat::JsonLines, b"{}\n".to_vec()),
        (FileFormat::Excel, b"name,age\n".to_vec()),
    ] {
        assert!(read_rows(format, Cursor::new(bytes)).is_err(), "{format:?}");
    }
}
