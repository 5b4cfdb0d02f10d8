//! Files of records: HubSpot attaches them to a note, and links the note to the record.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use syncline_core::error::{Error, ErrorKind, Result, Retry};
use syncline_core::file::{FileBody, FileChanges, FileOf, Form, NewFile, RemoteFile, gather};
use syncline_core::io::{Auth, Effect, Head, Method, Request, Response};

use crate::associations::{self, Pair};
use crate::client::{Client, check, encode, parse, post, server_time};
use crate::error::{classify, failure};
use crate::manifest::{BATCH, OVERLAP_SECONDS};
use crate::object::{ObjectName, is_record_id};
use crate::page::IdText;
use crate::search;

const LISTING: &str = "list files";
const OPENING: &str = "download a file";
const SENDING: &str = "upload a file";
const NOTES: &str = "notes";
const ATTACHED: &str = "hs_attachment_ids";
/// Addresses that an address may lead to, one after the other.
const REDIRECTS: usize = 3;
/// Most bytes that are read of a refusal.
const REFUSAL: usize = 64 << 10;
/// The least that a line carries in a second; an upload that is slower is given up.
const LEAST_BYTES_PER_SECOND: u64 = 50_000;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Notes {
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    results: Vec<Note>,
}

#[derive(Deserialize)]
struct Note {
    id: IdText,
    #[serde(default)]
    properties: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize)]
struct FilePage {
    #[serde(default, deserialize_with = "crate::page::null_as_default")]
    results: Vec<FileAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileAnswer {
    id: IdText,
    name: Option<String>,
    extension: Option<String>,
    size: Option<u64>,
    updated_at: Option<String>,
    /// Told by newer versions.
    file_md5: Option<String>,
}

#[derive(Deserialize)]
struct Signed {
    url: String,
}

/// Where a search for notes with files stands.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Cursor {
    since: Option<Timestamp>,
    /// Where the next search starts.
    next: Option<Timestamp>,
    above: u64,
}

impl FileAnswer {
    fn file(self) -> RemoteFile {
        let stem = self.name.unwrap_or_else(|| "file".to_owned());
        let name = match self.extension.filter(|extension| !extension.is_empty()) {
            Some(extension) => format!("{stem}.{extension}"),
            None => stem,
        };
        RemoteFile {
            id: self.id.0,
            name,
            size: self.size.unwrap_or_default(),
            modified: self.updated_at.as_deref().and_then(|text| text.parse().ok()),
            version: self.file_md5.clone().or(self.updated_at).unwrap_or_default(),
            md5: self.file_md5,
            content_type: None,
        }
    }
}

fn pair(from: &str, to: &str) -> Pair {
    Pair {
        from: ObjectName::new(from).plural().to_owned(),
        to: ObjectName::new(to).plural().to_owned(),
    }
}

/// See [`syncline_core::connector::Connector::files`].
pub(crate) async fn files(client: &Client<'_>, object: &str, records: &[String]) -> Result<Vec<FileOf>> {
    let records: Vec<String> = records.iter().filter(|id| is_record_id(id)).cloned().collect();
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let linked = associations::read(client, &pair(object, NOTES), &records).await?;
    let notes: BTreeSet<u64> = linked.values().flat_map(|linked| linked.all.keys().copied()).collect();
    let attached = attached(client, &notes).await?;
    let ids: BTreeSet<&String> = attached.values().flatten().collect();
    let ids: Vec<&String> = ids.into_iter().collect();
    let requests: Vec<Request> = ids
        .chunks(BATCH)
        .map(|ids| {
            let ids: String = ids.iter().map(|id| format!("&ids={}", encode(id))).collect();
            Request::get(client.paths.files(&format!("/search?limit={BATCH}{ids}")))
        })
        .collect();
    let mut known: BTreeMap<String, RemoteFile> = BTreeMap::new();
    for response in client.read_all(LISTING, requests).await? {
        let page: FilePage = parse(LISTING, &response.body)?;
        known.extend(page.results.into_iter().map(|file| (file.id.0.clone(), file.file())));
    }
    let mut found = Vec::new();
    for (record, linked) in linked {
        // A file that several notes of a record name is one of its files.
        let of_record: BTreeSet<&String> = linked
            .all
            .keys()
            .copied()
            .filter_map(|note| attached.get(&note))
            .flatten()
            .collect();
        for file in of_record.into_iter().filter_map(|id| known.get(id)) {
            found.push(FileOf {
                record: record.clone(),
                file: file.clone(),
            });
        }
    }
    Ok(found)
}

