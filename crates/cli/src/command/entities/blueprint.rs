//! Which blueprint a command is about.

use syncline::model::Blueprint;

use crate::failure::Failure;
use crate::project::Project;

/// The blueprint of this name; the only one where none is named.
///
/// # Errors
/// When there is none, or several to choose from.
pub(super) async fn blueprint(project: &Project, name: Option<&str>) -> Result<Blueprint, Failure> {
    let (engine, tenant, actor) = (&project.engine, project.tenant.id, &project.actor);
    if let Some(name) = name {
        return Ok(engine.blueprint(tenant, name, actor).await?);
    }
    let mut all = engine.blueprints(tenant, actor).await?;
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(Failure::not_found("there is no blueprint yet")
            .next("`syncline map auto CONNECTION OBJECT --write`, then `syncline check`")),
        (Some(last), false) => {
            all.push(last);
            let names: Vec<&str> = all.iter().map(|blueprint| blueprint.name.as_str()).collect();
            Err(Failure::usage(format!("name the blueprint: {}", names.join(", "))))
        }
    }
}

/// Refuses fields that a blueprint does not have.
///
/// # Errors
/// When there is such a field.
pub(super) fn known_fields(blueprint: &Blueprint, fields: &[String]) -> Result<(), Failure> {
    match fields.iter().find(|field| blueprint.position(field).is_none()) {
        None => Ok(()),
        Some(unknown) => {
            let known: Vec<&str> = blueprint.field_names().collect();
            Err(Failure::usage(format!(
                "a {} has no field `{unknown}`; it has: {}",
                blueprint.name,
                known.join(", ")
            )))
        }
    }
}
