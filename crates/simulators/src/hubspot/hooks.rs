//! Acting in the CRM as its users do, and reading its records back, without HTTP.

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::HubSpot;
use super::portal::Portal;
use super::record::{Author, Record};
use super::stamp::Stamp;
use super::store::Shelf;
use super::write::Refusal;
use crate::fault::Fault;
use crate::record::{Fields, HookError, SimulatedRecord};

fn unknown_type(object: &str) -> HookError {
    HookError::new(
        "VALIDATION_ERROR",
        format!("Unable to infer object type from: {object}"),
    )
}

fn missing(object: &str, id: &str) -> HookError {
    HookError::new("OBJECT_NOT_FOUND", format!("there is no live record {id} of {object}"))
}

fn refused(object: &str, id: &str, refusal: Refusal) -> HookError {
    match refusal {
        Refusal::NotFound => missing(object, id),
        Refusal::EmailTaken(existing) => {
            HookError::new("CONFLICT", format!("Contact already exists. Existing ID: {existing}"))
        }
        Refusal::Missing(names) => HookError::new(
            "VALIDATION_ERROR",
            format!("required properties were not set: {}", names.join(", ")),
        ),
        Refusal::Rule(message) => HookError::new("VALIDATION_ERROR", message),
        Refusal::Properties(errors) => {
            let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            HookError::new("VALIDATION_ERROR", messages.join("; "))
        }
    }
}

impl HubSpot {
    /// Deletes a file as a user; whether there was one.
    pub fn delete_file(&self, id: &str) -> bool {
        id.parse().is_ok_and(|id| self.settled().delete_file(id))
    }

    /// Creates a record as a user and gives its id. A contact's `associatedcompanyid` links it to that company.
    ///
    /// # Errors
    /// When the object type is unknown, or HubSpot would refuse the values.
    pub fn create(&self, object: &str, fields: Fields) -> Result<String, HookError> {
        let mut portal = self.settled();
        let number = portal.object(object).ok_or_else(|| unknown_type(object))?;
        let properties: Map<String, Value> = fields.into_iter().collect();
        let changes = portal
            .check(number, None, &properties)
            .and_then(|changes| {
                portal.check_required(number, &changes, false)?;
                portal.check_unique(number, None, &changes)?;
                Ok(changes)
            })
            .map_err(|refusal| refused(object, "", refusal))?;
        let author = Author::person(portal.signed_in_user());
        let now = portal.now();
        let id = match portal.late_by() {
            Some(delay) => portal.commit_late(number, None, changes, author, after(now, delay)),
            None => portal.insert(number, &changes, &author, now),
        };
        Ok(id.to_string())
    }

    /// Changes some properties of a record as a user. `null` and `""` clear.
    ///
    /// # Errors
    /// When the object type or the record is unknown, or HubSpot would refuse the values.
    pub fn update(&self, object: &str, id: &str, fields: Fields) -> Result<(), HookError> {
        let mut portal = self.settled();
        let number = portal.object(object).ok_or_else(|| unknown_type(object))?;
        let record = portal.live_record(number, id).ok_or_else(|| missing(object, id))?;
        let properties: Map<String, Value> = fields.into_iter().collect();
        let author = Author::person(portal.signed_in_user());
        let now = portal.now();
        let changes = portal
            .check(number, Some(&record), &properties)
            .and_then(|changes| portal.check_unique(number, Some(record.id), &changes).map(|()| changes))
            .map_err(|refusal| refused(object, id, refusal))?;
        match portal.late_by() {
            Some(delay) => {
                portal.commit_late(number, Some(record.id), changes, author, after(now, delay));
                Ok(())
            }
            None => portal
                .modify(number, record.id, &changes, &author, now)
                .map(|_| ())
                .map_err(|refusal| refused(object, id, refusal)),
        }
    }

