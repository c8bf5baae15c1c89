//! Many operations of one kind as one operation.

use super::{Durable, Request, Sealed, UNSET, unexpected};
use crate::{
    journal::encoding::{DecodeError, EncodeError},
    machine::{
        command::{Command, Completion, Join},
        oracle::OpFuture,
    },
};

/// Waits for all of them, made by [`join_all`] and [`for_each_concurrent`].
#[must_use = "a group does nothing until it is awaited in a workflow"]
pub struct JoinAll<D> {
    calls: Vec<D>,
    limit: Option<usize>,
}

/// Waits for all of them or for the first error, made by [`try_join_all`].
#[must_use = "a group does nothing until it is awaited in a workflow"]
pub struct TryJoinAll<D> {
    calls: Vec<D>,
}

/// Waits for the first of them, made by [`select_all`].
#[must_use = "a group does nothing until it is awaited in a workflow"]
pub struct SelectAll<D> {
    calls: Vec<D>,
}

/// Runs all `calls` at once and gives their outputs, in the order of the calls.
///
/// The calls are of one type: calls of one activity, [`sleep`](super::sleep), `SIGNAL.recv()`. A group is made for width: each
/// member has a record of its own, a member that ends writes its result and little else, and the workflow takes a single step
/// when the last one has ended. Ten thousand calls are fine.
///
/// A request to cancel the run cancels every member that has not ended; the others keep their results.
///
/// ```
/// use workflow_runtime::{prelude::*, testing::TestEngine};
///
/// #[activity]
/// async fn thumbnail(page: u32) -> String {
///     format!("{page}.png")
/// }
///
/// #[workflow]
/// async fn album(pages: u32) -> Result<Vec<String>, WorkflowError> {
///     let mut names = vec![];
///     for done in join_all((0..pages).map(thumbnail)).await {
///         names.push(done?);
///     }
///     Ok(names)
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = TestEngine::new().await?;
/// let run = engine.start("album-1", album(3)).await?;
/// assert_eq!(run.result().await?, ["0.png", "1.png", "2.png"]);
/// # Ok(()) }
/// ```
pub fn join_all<D: Durable>(calls: impl IntoIterator<Item = D>) -> JoinAll<D> {
    JoinAll { calls: collect(calls), limit: None }
}

/// Runs all `calls` at once until one of them gives an `Err`, and gives all values in the order of the calls, or that error.
///
/// With the first error the others are given up: timers and signals are forgotten, running activities are asked to stop and
/// nobody waits for them.
///
/// ```
/// use workflow_runtime::{prelude::*, testing::TestEngine};
///
/// #[activity]
/// async fn take_seat(seat: u32) -> Result<u32, String> {
///     if seat == 13 { Err("there is no seat 13".into()) } else { Ok(seat) }
/// }
///
/// #[workflow]
/// async fn seats(wanted: Vec<u32>) -> Result<Vec<u32>, ActivityError<String>> {
///     try_join_all(wanted.into_iter().map(take_seat)).await
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = TestEngine::new().await?;
/// assert_eq!(engine.start("s-1", seats(vec![7, 8])).await?.result().await?, [7, 8]);
/// let error = engine.start("s-2", seats(vec![12, 13])).await?.result().await.unwrap_err();
/// assert!(error.to_string().contains("there is no seat 13"));
/// # Ok(()) }
/// ```
pub fn try_join_all<D, T, E>(calls: impl IntoIterator<Item = D>) -> TryJoinAll<D>
where
    D: Durable<Output = Result<T, E>>,
{
    TryJoinAll { calls: collect(calls) }
}

/// Runs all `calls` at once and gives the first one that ends: its place in the list, and its output. The others are given up.
///
/// `None` if there are no calls: nothing would ever end.
///
/// ```
/// use workflow_runtime::{prelude::*, testing::TestEngine};
///
/// #[workflow]
/// async fn race(laps: Vec<u64>) -> Result<usize, WorkflowError> {
///     match select_all(laps.into_iter().map(seconds).map(sleep)).await {
///         Some((winner, slept)) => {
///             slept?;
///             Ok(winner)
///         }
///         None => Err(WorkflowError::msg("nobody runs")),
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = TestEngine::new().await?;
/// assert_eq!(engine.start("r-1", race(vec![30, 10, 20])).await?.result().await?, 1);
/// # Ok(()) }
/// ```
pub fn select_all<D: Durable>(calls: impl IntoIterator<Item = D>) -> SelectAll<D> {
    SelectAll { calls: collect(calls) }
}

