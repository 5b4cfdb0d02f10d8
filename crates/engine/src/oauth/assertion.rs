//! Assertions that an app signs to get a token without a person (RFC 7523), by RS256.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use secrecy::{ExposeSecret, SecretString};

/// How long an assertion can be used: providers allow three to five minutes.
const LIFE_SECONDS: i64 = 120;

/// A signed assertion that this app may act as this user.
///
/// # Errors
/// What is wrong with the private key, for people.
pub(crate) fn assertion(
    client_id: &str,
    username: &str,
    audience: &str,
    private_key: &SecretString,
    now: Timestamp,
) -> Result<String, String> {
    let key = key(private_key.expose_secret())?;
    let claims = serde_json::json!({
        "iss": client_id, "sub": username, "aud": audience, "exp": now.as_second() + LIFE_SECONDS
    });
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .map_err(|_| "the private key can't sign".to_owned())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// Reads a private RSA key of at least 2048 bits.
fn key(pem: &str) -> Result<RsaKeyPair, String> {
    let body = |label: &str| {
        let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
        let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
        let text: String = body.split_whitespace().collect();
        STANDARD.decode(text).ok()
    };
    let key = if let Some(der) = body("PRIVATE KEY") {
        RsaKeyPair::from_pkcs8(&der)
    } else if let Some(der) = body("RSA PRIVATE KEY") {
        RsaKeyPair::from_der(&der)
    } else {
        return Err("the private key is no unencrypted PEM of an RSA key".to_owned());
    };
    key.map_err(|error| format!("the private key can't be used: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_refused_with_a_reason_and_never_shown() {
        for pem in [
            "",
            "secret words",
            "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----",
        ] {
            let told = assertion(
                "app",
                "ada",
                "https://login.example",
                &SecretString::from(pem),
                Timestamp::UNIX_EPOCH,
            );
            let told = told.unwrap_err();
            assert!(told.contains("private key") && !told.contains("c2Vj"), "{told}");
        }
    }
}