    /// Moves a record to the recycle bin as a user.
    ///
    /// # Errors
    /// When the object type or the record is unknown.
    pub fn delete(&self, object: &str, id: &str) -> Result<(), HookError> {
        let mut portal = self.settled();
        let number = portal.object(object).ok_or_else(|| unknown_type(object))?;
        let author = Author::person(portal.signed_in_user());
        let now = portal.now();
        let done = id.parse().is_ok_and(|id| portal.archive(number, id, &author, now));
        if done { Ok(()) } else { Err(missing(object, id)) }
    }

    /// Takes a record out of the recycle bin; its id stays, its links to live records come back.
    ///
    /// # Errors
    /// When it is not in the bin, or another record took its e-mail or another unique value meanwhile.
    pub fn undelete(&self, object: &str, id: &str) -> Result<(), HookError> {
        let mut portal = self.settled();
        let number = portal.object(object).ok_or_else(|| unknown_type(object))?;
        let parsed = id.parse().map_err(|_| missing(object, id))?;
        let now = portal.now();
        portal
            .restore(number, parsed, now)
            .map_err(|refusal| refused(object, id, refusal))
    }

    /// Erases a record without a trace, live or archived, as a privacy deletion does.
    ///
    /// # Errors
    /// When there is no such record.
    pub fn hard_delete(&self, object: &str, id: &str) -> Result<(), HookError> {
        let mut portal = self.settled();
        let number = portal.object(object).ok_or_else(|| unknown_type(object))?;
        let now = portal.now();
        let done = id.parse().is_ok_and(|id| portal.erase(number, id, now));
        if done { Ok(()) } else { Err(missing(object, id)) }
    }

    /// Merges `losers` into `winner`, one after the other, and gives the survivor's id, which is a new one unless
    /// [`Behaviour::merge_keeps_primary_id`](super::Behaviour::merge_keeps_primary_id).
    ///
    /// # Errors
    /// When one of them is not a live record, or a record is merged with itself.
    pub fn merge(&self, object: &str, winner: &str, losers: &[String]) -> Result<String, HookError> {
        let mut portal = self.settled();
        let number = portal.object(object).ok_or_else(|| unknown_type(object))?;
        let mut survivor: u64 = winner.parse().map_err(|_| missing(object, winner))?;
        let now = portal.now();
        for loser in losers {
            let other = loser.parse().map_err(|_| missing(object, loser))?;
            survivor = portal
                .merge(number, survivor, other, now)
                .map_err(|refusal| refused(object, loser, refusal))?;
        }
        Ok(survivor.to_string())
    }

    /// Links two records with the default link; the first company of a record becomes its primary one.
    ///
    /// # Errors
    /// When an object type or a record is unknown.
    pub fn associate(&self, from_type: &str, from_id: &str, to_type: &str, to_id: &str) -> Result<(), HookError> {
        self.change_link(from_type, from_id, to_type, to_id, true)
    }

    /// Removes every link between two records.
    ///
    /// # Errors
    /// When an object type or a record is unknown.
    pub fn disassociate(&self, from_type: &str, from_id: &str, to_type: &str, to_id: &str) -> Result<(), HookError> {
        self.change_link(from_type, from_id, to_type, to_id, false)
    }

    fn change_link(&self, from_type: &str, from: &str, to_type: &str, to: &str, link: bool) -> Result<(), HookError> {
        let mut portal = self.settled();
        let one = portal.object(from_type).ok_or_else(|| unknown_type(from_type))?;
        let two = portal.object(to_type).ok_or_else(|| unknown_type(to_type))?;
        let from = portal
            .live_record(one, from)
            .ok_or_else(|| missing(from_type, from))?
            .id;
        let to = portal.live_record(two, to).ok_or_else(|| missing(to_type, to))?.id;
        let now = portal.now();
        if link {
            portal.link((one, two), from, to, 1, now);
        } else {
            portal.unlink((one, two), from, to, u64::MAX, now);
        }
        Ok(())
    }

