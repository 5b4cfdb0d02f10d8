//! Folders that lists lie in.

use serde_json::{Value, json};

use super::answer::Answer;
use super::portal::Portal;
use super::request::{ApiRequest, Version, text_or_number};
use super::stamp::Stamp;

/// One folder of lists.
#[derive(Clone, Debug)]
pub(super) struct ListFolder {
    id: u64,
    name: String,
    /// 0 is the top.
    parent: u64,
    created: Stamp,
    updated: Stamp,
}

impl Portal {
    /// Requests below `lists/folders`.
    pub(super) fn list_folders_request(&mut self, request: &ApiRequest, rest: &[&str]) -> Answer {
        let now = self.now();
        match (request.method.as_str(), rest) {
            ("POST", []) => {
                let body = request.json().unwrap_or_default();
                let Some(name) = text_or_number(body.get("name")).filter(|name| !name.is_empty()) else {
                    return self.invalid("Some required fields were not set: [name]");
                };
                let parent = text_or_number(body.get("parentFolderId"))
                    .and_then(|id| id.parse().ok())
                    .unwrap_or(0);
                let id = 1 + self.list_folders.iter().map(|folder| folder.id).max().unwrap_or(0);
                self.list_folders.push(ListFolder {
                    id,
                    name,
                    parent,
                    created: now,
                    updated: now,
                });
                self.list_folder(request.version, id).touching(1)
            }
            ("GET", []) => {
                let id = request.query("folderId").and_then(|id| id.parse().ok()).unwrap_or(0);
                self.list_folder(request.version, id)
            }
            ("PUT", ["move-list"]) => {
                let body = request.json().unwrap_or_default();
                let text = |key: &str| text_or_number(body.get(key)).unwrap_or_default();
                let (list, folder) = (text("listId"), text("newFolderId").parse().unwrap_or(0));
                match self.lists.iter_mut().find(|known| known.id.to_string() == list) {
                    Some(known) => {
                        known.folder = folder;
                        Answer::empty()
                    }
                    None => self.not_found(),
                }
            }
            (method, [id, rest @ ..]) => {
                let id: u64 = id.parse().unwrap_or(0);
                let Some(place) = self.list_folders.iter().position(|folder| folder.id == id) else {
                    return self.not_found();
                };
                match (method, rest) {
                    ("DELETE", []) => {
                        self.list_folders.remove(place);
                        return Answer::empty();
                    }
                    ("PUT", ["rename"]) => {
                        if let Some(name) = request.query("newFolderName") {
                            name.clone_into(&mut self.list_folders[place].name);
                        }
                    }
                    ("PUT", ["move", parent]) => self.list_folders[place].parent = parent.parse().unwrap_or(0),
                    _ => return self.not_found(),
                }
                self.list_folders[place].updated = now;
                self.list_folder(request.version, id)
            }
            _ => self.not_found(),
        }
    }

    /// A folder with what lies in it; 0 is the top, which nobody made.
    fn list_folder(&mut self, version: Version, id: u64) -> Answer {
        // Ids were numbers until versions had dates.
        let shown = |id: u64| match version {
            Version::Numbered => Value::from(id),
            _ => Value::from(id.to_string()),
        };
        let known = self.list_folders.iter().find(|folder| folder.id == id).cloned();
        if known.is_none() && id != 0 {
            return self.not_found();
        }
        let children: Vec<Value> = self
            .list_folders
            .iter()
            .filter(|folder| folder.parent == id)
            .map(|folder| {
                json!({"id": shown(folder.id), "name": folder.name, "parentFolderId": shown(folder.parent),
                "childNodes": [], "childLists": []})
            })
            .collect();
        let lists: Vec<u64> = self
            .lists
            .iter()
            .filter(|list| list.folder == id)
            .map(|list| list.id)
            .collect();
        let mut folder = json!({"id": shown(id), "name": "", "parentFolderId": shown(0), "childNodes": children, "childLists": lists});
        if let (Some(known), Some(fields)) = (known, folder.as_object_mut()) {
            fields.insert("name".into(), known.name.into());
            fields.insert("parentFolderId".into(), shown(known.parent));
            fields.insert("createdAt".into(), known.created.to_string().into());
            fields.insert("updatedAt".into(), known.updated.to_string().into());
        }
        Answer::json(200, &json!({"folder": folder}))
    }
}
