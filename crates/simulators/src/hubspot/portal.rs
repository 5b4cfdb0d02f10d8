//! One HubSpot account: its object stores, links, owners and pipelines, and the time they live in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Behaviour;
use super::association::{Associations, LinkEnd};
use super::change::ChangeKind;
use super::export_api::Export;
use super::files_api::Files;
use super::import_api::Import;
use super::journal::Journal;
use super::limits::Limits;
use super::list_api::RecordList;
use super::list_folder_api::ListFolder;
use super::owner::{Owner, owners};
use super::pipeline::{Pipeline, pipelines};
use super::property::Source;
use super::record::{Author, Record, Version};
use super::schema::{ObjectType, object_types};
use super::stamp::Stamp;
use super::store::ObjectStore;
use super::webhook_sender::Webhooks;
use super::write::Change;
use crate::clock::Clock;
use crate::fault::{Fault, Faults};
use crate::options::Options;

/// The app that API writes are attributed to.
pub(super) const APP_ID: u64 = 2_468_013;
/// The id of the first account, which HubSpot also calls hub id.
pub(super) const PORTAL_ID: u64 = 44_237_313;

/// A user's edit that is stamped already and not yet visible to anybody.
#[derive(Debug)]
pub(super) struct LateCommit {
    pub(super) object: usize,
    pub(super) id: u64,
    pub(super) created: bool,
    pub(super) changes: Vec<Change>,
    pub(super) stamp: Stamp,
    pub(super) author: Author,
}

/// The whole state of the simulated account.
#[derive(Debug)]
pub(super) struct Portal {
    pub(super) id: u64,
    pub(super) stores: Vec<ObjectStore>,
    pub(super) associations: Associations,
    /// Links of archived records, which come back when the record does.
    pub(super) archived_links: BTreeMap<(usize, u64), Vec<LinkEnd>>,
    pub(super) owners: Vec<Owner>,
    pipelines: Vec<Vec<Pipeline>>,
    /// Custom object types that were deleted.
    pub(super) archived_types: BTreeSet<usize>,
    pub(super) lists: Vec<RecordList>,
    pub(super) list_folders: Vec<ListFolder>,
    pub(super) imports: Vec<Import>,
    pub(super) exports: Vec<Export>,
    pub(super) files: Files,
    pub(super) behaviour: Behaviour,
    pub(super) faults: Faults,
    pub(super) limits: Limits,
    pub(super) dice: ChaCha8Rng,
    pub(super) late_commits: BTreeMap<(Stamp, u64), LateCommit>,
    pub(super) next_commit_late: Option<SignedDuration>,
    pub(super) journal: Journal,
    pub(super) webhooks: Webhooks,
    clock: Arc<dyn Clock>,
    index_lag: SignedDuration,
    revision: u64,
}

impl Portal {
    /// An account without records.
    ///
    /// # Errors
    /// When the folder of recorded schemas cannot be read.
    pub(super) fn new(options: &Options, behaviour: Behaviour, username: &str) -> std::io::Result<Self> {
        let mut types: Vec<ObjectType> = object_types();
        if let Some(folder) = &options.schema_dir {
            super::recorded::merge(&mut types, folder)?;
        }
        let custom: Vec<&'static str> = types
            .iter()
            .filter(|object| object.custom)
            .map(|object| object.singular)
            .collect();
        let singular: Vec<&'static str> = types.iter().map(|object| object.singular).collect();
        Ok(Self {
            id: PORTAL_ID + options.account,
            associations: Associations::new(&singular, &custom),
            archived_links: BTreeMap::new(),
            owners: owners(username),
            archived_types: BTreeSet::new(),
            lists: Vec::new(),
            list_folders: Vec::new(),
            imports: Vec::new(),
            exports: Vec::new(),
            files: Files::default(),
            pipelines: types.iter().map(|object| pipelines(object.plural)).collect(),
            stores: types.into_iter().map(ObjectStore::new).collect(),
            behaviour,
            faults: options.faults.clone(),
            limits: Limits::new(options.requests_per_ten_seconds, options.daily_api_requests),
            dice: ChaCha8Rng::seed_from_u64(options.seed ^ 0x4855_4253_504f_5421),
            late_commits: BTreeMap::new(),
            next_commit_late: None,
            journal: Journal::default(),
            webhooks: Webhooks::default(),
            clock: Arc::clone(&options.clock),
            index_lag: options.index_lag,
            revision: 0,
        })
    }

