use std::path::PathBuf;

use super::*;
use crate::mapping::{MatchPart, Normalisation};

fn exact(field: &str, normalise: Normalisation) -> MatchKey {
    MatchKey::Exact {
        parts: vec![MatchPart {
            field: field.to_owned(),
            normalise,
        }],
    }
}

fn texts(values: &[&str]) -> Candidate {
    Candidate {
        values: values.iter().map(|text| Value::text(*text)).collect(),
    }
}

#[test]
fn a_key_that_is_not_unique_on_both_sides_links_nothing() {
    let key = exact("email", Normalisation::Email);
    let left = [
        texts(&["a@x.org"]),
        texts(&["A@x.org"]),
        texts(&["b@x.org"]),
        texts(&[""]),
    ];
    let right = [texts(&["a@x.org"]), texts(&["B@X.ORG"]), texts(&["c@x.org"])];
    let links = link_sets(&left, &right, &key);
    assert_eq!(links.linked, [(2, 1, 1.0)]);
    assert_eq!(links.review.len(), 1);
    assert_eq!((&links.review[0].0, &links.review[0].1), (&vec![0, 1], &vec![0]));
    assert_eq!((links.unmatched_left, links.unmatched_right), (vec![3], vec![2]));
}

#[test]
fn a_later_key_does_not_link_what_an_earlier_one_tells_apart() {
    let keys = [
        exact("domain", Normalisation::Domain),
        exact("name", Normalisation::Text),
    ];
    assert_eq!(keys_fields(&keys), ["domain", "name"]);
    let left = [
        texts(&["a.example", "Acme"]),
        texts(&["b.example", "Bolt"]),
        texts(&["", "Cog"]),
    ];
    let right = [
        texts(&["www.a.example", "Acme Ltd"]),
        texts(&["z.example", "bolt"]),
        texts(&["c.example", "COG"]),
    ];
    let links = link_by_keys(&left, &right, &keys);
    assert_eq!(links.linked, [(0, 0, 1.0), (2, 2, 1.0)]);
    assert_eq!(links.review.len(), 1);
    assert!(links.review[0].2.contains("domain differs"), "{}", links.review[0].2);
}

#[test]
fn two_hundred_thousand_records_are_linked_by_an_exact_key() {
    let key = exact("email", Normalisation::Email);
    let set = |offset: usize| -> Vec<Candidate> {
        (offset..offset + 200_000)
            .map(|n| texts(&[&format!("person{n}@example.org")]))
            .collect()
    };
    let (left, right) = (set(0), set(100_000));
    // One that compared all with all would not come to an end.
    let links = link_sets(&left, &right, &key);
    assert_eq!((links.linked.len(), links.review.len()), (100_000, 0));
}

const FIELDS: [&str; 9] = [
    "first_name",
    "last_name",
    "street",
    "address_2",
    "city",
    "postcode",
    "state",
    "date_of_birth",
    "soc_sec_id",
];

fn person(key: &MatchKey, values: [&str; 9]) -> Candidate {
    let place = |name: &String| FIELDS.iter().position(|field| field == name).unwrap();
    Candidate {
        values: key_fields(key)
            .iter()
            .map(|name| Value::text(values[place(name)]))
            .collect(),
    }
}

#[test]
fn relatives_at_one_address_are_asked_about_and_never_linked() {
    let key = people_key(&FIELDS).unwrap();
    let home = |first, born, number| {
        [
            first,
            "Novak",
            "12 Mill Lane",
            "",
            "Leeds",
            "LS1 4DY",
            "England",
            born,
            number,
        ]
    };
    for (first, born, number) in [
        ("Otto", "19800101", ""),
        ("Ruth", "19520101", ""),
        ("Otto", "19800101", "7777777"),
    ] {
        let left = [person(&key, home("Ruth", "19800101", ""))];
        let right = [person(&key, home(first, born, number))];
        assert_eq!(link_sets(&left, &right, &key).linked, [], "{first} {born}");
    }
}

