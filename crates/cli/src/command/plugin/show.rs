//! What a plugin is and asks for, in words.

use syncline::plugins::Inspection;

use crate::output::Output;

/// Whose signature a plugin's file bears.
#[derive(Debug, Clone, Copy)]
pub(super) enum Signed<'a> {
    /// Nobody asked.
    NotLookedAt,
    /// Nobody's, or of somebody who is not trusted.
    ByNobody,
    /// That of a maker who is trusted.
    By(&'a str),
}

/// Tells what a plugin is and asks for.
pub(super) fn tell(asks: &Inspection, bytes: usize, signed: Signed<'_>, output: Output) {
    for line in lines(asks, bytes, signed) {
        output.line(line);
    }
}

fn lines(asks: &Inspection, bytes: usize, signed: Signed<'_>) -> Vec<String> {
    let manifest = &asks.manifest;
    let authorisation = &manifest.authorisation;
    let token_url = authorisation
        .token_base_url
        .as_ref()
        .unwrap_or(&authorisation.login_url);
    let none = |list: &[String]| {
        if list.is_empty() {
            "none".to_owned()
        } else {
            list.join(", ")
        }
    };
    let settings: Vec<String> = manifest.settings.iter().map(|setting| setting.name.clone()).collect();
    let limits: Vec<String> = manifest
        .limits
        .iter()
        .map(|limit| format!("{} calls in {} s", limit.calls, limit.seconds))
        .collect();
    let signed = match signed {
        Signed::NotLookedAt => None,
        Signed::ByNobody => Some("nobody whose key is trusted here"),
        Signed::By(name) => Some(name),
    };
    let mut lines = vec![
        format!(
            "{}, a connector for the provider `{}`",
            manifest.label, manifest.provider
        ),
        format!("  file         {} KiB, SHA-256 {}", bytes.div_ceil(1024), asks.hash),
        format!("  contract     {}", asks.contract),
        "It asks for:".to_owned(),
        format!("  hosts        {}", none(&manifest.hosts)),
        format!(
            "  signing in   at {}, with codes and tokens sent to {token_url}",
            authorisation.login_url
        ),
        format!("  app scopes   {}", none(&asks.app_scopes)),
        format!(
            "  webhooks     {}",
            if manifest.capabilities.webhooks { "yes" } else { "no" }
        ),
        format!("  settings     {}", none(&settings)),
        format!("  limits       {}", none(&limits)),
        "It gets no token, file, clock or network of its own, and sees records of its own connections alone."
            .to_owned(),
    ];
    if let Some(signed) = signed {
        lines.insert(2, format!("  signed by    {signed}"));
    }
    lines
}
