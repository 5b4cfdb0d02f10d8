//! Checks message authentication codes of webhooks, in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use syncline_core::io::MacAlgorithm;

/// Whether `tag` is the code of `message` under `key`.
pub(super) fn verify(key: &[u8], algorithm: MacAlgorithm, message: &[u8], tag: &[u8]) -> bool {
    match algorithm {
        MacAlgorithm::HmacSha256 => Hmac::<Sha256>::new_from_slice(key).is_ok_and(|mut mac| {
            mac.update(message);
            mac.verify_slice(tag).is_ok()
        }),
        MacAlgorithm::Sha256Prefix => {
            let mut digest = Sha256::new();
            digest.update(key);
            digest.update(message);
            bool::from(digest.finalize().as_slice().ct_eq(tag))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_code_passes() {
        let hmac = [
            0xf7, 0xbc, 0x83, 0xf4, 0x30, 0x53, 0x84, 0x24, 0xb1, 0x32, 0x98, 0xe6, 0xaa, 0x6f, 0xb1, 0x43, 0xef, 0x4d,
            0x59, 0xa1, 0x49, 0x46, 0x17, 0x59, 0x97, 0x47, 0x9d, 0xbc, 0x2d, 0x1a, 0x3c, 0xd8,
        ];
        let message = b"The quick brown fox jumps over the lazy dog";
        assert!(verify(b"key", MacAlgorithm::HmacSha256, message, &hmac));
        assert!(!verify(b"kez", MacAlgorithm::HmacSha256, message, &hmac));
        assert!(!verify(b"key", MacAlgorithm::HmacSha256, message, &hmac[..31]));
        let digest = Sha256::digest(b"keymessage");
        assert!(verify(b"key", MacAlgorithm::Sha256Prefix, b"message", &digest));
        assert!(!verify(b"key", MacAlgorithm::Sha256Prefix, b"messagf", &digest));
        assert!(!verify(b"key", MacAlgorithm::Sha256Prefix, b"message", b""));
    }
}
