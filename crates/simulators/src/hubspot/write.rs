//! Validated writes to single records.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::change::ChangeKind;
use super::portal::{LateCommit, Portal};
use super::record::{Author, Record, Version};
use super::stamp::Stamp;
use super::value::{PropertyError, normalised};
use crate::fault::Fault;

/// A stored property's number and its new value, or `None` to clear.
pub(super) type Change = (u32, Option<Arc<str>>);

/// Why a record was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Values that do not fit their properties.
    Properties(Vec<PropertyError>),
    /// Another contact has the e-mail address.
    EmailTaken(u64),
    /// Required properties without a value.
    Missing(Vec<String>),
    /// A rule that an administrator configured.
    Rule(String),
    /// There is no such record.
    NotFound,
}

/// The lifecycle stages in the order in which a record goes through them.
const LIFECYCLE: [&str; 7] = [
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
];

impl Portal {
    /// Checks and normalises the properties of a write to `current`, or of a new record.
    ///
    /// # Errors
    /// [`Refusal::Properties`] with every value that was refused.
    pub(super) fn check(
        &self,
        object: usize,
        current: Option<&Record>,
        properties: &Map<String, Value>,
    ) -> Result<Vec<Change>, Refusal> {
        let store = self.store(object);
        let table = &store.object.properties;
        let mut changes = Vec::with_capacity(properties.len());
        let mut errors = Vec::new();
        for (name, value) in properties {
            let Some(property) = table.get(name) else {
                errors.push(PropertyError::unknown(name));
                continue;
            };
            let Some(number) = table.number(name) else {
                errors.push(PropertyError::read_only(name));
                continue;
            };
            let stored = current.and_then(|record| record.stored(number));
            let checked =
                normalised(property, value, stored).and_then(|value| self.check_reference(object, name, value));
            match checked {
                Ok(Some(mut value)) => {
                    if property.kind == super::property::Kind::Text
                        && value.trim().len() != value.len()
                        && self.faults.strike(Fault::SilentTrim)
                    {
                        value = value.trim().to_owned();
                    }
                    if name == "lifecyclestage" && self.moves_back(stored, &value) {
                        continue;
                    }
                    changes.push((number, (!value.is_empty()).then(|| value.into())));
                }
                Ok(None) => changes.push((number, None)),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(changes)
        } else {
            Err(Refusal::Properties(errors))
        }
    }

    /// The stage only moves forward, without a word; clearing it first makes any stage possible.
    fn moves_back(&self, stored: Option<&str>, value: &str) -> bool {
        let rank = |stage: &str| LIFECYCLE.iter().position(|known| *known == stage);
        self.behaviour.lifecycle_moves_forward_only
            && matches!((stored.and_then(rank), rank(value)), (Some(from), Some(to)) if to < from)
    }

    fn check_reference(
        &self,
        object: usize,
        name: &str,
        value: Option<String>,
    ) -> Result<Option<String>, PropertyError> {
        let Some(text) = &value else { return Ok(value) };
        let bad = |code, message| Err(PropertyError::new(name, code, message));
        match name {
            "hubspot_owner_id" if !self.owners.iter().any(|owner| owner.id.to_string() == *text) => {
                bad("INVALID_OWNER_ID", format!("The owner with id {text} does not exist."))
            }
            "dealstage" | "hs_pipeline_stage" => {
                let stages: Vec<&str> = self
                    .pipelines(object)
                    .iter()
                    .flat_map(|pipeline| pipeline.stages.iter().map(|stage| stage.id.as_str()))
                    .collect();
                if stages.contains(&text.as_str()) {
                    Ok(value)
                } else {
                    bad(
                        "INVALID_OPTION",
                        format!("{text} was not one of the allowed options: [{}]", stages.join(", ")),
                    )
                }
            }
            "pipeline" | "hs_pipeline" => {
                let known: Vec<&str> = self
                    .pipelines(object)
                    .iter()
                    .map(|pipeline| pipeline.id.as_str())
                    .collect();
                if known.is_empty() || known.contains(&text.as_str()) {
                    Ok(value)
                } else {
                    bad(
                        "INVALID_OPTION",
                        format!("{text} was not one of the allowed options: [{}]", known.join(", ")),
                    )
                }
            }
            "associatedcompanyid" => {
                let company = text
                    .parse::<u64>()
                    .ok()
                    .zip(self.object("companies"))
                    .and_then(|(id, companies)| self.store(companies).live(id));
                match company {
                    Some(company) => Ok(Some(company.id.to_string())),
                    None => bad("INVALID_LONG", format!("The company with id {text} does not exist.")),
                }
            }
            _ => Ok(value),
        }
    }

    /// Whether the changes would give a record a value that another one owns.
    ///
    /// # Errors
    /// [`Refusal::EmailTaken`] for e-mails, [`Refusal::Properties`] for other unique properties.
    pub(super) fn check_unique(&self, object: usize, id: Option<u64>, changes: &[Change]) -> Result<(), Refusal> {
        let store = self.store(object);
        for (number, value) in changes {
            let Some(value) = value else { continue };
            let Some(owner) = store.owner_of(*number, value).filter(|owner| Some(*owner) != id) else {
                continue;
            };
            if Some(*number) == store.email() {
                return Err(Refusal::EmailTaken(owner));
            }
            let Some(property) = store.object.properties.numbered(*number) else {
                continue;
            };
            let name = &property.name;
            let target = id.map_or_else(|| "null".to_owned(), |id| id.to_string());
            return Err(Refusal::Properties(vec![PropertyError::new(
                name,
                "CONFLICTING_UNIQUE_VALUE",
                format!(
                    "Cannot set PropertyValueCoordinates{{portalId={}, objectTypeId={}, propertyName={name}, \
                     value={value}}} on {target}. {owner} already has that value.",
                    self.id, store.object.type_id
                ),
            )]));
        }
        Ok(())
    }

    /// Whether a new record has what its type requires.
    ///
    /// # Errors
    /// [`Refusal::Missing`] with the names of the properties.
    pub(super) fn check_required(&self, object: usize, changes: &[Change], since_2026_09: bool) -> Result<(), Refusal> {
        let object = &self.store(object).object;
        let present = |name: &str| {
            object.properties.number(name).is_some_and(|wanted| {
                changes
                    .iter()
                    .any(|(number, value)| *number == wanted && value.is_some())
            })
        };
        let mut missing: Vec<String> = object
            .required
            .iter()
            .filter(|name| !present(name))
            .map(|name| (*name).to_owned())
            .collect();
        if since_2026_09 {
            for any_of in object.required_2026_09 {
                if !any_of.iter().any(|name| present(name)) {
                    missing.extend(any_of.iter().map(|name| (*name).to_owned()));
                }
            }
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Missing(missing))
        }
    }

