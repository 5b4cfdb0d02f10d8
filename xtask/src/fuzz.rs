//! `cargo xtask fuzz`: the targets of `fuzz/`, each for a while, in a build that tells the fuzzer where it has been.
//!
//! `cargo fuzz run NAME` does the same where cargo-fuzz and a nightly toolchain are installed. Here the flags are given
//! directly, which the stable compiler takes as well, so that nothing has to be installed but a C++ compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;

use crate::command::{cargo, in_continuous_integration, root, run as run_command, succeeds};
use crate::outcome::{Failure, Outcome};

/// What the compiler adds for libFuzzer: counters of where it has been and of what was compared.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0";
/// With a target, the flags are left out of what runs while it builds.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";
/// Seconds for each target in continuous integration.
const BRIEFLY: u64 = 10;

/// What to fuzz.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// The targets; all of them if none is named.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// How long each of them runs.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
}

impl Arguments {
    /// A short run of everything.
    pub(crate) fn briefly() -> Self {
        Self {
            targets: Vec::new(),
            seconds: BRIEFLY,
        }
    }
}

/// Fuzzes.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let known = known()?;
    if let Some(unknown) = arguments.targets.iter().find(|target| !known.contains(target)) {
        return Err(Failure::new(format!(
            "there is no fuzz target `{unknown}`; there are {}",
            known.join(", ")
        )));
    }
    if !succeeds(Command::new("c++").arg("--version")) {
        return missing("libFuzzer is C++, and there is no C++ compiler: install g++");
    }
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return missing("the flags of this command are those of x86_64 Linux; use `cargo fuzz run`");
    }
    build()?;
    let targets = if arguments.targets.is_empty() {
        &known
    } else {
        &arguments.targets
    };
    println!("{:<22}{:>12}{:>10}  verdict", "target", "executions", "found");
    let mut broken = Vec::new();
    let ran = targets
        .chunks(processors())
        .map(|some| side_by_side(some, arguments.seconds));
    for (target, ran) in targets.iter().zip(ran.flatten()) {
        let ran = ran?;
        println!("{target:<22}{:>12}{:>10}  {}", ran.executions, ran.found, ran.verdict());
        if let Some(input) = ran.broken {
            println!("{}", ran.said);
            println!(
                "mend it, and keep the input: cp {} fuzz/corpus/{target}/",
                input.display()
            );
            broken.push(target.as_str());
        }
    }
    if broken.is_empty() {
        Ok(Outcome::Passed)
    } else {
        Err(Failure::new(format!("an input broke {}", broken.join(", "))))
    }
}

fn missing(reason: &str) -> Result<Outcome, Failure> {
    if in_continuous_integration() {
        Err(Failure::new(reason.to_owned()))
    } else {
        Ok(Outcome::Skipped(reason.to_owned()))
    }
}

/// The targets, by their programs.
fn known() -> Result<Vec<String>, Failure> {
    let folder = root().join("fuzz/fuzz_targets");
    let mut names: Vec<String> = files(&folder)?
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unread = |error: std::io::Error| Failure::new(format!("{}: {error}", folder.display()));
    fs::read_dir(folder)
        .map_err(unread)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(unread))
        .collect()
}

fn target_folder() -> PathBuf {
    root().join("target/fuzz")
}

fn build() -> Result<(), Failure> {
    let mut command = cargo([
        "build",
        "--quiet",
        "--release",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target",
        PLATFORM,
    ]);
    command.env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", target_folder());
    run_command(&mut command)
}

/// How one target ended.
#[derive(Debug)]
struct Ran {
    executions: u64,
    found: usize,
    /// The input that broke it.
    broken: Option<PathBuf>,
    said: String,
}

impl Ran {
    fn verdict(&self) -> &'static str {
        if self.broken.is_some() { "BROKEN" } else { "survived" }
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Fuzzes these at once: each is one thread.
fn side_by_side(targets: &[String], seconds: u64) -> Vec<Result<Ran, Failure>> {
    std::thread::scope(|scope| {
        let started: Vec<_> = targets
            .iter()
            .map(|target| scope.spawn(move || fuzz(target, seconds)))
            .collect();
        let panicked = |_| Err(Failure::new("a thread of this program panicked".to_owned()));
        started
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(panicked))
            .collect()
    })
}

fn fuzz(target: &str, seconds: u64) -> Result<Ran, Failure> {
    let made = |folder: PathBuf| -> Result<PathBuf, Failure> {
        fs::create_dir_all(&folder).map_err(|error| Failure::new(format!("{}: {error}", folder.display())))?;
        Ok(folder)
    };
    let found = made(target_folder().join("found").join(target))?;
    let broken = made(target_folder().join("broken").join(target))?;
    let before = files(&found)?.len();
    let already = files(&broken)?;
    let program = target_folder().join(PLATFORM).join("release").join(target);
    let ended = Command::new(program)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", broken.display()))
        // A hang, growth, and one allocation out of proportion are defects too.
        .args([
            "-timeout=10",
            "-rss_limit_mb=1024",
            "-malloc_limit_mb=256",
            "-max_len=8192",
        ])
        .arg("-print_final_stats=1")
        .arg(&found)
        .arg(root().join("fuzz/corpus").join(target))
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::new(format!("{target} could not be started: {error}")))?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    let new = files(&broken)?.into_iter().find(|path| !already.contains(path));
    if !ended.status.success() && new.is_none() {
        return Err(Failure::new(format!("{target} ended with {}:\n{said}", ended.status)));
    }
    Ok(Ran {
        executions: statistic(&said, "stat::number_of_executed_units:"),
        found: files(&found)?.len() - before,
        broken: new,
        said: told(&said),
    })
}

fn statistic(said: &str, name: &str) -> u64 {
    said.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or_default()
}

/// What a person needs of what libFuzzer and the panic said.
fn told(said: &str) -> String {
    let noise = |line: &&str| !line.starts_with(['#', '\t']) && !line.starts_with("INFO:") && !line.is_empty();
    let lines: Vec<&str> = said.lines().filter(noise).take(40).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_read_from_the_final_statistics() {
        let said = "#5 DONE\nstat::number_of_executed_units: 1234\nstat::average_exec_per_sec: 7\n";
        assert_eq!(statistic(said, "stat::number_of_executed_units:"), 1234);
    }

    #[test]
    fn the_story_of_a_broken_input_leaves_the_fuzzers_progress_out() {
        let said = "INFO: Seed: 1\n#2 INITED cov: 3\n\nthread 'x' panicked at y\nindex out of bounds\n\t#0 0x55\n";
        assert_eq!(told(said), "thread 'x' panicked at y\nindex out of bounds");
    }
}
