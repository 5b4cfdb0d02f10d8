//! Creating, changing, deleting and restoring records.

use super::cell::{Cell, View};
use super::content;
use super::error::ApiError;
use super::id::RecordId;
use super::state::{Author, Changes, State};
use super::table::{Record, Slot};
use crate::fault::Fault;

impl State {
    /// Creates a record from checked changes.
    pub(crate) fn insert(&mut self, table: usize, changes: Changes, author: Author) -> RecordId {
        let slot = self.tables[table].reserve();
        let record = self.new_record(table, slot, changes, author);
        self.put(table, slot, Some(record));
        self.tables[table].id(slot)
    }

    /// A record as it will stand in its slot.
    pub(crate) fn new_record(&self, table: usize, slot: Slot, changes: Changes, author: Author) -> Record {
        let mut record = Record::new(self.now(), author.user, author.integration);
        let changed: Vec<u16> = changes.iter().map(|(field, _)| *field).collect();
        for (field, cell) in changes {
            record.set(field, cell);
        }
        self.derive(table, slot, &mut record, &changed);
        record
    }

    /// Writes checked changes to a record, stamped with second `now`.
    pub(crate) fn apply(&mut self, table: usize, slot: Slot, changes: Changes, author: Author, now: i64) {
        let Some(mut record) = self.tables[table].get(slot).cloned() else {
            return;
        };
        let changed: Vec<u16> = changes.iter().map(|(field, _)| *field).collect();
        for (field, cell) in changes {
            record.set(field, cell);
        }
        record.touch(now, author.user, author.integration);
        self.derive(table, slot, &mut record, &changed);
        self.put(table, slot, Some(record));
    }

    /// The faults that befall single rows of a write through the API.
    pub(crate) fn row_faults(&self, table: usize, slot: Option<Slot>) -> Result<(), ApiError> {
        let locked = slot.is_some_and(|slot| self.is_locked(table, slot));
        if locked || self.faults.strike(Fault::RowLock) {
            let record = slot
                .map(|slot| format!(": {}", self.tables[table].id(slot)))
                .unwrap_or_default();
            return Err(ApiError::row(
                "UNABLE_TO_LOCK_ROW",
                format!("unable to obtain exclusive access to this record or 1 records{record}"),
                &[],
            ));
        }
        if self.faults.strike(Fault::Validation) {
            return Err(ApiError::row(
                "FIELD_CUSTOM_VALIDATION_EXCEPTION",
                "A validation rule of the organisation refused this record.",
                &[],
            ));
        }
        Ok(())
    }

    /// The live record that a write addresses.
    pub(crate) fn live_slot(&self, table: usize, id: RecordId) -> Result<Slot, ApiError> {
        let slot = self.tables[table].slot(id).ok_or_else(missing)?;
        match self.tables[table].get(slot) {
            Some(record) if record.deleted.is_none() => Ok(slot),
            Some(_) => Err(ApiError::entity_is_deleted()),
            None => Err(missing()),
        }
    }

    /// Refuses writes to a lead that was converted.
    pub(crate) fn check_not_converted(&self, table: usize, slot: Slot) -> Result<(), ApiError> {
        let table = &self.tables[table];
        let converted = table
            .schema
            .find("IsConverted")
            .zip(table.get(slot))
            .is_some_and(|(field, record)| table.read(slot, record, field) == View::Bool(true));
        if converted {
            return Err(ApiError::row(
                "CANNOT_UPDATE_CONVERTED_LEAD",
                "cannot reference converted lead",
                &[],
            ));
        }
        Ok(())
    }

    /// Puts a record into the recycle bin, under its new master if it lost a merge.
    pub(crate) fn remove(&mut self, table: usize, slot: Slot, author: Author, master: Option<RecordId>) {
        let now = self.now();
        let Some(mut record) = self.tables[table].get(slot).cloned() else {
            return;
        };
        record.touch(now, author.user, author.integration);
        record.deleted = Some(now);
        record.master = master;
        self.put(table, slot, Some(record));
        if master.is_none() && self.delete_clears_lookups {
            self.clear_lookups(table, slot, author);
        }
    }

    /// Clears the lookups that point to a deleted record, and remembers them.
    fn clear_lookups(&mut self, table: usize, slot: Slot, author: Author) {
        let id = self.tables[table].id(slot);
        let now = self.now();
        let moves_stamp = self.cleared_lookup_moves_stamp;
        let children = self.children(id);
        for (table, slot, field) in &children {
            let Some(mut record) = self.tables[*table].get(*slot).cloned() else {
                continue;
            };
            if content::goes_with_its_parent(&self.tables[*table].schema.name) {
                record.touch(now, author.user, author.integration);
                record.deleted = Some(now);
                self.put(*table, *slot, Some(record));
                continue;
            }
            record.set(*field, None);
            if moves_stamp {
                record.touch(now, author.user, author.integration);
            }
            self.put(*table, *slot, Some(record));
        }
        if !children.is_empty() {
            self.unlinked.insert(id, children);
        }
    }

