//! A page of an import within one transaction.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::plan::{Patch, ReadPoint};
use syncline_core::state::{EntityId, Linked};
use uuid::Uuid;

use super::findings::Findings;
use super::import::ImportKey;
use super::transaction::{EntityTransaction, is_provisional, witness};
use super::upsert::{self, Upserted, UpsertedAs};

/// A row of a file as a record.
#[derive(Debug)]
pub(super) struct ImportRow {
    pub(super) number: u64,
    pub(super) cells: Map<String, Json>,
    pub(super) id: Option<Uuid>,
    /// Its values by field name, or why they can't be read.
    pub(super) values: std::result::Result<Map<String, Json>, String>,
}

/// Writes a page of rows; one answer per row, in their order.
pub(super) async fn write_page(
    work: &mut EntityTransaction<'_>,
    key: &ImportKey,
    rows: &[ImportRow],
) -> Result<Vec<Result<Upserted>>> {
    let mut parsed: Vec<(Patch, Findings)> = Vec::with_capacity(rows.len());
    for row in rows {
        let mut findings = Findings::default();
        let patch = match &row.values {
            Ok(values) => work.parse(values, &mut findings),
            Err(_) => Patch::new(),
        };
        parsed.push((patch, findings));
    }
    let patches: Vec<&Patch> = parsed.iter().map(|(patch, _)| patch).collect();
    let mut known = work.prepare(&patches, &[]).await?;
    let mut ids: BTreeMap<Uuid, EntityId> = BTreeMap::new();
    if *key == ImportKey::Id {
        let uids: Vec<Uuid> = rows.iter().filter_map(|row| row.id).collect();
        let tenant = work.blueprint.tenant;
        let numbers: Vec<EntityId> = work
            .page
            .tx()?
            .find_uids(tenant, &uids)
            .await?
            .into_iter()
            .flatten()
            .collect();
        for linked in work.page.tx()?.load(&numbers).await? {
            ids.insert(linked.entity.uid, linked.entity.id);
            known.insert(linked.entity.id, linked);
        }
    }
    let by = match key {
        ImportKey::Field(name) => work.blueprint.position(name),
        ImportKey::Id | ImportKey::New => None,
    };
    let mut answers = Vec::with_capacity(rows.len());
    for (row, (patch, findings)) in rows.iter().zip(parsed) {
        let find = |work: &EntityTransaction<'_>, id: EntityId| -> Option<Linked> {
            work.written(id).or_else(|| known.get(&id)).cloned()
        };
        let answer = match (&row.values, key, by) {
            (Err(reason), ..) => Err(Error::new(ErrorKind::Invalid, reason.as_str())),
            (Ok(_), ImportKey::Field(_), Some(by)) => upsert::one(work, by, patch, findings, find).await,
            (Ok(_), ImportKey::Id, _) => by_id(work, row.id, patch, findings, &mut ids, find).await,
            (Ok(_), _, _) => create(work, None, &patch, findings).await,
        };
        match answer {
            // The transaction is lost, and with it all of its rows.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Store | ErrorKind::Corrupt | ErrorKind::Internal
                ) =>
            {
                return Err(error);
            }
            answer => answers.push(answer),
        }
    }
    Ok(answers)
}

async fn by_id(
    work: &mut EntityTransaction<'_>,
    id: Option<Uuid>,
    patch: Patch,
    findings: Findings,
    ids: &mut BTreeMap<Uuid, EntityId>,
    find: impl Fn(&EntityTransaction<'_>, EntityId) -> Option<Linked>,
) -> Result<Upserted> {
    let known = id.and_then(|id| ids.get(&id)).and_then(|number| find(work, *number));
    let Some(linked) = known else {
        let upserted = create(work, id, &patch, findings).await?;
        if let Some(number) = work.number_of(upserted.uid) {
            ids.insert(upserted.uid, number);
        }
        return Ok(upserted);
    };
    let uid = linked.entity.uid;
    if linked.entity.blueprint != work.blueprint.id || is_provisional(&linked) {
        return Err(Error::new(
            ErrorKind::Exists,
            format!("record {uid} is no {}", work.blueprint.name),
        ));
    }
    if linked.entity.deleted {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("record {uid} is deleted; bring it back, then import this row again"),
        ));
    }
    witness(work.inner, &linked);
    let read = ReadPoint::Rev(linked.entity.rev);
    let outcome = work.edit(&linked, patch, &read, findings).await?;
    Ok(Upserted {
        uid,
        outcome: if outcome.changed.is_empty() {
            UpsertedAs::Unchanged
        } else {
            UpsertedAs::Updated
        },
    })
}

async fn create(
    work: &mut EntityTransaction<'_>,
    id: Option<Uuid>,
    patch: &Patch,
    findings: Findings,
) -> Result<Upserted> {
    let number = work.create_as(id, patch, findings).await?;
    let made = work.written(number);
    let made = made.ok_or_else(|| Error::new(ErrorKind::Internal, "a record was not kept"))?;
    Ok(Upserted {
        uid: made.entity.uid,
        outcome: UpsertedAs::Created,
    })
}
