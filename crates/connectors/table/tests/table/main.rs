//! The table connector does what a connector has to do, on both kinds of database and however changes are found.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that can't go on says why by panicking"
)]

mod database;
mod outbox;
mod remote;
mod rows;
mod sync;

use syncline_connector_table::TableSpec;
use syncline_testkit::connector::{self, Remote};

use crate::database::{Kind, RUNTIME, postgres};
use crate::remote::SimulatedTable;

fn conforms(kind: Kind, spec: fn() -> TableSpec) {
    let fresh = move |records| Box::new(SimulatedTable::fresh(kind.clone(), spec(), records)) as Box<dyn Remote>;
    let suite = connector::suite(&fresh);
    let sentences = suite.cases.iter().filter(|case| case.sentence.is_some()).count();
    assert!(sentences > 40, "{sentences} sentences");
    RUNTIME.block_on(suite.run(&fresh));
}

fn by_stamp() -> TableSpec {
    TableSpec::new("people").stamp("updated_at")
}

fn by_outbox() -> TableSpec {
    TableSpec::new("people").stamp("updated_at").outbox()
}

#[test]
fn a_sqlite_table_with_a_stamp_does_what_a_connector_has_to_do() {
    conforms(Kind::Sqlite, by_stamp);
}

#[test]
fn a_sqlite_table_with_an_outbox_does_what_a_connector_has_to_do() {
    conforms(Kind::Sqlite, by_outbox);
}

#[test]
fn a_postgres_table_with_a_stamp_does_what_a_connector_has_to_do() {
    if let Some(kind) = postgres() {
        conforms(kind, by_stamp);
    }
}

#[test]
fn a_postgres_table_with_an_outbox_does_what_a_connector_has_to_do() {
    if let Some(kind) = postgres() {
        conforms(kind, by_outbox);
    }
}
