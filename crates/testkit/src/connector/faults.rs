//! Each fault crossed with each operation: it strikes each of the operation's requests in turn, the failure is told
//! for what it is, and once it is over nothing is lost or doubled.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use syncline_core::batch::{OutcomeKind, RowState};
use syncline_core::job::{FetchBy, Job, Start, Verb, Write};
use syncline_core::manifest::Manifest;
use syncline_core::schema::Described;
use syncline_core::{Error, ErrorKind, Result, Retry, Value};
use syncline_simulators::Fault;

use super::scene::{delete, update};
use super::{Act, Fresh, Host, Pulled, Remote, Scene};

/// An operation that a fault is crossed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// A pull of everything.
    PullFull,
    /// A pull of what changed.
    PullIncremental,
    /// A strong read.
    Fetch,
    /// Creates without a key of ours.
    Create,
    /// Updates.
    Update,
    /// Creates with a key of ours.
    Upsert,
    /// Deletes.
    Delete,
    /// The fields of an object.
    Describe,
    /// The list of objects.
    Objects,
    /// Who we are.
    Account,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::PullFull,
        Self::PullIncremental,
        Self::Fetch,
        Self::Create,
        Self::Update,
        Self::Upsert,
        Self::Delete,
        Self::Describe,
        Self::Objects,
        Self::Account,
    ];

    fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Upsert | Self::Delete)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PullFull => "pull_full",
            Self::PullIncremental => "pull_incremental",
            Self::Fetch => "fetch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Upsert => "upsert",
            Self::Delete => "delete",
            Self::Describe => "describe",
            Self::Objects => "objects",
            Self::Account => "account",
        })
    }
}

/// Why a fault does not go with an operation, if it does not.
pub(super) fn left_out(fault: Fault, operation: Operation, manifest: &Manifest, remote: &dyn Remote) -> Option<String> {
    if !remote.can(Act::Fault(fault)) {
        return Some(format!("the remote system can't be made to {}", Act::Fault(fault)));
    }
    let one_record = matches!(fault, Fault::Validation | Fault::RowLock | Fault::SilentTrim);
    if (fault.needs_write() || one_record) && !operation.writes() {
        return Some(format!("{fault} befalls writes alone, and {operation} only reads"));
    }
    if matches!(fault, Fault::LateCommit | Fault::StaleIndex) && operation != Operation::PullIncremental {
        return Some(format!(
            "{fault} befalls edits of users, which only pull_incremental looks for"
        ));
    }
    if matches!(fault, Fault::Validation | Fault::SilentTrim) && operation == Operation::Delete {
        return Some(format!("{fault} befalls values, and delete sends none"));
    }
    if operation == Operation::Upsert && !manifest.capabilities.create.marker {
        return Some("the manifest does not declare create.marker".to_owned());
    }
    None
}

/// Records of each remote system.
const RECORDS: usize = 45;
/// No operation of the suite sends more requests.
const MOST_REQUESTS: u32 = 40;
/// Longer than any fault of a simulator holds something back.
const HORIZON: Duration = Duration::from_secs(120);

/// Strikes the first request, then the second, and so on, each on a fresh remote system.
pub(super) async fn strike_each_request(fresh: Fresh<'_>, fault: Fault, operation: Operation) {
    for number in 0..MOST_REQUESTS {
        let remote = fresh(RECORDS);
        let bare = Scene::with(&*remote, Host::new(&*remote, 1));
        bare.host.arm(number, fault);
        let before = remote.misbehaved();
        match operation {
            Operation::PullFull => pull_full(&bare, fault).await,
            Operation::PullIncremental => pull_incremental(&bare, fault).await,
            Operation::Fetch => fetch(&bare, fault).await,
            Operation::Describe | Operation::Objects | Operation::Account => {
                identify(&bare, fault, operation).await;
            }
            _ => push(&bare, fault, operation).await,
        }
        let struck = remote.misbehaved() > before;
        if bare.host.requests() <= number || !struck {
            assert!(number > 0, "{fault} never struck {operation}");
            break;
        }
        if matches!(fault, Fault::LateCommit | Fault::StaleIndex) {
            break;
        }
    }
    if fault == Fault::Unauthorized {
        without_a_grant(fresh, operation).await;
    }
}

