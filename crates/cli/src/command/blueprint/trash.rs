//! `syncline blueprint trash`, `restore` and `purge`.

use crate::failure::Failure;
use crate::output::note;
use crate::project::Project;
use crate::table::time;

/// Puts a blueprint into the trash, or lists what is there.
///
/// # Errors
/// When there is no such blueprint, or it is there already.
pub(super) async fn trash(project: &Project, blueprint: Option<&str>) -> Result<(), Failure> {
    let (engine, tenant, actor) = (&project.engine, project.tenant.id, &project.actor);
    let Some(name) = blueprint else {
        let trashed = engine.trashed_blueprints(tenant, actor).await?;
        return project.output.listing(
            &trashed,
            &["blueprint", "since", "records"],
            "the trash is empty",
            Clone::clone,
            |trashed| {
                vec![
                    trashed.blueprint.name.clone(),
                    time(trashed.trashed_at),
                    trashed.entities.to_string(),
                ]
            },
        );
    };
    let trashed = engine.trash_blueprint(tenant, name, actor).await?;
    project.output.json(&trashed)?;
    project.output.line(format_args!(
        "{name} is in the trash with {} records; its syncs are paused, and no CRM was told",
        trashed.entities
    ));
    note(format_args!(
        "`syncline blueprint restore {name}` brings it back, `syncline blueprint purge {name} --yes` removes it for good"
    ));
    Ok(())
}

/// Takes a blueprint out of the trash.
///
/// # Errors
/// When it is not there.
pub(super) async fn restore(project: &Project, name: &str) -> Result<(), Failure> {
    let restored = project
        .engine
        .restore_blueprint(project.tenant.id, name, &project.actor)
        .await?;
    project.output.json(&super::live(&restored))?;
    project
        .output
        .line(format_args!("{name} is back, with its records; its syncs go on"));
    Ok(())
}

/// Removes a blueprint in the trash for good.
///
/// # Errors
/// When it is not there, or another blueprint refers to it, or nobody said `--yes`.
pub(super) async fn purge(project: &Project, name: &str, yes: bool) -> Result<(), Failure> {
    if !yes {
        return Err(
            Failure::refused(format!("this removes {name} and all of its records for good"))
                .next(format!("`syncline blueprint purge {name} --yes`")),
        );
    }
    let purged = project
        .engine
        .purge_blueprint(project.tenant.id, name, &project.actor)
        .await?;
    project.output.json(&purged)?;
    project.output.line(format_args!(
        "{name} is gone for good, with {} records and {} syncs; no CRM was told",
        purged.entities, purged.syncs
    ));
    Ok(())
}
