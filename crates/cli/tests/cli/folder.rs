//! A temporary folder with a configuration, and the command run in it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::simulator::Simulator;

/// A folder that commands are run in.
#[derive(Debug)]
pub(crate) struct Folder {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code.
    pub(crate) code: i32,
    /// What it printed.
    pub(crate) out: String,
    /// What it complained about.
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn new(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Folder {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        }
    }

    /// One in which `init` was run.
    pub(crate) fn initialised() -> Self {
        let folder = Self::new();
        folder.run(&["init"], 0);
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Text at the end of the configuration.
    pub(crate) fn configure(&self, text: &str) {
        let path = self.path().join("syncline.toml");
        let known = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(path, format!("{known}\n{text}")).unwrap();
    }

    /// A connection to a simulator, with its client secret in the environment.
    pub(crate) fn add_connection(&mut self, name: &str, provider: &str, simulator: &Simulator) {
        self.configure(&format!(
            "[connections.{name}]\nprovider = \"{provider}\"\nclient_id = \"{}\"\nlogin_url = \"{}\"\nallow_loopback = true\n",
            simulator.says("client_id"),
            simulator.says("base_url")
        ));
        self.variables.push((
            format!("SYNCLINE_{}_CLIENT_SECRET", name.to_uppercase()),
            simulator.says("client_secret"),
        ));
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
        command.current_dir(self.path()).args(arguments).stdin(Stdio::null());
        command
            .env_remove("SYNCLINE_CONFIG")
            .env_remove("SYNCLINE_KEY")
            .env("COLUMNS", "200")
            .env("USER", "tester");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command, which must end with this code. Whatever it says, it says no secret and does not panic.
    pub(crate) fn run(&self, arguments: &[&str], code: i32) -> Ended {
        let ended = Ended::new(&self.command(arguments).output().unwrap());
        let shown: String = ended.out.chars().take(2_000).collect();
        assert_eq!(
            ended.code, code,
            "{arguments:?} ended unlike expected: {shown}\n{}",
            ended.err
        );
        assert!(!ended.err.contains("panicked"), "{arguments:?}: {}", ended.err);
        for (_, secret) in &self.variables {
            assert!(
                !ended.out.contains(secret) && !ended.err.contains(secret),
                "{arguments:?} told a secret"
            );
        }
        ended
    }

    /// What a command prints as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.extend(["--output", "json"]);
        let ended = self.run(&all, 0);
        serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", ended.out))
    }
}
