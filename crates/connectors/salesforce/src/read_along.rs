//! Reading records in the call that writes them: what they hold afterwards, without a call more.

use std::collections::BTreeMap;

use syncline_core::batch::Batch;
use syncline_core::io::{Class, Effect, Method, Request, Response};
use syncline_core::{Result, batch::Projection};

use crate::client::Api;
use crate::decode;
use crate::error::{classify, unreadable};
use crate::selection::Selection;
use crate::system::SystemColumns;

const READING: &str = "reading the records of Salesforce that were written";

/// What is read of the records.
#[derive(Debug)]
pub(crate) struct ReadAlong {
    selection: Selection,
}

impl ReadAlong {
    /// `None` where a collection can't give all that is wanted: fields of related records take a query.
    pub(crate) fn new(object: &str, projection: &Projection) -> Option<Self> {
        let columns = SystemColumns::presumed(object);
        let selection = Selection::new(object, projection.clone(), columns).ok()?;
        (!selection.walks_relationships() && !projection.fields.is_empty()).then_some(Self { selection })
    }

    /// The read of these records.
    pub(crate) fn request(&self, api: &Api, ids: &[String]) -> Result<Request> {
        let body = serde_json::to_vec(&serde_json::json!({ "ids": ids, "fields": self.selection.retrieved() }))
            .map_err(|error| unreadable(READING, error))?;
        let url = api.data(&format!("composite/sobjects/{}", self.selection.object));
        Ok(Request::new(Method::Post, url, Effect::Read).json(body))
    }

    /// Adds the rows that were read and gives their places by id; none where the answer can't be read, so that they are
    /// read once more.
    pub(crate) fn take(&self, answer: &Response, batch: &mut Batch) -> BTreeMap<String, usize> {
        let mut places = BTreeMap::new();
        if classify(&answer.head, &answer.body) != Class::Success {
            return places;
        }
        let width = self.selection.projection.fields.len();
        let whole = decode::collection(&answer.body, &self.selection, &mut Batch::new(width), &mut |_| ());
        if whole.is_err() {
            return places;
        }
        let mut place = batch.len();
        let read = decode::collection(&answer.body, &self.selection, batch, &mut |row| {
            places.insert(row.id, place);
            place += 1;
        });
        if read.is_err() { BTreeMap::new() } else { places }
    }
}