/// Whether a read's error says what the fault was.
fn assert_told(fault: Fault, error: &Error) {
    let kind = error.kind();
    let right = match fault {
        Fault::RateLimited | Fault::RateLimitedRetryAfter => kind == ErrorKind::RateLimited,
        Fault::ServerError | Fault::HtmlError | Fault::Reset | Fault::Timeout => kind == ErrorKind::Unavailable,
        Fault::Truncated => matches!(kind, ErrorKind::Protocol | ErrorKind::Unavailable),
        _ => false,
    };
    assert!(right, "{fault} was told as {error:?}");
    let Retry::After(wait) = error.retry() else {
        panic!("{fault} passes, but the advice is {:?}: {error:?}", error.retry())
    };
    assert!(
        fault != Fault::RateLimitedRetryAfter || wait >= Duration::from_secs(1),
        "the provider asked to wait a second, not {wait:?}"
    );
}

/// Runs a read step by step; an error must say what the fault was and is then answered by repeating the step.
async fn run_through(scene: &Scene<'_>, fault: Fault, job: Job) -> Pulled {
    let mut pulled = Pulled::default();
    let mut task = scene.open(job.clone(), None);
    let mut failed = 0;
    for _ in 0..1_000 {
        let one = scene.step(&mut *task, &job, &mut pulled).await;
        match one {
            Ok(true) => return pulled,
            Ok(false) => {}
            Err(error) => {
                failed += 1;
                assert!(failed == 1, "one fault, and a second error: {error:?}");
                assert_told(fault, &error);
                scene.wait_as_advised(error).expect("an advice to wait");
            }
        }
    }
    panic!("the task does not end")
}

fn same_records(scene: &Scene<'_>, pulled: &Pulled) {
    assert_eq!(pulled.live(), scene.live());
    let latest = pulled.latest();
    for held in scene.remote.records() {
        assert!(latest[held.id.as_str()].holds(scene.subject(), &held), "{held:?}");
    }
}

async fn pull_full(scene: &Scene<'_>, fault: Fault) {
    let job = scene.pull_job(Start::Beginning, Vec::new());
    let pulled = run_through(scene, fault, job).await;
    same_records(scene, &pulled);
    assert!(!pulled.cursor.is_empty());
}

async fn pull_incremental(scene: &Scene<'_>, fault: Fault) {
    let remote = scene.remote;
    let calm = Scene::new(remote);
    let first = calm.pull(Start::Beginning).await;
    scene.pass(3_600);
    let by_user = matches!(fault, Fault::LateCommit | Fault::StaleIndex);
    let city = scene.subject().city.clone();
    let mut edited = BTreeSet::new();
    for id in scene.live().into_iter().take(3) {
        if by_user && edited.is_empty() {
            remote.misbehave(fault);
        }
        remote.edit(&id, &[(&city, "Edited")]);
        edited.insert(id);
    }
    scene.pass(1);
    let job = scene.pull_job(Start::Cursor(first.cursor), Vec::new());
    let mut pulled = run_through(scene, fault, job).await;
    scene.remote.pass(HORIZON);
    remote.settle().await;
    let next = calm.pull(Start::Cursor(pulled.cursor.clone())).await;
    pulled.rows.extend(next.rows);
    let latest = pulled.latest();
    for id in edited {
        let row = latest.get(id.as_str()).unwrap_or_else(|| panic!("{id} is lost"));
        assert_eq!(row.values[2], Some(Value::text("Edited")));
    }
}

async fn fetch(scene: &Scene<'_>, fault: Fault) {
    let ids: Vec<String> = scene.live().into_iter().collect();
    let by = FetchBy::Ids(ids.clone());
    let rows = match scene.fetch(by.clone()).await {
        Ok(rows) => rows,
        Err(error) => {
            assert_told(fault, &error);
            scene.wait_as_advised(error).expect("an advice to wait");
            scene.fetch(by).await.expect("the fault is over")
        }
    };
    let answered: BTreeSet<_> = rows.iter().map(|row| row.id.clone()).collect();
    assert_eq!(answered, ids.into_iter().collect());
    assert!(rows.iter().all(|row| row.state == RowState::Live));
}

async fn identify(scene: &Scene<'_>, fault: Fault, operation: Operation) {
    let calm = Scene::new(scene.remote);
    let told = match ask(scene, operation).await {
        Ok(told) => told,
        Err(error) => {
            assert_told(fault, &error);
            scene.wait_as_advised(error).expect("an advice to wait");
            ask(scene, operation).await.expect("the fault is over")
        }
    };
    scene.remote.settle().await;
    assert_eq!(
        told,
        ask(&calm, operation).await.expect("no fault"),
        "something was lost"
    );
}

