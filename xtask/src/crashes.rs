//! `cargo xtask crashes`: the crash tests with every failpoint, and not every so many.

use crate::command::{cargo, run as run_command};
use crate::outcome::{Failure, Outcome};
use crate::postgres;

/// Runs them, one after the other, so that they can be followed.
pub(crate) fn run() -> Result<Outcome, Failure> {
    let mut command = cargo([
        "test",
        "-p",
        "syncline-testkit",
        "--test",
        "crashes",
        "--test",
        "workers",
        "--",
        "--nocapture",
    ]);
    command.env("SYNCLINE_ALL_CRASHES", "1");
    let server = postgres::find()?;
    match &server {
        postgres::Server::Given => {}
        postgres::Server::Ours(cluster) => {
            command.env(postgres::VARIABLE, cluster.url());
        }
        postgres::Server::Missing(reason) => println!("on SQLite only: {reason}"),
    }
    run_command(&mut command).map(|()| Outcome::Passed)
}
