//! Files: versions, the documents that they are versions of, and what these are linked to; and classic attachments.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};
use serde_json::{Map, Value};

use super::cell::{Cell, View};
use super::error::ApiError;
use super::id::RecordId;
use super::state::{Author, Changes, State};
use super::table::Slot;
use super::validate::Target;

const DOCUMENT: &str = "ContentDocument";
const VERSION: &str = "ContentVersion";
const LINK: &str = "ContentDocumentLink";
const ATTACHMENT: &str = "Attachment";

/// The field that holds the body, of the objects that have one.
pub(crate) fn body_field(object: &str) -> Option<&'static str> {
    if object.eq_ignore_ascii_case(VERSION) {
        Some("VersionData")
    } else if object.eq_ignore_ascii_case(ATTACHMENT) {
        Some("Body")
    } else {
        None
    }
}

/// Whether records of an object are made by [`insert`].
pub(crate) fn is_made_here(object: &str) -> bool {
    matches!(object, DOCUMENT | VERSION | LINK | ATTACHMENT)
}

/// Whether records of an object are deleted and restored with what they belong to.
pub(crate) fn goes_with_its_parent(object: &str) -> bool {
    matches!(object, LINK | ATTACHMENT)
}

/// Makes a version with its document and its link, a link, or an attachment. The body is among the fields unless it
/// came beside them.
pub(crate) fn insert(
    state: &mut State,
    table: usize,
    fields: &Map<String, Value>,
    sent: Option<Bytes>,
    author: Author,
) -> Result<RecordId, ApiError> {
    let object = state.tables[table].schema.name.clone();
    if object == DOCUMENT {
        return Err(ApiError::row(
            "INVALID_TYPE_FOR_OPERATION",
            "entity type cannot be inserted: Content Document",
            &[],
        ));
    }
    let mut fields = fields.clone();
    let body = match body_field(&object) {
        Some(name) => Some(body_of(&mut fields, name, sent)?),
        None => None,
    };
    let mut changes = state.check(table, &fields, Target::Create, author)?;
    state.check_permission(table, &fields)?;
    state.row_faults(table, None)?;
    let id = match (object.as_str(), body) {
        (VERSION, Some(body)) => state.insert_version(table, changes, body, author)?,
        (_, Some(body)) => {
            let size = i64::try_from(body.len()).unwrap_or(i64::MAX);
            set(state, table, &mut changes, "BodyLength", Cell::Int(size));
            let id = state.insert(table, changes, author);
            state.keep_body(table, id, body, author);
            id
        }
        _ => {
            let end = |name: &str| match cell(state, table, &changes, name) {
                Some(Cell::Id(id)) => Some(*id),
                _ => None,
            };
            if let (Some(document), Some(entity)) = (end("ContentDocumentId"), end("LinkedEntityId"))
                && let Some(link) = state.link_of(document, entity)
            {
                return Err(ApiError::row(
                    "DUPLICATE_VALUE",
                    format!(
                        "duplicate value found: LinkedEntityId duplicates value on record with id: {}",
                        link.short()
                    ),
                    &[],
                ));
            }
            state.insert(table, changes, author)
        }
    };
    state.grant(table);
    Ok(id)
}

/// Deletes what goes with a document, before the delete clears what points to it.
pub(crate) fn remove_parts(state: &mut State, id: RecordId, author: Author) {
    if state.find_by_prefix(id) != state.find(DOCUMENT) {
        return;
    }
    for object in [LINK, VERSION] {
        for (table, slot) in state.of_document(object, id) {
            state.remove(table, slot, author, None);
        }
    }
}

fn body_of(fields: &mut Map<String, Value>, name: &str, sent: Option<Bytes>) -> Result<Bytes, ApiError> {
    let given = fields.remove(name);
    let missing = || {
        let message = format!("Required fields are missing: [{name}]");
        ApiError::row("REQUIRED_FIELD_MISSING", message, &[name])
    };
    if let Some(sent) = sent {
        return Ok(sent);
    }
    let given = given.ok_or_else(missing)?;
    let text = given.as_str().ok_or_else(missing)?;
    STANDARD
        .decode(text)
        .map(Bytes::from)
        .map_err(|_| ApiError::json_parser(format!("{text:.20} is not a valid value for the type xsd:base64Binary")))
}

fn cell<'a>(state: &State, table: usize, changes: &'a Changes, name: &str) -> Option<&'a Cell> {
    let field = state.tables[table].schema.find_any(name)?;
    changes
        .iter()
        .rev()
        .find(|(known, _)| *known == field)
        .and_then(|(_, cell)| cell.as_ref())
}

fn text(state: &State, table: usize, changes: &Changes, name: &str) -> Option<String> {
    match cell(state, table, changes, name) {
        Some(Cell::Text(text)) => Some(text.to_string()),
        _ => None,
    }
}

fn set(state: &State, table: usize, changes: &mut Changes, name: &str, cell: Cell) {
    if let Some(field) = state.tables[table].schema.find_any(name) {
        changes.push((field, Some(cell)));
    }
}

fn kind_of(extension: &str) -> String {
    match extension {
        "txt" => "TEXT".to_owned(),
        "pdf" | "png" | "jpg" | "csv" | "html" => extension.to_uppercase(),
        "docx" => "WORD_X".to_owned(),
        "xlsx" => "EXCEL_X".to_owned(),
        _ => "UNKNOWN".to_owned(),
    }
}