    /// Creates a record from checked changes.
    pub(super) fn insert(&mut self, object: usize, changes: &[Change], author: &Author, now: Stamp) -> u64 {
        let id = self.store_mut(object).new_id();
        self.insert_as(object, id, changes, author, now);
        id
    }

    fn insert_as(&mut self, object: usize, id: u64, changes: &[Change], author: &Author, stamp: Stamp) {
        let mut record = Record::new(id, stamp);
        let table = &self.store(object).object.properties;
        let mut defaults = vec![
            ("hs_object_source", Some(author.source.to_owned())),
            ("hs_object_source_id", Some(author.id.to_string())),
            ("hs_object_source_label", Some(author.source.to_owned())),
            ("hs_created_by_user_id", author.user.map(|user| user.to_string())),
        ];
        match self.store(object).object.plural {
            "contacts" => defaults.extend([
                ("hs_all_contact_vids", Some(id.to_string())),
                ("hs_is_contact", Some("true".to_owned())),
                ("hs_is_unworked", Some("true".to_owned())),
                ("hs_pipeline", Some("contacts-lifecycle-pipeline".to_owned())),
            ]),
            "companies" => defaults.push(("hs_pipeline", Some("companies-lifecycle-pipeline".to_owned()))),
            _ => {}
        }
        for (name, value) in defaults {
            if let Some(number) = table.number(name) {
                record.set(number, value.map(Into::into));
            }
        }
        self.write(object, record, changes, author, stamp, true);
    }

