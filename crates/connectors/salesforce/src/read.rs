//! Strong reads: by ids, and by the value of a field.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::Result;
use syncline_core::batch::{Batch, ReadClass, RowState};
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
        let base = self
            .api
            .query_length(&format!("{} WHERE {field} IN ()", self.selection.soql(true)));
        let room = LONGEST_URL.saturating_sub(base);
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
            let request = match &next {
                Some(next) => self.api.follow(next, PAGE_SIZE)?,
                None => self
                    .api
                    .query(&format!("{}{condition}", self.selection.soql(all)), all, PAGE_SIZE)?,
            };
            let (response, class) = ask(self.io, request).await?;
            if class != Class::Success {
                self.recover(class).await?;
                continue;
            }
            let page = decode::page(&response.body, &self.selection, batch, &mut |row| seen(row))
                .map_err(|error| unreadable(READING, error))?;
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
mod tests {
    use syncline_core::batch::{Projection, ValueKind};
    use syncline_core::{ErrorKind, Value};

    use super::*;
    use crate::testing::{ScriptedIo, api};

    const A: &str = "001000000000001AAA";
    const B: &str = "001000000000002AAA";
    const C: &str = "001000000000003AAA";

    fn by_ids(object: &str, path: &str, ids: &[&str]) -> Fetch {
        Fetch {
            object: object.into(),
            projection: Projection::new([(path, ValueKind::Text)]),
            by: FetchBy::Ids(ids.iter().map(|id| (*id).to_owned()).collect()),
        }
    }

    fn states(batch: &Batch) -> Vec<(String, RowState, Option<String>)> {
        batch
            .rows()
            .map(|row| (row.id().to_owned(), row.state(), row.merged_into().map(str::to_owned)))
            .collect()
    }

