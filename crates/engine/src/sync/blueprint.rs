//! Saving a mapping creates or extends its blueprint; fields are only ever added.

use jiff::Timestamp;
use syncline_core::error::{Error, ErrorKind, Result};
use syncline_core::migration::{BlueprintVersion, History, Migration, propose};
use syncline_core::model::{Blueprint, Field, Severity, TenantId};
use syncline_core::store::{DocumentKind, DocumentQuery, Mode, Transaction};

use crate::actor::{Action, Actor};
use crate::blueprint::{history_of, record};
use crate::document;

/// The blueprint of this name with at least these fields and atomic groups: made, extended or as it is.
pub(crate) async fn extend(
    tx: &mut dyn Transaction,
    tenant: TenantId,
    name: &str,
    fields: &[Field],
    groups: &[Vec<String>],
    by: (Timestamp, &str),
) -> Result<Blueprint> {
    let known = document::by_key::<Blueprint>(tx, tenant, 0, name).await?;
    let mut blueprint = known.unwrap_or_else(|| document::Versioned {
        value: Blueprint::new(0, tenant, name, Vec::new()),
        version: 0,
    });
    blueprint.check_not_trashed()?;
    let before = blueprint.value.clone();
    for field in fields {
        match blueprint.position(&field.name) {
            None => blueprint.fields.push(field.clone()),
            Some(position) => {
                let known = &mut blueprint.value.fields[position];
                known.unique |= field.unique;
                known.indexed |= field.indexed;
                known.searchable |= field.searchable;
                known.required |= field.required;
            }
        }
    }
    for group in groups {
        if !blueprint.groups.contains(group) {
            blueprint.groups.push(group.clone());
        }
    }
    let faults: Vec<String> = blueprint
        .check()
        .into_iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| format!("{}: {}", finding.place, finding.message))
        .collect();
    if !faults.is_empty() {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("the blueprint `{name}` can't be saved: {}", faults.join("; ")),
        ));
    }
    if blueprint.version == 0 {
        document::put(tx, &mut blueprint).await?;
        let made = History::new(blueprint.value.clone()).version(1).cloned();
        if let Some(made) = made {
            record(tx, None, made, by).await?;
        }
    } else if blueprint.value != before {
        let history = history_of(tx, &before).await?;
        blueprint.value.version = history.newest().max(before.version) + 1;
        document::put(tx, &mut blueprint).await?;
        let version = BlueprintVersion {
            blueprint: blueprint.value.clone(),
            parent: before.version,
            migration: added(&before, &blueprint.value),
            steps: Vec::new(),
            kept: None,
            saved_at: by.0,
            saved_by: String::new(),
        };
        record(tx, Some(&before), version, by).await?;
    }
    Ok(blueprint.value)
}

/// What was added, as rules. What entities hold stays as it is: the default of a field that is added with a mapping is
/// for new ones.
fn added(before: &Blueprint, after: &Blueprint) -> Migration {
    let fields: Vec<Field> = after.live_fields().map(|(_, field)| field.clone()).collect();
    propose(before, &fields, &after.groups).migration
}

impl crate::Engine {
    /// The blueprints of a tenant, by name, but for those in the trash.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy.
    pub async fn blueprints(&self, tenant: TenantId, actor: &Actor) -> Result<Vec<Blueprint>> {
        self.inner.allow_in(actor, tenant, Action::ReadMappings)?;
        let mut tx = self.inner.store.begin(Mode::Read).await?;
        let query = DocumentQuery::new(DocumentKind::Blueprint).tenant(tenant);
        let mut found: Vec<Blueprint> = document::find::<Blueprint>(tx.as_mut(), &query)
            .await?
            .into_iter()
            .map(|found| found.value)
            .filter(|found| found.trashed_at.is_none())
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// A blueprint by name.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::NotFound`].
    pub async fn blueprint(&self, tenant: TenantId, name: &str, actor: &Actor) -> Result<Blueprint> {
        let all = self.blueprints(tenant, actor).await?;
        let names: Vec<String> = all.iter().map(|blueprint| blueprint.name.clone()).collect();
        all.into_iter().find(|blueprint| blueprint.name == name).ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                if names.is_empty() {
                    format!("there is no blueprint `{name}`, nor any other yet; saving a mapping makes one")
                } else {
                    format!("there is no blueprint `{name}`; there are: {}", names.join(", "))
                },
            )
        })
    }

    /// Makes a blueprint, or extends the one of this name. Fields are never removed by this. Where a field is indexed that
    /// was not, the entities that are there are entered into its index before this returns, while others may work.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] by policy, [`ErrorKind::Invalid`] with everything that is wrong.
    pub async fn save_blueprint(
        &self,
        tenant: TenantId,
        name: &str,
        fields: &[Field],
        groups: &[Vec<String>],
        actor: &Actor,
    ) -> Result<Blueprint> {
        self.inner.allow_in(actor, tenant, Action::ManageMappings)?;
        let mut tx = self.inner.store.begin(Mode::Write).await?;
        let blueprint = extend(
            tx.as_mut(),
            tenant,
            name,
            fields,
            groups,
            (self.inner.clock.now(), &actor.name),
        )
        .await?;
        tx.commit().await?;
        crate::entity::fill_declared(&self.inner, &blueprint).await?;
        Ok(blueprint)
    }
}