/// [`join_all`] with at most `limit` of the calls under way at a time, in the order of the calls; 0 counts as 1.
///
/// What waits for its turn costs its record in the store and nothing else. The times of `sleep` and of `.timeout(..)` of
/// signals are those at which the calls were made.
///
/// ```
/// use workflow_runtime::{prelude::*, testing::TestEngine};
///
/// #[activity]
/// async fn mail(to: String) -> usize {
///     to.len()
/// }
///
/// #[workflow]
/// async fn newsletter(to: Vec<String>) -> Result<usize, WorkflowError> {
///     let mut sent = 0;
///     for mailed in for_each_concurrent(2, to.into_iter().map(mail)).await {
///         sent += mailed?;
///     }
///     Ok(sent)
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = TestEngine::new().await?;
/// let to = ["ada", "grace", "edsger"].map(String::from).to_vec();
/// assert_eq!(engine.start("n-1", newsletter(to)).await?.result().await?, 14);
/// # Ok(()) }
/// ```
pub fn for_each_concurrent<D: Durable>(limit: usize, calls: impl IntoIterator<Item = D>) -> JoinAll<D> {
    JoinAll { calls: collect(calls), limit: Some(limit.max(1)) }
}

fn collect<D: Durable>(calls: impl IntoIterator<Item = D>) -> Vec<D> {
    const { assert!(!D::GROUP, "a group cannot be part of a group: let an inline workflow await the inner one") };
    const { assert!(!D::INLINE, "an inline workflow cannot be a member of a group: start it with `.child(id)`") };
    calls.into_iter().collect()
}

/// The request of a group whose members are operations of the engine.
fn request<D: Durable>(join: Join, limit: Option<usize>, calls: Vec<D>) -> Result<Request, EncodeError> {
    if calls.is_empty() {
        return Ok(Request::Ready(Completion::All(vec![])));
    }
    let mut shielded = false;
    let mut members = Vec::with_capacity(calls.len());
    for call in calls {
        let mut member = call.request()?;
        while let Request::Shielded(inner) = member {
            shielded = true;
            member = *inner;
        }
        match member {
            Request::Operation(command) => members.push(command),
            _ => panic!("a member of a group is no operation of the engine: this is a bug of the runtime"),
        }
    }
    let limit = limit.map(|l| l as u64);
    let group = Request::Operation(Command::Group { op: UNSET, join, limit, members });
    Ok(if shielded { Request::Shielded(Box::new(group)) } else { group })
}

impl<D: Durable> Durable for JoinAll<D> {
    const GROUP: bool = true;
    type Output = Vec<D::Output>;
    fn request(self) -> Result<Request, EncodeError> {
        request(Join::All, self.limit, self.calls)
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        match completion {
            Completion::All(all) => all.into_iter().map(D::output).collect(),
            other => Err(unexpected("`join_all`", &other)),
        }
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl<D: Durable> Sealed for JoinAll<D> {}

impl<D, T, E> Durable for TryJoinAll<D>
where
    D: Durable<Output = Result<T, E>>,
{
    const GROUP: bool = true;
    type Output = Result<Vec<T>, E>;
    fn request(self) -> Result<Request, EncodeError> {
        request(Join::Try, None, self.calls)
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        let all = match completion {
            Completion::All(all) => all,
            Completion::Member { completion, .. } => vec![*completion],
            other => return Err(unexpected("`try_join_all`", &other)),
        };
        let mut values = Vec::with_capacity(all.len());
        for completion in all {
            match D::output(completion)? {
                Ok(value) => values.push(value),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(values))
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl<D, T, E> Sealed for TryJoinAll<D> where D: Durable<Output = Result<T, E>> {}

impl<D: Durable> Durable for SelectAll<D> {
    const GROUP: bool = true;
    type Output = Option<(usize, D::Output)>;
    fn request(self) -> Result<Request, EncodeError> {
        request(Join::First, None, self.calls)
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        match completion {
            Completion::All(none) if none.is_empty() => Ok(None),
            Completion::Member { index, completion } => {
                let index = usize::try_from(index).map_err(|e| DecodeError::mismatch(e.to_string()))?;
                Ok(Some((index, D::output(*completion)?)))
            }
            other => Err(unexpected("`select_all`", &other)),
        }
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl<D: Durable> Sealed for SelectAll<D> {}

macro_rules! labels { ($($t:ident)*) => { $(
    impl<D> $t<D> {
        /// Names the suspension point that awaits this group. The compiler reads the literal, where it is awaited.
        pub fn label(self, _label: &'static str) -> Self {
            self
        }
    }
)* } }
labels!(JoinAll TryJoinAll SelectAll);
