//! Decoding query pages and collection reads straight from bytes into rows.

use std::fmt;

use jiff::Timestamp;
use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use syncline_core::batch::{Batch, RowBuilder, RowState};
use syncline_core::decode::ReadText;
use syncline_core::value::Value;

use crate::id::{is_empty, normalised_or_same};
use crate::selection::Selection;
use crate::system::{CONVERTED_CONTACT, IS_CONVERTED, IS_DELETED, MASTER};
use crate::wire::{RestText, instant};

/// What a query page says beside its rows.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Page {
    /// Records that match the whole query.
    pub(crate) total: Option<u64>,
    /// Whether this was the last page.
    pub(crate) done: bool,
    /// Where the next page is.
    pub(crate) next: Option<String>,
}

/// A row that was decoded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    /// The record.
    pub(crate) id: String,
    /// Its version.
    pub(crate) stamp: Option<Timestamp>,
    /// The record that it was merged into.
    pub(crate) master: Option<String>,
}

/// Decodes a query page into `batch` and reports each row.
///
/// # Errors
/// What serde reports; rows before the damage are in the batch then.
pub(crate) fn page(
    body: &[u8],
    selection: &Selection,
    batch: &mut Batch,
    seen: &mut dyn FnMut(Seen),
) -> serde_json::Result<Page> {
    let seed = PageSeed(RecordsSeed { selection, batch, seen });
    // Checked as a whole, text need not be checked piece by piece.
    match std::str::from_utf8(body) {
        Ok(text) => {
            let mut deserializer = serde_json::Deserializer::from_str(text);
            let page = seed.deserialize(&mut deserializer)?;
            deserializer.end()?;
            Ok(page)
        }
        Err(_) => {
            let mut deserializer = serde_json::Deserializer::from_slice(body);
            let page = seed.deserialize(&mut deserializer)?;
            deserializer.end()?;
            Ok(page)
        }
    }
}

/// Decodes a collection read, an array with null for each record that was not found, and reports each row.
///
/// # Errors
/// As [`page`].
pub(crate) fn collection(
    body: &[u8],
    selection: &Selection,
    batch: &mut Batch,
    seen: &mut dyn FnMut(Seen),
) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    RecordsSeed { selection, batch, seen }.deserialize(&mut deserializer)?;
    deserializer.end()
}

struct PageSeed<'a>(RecordsSeed<'a>);

impl<'de> DeserializeSeed<'de> for PageSeed<'_> {
    type Value = Page;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Page, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PageSeed<'_> {
    type Value = Page;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a query page")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Page, A::Error> {
        let mut page = Page::default();
        let mut records = false;
        while let Some(key) = map.next_key_seed(TextSeed)? {
            match key.as_deref().unwrap_or_default() {
                "totalSize" => page.total = map.next_value()?,
                "done" => page.done = map.next_value()?,
                "nextRecordsUrl" => page.next = map.next_value()?,
                "records" => {
                    records = true;
                    map.next_value_seed(RecordsSeed {
                        selection: self.0.selection,
                        batch: &mut *self.0.batch,
                        seen: &mut *self.0.seen,
                    })?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        // An object of another kind must not pass for an empty page: the pull would end there.
        if records {
            Ok(page)
        } else {
            Err(serde::de::Error::missing_field("records"))
        }
    }
}

struct RecordsSeed<'a> {
    selection: &'a Selection,
    batch: &'a mut Batch,
    seen: &'a mut dyn FnMut(Seen),
}

impl<'de> DeserializeSeed<'de> for RecordsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RecordsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(row) = seq.next_element_seed(RecordSeed {
            selection: self.selection,
            batch: &mut *self.batch,
        })? {
            if let Some(row) = row {
                (self.seen)(row);
            }
        }
        Ok(())
    }
}

struct RecordSeed<'a> {
    selection: &'a Selection,
    batch: &'a mut Batch,
}

