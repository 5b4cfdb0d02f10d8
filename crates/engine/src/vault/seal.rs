//! [`Vault`]: seals and opens.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use syncline_core::model::TenantId;
use syncline_core::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use super::cipher::{decrypt, encrypt};
use super::key::{KeyId, KeyProvider, SecretKey};
use crate::ports::Random;

/// Version of the sealed form.
const VERSION: u8 = 1;

/// Whose secret it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The tenant.
    pub tenant: TenantId,
    /// The connection; 0 while there is none yet.
    pub connection: u64,
}

/// What a secret is for. One that was sealed for something else does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Access and refresh token.
    Tokens,
    /// The app's client secret.
    ClientSecret,
    /// A pending authorisation: its PKCE verifier and client secret.
    Authorisation,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::ClientSecret => "client-secret",
            Self::Authorisation => "authorisation",
        }
    }
}

/// Sealed bytes: a nonce, the ciphertext and its tag. Base64 when written as JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A data key, sealed under a key of the [`KeyProvider`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    version: u8,
    /// The data key's own name, which stays when it is sealed again.
    id: KeyId,
    /// The key that it is sealed under.
    under: KeyId,
    key: Sealed,
}

impl WrappedKey {
    /// The key that it is sealed under.
    pub fn under(&self) -> &KeyId {
        &self.under
    }
}

/// Seals and opens secrets. See the [module](super). Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vault {
    keys: Arc<dyn KeyProvider>,
    random: Arc<dyn Random>,
}

impl Vault {
    /// A vault over these keys.
    pub fn new(keys: Arc<dyn KeyProvider>, random: Arc<dyn Random>) -> Self {
        Self { keys, random }
    }

    /// A new data key.
    ///
    /// # Errors
    /// As [`KeyProvider::key`].
    pub fn new_data_key(&self, owner: Owner) -> Result<WrappedKey> {
        let key = SecretKey::generate(&*self.random);
        self.wrap(owner, key.id(), &key)
    }

    /// The same data key under the current key, if it is under an older one.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub fn rewrap(&self, owner: Owner, wrapped: &WrappedKey) -> Result<Option<WrappedKey>> {
        if wrapped.under == self.keys.current() {
            return Ok(None);
        }
        self.wrap(owner, wrapped.id.clone(), &self.unwrap(owner, wrapped)?)
            .map(Some)
    }

    /// Seals a secret.
    ///
    /// # Errors
    /// As [`Vault::open`], for the data key.
    pub fn seal(&self, owner: Owner, key: &WrappedKey, purpose: Purpose, plaintext: &[u8]) -> Result<Sealed> {
        let data_key = self.unwrap(owner, key)?;
        encrypt(
            &data_key,
            &*self.random,
            &bound(owner, purpose.name(), &key.id),
            plaintext,
        )
        .map(Sealed)
    }

    /// Opens a secret.
    ///
    /// # Errors
    /// `NotFound` when the key is no longer kept, `Corrupt` when the secret was changed or sealed for another owner or
    /// purpose.
    pub fn open(
        &self,
        owner: Owner,
        key: &WrappedKey,
        purpose: Purpose,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let data_key = self.unwrap(owner, key)?;
        decrypt(&data_key, &bound(owner, purpose.name(), &key.id), &sealed.0)
    }

    fn wrap(&self, owner: Owner, id: KeyId, data_key: &SecretKey) -> Result<WrappedKey> {
        let under = self.keys.current();
        let key = self.keys.key(&under)?;
        let sealed = encrypt(&key, &*self.random, &wrap_bound(owner, &id, &under), data_key.bytes())?;
        Ok(WrappedKey {
            version: VERSION,
            id,
            under,
            key: Sealed(sealed),
        })
    }

    fn unwrap(&self, owner: Owner, wrapped: &WrappedKey) -> Result<SecretKey> {
        if wrapped.version != VERSION {
            let message = "stored credentials were sealed by a newer version of Syncline";
            return Err(Error::new(ErrorKind::Unsupported, message).with("version", wrapped.version));
        }
        let key = self.keys.key(&wrapped.under)?;
        let bytes = decrypt(&key, &wrap_bound(owner, &wrapped.id, &wrapped.under), &wrapped.key.0)?;
        let bytes = <[u8; 32]>::try_from(bytes.as_slice());
        bytes
            .map(SecretKey::new)
            .map_err(|_| Error::new(ErrorKind::Corrupt, "a stored key has the wrong length"))
    }
}

