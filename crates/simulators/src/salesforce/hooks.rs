//! Acting in the organisation as a user does by hand, and reading it back, without HTTP.

use jiff::SignedDuration;
use serde_json::{Map, Value};

use super::Salesforce;
use super::error::ApiError;
use super::id::RecordId;
use super::schema::{FieldKind, Source, custom_field};
use super::stamp::instant;
use super::state::{Author, DuplicateRule, State, Work};
use super::table::{Record, Slot};
use super::validate::Target;
use crate::fault::Fault;
use crate::record::{Fields, HookError, SimulatedRecord};

/// What a lead became.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConvertedLead {
    /// The account made from its company.
    pub account: String,
    /// The contact made from the person.
    pub contact: String,
    /// The opportunity, if one was asked for.
    pub opportunity: Option<String>,
}

impl Salesforce {
    /// Creates a record and gives its id.
    ///
    /// # Errors
    /// With the code and message that the service would answer a bad record with; `NOT_FOUND` for an unknown object.
    pub fn create(&self, object: &str, fields: Fields) -> Result<String, HookError> {
        let mut state = self.state();
        let table = state.writable(object)?;
        let author = state.person();
        let changes = state.check(table, &body(fields), Target::Create, author)?;
        match state.late_commit() {
            Some(delay) => {
                let slot = state.tables[table].reserve();
                let record = state.new_record(table, slot, changes, author);
                state.hold(delay, table, slot, Work::Insert(Box::new(record)));
                Ok(state.tables[table].id(slot).to_string())
            }
            None => Ok(state.insert(table, changes, author).to_string()),
        }
    }

    /// Changes fields of a record.
    ///
    /// # Errors
    /// As [`Salesforce::create`]; `ENTITY_IS_DELETED` or `NOT_FOUND` if the record is not there.
    pub fn update(&self, object: &str, id: &str, fields: Fields) -> Result<(), HookError> {
        let mut state = self.state();
        let (table, slot) = state.address(object, id)?;
        let author = state.person();
        state.check_not_converted(table, slot)?;
        let changes = state.check(table, &body(fields), Target::Update(slot), author)?;
        match state.late_commit() {
            Some(delay) => state.hold(delay, table, slot, Work::Update(changes, author)),
            None => {
                let now = state.now();
                state.apply(table, slot, changes, author, now);
            }
        }
        Ok(())
    }

    /// Puts a record into the recycle bin.
    ///
    /// # Errors
    /// `ENTITY_IS_DELETED` or `NOT_FOUND` if the record is not there.
    pub fn delete(&self, object: &str, id: &str) -> Result<(), HookError> {
        let mut state = self.state();
        let (table, slot) = state.address(object, id)?;
        let author = state.person();
        state.remove(table, slot, author, None);
        Ok(())
    }

    /// Takes a record out of the recycle bin.
    ///
    /// # Errors
    /// `UNDELETE_FAILED` if the record is not in the recycle bin, or lost a merge.
    pub fn undelete(&self, object: &str, id: &str) -> Result<(), HookError> {
        let mut state = self.state();
        let table = state.writable(object)?;
        let slot = RecordId::parse(id).and_then(|id| state.tables[table].slot(id));
        let found = slot.filter(|slot| {
            state.tables[table]
                .get(*slot)
                .is_some_and(|record| record.deleted.is_some() && record.master.is_none())
        });
        let Some(slot) = found else {
            return Err(HookError::new(
                "UNDELETE_FAILED",
                format!("Entity is not in the recycle bin: {id}"),
            ));
        };
        let author = state.person();
        state.restore(table, slot, author);
        Ok(())
    }

    /// Removes a record for good, from the recycle bin too; only the delete log remembers it.
    ///
    /// # Errors
    /// `NOT_FOUND` if there is no such record.
    pub fn hard_delete(&self, object: &str, id: &str) -> Result<(), HookError> {
        let mut state = self.state();
        let table = state.writable(object)?;
        let slot = RecordId::parse(id)
            .and_then(|id| state.tables[table].slot(id))
            .filter(|slot| state.tables[table].get(*slot).is_some())
            .ok_or_else(ApiError::not_found)?;
        state.wait_for(table, slot);
        let author = state.person();
        if state.tables[table].get_live(slot).is_some() {
            state.remove(table, slot, author, None);
        }
        let now = state.now();
        state.tables[table].purge(slot, now);
        Ok(())
    }