impl<'de> DeserializeSeed<'de> for RecordSeed<'_> {
    type Value = Option<Seen>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Seen>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RecordSeed<'_> {
    type Value = Option<Seen>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record or null")
    }

    fn visit_unit<E>(self) -> Result<Option<Seen>, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Seen>, A::Error> {
        let Self { selection, batch } = self;
        let is_part = selection.projection.fields.len() < batch.width();
        let mut row = batch.row("");
        if is_part {
            row.partial();
        }
        let mut id = None;
        let (mut stamp, mut master, mut contact) = (None, None, None);
        let (mut deleted, mut converted) = (false, false);
        while let Some(key) = map.next_key_seed(TextSeed)? {
            let name = key.as_deref().unwrap_or_default();
            match name {
                "attributes" => {
                    map.next_value::<IgnoredAny>()?;
                }
                "Id" => id = text(name, &mut map, selection, &mut row)?.map(|id| normalised_or_same(&id)),
                MASTER if selection.columns.master => master = reference(name, &mut map, selection, &mut row)?,
                CONVERTED_CONTACT if selection.columns.converted => {
                    contact = reference(name, &mut map, selection, &mut row)?;
                }
                IS_DELETED if selection.columns.deleted => deleted = flag(name, &mut map, selection, &mut row)?,
                IS_CONVERTED if selection.columns.converted => converted = flag(name, &mut map, selection, &mut row)?,
                name if selection.columns.stamp.as_deref() == Some(name) => {
                    stamp = text(name, &mut map, selection, &mut row)?.and_then(|text| instant(&text));
                }
                name => selection.tree.read_member(name, &mut map, &mut row, &RestText)?,
            }
        }
        let Some(id) = id else {
            row.abandon();
            return Err(serde::de::Error::missing_field("Id"));
        };
        row.id(&id);
        if let Some(stamp) = stamp {
            row.stamp(stamp);
        }
        match (deleted, &master, converted) {
            (true, Some(master), _) => {
                row.state(RowState::Merged);
                row.merged_into(master);
            }
            (true, None, _) => row.state(RowState::Deleted),
            (false, _, true) => {
                row.state(RowState::Converted);
                if let Some(contact) = &contact {
                    row.merged_into(contact);
                }
            }
            (false, _, false) => {}
        }
        row.finish();
        Ok(Some(Seen {
            id,
            stamp,
            master: master.filter(|_| deleted),
        }))
    }
}

/// Reads a system column's text, and into its slot if it is also mapped.
fn text<'de, A: MapAccess<'de>>(
    name: &str,
    map: &mut A,
    selection: &Selection,
    row: &mut RowBuilder<'_>,
) -> Result<Option<Text<'de>>, A::Error> {
    let text = map.next_value_seed(TextSeed)?;
    if let (Some(text), Some((slot, kind))) = (text.as_deref(), selection.slot(name)) {
        row.encode(slot, |out| RestText.read(kind, text, out));
    }
    Ok(text)
}

fn reference<'de, A: MapAccess<'de>>(
    name: &str,
    map: &mut A,
    selection: &Selection,
    row: &mut RowBuilder<'_>,
) -> Result<Option<String>, A::Error> {
    Ok(text(name, map, selection, row)?
        .filter(|id| !is_empty(id))
        .map(|id| normalised_or_same(&id)))
}

fn flag<'de, A: MapAccess<'de>>(
    name: &str,
    map: &mut A,
    selection: &Selection,
    row: &mut RowBuilder<'_>,
) -> Result<bool, A::Error> {
    let flag = map.next_value::<Option<bool>>()?;
    if let (Some(flag), Some((slot, _))) = (flag, selection.slot(name)) {
        row.set(slot, &Value::Bool(flag));
    }
    Ok(flag.unwrap_or_default())
}

/// Text of the input itself where it has no escapes: names and ids come by the thousand.
enum Text<'de> {
    Borrowed(&'de str),
    Owned(String),
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }
}

struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Option<Text<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Option<Text<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or null")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Text::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Text::Borrowed(text)))
    }
}

#[cfg(test)]
mod tests {
    use syncline_core::batch::{Projection, ValueKind};

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

