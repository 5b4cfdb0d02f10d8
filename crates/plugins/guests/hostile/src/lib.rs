//! A plugin that does what no plugin may, for the tests of the host. The setting `do` of the connection says what.
#![allow(clippy::panic, reason = "it is here to misbehave")]

mod requests;
mod steps;

use std::hint::black_box;

use syncline_plugin::bindings::exports::syncline::connector::connector::Guest;
use syncline_plugin::bindings::syncline::connector::{host, types as wit};

/// What it says of itself. The tests put other texts in its place, so it stands in the file as it is.
static MANIFEST: &str = include_str!("manifest.json");

/// The one object that it has, and its one field.
static OBJECT: &str = include_str!("object.json");
static SCHEMA: &str = include_str!("schema.json");

struct Hostile;

syncline_plugin::bindings::export!(Hostile with_types_in syncline_plugin::bindings);

/// What the connection wants it to do.
fn misdeed(config: &wit::Config) -> &str {
    let setting = config.settings.iter().find(|(name, _)| name == "do");
    setting.map_or("", |(_, what)| what.as_str())
}

fn loop_for_ever() -> ! {
    let mut count = 0_u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}

fn hoard() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(Vec::<u8>::with_capacity(16 << 20)));
    }
}

#[expect(unconditional_recursion, reason = "it is here to misbehave")]
fn deeper(depth: u64) -> u64 {
    let room = black_box([depth; 64]);
    black_box(deeper(depth + 1)) + room[0]
}

impl Guest for Hostile {
    type Task = steps::Steps;

    fn manifest() -> String {
        black_box(MANIFEST).to_owned()
    }

    fn scopes(objects: Vec<(String, wit::Access)>) -> Vec<String> {
        match objects.first() {
            Some((object, _)) if object == "loop" => loop_for_ever(),
            _ => vec!["everything".into()],
        }
    }

    fn app_scopes() -> Vec<String> {
        Vec::new()
    }

    fn classify(head: wit::Head, _: Vec<u8>) -> wit::Class {
        match head.status {
            418 => loop_for_ever(),
            500 => panic!("no answer is too bad"),
            _ => wit::Class::Reauthorise,
        }
    }

    fn account(config: wit::Config) -> Result<String, wit::Error> {
        match misdeed(&config) {
            "crash" => {
                syncline_plugin::tell_panics();
                panic!("I crash on purpose")
            }
            "loop" => loop_for_ever(),
            "stack" => Ok(deeper(0).to_string()),
            "memory" => hoard(),
            "log" => loop {
                host::log(wit::Level::Info, "and one more line");
            },
            "long log" => {
                host::log(wit::Level::Info, &"and on ".repeat(1 << 20));
                Ok(String::new())
            }
            "clock" => loop {
                host::now();
            },
            "no json" => Ok("{\"id\": 7".into()),
            "much text" => Ok(" ".repeat(64 << 20)),
            "a secret" => Ok(requests::told_headers()),
            other => requests::send(other),
        }
    }

    fn objects(_: wit::Config) -> Result<String, wit::Error> {
        Ok(format!("[{}]", OBJECT.trim()))
    }

    fn describe(config: wit::Config, _: String, _: Option<String>) -> Result<Option<String>, wit::Error> {
        Ok(match misdeed(&config) {
            "never described" => None,
            _ => Some(SCHEMA.replace("OBJECT", OBJECT.trim())),
        })
    }

    fn users(_: wit::Config) -> Result<String, wit::Error> {
        Ok("[]".into())
    }

    fn fetch_records(config: wit::Config, _: wit::Fetch) -> Result<Vec<u8>, wit::Error> {
        Ok(steps::page(misdeed(&config)))
    }

    fn count(_: wit::Config, _: String, _: Vec<wit::Condition>) -> Result<Option<u64>, wit::Error> {
        Ok(Some(u64::MAX))
    }

    fn make_marker(_: wit::Config, _: String) -> Result<String, wit::Error> {
        Ok(String::new())
    }

    fn webhook(_: wit::Config, _: wit::RawRequest) -> Result<Vec<wit::Hint>, wit::Error> {
        Ok(Vec::new())
    }
}
