//! What a simulator is started with.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::clock::{Clock, SystemClock};
use crate::fault::Faults;

/// The settings of either simulator; start from [`Options::default`] and change what matters.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many people (contacts) are generated; a tenth as many companies, at least one.
    pub records: usize,
    /// What every generated value, id and token follows from.
    pub seed: u64,
    /// Which account or organisation it is: two of one provider must have different ones, as their ids follow from it.
    pub account: u64,
    /// The share (0 to 1) of the generated people and companies that exist in both services.
    pub overlap: f64,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// A folder of recorded describe documents that replace the built-in schemas.
    pub schema_dir: Option<PathBuf>,
    /// A file of people that replaces the generated ones.
    pub csv: Option<PathBuf>,
    /// Whether each refresh kills the refresh token used and gives a new one.
    pub rotate_refresh_tokens: bool,
    /// Whether the code flow is refused without PKCE.
    pub require_pkce: bool,
    /// How long an access token works; the provider's own default if absent.
    pub access_token_life: Option<SignedDuration>,
    /// How long HubSpot's search index lags behind the records.
    pub index_lag: SignedDuration,
    /// API calls allowed per day (Salesforce: per 24 hours, shown in `Sforce-Limit-Info`).
    pub daily_api_requests: u64,
    /// Requests allowed per ten seconds (HubSpot); `None` never refuses for rate.
    pub requests_per_ten_seconds: Option<u32>,
    /// Salesforce: whether a client may send name and password for a token, as organisations allowed until Winter '27.
    pub password_flow: bool,
    /// Salesforce: whether deleting a parent clears the lookups that point to it.
    pub delete_clears_lookups: bool,
    /// Salesforce: whether a lookup cleared by its parent's delete moves the child's SystemModstamp.
    pub cleared_lookup_moves_stamp: bool,
    /// Salesforce: the newest API version served.
    pub newest_api_version: u32,
    /// Salesforce: API versions up to this one answer with a `Warning` header, as before their retirement.
    pub deprecated_api_version: u32,
    /// Salesforce: how long a bulk job takes once its data is there.
    pub bulk_job_time: SignedDuration,
    /// Salesforce: bulk query jobs allowed per 24 hours.
    pub daily_bulk_query_jobs: u64,
    /// The faults, shared with whoever holds a clone.
    pub faults: Faults,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            records: 100,
            seed: 1,
            account: 0,
            overlap: 0.5,
            clock: Arc::new(SystemClock),
            schema_dir: None,
            csv: None,
            rotate_refresh_tokens: false,
            require_pkce: false,
            access_token_life: None,
            index_lag: SignedDuration::ZERO,
            daily_api_requests: 15_000_000,
            requests_per_ten_seconds: None,
            password_flow: true,
            delete_clears_lookups: true,
            cleared_lookup_moves_stamp: false,
            newest_api_version: 68,
            deprecated_api_version: 39,
            bulk_job_time: SignedDuration::from_secs(1),
            daily_bulk_query_jobs: 10_000,
            faults: Faults::default(),
        }
    }
}
