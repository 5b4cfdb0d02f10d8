//! Tokens and scopes: who may ask for what.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{HeaderMap, header};
use jiff::Timestamp;

use super::portal::Portal;
use super::request::ApiRequest;
use crate::clock::Clock;
use crate::oauth::{AuthorizationServer, Issued};

/// Scopes that the portal can grant, and grants to whoever asks for none.
pub(super) const SCOPES: &str = "oauth crm.objects.contacts.read crm.objects.contacts.write \
     crm.objects.companies.read crm.objects.companies.write crm.objects.deals.read crm.objects.deals.write \
     crm.objects.custom.read crm.objects.custom.write crm.objects.owners.read crm.schemas.contacts.read \
     crm.schemas.contacts.write crm.schemas.companies.read crm.schemas.companies.write crm.schemas.deals.read \
     crm.schemas.deals.write crm.schemas.custom.read crm.schemas.custom.write tickets e-commerce \
     crm.objects.line_items.read crm.objects.line_items.write crm.schemas.line_items.read crm.objects.quotes.read \
     crm.objects.quotes.write crm.schemas.quotes.read crm.objects.leads.read crm.objects.leads.write \
     crm.schemas.leads.read crm.objects.orders.read crm.objects.orders.write crm.schemas.orders.read \
     crm.objects.carts.read crm.objects.carts.write crm.schemas.carts.read crm.objects.invoices.read \
     crm.objects.invoices.write crm.schemas.invoices.read crm.objects.subscriptions.read \
     crm.objects.subscriptions.write crm.schemas.subscriptions.read crm.objects.goals.read crm.objects.goals.write crm.schemas.goals.read \
     crm.objects.feedback_submissions.read crm.schemas.feedback_submissions.read crm.objects.users.read \
     crm.objects.users.write crm.schemas.users.read crm.objects.appointments.read \
     crm.objects.appointments.write crm.schemas.appointments.read crm.schemas.appointments.write \
     crm.objects.courses.read crm.objects.courses.write crm.schemas.courses.read crm.schemas.courses.write \
     crm.objects.listings.read crm.objects.listings.write crm.schemas.listings.read crm.schemas.listings.write \
     crm.objects.services.read crm.objects.services.write crm.schemas.services.read crm.schemas.services.write \
     crm.objects.commercepayments.read crm.objects.commercepayments.write crm.schemas.commercepayments.read \
     crm.objects.partner-clients.read crm.objects.partner-clients.write crm.schemas.partner-clients.read \
     crm.objects.partner-services.read crm.objects.partner-services.write crm.schemas.partner-services.read \
     crm.lists.read crm.lists.write crm.import crm.export settings.users.read settings.users.write files";

/// The tokens of the account.
#[derive(Clone)]
pub(super) struct Access {
    pub(super) server: AuthorizationServer,
    clock: Arc<dyn Clock>,
    /// The token of a private app: it never expires and may do everything.
    private_app_token: Arc<str>,
    /// When the access tokens issued die, to say since when a dead one is dead.
    expiries: Arc<Mutex<BTreeMap<String, Timestamp>>>,
    /// Tokens of the app itself, with their scopes and when they die.
    app_tokens: Arc<Mutex<BTreeMap<String, AppToken>>>,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// What a token of the app itself may do, and until when.
type AppToken = (Vec<String>, Timestamp);

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) private_app: bool,
    scopes: Vec<String>,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unauthenticated {
    /// There is none, or nobody issued it.
    Unknown,
    /// It died this many seconds ago.
    Expired(i64),
}

impl Access {
    pub(super) fn new(server: AuthorizationServer, clock: Arc<dyn Clock>, private_app_token: String) -> Self {
        Self {
            server,
            clock,
            private_app_token: private_app_token.into(),
            expiries: Arc::default(),
            app_tokens: Arc::default(),
        }
    }

    pub(super) fn private_app_token(&self) -> &str {
        &self.private_app_token
    }

    /// Remembers when a token dies.
    pub(super) fn remember(&self, issued: &Issued) {
        let expires = issued
            .issued_at
            .checked_add(issued.expires_in)
            .unwrap_or(Timestamp::MAX);
        self.expiries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(issued.access_token.clone(), expires);
    }

