//! Strong reads: by id and by a unique property, from the primary store.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use syncline_core::batch::{Batch, Projection, ReadClass, RowState};
use syncline_core::error::{ErrorKind, Result};
use syncline_core::io::{Class, Effect, Request, Response};
use syncline_core::job::{Fetch, FetchBy};

use crate::associations::{self, Links, is_association};
use crate::client::{Client, check, encode, parse, post};
use crate::decode::{self, Decoder, Found};
use crate::error::classify;
use crate::manifest::SEARCH_PAGE;
use crate::object::is_record_id;
use crate::page::{IdOnly, IdPage};
use crate::search;

const OPERATION: &str = "read records";

/// Reads records of one object in one projection.
pub(crate) struct Reader<'a> {
    client: &'a Client<'a>,
    object: &'a str,
    projection: &'a Projection,
    decoder: Decoder<'a>,
    /// What the rows so far tell.
    pub(crate) found: Found,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(client: &'a Client<'a>, object: &'a str, projection: &'a Projection) -> Self {
        let decoder = Decoder::new(object, projection);
        Self {
            client,
            object,
            projection,
            decoder,
            found: Found::default(),
        }
    }

    /// Adds the rows of those ids that exist, and of the records that they were merged into.
    ///
    /// # Errors
    /// As [`Client::read`], and `Protocol` when an answer can't be read.
    pub(crate) async fn live(&mut self, ids: &[String], batch: &mut Batch) -> Result<()> {
        let responses = self
            .client
            .read_all(OPERATION, self.batch_reads(ids, None, false))
            .await?;
        self.decode(&responses, batch).await
    }

    /// Adds a row for every merge found whose old id is not a live record itself.
    pub(crate) fn merged_rows(&self, batch: &mut Batch) {
        let mut told = BTreeSet::new();
        for merge in &self.found.merges {
            if !self.found.ids.contains(&merge.old) && told.insert(&merge.old) {
                let mut row = batch.row(&merge.old);
                row.state(RowState::Merged);
                row.merged_into(&merge.survivor);
                row.partial();
                row.finish();
            }
        }
    }

    /// Which of these ids neither exist nor are known to be merged.
    pub(crate) fn unanswered(&self, ids: &[String]) -> Vec<String> {
        let merged: BTreeSet<&str> = self.found.merges.iter().map(|merge| merge.old.as_str()).collect();
        ids.iter()
            .filter(|id| !self.found.ids.contains(*id) && !merged.contains(id.as_str()))
            .cloned()
            .collect()
    }

    fn batch_reads(&self, ids: &[String], id_property: Option<&str>, archived: bool) -> Vec<Request> {
        let tail = if archived {
            "/batch/read?archived=true"
        } else {
            "/batch/read"
        };
        let url = self.client.paths.objects(self.object, tail);
        ids.chunks(self.decoder.batch())
            .map(|chunk| {
                let inputs: Vec<_> = chunk.iter().map(|id| json!({"id": id})).collect();
                let mut body = json!({
                    "inputs": inputs,
                    "properties": self.decoder.properties(),
                    "propertiesWithHistory": self.decoder.history(),
                });
                if let Some(property) = id_property {
                    body["idProperty"] = property.into();
                }
                post(url.clone(), Effect::Read, &body)
            })
            .collect()
    }

    async fn decode(&mut self, responses: &[Response], batch: &mut Batch) -> Result<()> {
        let links = self.links(responses).await?;
        for response in responses {
            decode::page(OPERATION, &response.body, &self.decoder, &links, &mut self.found, batch)?;
        }
        Ok(())
    }

    async fn links(&self, responses: &[Response]) -> Result<Links> {
        if !self.projection.fields.iter().any(|field| is_association(&field.path)) {
            return Ok(Links::new());
        }
        let mut ids = BTreeSet::new();
        for response in responses {
            ids.extend(
                parse::<IdPage>(OPERATION, &response.body)?
                    .results
                    .into_iter()
                    .map(|row| row.id.0),
            );
        }
        let ids: Vec<String> = ids.into_iter().collect();
        associations::links(self.client, self.object, self.projection, &ids).await
    }

    /// Asks for each id alone. A batch read may answer a merged id with an error, while this always gives the
    /// survivor, so only what is not found here is gone.
    async fn singly(&mut self, ids: &[String], batch: &mut Batch) -> Result<()> {
        let mut query = format!("properties={}", encode(&self.decoder.properties().join(",")));
        if !self.decoder.history().is_empty() {
            query.push_str("&propertiesWithHistory=");
            query.push_str(&encode(&self.decoder.history().join(",")));
        }
        let requests = ids
            .iter()
            .map(|id| {
                let tail = format!("/{}?{query}", encode(id));
                Request::get(self.client.paths.objects(self.object, &tail))
            })
            .collect();
        let mut answers: Vec<(&String, String, Response)> = Vec::new();
        for (id, answer) in ids.iter().zip(self.client.io.send_all(requests).await) {
            let response = answer?;
            if classify(&response.head, &response.body) == Class::NotFound {
                continue;
            }
            let response = check(OPERATION, response)?;
            let answered: IdOnly = parse(OPERATION, &response.body)?;
            answers.push((id, answered.id.0, response));
        }
        let survivors: Vec<String> = answers.iter().map(|(_, survivor, _)| survivor.clone()).collect();
        let links = associations::links(self.client, self.object, self.projection, &survivors).await?;
        for (id, survivor, response) in answers {
            decode::record(OPERATION, &response.body, &self.decoder, &links, &mut self.found, batch)?;
            if *id != survivor {
                self.found.merges.insert(decode::Merge {
                    old: id.clone(),
                    survivor,
                });
            }
        }
        Ok(())
    }

    async fn by_ids(&mut self, asked: &[String], batch: &mut Batch) -> Result<()> {
        let asked: BTreeSet<&String> = asked.iter().collect();
        let ids: Vec<String> = asked
            .iter()
            .filter(|id| is_record_id(id))
            .map(|id| (*id).clone())
            .collect();
        self.live(&ids, batch).await?;
        let open = self.unanswered(&ids);
        if !open.is_empty() {
            self.singly(&open, batch).await?;
        }
        let open = self.unanswered(&ids);
        if !open.is_empty() {
            let responses = self
                .client
                .read_all(OPERATION, self.batch_reads(&open, None, true))
                .await?;
            self.decode(&responses, batch).await?;
        }
        self.merged_rows(batch);
        let impossible = asked.into_iter().filter(|id| !is_record_id(id)).cloned();
        for id in self.unanswered(&ids).into_iter().chain(impossible) {
            let mut row = batch.row(&id);
            row.state(RowState::Missing);
            row.partial();
            row.finish();
        }
        Ok(())
    }

    async fn by_key(&mut self, field: &str, values: &[String], batch: &mut Batch) -> Result<()> {
        if field == "hs_object_id" {
            let ids: Vec<String> = values.iter().filter(|id| is_record_id(id)).cloned().collect();
            return self.live(&ids, batch).await;
        }
        // Keys are compared without regard to case, and a batch may not name one twice.
        let keys: BTreeMap<String, &String> = values
            .iter()
            .filter(|value| !value.is_empty())
            .map(|value| (value.to_lowercase(), value))
            .collect();
        let keys: Vec<String> = keys.into_values().cloned().collect();
        if keys.is_empty() {
            return Ok(());
        }
        match self
            .client
            .read_all(OPERATION, self.batch_reads(&keys, Some(field), false))
            .await
        {
            Ok(responses) => self.decode(&responses, batch).await,
            // The property is not unique, so only a search can look for it; the records are still read by id.
            Err(error) if error.kind() == ErrorKind::Rejected => {
                let ids = self.search(field, &keys).await?;
                self.live(&ids, batch).await
            }
            Err(error) => Err(error),
        }
    }

    async fn search(&self, field: &str, keys: &[String]) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        // A hundred values are allowed, but the body of a search is short.
        for chunk in keys.chunks(20) {
            let filters = search::one_of(field, chunk);
            let mut above = 0;
            loop {
                let page = search::ids_above(self.client, self.object, &filters, above, SEARCH_PAGE).await?;
                ids.extend(page.ids.iter().map(u64::to_string));
                match page.ids.last() {
                    Some(last) if page.more => above = *last,
                    _ => break,
                }
            }
        }
        Ok(ids)
    }
}

/// A strong read.
///
/// # Errors
/// As [`Client::read`], and `Protocol` when an answer can't be read.
pub(crate) async fn fetch(client: &Client<'_>, fetch: &Fetch, batch: &mut Batch) -> Result<()> {
    batch.class = ReadClass::Strong;
    let mut reader = Reader::new(client, &fetch.object, &fetch.projection);
    match &fetch.by {
        FetchBy::Ids(ids) => reader.by_ids(ids, batch).await,
        FetchBy::Key { field, values } => reader.by_key(field, values, batch).await,
    }
}
