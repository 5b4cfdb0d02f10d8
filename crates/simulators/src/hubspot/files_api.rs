//! Files: uploaded, found, read at signed addresses, and taken away.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::portal::Portal;
use super::request::{ApiRequest, text_or_number};
use super::stamp::Stamp;
use crate::multipart::parts;

/// How long a signed address works.
const SIGNED_FOR: SignedDuration = SignedDuration::from_hours(6);
/// Id of the first file.
const FIRST: u64 = 190_000_000_001;

/// One file.
#[derive(Clone, Debug)]
struct StoredFile {
    name: String,
    extension: String,
    folder: Option<u64>,
    access: String,
    content: Vec<u8>,
    /// The secret part of its signed address.
    key: String,
    created: Stamp,
    updated: Stamp,
}

/// One folder.
#[derive(Clone, Debug)]
struct Folder {
    name: String,
    parent: Option<u64>,
    created: Stamp,
    updated: Stamp,
}

/// The files of the account.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    files: BTreeMap<u64, StoredFile>,
    folders: BTreeMap<u64, Folder>,
}

impl Files {
    fn next_id(&self) -> u64 {
        let last = |last: Option<&u64>| last.copied().unwrap_or(FIRST - 1);
        1 + last(self.files.keys().next_back()).max(last(self.folders.keys().next_back()))
    }

    fn path(&self, folder: Option<u64>) -> String {
        match folder.and_then(|id| self.folders.get(&id)) {
            Some(folder) => format!("{}/{}", self.path(folder.parent), folder.name),
            None => String::new(),
        }
    }

    /// The folder of a path; those that are missing are made.
    fn folder_at(&mut self, path: &str, now: Stamp) -> Option<u64> {
        let mut parent = None;
        for step in path.split('/').filter(|step| !step.is_empty()) {
            let known = self
                .folders
                .iter()
                .find(|(_, folder)| folder.parent == parent && folder.name.eq_ignore_ascii_case(step))
                .map(|(id, _)| *id);
            parent = Some(known.unwrap_or_else(|| {
                let id = self.next_id();
                self.folders.insert(
                    id,
                    Folder {
                        name: step.to_owned(),
                        parent,
                        created: now,
                        updated: now,
                    },
                );
                id
            }));
        }
        parent
    }

    fn file_json(&self, portal: u64, base: &str, id: u64, file: &StoredFile) -> Value {
        let path = format!("{}/{}.{}", self.path(file.folder), file.name, file.extension);
        let mut shown = Map::new();
        shown.insert("id".into(), id.to_string().into());
        shown.insert("createdAt".into(), file.created.to_string().into());
        shown.insert("updatedAt".into(), file.updated.to_string().into());
        shown.insert("archived".into(), false.into());
        if let Some(folder) = file.folder {
            shown.insert("parentFolderId".into(), folder.to_string().into());
        }
        shown.insert("name".into(), file.name.clone().into());
        shown.insert("path".into(), path.clone().into());
        shown.insert("size".into(), file.content.len().into());
        shown.insert("type".into(), kind(&file.extension).into());
        shown.insert("extension".into(), file.extension.clone().into());
        shown.insert(
            "defaultHostingUrl".into(),
            format!("{base}/hubfs/v1/{portal}{path}").into(),
        );
        shown.insert("url".into(), format!("{base}/hubfs/v1/{portal}{path}").into());
        shown.insert("isUsableInContent".into(), (file.access != "PRIVATE").into());
        shown.insert("access".into(), file.access.clone().into());
        Value::Object(shown)
    }

    fn folder_json(&self, id: u64, folder: &Folder) -> Value {
        let mut shown = json!({
            "id": id.to_string(), "createdAt": folder.created.to_string(), "updatedAt": folder.updated.to_string(),
            "archived": false, "name": folder.name, "path": self.path(Some(id)),
        });
        if let (Some(parent), Some(fields)) = (folder.parent, shown.as_object_mut()) {
            fields.insert("parentFolderId".into(), parent.to_string().into());
        }
        shown
    }
}

