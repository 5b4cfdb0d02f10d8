//! A process that works on a database until it is through or dies; tests start it.
#![allow(clippy::print_stderr, reason = "what went wrong is for who reads the test's output")]

use std::process::ExitCode;

use syncline_testkit::crash::{Assignment, work};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let told = std::env::var("SYNCLINE_WORKER").unwrap_or_default();
    let assignment: Assignment = match serde_json::from_str(&told) {
        Ok(assignment) => assignment,
        Err(error) => {
            eprintln!("SYNCLINE_WORKER does not say what to do: {error}");
            return ExitCode::FAILURE;
        }
    };
    match work(assignment).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the worker failed: {error}");
            ExitCode::FAILURE
        }
    }
}
