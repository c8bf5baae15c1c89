//! What an instance does with its mail: one file for each kind of request.

mod child;
mod control;
mod signal;
mod skip;
mod start;

pub(super) use signal::Outgoing;
pub(super) use start::{Begins, FirstUpdate, StartOptions, StartRequest};

use super::{
    actor::Actor,
    error::{CompleteError, ControlError, RebuildError, SignalError, SkipError, StartError, Unavailable},
    message::{Ended, Mail, Received, Reply},
};
use jiff::Timestamp;

impl Actor {
    // What is rare is boxed: the future of an instance at work has room for the largest of these.
    pub(super) async fn receive(&mut self, received: Received, now: Timestamp) -> Result<(), Unavailable> {
        let Received { at, mail, busy } = received;
        let result = match mail {
            Mail::Start { request, reply } => {
                let started = Box::pin(self.start(*request, at, now)).await;
                answer(reply, started)
            }
            Mail::Signal { signal, reply } => {
                let sent = Box::pin(self.signal(signal, at, now)).await;
                answer(reply, sent)
            }
            Mail::Update { name, request, id, reply } => {
                Box::pin(self.update(name, request, id, (at, now), reply)).await
            }
            Mail::Cancel { reason, reply } => {
                let asked = Box::pin(self.cancel(reason, at, now)).await;
                answer(reply, asked)
            }
            Mail::Terminate { reason, reply } => {
                let ended = Box::pin(self.terminate(reason, now)).await;
                answer(reply, ended)
            }
            Mail::Skip { op, reason, reply } => {
                let skipped = Box::pin(self.skip(op, reason, now)).await;
                answer(reply, skipped)
            }
            Mail::Retry { reply } => {
                let retried = Box::pin(self.retry(now)).await;
                answer(reply, retried)
            }
            Mail::Rebuild { reply } => {
                let rebuilt = Box::pin(self.rebuild(now)).await;
                answer(reply, rebuilt)
            }
            Mail::Truncate { reply } => {
                let truncated = Box::pin(self.truncate(now)).await;
                answer(reply, truncated)
            }
            Mail::Remove { reply } => {
                let removed = Box::pin(self.remove(now)).await;
                answer(reply, removed)
            }
            Mail::Mend { reply } => {
                let mended = self.mend(now).await;
                let failed = mended.clone().map(drop);
                let _ = reply.send(mended);
                failed
            }
            Mail::Watch { chain, reply } => {
                let known = self.instance.checkpoint.as_ref().filter(|c| !c.removing);
                match known.filter(|c| chain.is_none_or(|first| first == c.first_run())) {
                    Some(c) if !c.is_closed() => self.worker.watch(&self.instance.id, reply),
                    ended => drop(reply.send(Ok(ended.cloned()))),
                }
                Ok(())
            }
            Mail::Done { run, op, attempt, report } => self.done(Ended { at, run, op, attempt, report }, now).await,
            Mail::Letter { from, seq, letter } => {
                let taken = Box::pin(self.letter(from.clone(), seq, letter, at, now)).await;
                if taken.is_err() {
                    self.worker.shared.returned(&from, seq);
                }
                taken
            }
            Mail::Answered { seq, answer } => Box::pin(self.answered(seq, answer, now)).await,
            Mail::Progress { op, attempt } => Box::pin(self.keep(op, attempt, now)).await,
            Mail::Complete { call, with, reply } => {
                let completed = Box::pin(self.complete(call, with, at, now)).await;
                answer(reply, completed)
            }
            Mail::Beat { call, progress, reply } => {
                let heard = Box::pin(self.beat(call, progress, now)).await;
                answer(reply, heard)
            }
            Mail::Due => {
                self.floor = self.floor.max(at);
                Box::pin(self.check_silent(now)).await
            }
        };
        drop(busy);
        result
    }
}

/// Answers a call. A failure that stops the whole engine, or makes what is in memory doubtful, is passed on as well.
fn answer<T, E: Failed>(reply: Reply<T, E>, result: Result<T, E>) -> Result<(), Unavailable> {
    let passed = result.as_ref().err().and_then(|e| e.unavailable().cloned());
    // The caller may be gone; what was done is done.
    let _ = reply.send(result);
    passed.map_or(Ok(()), Err)
}

trait Failed {
    fn unavailable(&self) -> Option<&Unavailable>;
}

macro_rules! failed { ($($t:ident)*) => { $(
    impl Failed for $t {
        fn unavailable(&self) -> Option<&Unavailable> {
            match self {
                $t::Unavailable(e) => Some(e),
                _ => None,
            }
        }
    }
)* } }
failed!(StartError SignalError CompleteError ControlError RebuildError SkipError);
