//! What a plugin says of itself, and which file it is.

use syncline_core::ErrorKind;
use syncline_plugins::{Approval, Plugins};

use super::{limits, support};

const MANIFEST: &str = include_str!("../../guests/hostile/src/manifest.json");

/// The hostile plugin with another manifest in its place, which must not be longer.
fn with_manifest(manifest: &str) -> Option<Vec<u8>> {
    let mut file = support::file("hostile")?;
    assert!(manifest.len() <= MANIFEST.len());
    let padded = format!("{manifest}{}", " ".repeat(MANIFEST.len() - manifest.len()));
    let place = file
        .windows(MANIFEST.len())
        .position(|window| window == MANIFEST.as_bytes());
    let place = place.expect("the manifest stands in the file as it is");
    file[place..place + MANIFEST.len()].copy_from_slice(padded.as_bytes());
    Some(file)
}

#[test]
fn a_plugin_whose_manifest_can_not_be_true_is_refused() {
    let Some(file) = with_manifest(&MANIFEST.replace("api.hostile.example\"]", "*\"]")) else {
        return;
    };
    let error = Plugins::new(limits()).unwrap().inspect(&file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Plugin, "{error:?}");
    assert!(error.message().contains("\"*\" is no host"), "{error}");
}

#[test]
fn what_a_plugin_asks_for_can_be_seen_before_it_is_approved() {
    let Some(file) = support::file("hostile") else { return };
    let asks = support::plugins(limits()).inspect(&file).unwrap();
    assert_eq!((asks.contract.as_str(), asks.hash.len()), ("1.0.0", 64));
    assert_eq!(asks.manifest.hosts, ["login.hostile.example", "api.hostile.example"]);
}

#[test]
fn another_file_has_to_be_approved_anew() {
    let plugins = support::plugins(limits());
    let Some(file) = support::file("hostile") else { return };
    let approval = Approval::of_all(&plugins.inspect(&file).unwrap());
    let Some(changed) = with_manifest(&MANIFEST.replace("Hostile", "Harmful")) else {
        return;
    };
    let error = plugins.connector(&changed, &approval).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.message().contains("approve it anew"), "{error}");
}

#[test]
fn what_is_no_plugin_is_told_apart() {
    let plugins = Plugins::new(limits()).unwrap();
    for bytes in [&b""[..], b"MZ", b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0\xff\xff"] {
        let error = plugins.inspect(bytes).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Unsupported),
            "{error:?}"
        );
    }
    let mut limits = limits();
    limits.file_bytes = 10;
    let error = Plugins::new(limits).unwrap().inspect(&[0; 11]).unwrap_err();
    assert!(error.message().contains("larger than the 10 bytes"), "{error}");
}

#[test]
fn a_plugin_of_another_contract_is_refused_with_what_to_do() {
    let plugins = Plugins::new(limits()).unwrap();
    for (name, says) in [
        ("syncline:connector/connector@2.0.0", "update Syncline"),
        ("syncline:connector/connector@0.3.0", "ask the plugin's maker"),
        ("wasi:cli/run@0.2.0", "no connector for Syncline"),
    ] {
        let text =
            format!(r#"(component (component $c) (instance $i (instantiate $c)) (export "{name}" (instance $i)))"#);
        let error = plugins.inspect(&wat::parse_str(text).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        assert!(error.message().contains(says), "{error}");
    }
}

#[test]
fn a_plugin_that_asks_for_more_than_the_contract_gets_nothing() {
    let plugins = Plugins::new(limits()).unwrap();
    let text = r#"(component
        (import "wasi:filesystem/preopens@0.2.0" (instance))
        (component $c) (instance $i (instantiate $c))
        (export "syncline:connector/connector@1.0.0" (instance $i)))"#;
    let error = plugins.inspect(&wat::parse_str(text).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Plugin, "{error:?}");
}
