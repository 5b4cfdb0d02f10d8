//! `syncline plugin new`: a project to begin a plugin from.
//!
//! It begins as the connector of the guide, under the name that was asked for: what is known to build, to pass the
//! conformance suite and to sync is a better beginning than gaps to fill.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;

/// What the project is to be.
#[derive(Debug, clap::Args)]
pub(crate) struct NewArguments {
    /// The provider's name, such as `acme`. The project is made in a folder of this name.
    name: String,
    /// The folder with Syncline's sources, whose crates the project depends on. If it is not given, they are looked for
    /// around this program and the folder you are in.
    #[arg(long, value_name = "FOLDER")]
    sources: Option<PathBuf>,
}

/// The files of the project, but for its manifest: what they are made of is the example of the guide.
const FILES: [(&str, &str); 6] = [
    (".gitignore", "/target\n"),
    ("README.md", include_str!("new/README.md")),
    (
        "src/lib.rs",
        include_str!("../../../../../examples/connector/src/lib.rs"),
    ),
    (
        "tests/suite/main.rs",
        include_str!("../../../../../examples/connector/tests/rolodex/main.rs"),
    ),
    (
        "tests/suite/made_up.rs",
        include_str!("../../../../../examples/connector/tests/rolodex/made_up.rs"),
    ),
    (
        "tests/suite/remote.rs",
        include_str!("../../../../../examples/connector/tests/rolodex/remote.rs"),
    ),
];
const MANIFEST: &str = include_str!("new/manifest.toml");
/// Behind the connector: what makes a plugin of it.
const PLUGIN: &str =
    "\n#[cfg(target_family = \"wasm\")]\nsyncline_plugin::plugin!(syncline_core::simple::Simple::new(Rolodex));\n";
/// Where the crates are in Syncline's sources that the project depends on.
const CRATES: [&str; 4] = ["crates/syncline", "crates/core", "crates/plugin-sdk", "crates/testkit"];
/// Longest name.
const LONGEST: usize = 40;

/// Makes the project.
///
/// # Errors
/// When the name can't be used, the folder is there already or can't be written, or the sources are not found.
pub(super) fn new(arguments: &NewArguments, output: Output) -> Result<ExitCode, Failure> {
    let name = arguments.name.as_str();
    let named = Names::new(name)?;
    let sources = sources(arguments)?;
    let folder = Path::new(name);
    std::fs::create_dir(folder).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::refused(format!("{name} is there already and was left as it is"))
            .next("give another name, or move it away first"),
        _ => Failure::failed(format!("{name} can't be made: {error}")),
    })?;
    let mut made = vec![("Cargo.toml".to_owned(), manifest(&named, &sources))];
    for (path, text) in FILES {
        made.push((path.to_owned(), named.put_into(path, text)));
    }
    for (path, text) in &made {
        write(&folder.join(path), text)?;
    }
    let files: Vec<_> = made.iter().map(|(path, _)| path).collect();
    output.json(&json!({"folder": name, "provider": name, "sources": sources, "files": files}))?;
    output.line(format_args!(
        "made {name}/: a connector for `{name}` that is a plugin, its conformance test, and a stub of the CRM"
    ));
    output.line(format_args!("it depends on Syncline's crates in {}", sources.display()));
    output.line(format_args!("next: cd {name}, cargo test, and read its README.md"));
    Ok(ExitCode::SUCCESS)
}

/// A provider's name in the forms that code has of it.
struct Names {
    /// `data-hub`.
    provider: String,
    /// `data_hub_plugin`.
    library: String,
    /// `DataHub`.
    kind: String,
    /// `Data Hub`.
    label: String,
}

