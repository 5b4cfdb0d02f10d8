//! Files of records: documents with their versions, which links name for a record, and classic attachments.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use syncline_core::file::{FileBody, FileChanges, FileOf, Form, NewFile, RemoteFile, gather};
use syncline_core::io::{Class, Effect, Io, Method, Request, Response};
use syncline_core::{Error, ErrorKind, Result};

use crate::client::{Api, ask, read, read_json, server_time};
use crate::error::{classify, errors, failed, unreadable};
use crate::id::normalised;
use crate::manifest::{OVERLAP_SECONDS, PAGE_SIZE};
use crate::soql;

const LISTING: &str = "listing files in Salesforce";
const OPENING: &str = "downloading a file from Salesforce";
const SENDING: &str = "uploading a file to Salesforce";
const FINDING: &str = "finding changed files in Salesforce";
/// Ids in one query: their text has to fit into an address.
const IDS: usize = 300;
/// Files per page of changes.
const CHANGES: usize = 200;
/// Most bytes that are read of a refusal.
const REFUSAL: usize = 64 << 10;
/// Prefix of the ids of attachments.
const ATTACHMENT: &str = "00P";
/// The least that a line carries in a second; an upload that is slower is given up.
const LEAST_BYTES_PER_SECOND: u64 = 50_000;