    pub(super) fn now(&self) -> Stamp {
        Stamp::of(self.clock.now())
    }

    /// The object type that a path segment means.
    pub(super) fn object(&self, name: &str) -> Option<usize> {
        self.stores.iter().enumerate().position(|(object, store)| {
            store.object.answers_to(name, self.id) && !self.archived_types.contains(&object)
        })
    }

    pub(super) fn store(&self, object: usize) -> &ObjectStore {
        &self.stores[object]
    }

    pub(super) fn store_mut(&mut self, object: usize) -> &mut ObjectStore {
        &mut self.stores[object]
    }

    pub(super) fn pipelines(&self, object: usize) -> &[Pipeline] {
        self.pipelines.get(object).map_or(&[], Vec::as_slice)
    }

    pub(super) fn pipelines_mut(&mut self, object: usize) -> Option<&mut Vec<Pipeline>> {
        self.pipelines.get_mut(object)
    }

    /// Makes room for the pipelines of a type that was added.
    pub(super) fn add_pipelines(&mut self) {
        self.pipelines.push(Vec::new());
    }

    /// Undoes [`Portal::add_pipelines`].
    pub(super) fn remove_pipelines(&mut self) {
        self.pipelines.pop();
    }

    pub(super) fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    /// A random id in the form that error bodies carry.
    pub(super) fn correlation_id(&mut self) -> String {
        let mut bytes = [0_u8; 16];
        self.dice.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// Stores a new version of a live record and lets search see it, now or after the lag.
    pub(super) fn publish(&mut self, object: usize, mut record: Record) {
        record.revision = self.next_revision();
        let now = self.now();
        let mut lag = SignedDuration::ZERO;
        let most = self.index_lag.as_millis();
        if let Ok(most) = i64::try_from(most)
            && most > 0
        {
            lag = lag.saturating_add(SignedDuration::from_millis(self.dice.random_range(0..=most)));
        }
        if self.faults.strike(Fault::StaleIndex) {
            lag = lag.saturating_add(self.behaviour.stale_index_lag);
        }
        let store = self.store_mut(object);
        let record = store.put(record);
        if lag <= SignedDuration::ZERO {
            store.index.put(record);
        } else {
            let lag = i64::try_from(lag.as_millis()).unwrap_or(i64::MAX);
            store.index.put_later(record, Stamp(now.0.saturating_add(lag)));
        }
    }

    /// Sets one computed property if it differs, with history and a new stamp.
    pub(super) fn set_computed(&mut self, object: usize, id: u64, name: &str, value: Option<String>, now: Stamp) {
        let store = self.store(object);
        let Some(Source::Stored(number)) = store.object.properties.any(name).map(|property| property.source) else {
            return;
        };
        let Some(record) = store.live(id) else { return };
        if record.stored(number) == value.as_deref() {
            return;
        }
        let mut record = Record::clone(record);
        let id = record.id;
        let value: Option<Arc<str>> = value.map(Into::into);
        record.set(number, value.clone());
        record.modified = record.modified.max(now);
        let version = Version {
            property: number,
            value: value.unwrap_or_else(|| "".into()),
            at: now,
            author: Author::system("CALCULATED"),
        };
        let (value, author) = (version.value.to_string(), version.author.clone());
        self.store_mut(object).remember(id, version);
        self.publish(object, record);
        self.changed(
            object,
            id,
            &author,
            now,
            ChangeKind::Updated(vec![(name.to_owned(), value)]),
        );
    }

    /// Makes late commits visible that are due; runs before anything looks at the records.
    pub(super) fn settle(&mut self) {
        let now = self.now();
        while let Some(entry) = self.late_commits.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let commit = entry.remove();
            self.apply_late(commit);
        }
    }
}
