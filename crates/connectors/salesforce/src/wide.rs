//! Reading more fields than the address of a query can name: the query gives what fits, and a collection read, whose
//! fields stand in its body, the rest.

use std::collections::BTreeMap;

use jiff::Timestamp;
use syncline_core::batch::{Batch, Projection, RowRef, RowState};
use syncline_core::io::{Class, Effect, Io, Method, Request};
use syncline_core::{Result, Value};

use crate::client::{Api, LONGEST_URL, ask};
use crate::decode;
use crate::error::{failed, unreadable};
use crate::manifest::FETCH_SIZE;
use crate::selection::Selection;

const READING: &str = "reading the many fields of an object of Salesforce";
/// What is kept free for conditions and order.
pub(crate) const ROOM: usize = 3_000;

/// A selection in two parts.
#[derive(Debug)]
pub(crate) struct Wide {
    /// What the query selects, and where its fields stand in the whole.
    pub(crate) first: Selection,
    first_slots: Vec<usize>,
    rest: Selection,
    rest_slots: Vec<usize>,
}

/// Where the rest of a record is, and of which version.
type Rest = BTreeMap<String, (usize, Option<Timestamp>)>;

impl Wide {
    /// The parts of a selection; `None` if a query can name it all.
    ///
    /// # Errors
    /// As [`Selection::new`].
    pub(crate) fn of(api: &Api, selection: &Selection) -> Result<Option<Self>> {
        let most = LONGEST_URL - ROOM;
        let mut length = api.query_length(&selection.soql(true));
        if length <= most {
            return Ok(None);
        }
        // Fields of related records can only be read by a query, so others make room for them, from the last.
        let fields = &selection.projection.fields;
        let mut is_first = vec![true; fields.len()];
        for (slot, field) in fields.iter().enumerate().rev() {
            if length <= most {
                break;
            }
            if !field.path.contains('.') {
                is_first[slot] = false;
                length -= field.path.len() + 1;
            }
        }
        let part = |first: bool| -> Result<(Selection, Vec<usize>)> {
            let slots: Vec<usize> = (0..fields.len()).filter(|slot| is_first[*slot] == first).collect();
            let projection = Projection::new(
                slots
                    .iter()
                    .map(|slot| (fields[*slot].path.clone(), fields[*slot].kind)),
            );
            let part = Selection::new(&selection.object, projection, selection.columns.clone())?;
            Ok((part, slots))
        };
        let ((first, first_slots), (rest, rest_slots)) = (part(true)?, part(false)?);
        Ok(Some(Self {
            first,
            first_slots,
            rest,
            rest_slots,
        }))
    }

    /// Decodes a page of the query, reads the rest of its records, and adds both to `batch`.
    ///
    /// # Errors
    /// As [`syncline_core::connector::Task::step`] of a pull.
    pub(crate) async fn page(
        &self,
        io: &dyn Io,
        api: &Api,
        body: &[u8],
        batch: &mut Batch,
        seen: &mut (dyn FnMut(decode::Seen) + Send),
    ) -> Result<decode::Page> {
        let mut first = Batch::new(self.first_slots.len());
        let page = decode::page(body, &self.first, &mut first, &mut |row| seen(row))
            .map_err(|error| unreadable(READING, error))?;
        let ids: Vec<&str> = first
            .rows()
            .filter(|row| matches!(row.state(), RowState::Live | RowState::Converted))
            .map(|row| row.id())
            .collect();
        let mut rest = Batch::new(self.rest_slots.len());
        let mut places = Rest::new();
        for ids in ids.chunks(FETCH_SIZE) {
            self.read(io, api, ids, &mut rest, &mut places).await?;
        }
        for row in first.rows() {
            self.put_together(row, &rest, &places, batch)?;
        }
        Ok(page)
    }

    async fn read(&self, io: &dyn Io, api: &Api, ids: &[&str], rest: &mut Batch, places: &mut Rest) -> Result<()> {
        let body = serde_json::to_vec(&serde_json::json!({ "ids": ids, "fields": self.rest.retrieved() }))
            .map_err(|error| unreadable(READING, error))?;
        let url = api.data(&format!("composite/sobjects/{}", self.rest.object));
        let (response, class) = ask(io, Request::new(Method::Post, url, Effect::Read).json(body)).await?;
        if class != Class::Success {
            return Err(failed(class, READING).with("object", &self.rest.object));
        }
        let mut place = rest.len();
        decode::collection(&response.body, &self.rest, rest, &mut |row| {
            places.insert(row.id, (place, row.stamp));
            place += 1;
        })
        .map_err(|error| unreadable(READING, error))
    }

    /// One row of both parts. Where the rest is gone or of another version the row is only a part, so that it is read
    /// once more.
    fn put_together(&self, first: RowRef<'_>, rest: &Batch, places: &Rest, batch: &mut Batch) -> Result<()> {
        let found = places
            .get(first.id())
            .filter(|(_, stamp)| *stamp == first.stamp())
            .and_then(|(place, _)| rest.get(*place));
        let mut row = batch.row(first.id());
        if found.is_none() {
            row.partial();
        }
        row.state(first.state());
        if let Some(stamp) = first.stamp() {
            row.stamp(stamp);
        }
        if let Some(id) = first.merged_into() {
            row.merged_into(id);
        }
        row.became(first.converted_into().to_vec());
        let parts = [(Some(first), &self.first_slots), (found, &self.rest_slots)];
        for (part, slots) in parts {
            let mut values = part.as_ref().map(RowRef::encoded).unwrap_or_default();
            for slot in slots {
                if values.is_empty() {
                    break;
                }
                let value = Value::skip(&mut values)?;
                row.encode(*slot, |out| out.extend_from_slice(value));
            }
        }
        row.finish();
        Ok(())
    }
}
