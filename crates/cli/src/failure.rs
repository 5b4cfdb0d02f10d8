//! How a command ends badly: one sentence, what to do next, and an exit code.

use std::fmt;
use std::process::ExitCode;

use syncline::{Error, ErrorKind};

/// The exit codes; `--help` and the documentation list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It did not work.
    Failure = 1,
    /// The command line, the configuration or a value is wrong.
    Usage = 2,
    /// What was named does not exist.
    NotFound = 3,
    /// It is refused as things stand: paused, taken, stale, halted by the brake, to be reconnected.
    Refused = 4,
    /// It was done, but for some records.
    Partial = 5,
    /// It was done, and conflicts wait for a person. Only where asked for.
    Conflicts = 6,
    /// It was stopped by Ctrl-C.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The table of exit codes at the end of `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed
  2    wrong command line, configuration or value
  3    what was named does not exist
  4    refused: paused, taken, changed meanwhile, halted by the brake, or to be reconnected
  5    done, but for some records
  6    done, and conflicts wait for a person (with --fail-on-conflicts)
  130  stopped by Ctrl-C";

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    next: Option<String>,
}

impl Failure {
    /// A failure with its exit code and one sentence.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            next: None,
        }
    }

    /// Something did not work.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failure, message)
    }

    /// Wrong input.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something that is not there.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, message)
    }

    /// Something that is refused as things stand.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// Says what to do next.
    #[must_use]
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// The sentence alone, for a place within another one.
    #[cfg(feature = "plugins")]
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Tells the person, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        crate::output::complain(&self.to_string());
        self.exit.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        self.next.as_ref().map_or(Ok(()), |next| write!(f, "\n  next: {next}"))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::Invalid => Exit::Usage,
            ErrorKind::NotFound => Exit::NotFound,
            ErrorKind::Refused
            | ErrorKind::Exists
            | ErrorKind::Stale
            | ErrorKind::Forbidden
            | ErrorKind::Pending
            | ErrorKind::Reauthorise => Exit::Refused,
            ErrorKind::Stopped => Exit::Interrupted,
            _ => Exit::Failure,
        };
        // Some errors know the connection by its number alone, which no command takes.
        let name = error
            .context()
            .find(|(key, value)| *key == "connection" && value.parse::<u64>().is_err());
        let name = name.map_or("NAME", |(_, name)| name).to_owned();
        let next = match error.kind() {
            ErrorKind::Reauthorise => Some(format!("`syncline connect {name}` signs in again")),
            ErrorKind::RateLimited => {
                Some("wait a little and try again; the provider limits how often it is asked".to_owned())
            }
            ErrorKind::Unavailable => Some(format!(
                "check that the provider can be reached (`syncline connections test {name}`), then try again"
            )),
            ErrorKind::Stale => Some("look again and repeat with what is there now".to_owned()),
            _ => None,
        };
        let mut message = error.to_string();
        // The cause is what a person needs when the sentence alone is about the store or the network.
        if matches!(
            error.kind(),
            ErrorKind::Unavailable | ErrorKind::Store | ErrorKind::Internal | ErrorKind::Protocol
        ) && let Some(cause) = std::error::Error::source(&error)
        {
            let cause = cause.to_string();
            if !message.contains(&cause) {
                message = format!("{message}: {cause}");
            }
        }
        Self { exit, message, next }
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        Self::usage(error.to_string())
    }
}