    #[tokio::test]
    async fn every_id_is_answered_live_merged_into_the_last_survivor_or_missing() {
        let io = ScriptedIo::new();
        io.answer(
            200,
            r#"[{"Id":"001000000000009AAA","SystemModstamp":"2026-11-20T10:00:00.000+0000","Name":"Live"},null,null]"#,
        );
        io.answer(
            200,
            &format!(
                r#"{{"done":true,"records":[{{"Id":"{A}","IsDeleted":true,"MasterRecordId":"{B}","Name":"Old"}}]}}"#
            ),
        );
        io.answer(200, "[null]");
        io.answer(
            200,
            &format!(r#"{{"done":true,"records":[{{"Id":"{B}","IsDeleted":true,"MasterRecordId":"{C}"}}]}}"#),
        );
        io.answer(200, &format!(r#"[{{"Id":"{C}","Name":"Survivor"}}]"#));
        let mut batch = Batch::new(1);
        let ids = ["001000000000009", A, "001000000000008AAA", "nonsense", A];
        fetch(&io, &api(), &by_ids("Account", "Name", &ids), &mut batch)
            .await
            .unwrap();
        let text = |id: &str| Some(id.to_owned());
        assert_eq!(
            states(&batch),
            [
                ("nonsense".to_owned(), RowState::Missing, None),
                ("001000000000009AAA".to_owned(), RowState::Live, None),
                ("001000000000008AAA".to_owned(), RowState::Missing, None),
                (C.to_owned(), RowState::Live, None),
                (A.to_owned(), RowState::Merged, text(C)),
                (B.to_owned(), RowState::Merged, text(C)),
            ]
        );
        assert_eq!(batch.get(4).unwrap().value(0).unwrap(), Some(Value::text("Old")));
        assert_eq!(batch.class, ReadClass::Strong);
        assert_eq!(io.requests()[0].method, Method::Post);
        assert_eq!(io.requests()[0].effect, Effect::Read);
        assert_eq!(
            io.body(0)["fields"],
            serde_json::json!(["Id", "SystemModstamp", "Name"])
        );
        assert!(io.requests()[1].url.contains("/queryAll?q="));
    }

    #[tokio::test]
    async fn related_fields_are_read_by_query() {
        let io = ScriptedIo::new();
        io.answer(
            200,
            &format!(r#"{{"done":true,"records":[{{"Id":"{A}","IsDeleted":false,"Owner":{{"Name":"Ada"}}}}]}}"#),
        );
        let mut batch = Batch::new(1);
        fetch(&io, &api(), &by_ids("Account", "Owner.Name", &[A, B]), &mut batch)
            .await
            .unwrap();
        assert_eq!(
            io.soql(0),
            format!(
                "SELECT Id,SystemModstamp,IsDeleted,MasterRecordId,Owner.Name FROM Account WHERE Id IN ('{A}','{B}')"
            )
        );
        assert_eq!(
            states(&batch),
            [
                (B.to_owned(), RowState::Missing, None),
                (A.to_owned(), RowState::Live, None)
            ]
        );
    }

    #[tokio::test]
    async fn an_object_without_the_usual_columns_is_described_once() {
        let io = ScriptedIo::new();
        let error =
            r#"[{"errorCode":"INVALID_FIELD","message":"No such column 'SystemModstamp' on sobject of type Odd__c"}]"#;
        io.answer(400, error);
        io.answer(
            200,
            r#"{"name":"Odd__c","fields":[{"name":"Id","type":"id"},{"name":"CreatedDate","type":"datetime"}]}"#,
        );
        io.answer(
            200,
            r#"[{"Id":"a00000000000001AAA","CreatedDate":"2026-11-20T10:00:00.000+0000","Name":"x"}]"#,
        );
        let mut batch = Batch::new(1);
        fetch(
            &io,
            &api(),
            &by_ids("Odd__c", "Name", &["a00000000000001AAA"]),
            &mut batch,
        )
        .await
        .unwrap();
        assert_eq!(io.body(2)["fields"], serde_json::json!(["Id", "CreatedDate", "Name"]));
        assert!(batch.get(0).unwrap().stamp().is_some());
    }

    #[tokio::test]
    async fn a_field_that_is_not_there_is_an_error_that_names_the_object() {
        let io = ScriptedIo::new();
        io.answer(
            400,
            r#"[{"errorCode":"INVALID_FIELD","message":"No such column 'Foo__c' on sobject of type Account"}]"#,
        );
        let error = fetch(&io, &api(), &by_ids("Account", "Foo__c", &[A]), &mut Batch::new(1))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(error.to_string().contains("Foo__c") && error.to_string().contains("Account"));
    }

    #[tokio::test]
    async fn keys_are_escaped_deduplicated_and_split_into_addresses_that_are_not_too_long() {
        let io = ScriptedIo::new();
        let values: Vec<String> = (0..1_000)
            .map(|n| format!("it's {n:06}"))
            .chain(["".into(), "it's 000001".into()])
            .collect();
        for _ in 0..3 {
            io.answer(200, r#"{"done":true,"records":[]}"#);
        }
        let request = Fetch {
            object: "Contact".into(),
            projection: Projection::new([("External_Id__c", ValueKind::Text)]),
            by: FetchBy::Key {
                field: "External_Id__c".into(),
                values,
            },
        };
        fetch(&io, &api(), &request, &mut Batch::new(1)).await.unwrap();
        let requests = io.requests();
        assert!(
            requests
                .iter()
                .all(|request| request.url.len() <= LONGEST_URL && request.url.contains("/query?q="))
        );
        let asked: usize = (0..requests.len())
            .map(|index| io.soql(index).matches("it\\'s").count())
            .sum();
        assert_eq!(asked, 1_000);
        assert!(!io.soql(0).contains("''"));
    }

    #[tokio::test]
    async fn a_number_key_is_not_quoted_and_text_finds_nothing_there() {
        let io = ScriptedIo::new();
        io.answer(200, r#"{"done":true,"records":[]}"#);
        let request = Fetch {
            object: "Contact".into(),
            projection: Projection::new([("No__c", ValueKind::Number)]),
            by: FetchBy::Key {
                field: "No__c".into(),
                values: vec!["7".into(), "7' OR Id != '".into()],
            },
        };
        fetch(&io, &api(), &request, &mut Batch::new(1)).await.unwrap();
        assert!(io.soql(0).ends_with("WHERE No__c IN (7)"));
    }
}
