//! The records an organisation starts with.

use jiff::civil::Date;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::cell::Cell;
use super::id::RecordId;
use super::state::State;
use super::table::{Record, Table};
use crate::people::{Population, Side};

/// How far back the generated records reach, in seconds.
const HISTORY: i64 = 200 * 24 * 3600;
/// The newest generated change is this old, so that nothing of the seed looks like a fresh edit.
const QUIET: i64 = 3600;
/// Records of one bulk load, all with one stamp: more than a page of a query.
const BULK_LOAD: usize = 3_000;

/// Draws when records were made and changed.
pub(super) struct Times {
    dice: ChaCha8Rng,
    now: i64,
    loaded: i64,
}

impl Times {
    pub(super) fn new(seed: u64, stream: u64, now: i64) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        dice.set_stream(stream);
        Self {
            dice,
            now,
            loaded: now - HISTORY,
        }
    }

    /// A record made by the owner, for place `index`; every other record came in a bulk load.
    pub(super) fn record(&mut self, index: usize, author: RecordId) -> Record {
        if index.is_multiple_of(BULK_LOAD) {
            self.loaded += 3_600 + self.dice.random_range(0..3_600);
        }
        let loaded = index.is_multiple_of(2);
        let latest = self.now - QUIET;
        let created = if loaded {
            self.loaded.min(latest)
        } else {
            latest - self.dice.random_range(0..HISTORY)
        };
        let mut record = Record::new(created, author, false);
        if !loaded && self.dice.random_bool(0.5) {
            record.modified = self.dice.random_range(created..=latest);
            record.stamp = record.modified;
        }
        record
    }
}

/// The columns of a table by name; a schema that lacks one just does not get it.
pub(super) struct Columns<'a>(pub(super) &'a Table);

impl Columns<'_> {
    pub(super) fn set(&self, record: &mut Record, name: &str, cell: Cell) {
        let Some(index) = self.0.schema.find(name) else { return };
        let length = self.0.schema.field(index).length;
        let cell = match cell {
            Cell::Text(text) if text.is_empty() => return,
            Cell::Text(text) if length > 0 && text.chars().count() > length => {
                Cell::text(text.chars().take(length).collect::<String>())
            }
            other => other,
        };
        record.set(index, Some(cell));
    }

    pub(super) fn text(&self, record: &mut Record, name: &str, text: impl Into<Box<str>>) {
        self.set(record, name, Cell::Text(text.into()));
    }
}

impl State {
    /// The users: one for the integration, some people, and one who left.
    pub(crate) fn seed_users(&mut self, username: &str) {
        const PEOPLE: [(&str, &str, bool); 6] = [
            ("Integration", "User", true),
            ("Dana", "Field", true),
            ("Marco", "Stone", true),
            ("Lena", "Hart", true),
            ("Ravi", "Nair", true),
            ("Otto", "Gone", false),
        ];
        let Some(at) = self.find("User") else { return };
        let now = self.now() - HISTORY;
        let mut ids = Vec::new();
        for (index, (first, last, active)) in PEOPLE.into_iter().enumerate() {
            let columns = Columns(&self.tables[at]);
            let mut record = Record::new(now, self.integration_user, false);
            let address = format!("{}.{}@example.com", first.to_lowercase(), last.to_lowercase());
            let login = if index == 0 {
                username.to_owned()
            } else {
                address.clone()
            };
            columns.text(&mut record, "Username", login);
            columns.text(&mut record, "FirstName", first);
            columns.text(&mut record, "LastName", last);
            columns.text(
                &mut record,
                "Email",
                if index == 0 { username.to_owned() } else { address },
            );
            columns.text(
                &mut record,
                "Alias",
                first.to_lowercase().chars().take(8).collect::<String>(),
            );
            columns.set(&mut record, "IsActive", Cell::Bool(active));
            columns.text(&mut record, "TimeZoneSidKey", "America/Los_Angeles");
            columns.text(&mut record, "LocaleSidKey", "en_US");
            columns.text(&mut record, "LanguageLocaleKey", "en_US");
            columns.text(&mut record, "UserType", "Standard");
            if let Some(profile) = self.find("Profile").filter(|at| self.tables[*at].live() > 0) {
                columns.set(&mut record, "ProfileId", Cell::Id(self.tables[profile].id(0)));
            }
            let id = self.tables[at].seed(record);
            if index > 0 && active {
                ids.push(id);
            }
        }
        self.tables[at].index_stamps();
        self.people = ids;
    }

