//! `table`: remote values as canonical ones by a table, both ways.
//!
//! Options:
//! - `values` (required): an object from remote texts to canonical values, or a list of pairs when the remote values
//!   are not texts. Several remote values may share a canonical one; the first is written, and they count as the same.
//! - `unknown`: what a value that the table does not list becomes. `error` (default), `keep` (itself, both ways),
//!   `null` (nothing, both ways) or `default`.
//! - `default`: with `unknown: default`, the canonical value of unlisted remote ones.
//! - `remote_default`: with `unknown: default`, the remote value of unlisted canonical ones.
//!
//! With `unknown: default` the lens can only go back if the default can be written: it is in the table, or
//! `remote_default` is given and reads as it. Otherwise the rule is one-way.
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let spec = LensSpec::new("table").with("values", serde_json::json!({"Hot": "a", "Very hot": "a", "Cold": "b"}));
//! let lens = LensRegistry::standard().build(&[spec])?;
//! assert_eq!(lens.get(&[Value::text("Very hot")], &NoLinks)?, [Value::text("a")]);
//! assert_eq!(lens.put(&[Value::text("a")], &[Value::text("Cold")], &NoLinks)?, [Value::text("Hot")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use serde_json::Value as Json;

use crate::error::{Error, ErrorKind, Result};
use crate::lens::text::excerpt;
use crate::lens::{LensKind, LensOption, Options, SharedLens, ValueLens, single};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[
        LensOption {
            name: "values",
            meaning: "an object from remote texts to canonical values, or a list of pairs; required",
        },
        LensOption {
            name: "unknown",
            meaning: "what an unlisted value becomes: error (default), keep, null or default",
        },
        LensOption {
            name: "default",
            meaning: "the canonical value of unlisted remote ones, with unknown: default",
        },
        LensOption {
            name: "remote_default",
            meaning: "the remote value of unlisted canonical ones, with unknown: default",
        },
    ];
    LensKind::new("Remote values as canonical ones by a table.", OPTIONS, build)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Error,
    Keep,
    Null,
    Default,
}

fn build(options: &Options<'_>) -> Result<SharedLens> {
    const POLICIES: &[(&str, Unknown)] = &[
        ("error", Unknown::Error),
        ("keep", Unknown::Keep),
        ("null", Unknown::Null),
        ("default", Unknown::Default),
    ];
    let pairs = pairs(options)?;
    let unknown = options.one_of("unknown", POLICIES)?.unwrap_or(Unknown::Error);
    let default = options.value("default").unwrap_or_default();
    let remote_default = options.value("remote_default").unwrap_or_default();
    if unknown == Unknown::Default && default.is_empty() {
        return Err(options.invalid("default", "is required with `unknown: default`"));
    }
    if unknown != Unknown::Default && !(default.is_empty() && remote_default.is_empty()) {
        return Err(options.invalid("default", "and `remote_default` need `unknown: default`"));
    }
    let mut table = Table {
        pairs,
        unknown,
        default,
        remote_default,
        two_way: true,
    };
    if unknown == Unknown::Default {
        let written = table.put(&table.default, &Value::Null)?;
        table.two_way = table.get(&written)? == table.default;
    }
    Ok(single(table))
}

fn pairs(options: &Options<'_>) -> Result<Vec<(Value, Value)>> {
    let pairs: Vec<(Value, Value)> = match options.json("values") {
        Some(Json::Object(map)) => map
            .iter()
            .map(|(raw, canonical)| (Value::text(raw.as_str()), Value::from_json(canonical.clone())))
            .collect(),
        Some(Json::Array(list)) => list
            .iter()
            .map(|pair| match pair.as_array().map(Vec::as_slice) {
                Some([raw, canonical]) => Ok((Value::from_json(raw.clone()), Value::from_json(canonical.clone()))),
                _ => Err(options.invalid("values", "must hold pairs: [remote, canonical]")),
            })
            .collect::<Result<_>>()?,
        _ => return Err(options.invalid("values", "is required: an object or a list of pairs")),
    };
    if pairs.is_empty() {
        return Err(options.invalid("values", "must list at least one value"));
    }
    for (index, (raw, _)) in pairs.iter().enumerate() {
        if pairs[..index].iter().any(|(earlier, _)| earlier == raw) {
            return Err(options.invalid("values", &format!("lists `{raw}` twice")));
        }
    }
    Ok(pairs)
}

#[derive(Debug)]
struct Table {
    /// Remote and canonical, in the order given.
    pairs: Vec<(Value, Value)>,
    unknown: Unknown,
    default: Value,
    remote_default: Value,
    two_way: bool,
}