fn kind(extension: &str) -> &'static str {
    match extension {
        "png" | "jpg" | "jpeg" | "gif" | "svg" | "webp" => "IMG",
        "pdf" | "doc" | "docx" | "txt" | "csv" | "xls" | "xlsx" => "DOCUMENT",
        "mp3" | "wav" => "AUDIO",
        "mp4" | "mov" => "MOVIE",
        _ => "OTHER",
    }
}

fn split_name(name: &str) -> (String, String) {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem.to_owned(), extension.to_ascii_lowercase()),
        _ => (name.to_owned(), String::new()),
    }
}

impl Portal {
    /// Requests below `files`.
    pub(super) fn files_request(&mut self, request: &ApiRequest, rest: &[&str]) -> Answer {
        match (request.method.as_str(), rest) {
            ("POST", ["files"]) => self.upload(request, None),
            ("GET", ["files", "search"]) => self.search_files(request),
            ("GET", ["files", "stat", path @ ..]) => {
                let path = format!("/{}", path.join("/"));
                let found = self.files.files.iter().find(|(_, file)| {
                    format!("{}/{}.{}", self.files.path(file.folder), file.name, file.extension) == path
                });
                match found {
                    Some((id, file)) => {
                        let file = self.files.file_json(self.id, &request.base, *id, file);
                        Answer::json(200, &json!({"file": file}))
                    }
                    None => self.not_found(),
                }
            }
            (_, ["files", id, rest @ ..]) => match id.parse().ok().filter(|id| self.files.files.contains_key(id)) {
                Some(id) => self.one_file(request, id, rest),
                None => self.not_found(),
            },
            ("POST", ["folders"]) => self.create_folder(request),
            ("GET", ["folders", "search"]) => {
                let name = request.query("name").map(str::to_lowercase);
                let results: Vec<Value> = self
                    .files
                    .folders
                    .iter()
                    .filter(|(_, folder)| {
                        name.as_ref()
                            .is_none_or(|name| folder.name.to_lowercase().contains(name))
                    })
                    .map(|(id, folder)| self.files.folder_json(*id, folder))
                    .collect();
                Answer::json(200, &json!({"results": results}))
            }
            (_, ["folders", path @ ..]) if !path.is_empty() => self.one_folder(request, path),
            _ => self.not_found(),
        }
    }

    fn upload(&mut self, request: &ApiRequest, replaced: Option<u64>) -> Answer {
        let parts = parts(&request.body);
        let text = |name: &str| {
            let part = parts.iter().find(|part| part.name == name)?;
            Some(String::from_utf8_lossy(part.content).into_owned())
        };
        let Some(sent) = parts.iter().find(|part| part.name == "file") else {
            return self.invalid("No file was sent; the form needs a part of the name `file`");
        };
        let options: Value = text("options")
            .and_then(|options| serde_json::from_str(&options).ok())
            .unwrap_or_default();
        let access = options["access"].as_str().unwrap_or_default().to_owned();
        let known = [
            "PUBLIC_INDEXABLE",
            "PUBLIC_NOT_INDEXABLE",
            "HIDDEN_INDEXABLE",
            "HIDDEN_NOT_INDEXABLE",
            "HIDDEN_PRIVATE",
            "PRIVATE",
            "HIDDEN_SENSITIVE",
            "SENSITIVE",
        ];
        if replaced.is_none() && !known.contains(&access.as_str()) {
            return self.invalid("Invalid options: `access` must be set to one of the known levels, such as PRIVATE");
        }
        let now = self.now();
        let (folder_path, folder_id) = (text("folderPath"), text("folderId"));
        if replaced.is_none() && folder_path.is_none() && folder_id.is_none() {
            return self.invalid("Either folderPath or folderId must be given");
        }
        let folder = match folder_id.and_then(|id| id.parse().ok()) {
            Some(id) if self.files.folders.contains_key(&id) => Some(id),
            Some(_) => return self.not_found(),
            None => folder_path.and_then(|path| self.files.folder_at(&path, now)),
        };
        let name = text("fileName")
            .or_else(|| sent.file_name.clone())
            .unwrap_or_else(|| "file".to_owned());
        let (mut name, mut extension) = split_name(&name);
        if extension.is_empty()
            && let Some(sent) = &sent.file_name
        {
            extension = split_name(sent).1;
        }
        let key = self.correlation_id();
        let id = replaced.unwrap_or_else(|| self.files.next_id());
        let before = self.files.files.get(&id).cloned();
        if replaced.is_none() {
            // Two files of one name stand side by side.
            let taken = |files: &Files, name: &str| {
                files
                    .files
                    .values()
                    .any(|file| file.folder == folder && file.name == name && file.extension == extension)
            };
            let stem = name.clone();
            let mut number = 1;
            while taken(&self.files, &name) {
                name = format!("{stem}-{number}");
                number += 1;
            }
        }
        let file = match before {
            Some(before) => StoredFile {
                content: sent.content.to_vec(),
                updated: now,
                access: if access.is_empty() {
                    before.access.clone()
                } else {
                    access
                },
                ..before
            },
            None => StoredFile {
                name,
                extension,
                folder,
                access,
                content: sent.content.to_vec(),
                key,
                created: now,
                updated: now,
            },
        };
        let shown = self.files.file_json(self.id, &request.base, id, &file);
        self.files.files.insert(id, file);
        Answer::json(if replaced.is_some() { 200 } else { 201 }, &shown).touching(1)
    }

