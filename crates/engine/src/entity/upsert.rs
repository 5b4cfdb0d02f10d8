//! Many records at once: those that are known by a unique field are updated, the others are made.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::model::TenantId;
use syncline_core::plan::{Patch, ReadPoint};
use syncline_core::state::{EntityId, Linked};
use syncline_core::value::Value;
use uuid::Uuid;

use super::findings::Findings;
use super::service::Entities;
use super::transaction::EntityTransaction;
use crate::actor::{Action, Actor};

/// Records written per transaction.
const CHUNK: usize = 500;

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upserted {
    /// The entity.
    pub uid: Uuid,
    /// What was done to it.
    pub outcome: UpsertedAs,
}

/// What was done to an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpsertedAs {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It was like this already.
    Unchanged,
}

impl Entities<'_> {
    /// Writes records that are recognised by the unique field `by`: a known entity is updated in the fields given,
    /// whatever it holds (what is overruled is audited), and an unknown one is made. One answer per record, in their
    /// order; the others go on when one is refused. Records are committed 500 at a time.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy; [`ErrorKind::NotFound`] for an unknown blueprint; [`ErrorKind::Invalid`]
    /// when `by` is not one of its unique fields; [`ErrorKind::Store`] when the store fails, with what was committed
    /// before kept. The answers hold the errors of [`Entities::create`] and [`Entities::update`].
    pub async fn bulk_upsert(
        &self,
        tenant: TenantId,
        blueprint: &str,
        by: &str,
        records: Vec<Map<String, Json>>,
        actor: &Actor,
    ) -> Result<Vec<Result<Upserted>>> {
        let inner = &self.0.inner;
        inner.allow_in(actor, tenant, Action::EditEntities)?;
        let mut answers = Vec::with_capacity(records.len());
        for chunk in records.chunks(CHUNK) {
            let mut work = EntityTransaction::of_blueprint(inner, tenant, blueprint, actor).await?;
            answers.extend(upsert(&mut work, by, chunk).await?);
            work.finish().await?;
        }
        Ok(answers)
    }
}

async fn upsert(
    work: &mut EntityTransaction<'_>,
    by: &str,
    records: &[Map<String, Json>],
) -> Result<Vec<Result<Upserted>>> {
    let position = work
        .blueprint
        .position(by)
        .filter(|&position| work.unique.has(position))
        .ok_or_else(|| {
            let unique: Vec<&str> = work
                .blueprint
                .fields
                .iter()
                .filter(|field| field.unique)
                .map(|field| field.name.as_str())
                .collect();
            let unique = if unique.is_empty() {
                "none".to_owned()
            } else {
                unique.join(", ")
            };
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "`{by}` is not a unique field of {}, so records can't be found by it; unique: {unique}",
                    work.blueprint.name
                ),
            )
        })?;
    let mut parsed = Vec::with_capacity(records.len());
    for record in records {
        let mut findings = Findings::default();
        let patch = work.parse(record, &mut findings);
        parsed.push((patch, findings));
    }
    let patches: Vec<&Patch> = parsed.iter().map(|(patch, _)| patch).collect();
    let known = work.prepare(&patches, &[]).await?;
    let mut answers = Vec::with_capacity(parsed.len());
    for (patch, findings) in parsed {
        let known = |work: &EntityTransaction<'_>, id: EntityId| -> Option<Linked> {
            work.written(id).or_else(|| known.get(&id)).cloned()
        };
        match one(work, position, patch, findings, known).await {
            // The transaction is lost, and with it all of its records.
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

pub(super) async fn one(
    work: &mut EntityTransaction<'_>,
    by: usize,
    patch: Patch,
    mut findings: Findings,
    known: impl Fn(&EntityTransaction<'_>, EntityId) -> Option<Linked>,
) -> Result<Upserted> {
    let name = work.blueprint.fields[by].name.clone();
    let mut row = vec![Value::Null; by + 1];
    row[by] = patch.get(&by).cloned().unwrap_or_default();
    let Some(owners) = work.unique.owners(by, &row) else {
        if !findings.names(&name) {
            findings.invalid(
                &name,
                format!("`{name}` is needed to recognise the record; give it a value"),
            );
        }
        findings.check(&work.blueprint.name)?;
        return Err(Error::new(
            ErrorKind::Internal,
            "a record without a key passed its checks",
        ));
    };
    let missing = || Error::new(ErrorKind::Internal, "a record was not loaded");
    match owners.as_slice() {
        [] => {
            let id = work.create(&patch, findings).await?;
            let uid = work.written(id).ok_or_else(missing)?.entity.uid;
            Ok(Upserted {
                uid,
                outcome: UpsertedAs::Created,
            })
        }
        [id] => {
            let linked = known(work, *id).ok_or_else(missing)?;
            let outcome = work.edit(&linked, patch, &ReadPoint::Blind, findings).await?;
            let outcome = if outcome.changed.is_empty() {
                UpsertedAs::Unchanged
            } else {
                UpsertedAs::Updated
            };
            Ok(Upserted {
                uid: linked.entity.uid,
                outcome,
            })
        }
        several => {
            let message = format!("{} records have this `{name}`; make it unique first", several.len());
            Err(Error::new(ErrorKind::Exists, message).with("field", name))
        }
    }
}
