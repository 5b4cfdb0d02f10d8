//! Values as texts that can be compared.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::mapping::Normalisation;
use crate::value::Value;

/// What people type where there is nothing to say. Two of them are not the same thing.
const PLACEHOLDERS: [&str; 8] = [
    "[not provided]",
    "not provided",
    "[unknown]",
    "unknown",
    "n/a",
    "none",
    "null",
    "-",
];

/// A value in the form in which it is compared; `None` when it says nothing (empty, a placeholder, an e-mail address
/// without an `@`, a phone number of fewer than five digits).
///
/// ```
/// use syncline_core::{Value, mapping::Normalisation, matching::normalise};
/// assert_eq!(normalise(&Value::text(" Zoë  Müßig"), Normalisation::Text).as_deref(), Some("zoe mussig"));
/// assert_eq!(normalise(&Value::text("https://www.Example.com/a"), Normalisation::Domain).as_deref(), Some("example.com"));
/// ```
pub fn normalise(value: &Value, how: Normalisation) -> Option<String> {
    if value.is_empty() {
        return None;
    }
    let shown;
    let text = match value {
        Value::Text(text) => text.as_str(),
        other => {
            shown = other.to_string();
            &shown
        }
    };
    let normalised = match how {
        Normalisation::Exact => text.to_owned(),
        Normalisation::Text => fold(text),
        Normalisation::Email => email(text)?,
        Normalisation::Phone => phone(text)?,
        Normalisation::Domain => domain(text)?,
    };
    (!normalised.is_empty() && !PLACEHOLDERS.contains(&normalised.as_str())).then_some(normalised)
}

/// Lower-cased, without accents, white space folded.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        if word.is_ascii() {
            folded.extend(word.chars().map(|c| c.to_ascii_lowercase()));
            continue;
        }
        for character in word
            .nfkd()
            .filter(|c| !is_combining_mark(*c))
            .flat_map(char::to_lowercase)
        {
            match character {
                // These have no decomposition, and people type them without.
                'ß' => folded.push_str("ss"),
                'æ' => folded.push_str("ae"),
                'œ' => folded.push_str("oe"),
                'ø' => folded.push('o'),
                'đ' | 'ð' => folded.push('d'),
                'ł' => folded.push('l'),
                'þ' => folded.push_str("th"),
                'ı' => folded.push('i'),
                '’' | '‘' | 'ʼ' => folded.push('\''),
                // A capital I with a dot above leaves its dot behind.
                other if is_combining_mark(other) => {}
                other => folded.push(other),
            }
        }
    }
    folded
}

fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    (!local.is_empty() && !domain.is_empty() && !text.contains(char::is_whitespace)).then(|| text.to_lowercase())
}

fn phone(text: &str) -> Option<String> {
    let digits: String = text
        .chars()
        .filter_map(|c| c.to_digit(10))
        .filter_map(|d| char::from_digit(d, 10))
        .collect();
    // The international prefix, where it is spelled out.
    let digits = match digits.strip_prefix("00") {
        Some(rest) if !text.contains('+') => rest.to_owned(),
        _ => digits,
    };
    (digits.len() >= 5).then_some(digits)
}

fn domain(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let rest = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = host.rsplit('@').next().unwrap_or(host);
    let host = host.split(':').next().unwrap_or(host).trim_end_matches('.');
    let host = host.strip_prefix("www.").unwrap_or(host);
    (host.contains('.') && !host.contains(char::is_whitespace)).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str, how: Normalisation) -> Option<String> {
        normalise(&Value::text(text), how)
    }

    #[test]
    fn accents_case_and_spaces_do_not_count_in_text() {
        for spelling in ["Łódź Straße", "lodz  strasse", " LÓDŹ STRASSE "] {
            assert_eq!(normal(spelling, Normalisation::Text).as_deref(), Some("lodz strasse"));
        }
        assert_eq!(normal("İstanbul", Normalisation::Text).as_deref(), Some("istanbul"));
    }

    #[test]
    fn what_says_nothing_is_not_compared() {
        assert_eq!(normal("[not provided]", Normalisation::Text), None);
        assert_eq!(normal("  ", Normalisation::Text), None);
        assert_eq!(normal("no address", Normalisation::Email), None);
        assert_eq!(normal("ext. 12", Normalisation::Phone), None);
        assert_eq!(normal("localhost", Normalisation::Domain), None);
    }

    #[test]
    fn phones_are_their_digits_and_domains_their_host() {
        assert_eq!(
            normal("0043 (1) 234-567", Normalisation::Phone).as_deref(),
            Some("431234567")
        );
        assert_eq!(
            normal("+43 1 234567", Normalisation::Phone).as_deref(),
            Some("431234567")
        );
        for spelling in ["ada@Example.COM", "http://www.example.com:80/x", "example.com."] {
            assert_eq!(normal(spelling, Normalisation::Domain).as_deref(), Some("example.com"));
        }
    }
}