    fn search_files(&self, request: &ApiRequest) -> Answer {
        let limit = request
            .query("limit")
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(20_usize);
        let after: u64 = request.query("after").and_then(|after| after.parse().ok()).unwrap_or(0);
        let name = request.query("name").map(str::to_lowercase);
        let ids = request.query_list("ids");
        let folder: Option<u64> = request.query("parentFolderIds").and_then(|id| id.parse().ok());
        let mut found = self.files.files.range(after..).filter(|(id, file)| {
            name.as_ref().is_none_or(|name| file.name.to_lowercase().contains(name))
                && (ids.is_empty() || ids.contains(&id.to_string()))
                && (folder.is_none() || file.folder == folder)
        });
        let results: Vec<Value> = found
            .by_ref()
            .take(limit)
            .map(|(id, file)| self.files.file_json(self.id, &request.base, *id, file))
            .collect();
        let mut body = json!({"results": results});
        if let (Some((next, _)), Some(fields)) = (found.next(), body.as_object_mut()) {
            let after = next.to_string();
            fields.insert(
                "paging".into(),
                json!({"next": {"link": request.link_to(&after), "after": after}}),
            );
        }
        Answer::json(200, &body)
    }

    fn one_file(&mut self, request: &ApiRequest, id: u64, rest: &[&str]) -> Answer {
        let Some(mut file) = self.files.files.get(&id).cloned() else {
            return self.not_found();
        };
        match (request.method.as_str(), rest) {
            ("GET", []) => Answer::json(200, &self.files.file_json(self.id, &request.base, id, &file)),
            ("PUT", []) => self.upload(request, Some(id)),
            ("PATCH", []) => {
                let body = request.json().unwrap_or_default();
                let now = self.now();
                if let Some(name) = text_or_number(body.get("name")) {
                    file.name = name;
                }
                if let Some(access) = text_or_number(body.get("access")) {
                    file.access = access;
                }
                if let Some(path) = text_or_number(body.get("parentFolderPath")) {
                    file.folder = self.files.folder_at(&path, now);
                }
                file.updated = now;
                let shown = self.files.file_json(self.id, &request.base, id, &file);
                self.files.files.insert(id, file);
                Answer::json(200, &shown).touching(1)
            }
            ("DELETE", [] | ["gdpr-delete"]) => {
                self.files.files.remove(&id);
                Answer::empty().touching(1)
            }
            ("GET", ["signed-url"]) => {
                let now = self.now();
                let seconds: i64 = request
                    .query("expirationSeconds")
                    .and_then(|seconds| seconds.parse().ok())
                    .unwrap_or(SIGNED_FOR.as_secs());
                let expires = Stamp(now.0 + seconds * 1_000);
                let url = format!("{}/signed-file/v1/{}?expires={}", request.base, file.key, expires.0);
                Answer::json(
                    200,
                    &json!({"url": url, "expiresAt": expires.to_string(), "name": file.name,
                        "extension": file.extension, "type": kind(&file.extension), "size": file.content.len()}),
                )
            }
            _ => self.not_found(),
        }
    }

