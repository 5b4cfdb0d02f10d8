//! `syncline connect`.

use std::process::ExitCode;
use std::time::Duration;

use syncline::connection::{AuthoriseRequest, Authorising, Callback, Connection};
use syncline::connector::Access;
use syncline::file::FILES;
use syncline::secrecy::{ExposeSecret, SecretString};
use syncline::{ErrorKind, TokenRequest};

use crate::config::{ConnectionTable, Secrets, SyncTable, variable};
use crate::failure::Failure;
use crate::output::{is_interactive, note, with_id};
use crate::project::Project;
use crate::redirect::Redirect;
use crate::table::user;

/// What `connect` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ConnectArguments {
    /// The connection, as the configuration names it.
    name: String,
    /// Print the address instead of opening a browser. Where no browser of this machine can come back, paste the
    /// address that it ended at.
    #[arg(long)]
    headless: bool,
    /// Use the tokens in SYNCLINE_<CONNECTION>_ACCESS_TOKEN and ..._REFRESH_TOKEN instead of signing in.
    #[arg(long, conflicts_with = "headless")]
    with_tokens: bool,
    /// Port of this machine that the provider sends the browser to, as it is registered there; 0 takes a free one.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Also ask for what reading and writing this object needs: for one that the file has no sync of yet. Repeatable.
    #[arg(long, value_name = "OBJECT", conflicts_with = "with_tokens")]
    object: Vec<String>,
    /// Replace the account of an existing connection by another one.
    #[arg(long)]
    accept_other_account: bool,
}

/// The port where the provider wants the redirect registered and the configuration names none.
const PORT: u16 = 8917;

/// Signs in to a connection.
///
/// # Errors
/// When it is not in the configuration, a secret is missing, or the person or the provider says no.
pub(crate) async fn connect(project: &Project, arguments: ConnectArguments) -> Result<ExitCode, Failure> {
    let table = project.table(&arguments.name)?.clone();
    let secrets = Secrets::find(&arguments.name, &table, project.loaded.folder())?;
    let connection = if arguments.with_tokens {
        with_tokens(project, &arguments.name, table, secrets).await?
    } else {
        sign_in(project, &arguments, table, secrets).await?
    };
    let name = &connection.name;
    project.output.json(&with_id(connection.id, &connection))?;
    // Tokens that were given to us do not always tell whose they are.
    let whose = match user(&connection.account) {
        user if user == "-" => String::new(),
        user => format!(" as {user}"),
    };
    project.output.line(format_args!(
        "connected `{name}` to {} {}{whose}",
        connection.provider, connection.account.name,
    ));
    let has_syncs = project
        .loaded
        .config
        .syncs
        .values()
        .any(|sync| sync.get_ref().connection == *name);
    project.output.line(if has_syncs {
        "next: `syncline check`, then `syncline sync`".to_owned()
    } else {
        format!("next: `syncline objects {name}`, then `syncline map auto {name} OBJECT --write`")
    });
    Ok(ExitCode::SUCCESS)
}

async fn with_tokens(
    project: &Project,
    name: &str,
    table: ConnectionTable,
    secrets: Secrets,
) -> Result<Connection, Failure> {
    let Some(access_token) = secrets.access_token else {
        return Err(Failure::usage(format!(
            "there is no token: the variable {} is not set",
            variable(name, "ACCESS_TOKEN")
        ))
        .next(format!("set it, or sign in by `syncline connect {name}`")));
    };
    let base_url = table.base_url.or_else(|| table.login_url.clone());
    let request = TokenRequest {
        login_url: table.login_url,
        base_url,
        client_secret: secrets.client_secret,
        refresh_token: secrets.refresh_token,
        settings: table.settings,
        ..TokenRequest::new(
            project.tenant.id,
            table.provider,
            name,
            table.client_id,
            access_token.expose_secret(),
        )
    };
    Ok(project
        .engine
        .connections()
        .connect_with_tokens(request, &project.actor)
        .await?)
}

