//! The simulators, for tests of the host's own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use jiff::SignedDuration;
use pyo3::prelude::*;
use pythonize::depythonize;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use syncline_simulators::hubspot::HubSpot;
use syncline_simulators::oauth::{AuthorizationServer, AuthorizeRequest};
use syncline_simulators::salesforce::Salesforce;
use syncline_simulators::{
    Credentials, Fault, Faults, Fields, HookError, Options, RequestLog, Server, SimulatedRecord,
};

use crate::error::invalid;
use crate::progress::Answer;
use crate::runtime::{runtime, wait};

/// What a simulator is started with; absent is the default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    records: Option<usize>,
    seed: Option<u64>,
    account: Option<u64>,
    overlap: Option<f64>,
    csv: Option<PathBuf>,
    rotate_refresh_tokens: Option<bool>,
    require_pkce: Option<bool>,
    access_token_life: Option<f64>,
    #[serde(default)]
    faults: BTreeMap<String, f64>,
}

impl Given {
    fn options(self) -> PyResult<Options> {
        let mut options = Options {
            csv: self.csv,
            ..Options::default()
        };
        options.records = self.records.unwrap_or(options.records);
        options.seed = self.seed.unwrap_or(options.seed);
        options.account = self.account.unwrap_or(options.account);
        options.overlap = self.overlap.unwrap_or(options.overlap);
        options.rotate_refresh_tokens = self.rotate_refresh_tokens.unwrap_or(options.rotate_refresh_tokens);
        options.require_pkce = self.require_pkce.unwrap_or(options.require_pkce);
        if let Some(seconds) = self.access_token_life {
            let life = SignedDuration::try_from_secs_f64(seconds);
            options.access_token_life = Some(life.map_err(|error| invalid(format!("access_token_life: {error}")))?);
        }
        // Faults are shared between clones of the default, too.
        options.faults = Faults::new(options.seed);
        for (name, rate) in self.faults {
            options.faults.set_rate(fault(&name)?, rate);
        }
        Ok(options)
    }
}

fn fault(name: &str) -> PyResult<Fault> {
    Fault::from_str(name).map_err(|_| {
        let known: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        invalid(format!("there is no fault `{name}`; there are: {}", known.join(", ")))
    })
}

/// The faults that a simulator can be told to have, each with what it does.
#[pyfunction]
pub(crate) fn fault_names() -> BTreeMap<&'static str, &'static str> {
    let all = Fault::ALL.iter();
    all.map(|fault| (fault.name(), fault.description())).collect()
}

#[derive(Debug)]
enum Crm {
    Salesforce(Box<Salesforce>),
    HubSpot(HubSpot),
}

/// A simulated CRM that is served on loopback.
#[pyclass(frozen, module = "syncline._native")]
#[derive(Debug)]
pub(crate) struct Simulator {
    crm: Crm,
    server: Mutex<Option<Server>>,
    base_url: String,
}

macro_rules! both {
    ($self:ident, $crm:ident => $what:expr) => {
        match &$self.crm {
            Crm::Salesforce($crm) => $what,
            Crm::HubSpot($crm) => $what,
        }
    };
}

fn refused(error: HookError) -> PyErr {
    invalid(error.to_string())
}

fn fields(given: &Bound<'_, PyAny>) -> PyResult<Fields> {
    depythonize(given).map_err(|error| invalid(format!("the fields of a record: {error}")))
}

fn shown(record: &SimulatedRecord) -> Json {
    json!({
        "id": record.id,
        "fields": record.fields,
        "deleted": record.deleted,
        "merged_into": record.merged_into,
        "modified": record.modified.to_string(),
        "modified_by_integration": record.modified_by_integration,
    })
}

impl Simulator {
    fn oauth(&self) -> &AuthorizationServer {
        both!(self, crm => crm.oauth())
    }

    fn faults(&self) -> &Faults {
        both!(self, crm => crm.faults())
    }

    fn log(&self) -> &RequestLog {
        both!(self, crm => crm.log())
    }
}

#[pymethods]
impl Simulator {
    /// Starts one and serves it on a free port.
    #[new]
    fn new(py: Python<'_>, provider: &str, options: &Bound<'_, PyAny>) -> PyResult<Self> {
        let given: Given = depythonize(options).map_err(|error| invalid(format!("an option: {error}")))?;
        let options = given.options()?;
        let crm = match provider {
            "salesforce" => Crm::Salesforce(Box::new(Salesforce::new(options)?)),
            "hubspot" => Crm::HubSpot(HubSpot::new(options)?),
            other => return Err(invalid(format!("there is no simulator of `{other}`"))),
        };
        let server = wait(py, async {
            let listen = ([127, 0, 0, 1], 0).into();
            Ok(match &crm {
                Crm::Salesforce(crm) => crm.serve(listen).await?,
                Crm::HubSpot(crm) => crm.serve(listen).await?,
            })
        })?;
        Ok(Self {
            crm,
            base_url: server.base_url().to_owned(),
            server: Mutex::new(Some(server)),
        })
    }