    /// Merges records into `winner`, whose id survives and is returned. The losers go to the recycle bin with their
    /// `MasterRecordId` set, and what pointed to them points to the winner.
    ///
    /// # Errors
    /// `INVALID_OPERATION` for an object that cannot be merged, for no or more than two losers, and for a loser that is
    /// the winner; `ENTITY_IS_DELETED` or `NOT_FOUND` if one is not there.
    pub fn merge(&self, object: &str, winner: &str, losers: &[String]) -> Result<String, HookError> {
        let mut state = self.state();
        let (table, winner_slot) = state.address(object, winner)?;
        if !state.tables[table].schema.mergeable || losers.is_empty() || losers.len() > 2 {
            return Err(HookError::new(
                "INVALID_OPERATION",
                format!("{object}: one or two records can be merged into another"),
            ));
        }
        let mut slots = Vec::new();
        for loser in losers {
            let (_, slot) = state.address(object, loser)?;
            if slot == winner_slot || slots.contains(&slot) {
                return Err(HookError::new(
                    "INVALID_OPERATION",
                    "a record cannot be merged into itself",
                ));
            }
            slots.push(slot);
        }
        let author = state.person();
        let now = state.now();
        let winner_id = state.tables[table].id(winner_slot);
        for slot in slots {
            let loser = state.tables[table].id(slot);
            for (child_table, child_slot, field) in state.children(loser) {
                let points_to_itself = (child_table, child_slot) == (table, winner_slot);
                let to = (!points_to_itself).then_some(super::cell::Cell::Id(winner_id));
                state.apply(child_table, child_slot, vec![(field, to)], author, now);
            }
            state.remove(table, slot, author, Some(winner_id));
        }
        state.apply(table, winner_slot, Vec::new(), author, now);
        Ok(winner_id.to_string())
    }

    /// Converts a lead to an account, a contact and, if `opportunity` names one, an opportunity.
    ///
    /// # Errors
    /// `CANNOT_UPDATE_CONVERTED_LEAD` if it was converted before; `ENTITY_IS_DELETED` or `NOT_FOUND` if it is not there.
    pub fn convert_lead(&self, id: &str, opportunity: Option<&str>) -> Result<ConvertedLead, HookError> {
        let mut state = self.state();
        let (table, slot) = state.address("Lead", id)?;
        state.check_not_converted(table, slot)?;
        Ok(state.convert(table, slot, opportunity)?)
    }

    /// Gives every live record of an object the same stamp, as a bulk load or a mass update does.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown object.
    pub fn touch_all(&self, object: &str) -> Result<u64, HookError> {
        let mut state = self.state();
        let table = state.find(object).ok_or_else(ApiError::not_found)?;
        state.wait_for_all();
        let author = state.person();
        let now = state.now();
        let live: Vec<Slot> = (0..state.tables[table].len())
            .filter(|slot| state.tables[table].get_live(*slot).is_some())
            .collect();
        for slot in &live {
            state.apply(table, *slot, Vec::new(), author, now);
        }
        Ok(live.len() as u64)
    }

    /// Keeps the next edit by hand invisible for `delay`; it then appears with the stamp of the edit.
    pub fn next_commit_late(&self, delay: SignedDuration) {
        self.state().next_commit_late = Some(delay);
    }

    /// Clears the log of deleted records, as the service does by itself when it grows large: what was deleted for good
    /// before is known nowhere any more.
    pub fn clear_delete_log(&self) {
        let mut state = self.state();
        state.delete_log_from = state.now();
    }

    /// Commits every edit that is still invisible, due or not.
    pub fn commit_open(&self) {
        self.state().wait_for_all();
    }

