//! What [`super::laws`] is checked with: each registered lens, with options and the raw values it may meet.

use proptest::prelude::*;
use proptest::strategy::Union;
use serde_json::json;

use super::laws::OneLink;
use crate::mapping::LensSpec;
use crate::value::{DateTime, Precision, Value};

pub(super) type Raw = BoxedStrategy<Vec<Value>>;

pub(super) fn of(strategy: impl Strategy<Value = Value> + 'static) -> Raw {
    prop_oneof![9 => strategy, 1 => Just(Value::Null)]
        .prop_map(|value| vec![value])
        .boxed()
}

pub(super) fn texts(pattern: &'static str) -> impl Strategy<Value = Value> + use<> {
    pattern.prop_map(Value::Text)
}

pub(super) fn listed(words: &[&'static str]) -> impl Strategy<Value = Value> + use<> {
    Union::new(words.iter().map(|word| Just(Value::text(*word))).collect::<Vec<_>>())
}

pub(super) fn any_text() -> impl Strategy<Value = Value> {
    prop_oneof![
        texts(".{0,12}"),
        texts("(?s)[ \\t\\r\\n\u{a0}aBzßÉ'’İΣǆ;,.-]{0,12}"),
        texts("[A-Za-z]{1,6}( [A-Za-z]{1,6}){0,3}")
    ]
}

pub(super) fn numbers() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i32>().prop_map(|int| Value::Int(int.into())),
        (any::<i32>(), 0u32..6)
            .prop_map(|(digits, scale)| Value::Decimal(rust_decimal::Decimal::new(digits.into(), scale))),
        any::<i16>().prop_map(|float| Value::Float(f64::from(float) / 8.0)),
        texts("-?[0-9]{1,6}(\\.[0-9]{1,4})?"),
    ]
}

pub(super) fn dates() -> impl Strategy<Value = Value> {
    (1950i16..2060, 1i8..13, 1i8..29).prop_map(|(year, month, day)| Value::Date(jiff::civil::date(year, month, day)))
}

pub(super) fn instants(precision: Precision) -> impl Strategy<Value = Value> {
    (0i64..4_000_000_000_000_000).prop_map(move |micros| {
        let instant = jiff::Timestamp::from_microsecond(micros).unwrap();
        Value::DateTime(DateTime::new(instant, precision))
    })
}

pub(super) fn iso(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    values.prop_map(|value| Value::Text(value.to_string()))
}

