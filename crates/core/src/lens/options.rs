use serde_json::{Map, Value as Json};

use crate::error::{Error, ErrorKind, Result};
use crate::value::Value;

/// The options of one lens step, read with errors that name the lens and the option.
///
/// ```
/// use syncline_core::lens::Options;
/// let map = serde_json::from_str(r#"{"scale": 2, "rounding": "up"}"#).unwrap();
/// let options = Options::new("number", &map);
/// assert_eq!(options.whole("scale")?, Some(2));
/// let error = options.one_of("rounding", &[("half_up", 1), ("truncate", 2)]).unwrap_err();
/// assert!(error.message().contains("half_up, truncate"));
/// # Ok::<(), syncline_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    lens: &'a str,
    map: &'a Map<String, Json>,
}

impl<'a> Options<'a> {
    /// Options of the named lens.
    pub const fn new(lens: &'a str, map: &'a Map<String, Json>) -> Self {
        Self { lens, map }
    }

    /// The names given.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.map.keys().map(String::as_str)
    }

    /// An option as it is; `None` when it is not given or null.
    pub fn json(&self, name: &str) -> Option<&'a Json> {
        self.map.get(name).filter(|json| !json.is_null())
    }

    /// An option as a [`Value`]; `None` when it is not given or null.
    pub fn value(&self, name: &str) -> Option<Value> {
        self.json(name).cloned().map(Value::from_json)
    }

    /// A text.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is given and not text.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>> {
        self.typed(name, "text", Json::as_str)
    }

    /// A text that must be given.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is missing, empty or not text.
    pub fn required_text(&self, name: &str) -> Result<&'a str> {
        self.text(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| self.invalid(name, "is required"))
    }

    /// True or false; false when it is not given.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is something else.
    pub fn flag(&self, name: &str) -> Result<bool> {
        Ok(self.typed(name, "true or false", Json::as_bool)?.unwrap_or(false))
    }

    /// A whole number from 0.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is something else.
    pub fn whole(&self, name: &str) -> Result<Option<u32>> {
        self.typed(name, "a whole number from 0", |json| {
            json.as_u64().and_then(|number| u32::try_from(number).ok())
        })
    }

    /// One of some words, as what they stand for.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is something else; the message names the words.
    pub fn one_of<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(json) = self.json(name) else {
            return Ok(None);
        };
        let found = words.iter().find(|(word, _)| json.as_str() == Some(word));
        found.map(|(_, meaning)| Some(*meaning)).ok_or_else(|| {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.invalid(name, &format!("must be one of {}", known.join(", ")))
        })
    }

    /// An error about an option, such as "lens `number`: option `scale` must be a whole number".
    pub fn invalid(&self, name: &str, why: &str) -> Error {
        Error::new(
            ErrorKind::Invalid,
            format!("lens `{}`: option `{name}` {why}", self.lens),
        )
    }

    fn typed<T>(&self, name: &str, what: &str, read: impl Fn(&'a Json) -> Option<T>) -> Result<Option<T>> {
        self.json(name)
            .map(|json| read(json).ok_or_else(|| self.invalid(name, &format!("must be {what}"))))
            .transpose()
    }
}
