//! The bare loop: parse typed, insert a row of 12 columns, commit once a page. What everything is measured against.

use rusqlite::{Connection, params};

use super::{Contact, Page, pages, runtime};
use crate::failure::Result;
use crate::measure::Phase;
use crate::server::Address;

/// Reads and inserts all records.
pub(crate) fn run(address: &Address, records: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let database = Connection::open(folder.path().join("bare.db"))?;
    // The engine's own settings.
    database.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -20480;
         PRAGMA wal_autocheckpoint = 8000;
         CREATE TABLE contact (id TEXT PRIMARY KEY, stamp TEXT, first_name TEXT, last_name TEXT, email TEXT, phone TEXT,
            title TEXT, street TEXT, city TEXT, postal_code TEXT, birthdate TEXT, opted_out INTEGER) STRICT;",
    )?;
    runtime()?.block_on(async {
        let phase = Phase::begin("bare loop")?;
        let mut insert =
            database.prepare("INSERT INTO contact VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)")?;
        pages(address, |body| {
            let page: Page<Contact<'_>> = serde_json::from_slice(&body)?;
            database.execute_batch("BEGIN")?;
            for contact in &page.records {
                insert.execute(params![
                    contact.id,
                    contact.system_modstamp,
                    contact.first_name,
                    contact.last_name,
                    contact.email,
                    contact.phone,
                    contact.title,
                    contact.mailing_street,
                    contact.mailing_city,
                    contact.mailing_postal_code,
                    contact.birthdate,
                    contact.has_opted_out_of_email,
                ])?;
            }
            database.execute_batch("COMMIT")?;
            Ok(page.next_records_url)
        })
        .await?;
        let stored: i64 = database.query_row("SELECT count(*) FROM contact", [], |row| row.get(0))?;
        phase.end(u64::try_from(stored)?, "")?;
        if stored == i64::try_from(records)? {
            Ok(())
        } else {
            Err(format!("{stored} of {records} records were stored").into())
        }
    })
}