async fn ask(scene: &Scene<'_>, operation: Operation) -> Result<String> {
    let connector = scene.remote.connector();
    let (io, config) = (&scene.host, scene.remote.config());
    Ok(match operation {
        Operation::Describe => match connector.describe(io, &config, &scene.subject().object, None).await? {
            Described::Schema(schema) => format!("{:#?}", schema.fields),
            Described::Unchanged => panic!("a first description is whole"),
        },
        Operation::Objects => format!("{:#?}", connector.objects(io, &config).await?),
        _ => format!("{:#?}", connector.account(io, &config).await?),
    })
}

/// The writes of an operation; each sets the city to the text.
fn writes(scene: &Scene<'_>, operation: Operation, text: &str) -> Vec<Write> {
    let subject = scene.subject();
    let ids: Vec<String> = scene.live().into_iter().take(3).collect();
    let number = ["one", "two", "three"];
    let fields = |index: usize| {
        [
            (subject.name.clone(), number[index].to_owned()),
            (subject.city.clone(), text.into()),
        ]
    };
    let create = |index: usize, key: Option<&str>| {
        let fields = fields(index);
        let fields: Vec<_> = fields
            .iter()
            .map(|(field, text)| (field.as_str(), text.as_str()))
            .collect();
        scene.create(key, &fields)
    };
    (0..3)
        .map(|index| match operation {
            Operation::Create => create(index, None),
            Operation::Upsert => create(index, Some(&format!("key {}", number[index]))),
            Operation::Update => update(&ids[index], &[(&subject.city, text)]),
            _ => delete(&ids[index]),
        })
        .collect()
}

async fn push(scene: &Scene<'_>, fault: Fault, operation: Operation) {
    let remote = scene.remote;
    let before = scene.live().len();
    let text = if fault == Fault::SilentTrim {
        " Written "
    } else {
        "Written"
    };
    let all = writes(scene, operation, text);
    let mut left: Vec<Write> = all.clone();
    let mut rejected = 0;
    for round in 0..5 {
        let first = round == 0;
        let now = remote.now();
        let written = match scene.push(left.clone()).await {
            Ok(written) => written,
            Err(error) => {
                assert!(first, "one fault, and a second error: {error:?}");
                assert_told(fault, &error);
                scene.wait_as_advised(error).expect("an advice to wait");
                continue;
            }
        };
        let mut again = Vec::new();
        let mut unknown = Vec::new();
        for (write, written) in left.iter().zip(&written) {
            match &written.outcome.kind {
                OutcomeKind::Applied { .. } => {}
                OutcomeKind::NotApplied { not_before } => {
                    assert!(first, "one fault, and {:?}", written.outcome);
                    assert!(
                        !matches!(
                            fault,
                            Fault::AppliedTimeout | Fault::Reset | Fault::Truncated | Fault::LateApply
                        ),
                        "{fault} was told as {:?}",
                        written.outcome
                    );
                    if fault == Fault::RateLimitedRetryAfter {
                        let wait = not_before.expect("a time to wait for").duration_since(now);
                        assert!(wait.as_millis() >= 1_000, "{wait:?}");
                    }
                    again.push(write.clone());
                }
                OutcomeKind::Unknown => {
                    assert!(first, "one fault, and {:?}", written.outcome);
                    assert!(
                        fault.is_transport()
                            && !matches!(
                                fault,
                                Fault::RateLimited | Fault::RateLimitedRetryAfter | Fault::Unauthorized
                            ),
                        "{fault} was told as {:?}",
                        written.outcome
                    );
                    unknown.push(write.clone());
                }
                OutcomeKind::Rejected { .. } if fault == Fault::Validation => {
                    assert!(
                        written
                            .outcome
                            .message
                            .as_ref()
                            .is_some_and(|message| !message.is_empty())
                    );
                    rejected += 1;
                    again.push(write.clone());
                }
                // The second delivery came first, or a delete that was applied is sent again.
                OutcomeKind::Gone if operation == Operation::Delete => {}
                other => panic!("{fault} was told as {other:?}: {:?}", written.outcome),
            }
        }
        // What was held back lands before it is found out about.
        remote.pass(HORIZON);
        if !unknown.is_empty() {
            remote.settle().await;
        }
        for write in unknown {
            if !is_applied(scene, &write).await {
                again.push(write);
            }
        }
        left = again;
        if left.is_empty() {
            break;
        }
    }
    assert!(left.is_empty(), "not applied though the fault is over: {left:?}");
    assert!(
        fault != Fault::Validation || rejected == 1 || remote.misbehaved() == 0,
        "{rejected} were refused"
    );
    remote.settle().await;
    as_written(scene, fault, operation, &all, before);
}

