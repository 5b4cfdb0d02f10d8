//! The lens `account_number`: the CRM writes `12-345`, the app `12345`.

use syncline::lens::{LensKind, LensRegistry, ValueLens, single};
use syncline::{Error, ErrorKind, Result, Value};

#[derive(Debug)]
struct AccountNumber;

impl ValueLens for AccountNumber {
    /// What the app gets.
    fn get(&self, raw: &Value) -> Result<Value> {
        Ok(match raw {
            Value::Text(text) => Value::text(text.replace('-', "")),
            other => other.clone(),
        })
    }

    /// What the CRM gets. An error is this record's, and is shown with it.
    fn put(&self, canonical: &Value, _old: &Value) -> Result<Value> {
        match canonical.as_text() {
            Some(text) if text.len() == 5 && text.is_ascii() => {
                Ok(Value::text(format!("{}-{}", &text[..2], &text[2..])))
            }
            Some(text) => Err(Error::new(
                ErrorKind::Invalid,
                format!("`{text}` is no account number: it takes five digits"),
            )),
            None => Ok(canonical.clone()),
        }
    }

    /// What the CRM does not tell apart. Forget it, and a dash that somebody moves looks like an edit.
    fn canon(&self, raw: &Value) -> Value {
        self.get(raw).unwrap_or_default()
    }
}

pub(crate) fn register(lenses: &mut LensRegistry) {
    let kind = LensKind::new("Account numbers without dashes.", &[], |_| Ok(single(AccountNumber)));
    lenses.register("account_number", kind);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_there_comes_back() {
        let there = AccountNumber.put(&Value::text("12345"), &Value::Null).unwrap();
        assert_eq!(there, Value::text("12-345"));
        assert_eq!(AccountNumber.get(&there).unwrap(), Value::text("12345"));
        assert!(AccountNumber.put(&Value::text("123"), &Value::Null).is_err());
    }
}