    /// Deletes a file; whether there was one.
    pub(super) fn delete_file(&mut self, id: u64) -> bool {
        self.files.files.remove(&id).is_some()
    }

    fn create_folder(&mut self, request: &ApiRequest) -> Answer {
        let body = request.json().unwrap_or_default();
        let now = self.now();
        let Some(name) = text_or_number(body.get("name")).filter(|name| !name.is_empty()) else {
            return self.invalid("Some required fields were not set: [name]");
        };
        let parent = match text_or_number(body.get("parentFolderId")).and_then(|id| id.parse().ok()) {
            Some(id) if self.files.folders.contains_key(&id) => Some(id),
            Some(_) => return self.not_found(),
            None => text_or_number(body.get("parentPath")).and_then(|path| self.files.folder_at(&path, now)),
        };
        let path = format!("{}/{name}", self.files.path(parent));
        match self
            .files
            .folder_at(&path, now)
            .and_then(|id| Some((id, self.files.folders.get(&id)?)))
        {
            Some((id, folder)) => Answer::json(201, &self.files.folder_json(id, folder)).touching(1),
            None => self.not_found(),
        }
    }

    fn one_folder(&mut self, request: &ApiRequest, path: &[&str]) -> Answer {
        let id = match path {
            [id] if self.files.folders.contains_key(&id.parse().unwrap_or(0)) => id.parse().unwrap_or(0),
            path => {
                let path = format!("/{}", path.join("/"));
                let found = self.files.folders.keys().find(|id| self.files.path(Some(**id)) == path);
                match found {
                    Some(id) => *id,
                    None => return self.not_found(),
                }
            }
        };
        let Some(folder) = self.files.folders.get(&id).cloned() else {
            return self.not_found();
        };
        match request.method.as_str() {
            "GET" => Answer::json(200, &self.files.folder_json(id, &folder)),
            "PATCH" => {
                let body = request.json().unwrap_or_default();
                let now = self.now();
                if let (Some(name), Some(folder)) = (text_or_number(body.get("name")), self.files.folders.get_mut(&id))
                {
                    folder.name = name;
                    folder.updated = now;
                }
                let folder = self.files.folders.get(&id).cloned().unwrap_or(folder);
                Answer::json(200, &self.files.folder_json(id, &folder)).touching(1)
            }
            "DELETE" => {
                self.files.folders.remove(&id);
                Answer::empty().touching(1)
            }
            _ => self.not_found(),
        }
    }

    /// The content of a file at the address that was signed for it.
    pub(super) fn signed_file(&mut self, request: &ApiRequest, key: &str) -> Answer {
        let expires = request.query("expires").and_then(|at| at.parse().ok()).unwrap_or(0);
        let now = self.now();
        match self.files.files.values().find(|file| file.key == key) {
            Some(file) if expires > now.0 => Answer {
                status: 200,
                body: file.content.clone(),
                ..Answer::empty()
            },
            _ => Answer {
                status: 403,
                body: "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>".into(),
                ..Answer::empty()
            },
        }
    }

    /// The content of a file at its public address; what is private has none.
    pub(super) fn hosted_file(&mut self, path: &[&str]) -> Answer {
        let path = format!("/{}", path.join("/"));
        let found = self.files.files.values().find(|file| {
            file.access.starts_with("PUBLIC")
                && format!("{}/{}.{}", self.files.path(file.folder), file.name, file.extension) == path
        });
        match found {
            Some(file) => Answer {
                status: 200,
                body: file.content.clone(),
                ..Answer::empty()
            },
            None => self.not_found(),
        }
    }
}