    #[test]
    fn a_page_gives_typed_values_related_fields_and_every_state() {
        let selection = selection(
            "Contact",
            &[
                ("Name", ValueKind::Text),
                ("Account.Name", ValueKind::Text),
                ("Id", ValueKind::Text),
                ("SystemModstamp", ValueKind::DateTime),
                ("Tags__c", ValueKind::Choices),
            ],
        );
        let body = br#"{"totalSize":9,"done":false,"nextRecordsUrl":"/services/data/v66.0/query/0r8-3","records":[
            {"attributes":{"type":"Contact","url":"/x"},"Id":"003A0000006Vm9r","SystemModstamp":"2026-11-20T10:00:00.000+0000",
             "IsDeleted":false,"MasterRecordId":null,"Name":"A \"b\"","Account":{"attributes":{"type":"Account"},"Name":"Acme"},"Tags__c":"a;b"},
            {"Id":"003000000000002AAA","SystemModstamp":"2026-11-20T10:00:01.000+0000","IsDeleted":true,"MasterRecordId":"003000000000009AAA","Account":null},
            {"Id":"003000000000003AAA","SystemModstamp":null,"IsDeleted":true,"MasterRecordId":null}]}"#;
        let mut batch = Batch::new(5);
        let mut seen = Vec::new();
        let page = page(body, &selection, &mut batch, &mut |row| seen.push(row)).unwrap();
        assert_eq!((page.total, page.done), (Some(9), false));
        assert_eq!(page.next.unwrap(), "/services/data/v66.0/query/0r8-3");
        let rows: Vec<_> = batch.rows().collect();
        assert_eq!(rows[0].id(), "003A0000006Vm9rIAC");
        assert_eq!(rows[0].value(0).unwrap(), Some(Value::text("A \"b\"")));
        assert_eq!(rows[0].value(1).unwrap(), Some(Value::text("Acme")));
        assert!(matches!(rows[0].value(3).unwrap(), Some(Value::DateTime(_))));
        assert_eq!(
            rows[0].value(4).unwrap(),
            Some(Value::List(vec![Value::text("a"), Value::text("b")]))
        );
        assert_eq!(rows[0].stamp().unwrap().to_string(), "2026-11-20T10:00:00Z");
        assert_eq!(
            (rows[1].state(), rows[1].merged_into()),
            (RowState::Merged, Some("003000000000009AAA"))
        );
        assert_eq!((rows[2].state(), rows[2].stamp()), (RowState::Deleted, None));
        assert_eq!(seen.len(), 3);
    }

    #[test]
    fn a_converted_lead_names_its_contact() {
        let selection = selection("Lead", &[]);
        let body =
            br#"[{"Id":"00Q000000000001AAA","IsConverted":true,"ConvertedContactId":"003000000000001AAA"},null]"#;
        let mut batch = Batch::new(0);
        collection(body, &selection, &mut batch, &mut |_| ()).unwrap();
        let row = batch.get(0).unwrap();
        assert_eq!(
            (row.state(), row.merged_into()),
            (RowState::Converted, Some("003000000000001AAA"))
        );
        assert_eq!(batch.rows().len(), 1);
    }

    #[test]
    fn damaged_pages_are_errors_and_never_an_empty_page() {
        let selection = selection("Account", &[("Name", ValueKind::Text)]);
        let whole = r#"{"totalSize":1,"done":true,"records":[{"Id":"001000000000001AAA","Name":"A"}]}"#;
        for cut in 0..whole.len() {
            let mut batch = Batch::new(1);
            assert!(
                page(&whole.as_bytes()[..cut], &selection, &mut batch, &mut |_| ()).is_err(),
                "{cut}"
            );
        }
        let mut batch = Batch::new(1);
        for body in ["<html></html>", "{}", "[]", r#"{"records":[{"Name":"A"}]}"#] {
            assert!(
                page(body.as_bytes(), &selection, &mut batch, &mut |_| ()).is_err(),
                "{body}"
            );
        }
    }
}