    /// What every organisation has before anybody works in it: itself, a profile, a queue and the standard price book.
    pub(crate) fn seed_setup(&mut self) {
        let now = self.now() - HISTORY;
        let organization = self.organization;
        if let Some(at) = self.find("Organization") {
            self.tables[at].start_at(organization);
        }
        let rows: [(&str, &[(&str, &str)]); 5] = [
            (
                "Organization",
                &[
                    ("Name", "Simulated"),
                    ("DefaultLocaleSidKey", "en_US"),
                    ("TimeZoneSidKey", "America/Los_Angeles"),
                    ("LanguageLocaleKey", "en_US"),
                    ("OrganizationType", "Developer Edition"),
                    ("InstanceName", "SIM1"),
                ],
            ),
            ("Profile", &[("Name", "System Administrator"), ("UserType", "Standard")]),
            ("UserRole", &[("Name", "CEO"), ("DeveloperName", "CEO")]),
            (
                "Group",
                &[("Name", "Support"), ("DeveloperName", "Support"), ("Type", "Queue")],
            ),
            ("Pricebook2", &[("Name", "Standard Price Book")]),
        ];
        for (object, fields) in rows {
            let Some(at) = self.find(object) else { continue };
            let columns = Columns(&self.tables[at]);
            let mut record = Record::new(now, self.integration_user, false);
            for (name, text) in fields {
                columns.text(&mut record, name, *text);
            }
            for name in ["IsActive", "IsStandard"] {
                columns.set(&mut record, name, Cell::Bool(true));
            }
            self.tables[at].seed(record);
            self.tables[at].index_stamps();
        }
    }

    /// Accounts, contacts and a smaller number of everything else.
    pub(crate) fn seed_population(&mut self, population: Population, people: usize, seed: u64) {
        let owners = self.people.clone();
        let owner = |index: usize| {
            owners
                .get(index % owners.len().max(1))
                .copied()
                .unwrap_or(self.integration_user)
        };
        let now = self.now();
        let (Some(accounts), Some(contacts)) = (self.find("Account"), self.find("Contact")) else {
            return;
        };

        let mut times = Times::new(seed, 1, now);
        let mut account_ids = Vec::with_capacity(population.companies());
        for index in 0..population.companies() {
            let owner = owner(index);
            let mut record = times.record(index, owner);
            let company = population.company(Side::Salesforce, index);
            let columns = Columns(&self.tables[accounts]);
            columns.text(&mut record, "Name", company.name);
            columns.text(&mut record, "Website", format!("https://www.{}", company.domain));
            columns.text(&mut record, "Phone", company.phone);
            columns.text(&mut record, "BillingStreet", company.street);
            columns.text(&mut record, "BillingCity", company.city);
            columns.text(&mut record, "BillingState", company.state);
            columns.text(&mut record, "BillingPostalCode", company.postcode);
            columns.text(&mut record, "BillingCountry", company.country);
            columns.text(&mut record, "Industry", company.industry);
            columns.set(
                &mut record,
                "NumberOfEmployees",
                Cell::Int(i64::from(company.employees)),
            );
            #[allow(clippy::cast_precision_loss, reason = "generated revenues are far below 2^53")]
            columns.set(&mut record, "AnnualRevenue", Cell::Double(company.revenue as f64));
            columns.set(&mut record, "OwnerId", Cell::Id(owner));
            account_ids.push(self.tables[accounts].seed(record));
        }
        self.tables[accounts].index_stamps();

        let mut times = Times::new(seed, 2, now);
        let mut contact_ids = Vec::with_capacity(people.min(10_000));
        for index in 0..people {
            let owner = owner(index / 7);
            let mut record = times.record(index, owner);
            let person = population.person(Side::Salesforce, index);
            let columns = Columns(&self.tables[contacts]);
            columns.text(&mut record, "FirstName", person.first_name);
            columns.text(&mut record, "LastName", person.last_name);
            columns.text(&mut record, "Email", person.email);
            columns.text(&mut record, "Phone", person.phone);
            columns.text(&mut record, "Title", person.title);
            columns.text(&mut record, "MailingStreet", person.street);
            columns.text(&mut record, "MailingCity", person.city);
            columns.text(&mut record, "MailingState", person.state);
            columns.text(&mut record, "MailingPostalCode", person.postcode);
            columns.text(&mut record, "MailingCountry", person.country);
            columns.set(&mut record, "Birthdate", Cell::Date(person.birthdate));
            columns.set(&mut record, "OwnerId", Cell::Id(owner));
            if let Some(account) = account_ids.get(population.company_of(index)) {
                columns.set(&mut record, "AccountId", Cell::Id(*account));
            }
            let id = self.tables[contacts].seed(record);
            if contact_ids.len() < 10_000 {
                contact_ids.push(id);
            }
        }
        self.tables[contacts].index_stamps();

        let few = (people / 20).clamp(3, 1_000);
        self.seed_deals(few, &account_ids, &contact_ids, Times::new(seed, 3, now));
        self.seed_leads(few, population, people, Times::new(seed, 4, now));
    }

