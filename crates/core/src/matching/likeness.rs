//! How alike two texts are, from 0 (no evidence that they are the same) to 1.

/// A text made ready for comparing it many times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comparable {
    /// Folded.
    pub(super) text: String,
    /// The text without its numbers.
    pub(super) words: String,
    /// Its digits, where it has any.
    pub(super) digits: String,
    /// Whether it is a number, a date or an identifier rather than words.
    pub(super) is_number: bool,
}

impl Comparable {
    pub(super) fn new(folded: String) -> Self {
        let digits: String = folded.chars().filter(char::is_ascii_digit).collect();
        let mut words = String::new();
        for word in folded.split([' ', ',', '.', '/', '-']) {
            if !word.is_empty() && !word.bytes().any(|b| b.is_ascii_digit()) {
                if !words.is_empty() {
                    words.push(' ');
                }
                words.push_str(word);
            }
        }
        Self {
            is_number: !digits.is_empty() && digits.len() * 2 >= folded.len(),
            text: folded,
            words,
            digits,
        }
    }
}

/// How alike two texts are.
pub(super) fn likeness(a: &Comparable, b: &Comparable) -> f64 {
    if a.text == b.text {
        return 1.0;
    }
    if a.is_number && b.is_number {
        return number_likeness(&a.digits, &b.digits);
    }
    if !a.digits.is_empty() && !b.digits.is_empty() && !a.words.is_empty() && !b.words.is_empty() {
        // A house number says less than the street, and more than a letter of it.
        return 0.8 * word_likeness(&a.words, &b.words) + 0.2 * number_likeness(&a.digits, &b.digits);
    }
    if a.digits.is_empty() != b.digits.is_empty() && !a.words.is_empty() && !b.words.is_empty() {
        return 0.95 * word_likeness(&a.words, &b.words);
    }
    word_likeness(&a.text, &b.text)
}

/// A long number with one wrong digit is probably the same; a short one says little then.
fn number_likeness(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let longest = a.len().max(b.len());
    match strsim::osa_distance(a, b) {
        1 if longest >= 6 => 0.85,
        1 if longest >= 4 => 0.7,
        1 if longest >= 2 => 0.4,
        2 if longest >= 7 => 0.25,
        _ => 0.0,
    }
}

/// Below this two words are as good as unrelated: random names reach it by chance.
const UNRELATED: f64 = 0.7;

fn word_likeness(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let direct = strsim::jaro_winkler(a, b).max(strsim::normalized_damerau_levenshtein(a, b));
    let squeezed = |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).collect() };
    let spaced = a.contains(' ') || b.contains(' ');
    let joined = if spaced {
        strsim::jaro_winkler(&squeezed(a), &squeezed(b)).max(0.97 * word_by_word(a, b))
    } else {
        0.0
    };
    ((direct.max(joined) - UNRELATED) / (1.0 - UNRELATED)).clamp(0.0, 1.0)
}

/// The words of the shorter text against the nearest of the longer: for words in another order, or left out.
fn word_by_word(a: &str, b: &str) -> f64 {
    let (mut few, mut many): (Vec<&str>, Vec<&str>) = (a.split(' ').collect(), b.split(' ').collect());
    if few.len() > many.len() {
        std::mem::swap(&mut few, &mut many);
    }
    let left_out = many.len() - few.len();
    let letters: usize = few.iter().map(|word| word.len()).sum();
    let mut total = 0.0;
    for word in &few {
        let nearest = many
            .iter()
            .enumerate()
            .map(|(place, other)| (strsim::jaro_winkler(word, other), place))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((score, place)) = nearest {
            total += score * word.len() as f64;
            many.swap_remove(place);
        }
    }
    total / (letters.max(1) as f64) - 0.08 * left_out as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(a: &str, b: &str) -> f64 {
        likeness(&Comparable::new(a.into()), &Comparable::new(b.into()))
    }

    #[test]
    fn typing_errors_stay_near_and_other_names_far() {
        assert!(alike("neumann", "neumannn") > 0.9);
        assert!(alike("light street", "light setreet") > 0.85);
        assert!(alike("michaela", "courtney") < 0.1);
        assert!(alike("smith", "jones") < 0.1);
    }

    #[test]
    fn a_number_counts_by_its_digits() {
        assert!(alike("19651013", "1965-10-13") == 1.0 || alike("19651013", "1965-10-13") > 0.8);
        assert!((alike("5304218", "5304281") - 0.85).abs() < 1e-9);
        assert!(alike("5304218", "9731855") < 0.01);
        assert!(alike("8 stanley street", "38 stanley street") > alike("8 stanley street", "417 stanley street"));
    }

    #[test]
    fn words_in_another_order_are_nearly_the_same() {
        assert!(alike("stanley north street", "street stanley north") > 0.8);
    }
}
