//! Links between entities and remote records, as lenses ask for them.

use std::collections::{BTreeMap, HashMap};

use syncline::lens::LensContext;
use uuid::Uuid;

/// The links of the objects of one connection that references point to.
#[derive(Debug, Default)]
pub(super) struct Links {
    objects: BTreeMap<String, ObjectLinks>,
}

#[derive(Debug, Default)]
struct ObjectLinks {
    entities: HashMap<String, Uuid>,
    records: HashMap<Uuid, String>,
}

impl Links {
    /// Adds a live link.
    pub(super) fn add(&mut self, object: &str, record: &str, entity: Uuid) {
        let links = self.objects.entry(object.to_owned()).or_default();
        links.entities.insert(record.to_owned(), entity);
        links.records.insert(entity, record.to_owned());
    }
}

impl LensContext for Links {
    fn entity_of(&self, object: &str, ext: &str) -> Option<Uuid> {
        self.objects.get(object)?.entities.get(ext).copied()
    }

    fn remote_of(&self, object: &str, entity: Uuid) -> Option<String> {
        self.objects.get(object)?.records.get(&entity).cloned()
    }
}
