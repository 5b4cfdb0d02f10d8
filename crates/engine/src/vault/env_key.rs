//! Keys from the environment.

use syncline_core::{Error, ErrorKind, Result};

use super::key::{KeyId, KeyProvider, SecretKey, find};

/// Keys from the variable `SYNCLINE_KEY`: 32 bytes in base64. For rotation it may hold several, separated by commas:
/// the first is current, the others still open what they sealed.
#[derive(Debug)]
pub struct EnvKeyProvider {
    keys: Vec<SecretKey>,
    current: KeyId,
}

impl EnvKeyProvider {
    /// The variable's name.
    pub const VARIABLE: &str = "SYNCLINE_KEY";

    /// Reads the variable.
    ///
    /// # Errors
    /// `NotFound` when it is not set, `Invalid` when it holds something else than keys.
    pub fn from_env() -> Result<Self> {
        let value = std::env::var(Self::VARIABLE).map_err(|_| {
            Error::new(
                ErrorKind::NotFound,
                "the variable SYNCLINE_KEY is not set; it holds the key that credentials are sealed under",
            )
        })?;
        Self::parse(&zeroize::Zeroizing::new(value))
    }

    /// Reads the variable's value.
    ///
    /// # Errors
    /// `Invalid` when it holds something else than keys.
    pub fn parse(value: &str) -> Result<Self> {
        let keys = value
            .split(',')
            .map(SecretKey::from_base64)
            .collect::<Result<Vec<_>>>()?;
        let current = keys.first().map(SecretKey::id);
        let current = current.ok_or_else(|| Error::new(ErrorKind::Invalid, "SYNCLINE_KEY is empty"))?;
        Ok(Self { keys, current })
    }
}

impl KeyProvider for EnvKeyProvider {
    fn current(&self) -> KeyId {
        self.current.clone()
    }

    fn key(&self, id: &KeyId) -> Result<SecretKey> {
        find(&self.keys, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_is_current_and_the_others_still_open() {
        let [new, old] = [1, 2].map(|byte| SecretKey::new([byte; 32]));
        let value = format!("{}, {}", *new.to_base64(), *old.to_base64());
        let keys = EnvKeyProvider::parse(&value).unwrap();
        assert_eq!(keys.current(), new.id());
        assert_eq!(keys.key(&old.id()).unwrap(), old);
        assert!(!format!("{keys:?}").contains(&**new.to_base64()));
    }

    #[test]
    fn a_wrong_value_is_refused_without_repeating_it() {
        let error = EnvKeyProvider::parse("hunter2").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
