//! A first look over a run's audit: where its blocks are, and what can only be undone once all of them were read.

use std::collections::BTreeSet;

use syncline_core::audit::{AuditKind, open_block};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::state::SideId;
use syncline_core::value::Value;
use uuid::Uuid;

use super::super::model::Run;
use super::super::session::Session;
use crate::document::Versioned;

/// Blocks read at once; each holds what one transaction wrote down.
pub(super) const BLOCKS: usize = 8;

/// An entity that the run created.
#[derive(Debug, Clone)]
pub(super) struct Created {
    pub(super) uid: Uuid,
    /// The revision with which it began.
    pub(super) rev: u64,
    /// The side that it came from.
    pub(super) side: SideId,
}

/// What a run's audit holds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Numbers of its blocks, oldest first.
    pub(super) blocks: Vec<u64>,
    /// Entities that it created, oldest first.
    pub(super) created: Vec<Created>,
    /// Links that it made.
    pub(super) linked: BTreeSet<(Uuid, SideId)>,
    /// Number of writes that were confirmed.
    pub(super) confirmed: u64,
}

/// Looks over the audit of a run.
///
/// # Errors
/// `Refused` when a part of it is no longer kept.
pub(super) async fn scan(session: &mut Session<'_>, run: &mut Versioned<Run>, undone: &Run) -> Result<Scan> {
    let mut scan = Scan::default();
    let mut after = 0;
    loop {
        let mut page = session.begin().await?;
        let blocks = page.tx()?.audit(undone.tenant, Some(undone.id), after, BLOCKS).await?;
        session.commit(page, run).await?;
        let Some(last) = blocks.last() else { return Ok(scan) };
        after = last.seq;
        for block in &blocks {
            if block.body.is_empty() && block.count > 0 {
                return Err(Error::new(
                    ErrorKind::Refused,
                    format!(
                        "the audit of run {} is no longer kept, so it can't be rolled back",
                        undone.id
                    ),
                ));
            }
            scan.blocks.push(block.seq);
            for entry in open_block(block)? {
                match entry.kind {
                    AuditKind::Created => {
                        scan.linked.insert((entry.entity, entry.side));
                        scan.created.push(Created {
                            uid: entry.entity,
                            rev: entry.rev,
                            side: entry.side,
                        });
                    }
                    AuditKind::Linked => {
                        scan.linked.insert((entry.entity, entry.side));
                    }
                    AuditKind::Confirmed => scan.confirmed += 1,
                    _ => {}
                }
            }
        }
    }
}

/// The values that an entity was created with, as far as both are known: fields that the blueprint got later are null.
pub(super) fn same_values(entity: &[Value], created: &[Value]) -> bool {
    let length = entity.len().max(created.len());
    (0..length).all(|place| entity.get(place).unwrap_or(&Value::Null) == created.get(place).unwrap_or(&Value::Null))
}
