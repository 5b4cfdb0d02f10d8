//! Salesforce's answers.

mod account;
mod bulk;
mod bulk_results;
mod records;
mod schema;

use serde_json::Value as Json;

use super::{Answer, Findings, Recording, errors, token};
use crate::connector::Remote;
use crate::connector::simulated::SimulatedSalesforce;

/// Finds out what an answer is.
pub(crate) fn answer(recording: &Recording) -> Answer<'_> {
    let (method, path) = recording.call();
    let plain = path.split(['?', ' ']).next().unwrap_or_default().trim_end_matches('/');
    let body = &recording.body;
    if recording.is_event() {
        return Answer::NotCalled("Change Data Capture: changes are polled");
    }
    if path.contains("/services/async/") {
        return Answer::NotCalled("Bulk API 1.0");
    }
    if path.contains("/services/soap/") {
        return Answer::NotCalled("SOAP");
    }
    if path.contains("/oauth2/introspect") {
        return Answer::NotCalled("what a token is for: the user is asked instead");
    }
    if path.contains("/oauth2/revoke") {
        return Answer::NotCalled("a revocation: nothing of its answer is read");
    }
    if path.contains("oauth2/token") || body.get("access_token").is_some() || body.get("error").is_some() {
        return Answer::Called(Box::pin(token::read(recording)));
    }
    // A collection that was taken back as a whole tells it row by row, whatever its status.
    if body[0].get("success").is_some() {
        return Answer::Called(Box::pin(records::rows(recording)));
    }
    if recording.is_error() {
        return Answer::Called(Box::pin(error(recording)));
    }
    if plain.ends_with("/services/data") || (body[0].get("version").is_some() && body[0].get("url").is_some()) {
        return Answer::Called(Box::pin(account::versions(recording)));
    }
    if plain.ends_with("oauth2/userinfo") || plain.contains("/id/00d") || body.get("preferred_username").is_some() {
        return Answer::Called(Box::pin(account::identity(recording)));
    }
    if body["sobjects"].is_string() {
        return Answer::Called(Box::pin(account::resources(recording)));
    }
    if plain.contains("jobs/") || body.get("operation").is_some() {
        return bulk::answer(recording);
    }
    if body.get("compositeResponse").is_some() || body.get("graphs").is_some() || body.get("hasErrors").is_some() {
        return Answer::NotCalled("Composite");
    }
    if body.get("latestDateCovered").is_some() {
        return Answer::NotCalled("updated and deleted: changes are queried");
    }
    if body.get("fields").is_some() && body.get("childRelationships").is_some() {
        return Answer::Called(Box::pin(schema::describe(recording)));
    }
    if recording.status == Some(304) {
        return Answer::Called(Box::pin(schema::unchanged(recording)));
    }
    if body["sobjects"].is_array() {
        return Answer::Called(Box::pin(schema::objects(recording)));
    }
    if plain.ends_with("/limits") || body.get("sObjects").is_some() {
        return Answer::NotCalled("limits and record counts: headers and a query tell them");
    }
    if let Some(records) = body["records"].as_array() {
        let aggregate = |record: &Json| record["attributes"]["type"] == "AggregateResult";
        if records.iter().any(aggregate) {
            return Answer::NotCalled("aggregates: records are queried");
        }
        return Answer::Called(Box::pin(records::query(recording)));
    }
    if body.get("searchRecords").is_some() {
        return Answer::NotCalled("SOSL");
    }
    if body
        .as_array()
        .is_some_and(|list| list.iter().any(|record| record.get("attributes").is_some()))
    {
        return Answer::Called(Box::pin(records::retrieved(recording)));
    }
    if body.get("success").is_some() {
        return Answer::NotCalled("the create of a single record: collections are sent");
    }
    if body.get("attributes").is_some() {
        return Answer::NotCalled("a single record: records are read in collections");
    }
    let empty = body.is_null() || body.as_str().is_some_and(str::is_empty);
    if method == "delete" && empty {
        return Answer::NotCalled("the delete of a single record: collections are sent");
    }
    if empty || path.contains("upsert updated") {
        return Answer::Called(Box::pin(records::single(recording)));
    }
    Answer::NotCalled("an API that is not known")
}

async fn error(recording: &Recording) -> Findings {
    errors::read(SimulatedSalesforce::fresh(0).connector(), recording)
}
