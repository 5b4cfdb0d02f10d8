//! What a plugin costs beside the native connector: an instance, a call, and a pull by the connector alone from a
//! simulator in process. `cargo run --release -p syncline-plugins --example measure -- 50000`, after `cargo xtask plugins`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring program, which ends where it can't go on"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use syncline_connector_salesforce::Salesforce;
use syncline_core::batch::{Batch, Projection, ValueKind};
use syncline_core::connector::{Access, Connector};
use syncline_core::io::Head;
use syncline_core::job::{Budget, Job, Progress, Pull, Start};
use syncline_plugins::{Approval, Limits, Plugins};
use syncline_testkit::connector::simulated::SimulatedSalesforce;
use syncline_testkit::connector::{Host, Remote};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let records = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_000);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins/salesforce.wasm");
    let file = std::fs::read(&path).unwrap();
    let plugins = Plugins::new(Limits::default()).unwrap();
    let asks = timed("compiled and asked what it is", || plugins.inspect(&file).unwrap());
    let plugin = plugins.connector(&file, &Approval::of_all(&asks)).unwrap();

    // An instance is made, and asked once.
    let (objects, head) = (
        [("Contact", Access::Write)],
        Head {
            status: 503,
            headers: Vec::new(),
        },
    );
    println!(
        "scopes, with a fresh instance: {:?}",
        each(2_000, || drop(plugin.scopes(&objects)))
    );
    println!(
        "classify, with a fresh instance: {:?}",
        each(2_000, || drop(plugin.classify(&head, b"{}")))
    );

    let native = Salesforce::new();
    for _ in 0..3 {
        for (name, connector) in [("native", &native as &dyn Connector), ("plugin", &plugin)] {
            let remote = SimulatedSalesforce::fresh(records);
            let (seconds, server, read) = pull(&remote, connector).await;
            println!(
                "{name}: {read} records in {seconds:.2} s, of which the simulator took {server:.2} s: {:.0} records/s without it",
                read as f64 / (seconds - server)
            );
        }
    }
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let made = work();
    println!("{what} in {:?}", began.elapsed());
    made
}

fn each(times: u32, mut work: impl FnMut()) -> Duration {
    let began = Instant::now();
    (0..times).for_each(|_| work());
    began.elapsed() / times
}

/// Pulls everything, and tells how long that took, and how long of it the simulator.
async fn pull(remote: &SimulatedSalesforce, connector: &dyn Connector) -> (f64, f64, usize) {
    let fields = [
        "LastName",
        "FirstName",
        "Email",
        "Title",
        "Phone",
        "MailingCity",
        "MailingCountry",
        "Department",
    ];
    let job = Job::Pull(Pull {
        object: "Contact".into(),
        projection: Projection::new(fields.map(|field| (field, ValueKind::Text))),
        start: Start::Beginning,
        conditions: Vec::new(),
        page_size: None,
    });
    let host = Timed::new(remote);
    let began = Instant::now();
    let mut task = connector.open(&remote.config(), job, None).unwrap();
    let mut read = 0;
    loop {
        let mut batch = Batch::new(fields.len());
        let progress = task.step(&host, Budget::default(), &mut batch).await.unwrap();
        read += batch.len();
        if matches!(progress, Progress::Done { .. }) {
            break;
        }
    }
    let server = *host.server.lock().unwrap();
    (began.elapsed().as_secs_f64(), server.as_secs_f64(), read)
}

/// A host that counts the time of the other side.
#[derive(Debug)]
struct Timed<'a> {
    host: Host<'a>,
    server: std::sync::Mutex<Duration>,
}

impl<'a> Timed<'a> {
    fn new(remote: &'a dyn Remote) -> Self {
        Self {
            host: Host::new(remote, 3),
            server: std::sync::Mutex::default(),
        }
    }
}

#[async_trait::async_trait]
impl syncline_core::io::Io for Timed<'_> {
    async fn send(&self, request: syncline_core::io::Request) -> syncline_core::Result<syncline_core::io::Response> {
        let began = Instant::now();
        let answer = self.host.send(request).await;
        *self.server.lock().unwrap() += began.elapsed();
        answer
    }

    async fn send_all(
        &self,
        requests: Vec<syncline_core::io::Request>,
    ) -> Vec<syncline_core::Result<syncline_core::io::Response>> {
        let mut answers = Vec::new();
        for request in requests {
            answers.push(self.send(request).await);
        }
        answers
    }

    fn mark(&self) -> syncline_core::io::Mark {
        self.host.mark()
    }

    fn now(&self) -> jiff::Timestamp {
        self.host.now()
    }

    fn random(&self) -> u64 {
        self.host.random()
    }

    fn log(&self, level: syncline_core::io::Level, message: &str) {
        self.host.log(level, message);
    }

    fn verify_mac(&self, _: &str, _: syncline_core::io::MacAlgorithm, _: &[u8], _: &[u8]) -> bool {
        false
    }
}
