//! The database's URL, and how it is shown.

use sqlx::postgres::PgConnectOptions;
use syncline_core::{Error, ErrorKind, Result};

const SCHEMA: &str = "syncline";
const PARAMETER: &str = "schema=";

/// What the URL says, and the schema that it names.
pub(super) fn read(url: &str) -> Result<(PgConnectOptions, String)> {
    let (rest, query) = url.split_once('?').unwrap_or((url, ""));
    let (ours, theirs): (Vec<&str>, Vec<&str>) = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .partition(|parameter| parameter.starts_with(PARAMETER));
    let schema = ours.last().map_or(SCHEMA, |parameter| &parameter[PARAMETER.len()..]);
    let is_plain =
        |first: bool, letter: char| letter == '_' || letter.is_ascii_lowercase() || (!first && letter.is_ascii_digit());
    let is_name = schema.len() <= 63
        && !schema.is_empty()
        && schema
            .char_indices()
            .all(|(place, letter)| is_plain(place == 0, letter));
    if !is_name {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("`{schema}` can't be the name of a schema here; use lower-case letters, digits and underscores"),
        ));
    }
    // Not the cause: it might show the URL, and with it the password.
    let unreadable = |_| {
        Error::new(
            ErrorKind::Invalid,
            "the database's URL can't be read; write it as postgres://user:password@host:5432/database, with special \
             characters of the password as %XX",
        )
    };
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(unreadable(sqlx::Error::RowNotFound));
    }
    let options: PgConnectOptions = format!("{rest}?{}", theirs.join("&")).parse().map_err(unreadable)?;
    Ok((options, schema.to_owned()))
}

/// What people call the store; without user and password.
pub(super) fn label(options: &PgConnectOptions, schema: &str) -> String {
    let server = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => options.get_host().to_owned(),
    };
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    format!(
        "Postgres at {server}:{}/{database}, schema {schema}",
        options.get_port()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_server_database_and_schema_and_its_label_no_secret() {
        let (options, schema) = read("postgres://ada:s3cret@db.test:6432/app?sslmode=require&schema=crm_2").unwrap();
        let label = label(&options, &schema);
        assert_eq!(label, "Postgres at db.test:6432/app, schema crm_2");
        let (_, schema) = read("postgresql://db.test/app").unwrap();
        assert_eq!(schema, "syncline");
    }

    #[test]
    fn what_is_no_url_and_what_is_no_schema_is_refused_without_showing_it() {
        let refused = read("postgres://ada:s3cret@db.test:port/app").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        assert!(!format!("{refused:?} {refused}").contains("s3cret"));
        for schema in ["", "a b", "x;drop", "1a", "Upper"] {
            assert!(
                read(&format!("postgres://db.test/app?schema={schema}")).is_err(),
                "{schema}"
            );
        }
        assert!(read("./syncline.db").is_err());
    }
}
