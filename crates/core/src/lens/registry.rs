use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::lens::{self, Chain, Options, SharedLens};
use crate::mapping::LensSpec;

/// One option of a lens, for documentation and checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LensOption {
    /// Its name in a [`LensSpec`].
    pub name: &'static str,
    /// What it does, with its values and its default.
    pub meaning: &'static str,
}

/// Builds a lens from its options.
type Factory = dyn Fn(&Options<'_>) -> Result<SharedLens> + Send + Sync;

/// A kind of lens: what it is for, its options, and how it is built.
#[derive(Clone)]
pub struct LensKind {
    summary: &'static str,
    options: &'static [LensOption],
    factory: Arc<Factory>,
}

impl LensKind {
    /// A kind of lens. Options that `options` does not list are refused before `factory` is called.
    pub fn new(
        summary: &'static str,
        options: &'static [LensOption],
        factory: impl Fn(&Options<'_>) -> Result<SharedLens> + Send + Sync + 'static,
    ) -> Self {
        Self {
            summary,
            options,
            factory: Arc::new(factory),
        }
    }

    /// What it is for, in one sentence.
    pub const fn summary(&self) -> &'static str {
        self.summary
    }

    /// Its options.
    pub const fn options(&self) -> &'static [LensOption] {
        self.options
    }
}

impl fmt::Debug for LensKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LensKind")
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

/// The lenses that mappings may name.
///
/// ```
/// use syncline_core::Value;
/// use syncline_core::lens::{LensRegistry, NoLinks};
/// use syncline_core::mapping::LensSpec;
///
/// let registry = LensRegistry::standard();
/// let lens = registry.build(&[LensSpec::new("trim"), LensSpec::new("case").with("to", "upper")])?;
/// assert_eq!(lens.get(&[Value::text(" abc ")], &NoLinks)?, [Value::text("ABC")]);
/// # Ok::<(), syncline_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LensRegistry {
    kinds: BTreeMap<String, LensKind>,
}

impl Default for LensRegistry {
    fn default() -> Self {
        Self::standard()
    }
}

impl LensRegistry {
    /// A registry with all lenses of this crate.
    pub fn standard() -> Self {
        let kinds: [(&str, LensKind); 25] = [
            ("bool_choice", lens::bool_choice::kind()),
            ("case", lens::case::kind()),
            ("cel", lens::cel::kind()),
            ("choices", lens::choices::kind()),
            ("constant", lens::constant::kind()),
            ("country", lens::country::kind()),
            ("currency", lens::currency::kind()),
            ("date", lens::date::kind()),
            ("datetime", lens::datetime::kind()),
            ("default", lens::default::kind()),
            ("domain", lens::domain::kind()),
            ("email", lens::email::kind()),
            ("html_to_text", lens::html_to_text::kind()),
            ("identity", lens::identity::kind()),
            ("money", lens::money::kind()),
            ("name_join", lens::name_join::kind()),
            ("name_split", lens::name_split::kind()),
            ("number", lens::number::kind()),
            ("phone", lens::phone::kind()),
            ("reference", lens::reference::kind()),
            ("table", lens::table::kind()),
            ("trim", lens::trim::kind()),
            ("truncate", lens::truncate::kind()),
            ("url", lens::url::kind()),
            ("whitespace", lens::whitespace::kind()),
        ];
        Self {
            kinds: kinds.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect(),
        }
    }

    /// Adds a lens, or replaces the one of that name.
    pub fn register(&mut self, name: impl Into<String>, kind: LensKind) {
        self.kinds.insert(name.into(), kind);
    }

    /// The names known, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.kinds.keys().map(String::as_str)
    }

    /// What a lens is for and its options; `None` when it is not registered.
    pub fn describe(&self, name: &str) -> Option<&LensKind> {
        self.kinds.get(name)
    }

    /// The lens of a chain of steps, in the order of reading. No steps change nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when a lens or an option is unknown (the message names the known ones) or an option's
    /// value makes no sense.
    pub fn build(&self, specs: &[LensSpec]) -> Result<SharedLens> {
        let steps = specs.iter().map(|spec| self.step(spec)).collect::<Result<Vec<_>>>()?;
        Ok(Chain::of(steps))
    }

    fn step(&self, spec: &LensSpec) -> Result<SharedLens> {
        let name = spec.lens.as_str();
        let Some(kind) = self.kinds.get(name) else {
            let known: Vec<_> = self.names().collect();
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("there is no lens `{name}`; known are {}", known.join(", ")),
            ));
        };
        let options = Options::new(name, &spec.options);
        let is_known = |given: &str| kind.options.iter().any(|option| option.name == given);
        if let Some(unknown) = options.names().find(|given| !is_known(given)) {
            let known: Vec<_> = kind.options.iter().map(|option| option.name).collect();
            let known = if known.is_empty() {
                "it has none".to_owned()
            } else {
                format!("known are {}", known.join(", "))
            };
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("lens `{name}` has no option `{unknown}`; {known}"),
            ));
        }
        (kind.factory)(&options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::{NoLinks, ValueLens, single};
    use crate::value::Value;

    #[test]
    fn an_unknown_lens_names_the_known_ones() {
        let error = LensRegistry::standard().build(&[LensSpec::new("tirm")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(
            error.message().contains("`tirm`") && error.message().contains("trim"),
            "{error}"
        );
    }

    #[test]
    fn an_unknown_option_names_the_known_ones() {
        let registry = LensRegistry::standard();
        let error = registry
            .build(&[LensSpec::new("number").with("scales", 2)])
            .unwrap_err();
        assert_eq!(
            error.message(),
            "lens `number` has no option `scales`; known are scale, rounding"
        );
        let error = registry.build(&[LensSpec::new("email").with("x", 2)]).unwrap_err();
        assert_eq!(error.message(), "lens `email` has no option `x`; it has none");
    }

    #[test]
    fn every_lens_and_option_is_described() {
        let registry = LensRegistry::standard();
        for name in registry.names() {
            let kind = registry.describe(name).unwrap();
            assert!(!kind.summary().is_empty(), "{name}");
            assert!(kind.options().iter().all(|option| !option.meaning.is_empty()), "{name}");
        }
        assert!(registry.describe("tirm").is_none());
    }

    #[test]
    fn a_third_party_can_add_a_lens() {
        #[derive(Debug)]
        struct Reversed;
        impl ValueLens for Reversed {
            fn get(&self, raw: &Value) -> Result<Value> {
                Ok(lens::text::map_text(raw, |text| text.chars().rev().collect()))
            }
            fn put(&self, canonical: &Value, _: &Value) -> Result<Value> {
                self.get(canonical)
            }
        }
        let mut registry = LensRegistry::standard();
        registry.register(
            "reversed",
            LensKind::new("Text from its end.", &[], |_| Ok(single(Reversed))),
        );
        let lens = registry.build(&[LensSpec::new("reversed")]).unwrap();
        assert_eq!(lens.get(&[Value::text("abc")], &NoLinks).unwrap(), [Value::text("cba")]);
    }
}
