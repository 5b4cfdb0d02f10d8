//! Contacts from a file of people, dirt included.

use std::io;
use std::path::Path;

use jiff::civil::Date;

use super::cell::Cell;
use super::seed::{Columns, Times};
use super::state::State;

/// The custom fields of a file of people.
pub(crate) const CSV_FIELDS: [(&str, &str, &str); 4] = [
    ("Address_2__c", "Address 2", "string(255)"),
    ("Date_Of_Birth__c", "Date Of Birth", "string(40)"),
    ("Soc_Sec_Id__c", "Soc Sec Id", "string(40)"),
    ("Rec_Id__c", "Rec Id", "string(80)"),
];

/// One row of a file of people.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(crate) struct PersonRow {
    rec_id: String,
    given_name: String,
    surname: String,
    street_number: String,
    address_1: String,
    address_2: String,
    suburb: String,
    postcode: String,
    state: String,
    date_of_birth: String,
    soc_sec_id: String,
}

/// Reads a file of people; values are trimmed of the blanks that belong to the format, and else left as they are.
pub(crate) fn read_people(file: &Path) -> io::Result<Vec<PersonRow>> {
    let unreadable = |error: csv::Error| io::Error::other(format!("{}: {error}", file.display()));
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_path(file)
        .map_err(unreadable)?;
    for wanted in ["given_name", "surname"] {
        if !reader
            .headers()
            .map_err(unreadable)?
            .iter()
            .any(|column| column == wanted)
        {
            return Err(io::Error::other(format!(
                "{}: the header has no column `{wanted}`",
                file.display()
            )));
        }
    }
    reader.deserialize().map(|row| row.map_err(unreadable)).collect()
}

/// `19151111`, if it is a day.
fn compact_date(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    Date::new(
        text[..4].parse().ok()?,
        text[4..6].parse().ok()?,
        text[6..].parse().ok()?,
    )
    .ok()
}

impl State {
    /// One contact per row of a file of people; its own columns become custom fields.
    pub(crate) fn seed_csv(&mut self, rows: &[PersonRow], seed: u64) {
        let Some(at) = self.find("Contact") else { return };
        let owners = self.people.clone();
        let mut times = Times::new(seed, 5, self.now());
        for (index, row) in rows.iter().enumerate() {
            let owner = owners
                .get(index % owners.len().max(1))
                .copied()
                .unwrap_or(self.integration_user);
            let mut record = times.record(index, owner);
            let columns = Columns(&self.tables[at]);
            let street = format!("{} {}", row.street_number, row.address_1);
            let last = if row.surname.is_empty() {
                "[not provided]"
            } else {
                row.surname.as_str()
            };
            columns.text(&mut record, "FirstName", row.given_name.as_str());
            columns.text(&mut record, "LastName", last);
            columns.text(&mut record, "MailingStreet", street.trim());
            columns.text(&mut record, "Address_2__c", row.address_2.as_str());
            columns.text(&mut record, "MailingCity", row.suburb.as_str());
            columns.text(&mut record, "MailingPostalCode", row.postcode.as_str());
            columns.text(&mut record, "MailingState", row.state.as_str());
            columns.text(&mut record, "Date_Of_Birth__c", row.date_of_birth.as_str());
            columns.text(&mut record, "Soc_Sec_Id__c", row.soc_sec_id.as_str());
            columns.text(&mut record, "Rec_Id__c", row.rec_id.as_str());
            if let Some(date) = compact_date(&row.date_of_birth) {
                columns.set(&mut record, "Birthdate", Cell::Date(date));
            }
            columns.set(&mut record, "OwnerId", Cell::Id(owner));
            self.tables[at].seed(record);
        }
        self.tables[at].index_stamps();
    }
}