/// Finds out, as the engine does, whether a write of unknown outcome was applied.
async fn is_applied(scene: &Scene<'_>, write: &Write) -> bool {
    let calm = Scene::new(scene.remote);
    match &write.verb {
        Verb::Create {
            marker: Some((field, value)),
        } => {
            let by = FetchBy::Key {
                field: field.clone(),
                values: vec![value.clone()],
            };
            !calm.fetch(by).await.expect("a read").is_empty()
        }
        // The engine asks a person here, who looks.
        Verb::Create { marker: None } => scene
            .remote
            .records()
            .iter()
            .any(|held| is_written(write, &held.fields)),
        Verb::Update { id, .. } => {
            let row = calm.fetch_one(id).await;
            write
                .fields
                .iter()
                .all(|(_, value)| row.values[2].as_ref() == Some(value))
        }
        Verb::Delete { id } => calm.fetch_one(id).await.state != RowState::Live,
    }
}

fn is_written(write: &Write, held: &std::collections::BTreeMap<String, String>) -> bool {
    write
        .fields
        .iter()
        .all(|(field, value)| held.get(field).map(|held| held.trim()) == Some(value.to_string().trim()))
}

/// Looks at what the remote system holds in the end.
fn as_written(scene: &Scene<'_>, fault: Fault, operation: Operation, all: &[Write], before: usize) {
    let records = scene.remote.records();
    let made = match operation {
        Operation::Create | Operation::Upsert => 3,
        Operation::Delete => -3,
        _ => 0,
    };
    let count = isize::try_from(records.len()).expect("few") - isize::try_from(before).expect("few");
    if operation == Operation::Create && fault == Fault::Duplicate {
        // What the network doubles, no connector can undo; it must not go unnoticed that a key prevents it.
        assert!(count >= made, "{count}");
    } else {
        assert_eq!(count, made, "lost or doubled");
    }
    for write in all.iter().filter(|write| !write.fields.is_empty()) {
        let holders = records.iter().filter(|held| match &write.verb {
            Verb::Update { id, .. } => held.id == *id && is_written(write, &held.fields),
            _ => is_written(write, &held.fields),
        });
        assert!(holders.count() >= 1, "{write:?} is lost");
    }
}

/// With the grant gone, every operation says that a person must reconnect, and does nothing.
async fn without_a_grant(fresh: Fresh<'_>, operation: Operation) {
    let remote = fresh(RECORDS);
    let scene = Scene::with(&*remote, Host::new(&*remote, 1).without_grant());
    let calm = Scene::new(&*remote);
    let before = remote.records();
    let first = match operation {
        Operation::PullIncremental => Some(calm.pull(Start::Beginning).await),
        _ => None,
    };
    scene.host.arm(0, Fault::Unauthorized);
    let mut pulled = Pulled::default();
    let error = match operation {
        Operation::PullFull | Operation::PullIncremental => {
            let start = first.map_or(Start::Beginning, |first| Start::Cursor(first.cursor));
            let job = scene.pull_job(start, Vec::new());
            let mut task = scene.open(job.clone(), None);
            scene.step(&mut *task, &job, &mut pulled).await.err()
        }
        Operation::Fetch => scene.fetch(FetchBy::Ids(vec![before[0].id.clone()])).await.err(),
        Operation::Describe | Operation::Objects | Operation::Account => ask(&scene, operation).await.err(),
        _ => match scene.push(writes(&scene, operation, "Written")).await {
            Err(error) => Some(error),
            Ok(written) => {
                for written in written {
                    let kind = written.outcome.kind;
                    assert!(
                        matches!(kind, OutcomeKind::NotApplied { .. }),
                        "{kind:?} without a grant"
                    );
                }
                None
            }
        },
    };
    match error {
        Some(error) => assert_eq!(error.kind(), ErrorKind::Reauthorise, "{error:?}"),
        None => assert!(operation.writes(), "{operation} succeeded without a grant"),
    }
    assert_eq!(before, remote.records());
}