    /// The ids of the records of `to_type` that a record is linked to, ascending. Empty when anything is unknown.
    #[must_use]
    pub fn associated(&self, from_type: &str, from_id: &str, to_type: &str) -> Vec<String> {
        let portal = self.settled();
        let (Some(one), Some(two)) = (portal.object(from_type), portal.object(to_type)) else {
            return Vec::new();
        };
        let Some(record) = portal.live_record(one, from_id) else {
            return Vec::new();
        };
        portal
            .associations
            .links((one, two), record.id, 0)
            .map(|(id, _)| id.to_string())
            .collect()
    }

    /// Every record of a type: live ones and archived ones by ascending id, then those merged away. Empty for an
    /// unknown type.
    #[must_use]
    pub fn records(&self, object: &str) -> Vec<SimulatedRecord> {
        let portal = self.settled();
        let Some(number) = portal.object(object) else {
            return Vec::new();
        };
        let store = portal.store(number);
        let live = store.shelf(Shelf::Live).values();
        let archived = store.shelf(Shelf::Archived).values();
        let mut all: Vec<SimulatedRecord> = live
            .chain(archived)
            .map(|record| portal.simulated(number, record))
            .collect();
        all.extend(store.aliases().map(|(old, now)| portal.merged_away(number, old, now)));
        all
    }

    /// One record, live, archived or merged away; a merged-away one says what it became.
    #[must_use]
    pub fn record(&self, object: &str, id: &str) -> Option<SimulatedRecord> {
        let portal = self.settled();
        let number = portal.object(object)?;
        let id: u64 = id.parse().ok()?;
        let store = portal.store(number);
        let kept = store
            .shelf(Shelf::Live)
            .get(&id)
            .or_else(|| store.shelf(Shelf::Archived).get(&id));
        match kept {
            Some(record) => Some(portal.simulated(number, record)),
            None => {
                let now = store.resolve(id);
                (now != id).then(|| portal.merged_away(number, id, now))
            }
        }
    }

    /// Gives every live record of a type one and the same new stamp, as a bulk operation does. Gives how many.
    ///
    /// # Errors
    /// When the object type is unknown.
    pub fn touch_all(&self, object: &str) -> Result<u64, HookError> {
        let mut portal = self.settled();
        let number = portal.object(object).ok_or_else(|| unknown_type(object))?;
        let now = portal.now();
        let records: Vec<Record> = portal
            .store(number)
            .shelf(Shelf::Live)
            .values()
            .map(|record| Record::clone(record))
            .collect();
        let count = records.len() as u64;
        for mut record in records {
            record.modified = record.modified.max(now);
            record.by_integration = false;
            portal.publish(number, record);
        }
        Ok(count)
    }

    /// Adds a property, as an administrator does: a name of lower-case letters, digits and underscores, with a type
    /// and field type such as `string` and `text`.
    ///
    /// # Errors
    /// When the object type is unknown, the name is taken or malformed, or the types do not go together.
    pub fn add_property(
        &self,
        object: &str,
        name: &str,
        label: &str,
        type_name: &str,
        field_type: &str,
    ) -> Result<(), HookError> {
        let mut portal = self.settled();
        let number = portal.object(object).ok_or_else(|| unknown_type(object))?;
        let group = portal
            .store(number)
            .object
            .properties
            .groups
            .keys()
            .next()
            .cloned()
            .unwrap_or_default();
        let definition = json!({
            "name": name, "label": label, "type": type_name, "fieldType": field_type, "groupName": group,
        });
        match portal.define(number, &definition) {
            Ok(_) => Ok(()),
            Err(answer) => {
                let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
                Err(HookError::new(text("category"), text("message")))
            }
        }
    }

