//! The first population of an account: generated people and companies, or people from a file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::portal::Portal;
use super::property::Property;
use super::record::Record;
use super::stamp::{DAY, Stamp};
use crate::options::Options;
use crate::people::{Company, Person, Population, Side};

/// Sets stored properties by name, sharing the texts that many records have.
struct Filler<'a> {
    portal: &'a Portal,
    object: usize,
    shared: BTreeMap<String, Arc<str>>,
}

/// Texts longer than this are rarely equal.
const LONGEST_SHARED: usize = 24;

impl Filler<'_> {
    fn set(&mut self, record: &mut Record, name: &str, value: &str) {
        let Some(number) = self.portal.store(self.object).object.properties.number(name) else {
            return;
        };
        if value.is_empty() {
            return;
        }
        let value: Arc<str> = value.into();
        record.set(number, Some(value));
    }

    fn set_common(&mut self, record: &mut Record, name: &str, value: &str) {
        let Some(number) = self.portal.store(self.object).object.properties.number(name) else {
            return;
        };
        if value.is_empty() {
            return;
        }
        if value.len() > LONGEST_SHARED {
            record.set(number, Some(value.into()));
            return;
        }
        let shared = match self.shared.get(value) {
            Some(shared) => Arc::clone(shared),
            None => {
                let fresh: Arc<str> = value.into();
                self.shared.insert(value.to_owned(), Arc::clone(&fresh));
                fresh
            }
        };
        record.set(number, Some(shared));
    }
}

/// When record `index` of `count` was created: in the month before the last ten days, in order.
fn created(now: Stamp, index: usize, count: usize) -> Stamp {
    let span = 20 * DAY;
    let count = i64::try_from(count.max(1)).unwrap_or(i64::MAX);
    let index = i64::try_from(index).unwrap_or(0);
    Stamp(now.0 - 10 * DAY - span + span / count * index)
}

impl Portal {
    /// Fills the account as the options say.
    ///
    /// # Errors
    /// When the file of people cannot be read or lacks the columns of one.
    pub(super) fn seed(&mut self, options: &Options) -> io::Result<()> {
        match &options.csv {
            Some(file) => self.seed_from(file)?,
            None => self.seed_generated(options),
        }
        for store in &mut self.stores {
            store.rebuild_index();
        }
        Ok(())
    }

    fn seed_generated(&mut self, options: &Options) {
        if options.records == 0 {
            return;
        }
        let population = Population::new(options.seed, options.overlap, options.records);
        let now = self.now();
        let (Some(contacts), Some(companies)) = (self.object("contacts"), self.object("companies")) else {
            return;
        };
        let count = population.companies();
        let first_company = self.store(companies).object.first_id;
        let mut records = Vec::with_capacity(count);
        let mut filler = Filler {
            portal: self,
            object: companies,
            shared: BTreeMap::new(),
        };
        for index in 0..count {
            let id = first_company + index as u64;
            let mut record = Record::new(id, created(now, index, count));
            fill_company(&mut filler, &mut record, &population.company(Side::HubSpot, index));
            records.push(record);
        }
        self.load(companies, records);

        let first_contact = self.store(contacts).object.first_id;
        let mut records = Vec::with_capacity(options.records);
        let mut filler = Filler {
            portal: self,
            object: contacts,
            shared: BTreeMap::new(),
        };
        for index in 0..options.records {
            let mut record = Record::new(first_contact + index as u64, created(now, index, options.records));
            fill_person(&mut filler, &mut record, &population.person(Side::HubSpot, index));
            let company = first_company + population.company_of(index) as u64;
            filler.set_common(&mut record, "associatedcompanyid", &company.to_string());
            records.push(record);
        }
        let pair = (contacts, companies);
        let primary = self.associations.primary_bit(pair).map_or(0, |bit| 1 << bit);
        for (index, record) in records.iter().enumerate() {
            let company = first_company + population.company_of(index) as u64;
            self.associations.change(pair, record.id, company, 1 | primary, 0);
        }
        self.load(contacts, records);
        self.seed_sales(options.seed, options.records, first_contact);
    }

    fn load(&mut self, object: usize, records: Vec<Record>) {
        for mut record in records {
            record.revision = self.next_revision();
            self.store_mut(object).load(record);
        }
    }

    fn seed_from(&mut self, file: &Path) -> io::Result<()> {
        let Some(contacts) = self.object("contacts") else {
            return Ok(());
        };
        for (name, label) in [
            ("address_2", "Address 2"),
            ("soc_sec_id", "Soc Sec Id"),
            ("rec_id", "Rec Id"),
        ] {
            let property = Property::new(name, label, "string", "text", "contactinformation");
            self.store_mut(contacts).object.properties.define(property);
        }
        let rows = read_people(file)?;
        let now = self.now();
        let first = self.store(contacts).object.first_id;
        let count = rows.len();
        let mut filler = Filler {
            portal: self,
            object: contacts,
            shared: BTreeMap::new(),
        };
        let mut records = Vec::with_capacity(count);
        for (index, row) in rows.into_iter().enumerate() {
            let mut record = Record::new(first + index as u64, created(now, index, count));
            let value = |column: &str| row.get(column).map_or("", String::as_str);
            let address = format!("{} {}", value("street_number"), value("address_1"));
            for (name, value) in [
                ("firstname", value("given_name")),
                ("lastname", value("surname")),
                ("address", address.trim()),
                ("address_2", value("address_2")),
                ("city", value("suburb")),
                ("zip", value("postcode")),
                ("state", value("state")),
                ("date_of_birth", value("date_of_birth")),
                ("soc_sec_id", value("soc_sec_id")),
                ("rec_id", value("rec_id")),
            ] {
                filler.set(&mut record, name, value);
            }
            mark_contact(&mut filler, &mut record);
            records.push(record);
        }
        self.load(contacts, records);
        Ok(())
    }
}

