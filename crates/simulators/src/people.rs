//! A deterministic population of people and companies that both simulators draw from, so that a chosen share of it
//! exists in both. Every e-mail and domain is under a name reserved for examples.

mod words;

use jiff::civil::Date;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use words::{
    ADJECTIVES, AREAS, CITIES, FIRST_NAMES, HUBSPOT_FORMS, INDUSTRIES, LAST_NAMES, NOUNS, SALESFORCE_FORMS,
    SHARED_FORMS, STREETS, TITLES,
};

/// Which service a record is generated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Records of the Salesforce simulator.
    Salesforce,
    /// Records of the HubSpot simulator.
    HubSpot,
}

/// One generated person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Person {
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Lower case, unique within both services together.
    pub email: String,
    /// A fictional number, unique up to two million people.
    pub phone: String,
    /// Job title.
    pub title: String,
    /// House number and street.
    pub street: String,
    /// City.
    pub city: String,
    /// State or region.
    pub state: String,
    /// Postal code.
    pub postcode: String,
    /// Country by its English name.
    pub country: String,
    /// Date of birth.
    pub birthdate: Date,
}

/// One generated company.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Company {
    /// Unique name.
    pub name: String,
    /// Unique domain below `.example`.
    pub domain: String,
    /// A fictional number.
    pub phone: String,
    /// House number and street.
    pub street: String,
    /// City.
    pub city: String,
    /// State or region.
    pub state: String,
    /// Postal code.
    pub postcode: String,
    /// Country by its English name.
    pub country: String,
    /// Line of business, by a name that Salesforce's Industry picklist knows.
    pub industry: &'static str,
    /// Head count.
    pub employees: u32,
    /// Annual revenue in whole units of currency.
    pub revenue: u64,
}

/// The people and companies that follow from a seed.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    seed: u64,
    overlap: f64,
    people: usize,
}

const PERSON: u64 = 1;
const COMPANY: u64 = 2;
const SHARED: u64 = 3;

impl Population {
    /// A population of `people`, of whom a share of `overlap` (0 to 1) exists in both services. Two services see the
    /// same shared people only if they use the same seed.
    #[must_use]
    pub fn new(seed: u64, overlap: f64, people: usize) -> Self {
        Self {
            seed,
            overlap: overlap.clamp(0.0, 1.0),
            people,
        }
    }

    /// How many companies there are: a tenth of the people, at least one.
    #[must_use]
    pub fn companies(&self) -> usize {
        (self.people / 10).max(1)
    }

    /// The company that person `index` works for.
    #[must_use]
    pub fn company_of(&self, index: usize) -> usize {
        index / 10 % self.companies()
    }

    /// Whether person `index` exists in both services.
    #[must_use]
    pub fn person_is_shared(&self, index: usize) -> bool {
        self.dice(SHARED, PERSON, index).random::<f64>() < self.overlap
    }

    /// Whether company `index` exists in both services.
    #[must_use]
    pub fn company_is_shared(&self, index: usize) -> bool {
        self.dice(SHARED, COMPANY, index).random::<f64>() < self.overlap
    }

    fn dice(&self, kind: u64, variant: u64, index: usize) -> ChaCha8Rng {
        let mut dice = ChaCha8Rng::seed_from_u64(self.seed ^ (kind << 60) ^ (variant << 56));
        dice.set_stream(index as u64);
        dice
    }

    /// Person `index` as `side` knows them.
    #[must_use]
    pub fn person(&self, side: Side, index: usize) -> Person {
        let shared = self.person_is_shared(index);
        let (variant, mark) = variant(side, shared);
        let mut dice = self.dice(PERSON, variant, index);
        let first_name = pick(&mut dice, FIRST_NAMES);
        let last_name = pick(&mut dice, LAST_NAMES);
        let place = place(&mut dice);
        let domain = if dice.random_bool(0.8) {
            company_name(self.company_of(index), SHARED_FORMS).1
        } else if dice.random_bool(0.5) {
            "example.com".to_owned()
        } else {
            "example.org".to_owned()
        };
        let email = format!(
            "{}.{}{mark}{index}@{domain}",
            first_name.to_ascii_lowercase(),
            last_name.to_ascii_lowercase()
        );
        let birthdate = Date::ZERO
            .with()
            .year(dice.random_range(1948..=2004_i16))
            .month(dice.random_range(1..=12_i8))
            .day(dice.random_range(1..=28_i8))
            .build()
            .unwrap_or(Date::ZERO);
        Person {
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            email,
            phone: phone(index, variant),
            title: pick(&mut dice, TITLES).to_owned(),
            street: place.street,
            city: place.city,
            state: place.state,
            postcode: place.postcode,
            country: place.country,
            birthdate,
        }
    }

