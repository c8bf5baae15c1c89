//! Schedules as callers see them.

use super::{
    run::{ASK, Ask, NAME, ScheduleStatus, Target, schedule},
    spec::{Overlap, Schedule},
    times::{InvalidSchedule, Times},
};
use crate::{
    engine::{Engine, Filter, IdReuse, QueryError, Run, StartError, Untyped, UpdateError},
    machine::{Workflow, WorkflowCall},
};
use jiff::Timestamp;

/// Why a schedule was not made, changed or shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// It cannot be used as it is.
    #[error("WE110: the schedule `{id}` cannot be used: {source}")]
    Invalid {
        /// The schedule.
        id: String,
        /// Why.
        #[source]
        source: InvalidSchedule,
    },
    /// The arguments of the runs cannot be saved.
    #[error("WE111: the arguments of the runs of schedule `{id}` cannot be saved")]
    Unencodable {
        /// The schedule.
        id: String,
        /// Where and why.
        #[source]
        source: crate::journal::encoding::EncodeError,
    },
    /// There is no such schedule, or it has ended.
    #[error("WE112: there is no schedule `{id}`; make it with `engine.schedule(..)`")]
    NotFound {
        /// The schedule.
        id: String,
    },
    /// It could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It could not be asked.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// It could not be read.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl ScheduleError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "WE110",
            Self::Unencodable { .. } => "WE111",
            Self::NotFound { .. } => "WE112",
            Self::Start(e) => e.code(),
            Self::Update(e) => e.code(),
            Self::Query(e) => e.code(),
        }
    }
}

/// A schedule's instance has this in front of its id.
const PREFIX: &str = "schedule/";

impl Engine {
    /// Starts runs of a workflow when `schedule` says, under ids made of `id` and the time at which each is due. The schedule is durable
    /// on return. If there is one under this id, it goes by the new rules and starts the new call from now on; what it has
    /// started goes on, and it stays paused if somebody has paused it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use workflow_runtime::{Engine, MemoryStore, prelude::*, schedule::Schedule};
    ///
    /// #[workflow]
    /// async fn report(name: String) -> Result<String, Cancelled> { Ok(name) }
    ///
    /// let engine = Engine::builder().store(MemoryStore::new()).build().await?;
    /// let nightly = Schedule::cron("30 3 * * *").time_zone("Europe/Berlin");
    /// let handle = engine.schedule("nightly", nightly, report("sales".into())).await?;
    /// assert!(handle.describe().await?.next.is_some());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ScheduleError::Invalid`]: the rules cannot be read, or are never due.
    pub async fn schedule<W: Workflow>(
        &self,
        id: impl Into<String>,
        schedule: Schedule,
        call: WorkflowCall<W>,
    ) -> Result<ScheduleHandle, ScheduleError> {
        let id = id.into();
        let invalid = |source| ScheduleError::Invalid { id: id.clone(), source };
        let times = Times::of(&schedule).map_err(invalid)?;
        if times.next(self.now()).is_none() {
            return Err(invalid(InvalidSchedule::Never));
        }
        let unencodable = |source| ScheduleError::Unencodable { id: id.clone(), source };
        let input = call.into_args().map_err(unencodable)?;
        let target = Target { workflow: W::NAME.into(), input, prefix: id.clone() };
        let start = self.start(format!("{PREFIX}{id}"), self::schedule(target.clone(), schedule.clone(), None));
        let handle = self.scheduled(id);
        match start.reuse(IdReuse::AllowIfClosed).await {
            Ok(run) if run.is_new() => {}
            Ok(_) | Err(StartError::Conflict { .. }) => {
                // A program that says the same at each of its starts changes nothing.
                let there = handle.describe().await;
                if !there.is_ok_and(|there| there.schedule == schedule && there.target == target) {
                    handle.ask(Ask::Replace { target, schedule }).await?;
                }
            }
            Err(e) => return Err(e.into()),
        }
        Ok(handle)
    }

    /// A handle of the schedule `id`. Nothing is looked up until it is used.
    pub fn scheduled(&self, id: impl Into<String>) -> ScheduleHandle {
        let id = id.into();
        ScheduleHandle { run: self.untyped(format!("{PREFIX}{id}")), id }
    }

    /// The ids of all schedules that have not ended.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::Query`]: the store cannot be read.
    pub async fn schedules(&self) -> Result<Vec<String>, ScheduleError> {
        let mut ids = vec![];
        let mut filter = Filter::all().workflow(NAME);
        loop {
            let page = self.list(&filter).await?;
            let open = page.instances.iter().filter(|i| !i.status.is_closed());
            ids.extend(open.filter_map(|i| Some(i.workflow_id.strip_prefix(PREFIX)?.to_owned())));
            match page.next {
                Some(next) => filter = filter.after(next),
                None => return Ok(ids),
            }
        }
    }
}

/// A handle of a schedule, made by [`Engine::schedule`] and [`Engine::scheduled`].
#[derive(Debug, Clone)]
pub struct ScheduleHandle {
    id: String,
    run: Run<Untyped>,
}

impl ScheduleHandle {
    /// The id of the schedule.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Starts nothing until it is resumed. What runs goes on.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::NotFound`]: there is no such schedule.
    pub async fn pause(&self, note: impl Into<String>) -> Result<(), ScheduleError> {
        self.ask(Ask::Pause { note: note.into() }).await
    }

    /// Goes on with the next time; those in between are not made up for: see [`backfill`](Self::backfill).
    ///
    /// # Errors
    ///
    /// [`ScheduleError::NotFound`]: there is no such schedule.
    pub async fn resume(&self) -> Result<(), ScheduleError> {
        self.ask(Ask::Resume).await
    }

    /// Starts a run now, also when the schedule is paused. `overlap` instead of the schedule's own, if given.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::NotFound`]: there is no such schedule.
    pub async fn trigger(&self, overlap: Option<Overlap>) -> Result<(), ScheduleError> {
        self.ask(Ask::Trigger { overlap }).await
    }

    /// Starts the runs that are due by the rules from `from` to `until`, as if it were then; both ends count. A time for
    /// which there is a run already gets no second one.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::NotFound`]: there is no such schedule.
    pub async fn backfill(&self, from: Timestamp, until: Timestamp, overlap: Overlap) -> Result<(), ScheduleError> {
        self.ask(Ask::Backfill { from, until, overlap }).await
    }

    /// Ends the schedule. What it has started goes on.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::NotFound`]: there is no such schedule.
    pub async fn delete(&self) -> Result<(), ScheduleError> {
        self.ask(Ask::Delete).await
    }

    /// Its rules, what it has done, and what comes next.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::NotFound`]: there is no such schedule.
    pub async fn describe(&self) -> Result<ScheduleStatus, ScheduleError> {
        let not_found = || ScheduleError::NotFound { id: self.id.clone() };
        match self.run.status_as::<ScheduleStatus>().await {
            Ok(status) => status.ok_or_else(not_found),
            Err(QueryError::NotFound { .. }) => Err(not_found()),
            Err(e) => Err(e.into()),
        }
    }

    async fn ask(&self, ask: Ask) -> Result<(), ScheduleError> {
        match self.run.update(&ASK, ask).await {
            Ok(()) => Ok(()),
            Err(UpdateError::NotFound { .. } | UpdateError::Closed { .. }) => {
                Err(ScheduleError::NotFound { id: self.id.clone() })
            }
            Err(e) => Err(e.into()),
        }
    }
}
