//! Links with their primary company, archiving, restoring, erasing and merging.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::association::LinkEnd;
use super::change::ChangeKind;
use super::portal::Portal;
use super::record::{Author, Record};
use super::stamp::Stamp;
use super::write::Refusal;

/// The property of the record on the single side that names its primary company.
pub(super) fn primary_property(plural: &str) -> Option<&'static str> {
    match plural {
        "contacts" => Some("associatedcompanyid"),
        "deals" => Some("hs_primary_associated_company"),
        "tickets" => Some("hs_primary_company_id"),
        _ => None,
    }
}

impl Portal {
    /// Sets link types between two live records. The first company of a contact, deal or ticket becomes its primary
    /// one, and a new primary one takes the place of the old.
    pub(super) fn link(&mut self, pair: (usize, usize), from: u64, to: u64, bits: u64, now: Stamp) {
        let ((object, company), (record, target)) = self.oriented(pair, from, to);
        let before = self.associations.bits_of((object, company), record, target);
        let mut bits = bits;
        if let Some(primary) = self.associations.primary_bit((object, company)) {
            let current = self.associations.primary((object, company), record);
            if current.is_none() {
                bits |= 1 << primary;
            }
            if bits & (1 << primary) != 0 {
                // A primary link is an ordinary one, too.
                bits |= 1;
                if let Some(current) = current.filter(|current| *current != target) {
                    self.associations
                        .change((object, company), record, current, 0, 1 << primary);
                }
            }
        }
        self.associations.change((object, company), record, target, bits, 0);
        let after = self.associations.bits_of((object, company), record, target);
        self.link_changed((object, company), record, target, (before, after), now);
        self.refresh_primary(object, record, now);
    }

    /// Clears link types between two records.
    pub(super) fn unlink(&mut self, pair: (usize, usize), from: u64, to: u64, bits: u64, now: Stamp) {
        let ((object, other), (record, target)) = self.oriented(pair, from, to);
        let before = self.associations.bits_of((object, other), record, target);
        self.associations.change((object, other), record, target, 0, bits);
        let after = self.associations.bits_of((object, other), record, target);
        self.link_changed((object, other), record, target, (before, after), now);
        self.refresh_primary(object, record, now);
    }

    /// Turns a pair so that the company, of which a record has one primary, comes second.
    fn oriented(&self, pair: (usize, usize), from: u64, to: u64) -> ((usize, usize), (u64, u64)) {
        if self.store(pair.0).object.plural == "companies" && self.store(pair.1).object.plural != "companies" {
            ((pair.1, pair.0), (to, from))
        } else {
            (pair, (from, to))
        }
    }

    /// Brings the property that names the primary company in step with the links.
    pub(super) fn refresh_primary(&mut self, object: usize, id: u64, now: Stamp) {
        let Some(property) = primary_property(self.store(object).object.plural) else {
            return;
        };
        let Some(companies) = self.object("companies") else {
            return;
        };
        let company = self.associations.primary((object, companies), id);
        self.set_computed(object, id, property, company.map(|company| company.to_string()), now);
    }

    /// What a write to `associatedcompanyid` does.
    pub(super) fn set_primary_company(&mut self, object: usize, id: u64, company: Option<u64>, now: Stamp) {
        let Some(companies) = self.object("companies") else {
            return;
        };
        match company {
            Some(company) => {
                let Some(primary) = self.associations.primary_bit((object, companies)) else {
                    return;
                };
                self.link((object, companies), id, company, 1 << primary, now);
            }
            None => {
                if let Some(current) = self.associations.primary((object, companies), id) {
                    self.unlink((object, companies), id, current, u64::MAX, now);
                }
            }
        }
    }

    /// Moves a record to the recycle bin with its links; `false` when there is no such live record.
    pub(super) fn archive(&mut self, object: usize, id: u64, author: &Author, now: Stamp) -> bool {
        let id = self.store(object).resolve(id);
        let revision = self.next_revision();
        if !self.store_mut(object).archive(id, now, revision, author.by_integration) {
            return false;
        }
        let links = self.take_links(object, id, now);
        self.archived_links.insert((object, id), links);
        self.changed(object, id, author, now, ChangeKind::Deleted);
        true
    }

    fn take_links(&mut self, object: usize, id: u64, now: Stamp) -> Vec<LinkEnd> {
        let links = self.associations.all_of(object, id);
        for (other, other_id, _) in &links {
            self.unlink((object, *other), id, *other_id, u64::MAX, now);
        }
        links
    }

    /// Takes a record out of the bin; its id stays and its stamp moves.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when it is not in the bin; [`Refusal::EmailTaken`] or [`Refusal::Properties`] when
    /// another record took one of its unique values meanwhile.
    pub(super) fn restore(&mut self, object: usize, id: u64, now: Stamp) -> Result<(), Refusal> {
        let record = self.store(object).archived(id).ok_or(Refusal::NotFound)?;
        let changes: Vec<_> = record
            .values()
            .map(|(number, value)| (number, Some(Arc::clone(value))))
            .collect();
        self.check_unique(object, Some(id), &changes)?;
        let mut record = self.store_mut(object).take_archived(id).ok_or(Refusal::NotFound)?;
        record.modified = record.modified.max(now);
        record.by_integration = false;
        self.publish(object, record);
        self.changed(object, id, &Author::system("RECYCLING_BIN"), now, ChangeKind::Restored);
        for (other, other_id, bits) in self.archived_links.remove(&(object, id)).unwrap_or_default() {
            if self.store(other).live(other_id).is_some() {
                self.link((object, other), id, other_id, bits, now);
            }
        }
        Ok(())
    }

