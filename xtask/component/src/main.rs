//! Makes WebAssembly components of modules that were built against a contract: `component IN OUT [IN OUT ...]`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stderr, reason = "a command line tool speaks through its output")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    for pair in paths.chunks(2) {
        let [module, component] = pair else {
            eprintln!("error: give a file to read and one to write for each component");
            return ExitCode::FAILURE;
        };
        if let Err(reason) = make(module, component) {
            eprintln!("error: {module} could not be made a component: {reason}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn make(module: &str, component: &str) -> Result<(), String> {
    let bytes = std::fs::read(module).map_err(|error| error.to_string())?;
    // What the module imports beside the contract, such as the system interface, is an error here.
    let made = wit_component::ComponentEncoder::default()
        .module(&bytes)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| format!("{error:#}"))?;
    // A file that says what it said keeps its time, so that nothing is built or compiled anew for it.
    if std::fs::read(component).is_ok_and(|there| there == made) {
        return Ok(());
    }
    std::fs::write(component, made).map_err(|error| error.to_string())
}