/// The files that notes name.
async fn attached(client: &Client<'_>, notes: &BTreeSet<u64>) -> Result<BTreeMap<u64, Vec<String>>> {
    let notes: Vec<u64> = notes.iter().copied().collect();
    let requests: Vec<Request> = notes
        .chunks(BATCH)
        .map(|notes| {
            let inputs: Vec<Json> = notes.iter().map(|id| json!({ "id": id.to_string() })).collect();
            let body = json!({ "properties": [ATTACHED], "propertiesWithHistory": [], "inputs": inputs });
            post(client.paths.objects(NOTES, "/batch/read"), Effect::Read, &body)
        })
        .collect();
    let mut attached = BTreeMap::new();
    for response in client.read_all(LISTING, requests).await? {
        for note in parse::<Notes>(LISTING, &response.body)?.results {
            let files = note.properties.get(ATTACHED).cloned().flatten().unwrap_or_default();
            let files = files
                .split(';')
                .map(str::trim)
                .filter(|id| is_record_id(id) && !id.is_empty());
            if let Ok(id) = note.id.0.parse() {
                attached.insert(id, files.map(str::to_owned).collect());
            }
        }
    }
    Ok(attached)
}

/// See [`syncline_core::connector::Connector::download`].
pub(crate) async fn download(client: &Client<'_>, file: &RemoteFile) -> Result<Box<dyn FileBody>> {
    let url = client.paths.files(&format!("/{}/signed-url", encode(&file.id)));
    let signed: Signed = client.get(OPENING, url).await?;
    let mut url = signed.url;
    for _ in 0..=REDIRECTS {
        let request = Request {
            // The address is a secret of its own, and no place for the token.
            auth: Auth::None,
            headers: Vec::new(),
            ..Request::new(Method::Get, url, Effect::Read)
        };
        let mut answer = client.io.download(request).await?;
        if answer.head.is_success() {
            return Ok(answer.body);
        }
        match next_address(&answer.head) {
            Some(next) => url = next,
            None => {
                let body = gather(&mut *answer.body, REFUSAL).await?;
                let class = classify(&answer.head, &body);
                let response = Response {
                    head: answer.head,
                    body,
                };
                return Err(failure(OPENING, class, &response).with("file", &file.id));
            }
        }
    }
    Err(
        Error::new(ErrorKind::Protocol, "the address of a file leads on without end")
            .operation(OPENING)
            .with("file", &file.id),
    )
}

fn next_address(head: &Head) -> Option<String> {
    matches!(head.status, 301 | 302 | 303 | 307 | 308)
        .then(|| head.header("location"))
        .flatten()
        .filter(|address| address.starts_with("https://") || address.starts_with("http://"))
        .map(str::to_owned)
}

/// See [`syncline_core::connector::Connector::upload`].
pub(crate) async fn upload(
    client: &Client<'_>,
    object: &str,
    record: &str,
    file: &NewFile,
    body: Box<dyn FileBody>,
) -> Result<RemoteFile> {
    let not_there =
        || Error::new(ErrorKind::NotFound, "there is no such record to give a file to").with("record", record);
    if !is_record_id(record) {
        return Err(not_there());
    }
    // Before the body is sent: HubSpot keeps a file whose place is not there.
    let there = client
        .paths
        .objects(object, &format!("/{record}?properties=hs_object_id"));
    match client.read(SENDING, Request::get(there)).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(not_there()),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let options = json!({ "access": "PRIVATE", "overwrite": false, "duplicateValidationStrategy": "NONE" });
    // A folder for each record: HubSpot gives a file another name where one of its name is in the folder.
    let folder = format!("/syncline/{}/{record}", ObjectName::new(object).plural());
    let form = Form::new(client.io.random())
        .field("options", "application/json", &options.to_string())
        .field("folderPath", "text/plain; charset=utf-8", &folder)
        .field("fileName", "text/plain; charset=utf-8", &line_of(&file.name))
        .file("file", &file.name, file.content_type.as_deref());
    let mut request =
        Request::new(Method::Post, client.paths.files(""), Effect::Once).header("content-type", form.content_type());
    request.timeout = Some(PATIENCE + Duration::from_secs(file.size / LEAST_BYTES_PER_SECOND));
    let response = check(SENDING, client.io.upload(request, form.upload(file.size, body)).await?)?;
    let made: FileAnswer = parse(SENDING, &response.body)?;
    let made = made.file();
    if let Err(error) = attach(client, object, record, &made).await {
        // Nobody would find it. Where it may be attached all the same, it stays.
        if error.retry() != Retry::UnknownOutcome {
            let url = client.paths.files(&format!("/{}", encode(&made.id)));
            let _is_left = client
                .io
                .send(Request::new(Method::Delete, url, Effect::Idempotent))
                .await;
        }
        return Err(error);
    }
    Ok(made)
}

