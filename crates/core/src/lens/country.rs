//! `country`: a country's code and its name, either way round. Codes of two and three letters and usual names are all
//! understood, whatever their case; which of them the remote side holds does not count.
//!
//! Options: `remote` (what is written there: `name` (default), `code` or `code3`), `canonical` (what the field holds:
//! `code` (default), `code3` or `name`) and `unknown` (what other texts become: `keep` (themselves, default), `null` or
//! `error`).
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("country")])?;
//! assert_eq!(lens.get(&[Value::text("germany")], &NoLinks)?, [Value::text("DE")]);
//! assert_eq!(lens.put(&[Value::text("FR")], &[Value::Null], &NoLinks)?, [Value::text("France")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use crate::error::{Error, ErrorKind, Result};
use crate::lens::country_table::{Country, find};
use crate::lens::text::excerpt;
use crate::lens::{LensKind, LensOption, ValueLens, single};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[
        LensOption {
            name: "remote",
            meaning: "what the remote side is given: name (default), code or code3",
        },
        LensOption {
            name: "canonical",
            meaning: "what the field holds: code (default), code3 or name",
        },
        LensOption {
            name: "unknown",
            meaning: "what other texts become: keep (default), null or error",
        },
    ];
    const FORMS: &[(&str, Form)] = &[("name", Form::Name), ("code", Form::Code), ("code3", Form::Code3)];
    const UNKNOWN: &[(&str, Unknown)] = &[
        ("keep", Unknown::Keep),
        ("null", Unknown::Null),
        ("error", Unknown::Error),
    ];
    LensKind::new("A country's code and its name.", OPTIONS, |options| {
        Ok(single(CountryLens {
            remote: options.one_of("remote", FORMS)?.unwrap_or(Form::Name),
            canonical: options.one_of("canonical", FORMS)?.unwrap_or(Form::Code),
            unknown: options.one_of("unknown", UNKNOWN)?.unwrap_or(Unknown::Keep),
        }))
    })
}

#[derive(Debug, Clone, Copy)]
enum Form {
    Name,
    Code,
    Code3,
}

impl Form {
    fn of(self, country: &Country) -> Value {
        Value::text(match self {
            Self::Name => country.name,
            Self::Code => country.code,
            Self::Code3 => country.code3,
        })
    }
}

#[derive(Debug, Clone, Copy)]
enum Unknown {
    Keep,
    Null,
    Error,
}

#[derive(Debug)]
struct CountryLens {
    remote: Form,
    canonical: Form,
    unknown: Unknown,
}

impl CountryLens {
    fn converted(&self, value: &Value, form: Form) -> Result<Value> {
        if value.is_empty() {
            return Ok(Value::Null);
        }
        match (value.as_text().and_then(find), self.unknown) {
            (Some(country), _) => Ok(form.of(country)),
            (None, Unknown::Keep) => Ok(value.clone()),
            (None, Unknown::Null) => Ok(Value::Null),
            (None, Unknown::Error) => Err(Error::new(
                ErrorKind::Invalid,
                format!("`{}` is not a country that ISO 3166 knows", excerpt(value)),
            )),
        }
    }
}

impl ValueLens for CountryLens {
    fn get(&self, raw: &Value) -> Result<Value> {
        self.converted(raw, self.canonical)
    }

    fn put(&self, canonical: &Value, _: &Value) -> Result<Value> {
        self.converted(canonical, self.remote)
    }

    fn canon(&self, raw: &Value) -> Value {
        let country = raw.as_text().and_then(find);
        country.map_or_else(|| raw.clone(), |country| self.remote.of(country))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens(unknown: Unknown) -> CountryLens {
        CountryLens {
            remote: Form::Name,
            canonical: Form::Code,
            unknown,
        }
    }

    #[test]
    fn codes_and_usual_names_are_understood() {
        for text in ["US", "usa", "United States", " United States of America ", "U.S.A."] {
            assert_eq!(
                lens(Unknown::Error).get(&text.into()).unwrap(),
                Value::text("US"),
                "{text}"
            );
            assert_eq!(lens(Unknown::Error).canon(&text.into()), Value::text("United States"));
        }
    }

    #[test]
    fn other_texts_follow_the_option() {
        let narnia = Value::text("Narnia");
        assert_eq!(lens(Unknown::Keep).get(&narnia).unwrap(), narnia);
        assert_eq!(lens(Unknown::Null).get(&narnia).unwrap(), Value::Null);
        let error = lens(Unknown::Error).get(&narnia).unwrap_err();
        assert_eq!(error.message(), "`Narnia` is not a country that ISO 3166 knows");
    }
}