#[derive(Deserialize)]
struct Page<T> {
    #[serde(default = "Vec::new")]
    records: Vec<T>,
    #[serde(rename = "nextRecordsUrl")]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Link {
    linked_entity_id: String,
    content_document: Option<Document>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    id: String,
    title: Option<String>,
    file_extension: Option<String>,
    content_size: Option<u64>,
    latest_published_version_id: Option<String>,
    latest_published_version: Option<Checked>,
    system_modstamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Checked {
    checksum: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    id: String,
    content_document_id: String,
    title: Option<String>,
    file_extension: Option<String>,
    content_size: Option<u64>,
    checksum: Option<String>,
    system_modstamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attachment {
    id: String,
    parent_id: String,
    name: String,
    content_type: Option<String>,
    body_length: Option<u64>,
    system_modstamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Changed {
    id: String,
    content_document_id: Option<String>,
    parent_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Linked {
    linked_entity_id: String,
}

#[derive(Deserialize)]
struct Existing {}

#[derive(Deserialize)]
struct Made {
    id: String,
}

/// Where a search for changed files stands: files since a time, by id, documents first.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Cursor {
    since: Option<Timestamp>,
    /// Where the next search starts.
    next: Option<Timestamp>,
    in_attachments: bool,
    above: String,
}

fn name(title: Option<String>, extension: Option<&str>) -> String {
    let title = title.unwrap_or_else(|| "file".to_owned());
    match extension.filter(|extension| !extension.is_empty()) {
        Some(extension)
            if !title
                .to_lowercase()
                .ends_with(&format!(".{}", extension.to_lowercase())) =>
        {
            format!("{title}.{extension}")
        }
        _ => title,
    }
}

fn stamp(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(|text| text.parse().ok())
}

async fn rows<T: DeserializeOwned>(
    io: &dyn Io,
    api: &Api,
    soql: &str,
    operation: &'static str,
) -> Result<(Vec<T>, Response)> {
    let first = read(io, api.query(soql, false, PAGE_SIZE)?, operation).await?;
    let mut page: Page<T> = serde_json::from_slice(&first.body).map_err(|error| unreadable(operation, error))?;
    let mut rows = std::mem::take(&mut page.records);
    while let Some(next) = page.next {
        page = read_json(io, api.follow(&next, PAGE_SIZE)?, operation).await?;
        rows.append(&mut page.records);
    }
    Ok((rows, first))
}

/// The same of attachments, which newer organisations may lack.
async fn attachments<T: DeserializeOwned>(
    io: &dyn Io,
    api: &Api,
    soql: &str,
    operation: &'static str,
) -> Result<Vec<T>> {
    let (response, class) = ask(io, api.query(soql, false, PAGE_SIZE)?).await?;
    match class {
        Class::Success => {
            let page: Page<T> = serde_json::from_slice(&response.body).map_err(|error| unreadable(operation, error))?;
            match page.next {
                None => Ok(page.records),
                Some(_) => Ok(rows(io, api, soql, operation).await?.0),
            }
        }
        Class::Rejected { code, .. } if code == "INVALID_TYPE" => Ok(Vec::new()),
        class => Err(failed(class, operation)),
    }
}

fn list_of(ids: &[String]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| soql::text(id)).collect();
    ids.join(",")
}

/// See [`syncline_core::connector::Connector::files`].
pub(crate) async fn files(io: &dyn Io, api: &Api, records: &[String]) -> Result<Vec<FileOf>> {
    let ids: Vec<String> = records.iter().filter_map(|id| normalised(id)).collect();
    let mut found = Vec::new();
    for ids in ids.chunks(IDS) {
        let ids = list_of(ids);
        let links = format!(
            "SELECT LinkedEntityId, ContentDocument.Id, ContentDocument.Title, ContentDocument.FileExtension, \
             ContentDocument.ContentSize, ContentDocument.LatestPublishedVersionId, \
             ContentDocument.LatestPublishedVersion.Checksum, ContentDocument.SystemModstamp FROM ContentDocumentLink \
             WHERE LinkedEntityId IN ({ids})"
        );
        let (links, _) = rows::<Link>(io, api, &links, LISTING).await?;
        for link in links {
            let Some(document) = link.content_document else {
                continue;
            };
            // A document without a version has nothing to download.
            let Some(version) = document.latest_published_version_id else {
                continue;
            };
            found.push(FileOf {
                record: link.linked_entity_id,
                file: RemoteFile {
                    id: document.id,
                    name: name(document.title, document.file_extension.as_deref()),
                    size: document.content_size.unwrap_or_default(),
                    version,
                    md5: document.latest_published_version.and_then(|version| version.checksum),
                    content_type: None,
                    modified: stamp(document.system_modstamp.as_deref()),
                },
            });
        }
        let soql = format!(
            "SELECT Id, ParentId, Name, ContentType, BodyLength, SystemModstamp FROM Attachment WHERE ParentId IN ({ids})"
        );
        for attachment in attachments::<Attachment>(io, api, &soql, LISTING).await? {
            found.push(FileOf {
                record: attachment.parent_id,
                file: RemoteFile {
                    id: attachment.id,
                    name: attachment.name,
                    size: attachment.body_length.unwrap_or_default(),
                    version: attachment.system_modstamp.clone().unwrap_or_default(),
                    md5: None,
                    content_type: attachment.content_type,
                    modified: stamp(attachment.system_modstamp.as_deref()),
                },
            });
        }
    }
    Ok(found)
}

/// See [`syncline_core::connector::Connector::download`].
pub(crate) async fn download(io: &dyn Io, api: &Api, file: &RemoteFile) -> Result<Box<dyn FileBody>> {
    let not_there = || Error::new(ErrorKind::NotFound, "there is no such file").with("file", &file.id);
    let path = if file.id.starts_with(ATTACHMENT) {
        let id = normalised(&file.id).ok_or_else(not_there)?;
        format!("sobjects/Attachment/{id}/Body")
    } else {
        let version = normalised(&file.version).ok_or_else(not_there)?;
        format!("sobjects/ContentVersion/{version}/VersionData")
    };
    let mut request = Request::new(Method::Get, api.data(&path), Effect::Read);
    request.headers.clear();
    let mut answer = io.download(request).await?;
    if answer.head.is_success() {
        return Ok(answer.body);
    }
    let body = gather(&mut *answer.body, REFUSAL).await?;
    let class = classify(&answer.head, &body);
    Err(failed(class, OPENING).with("file", &file.id))
}

/// See [`syncline_core::connector::Connector::upload`].
pub(crate) async fn upload(
    io: &dyn Io,
    api: &Api,
    object: &str,
    record: &str,
    file: &NewFile,
    body: Box<dyn FileBody>,
) -> Result<RemoteFile> {
    let not_there =
        || Error::new(ErrorKind::NotFound, "there is no such record to give a file to").with("record", record);
    let id = normalised(record).ok_or_else(not_there)?;
    // The body would be sent before its place is looked at, and the token be found to have expired.
    let there = format!("SELECT Id FROM {} WHERE Id = {}", soql::name(object)?, soql::text(&id));
    if rows::<Existing>(io, api, &there, SENDING).await?.0.is_empty() {
        return Err(not_there());
    }
    let stem = match file.name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => file.name.as_str(),
    };
    let fields = json!({ "Title": stem, "PathOnClient": file.name, "FirstPublishLocationId": id });
    let form = Form::new(io.random())
        .field("entity_content", "application/json", &fields.to_string())
        .file("VersionData", "file", file.content_type.as_deref());
    let mut request = api
        .write(Method::Post, "sobjects/ContentVersion", Effect::Once)
        .header("content-type", form.content_type());
    let slow = Duration::from_secs(file.size / LEAST_BYTES_PER_SECOND);
    request.timeout = request.timeout.map(|timeout| timeout + slow);
    let response = io.upload(request, form.upload(file.size, body)).await?;
    let made: Made = match classify(&response.head, &response.body) {
        Class::Success => serde_json::from_slice(&response.body).map_err(|error| unreadable(SENDING, error))?,
        class => {
            let told = errors(&response.body);
            let error = failed(class, SENDING).with("record", record);
            return Err(match told.first() {
                Some(first) => error.with("answer", first.text()),
                None => error,
            });
        }
    };
    let soql = format!(
        "SELECT Id, ContentDocumentId, Title, FileExtension, ContentSize, Checksum, SystemModstamp FROM ContentVersion \
         WHERE Id = {}",
        soql::text(&made.id)
    );
    let (versions, _) = rows::<Version>(io, api, &soql, SENDING).await?;
    let version = versions.into_iter().next().ok_or_else(|| {
        Error::new(ErrorKind::Protocol, "Salesforce took a file and does not show it").with("file", &made.id)
    })?;
    Ok(RemoteFile {
        id: version.content_document_id,
        name: name(version.title, version.file_extension.as_deref()),
        size: version.content_size.unwrap_or_default(),
        version: version.id,
        md5: version.checksum,
        content_type: file.content_type.clone(),
        modified: stamp(version.system_modstamp.as_deref()),
    })
}

/// See [`syncline_core::connector::Connector::file_changes`].
pub(crate) async fn changes(io: &dyn Io, api: &Api, object: &str, cursor: Option<&Bytes>) -> Result<FileChanges> {
    let object = soql::text(soql::name(object)?);
    let mut at: Cursor = match cursor {
        Some(cursor) => serde_json::from_slice(cursor).map_err(|error| {
            Error::new(ErrorKind::CursorExpired, "the cursor of file changes can't be read").because(error)
        })?,
        None => Cursor::default(),
    };
    let mut records = BTreeSet::new();
    let narrowed = |at: &Cursor| {
        let since = at
            .since
            .map(|since| format!(" AND SystemModstamp >= {}", soql::datetime(since)));
        let above = (!at.above.is_empty()).then(|| format!(" AND Id > {}", soql::text(&at.above)));
        format!(
            "{}{} ORDER BY Id LIMIT {CHANGES}",
            since.unwrap_or_default(),
            above.unwrap_or_default()
        )
    };
    if !at.in_attachments {
        let soql = format!(
            "SELECT Id, ContentDocumentId FROM ContentVersion WHERE IsLatest = true{}",
            narrowed(&at)
        );
        let (changed, response) = rows::<Changed>(io, api, &soql, FINDING).await?;
        if at.next.is_none() {
            let overlap = Duration::from_secs(u64::from(OVERLAP_SECONDS));
            at.next = server_time(&response.head)?.checked_sub(overlap).ok();
        }
        let documents: BTreeSet<String> = changed
            .iter()
            .filter_map(|file| file.content_document_id.clone())
            .collect();
        if !documents.is_empty() {
            let documents: Vec<String> = documents.into_iter().collect();
            let soql = format!(
                "SELECT LinkedEntityId FROM ContentDocumentLink WHERE ContentDocumentId IN ({}) AND LinkedEntity.Type = {object}",
                list_of(&documents)
            );
            let (links, _) = rows::<Linked>(io, api, &soql, FINDING).await?;
            records.extend(links.into_iter().map(|link| link.linked_entity_id));
        }
        if let (CHANGES, Some(last)) = (changed.len(), changed.last()) {
            at.above.clone_from(&last.id);
            return told(records, &at, true);
        }
        at.in_attachments = true;
        at.above.clear();
    }
    let soql = format!(
        "SELECT Id, ParentId FROM Attachment WHERE Parent.Type = {object}{}",
        narrowed(&at)
    );
    let changed = attachments::<Changed>(io, api, &soql, FINDING).await?;
    records.extend(changed.iter().filter_map(|file| file.parent_id.clone()));
    if let (CHANGES, Some(last)) = (changed.len(), changed.last()) {
        at.above.clone_from(&last.id);
        return told(records, &at, true);
    }
    let next = Cursor {
        since: at.next,
        ..Cursor::default()
    };
    told(records, &next, false)
}

fn told(records: BTreeSet<String>, at: &Cursor, more: bool) -> Result<FileChanges> {
    let cursor = serde_json::to_vec(at).map_err(|error| unreadable(FINDING, error))?;
    Ok(FileChanges {
        records: records.into_iter().collect(),
        cursor: cursor.into(),
        more,
    })
}