    /// Archives a property that somebody added, as an administrator does: answers leave it out from then on.
    ///
    /// # Errors
    /// When the object type or the property is unknown, or HubSpot's own.
    pub fn archive_property(&self, object: &str, name: &str) -> Result<(), HookError> {
        let mut portal = self.settled();
        let number = portal.object(object).ok_or_else(|| unknown_type(object))?;
        let answer = portal.archive_property(number, name);
        if answer.status < 300 {
            return Ok(());
        }
        Err(HookError::new("VALIDATION_ERROR", format!("{name} can't be archived")))
    }

    /// How many live records of a type there are; none of an unknown one.
    #[must_use]
    pub fn count(&self, object: &str) -> usize {
        let portal = self.settled();
        portal
            .object(object)
            .map_or(0, |number| portal.store(number).shelf(Shelf::Live).len())
    }

    /// The next create or update by hand is stamped when it is made and stays invisible for `delay`.
    pub fn next_commit_late(&self, delay: SignedDuration) {
        self.portal().next_commit_late = Some(delay);
    }

    /// Commits every edit that is still invisible and brings the search index up to date, due or not.
    pub fn commit_open(&self) {
        let mut portal = self.portal();
        let late: Vec<_> = std::mem::take(&mut portal.late_commits).into_values().collect();
        for commit in late {
            portal.apply_late(commit);
        }
        for store in &mut portal.stores {
            store.index.settle(Stamp(i64::MAX));
        }
    }

    /// Subscribes the app's webhooks to an event, such as `contact.creation`; a property change names its property.
    pub fn subscribe_webhook(&self, event_type: &str, property: Option<&str>) {
        let mut portal = self.portal();
        let now = portal.now();
        portal.webhooks.next_id += 1;
        let made = super::webhook_sender::WebhookSubscription {
            id: portal.webhooks.next_id,
            event_type: event_type.to_owned(),
            type_id: None,
            property: property.map(str::to_owned),
            active: true,
            created: now,
            updated: now,
        };
        portal.webhooks.subscriptions.push(made);
    }

    /// The webhooks that are due at `url`, signed with the app's client secret. Each is handed out once.
    #[must_use]
    pub fn take_webhooks(&self, url: &str) -> Vec<super::WebhookDelivery> {
        let secret = self.credentials().client_secret;
        self.settled().deliveries(url, &secret)
    }

    fn settled(&self) -> std::sync::MutexGuard<'_, Portal> {
        let mut portal = self.portal();
        portal.settle();
        portal
    }
}

fn after(now: Stamp, delay: SignedDuration) -> Stamp {
    Stamp(
        now.0
            .saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)),
    )
}

impl Portal {
    /// By how much the edit under way comes late, if it does.
    fn late_by(&mut self) -> Option<SignedDuration> {
        if let Some(delay) = self.next_commit_late.take() {
            return Some(delay);
        }
        self.faults.strike(Fault::LateCommit).then(|| self.faults.late_commit())
    }

    fn live_record(&self, object: usize, id: &str) -> Option<std::sync::Arc<Record>> {
        self.store(object).live(id.parse().ok()?).cloned()
    }

    fn simulated(&self, object: usize, record: &Record) -> SimulatedRecord {
        let table = &self.store(object).object.properties;
        let fields: Fields = table
            .iter()
            .filter_map(|property| {
                let value = record.read(property.source)?;
                Some((property.name.clone(), Value::from(value.into_owned())))
            })
            .collect();
        let mut shown = SimulatedRecord::new(record.id.to_string(), fields, record.modified.instant());
        shown.deleted = record.archived_at.is_some();
        shown.modified_by_integration = record.by_integration;
        shown
    }

    fn merged_away(&self, object: usize, old: u64, now: u64) -> SimulatedRecord {
        let modified = self.store(object).live(now).map_or(Stamp(0), |record| record.modified);
        let mut shown = SimulatedRecord::new(old.to_string(), Fields::new(), modified.instant());
        shown.deleted = true;
        shown.merged_into = Some(now.to_string());
        shown
    }
}