    /// Adds a custom field, as an administrator does: a name ending in `__c` and a type such as `string(40)`.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown object; `DUPLICATE_DEVELOPER_NAME` for a field there is; `INVALID_TYPE` for a bad
    /// name.
    pub fn add_custom_field(&self, object: &str, name: &str, label: &str, kind: &str) -> Result<(), HookError> {
        let mut state = self.state();
        let table = state.find(object).ok_or_else(ApiError::not_found)?;
        let field = custom_field(name, label, kind)
            .filter(|field| field.custom)
            .ok_or_else(|| HookError::new("INVALID_TYPE", format!("{name}: not a custom field")))?;
        let now = state.now();
        let schema = &mut state.tables[table].schema;
        if schema.find(name).is_some() {
            return Err(HookError::new(
                "DUPLICATE_DEVELOPER_NAME",
                format!("there is a field {name} already"),
            ));
        }
        schema.add(field);
        schema.changed = now;
        Ok(())
    }

    /// Makes a new record a duplicate that holds the same in this field as another. A caller may save it all the same,
    /// by its header, where the rule only warns.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown object or field.
    pub fn add_duplicate_rule(&self, object: &str, field: &str, only_warns: bool) -> Result<(), HookError> {
        let mut state = self.state();
        let table = state.find(object).ok_or_else(ApiError::not_found)?;
        let field = state.tables[table].schema.find(field).ok_or_else(ApiError::not_found)?;
        state.duplicate_rules.push(DuplicateRule {
            table,
            field,
            only_warns,
        });
        Ok(())
    }

    /// Lets the next bulk write break off after so many rows: the job fails, and the rest stays unprocessed.
    pub fn break_next_bulk_job_after(&self, rows: usize) {
        self.state().jobs.break_next_after = Some(rows);
    }

    /// Lets every open query locator fail from now on.
    pub fn expire_locators(&self) {
        self.state().cursors.close_all();
    }

    /// Every record of an object, deleted ones too, by id; an unknown object has none.
    #[must_use]
    pub fn records(&self, object: &str) -> Vec<SimulatedRecord> {
        let mut records = Vec::new();
        self.visit_records(object, |record| records.push(record));
        records
    }

    /// Hands every record of an object to `visit`, one at a time, deleted ones too, by id, without ever holding them
    /// all. The organisation is locked meanwhile, so `visit` must not call back into it.
    pub fn visit_records(&self, object: &str, mut visit: impl FnMut(SimulatedRecord)) {
        let state = self.state();
        let Some(table) = state.find(object) else { return };
        for slot in 0..state.tables[table].len() {
            if let Some(record) = state.tables[table].get(slot) {
                visit(state.simulated(table, slot, record));
            }
        }
    }

    /// One record, deleted or not.
    #[must_use]
    pub fn record(&self, object: &str, id: &str) -> Option<SimulatedRecord> {
        let state = self.state();
        let table = state.find(object)?;
        let slot = state.tables[table].slot(RecordId::parse(id)?)?;
        Some(state.simulated(table, slot, state.tables[table].get(slot)?))
    }

    /// How many records of an object are not deleted.
    #[must_use]
    pub fn count(&self, object: &str) -> usize {
        let state = self.state();
        state.find(object).map_or(0, |table| state.tables[table].live())
    }
}

impl State {
    /// Somebody who acts by hand.
    fn person(&self) -> Author {
        let user = self.people.first().copied().unwrap_or(self.integration_user);
        Author {
            user,
            integration: false,
        }
    }

    fn late_commit(&mut self) -> Option<SignedDuration> {
        self.next_commit_late
            .take()
            .or_else(|| self.faults.strike(Fault::LateCommit).then(|| self.faults.late_commit()))
    }

    /// The live record that an action by hand addresses; waits for its lock.
    fn address(&mut self, object: &str, id: &str) -> Result<(usize, Slot), ApiError> {
        let table = self.writable(object)?;
        let id = RecordId::parse(id).ok_or_else(ApiError::not_found)?;
        if let Some(slot) = self.tables[table].slot(id) {
            self.wait_for(table, slot);
        }
        Ok((table, self.live_slot(table, id)?))
    }

