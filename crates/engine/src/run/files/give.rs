//! Comparing the files of some records, and carrying what one side lacks.

use std::collections::BTreeMap;

use syncline_core::audit::{AuditEntry, AuditKind};
use syncline_core::error::{Error, ErrorKind, Result, Retry};
use syncline_core::file::{FileOf, NewFile, RemoteFile};
use syncline_core::store::DocumentKind;

use super::{FILES, Pair, Source};
use crate::document::{self, Versioned};
use crate::engine::Inner;
use crate::file::{EntityFiles, Listed, compare};
use crate::ports::after;
use crate::run::context::SyncContext;
use crate::run::model::{Failure, PlannedChange, Run};
use crate::run::session::{FailureNote, Session, record_failure};

/// A dry run shows at most this many changes and counts the rest.
const SHOWN_CHANGES: usize = 10_000;

/// Compares the files of some records and carries what is lacking.
///
/// # Errors
/// When either CRM does not answer now; what becomes of one file is that record's alone.
pub(super) async fn all(
    inner: &Inner,
    context: &SyncContext,
    source: &Source,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    pairs: Vec<Pair>,
) -> Result<()> {
    let from: Vec<String> = pairs.iter().map(|pair| pair.from.clone()).collect();
    let to: Vec<String> = pairs.iter().map(|pair| pair.to.clone()).collect();
    let (object, own_object) = (&source.sync.mapping.object, &context.sync.mapping.object);
    let there = source
        .connector
        .files(source.io.as_ref(), &source.config, object, &from);
    let there = by_record(there.await?);
    let here = context
        .connector
        .files(context.io.as_ref(), &context.config, own_object, &to);
    let here = by_record(here.await?);
    let none = Vec::new();
    for pair in pairs {
        let entity = pair.linked.entity.id;
        let mut page = session.begin().await?;
        let mut known = EntityFiles::of(page.tx()?, context.sync.tenant, entity, inner.clock.now()).await?;
        let listed = there.get(&pair.from).unwrap_or(&none);
        let lacking = compare(
            &mut known.value.files,
            Listed {
                side: source.sync.side,
                files: listed,
            },
            Listed {
                side: context.side(),
                files: here.get(&pair.to).unwrap_or(&none),
            },
        );
        let ledger = run.ledger(&context.sync.name, FILES);
        let there_already = (listed.len() - lacking.len()) as u64;
        (ledger.read, ledger.unchanged) = (ledger.read + there_already, ledger.unchanged + there_already);
        // What is paired is kept before anything is sent: only what is lacking is still open after a crash.
        document::put(page.tx()?, &mut known).await?;
        let mut later = false;
        if !lacking.is_empty() {
            session.commit(page, run).await?;
            for (place, file) in lacking {
                later |= give(inner, context, source, session, run, &pair, &mut known, place, &file).await?;
            }
            page = session.begin().await?;
        }
        let mut hint = pair.hint;
        if later {
            hint.attempts += 1;
            let settings = &inner.settings;
            let wait = settings
                .failure_retry
                .saturating_mul(1 << hint.attempts.min(16).saturating_sub(1));
            hint.due = after(inner.clock.now(), wait.min(settings.failure_retry_longest));
            document::put(page.tx()?, &mut hint).await?;
        } else {
            page.tx()?.delete_document(DocumentKind::FileHint, hint.id).await?;
            let failure = format!("{FILES}:{}", pair.to);
            let failed =
                document::by_key::<Failure>(page.tx()?, context.sync.tenant, context.sync.id, &failure).await?;
            // What it was refused for stays until somebody has seen it.
            let refused = known
                .files
                .iter()
                .any(|file| file.refused.contains_key(&context.side()));
            if let Some(failed) = failed.filter(|_| !refused) {
                page.tx()?.delete_document(DocumentKind::Failure, failed.id).await?;
            }
        }
        session.commit(page, run).await?;
    }
    Ok(())
}

fn by_record(found: Vec<FileOf>) -> BTreeMap<String, Vec<RemoteFile>> {
    let mut files: BTreeMap<String, Vec<RemoteFile>> = BTreeMap::new();
    for found in found {
        files.entry(found.record).or_default().push(found.file);
    }
    files
}