impl Names {
    fn new(name: &str) -> Result<Self, Failure> {
        let parts: Vec<&str> = name.split('-').collect();
        let fine = |part: &&str| {
            let mut bytes = part.bytes();
            !part.is_empty() && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if name.len() > LONGEST || !parts.iter().all(fine) || !name.starts_with(|char: char| char.is_ascii_lowercase())
        {
            return Err(Failure::usage(format!("{name:?} can't be a provider's name"))
                .next("it begins with a letter, and has small letters, digits and single - in it, such as `acme`"));
        }
        let capitals = parts.iter().map(|part| part[..1].to_ascii_uppercase() + &part[1..]);
        let capitals: Vec<String> = capitals.collect();
        let names = Self {
            provider: name.to_owned(),
            library: format!("{}_plugin", name.replace('-', "_")),
            kind: capitals.concat(),
            label: capitals.join(" "),
        };
        let code = || FILES.iter().filter(|(path, _)| path.ends_with(".rs"));
        if names.kind != "Rolodex" && code().any(|(_, text)| has_word(text, &names.kind)) {
            return Err(Failure::usage(format!(
                "the connector would be called `{}`, as something else in the project is",
                names.kind
            ))
            .next(format!("take another name, such as `{name}-crm`")));
        }
        Ok(names)
    }

    /// The text of a file for this provider.
    fn put_into(&self, path: &str, text: &str) -> String {
        let mut text = text.to_owned();
        if path == "src/lib.rs" {
            // The core alone: the engine is not for a sandbox.
            text = text
                .replace("syncline::", "syncline_core::")
                .replace("{Result, async_trait, ", "{Result, ")
                .replace("use serde_json::", "use async_trait::async_trait;\nuse serde_json::")
                + PLUGIN;
        }
        for (old, new) in [
            ("syncline_example_connector", &self.library),
            ("LIBRARY", &self.library),
            ("\"Rolodex\"", &format!("\"{}\"", self.label)),
            ("Rolodex", &self.kind),
            ("rolodex", &self.provider),
        ] {
            text = text.replace(old, new);
        }
        text
    }
}

/// Whether a name stands in code by itself, and not only in a text or a comment of it.
fn has_word(code: &str, word: &str) -> bool {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let outside_of_quotes = lines.flat_map(|line| line.split('"').step_by(2));
    outside_of_quotes
        .flat_map(|code| code.split(|char: char| !char.is_ascii_alphanumeric() && char != '_'))
        .any(|other| other == word)
}

fn manifest(named: &Names, sources: &Path) -> String {
    // As it stands within quotes; cargo takes the slash everywhere.
    let path = sources.display().to_string().replace('\\', "/").replace('"', "\\\"");
    named.put_into("Cargo.toml", MANIFEST).replace("SOURCES", &path)
}

/// Where Syncline's sources are.
fn sources(arguments: &NewArguments) -> Result<PathBuf, Failure> {
    let are_there = |folder: &Path| {
        CRATES
            .iter()
            .all(|place| folder.join(place).join("Cargo.toml").is_file())
    };
    if let Some(given) = &arguments.sources {
        let whole = given.canonicalize().unwrap_or_else(|_| given.clone());
        return if are_there(&whole) {
            Ok(whole)
        } else {
            Err(
                Failure::not_found(format!("Syncline's sources are not in {}", given.display()))
                    .next("give the folder that holds its `crates` and `docs`"),
            )
        };
    }
    let around = [std::env::current_exe(), std::env::current_dir()];
    around
        .iter()
        .flatten()
        .flat_map(|path| path.ancestors())
        .find(|folder| are_there(folder))
        .map(Path::to_owned)
        .ok_or_else(|| {
            Failure::not_found("Syncline's sources, which the project depends on, were not found")
                .next("get them, and give their folder with `--sources FOLDER`")
        })
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder
        .and_then(|()| std::fs::write(path, text))
        .map_err(|error| Failure::failed(format!("{} can't be written: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_for_a_crate_a_type_and_a_host() {
        let names = Names::new("data-hub2").unwrap();
        assert_eq!(
            (names.library.as_str(), names.kind.as_str(), names.label.as_str()),
            ("data_hub2_plugin", "DataHub2", "Data Hub2")
        );
        for bad in [
            "",
            "Acme",
            "a_b",
            "-a",
            "a-",
            "a--b",
            "1a",
            "../a",
            "a b",
            &"a".repeat(41),
        ] {
            assert!(Names::new(bad).is_err(), "{bad}");
        }
        assert!(Names::new("acme").is_ok() && Names::new("rolodex").is_ok());
        // What the project's own code is full of.
        for taken in ["page", "self", "record", "result"] {
            assert!(Names::new(taken).is_err(), "{taken}");
        }
    }
}
