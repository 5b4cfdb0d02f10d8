//! What a plugin is and asks for, in words.

use syncline::plugins::Inspection;

use crate::output::Output;

/// Tells what a plugin is and asks for.
pub(super) fn tell(asks: &Inspection, bytes: usize, signed_by: Option<&str>, output: Output) {
    for line in lines(asks, bytes, signed_by) {
        output.line(line);
    }
}

fn lines(asks: &Inspection, bytes: usize, signed_by: Option<&str>) -> Vec<String> {
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
    vec![
        format!(
            "{}, a connector for the provider `{}`",
            manifest.label, manifest.provider
        ),
        format!("  file         {} KiB, SHA-256 {}", bytes.div_ceil(1024), asks.hash),
        format!(
            "  signed by    {}",
            signed_by.unwrap_or("nobody whose signature counts here")
        ),
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
    ]
}