    /// The token that a request carries.
    pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// Who presents this token.
    ///
    /// # Errors
    /// When it is absent, unknown or expired.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Unauthenticated> {
        let token = Self::bearer(headers).ok_or(Unauthenticated::Unknown)?;
        if token == &*self.private_app_token {
            return Ok(Caller {
                private_app: true,
                scopes: SCOPES.split_whitespace().map(str::to_owned).collect(),
            });
        }
        match self.server.introspect(token).filter(|info| !info.is_refresh_token) {
            Some(info) => Ok(Caller {
                private_app: false,
                scopes: info.scope.split_whitespace().map(str::to_owned).collect(),
            }),
            None => {
                let expiries = self.expiries.lock().unwrap_or_else(PoisonError::into_inner);
                let died = expiries.get(token).ok_or(Unauthenticated::Unknown)?;
                let seconds = self.clock.now().duration_since(*died).as_secs();
                Err(Unauthenticated::Expired(seconds.max(0)))
            }
        }
    }

    /// Remembers a token of the app itself.
    pub(super) fn remember_app(&self, token: String, scopes: Vec<String>, expires: Timestamp) {
        self.app_tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(token, (scopes, expires));
    }

    /// The scopes of the app's own token that a request carries, if it carries one that lives.
    pub(super) fn app(&self, headers: &HeaderMap) -> Option<Vec<String>> {
        let tokens = self.app_tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let (scopes, expires) = tokens.get(Self::bearer(headers)?)?;
        (*expires > self.clock.now()).then(|| scopes.clone())
    }

    /// Lets the token that a request carries expire now.
    pub(super) fn expire(&self, headers: &HeaderMap) {
        if let Some(token) = Self::bearer(headers)
            && self.server.expire(token)
        {
            let now = self.clock.now();
            self.expiries
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(token.to_owned(), now);
        }
    }
}

impl Caller {
    /// The first set of scopes of which none is granted although one is needed.
    pub(super) fn lacks(&self, needed: Vec<Vec<String>>) -> Option<Vec<String>> {
        needed
            .into_iter()
            .find(|any_of| !any_of.iter().any(|scope| self.scopes.contains(scope)))
    }
}

impl Portal {
    /// Scopes that a request needs: one of each inner list.
    pub(super) fn needed_scopes(&self, request: &ApiRequest) -> Vec<Vec<String>> {
        let (method, segments) = request.route();
        let reads = method == "GET" || matches!(segments.as_slice(), [.., "search"] | [.., "batch", "read"]);
        let verb = if reads { "read" } else { "write" };
        let of_object = |name: &str| {
            let scope = self.store(self.object(name)?).object.scope;
            Some(vec![if matches!(scope, "tickets" | "e-commerce") {
                scope.to_owned()
            } else {
                format!("crm.objects.{scope}.{verb}")
            }])
        };
        let of_schema = |name: &str| {
            let scope = self.store(self.object(name)?).object.scope;
            Some(vec![if matches!(scope, "tickets" | "e-commerce") {
                scope.to_owned()
            } else {
                format!("crm.schemas.{scope}.{verb}")
            }])
        };
        let one = |scope: &str| vec![vec![scope.to_owned()]];
        match segments.as_slice() {
            ["crm", "associations", "definitions", ..] => Vec::new(),
            ["crm", "objects", object, _, "associations", "default", other, _]
            | ["crm", "objects", object, _, "associations", other, ..]
            | ["crm", "associations", object, other, ..] => {
                of_object(object).into_iter().chain(of_object(other)).collect()
            }
            ["crm", "objects", object, ..] => {
                let inline = request.query_list("associations");
                of_object(object)
                    .into_iter()
                    .chain(inline.iter().filter_map(|other| of_object(other)))
                    .collect()
            }
            ["crm", "properties", object, ..] => of_schema(object).into_iter().collect(),
            ["crm-object-schemas", "schemas", "batch", "read"] => one("crm.schemas.custom.read"),
            ["crm", "schemas"] | ["crm-object-schemas", "schemas"] => one(&format!("crm.schemas.custom.{verb}")),
            ["crm", "schemas", object] | ["crm-object-schemas", "schemas", object] => {
                of_schema(object).into_iter().collect()
            }
            ["crm", "pipelines", object, ..] => of_object(object)
                .into_iter()
                .map(|mut any_of| {
                    any_of.extend(of_schema(object).into_iter().flatten());
                    any_of
                })
                .collect(),
            ["crm", "owners", ..] => one("crm.objects.owners.read"),
            ["crm", "lists", ..] => one(&format!("crm.lists.{verb}")),
            ["crm", "imports", ..] => one("crm.import"),
            ["crm", "exports", ..] => one("crm.export"),
            ["files", ..] => one("files"),
            ["settings", "users", ..] => one("settings.users.read"),
            _ => Vec::new(),
        }
    }
}
