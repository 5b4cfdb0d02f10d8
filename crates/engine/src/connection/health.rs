//! Whether a connection works.

use jiff::Timestamp;
use serde::Serialize;
use syncline_core::Result;
use syncline_core::schema::Account;

use super::record::{Connection, ConnectionStatus, Problem};
use super::service::Connections;
use crate::actor::{Action, Actor};
use crate::http::{CallCounts, QuotaUse, StopFlag};
use crate::ports::between;

/// Whether a connection works.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// Whether it can be used, and worked when it was last asked.
    pub ok: bool,
    /// Its status.
    pub status: ConnectionStatus,
    /// When this was found out.
    pub checked_at: Timestamp,
    /// How long the provider took to answer, in milliseconds; absent when it was not asked.
    pub milliseconds: Option<u64>,
    /// The account as it is now; absent when it was not asked or did not answer.
    pub account: Option<Account>,
    /// What went wrong.
    pub problem: Option<Problem>,
    /// How full the account's limits are, as far as this process knows.
    pub quota: Vec<QuotaUse>,
    /// Calls made by this process.
    pub calls: CallCounts,
}

impl Connections {
    /// What is known of a connection's health without asking the provider.
    ///
    /// # Errors
    /// `NotFound`, `Forbidden`.
    pub async fn health(&self, id: u64, actor: &Actor) -> Result<Health> {
        let connection = self.get(id, actor).await?;
        Ok(self.health_of(&connection))
    }

    /// Asks the provider who we are, and tells how that went. A provider that does not answer is a result, not an
    /// error.
    ///
    /// # Errors
    /// As [`Connection::check_usable`], `NotFound`, `Forbidden`.
    pub async fn test(&self, id: u64, actor: &Actor) -> Result<Health> {
        self.parts().policy.allows(actor, Action::ManageConnections)?;
        let connection = self.get(id, actor).await?;
        let io = self.io_for_work(&connection, StopFlag::new()).await?.interactive();
        let connector = self.connector(&connection.provider)?;
        let started = self.now();
        let outcome = connector.account(&io, &connection.config()).await;
        let now = self.now();
        let (account, problem) = match outcome {
            Ok(account) => (Some(account), None),
            Err(error) => (None, Some(Problem::new(now, &error))),
        };
        let connection = self
            .change(id, |connection| {
                connection.last_error.clone_from(&problem);
                if let Some(account) = account.as_ref().filter(|account| account.id == connection.account.id) {
                    connection.account.clone_from(account);
                }
                Ok(())
            })
            .await?;
        let health = self.health_of(&connection);
        Ok(Health {
            ok: problem.is_none(),
            milliseconds: Some(between(started, now).as_millis() as u64),
            account,
            problem,
            ..health
        })
    }

    fn health_of(&self, connection: &Connection) -> Health {
        let now = self.now();
        let quota = self
            .ledger(connection)
            .map(|ledger| ledger.usage(now))
            .unwrap_or_default();
        Health {
            ok: connection.status == ConnectionStatus::Active && connection.last_error.is_none(),
            status: connection.status,
            checked_at: now,
            milliseconds: None,
            account: None,
            problem: connection.last_error.clone(),
            quota,
            calls: self.calls_so_far(connection.id),
        }
    }
}
