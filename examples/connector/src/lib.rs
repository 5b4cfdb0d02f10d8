//! A connector for Rolodex, a made-up CRM that knows people. `docs/connector.md` writes it step by step.

use serde_json::{Map, Value, json};
use syncline::simple::{Api, Page, PageRequest, Record, SimpleConnector};
use syncline::{Result, async_trait, manifest::Manifest, schema::*};

/// Rolodex. An engine gets it by `builder.connector(Simple::new(Rolodex))`.
#[derive(Debug)]
pub struct Rolodex;

#[async_trait]
impl SimpleConnector for Rolodex {
    fn manifest(&self) -> Manifest {
        Manifest {
            hosts: vec!["*.rolodex.example".into()],
            default_objects: vec!["people".into()],
            ..Manifest::new(
                "rolodex",
                "Rolodex",
                "https://login.rolodex.example",
                "https://api.rolodex.example",
            )
        }
    }

    async fn account(&self, api: &Api<'_>) -> Result<Account> {
        let me = api.get(&["me"], &[]).await?;
        let text = |name: &str| me[name].as_str().unwrap_or_default().to_owned();
        Ok(Account {
            id: text("account"),
            name: text("company"),
            user_id: text("id"),
            user_name: text("name"),
            ..Account::default()
        })
    }

    async fn objects(&self, _: &Api<'_>) -> Result<Vec<ObjectInfo>> {
        Ok(vec![ObjectInfo::new("people", "People")])
    }

    async fn describe(&self, _: &Api<'_>, _: &str) -> Result<Vec<FieldSchema>> {
        let name = FieldSchema {
            required: true,
            ..FieldSchema::new("name", FieldKind::Text)
        };
        let mut fields = vec![FieldSchema::read_only("id", FieldKind::Id), name];
        fields.push(FieldSchema::new("mail", FieldKind::Email));
        fields.extend(["city", "note"].map(|path| FieldSchema::new(path, FieldKind::Text)));
        Ok(fields)
    }

    async fn pull(&self, api: &Api<'_>, request: PageRequest<'_>) -> Result<Page> {
        let size = request.size.to_string();
        let since = request.since.map(|since| since.to_string());
        let mut query = vec![("limit", size.as_str())];
        query.extend(since.as_deref().map(|since| ("updated_since", since)));
        query.extend(request.page.map(|page| ("after", page)));
        let mut read = api.get(&["people"], &query).await?;
        Ok(Page {
            records: Record::list_from_json(read["people"].take(), "id", "updated")?,
            next: read["next"].as_str().map(str::to_owned),
        })
    }

    async fn fetch(&self, api: &Api<'_>, _: &str, ids: &[String], _: &[&str]) -> Result<Vec<Record>> {
        let mut read = api.get(&["people"], &[("ids", &ids.join(","))]).await?;
        Record::list_from_json(read["people"].take(), "id", "updated")
    }

    async fn create(&self, api: &Api<'_>, _: &str, values: Map<String, Value>) -> Result<String> {
        let made = api.post(&["people"], &json!(values)).await?;
        Ok(Record::from_json(made, "id", "updated")?.id)
    }

    async fn update(&self, api: &Api<'_>, _: &str, id: &str, values: Map<String, Value>) -> Result<()> {
        api.patch(&["people", id], &json!(values)).await.map(drop)
    }

    async fn delete(&self, api: &Api<'_>, _: &str, id: &str) -> Result<()> {
        api.delete(&["people", id]).await.map(drop)
    }
}