    /// Applies checked changes to a live record.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is none, also under a merged-away id.
    pub(super) fn modify(
        &mut self,
        object: usize,
        id: u64,
        changes: &[Change],
        author: &Author,
        now: Stamp,
    ) -> Result<u64, Refusal> {
        let record = Record::clone(self.store(object).live(id).ok_or(Refusal::NotFound)?);
        let id = record.id;
        self.write(object, record, changes, author, now, false);
        Ok(id)
    }

    fn write(
        &mut self,
        object: usize,
        mut record: Record,
        changes: &[Change],
        author: &Author,
        stamp: Stamp,
        created: bool,
    ) {
        let id = record.id;
        let company_property = self.store(object).object.properties.number("associatedcompanyid");
        let mut company = None;
        let mut told: Vec<(String, String)> = Vec::new();
        for (number, value) in changes {
            if Some(*number) == company_property {
                company = Some(value.as_ref().and_then(|value| value.parse::<u64>().ok()));
                continue;
            }
            if record.stored(*number) == value.as_deref() {
                continue;
            }
            record.set(*number, value.clone());
            if let Some(property) = self.store(object).object.properties.numbered(*number) {
                told.push((property.name.clone(), value.as_deref().unwrap_or_default().to_owned()));
            }
            let version = Version {
                property: *number,
                value: value.clone().unwrap_or_else(|| "".into()),
                at: stamp,
                author: author.clone(),
            };
            self.store_mut(object).remember(id, version);
        }
        self.derive(object, &mut record, created);
        // Time never runs backwards for a record.
        record.modified = record.modified.max(stamp);
        record.by_integration = author.by_integration;
        self.publish(object, record);
        if created {
            self.changed(object, id, author, stamp, ChangeKind::Created(told));
        } else if !told.is_empty() {
            self.changed(object, id, author, stamp, ChangeKind::Updated(told));
        }
        if let Some(company) = company {
            self.set_primary_company(object, id, company, stamp);
        }
    }

    /// Stamps a user's edit now and keeps it from everybody's eyes until `visible_at`. Gives the record's id.
    pub(super) fn commit_late(
        &mut self,
        object: usize,
        id: Option<u64>,
        changes: Vec<Change>,
        author: Author,
        visible_at: Stamp,
    ) -> u64 {
        let stamp = self.now();
        let created = id.is_none();
        let id = id.unwrap_or_else(|| self.store_mut(object).new_id());
        let revision = self.next_revision();
        self.late_commits.insert(
            (visible_at, revision),
            LateCommit {
                object,
                id,
                created,
                changes,
                stamp,
                author,
            },
        );
        id
    }

    /// Applies an edit that was held back. It is dropped when the record is gone or a value was taken meanwhile, as
    /// its transaction would have failed.
    pub(super) fn apply_late(&mut self, commit: LateCommit) {
        let LateCommit {
            object,
            id,
            created,
            changes,
            stamp,
            author,
        } = commit;
        // Whoever wrote the record meanwhile would have waited for this transaction, so a later stamp than theirs it is.
        let overtaken = self
            .store(object)
            .live(id)
            .is_some_and(|record| record.modified > stamp);
        let stamp = if overtaken { self.now() } else { stamp };
        let owner = (!created).then_some(id);
        if self.check_unique(object, owner, &changes).is_err() {
            return;
        }
        if created {
            self.insert_as(object, id, &changes, &author, stamp);
        } else {
            let _gone = self.modify(object, id, &changes, &author, stamp);
        }
    }
}
