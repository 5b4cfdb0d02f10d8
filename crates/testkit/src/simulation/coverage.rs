//! What every batch of seeds has to reach: a simulation that never meets a row of the tables proves nothing about it.

use syncline_simulators::Fault;

/// A batch of at least so many histories has to reach everything but what is rare.
const ENOUGH: u64 = 1_000;
/// A batch of at least so many has to reach that too.
const ENOUGH_FOR_RARE: u64 = 5_000;
/// How the names begin of what fewer than one in two hundred histories reaches.
const RARE: [&str; 12] = [
    "sides agree",
    "a write met an edit that nobody had read",
    "a write landed late",
    "an edit waits for a person",
    "an edit of a side that is only written",
    "L18",
    "failure retried",
    "a stale decision is refused",
    "fault silent-trim",
    "fault stale-index",
    "fault late-apply",
    "fault applied-timeout",
];

/// Rows of the table of groups, with the strategies under which each exists.
const GROUPS: [(&str, &[&str]); 5] = [
    (
        "a lone change is taken",
        &[
            "LastWriteWins",
            "CrmWins",
            "AppWins",
            "ManualReview",
            "CrmAuthoritative",
        ],
    ),
    ("a lone change is reverted", &["AppAuthoritative"]),
    (
        "sides agree",
        &[
            "LastWriteWins",
            "CrmWins",
            "AppWins",
            "ManualReview",
            "AppAuthoritative",
        ],
    ),
    ("a conflict is won", &["LastWriteWins", "CrmWins"]),
    (
        "a conflict is lost",
        &["LastWriteWins", "CrmWins", "AppWins", "AppAuthoritative"],
    ),
];

/// Everything else that a batch has to reach.
const OTHERS: [&str; 49] = [
    "a group is frozen, ManualReview",
    "an edit of the app overrules",
    "an edit of a side that is only written, LastWriteWins",
    "an edit was knowingly overwritten",
    "an edit lost and the audit says so",
    "an edit waits for a person",
    "an edit stands outside of the filter",
    "a write met an edit that nobody had read",
    "a write landed late",
    "L1 new in the app",
    "L2 new in a CRM",
    "L3 made on both sides and linked",
    "asked ambiguous_match",
    "L5 deleted in a CRM, Unlink",
    "L5 deleted in a CRM, Delete",
    "L5 deleted in a CRM, Archive",
    "L6 or L8 a person is asked",
    "L7 deleted in the app, Unlink",
    "L7 deleted in the app, Delete",
    "L7 deleted in the app, Archive",
    "L8 the edit wins over the delete in the app, or L14",
    "L9 deleted on both sides",
    "L10 or L11 merged",
    "L10 a link has moved to the survivor of a merge",
    "asked merge_collision",
    "L12 merged into a new record",
    "L14 restored in a CRM",
    "L15 out of sight",
    "L17 made anew after it was deleted",
    "L18 made and deleted before anything was sent",
    "audit UnknownOutcome",
    "audit NotWritten",
    "crash before a request",
    "crash after a request was applied",
    "crash between transactions",
    "a process stood still and another took over",
    "clock jump",
    "fault store-unreachable",
    "fault commit-refused",
    "fault commit-unknown",
    "reconnected",
    "a stale decision is refused",
    "failure retried",
    "mapping changed",
    "pause",
    "rollback, Hold",
    "rollback, AcceptSourceNext",
    "rollback, Everywhere",
    "hint",
];

/// What a batch of so many histories has to reach; a few reach what they reach.
pub(super) fn expected_of(histories: u64) -> Vec<String> {
    let is_rare = |what: &String| RARE.iter().any(|rare| what.starts_with(rare));
    let is_due = |what: &String| histories >= if is_rare(what) { ENOUGH_FOR_RARE } else { ENOUGH };
    expected().into_iter().filter(is_due).collect()
}

/// What a batch of some thousand seeds reaches.
#[must_use]
pub fn expected() -> Vec<String> {
    let groups = GROUPS
        .iter()
        .flat_map(|(row, strategies)| strategies.iter().map(move |strategy| format!("{row}, {strategy}")));
    let faults = Fault::ALL.into_iter().map(|fault| format!("fault {}", fault.name()));
    let others = OTHERS.into_iter().map(ToOwned::to_owned);
    groups.chain(faults).chain(others).collect()
}

/// What no seed reaches, or so few that no batch can be asked for it, and which test does instead.
#[must_use]
pub const fn unreachable() -> &'static [(&'static str, &'static str)] {
    &[
        (
            "sets changed on both sides are merged",
            "sets_changed_on_both_sides_are_merged_three_ways",
        ),
        (
            "L4 a key that is not unique",
            "a_key_that_is_not_unique_on_both_sides_links_nothing",
        ),
        (
            "L6 and L8 where a policy decides",
            "a_delete_that_meets_an_edit_goes_by_the_strategy",
        ),
        (
            "an edit of the app on an older read that loses",
            "an_edit_of_what_the_crm_changed_meanwhile_loses_under_crm_wins_and_is_audited",
        ),
        (
            "a late write of ours that is recognised",
            "a_late_write_of_our_own_is_nobodys_edit",
        ),
        (
            "L16 converted",
            "a_converted_lead_goes_on_as_its_contact_in_the_sync_of_contacts",
        ),
        (
            "a database restored from an old copy",
            "after_a_backup_is_put_back_no_edit_is_lost_and_nothing_is_deleted_unasked",
        ),
        (
            "a field that two automations flip",
            "a_field_that_two_automations_flip_is_frozen_and_asked_about_and_everything_else_goes_on",
        ),
        (
            "a deleted log that was purged",
            "only_the_second_sweep_in_a_row_without_a_record_deletes_it",
        ),
        ("a schema that drifts", "a_new_field_is_told_as_schema_drift_once"),
        (
            "a webhook that is forged, late or oversized",
            "a_forged_an_oversized_and_a_paused_one_leave_no_hint",
        ),
    ]
}