#[test]
fn typing_errors_swapped_names_and_gaps_do_not_hide_a_person() {
    let key = people_key(&FIELDS).unwrap();
    let left = [person(
        &key,
        [
            "Michaela",
            "Neumann",
            "8 Stanley Street",
            "Miami",
            "Winston Hills",
            "4223",
            "nsw",
            "19151111",
            "5304218",
        ],
    )];
    for typed in [
        [
            "Neumann",
            "Michaela",
            "8 Stanley Street",
            "Miami",
            "Winston Hills",
            "4223",
            "nsw",
            "19151111",
            "5304218",
        ],
        [
            "Michaela",
            "[not provided]",
            "8 stanley setreet",
            "",
            "winstonhills",
            "4232",
            "nsw",
            "19151111",
            "5304218",
        ],
        [
            "Michala",
            "Neuman",
            "Stanley Street",
            "Miami",
            "Winston Hills",
            "4223",
            "",
            "",
            "5304218",
        ],
    ] {
        let links = link_sets(&left, &[person(&key, typed)], &key);
        assert_eq!(links.linked.len(), 1, "{typed:?}");
    }
}

#[test]
fn two_equally_likely_candidates_go_to_review() {
    let key = people_key(&FIELDS).unwrap();
    let ada = [
        "Ada",
        "Dahl",
        "3 Park Road",
        "",
        "Leeds",
        "LS1 4DY",
        "",
        "19700101",
        "1234567",
    ];
    let (one, two) = ([person(&key, ada)], [person(&key, ada), person(&key, ada)]);
    let links = link_sets(&one, &two, &key);
    assert_eq!((links.linked.len(), links.review.len()), (0, 1));
    assert_eq!((&links.review[0].0, &links.review[0].1), (&vec![0], &vec![0, 1]));
}

#[test]
fn records_that_match_share_a_candidate_key() {
    let key = people_key(&FIELDS).unwrap();
    let one = person(
        &key,
        ["Ada", "Dahl", "3 Park Road", "", "Leeds", "LS1 4DY", "", "19700101", ""],
    );
    let other = person(
        &key,
        ["Adda", "Dal", "3 Park Rd", "", "Leeds", "LS1", "", "19700101", ""],
    );
    let keys = candidate_keys(&key, &one);
    assert!(candidate_keys(&key, &other).iter().any(|shared| keys.contains(shared)));
}

#[test]
fn a_people_key_needs_a_name_and_two_kinds_of_evidence() {
    assert!(people_key(&["first_name", "last_name", "city"]).is_none());
    assert!(people_key(&["last_name", "date_of_birth", "street", "postcode"]).is_some());
    assert!(people_key(&["date_of_birth", "soc_sec_id", "street", "city"]).is_none());
}

/// The people of a file, by the number of the person, as a CRM seeded with it would give them back.
fn people(file: &str, placeholder: &str) -> Option<(Vec<String>, Vec<[String; 9]>)> {
    let shared = std::env::var_os("SYNCLINE_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(shared.join("data").join(file)).ok()?;
    let mut numbers = Vec::new();
    let mut people = Vec::new();
    for line in text.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let [
            id,
            first,
            last,
            number,
            address,
            second,
            city,
            postcode,
            state,
            born,
            insured,
        ] = cells[..]
        else {
            panic!("a row of {file} has {} cells", cells.len());
        };
        numbers.push(id.split('-').nth(1).unwrap_or_default().to_owned());
        let last = if last.is_empty() { placeholder } else { last };
        let street = format!("{number} {address}");
        let values = [first, last, street.trim(), second, city, postcode, state, born, insured];
        people.push(values.map(str::to_owned));
    }
    Some((numbers, people))
}

#[test]
fn the_people_files_are_matched_without_a_wrong_link() {
    let (Some((left_numbers, left)), Some((right_numbers, right))) =
        (people("people-a.csv", "[not provided]"), people("people-b.csv", ""))
    else {
        println!("skipped: the people files are not there");
        return;
    };
    let key = people_key(&FIELDS).unwrap();
    let candidates = |people: &[[String; 9]]| -> Vec<Candidate> {
        people
            .iter()
            .map(|values| person(&key, values.each_ref().map(String::as_str)))
            .collect()
    };
    let links = link_sets(&candidates(&left), &candidates(&right), &key);
    let matched = links
        .linked
        .iter()
        .filter(|(l, r, _)| left_numbers[*l] == right_numbers[*r])
        .count();
    let wrong = links.linked.len() - matched;
    let asked: usize = links.review.iter().map(|(l, ..)| l.len()).sum();
    println!(
        "matched {matched}, wrong {wrong}, in review {asked}, missed {}",
        links.unmatched_left.len()
    );
    assert_eq!(wrong, 0);
    assert!(matched * 100 >= left.len() * 95, "{matched} of {}", left.len());
}
