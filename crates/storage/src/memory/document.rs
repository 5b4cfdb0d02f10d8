use rpds::RedBlackTreeMapSync;
use syncline_core::Result;
use syncline_core::model::TenantId;
use syncline_core::store::{Document, DocumentKind, DocumentQuery};

use crate::packed::{kept, micros};
use crate::refusal;

#[derive(Clone, Default)]
pub(super) struct Documents {
    rows: RedBlackTreeMapSync<(DocumentKind, u64), Document>,
    keys: RedBlackTreeMapSync<UniqueKey, u64>,
    /// Greatest number given, by kind.
    last: RedBlackTreeMapSync<DocumentKind, u64>,
}

type UniqueKey = (DocumentKind, TenantId, u64, String);

impl Documents {
    pub(super) fn get(&self, kind: DocumentKind, id: u64) -> Option<Document> {
        self.rows.get(&(kind, id)).cloned()
    }

    pub(super) fn find(&self, query: &DocumentQuery) -> Vec<Document> {
        self.select(query).take(query.limit).cloned().collect()
    }

    pub(super) fn count(&self, query: &DocumentQuery) -> u64 {
        self.select(query).count() as u64
    }

    fn select<'a>(&'a self, query: &'a DocumentQuery) -> impl Iterator<Item = &'a Document> + 'a {
        let end = query.before.unwrap_or(u64::MAX);
        self.rows
            .range((query.kind, 0)..(query.kind, end))
            .rev()
            .map(|(_, document)| document)
            .filter(|document| fits(query, document))
    }

    pub(super) fn put(&mut self, document: &Document) -> Result<u64> {
        let stored = self.rows.get(&(document.kind, document.id));
        let stored_version = stored.map(|stored| stored.version);
        if stored_version.unwrap_or(0) != document.version {
            return Err(refusal::stale_document(document, stored_version));
        }
        let last = self.last.get(&document.kind).copied().unwrap_or(0);
        let id = if document.id == 0 { last + 1 } else { document.id };
        let key = unique_key(document);
        if let Some(key) = &key
            && self.keys.get(key).is_some_and(|owner| *owner != id)
        {
            return Err(refusal::document_exists(document));
        }
        if let Some(old) = stored.and_then(unique_key) {
            self.keys.remove_mut(&old);
        }
        if let Some(key) = key {
            self.keys.insert_mut(key, id);
        }
        self.last.insert_mut(document.kind, last.max(id));
        self.rows.insert_mut(
            (document.kind, id),
            Document {
                id,
                version: document.version + 1,
                at: kept(document.at),
                ..document.clone()
            },
        );
        Ok(id)
    }

    pub(super) fn delete(&mut self, kind: DocumentKind, id: u64) {
        if let Some(key) = self.rows.get(&(kind, id)).and_then(unique_key) {
            self.keys.remove_mut(&key);
        }
        self.rows.remove_mut(&(kind, id));
    }
}

fn unique_key(document: &Document) -> Option<UniqueKey> {
    let key = document.key.clone()?;
    Some((document.kind, document.tenant, document.scope, key))
}

fn fits(query: &DocumentQuery, document: &Document) -> bool {
    query.tenant.is_none_or(|tenant| document.tenant == tenant)
        && query.scope.is_none_or(|scope| document.scope == scope)
        && query.key.as_ref().is_none_or(|key| document.key.as_ref() == Some(key))
        && (query.status.is_empty() || query.status.contains(&document.status))
        && query.since.is_none_or(|since| micros(document.at) >= micros(since))
        && query.until.is_none_or(|until| micros(document.at) < micros(until))
}