/// The rows of a people file by column name, trimmed of the blanks that its format puts around values.
fn read_people(file: &Path) -> io::Result<Vec<BTreeMap<String, String>>> {
    let unreadable = |error: csv::Error| io::Error::other(format!("{}: {error}", file.display()));
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(
            File::open(file).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))?,
        );
    let columns: Vec<String> = reader
        .headers()
        .map_err(unreadable)?
        .iter()
        .map(str::to_owned)
        .collect();
    for wanted in ["given_name", "surname"] {
        if !columns.iter().any(|column| column == wanted) {
            return Err(io::Error::other(format!(
                "{}: the header has no column `{wanted}`",
                file.display()
            )));
        }
    }
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row.map_err(unreadable)?;
        rows.push(columns.iter().cloned().zip(row.iter().map(str::to_owned)).collect());
    }
    Ok(rows)
}

fn fill_company(filler: &mut Filler<'_>, record: &mut Record, company: &Company) {
    let website = format!("https://www.{}", company.domain);
    filler.set(record, "name", &company.name);
    filler.set(record, "domain", &company.domain);
    filler.set(record, "website", &website);
    filler.set(record, "phone", &company.phone);
    filler.set(record, "address", &company.street);
    filler.set_common(record, "city", &company.city);
    filler.set_common(record, "state", &company.state);
    filler.set_common(record, "zip", &company.postcode);
    filler.set_common(record, "country", &company.country);
    filler.set_common(record, "industry", industry(company.industry));
    filler.set_common(record, "numberofemployees", &company.employees.to_string());
    filler.set_common(record, "annualrevenue", &company.revenue.to_string());
    filler.set_common(record, "hs_pipeline", "companies-lifecycle-pipeline");
    filler.set_common(record, "hs_object_source", "IMPORT");
}

fn fill_person(filler: &mut Filler<'_>, record: &mut Record, person: &Person) {
    filler.set(record, "email", &person.email);
    filler.set_common(record, "firstname", &person.first_name);
    filler.set_common(record, "lastname", &person.last_name);
    filler.set(record, "phone", &person.phone);
    filler.set_common(record, "jobtitle", &person.title);
    filler.set(record, "address", &person.street);
    filler.set_common(record, "city", &person.city);
    filler.set_common(record, "state", &person.state);
    filler.set_common(record, "zip", &person.postcode);
    filler.set_common(record, "country", &person.country);
    filler.set_common(record, "date_of_birth", &person.birthdate.to_string());
    filler.set_common(record, "lifecyclestage", "lead");
    let domain = person.email.split_once('@').map_or("", |(_, domain)| domain);
    filler.set_common(record, "hs_email_domain", domain);
    mark_contact(filler, record);
}

fn mark_contact(filler: &mut Filler<'_>, record: &mut Record) {
    filler.set(record, "hs_all_contact_vids", &record.id.to_string());
    filler.set_common(record, "hs_is_contact", "true");
    filler.set_common(record, "hs_is_unworked", "true");
    filler.set_common(record, "hs_pipeline", "contacts-lifecycle-pipeline");
    filler.set_common(record, "hs_object_source", "IMPORT");
}

/// HubSpot's own value for a line of business.
fn industry(name: &str) -> &'static str {
    match name {
        "Agriculture" => "FARMING",
        "Banking" => "BANKING",
        "Biotechnology" => "BIOTECHNOLOGY",
        "Chemicals" => "CHEMICALS",
        "Construction" => "CONSTRUCTION",
        "Consulting" => "MANAGEMENT_CONSULTING",
        "Education" => "EDUCATION_MANAGEMENT",
        "Electronics" => "CONSUMER_ELECTRONICS",
        "Energy" => "OIL_ENERGY",
        "Engineering" => "MECHANICAL_OR_INDUSTRIAL_ENGINEERING",
        "Finance" => "FINANCIAL_SERVICES",
        "Healthcare" => "HOSPITAL_HEALTH_CARE",
        "Hospitality" => "HOSPITALITY",
        "Insurance" => "INSURANCE",
        "Manufacturing" => "MACHINERY",
        "Media" => "MEDIA_PRODUCTION",
        "Retail" => "RETAIL",
        "Shipping" => "MARITIME",
        "Technology" => "INFORMATION_TECHNOLOGY_AND_SERVICES",
        "Telecommunications" => "TELECOMMUNICATIONS",
        "Transportation" => "TRANSPORTATION_TRUCKING_RAILROAD",
        "Utilities" => "UTILITIES",
        _ => "",
    }
}
