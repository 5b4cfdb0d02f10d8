//! Strong reads: by ids, and by the value of a field.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::Result;
use syncline_core::batch::{Batch, Projection, ReadClass, RowState};
use syncline_core::io::{Class, Effect, Io, Method, Request};
use syncline_core::job::{Fetch, FetchBy};

use crate::client::{Api, LONGEST_URL, ask, encoded};
use crate::decode;
use crate::error::{failed, unreadable};
use crate::id::normalised;
use crate::manifest::{FETCH_SIZE, PAGE_SIZE};
use crate::selection::Selection;
use crate::soql;
use crate::system::SystemColumns;
use crate::wide::{ROOM, Wide};

const READING: &str = "reading records of Salesforce";

/// See [`syncline_core::connector::Connector::fetch`].
pub(crate) async fn fetch(io: &dyn Io, api: &Api, fetch: &Fetch, batch: &mut Batch) -> Result<()> {
    batch.class = ReadClass::Strong;
    let columns = SystemColumns::presumed(&fetch.object);
    let selection = Selection::new(&fetch.object, fetch.projection.clone(), columns)?;
    let mut reader = Reader {
        io,
        api,
        selection,
        described: false,
    };
    match &fetch.by {
        FetchBy::Ids(ids) => reader.by_ids(ids, batch).await,
        FetchBy::Key { field, values } => reader.by_key(field, values, batch).await,
    }
}

/// Those of these ids that still name a record, live or in the recycle bin.
///
/// # Errors
/// As [`syncline_core::connector::Connector::fetch`].
pub(crate) async fn still_known(io: &dyn Io, api: &Api, object: &str, ids: &[String]) -> Result<BTreeSet<String>> {
    let selection = Selection::new(object, Projection::default(), SystemColumns::none())?;
    let mut reader = Reader {
        io,
        api,
        selection,
        described: false,
    };
    reader.any_by_ids(ids, &mut Batch::new(0), &mut BTreeMap::new()).await
}

struct Reader<'a> {
    io: &'a dyn Io,
    api: &'a Api,
    selection: Selection,
    described: bool,
}

