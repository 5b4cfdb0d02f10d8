//! `syncline connectors`: the table of what each connector can do, from the manifests.

use std::process::ExitCode;
use std::sync::Arc;

use syncline::Engine;
use syncline::manifest::Manifest;
use syncline::ports::SystemRandom;
use syncline::store::MemoryStore;
use syncline::vault::InMemoryKeyProvider;

use crate::failure::Failure;
use crate::output::Output;
use crate::table::{Table, word};

/// Prints connectors by capability; with `--output markdown` as the README shows it.
///
/// # Errors
/// When no engine can be put together.
pub(crate) fn connectors(output: Output) -> Result<ExitCode, Failure> {
    let keys = Arc::new(InMemoryKeyProvider::generate(&SystemRandom));
    let engine = syncline::connectors::add_all(Engine::builder(Arc::new(MemoryStore::default()), keys)).build()?;
    let manifests: Vec<&Manifest> = engine.connectors().map(|connector| connector.manifest()).collect();
    output.json(&manifests)?;
    let mut headers = vec!["Capability"];
    headers.extend(manifests.iter().map(|manifest| manifest.label.as_str()));
    let mut table = Table::new(&headers);
    for (name, show) in ROWS {
        let mut row = vec![(*name).to_owned()];
        row.extend(manifests.iter().map(|manifest| show(manifest)));
        table.row(row);
    }
    output.table(&table);
    Ok(ExitCode::SUCCESS)
}

/// A row of the table: its name, and its cell for a connector.
type CapabilityRow = (&'static str, fn(&Manifest) -> String);

const ROWS: &[CapabilityRow] = &[
    ("API version", |manifest| manifest.api_version.clone()),
    ("Default objects", |manifest| manifest.default_objects.join(", ")),
    ("Records per page", |manifest| {
        manifest.capabilities.read.page_size.to_string()
    }),
    ("Records per strong read", |manifest| {
        manifest.capabilities.read.fetch_size.to_string()
    }),
    ("Modified stamp to", |manifest| {
        match manifest.capabilities.read.stamp_milliseconds {
            1000 => "the second".to_owned(),
            1 => "the millisecond".to_owned(),
            other => format!("{other} ms"),
        }
    }),
    ("Incremental reads overlap", |manifest| {
        format!("{} min", manifest.capabilities.read.overlap_seconds / 60)
    }),
    ("Incremental reads may be stale", |manifest| {
        yes(manifest.capabilities.read.index_lags)
    }),
    ("Creates per call", |manifest| {
        manifest.capabilities.create.batch_size.to_string()
    }),
    ("Creates carry our unique key", |manifest| {
        yes(manifest.capabilities.create.marker)
    }),
    ("That key's field can be made", |manifest| {
        yes(manifest.capabilities.create.makes_marker)
    }),
    ("Updates per call", |manifest| {
        manifest.capabilities.update.batch_size.to_string()
    }),
    ("Updates are conditional", |manifest| {
        word(&manifest.capabilities.update.compare_and_set)
    }),
    ("Deletes per call", |manifest| {
        manifest.capabilities.delete.batch_size.to_string()
    }),
    ("Deletes are conditional", |manifest| {
        word(&manifest.capabilities.delete.compare_and_set)
    }),
    ("Deletes are seen by", |manifest| {
        word(&manifest.capabilities.delete_evidence).replace('_', " ")
    }),
    ("Single records may be hidden", |manifest| {
        yes(manifest.capabilities.read.hides_records)
    }),
    ("Undelete", |manifest| yes(manifest.capabilities.undelete)),
    ("Merges are reported", |manifest| {
        yes(manifest.capabilities.merges_reported)
    }),
    ("A merge makes a new id", |manifest| {
        yes(manifest.capabilities.merge_makes_new_id)
    }),
    ("Webhooks", |manifest| yes(manifest.capabilities.webhooks)),
    ("Files of records", |manifest| yes(manifest.capabilities.files)),
    ("Rotates refresh tokens", |manifest| {
        yes(manifest.authorisation.rotates_refresh_tokens)
    }),
    ("Limits", |manifest| {
        let limits = manifest
            .limits
            .iter()
            .map(|limit| format!("{} calls in {} s", limit.calls, limit.seconds));
        limits.collect::<Vec<_>>().join(", ")
    }),
    ("Settings", |manifest| {
        let settings: Vec<&str> = manifest.settings.iter().map(|setting| setting.name.as_str()).collect();
        if settings.is_empty() {
            "-".to_owned()
        } else {
            settings.join(", ")
        }
    }),
];

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}