/// Gives a record one file. Returns whether it has to be tried again.
#[expect(
    clippy::too_many_arguments,
    reason = "a file is carried with exactly these, and each has another owner"
)]
async fn give(
    inner: &Inner,
    context: &SyncContext,
    source: &Source,
    session: &mut Session<'_>,
    run: &mut Versioned<Run>,
    pair: &Pair,
    known: &mut Versioned<EntityFiles>,
    place: usize,
    file: &RemoteFile,
) -> Result<bool> {
    if session.is_dry() {
        let ledger = run.ledger(&context.sync.name, FILES);
        (ledger.read, ledger.created) = (ledger.read + 1, ledger.created + 1);
        run.planned += 1;
        if run.plan.len() < SHOWN_CHANGES {
            run.plan.push(PlannedChange {
                target: context.sync.name.clone(),
                record: pair.to.clone(),
                action: "file".to_owned(),
                field: "(a file)".to_owned(),
                before: serde_json::Value::Null,
                after: file.name.clone().into(),
            });
        }
        return Ok(false);
    }
    let sent = send(inner, context, source, pair, file).await;
    if let Err(error) = &sent
        && matches!(
            error.kind(),
            ErrorKind::Stopped | ErrorKind::Reauthorise | ErrorKind::RateLimited | ErrorKind::Refused
        )
    {
        // Of the connection, and not of the file.
        return sent.map(|_| false);
    }
    run.ledger(&context.sync.name, FILES).read += 1;
    let mut page = session.begin().await?;
    let uid = pair.linked.entity.uid;
    let mut later = false;
    match sent {
        Ok(made) => {
            run.ledger(&context.sync.name, FILES).created += 1;
            if let Some(known) = known.value.files.get_mut(place) {
                known.is_on(context.side(), &made);
            }
            let from = &source.sync.name;
            let entry = AuditEntry::new(AuditKind::FileGiven, uid, context.side(), Some(&pair.to));
            page.audit
                .push(entry.note(format!("{} ({} bytes), from sync `{from}`", made.name, made.size)));
        }
        Err(error) if error.retry() == Retry::UnknownOutcome => {
            // If it is there, it is found by what it is.
            run.ledger(&context.sync.name, FILES).deferred += 1;
            later = true;
        }
        Err(error) => {
            run.ledger(&context.sync.name, FILES).failed += 1;
            later = !is_final(&error);
            if !later && let Some(known) = known.value.files.get_mut(place) {
                known.refused.insert(context.side(), error.message().to_owned());
            }
            let note = FailureNote {
                record: Some(pair.to.clone()),
                entity: Some(pair.linked.entity.id),
                fields: Vec::new(),
                message: format!("the file {} could not be carried: {}", file.name, error.message()),
                detail: Some(error.to_string()),
            };
            record_failure(inner, &mut page, run.id, &context.sync, FILES, note).await?;
        }
    }
    document::put(page.tx()?, known).await?;
    session.commit(page, run).await?;
    Ok(later)
}

fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Rejected | ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Unsupported
    )
}

async fn send(
    inner: &Inner,
    context: &SyncContext,
    source: &Source,
    pair: &Pair,
    file: &RemoteFile,
) -> Result<RemoteFile> {
    let most = inner.settings.largest_file;
    if file.size > most {
        let message = format!("it has {} bytes, and {most} are the most that are carried", file.size);
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    let (io, object) = (source.io.as_ref(), &source.sync.mapping.object);
    let body = source.connector.download(io, &source.config, object, file).await?;
    let new = NewFile {
        name: file.name.clone(),
        content_type: file.content_type.clone(),
        size: file.size,
    };
    let (io, object) = (context.io.as_ref(), &context.sync.mapping.object);
    let made = context
        .connector
        .upload(io, &context.config, object, &pair.to, &new, body)
        .await?;
    if made.size != file.size {
        tracing::warn!(sync = %context.sync.name, file = %made.id, "a file has another size than the one that it was made from");
    }
    Ok(made)
}
