//! The script: which scenarios the users act out, written down before anybody begins.

use std::collections::BTreeMap;

use syncline::Result;
use syncline::mapping::{Direction, MatchKey};
use syncline::model::FieldType;
use uuid::Uuid;

use super::app;
use super::edit::{Action, Edit, Outcome, Who};
use super::mapping::{DemoSync, REVIEWED, Syncs};
use super::script::Wave;
use super::targets::{Target, Targets};
use super::world::World;

/// Most repetitions of the script.
const REPETITIONS: usize = 10;
/// Fields that users edit, as far as both CRMs take them.
const EDITED: [&str; 5] = ["city", "street", "last_name", "first_name", "postcode"];

/// The remote field of a blueprint's field.
pub(super) fn path<'a>(sync: &'a DemoSync, field: &str) -> Option<&'a str> {
    let rule = sync
        .sync
        .mapping
        .rules
        .iter()
        .find(|rule| rule.fields == [field] && rule.remote.len() == 1)?;
    rule.remote.first().map(String::as_str)
}

/// Whether a text field goes both ways in both CRMs.
fn is_editable(syncs: &Syncs, blueprint: &str, field: &str) -> bool {
    let mut count = 0;
    for sync in syncs.of(blueprint) {
        let Some(position) = sync.blueprint.position(field) else {
            return false;
        };
        let group = sync.side.group(sync.blueprint.group_of(position));
        let two_way = group.is_some_and(|group| group.direction == Direction::Bidirectional);
        let text = matches!(sync.blueprint.fields[position].kind, FieldType::Text);
        count += usize::from(two_way && text && path(sync, field).is_some());
    }
    count == 2
}

/// Writes the script down before anybody begins.
struct Plan<'a> {
    edits: Vec<Edit>,
    people: std::slice::Iter<'a, Target>,
    companies: std::slice::Iter<'a, Target>,
    fields: Vec<&'static str>,
    /// What makes this wave's values unlike all others.
    mark: String,
    unique: usize,
}

impl<'a> Plan<'a> {
    fn value(&mut self, field: &str) -> String {
        self.unique += 1;
        format!(
            "{} {}{:04}",
            if field == "postcode" { "PC" } else { "Demo" },
            self.mark,
            self.unique
        )
    }

    /// A field by place; there may be fewer than the script would like.
    fn field(&self, place: usize) -> &'static str {
        self.fields[place % self.fields.len()]
    }

    fn push(&mut self, scenario: &'static str, who: Who, action: Action, target: Option<&Target>) -> &mut Edit {
        let number = self.edits.len();
        self.edits.push(Edit {
            number,
            scenario,
            who,
            action,
            blueprint: "person",
            entity: target.map(|target| target.uid),
            record: target.and_then(|target| who.provider().and_then(|crm| target.records.get(crm)).cloned()),
            survivor: None,
            outcome: Outcome::Open,
        });
        &mut self.edits[number]
    }

    fn set(
        &mut self,
        scenario: &'static str,
        who: Who,
        field: &'static str,
        target: &Target,
        read: Option<u64>,
    ) -> &mut Edit {
        let value = self.value(field);
        self.push(scenario, who, Action::Set { field, value, read }, Some(target))
    }

    fn person(&mut self, email: Option<&str>) -> (BTreeMap<&'static str, String>, &'static str) {
        let trace = self.field(0);
        let name = self.value("last_name");
        let email = email.map_or_else(
            || format!("{}@example.com", name.to_lowercase().replace(' ', ".")),
            str::to_owned,
        );
        let mut values = BTreeMap::from([("email", email), ("first_name", "Nova".to_owned()), ("last_name", name)]);
        let value = self.value(trace);
        values.insert(trace, value);
        (values, trace)
    }

    fn create(&mut self, scenario: &'static str, who: Who, email: Option<&str>) {
        let (values, field) = self.person(email);
        self.push(scenario, who, Action::Create { values, field }, None);
    }

    fn next(&mut self) -> Option<&'a Target> {
        self.people.next()
    }
}

/// Writes down what the users will do in a wave.
///
/// # Errors
/// What the engine reports, and `Invalid` when auto-map left no field to edit.
pub(super) async fn plan(world: &World, syncs: &Syncs, targets: &Targets, wave: Wave, seed: u64) -> Result<Vec<Edit>> {
    let third = targets.people.len() * 2 / 3;
    let (people, companies) = match wave {
        Wave::Together => (&targets.people[..third], targets.companies.as_slice()),
        Wave::DuringRun => (&targets.people[third..], &[][..]),
    };
    let mut plan = Plan {
        edits: Vec::new(),
        people: people.iter(),
        companies: companies.iter(),
        fields: EDITED
            .into_iter()
            .filter(|field| is_editable(syncs, "person", field))
            .collect(),
        mark: format!("{}{}-", seed % 1_000, if wave == Wave::Together { "a" } else { "b" }),
        unique: 0,
    };
    if plan.fields.is_empty() {
        return Err(syncline::Error::new(
            syncline::ErrorKind::Invalid,
            "auto-map found no text field that both CRMs take",
        ));
    }
    for repetition in 0..REPETITIONS {
        let before = plan.edits.len();
        match wave {
            Wave::Together => {
                edits_between(&mut plan, syncs, repetition);
                creations(&mut plan, syncs, repetition);
                if removals(&mut plan).is_none() && repetition > 0 {
                    break;
                }
            }
            Wave::DuringRun => edits_during(&mut plan, repetition),
        }
        if plan.edits.len() == before {
            break;
        }
    }
    refresh_reads(world, &mut plan.edits).await?;
    Ok(plan.edits)
}