/// Makes the note that carries a file, and links it to the record.
async fn attach(client: &Client<'_>, object: &str, record: &str, file: &RemoteFile) -> Result<()> {
    let properties = json!({
        "hs_timestamp": client.io.now().as_millisecond().to_string(),
        "hs_note_body": "",
        ATTACHED: file.id,
    });
    let body = json!({ "properties": properties, "associations": [] });
    let request = post(client.paths.objects(NOTES, ""), Effect::Once, &body);
    let response = check(SENDING, client.io.send(request).await?)?;
    let note: Note = parse(SENDING, &response.body)?;
    let to = pair(NOTES, object).to;
    let body = json!({ "inputs": [{ "from": { "id": note.id.0 }, "to": { "id": record } }] });
    let url = client.paths.associations(NOTES, &to, "associate/default");
    let linked = client.io.send(post(url, Effect::Idempotent, &body)).await;
    if let Err(error) = linked.and_then(|response| check(SENDING, response)) {
        let url = client.paths.objects(NOTES, &format!("/{}", encode(&note.id.0)));
        let _is_left = client
            .io
            .send(Request::new(Method::Delete, url, Effect::Idempotent))
            .await;
        return Err(error);
    }
    Ok(())
}

fn line_of(name: &str) -> String {
    name.chars()
        .map(|char| if char.is_control() { '_' } else { char })
        .collect()
}

/// See [`syncline_core::connector::Connector::file_changes`].
pub(crate) async fn changes(client: &Client<'_>, object: &str, cursor: Option<&Bytes>) -> Result<FileChanges> {
    let mut at: Cursor = match cursor {
        Some(cursor) => serde_json::from_slice(cursor).map_err(|error| {
            Error::new(ErrorKind::CursorExpired, "the cursor of file changes can't be read").because(error)
        })?,
        None => Cursor::default(),
    };
    let mut filters = vec![json!({ "propertyName": ATTACHED, "operator": "HAS_PROPERTY" })];
    if let Some(since) = at.since {
        filters.extend(search::window(ObjectName::new(NOTES).stamp_property(), since, None));
    }
    let found = search::ids_above(client, NOTES, &filters, at.above, BATCH).await?;
    if at.next.is_none() {
        // The index shows a note late, and a note is linked after it was made.
        let overlap = Duration::from_secs(u64::from(OVERLAP_SECONDS));
        at.next = server_time(&found.response, client.io).checked_sub(overlap).ok();
    }
    let notes: Vec<String> = found.ids.iter().map(u64::to_string).collect();
    let linked = match notes.is_empty() {
        true => BTreeMap::new(),
        false => associations::read(client, &pair(NOTES, object), &notes).await?,
    };
    let records: BTreeSet<u64> = linked.values().flat_map(|linked| linked.all.keys().copied()).collect();
    let at = match (found.more, found.ids.last()) {
        (true, Some(last)) => Cursor { above: *last, ..at },
        _ => Cursor {
            since: at.next,
            ..Cursor::default()
        },
    };
    let cursor = serde_json::to_vec(&at)
        .map_err(|error| Error::new(ErrorKind::Internal, "a cursor can't be written").because(error))?;
    Ok(FileChanges {
        records: records.iter().map(u64::to_string).collect(),
        cursor: cursor.into(),
        more: found.more && !found.ids.is_empty(),
    })
}