impl State {
    fn insert_version(
        &mut self,
        table: usize,
        mut changes: Changes,
        body: Bytes,
        author: Author,
    ) -> Result<RecordId, ApiError> {
        let Some(path) = text(self, table, &changes, "PathOnClient") else {
            return Err(ApiError::row(
                "REQUIRED_FIELD_MISSING",
                "Required fields are missing: [PathOnClient]",
                &["PathOnClient"],
            ));
        };
        let name = path.rsplit(['/', '\\']).next().unwrap_or(&path).to_owned();
        let (stem, extension) = match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => (stem.to_owned(), extension.to_ascii_lowercase()),
            _ => (name.clone(), String::new()),
        };
        let title = text(self, table, &changes, "Title").unwrap_or(stem);
        let size = i64::try_from(body.len()).unwrap_or(i64::MAX);
        let shared = |state: &Self, table: usize, changes: &mut Changes| {
            set(state, table, changes, "Title", Cell::text(title.as_str()));
            set(state, table, changes, "FileType", Cell::text(kind_of(&extension)));
            if !extension.is_empty() {
                set(state, table, changes, "FileExtension", Cell::text(extension.as_str()));
            }
            set(state, table, changes, "ContentSize", Cell::Int(size));
            set(state, table, changes, "PublishStatus", Cell::text("P"));
        };
        let Some(documents) = self.find(DOCUMENT) else {
            return Err(ApiError::not_found());
        };
        let mut of_document = Changes::new();
        shared(self, documents, &mut of_document);
        let document = match cell(self, table, &changes, "ContentDocumentId") {
            Some(Cell::Id(id)) => *id,
            _ => {
                let owner = cell(self, table, &changes, "OwnerId").cloned();
                set(
                    self,
                    documents,
                    &mut of_document,
                    "OwnerId",
                    owner.unwrap_or(Cell::Id(author.user)),
                );
                let id = self.insert(documents, std::mem::take(&mut of_document), author);
                set(self, table, &mut changes, "ContentDocumentId", Cell::Id(id));
                id
            }
        };
        let earlier = self.of_document(VERSION, document);
        for (table, slot) in &earlier {
            let mut stale = Changes::new();
            set(self, *table, &mut stale, "IsLatest", Cell::Bool(false));
            let now = self.now();
            self.apply(*table, *slot, stale, author, now);
        }
        shared(self, table, &mut changes);
        let digest = Md5::digest(&body);
        let checksum: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        set(self, table, &mut changes, "Checksum", Cell::text(checksum));
        set(self, table, &mut changes, "IsLatest", Cell::Bool(true));
        set(
            self,
            table,
            &mut changes,
            "VersionNumber",
            Cell::text((earlier.len() + 1).to_string()),
        );
        let place = match cell(self, table, &changes, "FirstPublishLocationId") {
            Some(Cell::Id(id)) => Some(*id),
            _ => None,
        };
        let id = self.insert(table, changes, author);
        self.keep_body(table, id, body, author);
        set(
            self,
            documents,
            &mut of_document,
            "LatestPublishedVersionId",
            Cell::Id(id),
        );
        if let Some(slot) = self.tables[documents].slot(document) {
            let now = self.now();
            self.apply(documents, slot, of_document, author, now);
        }
        if earlier.is_empty() {
            self.link(document, author.user, "I", author);
        }
        if let Some(place) = place.filter(|place| self.link_of(document, *place).is_none()) {
            self.link(document, place, "V", author);
        }
        Ok(id)
    }

    fn keep_body(&mut self, table: usize, id: RecordId, body: Bytes, author: Author) {
        let (object, version) = (self.tables[table].schema.name.clone(), self.events.version);
        let name = body_field(&object).unwrap_or_default();
        let mut changes = Changes::new();
        let path = format!("/services/data/v{version}.0/sobjects/{object}/{id}/{name}");
        set(self, table, &mut changes, name, Cell::text(path));
        if let Some(slot) = self.tables[table].slot(id) {
            let now = self.now();
            self.apply(table, slot, changes, author, now);
        }
        self.bodies.insert(id, body);
    }

    fn link(&mut self, document: RecordId, entity: RecordId, share: &str, author: Author) {
        let Some(table) = self.find(LINK) else { return };
        let mut changes = Changes::new();
        set(self, table, &mut changes, "ContentDocumentId", Cell::Id(document));
        set(self, table, &mut changes, "LinkedEntityId", Cell::Id(entity));
        set(self, table, &mut changes, "ShareType", Cell::text(share));
        set(self, table, &mut changes, "Visibility", Cell::text("AllUsers"));
        self.insert(table, changes, author);
    }

    fn link_of(&self, document: RecordId, entity: RecordId) -> Option<RecordId> {
        let links = self.of_document(LINK, document);
        links.into_iter().find_map(|(table, slot)| {
            let source = &self.tables[table];
            let field = source.schema.find_any("LinkedEntityId")?;
            let record = source.get_live(slot)?;
            (source.read(slot, record, field) == View::Id(entity)).then(|| source.id(slot))
        })
    }

    /// The live versions or links of a document.
    fn of_document(&self, object: &str, document: RecordId) -> Vec<(usize, Slot)> {
        let Some(table) = self.find(object) else {
            return Vec::new();
        };
        let source = &self.tables[table];
        let Some(field) = source.schema.find_any("ContentDocumentId") else {
            return Vec::new();
        };
        let slots = source.lookup(field, document.as_str()).iter().copied();
        slots
            .filter(|slot| source.get_live(*slot).is_some())
            .map(|slot| (table, slot))
            .collect()
    }
}