/// The app's user opens the forms just before the wave begins.
async fn refresh_reads(world: &World, edits: &mut [Edit]) -> Result<()> {
    for edit in edits {
        let uid: Option<Uuid> = edit.entity;
        if let (Action::Set { read: Some(read), .. }, Some(uid)) = (&mut edit.action, uid) {
            *read = app::get(world, uid).await?.rev;
        }
    }
    Ok(())
}

fn edits_between(plan: &mut Plan<'_>, syncs: &Syncs, repetition: usize) {
    let (one, other) = (plan.field(repetition), plan.field(repetition + 1));
    if let Some(t) = plan.next() {
        let scenario = "the same field in both CRMs";
        plan.set(scenario, Who::Salesforce, one, t, None);
        plan.set(scenario, Who::HubSpot, one, t, None);
    }
    if let Some(t) = plan.next() {
        let scenario = "different fields in both CRMs";
        plan.set(scenario, Who::Salesforce, one, t, None);
        plan.set(scenario, Who::HubSpot, other, t, None);
    }
    if let Some(t) = plan.next() {
        let scenario = "another field in the app, as read";
        plan.set(scenario, Who::App, other, t, Some(t.rev));
        plan.set(scenario, Who::Salesforce, one, t, None);
    }
    if let Some(t) = plan.next() {
        let scenario = "the same field in the app, as read";
        plan.set(scenario, Who::HubSpot, one, t, None);
        plan.set(scenario, Who::App, one, t, Some(t.rev));
    }
    if let Some(t) = plan.next() {
        let scenario = "the same field in the app, blindly";
        plan.set(scenario, Who::App, one, t, None);
        plan.set(scenario, Who::Salesforce, one, t, None);
    }
    if let Some(t) = plan.next() {
        let scenario = "the same field on all three sides";
        plan.set(scenario, Who::HubSpot, other, t, None);
        plan.set(scenario, Who::App, other, t, Some(t.rev));
        plan.set(scenario, Who::Salesforce, other, t, None);
    }
    if let Some(t) = plan.next() {
        let scenario = "twice on one side";
        plan.set(scenario, Who::HubSpot, one, t, None);
        plan.set(scenario, Who::HubSpot, one, t, None);
    }
    if is_editable(syncs, "person", REVIEWED)
        && let Some(t) = plan.next()
    {
        let scenario = "a field whose conflicts a person decides";
        plan.set(scenario, Who::Salesforce, REVIEWED, t, None);
        plan.set(scenario, Who::HubSpot, REVIEWED, t, None);
    }
    if is_editable(syncs, "company", "city")
        && let Some(t) = plan.companies.next()
    {
        let scenario = "a company, in the app and in HubSpot";
        plan.set(scenario, Who::App, "city", t, Some(t.rev)).blueprint = "company";
        plan.set(scenario, Who::HubSpot, "city", t, None).blueprint = "company";
    }
}

fn creations(plan: &mut Plan<'_>, syncs: &Syncs, repetition: usize) {
    for who in [Who::App, Who::Salesforce, Who::HubSpot] {
        plan.create("a new person", who, None);
    }
    let by_email = syncs.of("person").all(|sync| {
        let key = sync.sync.mapping.match_keys.first();
        matches!(key, Some(MatchKey::Exact { parts }) if parts.iter().any(|part| part.field == "email"))
    });
    if by_email {
        let email = format!("both.{}{repetition}@example.com", plan.mark);
        plan.create("the same new person in both CRMs", Who::Salesforce, Some(&email));
        plan.create("the same new person in both CRMs", Who::HubSpot, Some(&email));
    }
    if is_editable(syncs, "company", "city") {
        let name = plan.value("name");
        let values = BTreeMap::from([("name", name), ("city", plan.value("city"))]);
        plan.push(
            "a new company",
            Who::App,
            Action::Create { values, field: "city" },
            None,
        )
        .blueprint = "company";
    }
}

/// Deletes and merges; `None` when nobody is left.
fn removals(plan: &mut Plan<'_>) -> Option<()> {
    for who in [Who::Salesforce, Who::HubSpot, Who::App] {
        let target = plan.next()?;
        plan.push("deleted on one side", who, Action::Delete, Some(target));
    }
    let target = plan.next()?;
    let field = plan.field(0);
    plan.push(
        "deleted in HubSpot while edited in the app",
        Who::HubSpot,
        Action::Delete,
        Some(target),
    );
    plan.set(
        "deleted in HubSpot while edited in the app",
        Who::App,
        field,
        target,
        Some(target.rev),
    );
    for who in [Who::Salesforce, Who::HubSpot] {
        let target = plan.next()?;
        let (values, field) = plan.person(None);
        plan.push(
            "merged into a new record",
            who,
            Action::MergeIntoNew { values, field },
            Some(target),
        );
    }
    for who in [Who::Salesforce, Who::HubSpot] {
        let (loser, winner) = (plan.next()?, plan.next()?);
        let action = Action::MergeInto { entity: winner.uid };
        let edit = plan.push("two linked records merged", who, action, Some(loser));
        edit.survivor = who.provider().and_then(|crm| winner.records.get(crm)).cloned();
    }
    Some(())
}

fn edits_during(plan: &mut Plan<'_>, repetition: usize) {
    let (one, other) = (plan.field(repetition), plan.field(repetition + 1));
    let scenario = "while a sync is running";
    for who in [Who::App, Who::Salesforce, Who::HubSpot] {
        if let Some(t) = plan.next() {
            let read = (who == Who::App && repetition.is_multiple_of(2)).then_some(t.rev);
            plan.set(scenario, who, one, t, read);
        }
        if repetition < 2 {
            plan.create(scenario, who, None);
        }
    }
    if let Some(t) = plan.next() {
        plan.set(scenario, Who::Salesforce, one, t, None);
        plan.set(scenario, Who::HubSpot, other, t, None);
    }
}
