//! What workflows called.

use crate::{
    activity::{Activity, AttemptRequest, bounds::Arguments},
    journal::payload::Payload,
    machine::OpId,
};
use std::{collections::BTreeMap, fmt, ops::Deref};
use uuid::Uuid;

/// One call of an activity by a workflow, however many attempts it took.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call<Args> {
    /// The arguments, a tuple of owned values.
    pub args: Args,
    /// The number of the last attempt that was started, from 1.
    pub attempt: u32,
    /// What every attempt got as idempotency key.
    pub idempotency_key: String,
    /// The instance that called.
    pub workflow_id: String,
    text: String,
}

impl<Args> fmt::Debug for Call<Args> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by `{}`, attempt {}, key {}", self.text, self.workflow_id, self.attempt, self.idempotency_key)
    }
}

/// The calls of one activity, in the order in which they were first attempted. Dereferences to a slice of [`Call`].
///
/// ```standalone_crate
/// use workflow_runtime::{prelude::*, testing::TestEngine};
///
/// #[activity]
/// async fn double(n: u64) -> u64 {
///     2 * n
/// }
///
/// #[workflow]
/// async fn quadruple(n: u64) -> Result<u64, WorkflowError> {
///     Ok(double(double(n).await?).await?)
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = TestEngine::new().await?;
/// assert_eq!(engine.start("q", quadruple(3)).await?.result().await?, 12);
/// let calls = engine.calls(double);
/// calls.assert_called_times(2);
/// assert_eq!(calls[1].args, (6,));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Calls<Args> {
    name: &'static str,
    calls: Vec<Call<Args>>,
}

impl<Args> Deref for Calls<Args> {
    type Target = [Call<Args>];
    fn deref(&self) -> &[Call<Args>] {
        &self.calls
    }
}

impl<Args> fmt::Debug for Calls<Args> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.calls).finish()
    }
}

impl<Args: Arguments> Calls<Args> {
    pub(in crate::testing) fn of<A: Activity<Args = Args>>(attempts: &[AttemptRequest]) -> Self {
        let known = |name: &str| name == A::NAME || A::def().aliases.contains(&name);
        let mut places: BTreeMap<(Uuid, OpId), usize> = BTreeMap::new();
        let mut calls: Vec<Call<Args>> = vec![];
        for a in attempts.iter().filter(|a| known(&a.name)) {
            if let Some(&place) = places.get(&(a.run_id, a.op)) {
                calls[place].attempt = a.attempt;
                continue;
            }
            // What does not decode did not get to the activity either.
            let Ok(args) = Args::load(&a.args) else { continue };
            places.insert((a.run_id, a.op), calls.len());
            calls.push(Call {
                args,
                attempt: a.attempt,
                idempotency_key: a.idempotency_key(),
                workflow_id: a.workflow_id.to_string(),
                text: called(A::NAME, &a.args),
            });
        }
        Calls { name: A::NAME, calls }
    }

    /// The calls as text, for a message.
    fn listed(&self) -> String {
        if self.calls.is_empty() {
            return "it was not called".into();
        }
        let lines: Vec<_> = self.calls.iter().map(|c| format!("\n  {c:?}")).collect();
        format!("it was called {}:{}", times(self.calls.len()), lines.concat())
    }

    /// # Panics
    ///
    /// Unless the activity was called by workflows so often. Attempts of one call count as one.
    #[track_caller]
    pub fn assert_called_times(&self, n: usize) -> &Self {
        assert!(self.calls.len() == n, "`{}` should have been called {}; {}", self.name, times(n), self.listed());
        self
    }

    /// The only call.
    ///
    /// # Panics
    ///
    /// Unless the activity was called exactly once.
    #[track_caller]
    pub fn assert_called_once(&self) -> &Call<Args> {
        self.assert_called_times(1);
        &self.calls[0]
    }

    /// The only call.
    ///
    /// # Panics
    ///
    /// Unless the activity was called exactly once, with these arguments.
    #[track_caller]
    pub fn assert_called_once_with(&self, args: Args) -> &Call<Args>
    where
        Args: PartialEq + fmt::Debug,
    {
        let call = self.assert_called_once();
        assert!(call.args == args, "`{}` should have been called with {args:?}; {}", self.name, self.listed());
        call
    }

    /// # Panics
    ///
    /// If the activity was called.
    #[track_caller]
    pub fn assert_not_called(&self) {
        assert!(self.calls.is_empty(), "`{}` should not have been called; {}", self.name, self.listed());
    }
}

/// A call as a person would write it.
pub(super) fn called(name: &str, args: &Payload) -> String {
    match args.to_json() {
        serde_json::Value::Array(args) => {
            let args: Vec<_> = args.iter().map(ToString::to_string).collect();
            format!("{name}({})", args.join(", "))
        }
        _ => format!("{name}()"),
    }
}

fn times(n: usize) -> String {
    match n {
        0 => "never".into(),
        1 => "once".into(),
        n => format!("{n} times"),
    }
}
