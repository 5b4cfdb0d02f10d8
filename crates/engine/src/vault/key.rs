//! Keys and where they come from.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use syncline_core::{Error, ErrorKind, Result};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::ports::Random;

/// Names a key: the first eight bytes of its SHA-256 in hexadecimal, unless the provider names its keys otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyId(pub String);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A 256-bit key. Wiped when dropped, and never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey([u8; 32]);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(hidden)")
    }
}

impl SecretKey {
    /// A key of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A random key.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// Reads 32 bytes in base64.
    ///
    /// # Errors
    /// `Invalid` when the text is not base64 or not 32 bytes long. The message does not repeat it.
    pub fn from_base64(text: &str) -> Result<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim()).unwrap_or_default());
        <[u8; 32]>::try_from(bytes.as_slice()).map(Self).map_err(|_| {
            Error::new(
                ErrorKind::Invalid,
                "a key must be 32 bytes in base64; make one with `openssl rand -base64 32`",
            )
        })
    }

    pub(super) fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key's name: a hash, which tells nothing of the key itself.
    pub fn id(&self) -> KeyId {
        let digest = Sha256::digest(self.0);
        KeyId(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Where the keys come from that data keys are sealed under: a file, the environment, or the host's key management.
pub trait KeyProvider: Send + Sync + fmt::Debug {
    /// The key that new things are sealed under.
    fn current(&self) -> KeyId;

    /// A key that is current or was once.
    ///
    /// # Errors
    /// `NotFound` when the key is no longer kept: what was sealed under it can't be opened.
    fn key(&self, id: &KeyId) -> Result<SecretKey>;
}

/// Finds a key among several.
pub(super) fn find(keys: &[SecretKey], id: &KeyId) -> Result<SecretKey> {
    keys.iter().find(|key| key.id() == *id).cloned().ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            "the key that credentials were sealed under is not there; bring it back or reconnect",
        )
        .with("key", id)
    })
}

/// Keys that live as long as the process: for tests and simulations.
pub struct InMemoryKeyProvider(Mutex<Vec<SecretKey>>);

impl fmt::Debug for InMemoryKeyProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InMemoryKeyProvider").field(&self.current()).finish()
    }
}

impl InMemoryKeyProvider {
    /// Starts with one key.
    pub fn new(key: SecretKey) -> Self {
        Self(Mutex::new(vec![key]))
    }

    /// Starts with a random key.
    pub fn generate(random: &dyn Random) -> Self {
        Self::new(SecretKey::generate(random))
    }

    /// Makes another key current; the earlier ones still open.
    pub fn rotate(&self, key: SecretKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(key);
    }
}

impl KeyProvider for InMemoryKeyProvider {
    fn current(&self) -> KeyId {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.last().map_or_else(|| KeyId(String::new()), SecretKey::id)
    }

    fn key(&self, id: &KeyId) -> Result<SecretKey> {
        find(&self.0.lock().unwrap_or_else(PoisonError::into_inner), id)
    }
}
