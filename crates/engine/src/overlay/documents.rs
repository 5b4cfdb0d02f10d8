use rpds::RedBlackTreeMapSync;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::store::{Document, DocumentKind, DocumentQuery, Transaction};

use super::kept;

/// Documents written; `None` for those removed.
#[derive(Clone, Default)]
pub(super) struct Documents {
    rows: RedBlackTreeMapSync<(DocumentKind, u64), Option<Document>>,
    /// Greatest number given, by kind.
    last: RedBlackTreeMapSync<DocumentKind, u64>,
}

impl Documents {
    pub(super) fn len(&self) -> usize {
        self.rows.size()
    }

    pub(super) async fn get(
        &self,
        base: &mut dyn Transaction,
        kind: DocumentKind,
        id: u64,
    ) -> Result<Option<Document>> {
        match self.rows.get(&(kind, id)) {
            Some(mine) => Ok(mine.clone()),
            None => base.document(kind, id).await,
        }
    }

    pub(super) async fn find(&self, base: &mut dyn Transaction, query: &DocumentQuery) -> Result<Vec<Document>> {
        let mut found: Vec<Document> = Vec::new();
        let mut below = query.clone();
        loop {
            let page = base.documents(&below).await?;
            let is_last = page.len() < below.limit || below.limit == 0;
            below.before = page.last().map(|last| last.id);
            found.extend(
                page.into_iter()
                    .filter(|document| !self.rows.contains_key(&(document.kind, document.id))),
            );
            if is_last || found.len() >= query.limit {
                break;
            }
        }
        found.extend(self.mine(query).take(query.limit).cloned());
        found.sort_by_key(|document| std::cmp::Reverse(document.id));
        found.truncate(query.limit);
        Ok(found)
    }

    pub(super) async fn count(&self, base: &mut dyn Transaction, query: &DocumentQuery) -> Result<u64> {
        let mut count = base.count_documents(query).await?;
        for (kind, id) in self
            .rows
            .range((query.kind, 0)..=(query.kind, u64::MAX))
            .map(|(key, _)| *key)
        {
            let hidden = base.document(kind, id).await?;
            if hidden.is_some_and(|hidden| fits(query, &hidden)) {
                count -= 1;
            }
        }
        Ok(count + self.mine(query).count() as u64)
    }

    /// The overlay's own, newest first.
    fn mine<'a>(&'a self, query: &'a DocumentQuery) -> impl Iterator<Item = &'a Document> + 'a {
        self.rows
            .range((query.kind, 0)..=(query.kind, u64::MAX))
            .rev()
            .filter_map(|(_, document)| document.as_ref())
            .filter(|document| fits(query, document))
    }

    pub(super) async fn put(&mut self, base: &mut dyn Transaction, document: &Document, first: u64) -> Result<u64> {
        let stored = match document.id {
            0 => None,
            id => self.get(base, document.kind, id).await?,
        };
        if stored.as_ref().map_or(0, |stored| stored.version) != document.version {
            return Err(Error::new(
                ErrorKind::Stale,
                "a document was changed meanwhile; read it again and repeat the change",
            )
            .with("number", document.id));
        }
        let next = self
            .last
            .get(&document.kind)
            .map_or(first, |last| (last + 1).max(first));
        let id = if document.id == 0 { next } else { document.id };
        if let Some(key) = &document.key {
            let same = DocumentQuery::new(document.kind)
                .tenant(document.tenant)
                .scope(document.scope)
                .key(key.clone())
                .limit(2);
            if self.find(base, &same).await?.iter().any(|other| other.id != id) {
                return Err(Error::new(
                    ErrorKind::Exists,
                    format!("there is already one called {key}; choose another name"),
                ));
            }
        }
        let last = self.last.get(&document.kind).copied().unwrap_or(0);
        self.last.insert_mut(document.kind, last.max(id));
        let written = Document {
            id,
            version: document.version + 1,
            at: kept::time(document.at),
            ..document.clone()
        };
        self.rows.insert_mut((document.kind, id), Some(written));
        Ok(id)
    }

    pub(super) fn delete(&mut self, kind: DocumentKind, id: u64) {
        self.rows.insert_mut((kind, id), None);
    }
}

fn fits(query: &DocumentQuery, document: &Document) -> bool {
    let at = document.at.as_microsecond();
    query.kind == document.kind
        && query.tenant.is_none_or(|tenant| document.tenant == tenant)
        && query.scope.is_none_or(|scope| document.scope == scope)
        && query.key.as_ref().is_none_or(|key| document.key.as_ref() == Some(key))
        && (query.status.is_empty() || query.status.contains(&document.status))
        && query.since.is_none_or(|since| at >= since.as_microsecond())
        && query.until.is_none_or(|until| at < until.as_microsecond())
        && query.before.is_none_or(|before| document.id < before)
}
