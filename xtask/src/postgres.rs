//! A throw-away Postgres: `cargo xtask postgres COMMAND` starts one for a command, and `cargo xtask test` for the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;

use crate::command::{capture, in_continuous_integration, program_at, run as run_command, succeeds};
use crate::outcome::{Failure, Outcome};

/// Where tests look for a server.
pub(crate) const VARIABLE: &str = "SYNCLINE_POSTGRES_URL";
/// Who owns the database. No superuser, whom row-level security does not bind.
const USER: &str = "syncline";
/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to run.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// The command, and its arguments.
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    command: Vec<String>,
}

/// Runs a command with a server.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let cluster = match find()? {
        Server::Given => None,
        Server::Ours(cluster) => Some(cluster),
        Server::Missing(reason) => return Ok(Outcome::Skipped(reason)),
    };
    let mut command = program_at(&arguments.command[0], &arguments.command[1..]);
    if let Some(cluster) = &cluster {
        command.env(VARIABLE, cluster.url());
    }
    run_command(&mut command).map(|()| Outcome::Passed)
}

/// Where tests get their databases from.
#[derive(Debug)]
pub(crate) enum Server {
    /// The variable names one already.
    Given,
    /// Started for this, and removed when it is dropped.
    Ours(Cluster),
    /// None is installed here, for the summary.
    Missing(String),
}

/// The server of the variable, or a new one.
pub(crate) fn find() -> Result<Server, Failure> {
    if std::env::var_os(VARIABLE).is_some() {
        return Ok(Server::Given);
    }
    let Some(programs) = programs() else {
        let reason = format!(
            "no Postgres server is installed: install postgresql, or set {VARIABLE} to the URL of a database that may be \
             written to"
        );
        return if in_continuous_integration() {
            Err(Failure::new(reason))
        } else {
            Ok(Server::Missing(reason))
        };
    };
    Cluster::start(&programs).map(Server::Ours)
}

/// The folder of the newest server's programs; distributions keep them out of the path.
fn programs() -> Option<PathBuf> {
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    found.sort_by_key(version);
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    found
        .into_iter()
        .rev()
        .map(|folder| folder.join("bin"))
        .chain(std::env::split_paths(&in_path))
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

/// A server of our own, with its files in a temporary folder. It listens on a socket there and nowhere else.
#[derive(Debug)]
pub(crate) struct Cluster {
    folder: PathBuf,
    server: Child,
}

impl Cluster {
    fn start(programs: &Path) -> Result<Self, Failure> {
        let folder = std::env::temp_dir().join(format!("syncline-postgres-{}", std::process::id()));
        let failed = |what: &str, error: std::io::Error| Failure::new(format!("{what} {}: {error}", folder.display()));
        fs::create_dir(&folder).map_err(|error| failed("can't make", error))?;
        let owner = owner();
        if let Some(owner) = owner {
            run_command(program_at("chown", [owner]).arg(&folder))?;
        }
        let data = folder.join("data");
        let mut make = as_owner(owner, &programs.join("initdb"));
        make.args([
            "--username=postgres",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C",
            "--pgdata",
        ]);
        // What it prints is of interest only when it fails.
        capture(make.arg(&data))?;
        let mut serve = as_owner(owner, &programs.join("postgres"));
        serve.arg("-D").arg(&data).arg("-k").arg(&folder);
        // Nothing here has to outlive the power.
        for setting in [
            "listen_addresses=",
            "fsync=off",
            "full_page_writes=off",
            "max_connections=300",
            "shared_buffers=256MB",
        ] {
            serve.args(["-c", setting]);
        }
        let log = fs::File::create(folder.join("log")).map_err(|error| failed("can't write into", error))?;
        let server = serve
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| failed("can't start a server in", error))?;
        let mut cluster = Self { folder, server };
        cluster.wait(programs)?;
        let psql = |statement: &str| {
            let mut psql = program_at(
                programs.join("psql"),
                ["-q", "-U", "postgres", "-d", "postgres", "-c", statement, "-h"],
            );
            psql.arg(&cluster.folder);
            psql
        };
        capture(&mut psql(&format!("CREATE ROLE {USER} LOGIN CREATEDB")))?;
        capture(&mut psql(&format!("CREATE DATABASE {USER} OWNER {USER}")))?;
        println!("a Postgres server was started in {}", cluster.folder.display());
        Ok(cluster)
    }

    fn wait(&mut self, programs: &Path) -> Result<(), Failure> {
        let started = Instant::now();
        loop {
            let mut ready = program_at(programs.join("pg_isready"), ["-q", "-h"]);
            if succeeds(ready.arg(&self.folder)) {
                return Ok(());
            }
            let ended = self.server.try_wait().ok().flatten();
            if ended.is_some() || started.elapsed() > PATIENCE {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(Failure::new(format!("the Postgres server did not start:\n{log}")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The URL of its one database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}@localhost/{USER}?host={}", self.folder.display())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Without waiting for who is still connected.
        let asked = program_at("kill", ["-INT".to_owned(), self.server.id().to_string()]).status();
        let ended = asked.and_then(|_| self.server.wait());
        if let Err(error) = ended.and_then(|_| fs::remove_dir_all(&self.folder)) {
            eprintln!("warning: {} could not be removed: {error}", self.folder.display());
        }
    }
}

/// As whom the server runs, where this user may not: it refuses the superuser of the system.
fn owner() -> Option<&'static str> {
    let user = capture(&mut program_at("id", ["-u"])).unwrap_or_default();
    if user.trim() != "0" {
        return None;
    }
    ["postgres", "nobody"]
        .into_iter()
        .find(|name| succeeds(&mut program_at("id", ["-u", *name])))
}

fn as_owner(owner: Option<&str>, program: &Path) -> Command {
    let Some(owner) = owner else {
        return program_at(program, [] as [&str; 0]);
    };
    // Ends with this program, however that ends.
    let mut command = program_at(
        "setpriv",
        ["--reuid", owner, "--clear-groups", "--pdeathsig", "INT", "--"],
    );
    command.arg(program);
    // A folder that it may enter.
    command.current_dir("/");
    command
}
