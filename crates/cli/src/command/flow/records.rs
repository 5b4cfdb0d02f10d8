//! Records in flows: what can be taken, taking it, and what was taken.

use std::process::ExitCode;

use serde_json::json;
use syncline::flow::{Offer, Selection, StateChange, TakeRequest, TakenMany, TakenOne};

use super::TakeArguments;
use crate::assignment::values;
use crate::command::entities::uid;
use crate::failure::{Exit, Failure};
use crate::number::counted;
use crate::project::Project;
use crate::table::{Table, maybe, time, word};

/// Records that are moved at once.
const PAGE: usize = 500;

pub(super) async fn available(project: &Project, text: &str) -> Result<(), Failure> {
    let (flows, output) = (project.engine.flows(), &project.output);
    let standings = flows.available(project.tenant.id, uid(text)?, &project.actor).await?;
    output.json(&standings)?;
    if standings.is_empty() {
        output.line("no flow moves this record");
    }
    for standing in &standings {
        let rests = if standing.is_final { ", where it may stay" } else { "" };
        output.line(format_args!(
            "{}: {}{rests}",
            standing.flow,
            standing.state.as_deref().unwrap_or("no state")
        ));
        let mut table = Table::new(&["Transition", "To", "Asks for", "Why not"]);
        let row = |offer: &Offer| {
            vec![
                offer.transition.clone(),
                offer.to.clone(),
                offer.inputs.join(", "),
                offer.why_not.clone().unwrap_or_default(),
            ]
        };
        for offer in standing.available.iter().chain(&standing.unavailable) {
            table.row(row(offer));
        }
        output.table(&table);
    }
    Ok(())
}

pub(super) async fn take(project: &Project, arguments: TakeArguments) -> Result<ExitCode, Failure> {
    let request = TakeRequest {
        transition: arguments.transition,
        flow: arguments.flow,
        inputs: values(arguments.inputs),
        read_rev: arguments.rev,
    };
    match (arguments.uids.as_slice(), arguments.blueprint) {
        ([one], None) => take_one(project, one, &request).await.map(|()| ExitCode::SUCCESS),
        (_, Some(blueprint)) => take_filtered(project, blueprint, arguments.filter, &request).await,
        (several, None) => {
            let ids = several.iter().map(|text| uid(text)).collect::<Result<Vec<_>, _>>()?;
            let mut all = Vec::new();
            for chunk in ids.chunks(PAGE) {
                all.extend(many(project, &Selection::Ids(chunk.to_vec()), &request).await?.results);
            }
            tell(project, &all)
        }
    }
}

async fn take_one(project: &Project, text: &str, request: &TakeRequest) -> Result<(), Failure> {
    let (flows, output) = (project.engine.flows(), &project.output);
    let taken = flows.take(project.tenant.id, uid(text)?, request, &project.actor).await;
    let taken = taken.map_err(|error| {
        Failure::from(error).next(format!("`syncline flow available {text}` tells what can be taken"))
    })?;
    output.json(&taken)?;
    output.line(format_args!(
        "{}: {} -> {}; changed {}; revision {} now",
        taken.transition,
        taken.from,
        taken.to,
        if taken.changed.is_empty() {
            "nothing".to_owned()
        } else {
            taken.changed.join(", ")
        },
        taken.entity.rev
    ));
    Ok(())
}

async fn many(project: &Project, selection: &Selection, request: &TakeRequest) -> Result<TakenMany, Failure> {
    let flows = project.engine.flows();
    Ok(flows
        .take_many(project.tenant.id, selection, request, &project.actor)
        .await?)
}

async fn take_filtered(
    project: &Project,
    blueprint: String,
    filter: Option<String>,
    request: &TakeRequest,
) -> Result<ExitCode, Failure> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let selection = Selection::Filter {
            blueprint: blueprint.clone(),
            filter: filter.clone(),
            after,
            limit: PAGE,
        };
        let page = many(project, &selection, request).await?;
        all.extend(page.results);
        after = page.next;
        if after.is_none() {
            return tell(project, &all);
        }
    }
}

fn tell(project: &Project, results: &[TakenOne]) -> Result<ExitCode, Failure> {
    let failed = results.iter().filter(|one| one.error.is_some()).count();
    let output = &project.output;
    output.json(&json!({ "taken": results.len() - failed, "failed": failed, "results": results }))?;
    if failed > 0 {
        let mut table = Table::new(&["Record", "Why it stays"]);
        for one in results.iter().filter(|one| one.error.is_some()) {
            table.row(vec![one.uid.to_string(), one.error.clone().unwrap_or_default()]);
        }
        output.table(&table);
    }
    output.line(format_args!(
        "moved {}; {failed} stayed",
        counted((results.len() - failed) as u64, "record", "records")
    ));
    Ok(if failed > 0 {
        Exit::Partial.into()
    } else {
        ExitCode::SUCCESS
    })
}

pub(super) async fn history(project: &Project, text: &str) -> Result<(), Failure> {
    let (flows, output) = (project.engine.flows(), &project.output);
    let histories = flows.history(project.tenant.id, uid(text)?, &project.actor).await?;
    output.json(&histories)?;
    if histories.is_empty() {
        output.line("no flow moves this record");
    }
    for history in &histories {
        output.line(format_args!(
            "{}: {}",
            history.flow,
            history.state.as_deref().unwrap_or("no state")
        ));
        let mut table = Table::new(&["At", "From", "To", "Transition", "By", "How", "Breaks the flow"]);
        for change in &history.changes {
            table.row(row(change));
        }
        if history.changes.is_empty() {
            output.line("it was not moved yet");
        } else {
            output.table(&table);
        }
        let mut table = Table::new(&["State", "Stays", "Time"]);
        for spent in &history.times {
            table.row(vec![
                spent.state.clone().unwrap_or_else(|| "no state".to_owned()),
                spent.stays.to_string(),
                lasted(spent.seconds),
            ]);
        }
        output.table(&table);
    }
    Ok(())
}

fn row(change: &StateChange) -> Vec<String> {
    vec![
        time(change.at),
        maybe(change.from.as_deref()),
        maybe(change.to.as_deref()),
        maybe(change.transition.as_deref()),
        change.by.clone(),
        word(&change.how),
        change.breaks.clone().unwrap_or_default(),
    ]
}

/// A time as people say it, by its two largest units.
fn lasted(seconds: i64) -> String {
    let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (name, size) in units {
        let count = rest / size;
        rest %= size;
        if count > 0 || (parts.is_empty() && size == 1) {
            parts.push(format!("{count} {name}"));
        }
    }
    parts.truncate(2);
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_by_their_two_largest_units() {
        assert_eq!(lasted(0), "0 s");
        assert_eq!(lasted(59), "59 s");
        assert_eq!(lasted(3_600), "1 h");
        assert_eq!(lasted(93_784), "1 d 2 h");
    }
}
