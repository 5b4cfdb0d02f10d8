//! Seals secrets before they are stored: AES-256-GCM under a data key per connection, which is itself sealed under a
//! key from a [`KeyProvider`]. A sealed value opens only for the tenant, connection and purpose that it was sealed
//! for, so a row copied to another place is useless. Keys rotate by sealing the data keys again.

mod cipher;
mod env_key;
mod file_key;
mod key;
mod seal;

pub use env_key::EnvKeyProvider;
pub use file_key::FileKeyProvider;
pub use key::{InMemoryKeyProvider, KeyId, KeyProvider, SecretKey};
pub use seal::{Owner, Purpose, Sealed, Vault, WrappedKey};
