//! What a plugin asks of the host, on its way to the [`Io`] of the connection.
//!
//! An instance can't hold the `Io`, which is lent for one call. So a question goes through a channel to whoever made the
//! call: that one polls the call and answers its questions in turn.

use std::pin::pin;

use jiff::Timestamp;
use syncline_core::io::{Io, Level, MacAlgorithm, Mark, Request, Response};
use syncline_core::{Error, Result};
use tokio::sync::{mpsc, oneshot};

use crate::breach::breach;

/// A question, and where its answer goes.
#[derive(Debug)]
pub(crate) enum Asked {
    Send(Request, oneshot::Sender<Result<Response>>),
    SendAll(Vec<Request>, oneshot::Sender<Vec<Result<Response>>>),
    Mark(oneshot::Sender<Mark>),
    Now(oneshot::Sender<Timestamp>),
    Random(oneshot::Sender<u64>),
    Log(Level, String, oneshot::Sender<()>),
    Verify {
        key_name: String,
        algorithm: MacAlgorithm,
        message: Vec<u8>,
        tag: Vec<u8>,
        answer: oneshot::Sender<bool>,
    },
}

/// One question at a time: the instance waits for the answer.
pub(crate) fn channel() -> (mpsc::Sender<Asked>, mpsc::Receiver<Asked>) {
    mpsc::channel(1)
}

/// Asks, and waits for the answer.
///
/// # Errors
/// `Plugin` when nobody answers, since the call is one that may not ask.
pub(crate) async fn ask<T>(to: &mpsc::Sender<Asked>, question: impl FnOnce(oneshot::Sender<T>) -> Asked) -> Result<T> {
    let (sender, answer) = oneshot::channel();
    to.send(question(sender)).await.map_err(|_| unanswered())?;
    answer.await.map_err(|_| unanswered())
}

fn unanswered() -> Error {
    breach("the plugin asked the host for something in a call that may not: only its log is open to it there")
}

/// Runs a call into an instance and answers what it asks.
pub(crate) async fn attend<T>(
    io: Option<&dyn Io>,
    asked: &mut mpsc::Receiver<Asked>,
    call: impl Future<Output = T>,
) -> T {
    let mut call = pin!(call);
    loop {
        tokio::select! {
            biased;
            result = &mut call => return result,
            Some(question) = asked.recv() => answer(io, question).await,
        }
    }
}

/// Answers one question. Whoever asked may be gone by then, which is no loss.
async fn answer(io: Option<&dyn Io>, question: Asked) {
    let Some(io) = io else {
        // A log line needs no connection; everything else goes unanswered.
        if let Asked::Log(level, message, answer) = question {
            write(level, &message);
            answer.send(()).ok();
        }
        return;
    };
    match question {
        Asked::Send(request, answer) => drop(answer.send(io.send(request).await)),
        Asked::SendAll(requests, answer) => drop(answer.send(io.send_all(requests).await)),
        Asked::Mark(answer) => drop(answer.send(io.mark())),
        Asked::Now(answer) => drop(answer.send(io.now())),
        Asked::Random(answer) => drop(answer.send(io.random())),
        Asked::Log(level, message, answer) => {
            io.log(level, &message);
            answer.send(()).ok();
        }
        Asked::Verify {
            key_name,
            algorithm,
            message,
            tag,
            answer,
        } => drop(answer.send(io.verify_mac(&key_name, algorithm, &message, &tag))),
    }
}

fn write(level: Level, message: &str) {
    match level {
        Level::Debug => tracing::debug!("{message}"),
        Level::Info => tracing::info!("{message}"),
        Level::Warn => tracing::warn!("{message}"),
    }
}