impl Reader<'_> {
    async fn by_ids(&mut self, ids: &[String], batch: &mut Batch) -> Result<()> {
        let mut wanted = Vec::new();
        let mut asked = BTreeSet::new();
        for id in ids {
            match normalised(id) {
                Some(id) => {
                    if asked.insert(id.clone()) {
                        wanted.push(id);
                    }
                }
                // One malformed id would fail the whole call.
                None => missing(id, batch),
            }
        }
        // Only rows that are not live come this way, so few that copying them is nothing.
        let mut rest = Batch::new(self.selection.projection.fields.len());
        let mut masters = BTreeMap::new();
        while !wanted.is_empty() {
            let absent = self.live_by_ids(wanted, batch).await?;
            let found = self.any_by_ids(&absent, &mut rest, &mut masters).await?;
            for id in absent.iter().filter(|id| !found.contains(*id)) {
                missing(id, batch);
            }
            // The survivors of merges are answered too, and may have been merged themselves.
            wanted = masters
                .values()
                .filter(|id| asked.insert((*id).clone()))
                .cloned()
                .collect();
        }
        copy(&rest, &masters, batch)
    }

    /// Reads what is live and returns the ids that were not found. Through a collection where that can be: it takes
    /// more ids at once.
    async fn live_by_ids(&mut self, ids: Vec<String>, batch: &mut Batch) -> Result<Vec<String>> {
        if self.selection.walks_relationships() {
            return Ok(ids);
        }
        let mut absent = Vec::new();
        for chunk in ids.chunks(FETCH_SIZE) {
            let mut found = BTreeSet::new();
            let body = loop {
                let (response, class) = ask(self.io, self.collection(chunk)?).await?;
                if class == Class::Success {
                    break response.body;
                }
                self.recover(class).await?;
            };
            decode::collection(&body, &self.selection, batch, &mut |row| {
                found.insert(row.id);
            })
            .map_err(|error| unreadable(READING, error))?;
            absent.extend(chunk.iter().filter(|id| !found.contains(*id)).cloned());
        }
        Ok(absent)
    }

    fn collection(&self, ids: &[String]) -> Result<Request> {
        let body = serde_json::to_vec(&serde_json::json!({ "ids": ids, "fields": self.selection.retrieved() }))
            .map_err(|error| unreadable(READING, error))?;
        let url = self.api.data(&format!("composite/sobjects/{}", self.selection.object));
        Ok(Request::new(Method::Post, url, Effect::Read).json(body))
    }

    /// Reads records of any state, deleted ones included, and returns the ids that were found.
    async fn any_by_ids(
        &mut self,
        ids: &[String],
        batch: &mut Batch,
        masters: &mut BTreeMap<String, String>,
    ) -> Result<BTreeSet<String>> {
        let literals: Vec<String> = ids.iter().map(|id| soql::text(id)).collect();
        let mut found = BTreeSet::new();
        for query in self.queries("Id", &literals) {
            self.query(&query, true, batch, &mut |row| {
                if let Some(master) = row.master {
                    masters.insert(row.id.clone(), master);
                }
                found.insert(row.id);
            })
            .await?;
        }
        Ok(found)
    }

    async fn by_key(&mut self, field: &str, values: &[String], batch: &mut Batch) -> Result<()> {
        let field = soql::path(field)?;
        let kind = self
            .selection
            .slot(field)
            .map_or(syncline_core::batch::ValueKind::Text, |(_, kind)| kind);
        // An empty key would find every record without one.
        let literals: BTreeSet<String> = values
            .iter()
            .filter(|value| !value.is_empty())
            .filter_map(|value| soql::key(value, kind))
            .collect();
        let literals: Vec<String> = literals.into_iter().collect();
        for query in self.queries(field, &literals) {
            self.query(&query, false, batch, &mut |_| ()).await?;
        }
        Ok(())
    }

    /// `WHERE` conditions that name all literals between them, each as long as an address allows.
    fn queries(&self, field: &str, literals: &[String]) -> Vec<String> {
        let condition = format!(" WHERE {field} IN ()");
        let base = self
            .api
            .query_length(&format!("{}{condition}", self.selection.soql(true)));
        // A selection that is too long is cut so that this much is left.
        let room = LONGEST_URL
            .saturating_sub(base)
            .max(ROOM.saturating_sub(condition.len() * 3));
        let mut queries = Vec::new();
        let mut list = String::new();
        let mut used = 0;
        for literal in literals {
            let length = encoded(literal).len() + 1;
            if !list.is_empty() && used + length > room {
                queries.push(format!(" WHERE {field} IN ({list})"));
                list.clear();
                used = 0;
            }
            if !list.is_empty() {
                list.push(',');
            }
            list.push_str(literal);
            used += length;
        }
        if !list.is_empty() {
            queries.push(format!(" WHERE {field} IN ({list})"));
        }
        queries
    }

    /// Runs a query to its end.
    async fn query(
        &mut self,
        condition: &str,
        all: bool,
        batch: &mut Batch,
        seen: &mut (dyn FnMut(decode::Seen) + Send),
    ) -> Result<()> {
        let mut next: Option<String> = None;
        loop {
            let wide = Wide::of(self.api, &self.selection)?;
            let asked = wide.as_ref().map_or(&self.selection, |wide| &wide.first);
            let request = match &next {
                Some(next) => self.api.follow(next, PAGE_SIZE)?,
                None => self
                    .api
                    .query(&format!("{}{condition}", asked.soql(all)), all, PAGE_SIZE)?,
            };
            let (response, class) = ask(self.io, request).await?;
            if class != Class::Success {
                self.recover(class).await?;
                continue;
            }
            let page = match &wide {
                Some(wide) => {
                    wide.page(self.io, self.api, &response.body, batch, &mut |row| seen(row))
                        .await?
                }
                None => decode::page(&response.body, &self.selection, batch, &mut |row| seen(row))
                    .map_err(|error| unreadable(READING, error))?,
            };
            match page.next {
                Some(url) if !page.done => next = Some(url),
                _ => return Ok(()),
            }
        }
    }

    /// Learns which system columns there are, once, if that is what a call failed for.
    async fn recover(&mut self, class: Class) -> Result<()> {
        if self.described || !self.selection.columns.are_blamed(&class) {
            return Err(failed(class, READING).with("object", &self.selection.object));
        }
        self.described = true;
        self.selection.columns = SystemColumns::described(self.io, self.api, &self.selection.object).await?;
        Ok(())
    }
}

fn missing(id: &str, batch: &mut Batch) {
    let mut row = batch.row(id);
    row.partial();
    row.state(RowState::Missing);
    row.finish();
}

/// Copies rows, naming for each merged one the record that holds its data now.
fn copy(from: &Batch, masters: &BTreeMap<String, String>, to: &mut Batch) -> Result<()> {
    for row in from.rows() {
        let mut copy = to.row(row.id());
        copy.state(row.state());
        if let Some(stamp) = row.stamp() {
            copy.stamp(stamp);
        }
        match row.state() {
            RowState::Merged => copy.merged_into(survivor(row.id(), masters)),
            _ => {
                if let Some(id) = row.merged_into() {
                    copy.merged_into(id);
                }
            }
        }
        let mut values = row.encoded();
        let mut field = 0;
        while !values.is_empty() {
            let value = syncline_core::Value::skip(&mut values)?;
            copy.encode(field, |out| out.extend_from_slice(value));
            field += 1;
        }
        copy.finish();
    }
    Ok(())
}

/// The last of a chain of merges. A chain can't be longer than there are links, so a circle ends too.
fn survivor<'a>(id: &'a str, masters: &'a BTreeMap<String, String>) -> &'a str {
    let mut survivor = id;
    for _ in 0..=masters.len() {
        match masters.get(survivor) {
            Some(next) => survivor = next,
            None => break,
        }
    }
    survivor
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
