//! Secrets of connections: from the environment or a file that only its owner can read, never from `syncline.toml`.

use std::path::Path;

use syncline::secrecy::SecretString;

use super::ConnectionTable;
use crate::failure::Failure;

/// What a connection needs to be authorised. Has no `Debug`, so that nothing can print it.
pub(crate) struct Secrets {
    /// The app's client secret.
    pub(crate) client_secret: Option<SecretString>,
    /// A token that is there already.
    pub(crate) access_token: Option<SecretString>,
    /// Its refresh token.
    pub(crate) refresh_token: Option<SecretString>,
}

/// The variable that holds a secret of a connection, such as `SYNCLINE_SALES_CLIENT_SECRET`.
pub(crate) fn variable(connection: &str, what: &str) -> String {
    let name: String = connection
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    format!("SYNCLINE_{name}_{what}")
}

impl Secrets {
    /// Finds the secrets of a connection.
    ///
    /// # Errors
    /// When the file with the client secret can't be read, or others may read it.
    pub(crate) fn find(name: &str, connection: &ConnectionTable, folder: &Path) -> Result<Self, Failure> {
        let from_environment = |what: &str| {
            let value = std::env::var(variable(name, what)).ok()?;
            let value = value.trim();
            (!value.is_empty()).then(|| SecretString::from(value.to_owned()))
        };
        let client_secret = match (from_environment("CLIENT_SECRET"), &connection.client_secret_file) {
            (Some(secret), _) => Some(secret),
            (None, Some(file)) => Some(read(&folder.join(file))?),
            (None, None) => None,
        };
        Ok(Self {
            client_secret,
            access_token: from_environment("ACCESS_TOKEN"),
            refresh_token: from_environment("REFRESH_TOKEN"),
        })
    }
}

fn read(path: &Path) -> Result<SecretString, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::not_found(format!("the client secret file {shown} can't be read: {error}")))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let open = std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0);
        if open {
            return Err(
                Failure::refused(format!("others may read the client secret file {shown}"))
                    .next(format!("chmod 600 {shown}")),
            );
        }
    }
    Ok(SecretString::from(text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connections_name_becomes_a_variable_that_any_shell_accepts() {
        assert_eq!(
            variable("acme-eu.sales", "CLIENT_SECRET"),
            "SYNCLINE_ACME_EU_SALES_CLIENT_SECRET"
        );
    }
}