/// A registered lens with options and the raw values it may meet.
pub(super) fn cases() -> Vec<(LensSpec, Raw)> {
    let lens = LensSpec::new;
    let table = || lens("table").with("values", json!({"Hot": "a", "Very hot": "a", "Cold": "b", "b": "Cold"}));
    let table_values = || of(listed(&["Hot", "Very hot", "Cold", "b", "other", "a"]));
    let phones = || {
        of(prop_oneof![
            texts("\\+49 ?30 ?[1-9][0-9]{5,8}"),
            texts("\\(?[2-9][0-9]{2}\\)?[ -.][2-9][0-9]{2}-[0-9]{4}( ext\\.? [0-9]{1,4})?"),
            texts("0[1-9][0-9]{2}[ /-][0-9]{4,9}"),
            texts("[+0-9 ()a-z.-]{0,16}"),
            any_text()
        ])
    };
    let names = || {
        of(prop_oneof![
            texts("[A-Z][a-z]{1,4}( (van|de|la|[A-Z][a-z]{1,5})){0,4}"),
            texts("[A-Z][a-z]{1,4}( [A-Z][a-z]{1,5})?, ?[A-Z][a-z]{0,3}"),
            any_text()
        ])
    };
    let money = (numbers(), listed(&["EUR", "usd", " GBP "]))
        .prop_map(|(amount, currency)| vec![amount, currency])
        .boxed();
    let money_with_gaps = prop_oneof![
        money,
        Just(vec![Value::Null, Value::text("EUR")]),
        numbers().prop_map(|amount| vec![amount, Value::Null])
    ]
    .boxed();
    let addresses = || {
        of(prop_oneof![
            texts("(https?://)?(www\\.)?[a-zA-Z]{1,6}\\.(com|de)(:[0-9]{2,4})?(/[a-z]{0,4})?(\\?q=[a-z])?"),
            texts("[a-z.]{1,6}@[a-z]{1,5}\\.com"),
            any_text()
        ])
    };
    vec![
        (lens("identity"), of(any_text())),
        (lens("trim"), of(any_text())),
        (lens("trim").with("collapse", true), of(any_text())),
        (lens("whitespace"), of(any_text())),
        (lens("whitespace").with("lines", "join"), of(any_text())),
        (lens("case").with("to", "lower"), of(any_text())),
        (lens("case").with("to", "upper"), of(any_text())),
        (lens("case").with("to", "title"), of(any_text())),
        (
            lens("email"),
            of(prop_oneof![
                texts(" ?[A-Za-z.]{1,6}@[A-Za-z]{1,5}\\.(com|DE) ?"),
                any_text()
            ]),
        ),
        (lens("truncate").with("length", 3), of(any_text())),
        (lens("number"), of(numbers())),
        (lens("number").with("scale", 2), of(numbers())),
        (
            lens("number").with("scale", 1).with("rounding", "half_even"),
            of(numbers()),
        ),
        (
            lens("number").with("scale", 0).with("rounding", "truncate"),
            of(numbers()),
        ),
        (lens("bool_choice"), of(listed(&["Yes", "no", "YES", " No "]))),
        (
            lens("bool_choice").with("true", 1).with("false", 0),
            of((0i64..2).prop_map(Value::Int)),
        ),
        (table(), of(listed(&["Hot", "Very hot", "Cold", "b"]))),
        (table().with("unknown", "keep"), table_values()),
        (table().with("unknown", "null"), table_values()),
        (table().with("unknown", "default").with("default", "a"), table_values()),
        (
            table()
                .with("unknown", "default")
                .with("default", "z")
                .with("remote_default", "other"),
            table_values(),
        ),
        (
            lens("date"),
            of(prop_oneof![dates(), iso(dates()), instants(Precision::Second)]),
        ),
        (
            lens("date").with("zone", "America/New_York"),
            of(prop_oneof![instants(Precision::Second), dates()]),
        ),
        (
            lens("date").with("format", "%d.%m.%Y"),
            of(prop_oneof![texts("[0-2][1-8]\\.0[1-9]\\.20[0-9]{2}"), dates()]),
        ),
        (
            lens("datetime"),
            of(prop_oneof![
                instants(Precision::Millisecond),
                iso(instants(Precision::Millisecond))
            ]),
        ),
        (
            lens("datetime").with("precision", "second"),
            of(instants(Precision::Microsecond)),
        ),
        (
            lens("datetime").with("precision", "millisecond"),
            of(iso(instants(Precision::Microsecond))),
        ),
        (lens("datetime"), of((0i64..4_000_000_000_000).prop_map(Value::Int))),
        (
            lens("datetime")
                .with("format", "%Y-%m-%d %H:%M")
                .with("zone", "Europe/Berlin"),
            of(texts("20[0-9]{2}-0[1-9]-[0-2][1-8] [01][0-9]:[0-5][0-9]")),
        ),
        (lens("phone"), phones()),
        (lens("phone").with("default_region", "US"), phones()),
        (
            lens("phone").with("default_region", "DE").with("format", "national"),
            phones(),
        ),
        (
            lens("phone")
                .with("default_region", "GB")
                .with("format", "international"),
            phones(),
        ),
        (lens("url"), addresses()),
        (lens("url").with("scheme", "http"), addresses()),
        (lens("domain"), addresses()),
        (lens("name_split"), names()),
        (
            lens("name_join"),
            (names(), names()).prop_map(|(a, b)| [a, b].concat()).boxed(),
        ),
        (lens("choices"), of(prop_oneof![texts("[a-c ;]{0,8}"), any_text()])),
        (
            lens("choices").with("separator", ","),
            of(prop::collection::vec(texts("[a-c]{1,2}"), 0..4).prop_map(Value::List)),
        ),
        (
            lens("html_to_text"),
            of(prop_oneof![
                texts("(<p>|</p>|<br>|<b>|&lt;|&|a|b| |\\n|<li>){0,10}"),
                any_text()
            ]),
        ),
        (
            lens("html_to_text").with("write", "paragraphs"),
            of(prop_oneof![
                texts("(<p>|</p>|<br>|<b>|&lt;|&|a|b| |\\n|<li>|<h1>|<pre>|<td>){0,10}"),
                any_text()
            ]),
        ),
        (
            lens("country"),
            of(listed(&["DE", "deu", "Germany", "uk", "Narnia", "Côte d'Ivoire"])),
        ),
        (
            lens("country")
                .with("remote", "code3")
                .with("canonical", "name")
                .with("unknown", "null"),
            of(listed(&["DE", "deu", "Germany", "uk", "Narnia"])),
        ),
        (lens("currency"), of(listed(&["eur", "USD", " GBP "]))),
        (lens("money"), money_with_gaps.clone()),
        (lens("money").with("default_currency", "USD"), money_with_gaps),
        (lens("constant").with("value", "x"), of(any_text())),
        (
            lens("constant").with("value", "x").with("side", "crm"),
            Just(vec![Value::text("x")]).boxed(),
        ),
        (lens("default").with("value", "x"), of(listed(&["x", "y", ""]))),
        (
            lens("reference").with("object", "Account"),
            of(Just(Value::text(OneLink::REMOTE))),
        ),
        (
            lens("cel").with("expression", "value == null ? '-' : value + '!'"),
            of(any_text()),
        ),
    ]
}
