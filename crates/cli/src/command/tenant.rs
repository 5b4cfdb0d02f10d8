//! `syncline tenant`.

use std::process::ExitCode;

use serde_json::json;
use syncline::model::Tenant;

use crate::failure::Failure;
use crate::output::note;
use crate::project::Project;

/// What can be done with tenants.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum TenantCommand {
    /// List the tenants of the database.
    List,
    /// Show a tenant and what it owns.
    Show {
        /// The tenant, by name or slug; that of the configuration otherwise.
        tenant: Option<String>,
    },
    /// Make a tenant.
    Create {
        /// Its name.
        name: String,
    },
    /// Change a tenant's name, time zone or language.
    Update {
        /// The tenant, by name or slug.
        tenant: String,
        /// Its name from now on. The slug stays.
        #[arg(long)]
        name: Option<String>,
        /// IANA name of its time zone, such as Europe/Vienna.
        #[arg(long)]
        time_zone: Option<String>,
        /// BCP 47 tag of its language, such as en.
        #[arg(long)]
        language: Option<String>,
    },
    /// Delete a tenant for good: its grants are revoked, everything it owns is removed, and what its audit says is erased.
    Delete {
        /// The tenant, by name or slug.
        tenant: String,
        /// Do it.
        #[arg(long)]
        yes: bool,
    },
}

/// Does it.
///
/// # Errors
/// When there is no such tenant, or a value is wrong.
pub(crate) async fn tenant(project: &Project, command: TenantCommand) -> Result<ExitCode, Failure> {
    let (engine, actor, output) = (&project.engine, &project.actor, project.output);
    match command {
        TenantCommand::List => {
            let tenants = engine.tenants(actor).await?;
            output.listing(
                &tenants,
                &["tenant", "slug", "time zone", "language"],
                "no tenant yet",
                Clone::clone,
                |tenant| {
                    vec![
                        tenant.name.clone(),
                        tenant.slug.clone(),
                        tenant.time_zone.clone(),
                        tenant.language.clone(),
                    ]
                },
            )?;
        }
        TenantCommand::Show { tenant } => {
            let tenant = match tenant {
                Some(name) => find(project, &name).await?,
                None => project.tenant.clone(),
            };
            show(project, &tenant).await?;
        }
        TenantCommand::Create { name } => {
            let slug = Tenant::new(0, &name).slug;
            if engine.tenants(actor).await?.iter().any(|tenant| tenant.slug == slug) {
                return Err(Failure::refused(format!("there is a tenant `{slug}` already")));
            }
            let made = engine.tenant(&name, actor).await?;
            output.json(&made)?;
            output.line(format_args!(
                "{} is made; `tenant = \"{}\"` in a configuration is it",
                made.name, made.name
            ));
        }
        TenantCommand::Update {
            tenant,
            name,
            time_zone,
            language,
        } => {
            let mut known = find(project, &tenant).await?;
            known.name = name.unwrap_or(known.name);
            known.time_zone = time_zone.unwrap_or(known.time_zone);
            known.language = language.unwrap_or(known.language);
            engine.update_tenant(&known, actor).await?;
            output.json(&known)?;
            output.line(format_args!("{}: {}, {}", known.name, known.time_zone, known.language));
        }
        TenantCommand::Delete { tenant, yes } => {
            let known = find(project, &tenant).await?;
            if !yes {
                return Err(
                    Failure::refused(format!("this removes {} and everything it owns for good", known.name))
                        .next(format!("`syncline tenant delete {tenant} --yes`")),
                );
            }
            let deleted = engine.delete_tenant(known.id, actor).await?;
            output.json(&deleted)?;
            output.line(format_args!(
                "{} is gone for good: {} records, {} grants revoked, {} blocks of the audit erased; its chain stays and \
                 verifies",
                known.name, deleted.entities, deleted.revoked, deleted.audit
            ));
            for connection in &deleted.not_revoked {
                note(format_args!(
                    "the provider of {connection} could not be told: remove the app there"
                ));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn find(project: &Project, name: &str) -> Result<Tenant, Failure> {
    let all = project.engine.tenants(&project.actor).await?;
    let known: Vec<String> = all.iter().map(|tenant| tenant.slug.clone()).collect();
    let found = all
        .into_iter()
        .find(|tenant| tenant.slug == name || tenant.name == name);
    found.ok_or_else(|| Failure::not_found(format!("there is no tenant `{name}`; there are: {}", known.join(", "))))
}

async fn show(project: &Project, tenant: &Tenant) -> Result<(), Failure> {
    let (engine, actor, output) = (&project.engine, &project.actor, project.output);
    let connections = engine.connections().list(tenant.id, false, actor).await?.len();
    let syncs = engine.syncs().list(tenant.id, false, actor).await?.len();
    let mut records = 0;
    let blueprints = engine.blueprints(tenant.id, actor).await?;
    for blueprint in &blueprints {
        records += engine
            .entities()
            .count(tenant.id, &blueprint.name, false, actor)
            .await?;
    }
    output.json(&json!({
        "tenant": tenant,
        "connections": connections,
        "syncs": syncs,
        "blueprints": blueprints.len(),
        "records": records,
    }))?;
    output.line(format_args!(
        "{} ({}), {}, {}\n{connections} connections, {syncs} syncs, {} blueprints, {records} records",
        tenant.name,
        tenant.slug,
        tenant.time_zone,
        tenant.language,
        blueprints.len()
    ));
    Ok(())
}
