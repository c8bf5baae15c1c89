//! Groups of operations as plain functions: members are polled in the order of the calls.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

/// A member, and what it has given.
struct Member<F: Future> {
    call: Pin<Box<F>>,
    output: Option<F::Output>,
}

fn members<F: Future>(calls: impl IntoIterator<Item = F>) -> Vec<Member<F>> {
    calls.into_iter().map(|call| Member { call: Box::pin(call), output: None }).collect()
}

/// Polls members that are not over, so many at a time, until `decides` says that the group is.
async fn run<F: Future>(
    mut all: Vec<Member<F>>,
    limit: usize,
    decides: impl Fn(&F::Output) -> bool,
) -> (Vec<Member<F>>, Option<usize>) {
    let decided = poll_fn(|cx: &mut Context<'_>| {
        let mut waiting = 0;
        for (i, member) in all.iter_mut().enumerate().filter(|(_, m)| m.output.is_none()) {
            if waiting == limit {
                break;
            }
            match member.call.as_mut().poll(cx) {
                Poll::Ready(output) => {
                    if decides(member.output.insert(output)) {
                        return Poll::Ready(Some(i));
                    }
                }
                Poll::Pending => waiting += 1,
            }
        }
        if waiting == 0 { Poll::Ready(None) } else { Poll::Pending }
    });
    let decided = decided.await;
    (all, decided)
}

/// As that of the runtime.
pub fn join_all<F: Future>(calls: impl IntoIterator<Item = F>) -> impl Future<Output = Vec<F::Output>> {
    let all = members(calls);
    async move { run(all, usize::MAX, |_| false).await.0.into_iter().filter_map(|m| m.output).collect() }
}

/// As that of the runtime.
pub fn for_each_concurrent<F: Future>(
    limit: usize,
    calls: impl IntoIterator<Item = F>,
) -> impl Future<Output = Vec<F::Output>> {
    let all = members(calls);
    async move { run(all, limit.max(1), |_| false).await.0.into_iter().filter_map(|m| m.output).collect() }
}

/// As that of the runtime.
pub fn try_join_all<F, T, E>(calls: impl IntoIterator<Item = F>) -> impl Future<Output = Result<Vec<T>, E>>
where
    F: Future<Output = Result<T, E>>,
{
    let all = members(calls);
    async move { run(all, usize::MAX, Result::is_err).await.0.into_iter().filter_map(|m| m.output).collect() }
}

/// As that of the runtime.
pub fn select_all<F: Future>(calls: impl IntoIterator<Item = F>) -> impl Future<Output = Option<(usize, F::Output)>> {
    let all = members(calls);
    async move {
        let (mut all, first) = run(all, usize::MAX, |_| true).await;
        first.and_then(|i| Some((i, all.swap_remove(i).output?)))
    }
}
