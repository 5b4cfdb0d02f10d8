//! "Did you mean ...?": the names nearest to one that does not exist.

/// Up to three of `names` that look like `wanted`, best first, as the end of a sentence; empty when none comes near.
pub(crate) fn did_you_mean<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let wanted = plain(wanted);
    let mut near: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (likeness(&wanted, &plain(name)), name))
        .filter(|(score, _)| *score >= 0.75)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    near.truncate(3);
    match near.as_slice() {
        [] => String::new(),
        [(_, one)] => format!("; did you mean `{one}`?"),
        [rest @ .., (_, last)] => {
            let rest: Vec<String> = rest.iter().map(|(_, name)| format!("`{name}`")).collect();
            format!("; did you mean {} or `{last}`?", rest.join(", "))
        }
    }
}

/// How much two names look alike, from 0 to 1.
pub(crate) fn likeness_of(one: &str, other: &str) -> f64 {
    likeness(&plain(one), &plain(other))
}

fn likeness(wanted: &str, name: &str) -> f64 {
    if wanted.is_empty() || name.is_empty() {
        return 0.0;
    }
    let contained = if wanted.len() >= 4 && (name.contains(wanted) || wanted.contains(name) && name.len() >= 4) {
        0.8
    } else {
        0.0
    };
    strsim::normalized_damerau_levenshtein(wanted, name)
        .max(strsim::jaro_winkler(wanted, name) - 0.1)
        .max(contained)
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn near_names_are_offered_best_first_and_far_ones_not_at_all() {
        let names = ["FirstName", "LastName", "MailingCity", "Phone"];
        assert_eq!(did_you_mean("frist_name", names), "; did you mean `FirstName`?");
        assert_eq!(did_you_mean("quantity_sold", names), "");
    }
}
