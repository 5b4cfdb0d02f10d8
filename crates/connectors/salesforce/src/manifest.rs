//! What Salesforce can do, and which authorisation it asks for.

use jiff::SignedDuration;
use syncline_core::connector::Access;
use syncline_core::io::Config;
use syncline_core::manifest::{
    Authorisation, Capabilities, CompareAndSet, CreateCapabilities, DeleteEvidence, Manifest, RateLimit,
    ReadCapabilities, Revocation, Role, Setting, WriteCapabilities,
};
use syncline_core::{Error, ErrorKind, Result};

use crate::composite::MOST_PARTS;

/// The API version spoken unless the connection pins another.
pub(crate) const API_VERSION: &str = "66.0";
/// Name of the setting that pins the API version.
pub(crate) const API_VERSION_SETTING: &str = "api_version";
/// Name of the setting above how many records a first read goes through a bulk job.
pub(crate) const BULK_READ_SETTING: &str = "bulk_read_above";
const BULK_READ_ABOVE: &str = "10000";
/// Name of the setting above how many records of one kind a push goes through a bulk job.
pub(crate) const BULK_WRITE_SETTING: &str = "bulk_write_above";
const BULK_WRITE_ABOVE: &str = "2000";
/// Creates in one bulk job: far below what a job may hold (100 MB), and enough that its calls do not count.
const JOB_SIZE: usize = 10_000;
/// Name of the setting that reads several pages of a bulk job at once.
pub(crate) const BULK_PARALLEL_SETTING: &str = "bulk_parallel_pages";
/// Name of the setting after how many minutes a pull asks up to when all changes are visible.
pub(crate) const COVERAGE_SETTING: &str = "coverage_minutes";
const COVERAGE_MINUTES: &str = "60";
/// Name of the setting that switches change events on.
pub(crate) const CHANGE_EVENTS_SETTING: &str = "change_events";
/// Records per query page: the most that Salesforce gives.
pub(crate) const PAGE_SIZE: usize = 2_000;
/// The least page size that Salesforce accepts in `Sforce-Query-Options`.
pub(crate) const LEAST_PAGE_SIZE: usize = 200;
/// Ids per read through sObject Collections.
pub(crate) const FETCH_SIZE: usize = 2_000;
/// Records per sObject Collection that is written.
pub(crate) const WRITE_SIZE: usize = 200;
/// How far back an incremental read starts again: the longest transaction may commit this late with old stamps.
pub(crate) const OVERLAP_SECONDS: u32 = 600;

pub(crate) fn manifest() -> Manifest {
    // Collections, the main write path, know no conditional request; only a push of one single update is guarded. Four of
    // them go in one call, and the read of what they wrote.
    let write = WriteCapabilities {
        batch_size: WRITE_SIZE * (MOST_PARTS - 1),
        compare_and_set: CompareAndSet::None,
    };
    Manifest {
        provider: "salesforce".into(),
        label: "Salesforce".into(),
        api_version: API_VERSION.into(),
        authorisation: Authorisation {
            login_url: "https://login.salesforce.com".into(),
            authorize_path: "/services/oauth2/authorize".into(),
            token_base_url: None,
            token_path: "/services/oauth2/token".into(),
            revoke: Some(Revocation {
                path: "/services/oauth2/revoke".into(),
                with_client: false,
            }),
            rotates_refresh_tokens: true,
            names_instance: true,
            api_base_url: None,
        },
        hosts: vec![
            "login.salesforce.com".into(),
            "test.salesforce.com".into(),
            "*.my.salesforce.com".into(),
        ],
        capabilities: Capabilities {
            read: ReadCapabilities {
                page_size: PAGE_SIZE,
                fetch_size: FETCH_SIZE,
                stamp_milliseconds: 1_000,
                overlap_seconds: OVERLAP_SECONDS,
                index_lags: false,
                hides_records: true,
            },
            create: CreateCapabilities {
                batch_size: WRITE_SIZE * MOST_PARTS,
                marker: true,
                job_size: Some(JOB_SIZE),
                makes_marker: true,
            },
            update: write.clone(),
            delete: write,
            delete_evidence: DeleteEvidence::Incremental,
            undelete: false,
            merges_reported: true,
            merge_makes_new_id: false,
            webhooks: false,
            files: true,
        },
        limits: vec![RateLimit {
            name: "daily".into(),
            calls: 15_000,
            seconds: 86_400,
            bucket: None,
        }],
        default_objects: vec!["Account".into(), "Contact".into()],
        role: Role::Crm,
        settings: vec![
            setting(
                API_VERSION_SETTING,
                "REST API version, such as 66.0; an older one is used where the organisation has no newer",
                API_VERSION,
            ),
            setting(
                BULK_READ_SETTING,
                "read an object with more records than this through a bulk job; 0 never does",
                BULK_READ_ABOVE,
            ),
            setting(
                BULK_WRITE_SETTING,
                "write more records than this at once through a bulk job; 0 never does",
                BULK_WRITE_ABOVE,
            ),
            setting(
                BULK_PARALLEL_SETTING,
                "true reads several pages of a bulk job at once, which takes more memory",
                "false",
            ),
            setting(
                COVERAGE_SETTING,
                "after so many minutes a poll asks Salesforce up to when all changes are visible and what was deleted \
                 for good, and reads from there, at two calls for each object; 0 never does",
                COVERAGE_MINUTES,
            ),
            setting(
                CHANGE_EVENTS_SETTING,
                "on reads Change Data Capture between polls; an administrator selects the objects for it in Setup",
                "off",
            ),
        ],
    }
}

fn setting(name: &str, description: &str, default: &str) -> Setting {
    Setting {
        name: name.into(),
        description: description.into(),
        default: Some(default.into()),
    }
}

/// How many records a first read may have before it goes through a bulk job; `None` for never.
pub(crate) fn bulk_read_above(config: &Config) -> Result<Option<u64>> {
    number(config, BULK_READ_SETTING, BULK_READ_ABOVE)
}

/// How many writes of one kind a push may have before they go through a bulk job; `None` for never.
pub(crate) fn bulk_write_above(config: &Config) -> Result<Option<u64>> {
    number(config, BULK_WRITE_SETTING, BULK_WRITE_ABOVE)
}

/// How long after asking what is visible a pull asks again; `None` for never.
pub(crate) fn coverage_every(config: &Config) -> Result<Option<SignedDuration>> {
    let minutes = number(config, COVERAGE_SETTING, COVERAGE_MINUTES)?;
    Ok(minutes.map(|minutes| SignedDuration::from_mins(i64::try_from(minutes).unwrap_or(i64::MAX / 60))))
}

fn number(config: &Config, name: &'static str, default: &str) -> Result<Option<u64>> {
    let text = config.setting(name).unwrap_or(default);
    match text.trim().parse::<u64>() {
        Ok(0) => Ok(None),
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(Error::new(ErrorKind::Invalid, format!("{name} must be a whole number")).with(name, text)),
    }
}

/// Whether several pages of a bulk job are read at once.
pub(crate) fn bulk_parallel_pages(config: &Config) -> bool {
    config
        .setting(BULK_PARALLEL_SETTING)
        .is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))
}

/// `api` covers every object, `id` the question who we are, `refresh_token` the time after the first two hours.
/// What the user may see and change is decided by their profile, not by scopes.
pub(crate) fn scopes(_: &[(&str, Access)]) -> Vec<String> {
    ["api", "id", "refresh_token"].map(str::to_owned).to_vec()
}
