//! What receiving and parsing costs alone.

use std::hint::black_box;

use super::{Contact, Page, pages, runtime};
use crate::failure::Result;
use crate::measure::Phase;
use crate::server::Address;

/// Into typed structs.
pub(crate) fn typed(address: &Address, records: usize) -> Result<()> {
    runtime()?.block_on(async {
        let phase = Phase::begin("parse into typed structs")?;
        pages(address, |body| {
            let page: Page<Contact<'_>> = serde_json::from_slice(&body)?;
            black_box(&page.records);
            Ok(page.next_records_url)
        })
        .await?;
        phase.end(records as u64, "")
    })
}

/// Into a tree of values.
pub(crate) fn value(address: &Address, records: usize) -> Result<()> {
    runtime()?.block_on(async {
        let phase = Phase::begin("parse into serde_json::Value")?;
        pages(address, |body| {
            let page: serde_json::Value = serde_json::from_slice(&body)?;
            black_box(&page);
            Ok(page["nextRecordsUrl"].as_str().map(str::to_owned))
        })
        .await?;
        phase.end(records as u64, "")
    })
}
