//! New records that are like nobody who is free: alone, or like one that has its record already.

use std::collections::BTreeMap;

use syncline_core::error::Result;
use syncline_core::matching::{Candidate, alike};
use syncline_core::model::PRESENCE;
use syncline_core::state::EntityId;

use super::pool::{Matchable, everybody};
use crate::conflict::Review;
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::run::context::SyncContext;
use crate::run::model::Run;
use crate::run::session::Session;

/// Staged records, entities that they may be, and why that is not clear.
pub(super) type Question = (Vec<EntityId>, Vec<EntityId>, String);

/// Who is alone and can be published, and who looks like a record that is linked already, or whose link was cut: a later
/// arrival whose only candidate is taken is a person's to decide. Those about whom somebody is asked already go on
/// waiting.
pub(super) async fn sort_out_unmatched(
    inner: &Inner,
    context: &SyncContext,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    staged: &Matchable,
    unmatched: &[usize],
    fields: &[usize],
) -> Result<(Vec<EntityId>, Vec<Question>)> {
    if context.sync.last_run_at.is_none() {
        // The first import: equal records of one CRM are its own affair.
        return Ok((unmatched.iter().map(|&left| staged.ids[left]).collect(), Vec::new()));
    }
    let mut page = session.begin().await?;
    let mut fresh = Vec::new();
    for &left in unmatched {
        let key = format!("{}:{PRESENCE}", staged.ids[left]);
        let asked = document::by_key::<Review>(page.tx()?, context.sync.tenant, context.sync.id, &key).await?;
        if asked.is_none() {
            fresh.push(left);
        }
    }
    session.commit(page, run).await?;
    if fresh.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let records: Vec<Candidate> = fresh.iter().map(|&left| staged.candidates[left].clone()).collect();
    let known = everybody(inner, context, session, run, &records, fields).await?;
    let mut holders: BTreeMap<usize, Vec<EntityId>> = BTreeMap::new();
    for (left, right) in alike(&records, &known.candidates, &context.sync.mapping.match_keys) {
        holders.entry(left).or_default().push(known.ids[right]);
    }
    let left_alone = |(left, _): &(usize, &usize)| !holders.contains_key(left);
    let alone = fresh
        .iter()
        .enumerate()
        .filter(left_alone)
        .map(|(_, &left)| staged.ids[left])
        .collect();
    let why = "the only record like it is linked to another record of this CRM already";
    let taken = holders
        .into_iter()
        .map(|(left, rights)| (vec![staged.ids[fresh[left]]], rights, why.to_owned()))
        .collect();
    Ok((alone, taken))
}
