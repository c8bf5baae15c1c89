//! The compiler behind `#[workflow]` and `#[activity]`: an async function becomes an explicit, resumable state machine.
//!
//! This is the only file that names `proc_macro`; the pipeline stands in `driver`.

mod analyze;
mod check;
mod diagnostic;
mod driver;
mod expand;
mod ir;
mod lower;
mod parse;
mod validate;

use proc_macro::TokenStream;

/// Turns an `async fn` into an activity: a function that does the work of a workflow, may touch the world, and is retried.
///
/// Calling the function builds an `ActivityCall` and does nothing else; a workflow awaits it, and gets
/// `Result<T, ActivityError<E>>`.
///
/// ```ignore
/// #[activity(timeout = "10s", retry(attempts = 5, unless(ChargeError::Declined { .. })))]
/// async fn charge(gateway: State<Gateway>, cx: ActivityContext, card: &Card, cents: u64) -> Result<Payment, ChargeError> {
///     gateway.charge(cx.idempotency_key(), card, cents).await
/// }
/// ```
///
/// # An `Err` is final without `retry`
///
/// An `Err` is a business result: **without `retry(..)` it is final and the workflow sees it at once.** With `retry(..)`
/// it is retried, but for errors that `unless(..)` matches. Panics, timeouts and lost workers are always retried, with
/// backoff, and without end unless `attempts` says otherwise.
///
/// # Parameters
///
/// First come those that the engine injects, in any order: `State<T>` and `ActivityContext`. The others are stored
/// with the call: `T`, or `&T`, `&str`, `&[T]`, `&Path`, of which the owned form is stored and lent to the body. They, the
/// value and the error need `Serialize` and `Deserialize`; the error needs `Display` and `Debug` too.
///
/// A return type whose name is `Result` is a value or a business error. Any other, `Option` included, is a value.
///
/// # Keys
///
/// | key | meaning |
/// | --- | --- |
/// | `timeout = "10s"` | limit of one attempt; without it there is none |
/// | `retry` | an `Err` is retried, with the default policy |
/// | `retry(attempts = 5, initial = "200ms", factor = 2.0, max = "30s")` | the policy; every part may be left out |
/// | `retry(unless(Error::A { .. }, e if e.is_final()))` | errors that are final all the same: patterns, with guards |
/// | `heartbeat = "30s"` | an attempt that gives no heartbeat for so long has failed |
/// | `schedule_to_start = "5m"` | longest wait of an attempt in its queue; then the activity has timed out |
/// | `total_timeout = "1h"` | limit of all attempts and the pauses between them, from the call on, through restarts |
/// | `queue = "payments"` | the queue whose limits apply |
/// | `priority = 5` | from 0, the default, to 9: of what waits in the queue, the highest starts first |
/// | `max_concurrent = 10` | attempts of this activity that run at a time in one process |
/// | `rate = "100/s"` | attempts of this activity that start per second, minute (`/m`) or hour (`/h`) in one process |
/// | `on_cancel = "wait"` | what a cancellation does: `"try"` (the default), `"wait"` or `"abandon"` |
/// | `name = ".."` | the registered name; by default that of the function, never with a module path |
/// | `alias = ".."` | a name from before a rename, under which stored calls may still ask; may be repeated |
///
/// Durations are whole numbers with `ms`, `s`, `m`, `h` or `d`, also combined: `"1h30m"`.
#[proc_macro_attribute]
pub fn activity(attr: TokenStream, item: TokenStream) -> TokenStream {
    driver::activity(attr.into(), item.into()).into()
}

/// Turns an `async fn` into a workflow: a process that survives crashes, deploys and month-long waits.
///
/// The function is compiled into an explicit state machine. Its arguments and its result are owned and serializable, and so
/// is every local that lives across an `.await`. It awaits activities, other workflows, `sleep` and signals; what touches
/// the world goes into an `#[activity]`.
///
/// ```ignore
/// #[workflow]
/// async fn order(order: Order) -> Result<Receipt, OrderError> {
///     let payment = charge(&order.card, order.total()).await?;
///     sleep(days(14)).await?;
///     Ok(Receipt::of(payment))
/// }
/// ```
///
/// # Keys
///
/// | key | meaning |
/// | --- | --- |
/// | `name = ".."` | the registered name; by default that of the function, never with a module path |
/// | `alias = ".."` | a name from before a rename, which stored instances may still carry; may be repeated |
/// | `allow(WF001, reason = "..")` | rules of determinism that do not hold here, and why; may be repeated |
///
/// # Exemptions
///
/// A step of a workflow is executed again, so it must not read clocks, draw, print or do I/O: see the rules of determinism. What is known to be
/// harmless is exempt by `allow(..)` on the function, or by the same attribute on a statement, an expression or an arm in it:
///
/// ```ignore
/// #[workflow(allow(WF001, reason = "only shown to the operator"))]
/// let since = SystemTime::now();
/// ```
#[proc_macro_attribute]
pub fn workflow(attr: TokenStream, item: TokenStream) -> TokenStream {
    driver::workflow(attr.into(), item.into()).into()
}

/// Turns an `async fn` into a test of workflows that is run again and again, each time with something else that goes wrong.
///
/// The function takes a handle, `workflow_runtime::testing::Test`, with which it mocks activities, starts workflows, sends signals and moves
/// time. It runs once undisturbed. Then it runs for every commit that was made, with the process dying before it and after it, and twice in a
/// row; with every instance evicted after every step; with every report of an attempt delivered twice; and with reports in
/// other orders. The body notices none of it, and must succeed every time, with the same histories; no operation may run
/// again whose end was durable, and none may change its arguments or its idempotency key.
///
/// ```ignore
/// #[workflow_runtime::test]
/// async fn an_order_that_nobody_approves(t: Test) {
///     t.mock(charge, |_: Card, cents: u64| Ok(Payment { id: 7, cents }));
///     let run = t.start("order-1", order(card(), 500)).await;
///     t.advance(days(5)).await;
///     assert_eq!(run.result().await, Err(OrderError::NotApproved));
///     t.calls(refund).assert_called_once_with((7,));
/// }
/// ```
///
/// It needs the feature `testing`, and returns nothing or a `Result<(), E>` whose error can be shown.
///
/// # Keys
///
/// | key | meaning |
/// | --- | --- |
/// | `seed = 7` | another seed: it decides about run ids, and so about what workflows draw |
/// | `sled` | everything on sled too, in a temporary directory |
/// | `crashes = "twice"` | when the process dies: `"none"`, `"every"` commit, or there and once more soon after; by default `"twice"` |
/// | `in_order` | reports of attempts come once and in order, for workflows whose outcome depends on which of two activities ends first |
/// | `only = "memory-evicted-before3"` | one of its runs and no other: what a failed test has printed |
#[proc_macro_attribute]
pub fn test(attr: TokenStream, item: TokenStream) -> TokenStream {
    driver::test(attr.into(), item.into()).into()
}
