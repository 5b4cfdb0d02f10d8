//! Random blueprints, random chains of migrations, random walks among their versions: nothing is lost.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::Value;
use crate::migration::{History, Migration, MigrationRule};
use crate::model::{Blueprint, Field, FieldChoice, FieldType};
use crate::value::{decode_all, encode_all};

/// Numbers that a test draws from; nought once they are used up, so that failures shrink.
struct Draw(std::vec::IntoIter<u32>);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0.next().unwrap_or(0) as usize % limit.max(1)
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

fn choices(names: &[&str]) -> Vec<FieldChoice> {
    let choice = |name: &&str| FieldChoice {
        value: (*name).to_owned(),
        label: (*name).to_owned(),
    };
    names.iter().map(choice).collect()
}

fn kind(draw: &mut Draw) -> FieldType {
    match draw.below(14) {
        0 | 1 => FieldType::Text,
        2 => FieldType::Integer,
        3 => FieldType::Decimal,
        4 => FieldType::Float,
        5 => FieldType::Bool,
        6 => FieldType::Date,
        7 => FieldType::DateTime,
        8 => FieldType::Choice {
            choices: choices(&["a", "b", "c"]),
        },
        9 => FieldType::MultiChoice { choices: choices(&[]) },
        10 => FieldType::Money,
        11 => FieldType::List,
        12 => FieldType::Json,
        _ => FieldType::LongText,
    }
}

/// Something that a field of this type may hold, odd ones among them.
fn value(kind: &FieldType, draw: &mut Draw) -> Value {
    let texts = [
        "",
        " ",
        "Ada",
        "  Ada   Lovelace ",
        "1.50",
        "007",
        "a",
        "b",
        "2026-02-28",
        "2026-11-20T10:00:00.750Z",
        "yes",
        "{\"a\": 1}",
        "x,y",
        "1 EUR",
        "ß\u{0}\n",
        "9223372036854775807",
    ];
    for _ in 0..4 {
        let raw = match draw.below(6) {
            0 => Value::Null,
            1 => Value::Int(i64::from(draw.0.next().unwrap_or(0)) - 1_000),
            2 => Value::List(vec![Value::text(*draw.of(&texts)), Value::text("b")]),
            _ => Value::text(*draw.of(&texts)),
        };
        let checked = Blueprint::new(1, 1, "x", Vec::new()).check_value(&Field::new("x", kind.clone()), raw);
        if let Ok(value) = checked {
            return value;
        }
    }
    Value::Null
}

fn fields_named(draw: &mut Draw, count: usize, next: &mut usize) -> Vec<Field> {
    (0..count)
        .map(|_| {
            *next += 1;
            let mut field = Field::new(format!("f{next}"), kind(draw));
            if draw.below(3) == 0 {
                let default = value(&field.kind, draw);
                field.default = Some(default).filter(|default| !default.is_empty());
            }
            field
        })
        .collect()
}

fn rule(blueprint: &Blueprint, draw: &mut Draw, next: &mut usize) -> MigrationRule {
    let names: Vec<String> = blueprint.field_names().map(str::to_owned).collect();
    let mut new = |draw: &mut Draw, kind: Option<FieldType>| {
        let mut field = fields_named(draw, 1, next).remove(0);
        field.kind = kind.unwrap_or(field.kind);
        field.default = None;
        field
    };
    if names.is_empty() {
        return MigrationRule::Add { field: new(draw, None) };
    }
    let field = draw.of(&names).clone();
    let held = blueprint.fields[blueprint.position(&field).unwrap()].kind.clone();
    match draw.below(10) {
        0 => MigrationRule::Add {
            field: fields_named(draw, 1, next).remove(0),
        },
        1 => {
            *next += 1;
            MigrationRule::Rename {
                field,
                to: format!("f{next}"),
            }
        }
        2 | 3 => MigrationRule::Retype {
            field,
            to: kind(draw),
            or_empty: true,
        },
        4 => MigrationRule::SetDefault {
            value: value(&held, draw).to_json(),
            field,
        },
        5 => {
            let part = |draw: &mut Draw, new: &mut dyn FnMut(&mut Draw, Option<FieldType>) -> Field| {
                new(draw, Some(FieldType::Text))
            };
            let into = [part(draw, &mut new), part(draw, &mut new), part(draw, &mut new)];
            let surplus = 2 + draw.below(2);
            MigrationRule::Split {
                field,
                into: into[..surplus].to_vec(),
                by: (*draw.of(&[" ", ",", "a"])).to_owned(),
                from_end: draw.below(2) == 1,
            }
        }
        6 => MigrationRule::Join {
            fields: vec![field, draw.of(&names).clone()],
            into: new(draw, Some(FieldType::Text)),
            by: " ".into(),
        },
        7 => MigrationRule::Drop { field },
        8 => MigrationRule::Compute {
            into: new(draw, Some(FieldType::Json)),
            expression: format!("{field} == null ? 'none' : {field}"),
        },
        _ => MigrationRule::MapChoices {
            field,
            choices: choices(&["a", "z"]),
            map: BTreeMap::from([("b".into(), "z".into()), ("c".into(), "z".into())]),
        },
    }
}

