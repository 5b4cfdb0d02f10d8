//! Waking the workers of other processes, by `NOTIFY` and `LISTEN`.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions};
use syncline_core::store::Dispatcher;
use tokio::sync::Mutex;

/// How long a listener that lost its connection waits before it tries again. Workers look by themselves meanwhile.
const REST: Duration = Duration::from_secs(5);

const NOTIFY: &str = "SELECT pg_notify($1, $2)";

/// The schema's channel.
#[derive(Debug)]
pub(super) struct Channel {
    name: String,
    /// Who we are on it: nobody has to be told what it has said itself.
    speaker: String,
    pool: PgPool,
    options: PgConnectOptions,
    listener: Mutex<Option<PgListener>>,
}

impl Channel {
    pub(super) fn new(schema: &str, pool: PgPool, options: PgConnectOptions) -> Self {
        // Each of these hashes differently, which is all that a name nobody else has takes.
        let speaker = RandomState::new().hash_one(schema);
        Self {
            name: format!("{schema}_wake"),
            speaker: format!("{speaker:016x}"),
            pool,
            options,
            listener: Mutex::default(),
        }
    }

    /// Waits for the next call of somebody else.
    async fn listen(&self, listener: &mut Option<PgListener>) -> Result<(), sqlx::Error> {
        if listener.is_none() {
            // A connection of its own: it is held for as long as the process runs.
            let pool = PgPoolOptions::new()
                .max_connections(1)
                .connect_lazy_with(self.options.clone());
            let mut fresh = PgListener::connect_with(&pool).await?;
            fresh.listen(&self.name).await?;
            *listener = Some(fresh);
        }
        let Some(listener) = listener else { return Ok(()) };
        loop {
            // Nothing is heard while the connection is made anew, which counts as a call.
            let Some(call) = listener.try_recv().await? else {
                return Ok(());
            };
            if !call.payload().starts_with(&self.speaker) {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl Dispatcher for Channel {
    async fn wake(&self, connection: Option<u64>, at: Timestamp) {
        let connection = connection.map_or_else(|| "any".to_owned(), |connection| connection.to_string());
        let call = format!("{} {connection} {at}", self.speaker);
        // A call that is lost delays, and nothing else.
        let _told = sqlx::query(NOTIFY)
            .bind(&self.name)
            .bind(call)
            .execute(&self.pool)
            .await;
    }

    async fn woken(&self) {
        let mut listener = self.listener.lock().await;
        while self.listen(&mut listener).await.is_err() {
            *listener = None;
            tokio::time::sleep(REST).await;
        }
    }
}
