//! A worker's process, as the test holds it.

use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::worker::Assignment;

/// The variable that holds a worker's [`Assignment`].
pub(super) const VARIABLE: &str = "SYNCLINE_WORKER";

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, and all went well.
    Well,
    /// By itself, after something failed.
    Failed,
    /// It was killed.
    Killed,
}

/// A worker. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts a worker: the program, and what it is to do.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(program: &Path, assignment: &Assignment) -> io::Result<Self> {
        Self::start_command(&mut Command::new(program), assignment)
    }

    /// Starts a worker whose files can't grow beyond so many bytes, as on a disk that is full.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start_with_little_room(program: &Path, assignment: &Assignment, bytes: u64) -> io::Result<Self> {
        // The limit is in blocks of 512 bytes. Who exceeds it is told by an error and not by the signal.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\"", bytes / 512);
        let mut command = Command::new("sh");
        Self::start_command(command.args(["-c", &script]).arg(program), assignment)
    }

    fn start_command(command: &mut Command, assignment: &Assignment) -> io::Result<Self> {
        let told = serde_json::to_string(assignment)?;
        command
            .env(VARIABLE, told)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map(Self)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it can't be waited for.
    pub fn wait(mut self) -> io::Result<Ended> {
        self.0.wait().map(|status| ended(&status))
    }

    /// Lets it stand still, as a machine does that is suspended.
    ///
    /// # Errors
    /// When it can't be told.
    pub fn pause(&self) -> io::Result<()> {
        self.signal("-STOP")
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it can't be told.
    pub fn resume(&self) -> io::Result<()> {
        self.signal("-CONT")
    }

    fn signal(&self, signal: &str) -> io::Result<()> {
        let number = self.0.id().to_string();
        Command::new("kill").args([signal, &number]).status().map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already is beyond reach.
        let _killed = self.0.kill();
        let _ended = self.0.wait();
    }
}

fn ended(status: &ExitStatus) -> Ended {
    match status.code() {
        Some(0) => Ended::Well,
        Some(_) => Ended::Failed,
        None => Ended::Killed,
    }
}