async fn sign_in(
    project: &Project,
    arguments: &ConnectArguments,
    table: ConnectionTable,
    secrets: Secrets,
) -> Result<Connection, Failure> {
    let name = &arguments.name;
    if table.client_id.is_empty() {
        return Err(Failure::usage(format!("connection `{name}` has no client_id"))
            .next("add the client id of your app at the provider to the configuration"));
    }
    let connections = project.engine.connections();
    let known = match connections.find(project.tenant.id, name, &project.actor).await {
        Ok(known) => Some(known),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    if secrets.client_secret.is_none() && known.is_none() {
        note(format_args!(
            "note: no client secret; if your app has one, set the variable {}",
            variable(name, "CLIENT_SECRET")
        ));
    }
    let simulated = table.login_url.is_some() && table.allow_loopback;
    let port = arguments
        .port
        .or(table.redirect_port)
        .unwrap_or(if simulated { 0 } else { PORT });
    let redirect = Redirect::listen(port).await?;
    let mut objects = objects(project, name, &table.provider);
    objects.extend(arguments.object.iter().map(|object| (object.clone(), Access::Write)));
    let request = AuthoriseRequest {
        objects,
        login_url: table.login_url,
        client_secret: secrets.client_secret,
        settings: table.settings,
        reconnect: known.map(|known| known.id),
        accept_other_account: arguments.accept_other_account,
        ..AuthoriseRequest::new(project.tenant.id, table.provider, name, table.client_id, redirect.uri())
    };
    let authorising = connections.authorise(request, &project.actor).await?;
    show(arguments, &authorising, &redirect);
    let callback = callback(project, arguments, &authorising, &redirect).await?;
    connections
        .complete(project.tenant.id, &callback, &project.actor)
        .await
        .map_err(|error| {
            let is_another = error.to_string().contains("the account is to be replaced");
            let failure = Failure::from(error);
            if is_another {
                failure.next(format!(
                    "sign in again with the first account, add a section [connections.OTHER] for the second one, or \
                     replace it: `syncline connect {name} --accept-other-account`"
                ))
            } else {
                failure
            }
        })
}

/// What will be read and written, for the least scopes: what the syncs of the file need, or the provider's usual objects.
fn objects(project: &Project, connection: &str, provider: &str) -> Vec<(String, Access)> {
    let config = &project.loaded.config;
    let of_syncs: Vec<(String, Access)> = config
        .syncs
        .values()
        .map(toml::Spanned::get_ref)
        .filter(|sync| sync.connection == connection)
        .filter_map(|sync| config.mappings.get(&sync.mapping))
        .map(|mapping| {
            let mapping = mapping.get_ref();
            let access = if mapping.direction.pushes() {
                Access::Write
            } else {
                Access::Read
            };
            (mapping.object.clone(), access)
        })
        .collect();
    let carries = |sync: &&SyncTable| sync.connection == connection && sync.files;
    if !of_syncs.is_empty() {
        let mut wanted = of_syncs;
        let mut syncs = config.syncs.values().map(toml::Spanned::get_ref);
        if syncs.any(|sync| carries(&sync)) {
            let writes = wanted.iter().any(|(_, access)| *access == Access::Write);
            let access = if writes { Access::Write } else { Access::Read };
            wanted.push((FILES.to_owned(), access));
        }
        return wanted;
    }
    let connector = project
        .engine
        .connectors()
        .find(|connector| connector.manifest().provider == provider);
    let usual = connector
        .map(|connector| connector.manifest().default_objects.clone())
        .unwrap_or_default();
    usual.into_iter().map(|object| (object, Access::Write)).collect()
}

fn show(arguments: &ConnectArguments, authorising: &Authorising, redirect: &Redirect) {
    let url = &authorising.authorize_url;
    if arguments.headless {
        // On standard output in both formats, since that is what was asked for.
        crate::output::print(&format!("{url}\n"));
        note(format_args!(
            "open this address in a browser; waiting for it to come back to {}",
            redirect.uri()
        ));
        return;
    }
    match webbrowser::open(url) {
        Ok(()) => note("your browser shows the provider's page; agree there and come back"),
        Err(error) => {
            note(format_args!(
                "no browser could be opened ({error}); open this address yourself:"
            ));
            note(url);
        }
    }
}

/// Waits for the browser, or for the pasted address that it ended at.
async fn callback(
    project: &Project,
    arguments: &ConnectArguments,
    authorising: &Authorising,
    redirect: &Redirect,
) -> Result<Callback, Failure> {
    let state = authorising.state.expose_secret();
    let left = authorising.expires_at.duration_since(project.engine.now());
    let left = Duration::try_from(left).unwrap_or_default();
    let mut interrupts = crate::interrupt::Interrupts::listen();
    tokio::select! {
        callback = redirect.wait(state) => callback,
        callback = pasted(arguments.headless && is_interactive(), &authorising.state) => Ok(callback),
        () = tokio::time::sleep(left) => {
            Err(Failure::refused("nobody came back in time").next("run `syncline connect` again"))
        }
        () = interrupts.next() => {
            Err(Failure::new(crate::failure::Exit::Interrupted, "stopped before anybody signed in; nothing was changed"))
        }
    }
}

/// An address pasted by a person; waits for ever where there is none.
async fn pasted(may: bool, state: &SecretString) -> Callback {
    if !may {
        return std::future::pending().await;
    }
    loop {
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin()
                .read_line(&mut line)
                .ok()
                .filter(|count| *count > 0)
                .map(|_| line)
        });
        let Ok(Some(line)) = line.await else { break };
        let callback = Callback::parse(line.trim());
        if callback
            .state
            .as_ref()
            .is_some_and(|given| given.expose_secret() == state.expose_secret())
        {
            return callback;
        }
        note("that address does not belong to this sign-in; paste the whole one from the browser");
    }
    std::future::pending().await
}