/// What a ciphertext is bound to.
fn bound(owner: Owner, purpose: &str, key: &KeyId) -> Vec<u8> {
    format!("{VERSION}|{}|{}|{purpose}|{key}", owner.tenant, owner.connection).into_bytes()
}

fn wrap_bound(owner: Owner, id: &KeyId, under: &KeyId) -> Vec<u8> {
    bound(owner, &format!("data-key|{id}"), under)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SeededRandom;
    use crate::vault::InMemoryKeyProvider;

    const ACME: Owner = Owner {
        tenant: 1,
        connection: 7,
    };

    fn vault() -> (Vault, Arc<InMemoryKeyProvider>) {
        let random = Arc::new(SeededRandom::new(5));
        let keys = Arc::new(InMemoryKeyProvider::generate(&*random));
        (Vault::new(Arc::clone(&keys) as _, random), keys)
    }

    #[test]
    fn a_row_moved_to_another_tenant_connection_or_purpose_does_not_open() {
        let (vault, _) = vault();
        let key = vault.new_data_key(ACME).unwrap();
        let sealed = vault.seal(ACME, &key, Purpose::Tokens, b"secret").unwrap();
        assert_eq!(*vault.open(ACME, &key, Purpose::Tokens, &sealed).unwrap(), b"secret");
        for (owner, purpose) in [
            (Owner { tenant: 2, ..ACME }, Purpose::Tokens),
            (Owner { connection: 8, ..ACME }, Purpose::Tokens),
            (ACME, Purpose::ClientSecret),
        ] {
            let error = vault.open(owner, &key, purpose, &sealed).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
        let other = vault.new_data_key(ACME).unwrap();
        vault.open(ACME, &other, Purpose::Tokens, &sealed).unwrap_err();
    }

    #[test]
    fn a_single_changed_bit_is_noticed() {
        let (vault, _) = vault();
        let key = vault.new_data_key(ACME).unwrap();
        let Sealed(bytes) = vault.seal(ACME, &key, Purpose::Tokens, b"secret").unwrap();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            vault.open(ACME, &key, Purpose::Tokens, &Sealed(changed)).unwrap_err();
        }
        vault
            .open(ACME, &key, Purpose::Tokens, &Sealed(bytes[..5].to_vec()))
            .unwrap_err();
    }

    #[test]
    fn old_rows_open_after_a_rotation_and_data_keys_move_to_the_new_key() {
        let (vault, keys) = vault();
        let key = vault.new_data_key(ACME).unwrap();
        let sealed = vault.seal(ACME, &key, Purpose::Tokens, b"secret").unwrap();
        assert_eq!(vault.rewrap(ACME, &key).unwrap(), None);
        let new = SecretKey::new([9; 32]);
        keys.rotate(new.clone());
        assert_eq!(*vault.open(ACME, &key, Purpose::Tokens, &sealed).unwrap(), b"secret");
        let moved = vault.rewrap(ACME, &key).unwrap().unwrap();
        assert_eq!(moved.under(), &new.id());
        let only_new = Vault::new(Arc::new(InMemoryKeyProvider::new(new)), Arc::new(SeededRandom::new(1)));
        assert_eq!(
            *only_new.open(ACME, &moved, Purpose::Tokens, &sealed).unwrap(),
            b"secret"
        );
        let error = only_new.open(ACME, &key, Purpose::Tokens, &sealed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn equal_secrets_are_sealed_differently_and_survive_json() {
        let (vault, _) = vault();
        let key = vault.new_data_key(ACME).unwrap();
        let [one, two] = [0; 2].map(|_| vault.seal(ACME, &key, Purpose::Tokens, b"secret").unwrap());
        assert_ne!(one, two);
        let json = serde_json::to_string(&(&key, &one)).unwrap();
        let (key, one): (WrappedKey, Sealed) = serde_json::from_str(&json).unwrap();
        assert_eq!(*vault.open(ACME, &key, Purpose::Tokens, &one).unwrap(), b"secret");
    }
}