fn history(draw: &mut Draw) -> History {
    let mut next = 0;
    let count = 1 + draw.below(5);
    let mut history = History::new(Blueprint::new(1, 1, "thing", fields_named(draw, count, &mut next)));
    for _ in 0..1 + draw.below(5) {
        // Mostly from the newest version, now and then from an earlier one.
        let newest = history.newest() as usize;
        let from = if draw.below(4) == 0 {
            1 + draw.below(newest)
        } else {
            newest
        } as u32;
        let mut migration = Migration::default();
        for _ in 0..1 + draw.below(3) {
            let sofar = history.derive(from, &migration).unwrap().blueprint;
            let rule = rule(&sofar, draw, &mut next);
            migration.rules.push(rule);
            if history.derive(from, &migration).is_err() {
                migration.rules.pop();
            }
        }
        let version = history.derive(from, &migration).unwrap();
        history.push(version);
    }
    history
}

/// What a version shows of values, to the bit.
fn bits(history: &History, version: u32, values: &[Value]) -> Vec<(String, Vec<u8>)> {
    let blueprint = history.blueprint(version).unwrap();
    blueprint
        .live_fields()
        .map(|(place, field)| {
            (
                field.name.clone(),
                encode_all([&values.get(place).cloned().unwrap_or_default()]),
            )
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whoever_comes_back_to_a_version_finds_what_they_left(numbers in prop::collection::vec(any::<u32>(), 0..220)) {
        let mut draw = Draw(numbers.into_iter());
        let history = history(&mut draw);
        let newest = history.newest() as usize;
        let mut at = 1 + draw.below(newest) as u32;
        let blueprint = history.blueprint(at).unwrap();
        let mut values: Vec<Value> = vec![Value::Null; blueprint.fields.len()];
        for (place, field) in blueprint.live_fields() {
            values[place] = value(&field.kind, &mut draw);
        }
        let mut seen = BTreeMap::from([(at, bits(&history, at, &values))]);
        for _ in 0..12 {
            let to = 1 + draw.below(newest) as u32;
            let before = values.clone();
            if history.migrate(&mut values, at, to).is_err() {
                prop_assert_eq!(encode_all(&values), encode_all(&before), "a failure changes nothing");
                prop_assert!(!seen.contains_key(&to), "what was there before can always be gone back to");
                continue;
            }
            at = to;
            let now = bits(&history, at, &values);
            let left = seen.entry(at).or_insert_with(|| now.clone());
            prop_assert_eq!(left, &now, "version {}", at);
            // As the store would give it back.
            values = decode_all(&encode_all(&values)).unwrap();
        }
    }

    #[test]
    fn an_edit_outlives_every_way_there_and_back(numbers in prop::collection::vec(any::<u32>(), 0..220)) {
        let mut draw = Draw(numbers.into_iter());
        let history = history(&mut draw);
        let newest = history.newest();
        let at = 1 + draw.below(newest as usize) as u32;
        let to = 1 + draw.below(newest as usize) as u32;
        let first = history.blueprint(1).unwrap();
        let mut values: Vec<Value> = first.fields.iter().map(|field| value(&field.kind, &mut draw)).collect();
        if history.migrate(&mut values, 1, at).is_err() {
            return Ok(());
        }
        let there = history.blueprint(at).unwrap();
        for (place, field) in there.live_fields() {
            if draw.below(2) == 0 {
                if values.len() <= place {
                    values.resize(place + 1, Value::Null);
                }
                values[place] = value(&field.kind, &mut draw);
            }
        }
        let edited = bits(&history, at, &values);
        if history.migrate(&mut values, at, to).is_ok() {
            history.migrate(&mut values, to, at).unwrap();
            prop_assert_eq!(bits(&history, at, &values), edited);
        }
    }
}