    fn seed_deals(&mut self, count: usize, accounts: &[RecordId], contacts: &[RecordId], mut times: Times) {
        const STAGES: [&str; 5] = [
            "Prospecting",
            "Qualification",
            "Proposal/Price Quote",
            "Closed Won",
            "Closed Lost",
        ];
        const SUBJECTS: [&str; 4] = [
            "Invoice is missing",
            "Login does not work",
            "Question about delivery",
            "Machine is too loud",
        ];
        let owners = self.people.clone();
        let pick = |ids: &[RecordId], index: usize| ids.get(index % ids.len().max(1)).copied();
        for index in 0..count {
            let Some(owner) = pick(&owners, index) else { return };
            for object in ["Opportunity", "Case", "Task", "Project__c"] {
                let Some(at) = self.find(object) else { continue };
                let mut record = times.record(index + 1, owner);
                let table = &self.tables[at];
                let columns = Columns(table);
                columns.set(&mut record, "OwnerId", Cell::Id(owner));
                let account = pick(accounts, index * 3);
                let contact = pick(contacts, index * 7);
                match object {
                    "Opportunity" => {
                        columns.text(&mut record, "Name", format!("Deal {}", index + 1));
                        columns.text(&mut record, "StageName", STAGES[index % STAGES.len()]);
                        columns.set(
                            &mut record,
                            "Amount",
                            Cell::Double(f64::from(times.dice.random_range(10..9_000)) * 100.0),
                        );
                        let (month, day) = (times.dice.random_range(1..=12_i8), times.dice.random_range(1..=28_i8));
                        if let Ok(close) = Date::new(2026, month, day) {
                            columns.set(&mut record, "CloseDate", Cell::Date(close));
                        }
                        columns.set(&mut record, "Probability", Cell::Double(50.0));
                    }
                    "Case" => {
                        columns.text(&mut record, "Subject", SUBJECTS[index % SUBJECTS.len()]);
                        columns.text(&mut record, "Status", ["New", "Working", "Closed"][index % 3]);
                        columns.text(&mut record, "Priority", ["High", "Medium", "Low"][index % 3]);
                        columns.text(&mut record, "Origin", ["Phone", "Email", "Web"][index % 3]);
                        if let Some(contact) = contact {
                            columns.set(&mut record, "ContactId", Cell::Id(contact));
                        }
                    }
                    "Task" => {
                        columns.text(&mut record, "Subject", "Call");
                        columns.text(&mut record, "Status", "Not Started");
                        columns.text(&mut record, "Priority", "Normal");
                        if let Some(contact) = contact {
                            columns.set(&mut record, "WhoId", Cell::Id(contact));
                        }
                    }
                    _ => {
                        columns.text(&mut record, "Name", format!("Project {}", index + 1));
                        columns.text(&mut record, "Status__c", ["Planned", "Active", "Done"][index % 3]);
                        columns.text(
                            &mut record,
                            "Regions__c",
                            ["Asia;Europe", "Americas", "Europe"][index % 3],
                        );
                        columns.text(&mut record, "Project_Key__c", format!("PRJ-{:05}", index + 1));
                        if let Some(account) = account {
                            columns.set(&mut record, "Account__c", Cell::Id(account));
                        }
                    }
                }
                if let Some(account) = account.filter(|_| object != "Task") {
                    columns.set(&mut record, "AccountId", Cell::Id(account));
                }
                let slot = table.len();
                let all: Vec<u16> = Vec::new();
                self.derive(at, slot, &mut record, &all);
                self.tables[at].seed(record);
            }
        }
        for object in ["Opportunity", "Case", "Task", "Project__c"] {
            if let Some(at) = self.find(object) {
                self.tables[at].index_stamps();
            }
        }
    }

    /// Leads are people beyond the contacts, so that they match nobody.
    fn seed_leads(&mut self, count: usize, population: Population, people: usize, mut times: Times) {
        let Some(at) = self.find("Lead") else { return };
        let owners = self.people.clone();
        for index in 0..count {
            let Some(owner) = owners.get(index % owners.len().max(1)).copied() else {
                return;
            };
            let mut record = times.record(index + 1, owner);
            let person = population.person(Side::Salesforce, people + index);
            let company = population.company(Side::Salesforce, population.companies() + index);
            let columns = Columns(&self.tables[at]);
            columns.text(&mut record, "FirstName", person.first_name);
            columns.text(&mut record, "LastName", person.last_name);
            columns.text(&mut record, "Company", company.name);
            columns.text(&mut record, "Email", person.email);
            columns.text(&mut record, "Phone", person.phone);
            columns.text(&mut record, "City", person.city);
            columns.text(&mut record, "Country", person.country);
            columns.text(&mut record, "Status", "Open - Not Contacted");
            columns.set(&mut record, "OwnerId", Cell::Id(owner));
            self.tables[at].seed(record);
        }
        self.tables[at].index_stamps();
    }
}
