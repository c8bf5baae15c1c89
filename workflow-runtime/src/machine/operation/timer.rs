//! Timers.

use super::{Durable, Request, Sealed, UNSET, unexpected};
use crate::{
    journal::encoding::{DecodeError, EncodeError},
    machine::{
        Cancelled, ambient,
        command::{Command, Completion},
        oracle::OpFuture,
    },
};
use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};
use std::time::Duration;

/// A durable timer, made by [`sleep`] and [`sleep_until`].
#[derive(Debug, Clone)]
#[must_use = "a timer does nothing until it is awaited in a workflow"]
pub struct Sleep(When);

#[derive(Debug, Clone)]
enum When {
    After(SleepTime),
    At(Timestamp),
}

/// How long [`sleep`] waits: an exact time, or one of the calendar. Made from what says how long.
///
/// | made from | how long it is |
/// | --- | --- |
/// | [`Duration`], for example [`days(3)`](crate::days) | exactly so many seconds |
/// | [`SignedDuration`] | the same; one below zero is over at once |
/// | [`Span`], for example [`months(1)`](crate::months) | to the same day of the month and the same time of day in UTC |
///
/// What is longer than the calendar, which ends with the year 9999, ends with it. Nothing here panics.
#[derive(Debug, Clone)]
pub struct SleepTime(Time);

#[derive(Debug, Clone)]
enum Time {
    Exact(Duration),
    Calendar(Span),
}

impl From<Duration> for SleepTime {
    fn from(d: Duration) -> Self {
        SleepTime(Time::Exact(d))
    }
}

impl From<SignedDuration> for SleepTime {
    fn from(d: SignedDuration) -> Self {
        SleepTime(Time::Exact(Duration::try_from(d).unwrap_or_default()))
    }
}

impl From<Span> for SleepTime {
    fn from(span: Span) -> Self {
        SleepTime(Time::Calendar(span))
    }
}

impl SleepTime {
    /// When a wait that begins at `now` is over; the end of time if that is later than a timestamp can say.
    ///
    /// ```
    /// use workflow_runtime::{days, machine::SleepTime, months};
    /// let january = "2024-01-31T08:00:00Z".parse()?;
    /// // There is no 31st of February.
    /// assert_eq!(SleepTime::from(months(1)).after(january).to_string(), "2024-02-29T08:00:00Z");
    /// assert_eq!(SleepTime::from(days(31)).after(january).to_string(), "2024-03-02T08:00:00Z");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn after(&self, now: Timestamp) -> Timestamp {
        let end = match self.0 {
            Time::Exact(d) => now.checked_add(d).ok(),
            Time::Calendar(span) if span.is_negative() => return now,
            Time::Calendar(span) => now.to_zoned(TimeZone::UTC).checked_add(span).ok().map(|t| t.timestamp()),
        };
        end.unwrap_or(Timestamp::MAX)
    }
}

/// Waits for a while, through restarts and months: `sleep(days(30))`, `sleep(months(1))`.
///
/// It counts from [`now()`](crate::now). See [`SleepTime`] for what it takes.
pub fn sleep(time: impl Into<SleepTime>) -> Sleep {
    Sleep(When::After(time.into()))
}

/// Waits until a point in time: a [`Timestamp`], or a [`Zoned`](jiff::Zoned) date and time. One that has passed is due at once.
///
/// With [`now_in`](crate::now_in) the calendar is that of a place:
///
/// ```
/// use jiff::ToSpan;
/// use workflow_runtime::{prelude::*, testing::TestEngine};
///
/// #[workflow]
/// async fn reminder() -> Result<String, WorkflowError> {
///     // Every test begins on 2000-01-01.
///     let at = now_in("Europe/Berlin")?.checked_add(6.months())?;
///     sleep_until(&at).await?;
///     Ok(now_in("Europe/Berlin")?.to_string())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = TestEngine::new().await?;
/// let run = engine.start("r-1", reminder()).await?;
/// // The same hour on the clock, although it is summer then.
/// assert_eq!(run.result().await?, "2000-07-01T01:00:00+02:00[Europe/Berlin]");
/// # Ok(()) }
/// ```
pub fn sleep_until(at: impl Into<Timestamp>) -> Sleep {
    Sleep(When::At(at.into()))
}

impl Sleep {
    /// Names the suspension point that awaits this timer. The compiler reads the literal, where it is awaited.
    pub fn label(self, _label: &'static str) -> Self {
        self
    }
}

impl Durable for Sleep {
    type Output = Result<(), Cancelled>;
    fn request(self) -> Result<Request, EncodeError> {
        let at = match self.0 {
            When::After(time) => time.after(ambient::now()),
            When::At(at) => at,
        };
        Ok(Request::Operation(Command::Timer { op: UNSET, at }))
    }
    fn output(completion: Completion) -> Result<Self::Output, DecodeError> {
        match completion {
            Completion::Fired => Ok(Ok(())),
            Completion::Cancelled => Ok(Err(Cancelled)),
            other => Err(unexpected("a timer", &other)),
        }
    }
    type Future = OpFuture<Self>;
    fn future(self) -> OpFuture<Self> {
        OpFuture::new(self)
    }
}
impl Sealed for Sleep {}
