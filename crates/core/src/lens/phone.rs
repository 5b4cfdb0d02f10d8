//! `phone`: a phone number in E.164 form (`+4930123456`); how it is written does not count. What is no phone number is
//! kept as it is.
//!
//! Options: `default_region` (ISO country code such as `DE`, for numbers without country code) and `format` (how a
//! changed number is written to the remote side: `e164` (default), `international` or `national`).
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("phone").with("default_region", "DE")])?;
//! assert_eq!(lens.get(&[Value::text("(030) 12 34 56")], &NoLinks)?, [Value::text("+4930123456")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;

use phonenumber::{Mode, country};

use crate::error::Result;
use crate::lens::text::map_text;
use crate::lens::{LensKind, LensOption, ValueLens, single};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[
        LensOption {
            name: "default_region",
            meaning: "ISO country code for numbers without country code, such as DE; none by default",
        },
        LensOption {
            name: "format",
            meaning: "how a changed number is written: e164 (default), international or national",
        },
    ];
    const FORMATS: &[(&str, Mode)] = &[
        ("e164", Mode::E164),
        ("international", Mode::International),
        ("national", Mode::National),
    ];
    LensKind::new("A phone number in E.164 form.", OPTIONS, |options| {
        let region = options.text("default_region")?.map(|code| {
            code.to_uppercase().parse().map_err(|_| {
                options.invalid(
                    "default_region",
                    &format!("must be a country code such as DE, not `{code}`"),
                )
            })
        });
        Ok(single(Phone {
            region: region.transpose()?,
            format: options.one_of("format", FORMATS)?.unwrap_or(Mode::E164),
            known: Mutex::default(),
        }))
    })
}

#[derive(Debug)]
struct Phone {
    region: Option<country::Id>,
    format: Mode,
    /// Canonical forms of the numbers met last.
    known: Mutex<BTreeMap<String, String>>,
}

/// Numbers remembered: a few pages' worth.
const REMEMBERED: usize = 4_096;

impl Phone {
    fn parse(&self, text: &str) -> Option<phonenumber::PhoneNumber> {
        // The longest that E.164 allows, with separators and an extension.
        const LONGEST: usize = 64;
        if text.len() > LONGEST {
            return None;
        }
        phonenumber::parse(self.region, text.trim())
            .ok()
            .filter(phonenumber::PhoneNumber::is_valid)
    }

    /// E.164, with the extension behind it.
    fn e164(number: &phonenumber::PhoneNumber) -> Option<String> {
        let mut text = String::new();
        write!(text, "{}", number.format().mode(Mode::E164)).ok()?;
        if let Some(extension) = number.extension() {
            write!(text, " ext. {extension}").ok()?;
        }
        Some(text)
    }

    /// Planning one record asks for the same number several times over, and reading one takes dozens of expressions.
    fn canonical(&self, text: &str) -> String {
        let known = |cache: &BTreeMap<String, String>| cache.get(text).cloned();
        if let Some(form) = self.known.lock().ok().and_then(|cache| known(&cache)) {
            return form;
        }
        let form = self.read(text);
        if let Ok(mut cache) = self.known.lock() {
            if cache.len() >= REMEMBERED {
                cache.clear();
            }
            cache.insert(text.to_owned(), form.clone());
        }
        form
    }

    fn read(&self, text: &str) -> String {
        self.parse(text)
            .and_then(|number| Self::e164(&number))
            // A form that does not read back as itself would never settle.
            .filter(|form| {
                form == text || self.parse(form).and_then(|number| Self::e164(&number)).as_ref() == Some(form)
            })
            .unwrap_or_else(|| text.to_owned())
    }

    fn written(&self, canonical: &str) -> String {
        let Some(number) = self.parse(canonical).filter(|_| self.format != Mode::E164) else {
            return self.canonical(canonical);
        };
        let foreign = self.region.is_none() || number.country().id() != self.region;
        let mode = if foreign { Mode::International } else { self.format };
        let mut text = String::new();
        match write!(text, "{}", number.format().mode(mode)) {
            Ok(()) if self.canonical(&text) == self.canonical(canonical) => text,
            _ => self.canonical(canonical),
        }
    }
}

impl ValueLens for Phone {
    fn get(&self, raw: &Value) -> Result<Value> {
        Ok(map_text(raw, |text| self.canonical(text)))
    }

    fn put(&self, canonical: &Value, _: &Value) -> Result<Value> {
        Ok(map_text(canonical, |text| self.written(text)))
    }

    fn canon(&self, raw: &Value) -> Value {
        map_text(raw, |text| self.canonical(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens(region: &str, format: Mode) -> Phone {
        Phone {
            region: region.parse().ok(),
            format,
            known: Mutex::default(),
        }
    }

    #[test]
    fn notations_of_one_number_are_the_same() {
        let lens = lens("US", Mode::E164);
        for text in [
            "(415) 555-2671",
            "+1 415 555 2671",
            "1-415-555-2671",
            "tel:+1-415-555-2671",
        ] {
            assert_eq!(lens.canonical(text), "+14155552671", "{text}");
        }
    }

    #[test]
    fn what_is_no_phone_number_is_kept_as_it_is() {
        let lens = lens("DE", Mode::E164);
        for text in ["ask Ann", " 12 ", "", "+49", "+999 123456789", &"1".repeat(100)] {
            assert_eq!(lens.canonical(text), text);
        }
    }

    #[test]
    fn without_a_region_only_international_numbers_are_read() {
        let lens = lens("", Mode::E164);
        assert_eq!(lens.canonical("+49 30 123456"), "+4930123456");
        assert_eq!(lens.canonical("030 123456"), "030 123456");
    }

    #[test]
    fn the_extension_is_kept() {
        let lens = lens("US", Mode::E164);
        let canonical = lens.canonical("415-555-2671 ext. 12");
        assert_eq!(canonical, "+14155552671 ext. 12");
        assert_eq!(lens.canonical(&canonical), canonical);
    }

    #[test]
    fn a_changed_number_is_written_in_the_format_asked_for() {
        assert_eq!(lens("DE", Mode::National).written("+4930123456"), "030 123456");
        assert_eq!(lens("DE", Mode::National).written("+14155552671"), "+1 415-555-2671");
        assert_eq!(lens("DE", Mode::International).written("+4930123456"), "+49 30 123456");
    }

    #[test]
    fn an_unchanged_number_keeps_the_notation_of_the_side() {
        let lens = single(lens("US", Mode::E164));
        let old = [Value::text("(415) 555-2671")];
        let put = lens.put(&["+14155552671".into()], &old, &crate::lens::NoLinks).unwrap();
        assert_eq!(put, old);
    }
}
