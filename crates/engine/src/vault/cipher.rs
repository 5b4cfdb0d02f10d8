//! AES-256-GCM with a random nonce in front.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use syncline_core::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use super::key::SecretKey;
use crate::ports::Random;

const NONCE: usize = 12;

/// The nonce, then the ciphertext with its tag.
pub(super) fn encrypt(key: &SecretKey, random: &dyn Random, bound: &[u8], plaintext: &[u8]) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE];
    random.fill(&mut nonce);
    let payload = Payload {
        msg: plaintext,
        aad: bound,
    };
    let sealed = Aes256Gcm::new(key.bytes().into())
        .encrypt(&Nonce::from(nonce), payload)
        .map_err(|_| Error::new(ErrorKind::Internal, "a secret can't be sealed"))?;
    Ok([&nonce[..], &sealed].concat())
}

/// The plaintext, if the key is right and nothing was changed or moved.
pub(super) fn decrypt(key: &SecretKey, bound: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    // One message for every cause, so that nothing can be learnt by trying.
    let refused = || {
        Error::new(
            ErrorKind::Corrupt,
            "stored credentials can't be opened: they were changed, or belong elsewhere; reconnect",
        )
    };
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE).ok_or_else(refused)?;
    let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| refused())?;
    let payload = Payload {
        msg: ciphertext,
        aad: bound,
    };
    let plaintext = Aes256Gcm::new(key.bytes().into()).decrypt(&Nonce::from(nonce), payload);
    plaintext.map(Zeroizing::new).map_err(|_| refused())
}
