//! Many records at once: sums, edits of what is selected, and files.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use syncline::actor::Actor;
use syncline::entity::{
    EntityAggregateQuery, EntityBulkChange, EntityBulkOutcome, EntitySelection, ImportFailure, ImportFailures,
    ImportOutcome, ImportRequest,
};
use syncline::exchange::{FileFormat, ReadRows, read_rows, write_rows};
use syncline::{Engine, Error, ErrorKind, Result};
use uuid::Uuid;

use super::entities::types_of;
use super::{plain, take, unknown};

/// Refused rows that an answer holds; the others are counted.
const SHOWN: usize = 1_000;

pub(super) async fn call(engine: &Engine, operation: &str, actor: &Actor, arguments: Json) -> Result<Json> {
    let entities = engine.entities();
    match operation {
        "aggregate" => {
            take!(arguments => tenant: u32, blueprint: String, query: EntityAggregateQuery);
            let groups = entities.aggregate(tenant, &blueprint, &query, actor).await?;
            let types = types_of(engine, tenant, &blueprint).await?;
            Ok(json!({ "groups": plain(&groups)?, "types": types }))
        }
        "preview_bulk" => {
            take!(arguments => tenant: u32, blueprint: String, selection: EntitySelection, change: EntityBulkChange);
            plain(
                &entities
                    .preview_bulk(tenant, &blueprint, &selection, &change, actor)
                    .await?,
            )
        }
        "bulk" => {
            take!(arguments => tenant: u32, blueprint: String, selection: EntitySelection, change: EntityBulkChange);
            let mut go_on = |_: &EntityBulkOutcome| ControlFlow::Continue(());
            plain(
                &entities
                    .bulk(tenant, &blueprint, &selection, &change, &mut go_on, actor)
                    .await?,
            )
        }
        "export" => {
            take!(arguments => tenant: u32, blueprint: String, selection: EntitySelection, path: PathBuf,
                format: Option<FileFormat>, fields: Vec<String>);
            let format = format_of(&path, format)?;
            let columns = entities.export_columns(tenant, &blueprint, &fields, actor).await?;
            let file = File::create(&path).map_err(|error| unusable(&path, "can't be written", error))?;
            let mut rows = write_rows(format, columns.clone(), file)?;
            let mut go_on = |_: u64| ControlFlow::Continue(());
            let written = entities
                .export(tenant, &blueprint, &selection, &columns, &mut *rows, &mut go_on, actor)
                .await?;
            plain(&written)
        }
        "preview_import" => {
            take!(arguments => tenant: u32, blueprint: String, path: PathBuf, format: Option<FileFormat>,
                request: ImportRequest);
            let mut rows = opened(&path, format)?;
            plain(
                &entities
                    .preview_import(tenant, &blueprint, &mut *rows, &request, actor)
                    .await?,
            )
        }
        "import" => {
            take!(arguments => tenant: u32, blueprint: String, path: PathBuf, format: Option<FileFormat>,
                request: ImportRequest);
            let mut rows = opened(&path, format)?;
            let mut refused = Refused::default();
            let mut go_on = |_: &ImportOutcome| ControlFlow::Continue(());
            let outcome = entities
                .import(
                    tenant,
                    &blueprint,
                    &mut *rows,
                    &request,
                    &mut refused,
                    &mut go_on,
                    actor,
                )
                .await?;
            let mut outcome = plain(&outcome)?;
            outcome["failures"] = plain(&refused.shown)?;
            Ok(outcome)
        }
        "history" => {
            take!(arguments => tenant: u32, uid: Uuid, limit: usize);
            plain(&entities.history(tenant, uid, None, limit, actor).await?.entries)
        }
        "restore" => {
            take!(arguments => tenant: u32, uid: Uuid, rev: u64);
            let edited = entities.restore(tenant, uid, rev, actor).await?;
            let types = types_of(engine, tenant, &edited.entity.blueprint).await?;
            Ok(json!({ "edited": plain(&edited)?, "types": types }))
        }
        _ => unknown(operation),
    }
}

fn unusable(path: &Path, what: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, format!("the file {} {what}", path.display())).because(error)
}

fn format_of(path: &Path, given: Option<FileFormat>) -> Result<FileFormat> {
    given
        .or_else(|| FileFormat::of_name(&path.to_string_lossy()))
        .ok_or_else(|| {
            let message = format!(
                "the name {} does not end like .csv, .jsonl or .xlsx; say the format",
                path.display()
            );
            Error::new(ErrorKind::Invalid, message)
        })
}

fn opened(path: &Path, format: Option<FileFormat>) -> Result<Box<dyn ReadRows>> {
    let format = format_of(path, format)?;
    let file = File::open(path).map_err(|error| unusable(path, "can't be read", error))?;
    read_rows(format, file)
}

/// The first rows that were refused.
#[derive(Debug, Default)]
struct Refused {
    shown: Vec<ImportFailure>,
}

impl ImportFailures for Refused {
    fn resume(&mut self, _: u64) -> Result<()> {
        Ok(())
    }

    fn take(&mut self, failures: &[ImportFailure]) -> Result<u64> {
        let room = SHOWN.saturating_sub(self.shown.len());
        self.shown.extend(failures.iter().take(room).cloned());
        Ok(0)
    }
}