    /// The records, deleted ones too, with a lookup to `id`: table, slot and field.
    pub(crate) fn children(&self, id: RecordId) -> Vec<(usize, Slot, u16)> {
        let mut children = Vec::new();
        for (at, table) in self.tables.iter().enumerate() {
            for (field, schema) in (0_u16..).zip(&table.schema.fields) {
                if !schema.reference_to.is_empty() && table.is_indexed(field) {
                    children.extend(table.lookup(field, id.as_str()).iter().map(|slot| (at, *slot, field)));
                }
            }
        }
        children.sort_unstable();
        children
    }

    /// Takes a record out of the recycle bin and sets the lookups again that its delete cleared.
    pub(crate) fn restore(&mut self, table: usize, slot: Slot, author: Author) {
        let now = self.now();
        let Some(mut record) = self.tables[table].get(slot).cloned() else {
            return;
        };
        record.touch(now, author.user, author.integration);
        record.deleted = None;
        record.master = None;
        self.put(table, slot, Some(record));
        let id = self.tables[table].id(slot);
        for (table, slot, field) in self.unlinked.remove(&id).unwrap_or_default() {
            let Some(mut child) = self.tables[table].get(slot).cloned() else {
                continue;
            };
            if content::goes_with_its_parent(&self.tables[table].schema.name) {
                child.touch(now, author.user, author.integration);
                child.deleted = None;
                self.put(table, slot, Some(child));
            } else if child.get(field).is_none() {
                child.set(field, Some(Cell::Id(id)));
                if self.cleared_lookup_moves_stamp {
                    child.touch(now, author.user, author.integration);
                }
                self.put(table, slot, Some(child));
            }
        }
    }

    /// Computes the fields that follow from others.
    pub(crate) fn derive(&self, table: usize, slot: Slot, record: &mut Record, changed: &[u16]) {
        let schema = &self.tables[table].schema;
        let field = |name: &str| schema.find(name);
        let text = |record: &Record, name: &str| match field(name).and_then(|field| record.get(field)) {
            Some(Cell::Text(text)) => Some(text.to_string()),
            _ => None,
        };
        let set = |record: &mut Record, name: &str, cell: Option<Cell>| {
            if let Some(field) = field(name) {
                record.set(field, cell);
            }
        };
        match schema.name.as_str() {
            "Opportunity" => {
                let stage = text(record, "StageName").unwrap_or_default();
                let has_changed = |name: &str| field(name).is_some_and(|field| changed.contains(&field));
                if has_changed("StageName") && !has_changed("Probability") {
                    set(record, "Probability", Some(Cell::Double(probability(&stage))));
                }
                set(record, "IsClosed", Some(Cell::Bool(stage.starts_with("Closed"))));
                set(record, "IsWon", Some(Cell::Bool(stage == "Closed Won")));
                let number = |name: &str| match field(name).and_then(|field| record.get(field)) {
                    Some(Cell::Double(number)) => Some(*number),
                    _ => None,
                };
                let expected = number("Amount").map(|amount| amount * number("Probability").unwrap_or(0.0) / 100.0);
                set(record, "ExpectedRevenue", expected.map(Cell::Double));
                if let Some(Cell::Date(close)) = field("CloseDate").and_then(|field| record.get(field)).cloned() {
                    set(record, "FiscalYear", Some(Cell::Int(i64::from(close.year()))));
                    set(
                        record,
                        "FiscalQuarter",
                        Some(Cell::Int(i64::from((close.month() + 2) / 3))),
                    );
                }
            }
            "Case" => {
                let closed = text(record, "Status").as_deref() == Some("Closed");
                let was_closed = field("IsClosed").and_then(|field| record.get(field)) == Some(&Cell::Bool(true));
                set(record, "IsClosed", Some(Cell::Bool(closed)));
                if closed != was_closed {
                    let when = closed.then_some(Cell::DateTime(record.stamp));
                    set(record, "ClosedDate", when);
                }
                set(
                    record,
                    "CaseNumber",
                    Some(Cell::text(format!("{:08}", u64::from(slot) + 1_000))),
                );
            }
            "Task" => {
                let closed = text(record, "Status").as_deref() == Some("Completed");
                let high = text(record, "Priority").as_deref() == Some("High");
                set(record, "IsClosed", Some(Cell::Bool(closed)));
                set(record, "IsHighPriority", Some(Cell::Bool(high)));
            }
            "Contact" => {
                let bounced = field("EmailBouncedDate").is_some_and(|field| record.get(field).is_some());
                set(record, "IsEmailBounced", Some(Cell::Bool(bounced)));
            }
            "Project__c" => {
                if field("Name").is_some_and(|field| record.get(field).is_none()) {
                    let id = self.tables[table].id(slot);
                    set(record, "Name", Some(Cell::text(id.short())));
                }
                let code = text(record, "Name").map(|name| Cell::text(name.to_uppercase()));
                set(record, "Code_Name__c", code);
            }
            _ => {}
        }
    }
}

fn missing() -> ApiError {
    ApiError {
        fields: Some(Vec::new()),
        ..ApiError::not_found()
    }
}

fn probability(stage: &str) -> f64 {
    match stage {
        "Prospecting" | "Qualification" => 10.0,
        "Needs Analysis" => 20.0,
        "Value Proposition" => 50.0,
        "Id. Decision Makers" => 60.0,
        "Perception Analysis" => 70.0,
        "Proposal/Price Quote" => 75.0,
        "Negotiation/Review" => 90.0,
        "Closed Won" => 100.0,
        _ => 0.0,
    }
}
