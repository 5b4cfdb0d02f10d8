//! What tables can do.

use syncline_core::manifest::{
    Capabilities, CompareAndSet, CreateCapabilities, DeleteEvidence, Manifest, ReadCapabilities, Role, Setting,
    WriteCapabilities,
};

use crate::read::KEYS;
use crate::spec::TableSpec;

/// Rows per page.
pub(crate) const PAGE: usize = 2_000;
/// Rows per transaction of a push: so long others wait.
pub(crate) const WRITES: usize = 200;
/// The setting that says whose rows a connection means.
pub(crate) const SCOPE: &str = "scope";

pub(crate) fn manifest(provider: &str, label: &str, specs: &[TableSpec]) -> Manifest {
    let overlap = specs
        .iter()
        .filter(|spec| !spec.outbox)
        .map(|spec| spec.overlap_seconds);
    let told = |spec: &TableSpec| spec.outbox || (spec.deleted.is_some() && spec.stamp.is_some());
    let write = || WriteCapabilities {
        batch_size: WRITES,
        // By the stamp, where there is one, and no finer than it.
        compare_and_set: CompareAndSet::Weak,
    };
    Manifest {
        hosts: Vec::new(),
        capabilities: Capabilities {
            read: ReadCapabilities {
                page_size: PAGE,
                fetch_size: KEYS,
                stamp_milliseconds: 1,
                overlap_seconds: overlap.max().unwrap_or_default(),
                index_lags: false,
                hides_records: false,
            },
            create: CreateCapabilities {
                batch_size: WRITES,
                // Any unique column of text, where the table has one.
                marker: true,
                job_size: None,
                makes_marker: false,
            },
            update: write(),
            delete: write(),
            delete_evidence: if !specs.is_empty() && specs.iter().all(told) {
                DeleteEvidence::Incremental
            } else {
                DeleteEvidence::Sweep
            },
            undelete: false,
            merges_reported: false,
            merge_makes_new_id: false,
            webhooks: false,
            files: false,
        },
        default_objects: specs.iter().map(|spec| spec.name.clone()).collect(),
        settings: vec![Setting {
            name: SCOPE.into(),
            description: "whose rows the connection means, in tables that hold those of several customers".into(),
            default: None,
        }],
        role: Role::App,
        ..Manifest::new(provider, label, "", "")
    }
}
