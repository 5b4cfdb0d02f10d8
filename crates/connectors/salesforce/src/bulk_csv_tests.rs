use proptest::prelude::*;
use syncline_core::batch::Projection;

use super::*;
use crate::system::SystemColumns;

fn selection(object: &str, fields: &[(&str, ValueKind)]) -> Selection {
    Selection::new(
        object,
        Projection::new(fields.iter().copied()),
        SystemColumns::presumed(object),
    )
    .unwrap()
}

fn read(body: &[u8], expected: Option<usize>, selection: &Selection) -> Result<Batch> {
    let mut batch = Batch::new(selection.projection.fields.len());
    let mut page = ResultPage::new(body, expected, selection)?;
    while page.rows(2, &mut batch)? == 2 {}
    assert!(page.is_exhausted());
    Ok(batch)
}

/// A row the way the service writes it: everything in quotes.
fn quoted(cells: &[&str]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")))
        .collect();
    format!("{}\n", cells.join(","))
}

proptest! {
    #[test]
    fn every_text_survives_whatever_it_holds(texts in prop::collection::vec("(?s)[^\\x00]{0,12}|[\"\\r\\n,;#NA/ ]{0,8}", 1..9)) {
        let selection = selection("Account", &[("Name", ValueKind::Text)]);
        let mut body = quoted(&["Id", "SystemModstamp", "Name"]);
        for (index, text) in texts.iter().enumerate() {
            body.push_str(&quoted(&[&format!("001{index:012}AAA"), "2026-11-20T10:00:00.000Z", text]));
        }
        let batch = read(body.as_bytes(), Some(texts.len()), &selection).unwrap();
        prop_assert_eq!(batch.len(), texts.len());
        for (row, text) in batch.rows().zip(&texts) {
            let expected = if text.is_empty() { Value::Null } else { Value::text(text) };
            prop_assert_eq!(row.value(0).unwrap().unwrap(), expected);
        }
    }

    #[test]
    fn what_is_uploaded_reads_back_the_same(text in "(?s)[^\\x00]{0,20}") {
        prop_assume!(text != "#N/A");
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["Id", "Name"]).unwrap();
        let cell = cell(&Value::text(&text)).unwrap();
        writer.write_record(["001000000000001AAA", &cell]).unwrap();
        let body = writer.into_inner().unwrap();
        let mut reader = csv::Reader::from_reader(body.as_slice());
        let record = reader.records().next().unwrap().unwrap();
        let back = match &record[1] { "#N/A" => String::new(), text => text.to_owned() };
        prop_assert_eq!(back, text);
    }

    #[test]
    fn a_page_cut_short_is_never_taken_for_whole(cut in 0usize..1_000) {
        let selection = selection("Account", &[("Name", ValueKind::Text)]);
        let mut body = quoted(&["Id", "Name"]);
        for index in 0..20 {
            body.push_str(&quoted(&[&format!("001{index:012}AAA"), "a \"b\"\nc"]));
        }
        // Without its last line feed nothing can be told of the last value; that is for who fetched the page to see.
        let last = body.trim_end().rfind("\n\"").unwrap();
        prop_assert!(read(&body.as_bytes()[..cut % last], Some(20), &selection).is_err());
    }
}

#[test]
fn types_nulls_related_fields_and_converted_leads_are_read() {
    let selection = selection(
        "Lead",
        &[
            ("Owner.Name", ValueKind::Text),
            ("AnnualRevenue", ValueKind::Number),
            ("IsConverted", ValueKind::Bool),
            ("Due__c", ValueKind::Date),
            ("Tags__c", ValueKind::Choices),
            ("Note__c", ValueKind::Text),
        ],
    );
    let body = concat!(
        "\"Id\",\"SystemModstamp\",\"IsConverted\",\"ConvertedContactId\",\"Owner.Name\",\"AnnualRevenue\",\"Due__c\",\"Tags__c\",\"Note__c\"\n",
        "\"00QA0000006Vm9r\",\"2026-11-20T10:00:00.000Z\",\"true\",\"003000000000001AAA\",\"Ada\",\"1.5E8\",\"2026-01-02\",\"a;b\",\"#N/A\"\r\n",
        "00Q000000000002AAA,2026-11-20T10:00:01.000Z,false,,,,#N/A,,\n",
    );
    let batch = read(body.as_bytes(), Some(2), &selection).unwrap();
    let first = batch.get(0).unwrap();
    assert_eq!(first.id(), normalised_or_same("00QA0000006Vm9r"));
    assert_eq!(
        (first.state(), first.merged_into()),
        (RowState::Converted, Some("003000000000001AAA"))
    );
    assert_eq!(first.stamp().unwrap().to_string(), "2026-11-20T10:00:00Z");
    let values: Vec<Value> = (0..6).map(|field| first.value(field).unwrap().unwrap()).collect();
    assert_eq!(values[0], Value::text("Ada"));
    assert_eq!(values[1], Value::Int(150_000_000));
    assert_eq!(values[2], Value::Bool(true));
    assert_eq!(values[3].to_json(), serde_json::json!("2026-01-02"));
    assert_eq!(values[4], Value::List(vec![Value::text("a"), Value::text("b")]));
    assert_eq!(values[5], Value::text("#N/A"), "a text may hold this");
    let second = batch.get(1).unwrap();
    assert_eq!(second.state(), RowState::Live);
    assert!(
        (0..6)
            .filter(|field| *field != 2)
            .all(|field| second.value(field).unwrap() == Some(Value::Null))
    );
}

#[test]
fn a_result_without_rows_is_a_header_or_nothing() {
    let selection = selection("Account", &[]);
    for body in ["", "\"Id\"\n", "\"Id\""] {
        assert!(read(body.as_bytes(), Some(0), &selection).unwrap().is_empty(), "{body}");
    }
}

#[test]
fn nul_bytes_are_dropped_and_strange_rows_refused() {
    let selection = selection("Account", &[("Name", ValueKind::Text)]);
    let batch = read(
        b"\"Id\",\"Name\"\n\"001000000000001AAA\",\"A\0B\"\n",
        Some(1),
        &selection,
    )
    .unwrap();
    assert_eq!(batch.get(0).unwrap().value(0).unwrap(), Some(Value::text("AB")));
    for body in [
        "\"Name\"\n\"A\"\n",
        "\"Id\",\"Name\"\n\"1\"\n",
        "\"Id\",\"Name\"\n\"\",\"A\"\n",
    ] {
        assert!(read(body.as_bytes(), None, &selection).is_err(), "{body}");
    }
}

#[test]
fn uploads_clear_by_their_own_sign_and_refuse_what_they_would_change() {
    assert_eq!(cell(&Value::Null).unwrap(), "#N/A");
    assert_eq!(cell(&Value::text("")).unwrap(), "#N/A");
    assert_eq!(cell(&Value::Bool(true)).unwrap(), "true");
    assert_eq!(
        cell(&Value::List(vec![Value::text("a"), Value::text("b")])).unwrap(),
        "a;b"
    );
    assert!(cell(&Value::text("#N/A")).is_err());
    assert!(cell(&Value::Float(f64::INFINITY)).is_err());
}
