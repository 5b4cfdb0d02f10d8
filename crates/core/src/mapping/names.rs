//! Names of different conventions made comparable: `MailingStreet`, `mailing_street` and `Mailing Street` are one.

/// Letters and digits only, in lower case, without the mark of a custom field.
pub(super) fn key(name: &str) -> String {
    without_marks(name)
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A blueprint field's name for a remote one.
pub(super) fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut previous = ' ';
    for character in without_marks(name).chars() {
        if character.is_ascii_alphanumeric() {
            let starts = character.is_ascii_uppercase() && (previous.is_ascii_lowercase() || previous.is_ascii_digit());
            if starts && !snake.ends_with('_') && !snake.is_empty() {
                snake.push('_');
            }
            snake.push(character.to_ascii_lowercase());
        } else if !snake.is_empty() && !snake.ends_with('_') {
            snake.push('_');
        }
        previous = character;
    }
    let mut snake = snake.trim_end_matches('_').to_owned();
    if !snake.starts_with(|first: char| first.is_ascii_lowercase()) {
        snake.insert_str(0, "field_");
    }
    snake.truncate(63);
    snake.trim_end_matches('_').to_owned()
}

fn without_marks(name: &str) -> &str {
    let name = name.strip_prefix("associations.").unwrap_or(name);
    name.strip_suffix("__c")
        .or_else(|| name.strip_suffix("__pc"))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::{key, snake_case};

    #[test]
    fn conventions_do_not_count() {
        for name in ["Soc_Sec_Id__c", "soc_sec_id", "Soc Sec ID", "SocSecId"] {
            assert_eq!(key(name), "socsecid");
        }
        assert_eq!(snake_case("Soc_Sec_Id__c"), "soc_sec_id");
        assert_eq!(snake_case("MailingPostalCode"), "mailing_postal_code");
        assert_eq!(snake_case("Address_2__c"), "address_2");
        assert_eq!(snake_case("2nd choice"), "field_2nd_choice");
    }
}