    /// Erases a record without a trace; `false` when there is none.
    pub(super) fn erase(&mut self, object: usize, id: u64, now: Stamp) -> bool {
        let id = self.store(object).resolve(id);
        self.take_links(object, id, now);
        self.archived_links.remove(&(object, id));
        let erased = self.store_mut(object).purge(id);
        if erased {
            self.changed(object, id, &Author::system("CRM_UI"), now, ChangeKind::Erased);
        }
        erased
    }

    /// Merges `other` into `primary`. The survivor gets a new id unless the portal keeps the primary's.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when either is not a live record; [`Refusal::Rule`] when they are the same.
    pub(super) fn merge(&mut self, object: usize, primary: u64, other: u64, now: Stamp) -> Result<u64, Refusal> {
        let store = self.store(object);
        let primary = Arc::clone(store.live(primary).ok_or(Refusal::NotFound)?);
        let other = Arc::clone(store.live(other).ok_or(Refusal::NotFound)?);
        if primary.id == other.id {
            return Err(Refusal::Rule("Cannot merge an object with itself".to_owned()));
        }
        let keep = self.behaviour.merge_keeps_primary_id;
        let id = if keep {
            primary.id
        } else {
            self.store_mut(object).new_id()
        };

        let mut survivor = Record::clone(&primary);
        survivor.id = id;
        survivor.created = primary.created.min(other.created);
        survivor.modified = survivor.modified.max(other.modified).max(now);
        survivor.by_integration = false;
        for (number, value) in other.values() {
            if survivor.stored(number).is_none() {
                survivor.set(number, Some(Arc::clone(value)));
            }
        }
        self.merge_marks(object, &mut survivor, &primary, &other, now);

        let links: Vec<_> = [&other, &primary]
            .into_iter()
            .filter(|record| record.id != id)
            .map(|record| (record.id, self.associations.all_of(object, record.id)))
            .collect();
        for (old, links) in &links {
            for (other_object, linked, _) in links {
                self.associations
                    .change((object, *other_object), *old, *linked, 0, u64::MAX);
            }
            let store = self.store_mut(object);
            store.merge_away(*old, id);
            store.inherit_history(*old, id);
        }
        self.publish(object, survivor);
        // The primary record's links come first, so that its primary company stays the primary one.
        for (_, links) in links.into_iter().rev() {
            for (other_object, linked, bits) in links {
                self.inherit_link(object, id, (other_object, linked, bits), now);
            }
        }
        self.refresh_primary(object, id, now);
        let merged = ChangeKind::Merged {
            primary: primary.id,
            others: vec![other.id],
        };
        self.changed(object, id, &Author::system("MERGE_OBJECTS"), now, merged);
        Ok(id)
    }

    fn inherit_link(&mut self, object: usize, id: u64, (other, linked, bits): LinkEnd, now: Stamp) {
        if (other, linked) == (object, id) || self.store(other).live(linked).is_none() {
            return;
        }
        let mut bits = bits;
        let ((single, company), (record, _)) = self.oriented((object, other), id, linked);
        if single == object
            && let Some(primary) = self.associations.primary_bit((single, company))
            && self.associations.primary((single, company), record).is_some()
        {
            bits &= !(1 << primary);
        }
        self.link((object, other), id, linked, bits, now);
    }

    fn merge_marks(&self, object: usize, survivor: &mut Record, primary: &Record, other: &Record, now: Stamp) {
        let table = &self.store(object).object.properties;
        let lists = |name: &str, more: &[u64]| {
            let mut ids: Vec<String> = Vec::new();
            let mut seen = BTreeSet::new();
            for list in [primary.read_named(table, name), other.read_named(table, name)]
                .into_iter()
                .flatten()
            {
                ids.extend(list.split(';').map(str::to_owned));
            }
            ids.extend(more.iter().map(u64::to_string));
            ids.retain(|id| seen.insert(id.clone()));
            ids.join(";")
        };
        let mut marks = Vec::new();
        let retired: Vec<u64> = [primary.id, other.id]
            .into_iter()
            .filter(|old| *old != survivor.id)
            .collect();
        marks.push(("hs_merged_object_ids", lists("hs_merged_object_ids", &retired)));
        if self.store(object).object.plural == "contacts" {
            marks.push(("hs_all_contact_vids", lists("hs_all_contact_vids", &[survivor.id])));
            let mut vids: Vec<String> = [
                primary.read_named(table, "hs_calculated_merged_vids"),
                other.read_named(table, "hs_calculated_merged_vids"),
            ]
            .into_iter()
            .flatten()
            .collect();
            vids.extend(retired.iter().map(|old| format!("{old}:{}", now.0)));
            marks.push(("hs_calculated_merged_vids", vids.join(";")));
            let own = survivor.read_named(table, "email");
            let mut emails: Vec<String> = Vec::new();
            for record in [primary, other] {
                for name in ["email", "hs_additional_emails"] {
                    if let Some(list) = record.read_named(table, name) {
                        emails.extend(list.split(';').map(str::to_owned));
                    }
                }
            }
            let mut seen: BTreeSet<String> = own.into_iter().collect();
            emails.retain(|email| seen.insert(email.clone()));
            if !emails.is_empty() {
                marks.push(("hs_additional_emails", emails.join(";")));
            }
        }
        for (name, value) in marks {
            if let Some(number) = table.number(name) {
                survivor.set(number, Some(value.into()));
            }
        }
    }
}
