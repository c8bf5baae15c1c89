//! What wakes instances: the indexes when the store is opened, and the clock.

use super::{
    clock::Wake,
    pages::{Pages, Read},
    pulse::Held,
    timers::Timer,
    worker::Worker,
};
use crate::{
    journal::{
        id::WorkflowId,
        key::{Key, Kind, NamespaceKeys},
    },
    machine::OpId,
    store::{Row, StoreError},
};
use jiff::Timestamp;
use std::rc::Rc;

/// Index entries that are read at a time.
pub(super) const PAGE: usize = 1024;

/// Instances that are woken at a time, of each worker. What a client starts or tells meanwhile is at most behind so many of them, and their
/// commits still share their flushes.
pub(super) const WOKEN: usize = 32;

impl Worker {
    /// Wakes what has something to do, whatever the time, and reads what is due next. Loads nothing else.
    pub(super) async fn recover(self: Rc<Self>, busy: Held) {
        self.read_timers();
        let mut index = Pages::new(NamespaceKeys::new(&self.shared.settings.namespace).all(Kind::Ready));
        loop {
            let rows = match self.page(&mut index).await {
                Ok(Some(rows)) => rows,
                Ok(None) => break,
                Err(e) => return self.shared.health.poison(e),
            };
            for (key, _) in rows {
                if let Some(id) = self.owned(&key).map(|(id, _)| id) {
                    self.room().await;
                    self.wake(id);
                }
            }
        }
        drop(busy);
    }

    /// A page of an index, if there is one more. What is damaged comes later, when it is made whole.
    async fn page(&self, index: &mut Pages) -> Result<Option<Vec<Row>>, StoreError> {
        loop {
            match index.next(&*self.shared.store, PAGE).await? {
                None => return Ok(None),
                Some(Read::Rows(rows)) => return Ok(Some(rows)),
                Some(Read::Damaged { key, reason }) => {
                    self.shared.mend(&key, &reason);
                }
            }
        }
    }

    fn owned(&self, key: &[u8]) -> Option<(WorkflowId, Key)> {
        let key = Key::parse(key).ok()?;
        let id = WorkflowId::new(key.id.clone()?).ok()?;
        self.owns(&id).then_some((id, key))
    }

    /// Reads on in the timer index, if all that was read before has fired.
    pub(super) fn read_timers(self: &Rc<Self>) {
        let Some(horizon) = self.timers.borrow_mut().begin_read() else { return };
        let (worker, busy) = (self.clone(), self.shared.pulse.hold());
        self.spawn(Box::pin(async move {
            if let Err(e) = worker.read_timers_from(horizon).await {
                worker.shared.health.poison(e);
            }
            worker.timers_changed();
            drop(busy);
        }));
    }

    async fn read_timers_from(&self, horizon: i64) -> Result<(), StoreError> {
        let keys = NamespaceKeys::new(&self.shared.settings.namespace);
        let (mut from, to) = keys.all(Kind::Timer);
        if horizon > i64::MIN {
            from = keys.timers_until(horizon).1;
        }
        let (mut read, mut first): (Vec<Timer>, _) = (vec![], None);
        let mut index = Pages::new((from, to));
        loop {
            let rows = self.page(&mut index).await?.unwrap_or_default();
            let last = rows.last().and_then(|(key, _)| Key::parse(key).ok()?.due);
            let full = !index.is_over();
            first = first.or_else(|| Key::parse(&rows.first()?.0).ok()?.due);
            for (key, _) in rows {
                if let Some((id, key)) = self.owned(&key) {
                    read.extend(key.due.zip(key.number).map(|(due, op)| (due, id, OpId(op))));
                }
            }
            // Of the last microsecond there may be more behind this page.
            let horizon = if full { last.map(|due| due.saturating_sub(1)) } else { None };
            // Never ends within one microsecond: the next reading begins with it again.
            if !full || (read.len() >= PAGE && last > first) {
                self.timers.borrow_mut().end_read(read, horizon.unwrap_or(i64::MAX));
                return Ok(());
            }
        }
    }

    /// The timers have changed: the clock stands still until somebody sleeps until the new time.
    pub(super) fn timers_changed(&self) {
        self.timers.borrow_mut().unsettled = Some(self.shared.pulse.hold());
        self.changed.notify_one();
    }

    /// Sleeps until a time, or for ever.
    pub(super) async fn until(&self, due: Option<i64>) -> Wake {
        let unsettled = self.timers.borrow_mut().unsettled.take();
        let Some(due) = due else {
            drop(unsettled);
            return std::future::pending().await;
        };
        let at = Timestamp::from_microsecond(due).unwrap_or(Timestamp::MAX);
        if at <= self.shared.clock.now() {
            return unsettled.map(Wake::holding).unwrap_or_default();
        }
        let mut sleep = self.shared.clock.sleep_until(at);
        let mut unsettled = unsettled;
        std::future::poll_fn(|cx| {
            let poll = sleep.as_mut().poll(cx);
            // The clock knows of this sleeper now.
            unsettled = None;
            poll
        })
        .await
    }

    /// Wakes the instances that have something due, as many as there is room for.
    pub(super) fn fire(self: &Rc<Self>) {
        let time = self.shared.clock.now();
        let mut woken = 0;
        // One that is at work already takes no room.
        while woken < WOKEN && self.woken.get() < WOKEN {
            let Some((_, id, _)) = self.timers.borrow_mut().take(time.as_microsecond()) else { break };
            self.wake_at(id, time);
            woken += 1;
        }
        let mut timers = self.timers.borrow_mut();
        if timers.next().is_some_and(|due| due <= time.as_microsecond()) {
            // The clock stands still for those that there was no room for.
            timers.unsettled = Some(self.shared.pulse.hold());
        }
        drop(timers);
        self.read_timers();
    }
}
