//! The direction of the edges between our own crates.

use std::collections::BTreeMap;

use crate::workspace::{Dependency, Package, Workspace};

/// Where a crate stands, from its folder. A crate may depend on lower tiers only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    /// Depends on no sibling.
    Core,
    /// Engine, storage, simulators, the guest side of plugins: on the core alone, and not on each other.
    Part,
    /// As `Part`, and on the core without its default features.
    Connector,
    /// A connector wrapped up as a plugin.
    Guest,
    /// The plugin host.
    Plugins,
    /// The conformance suites.
    Testkit,
    /// What hosts depend on.
    Facade,
    /// The command line, which the Python package brings along.
    CommandLine,
    /// What people run: bindings, examples, benches, fuzz targets.
    Top,
    /// Build logic: no edge in either direction.
    Outside,
}

impl Tier {
    fn of(folder: &str) -> Option<Self> {
        Some(match folder {
            "crates/core" => Self::Core,
            "crates/engine" | "crates/storage" | "crates/simulators" | "crates/plugin-sdk" => Self::Part,
            "crates/plugins" => Self::Plugins,
            "crates/testkit" => Self::Testkit,
            "crates/syncline" => Self::Facade,
            "crates/cli" => Self::CommandLine,
            "benches" | "examples" => Self::Top,
            "xtask" | "xtask/component" => Self::Outside,
            _ if folder.starts_with("crates/connectors/") => Self::Connector,
            _ if folder.starts_with("crates/plugins/guests/") => Self::Guest,
            _ if ["bindings/", "examples/", "benches/", "fuzz/"]
                .iter()
                .any(|top| folder.starts_with(top)) =>
            {
                Self::Top
            }
            _ => return None,
        })
    }

    /// Whether the crate's own code may use the other.
    fn may_use(self, other: Self) -> bool {
        match self {
            Self::Core | Self::Outside => false,
            Self::Part | Self::Connector => other == Self::Core,
            // Side by side: the facade is for hosts, the suites are for their tests.
            Self::Facade => other < self && other != Self::Testkit && other != Self::Guest,
            // Built for another machine: nothing here links to it.
            Self::Guest | Self::Plugins | Self::Testkit | Self::CommandLine | Self::Top => {
                other < self && other != Self::Guest
            }
        }
    }

    /// Whether the crate's tests may use the other: they also see the conformance suites and their neighbours.
    fn may_test_with(self, other: Self) -> bool {
        match self {
            Self::Core | Self::Outside => false,
            Self::Part | Self::Connector => other <= Self::Connector || other == Self::Testkit,
            Self::Guest | Self::Plugins | Self::Testkit | Self::Facade | Self::CommandLine | Self::Top => {
                (other <= self || other == Self::Testkit) && other != Self::Guest
            }
        }
    }

    fn rule(self) -> &'static str {
        match self {
            Self::Core => "the core depends on no sibling",
            Self::Part => "engine, storage, simulators and plugin-sdk depend on the core alone",
            Self::Connector => "a connector depends on the core alone",
            Self::Guest => "a guest is a connector and what makes a plugin of it, and nothing links to it",
            Self::Plugins => "the plugin host depends on the core and what stands directly on it",
            Self::Testkit => "the testkit is below the facade and what people run",
            Self::Facade => "the facade is below what people run, and beside the testkit",
            Self::CommandLine => "the command line is below the Python package alone",
            Self::Top => "what people run is depended on by nothing",
            Self::Outside => "xtask stands outside",
        }
    }
}

/// Every edge that points the wrong way, as sentences.
pub(super) fn violations(workspace: &Workspace) -> Vec<String> {
    let mut findings = Vec::new();
    let mut tiers = BTreeMap::new();
    for package in &workspace.packages {
        match Tier::of(&package.folder) {
            Some(tier) => drop(tiers.insert(package.name.as_str(), tier)),
            None => findings.push(format!(
                "{} lives in {}, which has no place in the design: give it one in xtask/src/dependencies/direction.rs",
                package.name, package.folder
            )),
        }
    }
    for package in &workspace.packages {
        let Some(&tier) = tiers.get(package.name.as_str()) else {
            continue;
        };
        for dependency in &package.dependencies {
            let Some(&other) = tiers.get(dependency.name.as_str()) else {
                continue;
            };
            findings.extend(wrong_edge(package, tier, dependency, other));
        }
        if tier == Tier::Connector {
            findings.extend(wide_core(package));
        }
    }
    findings
}

fn wrong_edge(package: &Package, tier: Tier, dependency: &Dependency, other: Tier) -> Option<String> {
    let for_tests = dependency.is_for_tests();
    let allowed = if for_tests {
        // A crate may list itself, to switch a feature on for its own tests.
        tier.may_test_with(other) || package.name == dependency.name
    } else {
        tier.may_use(other)
    };
    let table = if for_tests { " (dev-dependency)" } else { "" };
    (!allowed).then(|| format!("{} -> {}{table}: {}", package.name, dependency.name, tier.rule()))
}

