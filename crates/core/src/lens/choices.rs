//! `choices`: several choices in one text with separators as a sorted list; order and repetition do not count.
//!
//! Options: `separator` (default `;`).
//!
//! ```
//! use syncline_core::{Value, lens::{LensRegistry, NoLinks}, mapping::LensSpec};
//! let lens = LensRegistry::standard().build(&[LensSpec::new("choices")])?;
//! let list = Value::List(vec!["a".into(), "b".into()]);
//! assert_eq!(lens.get(&[Value::text("b; a;b")], &NoLinks)?, [list.clone()]);
//! assert_eq!(lens.put(&[list], &[Value::Null], &NoLinks)?, [Value::text("a;b")]);
//! # Ok::<(), syncline_core::Error>(())
//! ```

use crate::error::{Error, ErrorKind, Result};
use crate::lens::text::{excerpt, plain_text};
use crate::lens::wire::sorted;
use crate::lens::{LensKind, LensOption, ValueLens, single};
use crate::value::Value;

pub(super) fn kind() -> LensKind {
    const OPTIONS: &[LensOption] = &[LensOption {
        name: "separator",
        meaning: "what stands between the choices; ; by default",
    }];
    LensKind::new("Several choices in one text as a list.", OPTIONS, |options| {
        let separator = options.text("separator")?.unwrap_or(";").to_owned();
        if separator.trim().is_empty() && separator != "\n" {
            return Err(options.invalid("separator", "must not be empty or white space"));
        }
        Ok(single(Choices { separator }))
    })
}

#[derive(Debug)]
struct Choices {
    separator: String,
}

impl Choices {
    fn list(&self, value: &Value) -> Result<Value> {
        let split = |text: &str| -> Vec<Value> {
            let parts = text.split(self.separator.as_str()).map(str::trim);
            parts.filter(|part| !part.is_empty()).map(Value::text).collect()
        };
        Ok(sorted(match value {
            Value::Null => Vec::new(),
            Value::List(list) => {
                let mut choices = Vec::with_capacity(list.len());
                for item in list {
                    match plain_text(item) {
                        Some(text) => choices.extend(split(&text)),
                        None if item.is_empty() => {}
                        None => return Err(not_choices(item)),
                    }
                }
                choices
            }
            other => match plain_text(other) {
                Some(text) => split(&text),
                None => return Err(not_choices(other)),
            },
        }))
    }

    fn joined(&self, list: &Value) -> Value {
        let Value::List(list) = list else {
            return Value::Null;
        };
        let texts: Vec<String> = list.iter().map(ToString::to_string).collect();
        Value::Text(texts.join(&self.separator))
    }
}

fn not_choices(value: &Value) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("`{}` is {}, not a list of choices", excerpt(value), value.kind_name()),
    )
}

impl ValueLens for Choices {
    fn get(&self, raw: &Value) -> Result<Value> {
        self.list(raw)
    }

    fn put(&self, canonical: &Value, old: &Value) -> Result<Value> {
        if let Value::List(list) = canonical
            && let Some(choice) = list.iter().find(|choice| choice.to_string().contains(&self.separator))
        {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the choice `{}` holds the separator `{}`",
                    excerpt(choice),
                    self.separator
                ),
            ));
        }
        let list = self.list(canonical)?;
        Ok(match old {
            Value::List(_) => list,
            _ => self.joined(&list),
        })
    }

    fn canon(&self, raw: &Value) -> Value {
        match (self.list(raw), raw) {
            (Ok(list), Value::List(_)) => list,
            (Ok(list), _) => self.joined(&list),
            (Err(_), _) => raw.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens() -> Choices {
        Choices { separator: ",".into() }
    }

    #[test]
    fn order_and_repetition_do_not_count() {
        assert_eq!(lens().canon(&"b, a,,b".into()), lens().canon(&"a,b".into()));
        assert_eq!(lens().get(&" , ".into()).unwrap(), Value::Null);
    }

    #[test]
    fn a_choice_with_the_separator_is_refused() {
        let error = lens().put(&Value::List(vec!["a,b".into()]), &Value::Null).unwrap_err();
        assert_eq!(error.message(), "the choice `a,b` holds the separator `,`");
    }

    #[test]
    fn a_remote_list_stays_a_list() {
        let old = Value::List(vec!["x".into()]);
        let list = Value::List(vec!["b".into(), "a".into()]);
        let sorted = Value::List(vec!["a".into(), "b".into()]);
        assert_eq!(lens().put(&list, &old).unwrap(), sorted);
    }
}