impl Table {
    fn canonical_of(&self, raw: &Value) -> Option<&Value> {
        let found = self.pairs.iter().find(|(listed, _)| listed == raw);
        found.map(|(_, canonical)| canonical)
    }

    fn raw_of(&self, canonical: &Value) -> Option<&Value> {
        let found = self.pairs.iter().find(|(_, listed)| listed == canonical);
        found.map(|(raw, _)| raw)
    }

    fn unlisted(&self, value: &Value, default: &Value) -> Result<Value> {
        match self.unknown {
            // Nothing is no value that a table would have to know.
            _ if value.is_empty() => Ok(Value::Null),
            Unknown::Error => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "`{}` is not in the value table; add it or choose what unknown values become",
                    excerpt(value)
                ),
            )),
            Unknown::Keep => Ok(value.clone()),
            Unknown::Null => Ok(Value::Null),
            Unknown::Default => Ok(default.clone()),
        }
    }
}

impl ValueLens for Table {
    fn get(&self, raw: &Value) -> Result<Value> {
        match self.canonical_of(raw) {
            Some(canonical) => Ok(canonical.clone()),
            None => self.unlisted(raw, &self.default),
        }
    }

    fn put(&self, canonical: &Value, _: &Value) -> Result<Value> {
        match self.raw_of(canonical) {
            Some(raw) => Ok(raw.clone()),
            None => self.unlisted(canonical, &self.remote_default),
        }
    }

    fn canon(&self, raw: &Value) -> Value {
        let first = self.canonical_of(raw).and_then(|canonical| self.raw_of(canonical));
        first.unwrap_or(raw).clone()
    }

    fn is_two_way(&self) -> bool {
        self.two_way
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lens::{LensRegistry, NoLinks};
    use crate::mapping::LensSpec;

    fn table(spec: LensSpec) -> Result<SharedLens> {
        LensRegistry::standard().build(&[spec])
    }

    fn stages() -> LensSpec {
        LensSpec::new("table").with("values", json!({"Closed Won": "won", "Closed Lost": "lost"}))
    }

    fn get(lens: &SharedLens, raw: &str) -> Result<Value> {
        Ok(lens.get(&[raw.into()], &NoLinks)?.remove(0))
    }

    fn put(lens: &SharedLens, canonical: &str) -> Result<Value> {
        Ok(lens.put(&[canonical.into()], &[Value::Null], &NoLinks)?.remove(0))
    }

    #[test]
    fn unknown_values_follow_the_policy_both_ways() {
        let strict = table(stages()).unwrap();
        assert!(
            get(&strict, "Open")
                .unwrap_err()
                .message()
                .contains("`Open` is not in the value table")
        );
        assert!(put(&strict, "open").is_err());

        let keep = table(stages().with("unknown", "keep")).unwrap();
        assert_eq!(get(&keep, "Open").unwrap(), Value::text("Open"));

        let null = table(stages().with("unknown", "null")).unwrap();
        assert_eq!(get(&null, "Open").unwrap(), Value::Null);
        assert_eq!(
            null.put(&[Value::Null], &["Open".into()], &NoLinks).unwrap(),
            [Value::text("Open")]
        );

        let fallback = stages().with("unknown", "default").with("default", "open");
        let one_way = table(fallback.clone()).unwrap();
        assert_eq!(get(&one_way, "Whatever").unwrap(), Value::text("open"));
        assert!(!one_way.is_two_way());
        let two_way = table(fallback.with("remote_default", "Prospecting")).unwrap();
        assert!(two_way.is_two_way());
        assert_eq!(put(&two_way, "open").unwrap(), Value::text("Prospecting"));
    }

    #[test]
    fn pairs_hold_values_that_are_no_text() {
        let lens =
            table(LensSpec::new("table").with("values", json!([[1, "low"], [2, "high"], [null, "none"]]))).unwrap();
        assert_eq!(lens.get(&[Value::Int(2)], &NoLinks).unwrap(), [Value::text("high")]);
        assert_eq!(lens.get(&[Value::Null], &NoLinks).unwrap(), [Value::text("none")]);
    }

    #[test]
    fn a_table_that_makes_no_sense_is_refused() {
        for spec in [
            LensSpec::new("table"),
            LensSpec::new("table").with("values", json!([[1, 2], [1, 3]])),
            LensSpec::new("table").with("values", json!([1])),
            stages().with("unknown", "default"),
            stages().with("default", "x"),
            stages().with("unknown", "guess"),
        ] {
            assert_eq!(table(spec).unwrap_err().kind(), ErrorKind::Invalid);
        }
    }
}