    /// Company `index` as `side` knows it.
    #[must_use]
    pub fn company(&self, side: Side, index: usize) -> Company {
        let shared = self.company_is_shared(index);
        let (variant, _) = variant(side, shared);
        let mut dice = self.dice(COMPANY, variant, index);
        let forms = match (shared, side) {
            (true, _) => SHARED_FORMS,
            (false, Side::Salesforce) => SALESFORCE_FORMS,
            (false, Side::HubSpot) => HUBSPOT_FORMS,
        };
        let (name, domain) = company_name(index, forms);
        let place = place(&mut dice);
        let employees = 2_u32.pow(dice.random_range(2..14)) + dice.random_range(0..100);
        let revenue = u64::from(employees) * dice.random_range(40..400) * 1_000;
        Company {
            name,
            domain,
            phone: phone(1_999_999 - index % 1_999_999, variant),
            street: place.street,
            city: place.city,
            state: place.state,
            postcode: place.postcode,
            country: place.country,
            industry: pick(&mut dice, INDUSTRIES),
            employees,
            revenue,
        }
    }
}

/// The stream a record is drawn from, and what keeps its e-mail apart from those of the other streams.
fn variant(side: Side, shared: bool) -> (u64, &'static str) {
    match (shared, side) {
        (true, _) => (0, ""),
        (false, Side::Salesforce) => (1, ".s"),
        (false, Side::HubSpot) => (2, ".h"),
    }
}

fn pick<'a>(dice: &mut ChaCha8Rng, words: &[&'a str]) -> &'a str {
    words[dice.random_range(0..words.len())]
}

struct Place {
    street: String,
    city: String,
    state: String,
    postcode: String,
    country: String,
}

fn place(dice: &mut ChaCha8Rng) -> Place {
    let (city, state, postcode, country) = CITIES[dice.random_range(0..CITIES.len())];
    Place {
        street: format!("{} {}", dice.random_range(1..2_000_u32), pick(dice, STREETS)),
        city: city.to_owned(),
        state: state.to_owned(),
        postcode: postcode.to_owned(),
        country: country.to_owned(),
    }
}

/// The exchange 555 is assigned to nobody; area code and line number count up with the index.
fn phone(index: usize, variant: u64) -> String {
    let area = AREAS[index % AREAS.len()];
    let line = (index / AREAS.len() + usize::try_from(variant).unwrap_or(0) * 3_000) % 10_000;
    format!("+1 {area}-555-{line:04}")
}

/// The names of one list of legal forms are distinct; the lists of the services have no form in common.
fn company_name(index: usize, forms: &[&str]) -> (String, String) {
    // 7,919 has no divisor in common with the number of pairs, so neighbours look unrelated and no pair repeats early.
    let words = ADJECTIVES.len() * NOUNS.len();
    let mixed = index * 7_919 % words;
    let round = index / words;
    let adjective = ADJECTIVES[mixed % ADJECTIVES.len()];
    let noun = NOUNS[mixed / ADJECTIVES.len()];
    let form = forms[round % forms.len()];
    let number = round / forms.len();
    let (suffix, tail) = if number == 0 {
        (String::new(), String::new())
    } else {
        (format!(" {number}"), number.to_string())
    };
    let name = format!("{adjective} {noun} {form}{suffix}");
    let domain = format!(
        "{}{}-{}{tail}.example",
        adjective.to_ascii_lowercase(),
        noun.to_ascii_lowercase(),
        form.to_ascii_lowercase()
    );
    (name, domain)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn emails_and_domains_are_unique_over_both_sides() {
        let population = Population::new(7, 0.5, 5_000);
        let mut emails = BTreeSet::new();
        for index in 0..5_000 {
            emails.insert(population.person(Side::Salesforce, index).email);
            emails.insert(population.person(Side::HubSpot, index).email);
        }
        let shared = (0..5_000).filter(|index| population.person_is_shared(*index)).count();
        assert_eq!(emails.len(), 10_000 - shared);
        assert!((2_000..3_000).contains(&shared));
        let domains: BTreeSet<String> = (0..25_000)
            .map(|index| population.company(Side::Salesforce, index).domain)
            .collect();
        assert_eq!(domains.len(), 25_000);
    }

    #[test]
    fn shared_people_are_equal_on_both_sides() {
        let population = Population::new(7, 1.0, 100);
        for index in 0..100 {
            assert_eq!(
                population.person(Side::Salesforce, index),
                population.person(Side::HubSpot, index)
            );
        }
    }
}
