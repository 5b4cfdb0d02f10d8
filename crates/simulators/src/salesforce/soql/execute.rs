//! Running a query and its further pages.

use std::sync::Arc;

use super::compile::compile;
use super::compiled::{Compiled, Output};
use super::parser::parse;
use super::plan::{Scan, Sorting, plan};
use crate::salesforce::cell::View;
use crate::salesforce::error::ApiError;
use crate::salesforce::id::RecordId;
use crate::salesforce::state::State;
use crate::salesforce::table::Slot;

/// A page of results, as the body of the answer.
#[derive(Debug)]
pub(crate) struct QueryPage {
    pub(crate) body: Vec<u8>,
}

impl State {
    /// Answers a new query. `base` is `/services/data/vXX.X`; `all_rows` includes the recycle bin.
    pub(crate) fn query(
        &mut self,
        text: &str,
        all_rows: bool,
        batch: usize,
        base: &str,
    ) -> Result<QueryPage, ApiError> {
        if text.trim().is_empty() {
            return Err(ApiError::new(
                400,
                "MALFORMED_QUERY",
                "A query string has to be specified",
            ));
        }
        if text.chars().count() > 100_000 {
            return Err(ApiError::new(
                400,
                "MALFORMED_QUERY",
                "SOQL statements cannot be longer than 100000 characters.",
            ));
        }
        let query = Arc::new(compile(self, text, &parse(text)?)?);
        let slots = self.matching(&query, all_rows);
        match &query.output {
            Output::CountRows => {
                let body = format!("{{\"totalSize\":{},\"done\":true,\"records\":[]}}", slots.len());
                return Ok(QueryPage {
                    body: body.into_bytes(),
                });
            }
            Output::Groups(groups) => {
                return Ok(QueryPage {
                    body: self.write_groups(query.table, &slots, groups),
                });
            }
            Output::Records(_) => {}
        }
        let total = slots.len();
        let slots = Arc::new(slots);
        let next = (total > batch).then(|| {
            let now = self.now();
            let locator = self
                .cursors
                .open(Arc::clone(&query), Arc::clone(&slots), total, all_rows, batch, now);
            format!("{base}/query/{locator}-{batch}")
        });
        let page = &slots[..total.min(batch)];
        Ok(QueryPage {
            body: self.write_page(&query, page, total, all_rows, next.as_deref(), base),
        })
    }

    /// Answers a further page.
    pub(crate) fn query_more(&mut self, locator: &str, base: &str) -> Result<QueryPage, ApiError> {
        let now = self.now();
        let found = self
            .cursors
            .find(locator, now)
            .filter(|(cursor, offset)| *offset <= cursor.slots.len());
        let Some((cursor, offset)) = found else {
            return Err(ApiError::new(400, "INVALID_QUERY_LOCATOR", "invalid query locator"));
        };
        let end = (offset + cursor.batch).min(cursor.slots.len());
        let id = locator.split('-').next().unwrap_or_default();
        let next = (end < cursor.slots.len()).then(|| format!("{base}/query/{id}-{end}"));
        let page = &cursor.slots[offset..end];
        let body = self.write_page(
            &cursor.query,
            page,
            cursor.total,
            cursor.all_rows,
            next.as_deref(),
            base,
        );
        Ok(QueryPage { body })
    }

    /// The object that a query reads, and how many of its records it would find.
    pub(crate) fn explain(&self, text: &str) -> Result<(String, usize), ApiError> {
        let query = parse(text)?;
        let compiled = compile(self, text, &query)?;
        let found = self.matching(&compiled, false).len();
        Ok((self.tables[compiled.table].schema.name.clone(), found))
    }

    /// The live records that point to `parent` and that a query of children selects.
    pub(super) fn matching_children(&self, query: &Compiled, field: u16, parent: RecordId) -> Vec<Slot> {
        let table = &self.tables[query.table];
        let points = |slot: &Slot| {
            table.get_live(*slot).is_some_and(|record| {
                table.read(*slot, record, field) == View::Id(parent)
                    && query
                        .filter
                        .as_ref()
                        .is_none_or(|filter| self.passes(query.table, *slot, record, filter))
            })
        };
        let mut slots: Vec<Slot> = if table.is_indexed(field) {
            table
                .lookup(field, parent.as_str())
                .iter()
                .copied()
                .filter(points)
                .collect()
        } else {
            (0..table.len()).filter(points).collect()
        };
        slots.sort_by(|left, right| self.order(query.table, *left, *right, &query.order));
        slots.drain(..query.offset.min(slots.len()));
        slots.truncate(query.limit.unwrap_or(usize::MAX));
        slots
    }

    /// The slots of the records that a query selects, in its order, within its limit.
    pub(super) fn matching(&self, query: &Compiled, all_rows: bool) -> Vec<Slot> {
        let table = &self.tables[query.table];
        let (scan, sorting) = plan(table, query);
        let wanted = query.limit.map(|limit| limit.saturating_add(query.offset));
        let enough = match sorting {
            Sorting::Done | Sorting::Reversed => wanted.unwrap_or(usize::MAX),
            Sorting::BySlot | Sorting::Needed => usize::MAX,
        };
        let keep = |slot: &Slot| {
            table.get(*slot).is_some_and(|record| {
                (all_rows || record.deleted.is_none())
                    && query
                        .filter
                        .as_ref()
                        .is_none_or(|filter| self.passes(query.table, *slot, record, filter))
            })
        };
        let mut slots: Vec<Slot> = match scan {
            Scan::Slots(slots) => slots.into_iter().filter(keep).take(enough).collect(),
            Scan::Ids(range) => {
                let end = (*range.end()).min(table.len().saturating_sub(1));
                (*range.start()..=end).filter(keep).take(enough).collect()
            }
            Scan::Stamps(range) if sorting == Sorting::Reversed => {
                table.by_stamp(range).rev().filter(keep).take(enough).collect()
            }
            Scan::Stamps(range) => table.by_stamp(range).filter(keep).take(enough).collect(),
        };
        match sorting {
            Sorting::Done | Sorting::Reversed => {}
            Sorting::BySlot => slots.sort_unstable(),
            Sorting::Needed => slots.sort_by(|left, right| self.order(query.table, *left, *right, &query.order)),
        }
        if query.offset > 0 {
            slots.drain(..query.offset.min(slots.len()));
        }
        if let Some(limit) = query.limit {
            slots.truncate(limit);
        }
        slots
    }
}