    fn simulated(&self, table: usize, slot: Slot, record: &Record) -> SimulatedRecord {
        let source = &self.tables[table];
        let fields = (0_u16..)
            .zip(&source.schema.fields)
            .filter(|(_, field)| field.kind != FieldKind::Address || field.source != Source::Address)
            .map(|(index, field)| (field.name.clone(), source.read_plain(slot, record, index)))
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, value.to_json()))
            .collect();
        let mut simulated = SimulatedRecord::new(source.id(slot).to_string(), fields, instant(record.stamp));
        simulated.deleted = record.deleted.is_some();
        simulated.merged_into = record.master.map(|master| master.to_string());
        simulated.modified_by_integration = record.by_integration;
        simulated
    }

    fn convert(&mut self, table: usize, slot: Slot, opportunity: Option<&str>) -> Result<ConvertedLead, ApiError> {
        let author = self.person();
        let now = self.now();
        let lead = self.tables[table]
            .get(slot)
            .map(|record| self.simulated(table, slot, record).fields);
        let lead = lead.unwrap_or_default();
        let take = |pairs: &[(&str, &str)]| -> Map<String, Value> {
            pairs
                .iter()
                .filter_map(|(from, to)| Some(((*to).to_owned(), lead.get(*from)?.clone())))
                .collect()
        };
        let savepoint = self.begin();
        let made = (|| {
            let accounts = self.writable("Account")?;
            let account = take(&[
                ("Company", "Name"),
                ("Phone", "Phone"),
                ("Website", "Website"),
                ("OwnerId", "OwnerId"),
            ]);
            let changes = self.check(accounts, &account, Target::Create, author)?;
            let account = self.insert(accounts, changes, author);
            let contacts = self.writable("Contact")?;
            let mut contact = take(&[
                ("FirstName", "FirstName"),
                ("LastName", "LastName"),
                ("Email", "Email"),
                ("Phone", "Phone"),
                ("Title", "Title"),
                ("Street", "MailingStreet"),
                ("City", "MailingCity"),
                ("State", "MailingState"),
                ("PostalCode", "MailingPostalCode"),
                ("Country", "MailingCountry"),
                ("LeadSource", "LeadSource"),
                ("OwnerId", "OwnerId"),
            ]);
            contact.insert("AccountId".to_owned(), Value::from(account.as_str()));
            let changes = self.check(contacts, &contact, Target::Create, author)?;
            let contact = self.insert(contacts, changes, author);
            let opportunity = match opportunity {
                Some(name) => Some(self.open_deal(name, account, author)?),
                None => None,
            };
            Ok((account, contact, opportunity))
        })();
        let (account, contact, opportunity) = match made {
            Ok(made) => made,
            Err(error) => {
                self.roll_back(savepoint);
                return Err(error);
            }
        };
        let schema = &self.tables[table].schema;
        let today = jiff::tz::TimeZone::UTC.to_datetime(self.clock.now()).date();
        let mut changes = Vec::new();
        let mut set = |name: &str, cell: super::cell::Cell| {
            if let Some(field) = schema.find(name) {
                changes.push((field, Some(cell)));
            }
        };
        set("IsConverted", super::cell::Cell::Bool(true));
        set("Status", super::cell::Cell::text("Closed - Converted"));
        set("ConvertedDate", super::cell::Cell::Date(today));
        set("ConvertedAccountId", super::cell::Cell::Id(account));
        set("ConvertedContactId", super::cell::Cell::Id(contact));
        if let Some(opportunity) = opportunity {
            set("ConvertedOpportunityId", super::cell::Cell::Id(opportunity));
        }
        self.apply(table, slot, changes, author, now);
        self.commit();
        Ok(ConvertedLead {
            account: account.to_string(),
            contact: contact.to_string(),
            opportunity: opportunity.map(|id| id.to_string()),
        })
    }

    fn open_deal(&mut self, name: &str, account: RecordId, author: Author) -> Result<RecordId, ApiError> {
        let table = self.writable("Opportunity")?;
        let close = jiff::tz::TimeZone::UTC.to_datetime(self.clock.now()).date();
        let body = serde_json::json!({
            "Name": name, "AccountId": account.as_str(), "StageName": "Prospecting", "CloseDate": close.to_string()
        });
        let Value::Object(body) = body else {
            return Err(ApiError::not_found());
        };
        let changes = self.check(table, &body, Target::Create, author)?;
        Ok(self.insert(table, changes, author))
    }
}

fn body(fields: Fields) -> Map<String, Value> {
    fields.into_iter().collect()
}
