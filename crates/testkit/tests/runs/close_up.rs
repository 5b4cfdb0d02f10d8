use std::io::Write;
use std::sync::{Arc, Mutex};

use syncline_engine::run::RunParameters;
use tracing_subscriber::fmt::MakeWriter;

use crate::play::{Play, SALESFORCE};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_run_looked_at_closely_tells_each_step_and_no_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let play = Play::empty().await;
    play.create(SALESFORCE, "ada@x.org", &[("city", "Bern")]);
    play.app_create("grace@x.org", &[]).await;
    let quiet = play.run(SALESFORCE).await;
    play.app_edit("grace@x.org", "city", "Genf").await;
    let debug = RunParameters {
        debug: true,
        full: true,
        ..RunParameters::default()
    };
    let run = play.stage.sync(SALESFORCE, debug).await.unwrap();
    let told: Vec<&str> = run.timeline.iter().map(|moment| moment.what.as_str()).collect();
    assert!(
        told.iter()
            .any(|what| what.starts_with("read of salesforce Contact: 2 read")),
        "{told:?}"
    );
    assert!(told.iter().any(|what| what.contains("1 writes")), "{told:?}");
    assert!(
        quiet.timeline.iter().all(|moment| !moment.what.starts_with("read of")),
        "only where asked for"
    );
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("read of salesforce Contact"), "it is in the log as well");
    let credentials = play.stage.salesforce.credentials();
    for secret in [
        credentials.access_token.as_str(),
        credentials.refresh_token.as_str(),
        credentials.client_secret.as_str(),
    ] {
        assert!(!log.contains(secret), "a secret is in the log");
        assert!(!told.iter().any(|what| what.contains(secret)));
    }
    assert!(
        !told.iter().any(|what| what.contains("ada@x.org")),
        "nor a value: {told:?}"
    );
}
