//! Which calls of a push share one request, and what is read in it.

use syncline_core::Result;
use syncline_core::batch::{Batch, OutcomeKind};
use syncline_core::io::{Request, Response};

use super::{Group, PushTask};
use crate::composite::{self, Answered};
use crate::payload::target;

/// How a request holds several calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// How many.
    calls: usize,
    /// Whether what they write is read in the same request.
    reads: bool,
}

impl Share {
    fn is_alone(self) -> bool {
        self.calls == 1 && !self.reads
    }
}

impl PushTask {
    /// The requests of the next calls, with how many calls each holds. Updates are read back in the request that writes
    /// them; the ids of what is created are not known before.
    pub(super) fn shared(&self, calls: &[Vec<usize>]) -> Result<Vec<(Share, Request)>> {
        let mut rest = calls;
        let mut shared = Vec::new();
        for share in self.shares(calls) {
            let (these, others) = rest.split_at(share.calls);
            rest = others;
            let mut parts: Vec<Request> = these.iter().map(|call| self.request(call)).collect();
            if let (true, Some(along)) = (share.reads, &self.along) {
                let ids: Vec<String> = these
                    .iter()
                    .flatten()
                    .filter_map(|index| target(&self.writes[*index].verb))
                    .collect();
                parts.push(along.request(&self.api, &ids)?);
            }
            let request = match parts.pop() {
                Some(alone) if share.is_alone() => alone,
                last => {
                    parts.extend(last);
                    composite::together(&self.api, &parts)
                }
            };
            shared.push((share, request));
        }
        Ok(shared)
    }

    fn shares(&self, calls: &[Vec<usize>]) -> Vec<Share> {
        let mut shares: Vec<Share> = Vec::new();
        let mut bytes = 0;
        for call in calls {
            let is_update = Group::of(&self.writes[call[0]].verb) == Group::Update && self.guard().is_none();
            let reads = is_update && self.along.is_some() && !self.remaining.alone;
            let length: usize = call.iter().map(|index| self.records[*index].len()).sum();
            let fits = !self.remaining.alone && bytes + length <= composite::MOST_BYTES;
            match shares.last_mut() {
                Some(share)
                    if fits && share.reads == reads && share.calls + usize::from(reads) < composite::MOST_PARTS =>
                {
                    share.calls += 1;
                }
                _ => {
                    shares.push(Share { calls: 1, reads });
                    bytes = 0;
                }
            }
            bytes += length;
        }
        shares
    }

    /// One answer for each call, none where several in one were refused, and the answers to what was read.
    pub(super) fn apart(
        &self,
        shares: &[Share],
        answers: Vec<Result<Response>>,
    ) -> (Vec<Option<Result<Response>>>, Vec<Response>) {
        let (mut answered, mut read) = (Vec::new(), Vec::new());
        for (share, answer) in shares.iter().zip(answers) {
            if share.is_alone() {
                answered.push(Some(answer));
                continue;
            }
            match composite::apart(answer, share.calls + usize::from(share.reads)) {
                Answered::Parts(mut answers) => {
                    if share.reads
                        && let Some(Ok(last)) = answers.pop()
                    {
                        read.push(last);
                    }
                    answered.extend(answers.into_iter().map(Some));
                }
                Answered::Refused => answered.extend((0..share.calls).map(|_| None)),
            }
        }
        (answered, read)
    }

    /// Gives outcomes the rows that were read with them.
    pub(super) fn take_along(&self, read: &[Response], batch: &mut Batch) {
        let Some(along) = &self.along else { return };
        for answer in read {
            let places = along.take(answer, batch);
            for outcome in &mut batch.outcomes {
                let applied = matches!(outcome.kind, OutcomeKind::Applied { .. });
                let place = outcome.id.as_ref().and_then(|id| places.get(id));
                if let (true, Some(place)) = (applied, place) {
                    outcome.row = Some(*place);
                }
            }
        }
    }
}
