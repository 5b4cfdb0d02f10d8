//! Which version of the contract a plugin was built for, and whether this host speaks it.

use syncline_core::{Error, ErrorKind, Result};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The package of the contract.
const PACKAGE: &str = "syncline:connector/";
/// The version that this host speaks: any plugin of the same major version, and not newer.
const SPOKEN: (u64, u64, u64) = (1, 0, 0);

/// The version of the contract that a component exports.
///
/// # Errors
/// `Unsupported` when it is none of ours, or of a version that this host does not speak; the message says what to do.
pub(crate) fn check(engine: &Engine, component: &Component) -> Result<String> {
    let kind = component.component_type();
    let exports = kind.exports(engine).map(|(name, _)| name.to_owned());
    let mut versions = exports.filter_map(|name| {
        let (interface, version) = name.strip_prefix(PACKAGE)?.split_once('@')?;
        (interface == "connector").then(|| version.to_owned())
    });
    let Some(version) = versions.next() else {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the file is a WebAssembly component, but no connector for Syncline: it does not export \
             `syncline:connector/connector`",
        ));
    };
    check_version(&version)?;
    Ok(version)
}

fn check_version(version: &str) -> Result<()> {
    let (major, minor, _) = SPOKEN;
    let theirs = parse(version).ok_or_else(|| {
        let message = format!("the plugin names a version of the contract that is none: {version:?}");
        Error::new(ErrorKind::Unsupported, message)
    })?;
    let advice = if theirs.0 == major && theirs.1 <= minor {
        return Ok(());
    } else if theirs.0 < major {
        format!("ask the plugin's maker for a build for version {major}, or use an older Syncline")
    } else {
        format!("update Syncline, or ask the plugin's maker for a build for version {major}.{minor}")
    };
    Err(Error::new(
        ErrorKind::Unsupported,
        format!(
            "the plugin was built for version {version} of the plugin contract, and this Syncline speaks version \
             {major}.{minor}: {advice}"
        ),
    ))
}

fn parse(version: &str) -> Option<(u64, u64, u64)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    let parsed = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_major_version_is_refused_with_what_to_do() {
        assert!(check_version("1.0.0").is_ok() && check_version("1.0.7").is_ok());
        for (version, advice) in [
            ("2.0.0", "update Syncline"),
            ("1.1.0", "update Syncline"),
            ("0.9.0", "ask the plugin's maker for a build for version 1"),
            ("one", "none"),
        ] {
            let error = check_version(version).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.message().contains(advice), "{error}");
        }
    }
}
