//! [`TrustedKey`]: whose signature on a plugin counts.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};
use syncline_core::{Error, ErrorKind, Result};

/// Bytes of a public key of Ed25519.
const KEY: usize = 32;

/// A maker of plugins whose signature the host trusts: a name, and a public key of Ed25519.
///
/// A signature is made over the file's bytes. With OpenSSL:
///
/// ```console
/// $ openssl genpkey -algorithm ed25519 -out maker.pem
/// $ openssl pkey -in maker.pem -pubout -outform DER | tail -c 32 | base64        # the key to trust
/// $ openssl pkeyutl -sign -inkey maker.pem -rawin -in acme.wasm | base64 -w0 > acme.wasm.sig
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// Who that is, for people.
    pub name: String,
    key: [u8; KEY],
}

impl fmt::Debug for TrustedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedKey")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl TrustedKey {
    /// A key from its 32 bytes in Base64.
    ///
    /// # Errors
    /// `Invalid` when the text is no such key.
    ///
    /// ```
    /// use syncline_plugins::TrustedKey;
    ///
    /// assert!(TrustedKey::new("Acme", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").is_ok());
    /// assert!(TrustedKey::new("Acme", "too short").is_err());
    /// ```
    pub fn new(name: impl Into<String>, base64: &str) -> Result<Self> {
        let name = name.into();
        let key = BASE64_STANDARD.decode(base64.trim()).ok();
        match key.and_then(|key| <[u8; KEY]>::try_from(key).ok()) {
            Some(key) => Ok(Self { name, key }),
            None => Err(Error::new(
                ErrorKind::Invalid,
                format!("the key of {name} is no public key of Ed25519: it is 32 bytes in Base64"),
            )),
        }
    }
}

/// The key by which a plugin's file was signed, of those that are trusted.
///
/// # Errors
/// `Invalid` when the signature can't be read, `Refused` when it is of none of these keys, or for another file.
pub fn signer<'a>(file: &[u8], signature: &str, trusted: &'a [TrustedKey]) -> Result<&'a TrustedKey> {
    let signature = BASE64_STANDARD.decode(signature.trim()).map_err(|_| {
        Error::new(
            ErrorKind::Invalid,
            "the plugin's signature can't be read: it is 64 bytes in Base64",
        )
    })?;
    let fits = |key: &&TrustedKey| {
        UnparsedPublicKey::new(&ED25519, key.key)
            .verify(file, &signature)
            .is_ok()
    };
    trusted.iter().find(fits).ok_or_else(|| {
        Error::new(
            ErrorKind::Refused,
            "the plugin is signed by nobody whom you trust, or was changed after it was signed; get it anew from its \
             maker, or add the maker's key to those that you trust",
        )
    })
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    fn maker() -> (Ed25519KeyPair, TrustedKey) {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        let key = TrustedKey::new("Acme", &BASE64_STANDARD.encode(pair.public_key().as_ref())).unwrap();
        (pair, key)
    }

    #[test]
    fn a_signature_counts_for_its_file_and_its_maker_alone() {
        let ((pair, key), (_, other)) = (maker(), maker());
        let signature = BASE64_STANDARD.encode(pair.sign(b"the file").as_ref());
        let both = [other.clone(), key.clone()];
        assert_eq!(signer(b"the file", &format!("{signature}\n"), &both).unwrap(), &key);
        for (file, trusted) in [
            (&b"the fi1e"[..], &both[..]),
            (b"the file", &both[..1]),
            (b"the file", &[]),
        ] {
            let error = signer(file, &signature, trusted).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
        }
        assert_eq!(
            signer(b"the file", "no Base64!", &both).unwrap_err().kind(),
            ErrorKind::Invalid
        );
    }
}