    #[getter]
    fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The OAuth client, the person who signs in, and tokens that work at once.
    fn credentials(&self) -> Answer {
        let Credentials {
            client_id,
            client_secret,
            username,
            password,
            access_token,
            refresh_token,
            ..
        } = both!(self, crm => crm.credentials());
        Answer(json!({
            "client_id": client_id, "client_secret": client_secret, "username": username, "password": password,
            "access_token": access_token, "refresh_token": refresh_token,
        }))
    }

    /// Does what a person does at the consent page, and returns where they are sent back to.
    fn consent(&self, url: &str) -> PyResult<String> {
        let request = AuthorizeRequest::from_url(url);
        let person = both!(self, crm => crm.credentials());
        self.oauth()
            .sign_in(&request, &person.username, &person.password)
            .map_err(|error| invalid(error.to_string()))
    }

    /// Lets every access token die.
    fn expire_tokens(&self) {
        self.oauth().expire_all();
    }

    /// Revokes a token, as a customer does who takes the app's access away.
    fn revoke(&self, token: &str) -> bool {
        self.oauth().revoke(token)
    }

    fn create(&self, object: &str, given: &Bound<'_, PyAny>) -> PyResult<String> {
        let fields = fields(given)?;
        both!(self, crm => crm.create(object, fields)).map_err(refused)
    }

    fn update(&self, object: &str, id: &str, given: &Bound<'_, PyAny>) -> PyResult<()> {
        let fields = fields(given)?;
        both!(self, crm => crm.update(object, id, fields)).map_err(refused)
    }

    fn delete(&self, object: &str, id: &str) -> PyResult<()> {
        both!(self, crm => crm.delete(object, id)).map_err(refused)
    }

    fn undelete(&self, object: &str, id: &str) -> PyResult<()> {
        both!(self, crm => crm.undelete(object, id)).map_err(refused)
    }

    fn merge(&self, object: &str, winner: &str, losers: Vec<String>) -> PyResult<String> {
        both!(self, crm => crm.merge(object, winner, &losers)).map_err(refused)
    }

    fn records(&self, object: &str) -> Answer {
        let records = both!(self, crm => crm.records(object));
        Answer(records.iter().map(shown).collect())
    }

    fn record(&self, object: &str, id: &str) -> Answer {
        let record = both!(self, crm => crm.record(object, id));
        Answer(record.as_ref().map_or(Json::Null, shown))
    }

    fn count(&self, object: &str) -> usize {
        both!(self, crm => crm.count(object))
    }

    /// Lets a fault strike at a rate from 0 to 1.
    fn set_fault(&self, name: &str, rate: f64) -> PyResult<()> {
        self.faults().set_rate(fault(name)?, rate);
        Ok(())
    }

    /// Lets a fault strike the next so many times that it can.
    fn strike(&self, name: &str, times: u32) -> PyResult<()> {
        self.faults().script(fault(name)?, times);
        Ok(())
    }

    fn clear_faults(&self) {
        self.faults().clear();
    }

    /// How many requests there were, and how many of them could change records.
    fn requests(&self) -> (u64, u64) {
        (self.log().total(), self.log().mutating())
    }

    /// HubSpot: subscribes the app's webhooks to an event.
    fn subscribe_webhook(&self, event: &str, property: Option<&str>) -> PyResult<()> {
        match &self.crm {
            Crm::HubSpot(crm) => {
                crm.subscribe_webhook(event, property);
                Ok(())
            }
            Crm::Salesforce(_) => Err(invalid("Salesforce has no webhooks")),
        }
    }

    /// HubSpot: the webhooks that are due, signed for this address. Each is handed out once.
    fn take_webhooks(&self, url: &str) -> PyResult<Answer> {
        let Crm::HubSpot(crm) = &self.crm else {
            return Err(invalid("Salesforce has no webhooks"));
        };
        let due = crm.take_webhooks(url).into_iter().map(|call| {
            let headers: BTreeMap<String, String> = call.headers.into_iter().collect();
            json!({ "method": call.method, "url": call.url, "headers": headers, "body": call.body })
        });
        Ok(Answer(due.collect()))
    }

    /// Stops serving.
    fn close(&self) {
        let _entered = runtime().enter();
        // Nobody waits for answers under way: who closes it has seen what they wanted.
        drop(self.server.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _entered = runtime().enter();
        drop(self.server.get_mut().unwrap_or_else(PoisonError::into_inner).take());
    }
}