/// The ways in which a connector can pull in the model, which a guest has to stay small without.
fn wide_core(package: &Package) -> Vec<String> {
    const CORE: &str = "syncline-core";
    let mut findings = Vec::new();
    for dependency in package.dependencies.iter().filter(|dependency| dependency.name == CORE) {
        if dependency.is_for_tests() {
            continue;
        }
        if dependency.uses_default_features {
            findings.push(format!(
                "{} -> {CORE}: a connector takes it with default-features = false",
                package.name
            ));
        }
        for feature in dependency
            .features
            .iter()
            .filter(|feature| matches!(feature.as_str(), "default" | "model"))
        {
            findings.push(format!(
                "{} -> {CORE}: a connector does without its feature `{feature}`",
                package.name
            ));
        }
    }
    for (feature, enables) in &package.features {
        for enabled in enables {
            let wide = ["default", "model"]
                .iter()
                .any(|wide| [format!("{CORE}/{wide}"), format!("{CORE}?/{wide}")].contains(enabled));
            if wide {
                findings.push(format!(
                    "{} -> {CORE}: its feature `{feature}` turns on `{enabled}`",
                    package.name
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, folder: &str, dependencies: Vec<Dependency>) -> Package {
        Package {
            name: name.to_owned(),
            folder: folder.to_owned(),
            dependencies,
            features: BTreeMap::new(),
        }
    }

    fn on(name: &str) -> Dependency {
        Dependency {
            name: name.to_owned(),
            kind: None,
            uses_default_features: false,
            features: Vec::new(),
        }
    }

    fn for_tests_on(name: &str) -> Dependency {
        Dependency {
            kind: Some("dev".to_owned()),
            ..on(name)
        }
    }

    /// The whole house, with one package replaced.
    fn house(replacement: Package) -> Workspace {
        let mut packages = vec![
            package("syncline-core", "crates/core", vec![on("serde")]),
            package(
                "syncline-engine",
                "crates/engine",
                vec![on("syncline-core"), on("tokio")],
            ),
            package("syncline-storage", "crates/storage", vec![on("syncline-core")]),
            package("syncline-simulators", "crates/simulators", vec![]),
            package(
                "syncline-connector-one",
                "crates/connectors/one",
                vec![on("syncline-core")],
            ),
            package(
                "syncline-connector-two",
                "crates/connectors/two",
                vec![on("syncline-core")],
            ),
            package(
                "syncline-plugins",
                "crates/plugins",
                vec![on("syncline-core"), on("syncline-engine")],
            ),
            package(
                "syncline-testkit",
                "crates/testkit",
                vec![on("syncline-engine"), on("syncline-plugins")],
            ),
            package(
                "syncline",
                "crates/syncline",
                vec![on("syncline-engine"), on("syncline-connector-one")],
            ),
            package(
                "syncline-cli",
                "crates/cli",
                vec![on("syncline"), on("syncline-simulators")],
            ),
            package("xtask", "xtask", vec![on("clap")]),
        ];
        packages.retain(|package| package.name != replacement.name);
        packages.push(replacement);
        Workspace { packages }
    }

    fn findings(name: &str, folder: &str, dependencies: Vec<Dependency>) -> Vec<String> {
        violations(&house(package(name, folder, dependencies)))
    }

    #[test]
    fn the_designed_house_has_no_violation() {
        assert_eq!(findings("xtask", "xtask", vec![on("clap")]), Vec::<String>::new());
    }

    #[test]
    fn every_edge_against_the_direction_is_named() {
        for (from, folder, to) in [
            ("syncline-core", "crates/core", "syncline-engine"),
            ("syncline-engine", "crates/engine", "syncline-storage"),
            ("syncline-engine", "crates/engine", "syncline-connector-one"),
            ("syncline-storage", "crates/storage", "syncline-engine"),
            ("syncline-simulators", "crates/simulators", "syncline-connector-one"),
            ("syncline-connector-one", "crates/connectors/one", "syncline-engine"),
            (
                "syncline-connector-one",
                "crates/connectors/one",
                "syncline-connector-two",
            ),
            ("syncline-testkit", "crates/testkit", "syncline"),
            ("syncline", "crates/syncline", "syncline-testkit"),
            ("syncline", "crates/syncline", "syncline-cli"),
            ("syncline-cli", "crates/cli", "xtask"),
            ("xtask", "xtask", "syncline-core"),
        ] {
            let found = findings(from, folder, vec![on(to)]);
            assert_eq!(found.len(), 1, "{from} -> {to}: {found:?}");
            assert!(found[0].starts_with(&format!("{from} -> {to}: ")), "{found:?}");
        }
    }

    #[test]
    fn tests_may_use_neighbours_and_the_testkit_but_nothing_above() {
        let storage = |to| findings("syncline-storage", "crates/storage", vec![for_tests_on(to)]);
        assert!(storage("syncline-testkit").is_empty());
        assert!(storage("syncline-simulators").is_empty());
        assert_eq!(
            storage("syncline-cli"),
            ["syncline-storage -> syncline-cli (dev-dependency): \
              engine, storage, simulators and plugin-sdk depend on the core alone"]
        );
        assert_eq!(
            findings("syncline-core", "crates/core", vec![for_tests_on("syncline-testkit")]).len(),
            1
        );
    }

    #[test]
    fn a_connector_that_pulls_in_the_model_is_named_whichever_way_it_does() {
        let connector = |core: Dependency| findings("syncline-connector-one", "crates/connectors/one", vec![core]);
        assert_eq!(
            connector(Dependency {
                uses_default_features: true,
                ..on("syncline-core")
            })
            .len(),
            1
        );
        assert_eq!(
            connector(Dependency {
                features: vec!["model".to_owned()],
                ..on("syncline-core")
            })
            .len(),
            1
        );
        let mut forwarding = package(
            "syncline-connector-one",
            "crates/connectors/one",
            vec![on("syncline-core")],
        );
        forwarding
            .features
            .insert("rich".to_owned(), vec!["syncline-core/model".to_owned()]);
        assert_eq!(
            violations(&house(forwarding)),
            ["syncline-connector-one -> syncline-core: its feature `rich` turns on `syncline-core/model`"]
        );
    }

    #[test]
    fn a_crate_in_an_unknown_folder_has_to_be_given_a_place() {
        let found = findings("syncline-surprise", "crates/surprise", vec![]);
        assert!(found.len() == 1 && found[0].contains("crates/surprise"), "{found:?}");
    }
}
