//! A thread that owns the instances of its shards.

use super::{
    actor::Actor,
    checkpoint::Checkpoint,
    error::Unavailable,
    instance::Instance,
    message::{Ended, HowEnded, Inlet, Mail, Message, Received, Reply},
    outside::Outside,
    place::{Place, Served},
    pulse::Held,
    recovery::WOKEN,
    resident::Resident,
    running::Attempts,
    shared::Shared,
    timers::Timers,
    updates::Clients,
    watch::Gauge,
};
use crate::{
    hash::{HashMap, HashSet},
    journal::id::{ShardId, WorkflowId},
    machine::{LocalBoxFuture, OpId},
    store::Fence,
};
use jiff::Timestamp;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
    task::Poll,
};
use tokio::sync::{Notify, mpsc::UnboundedSender};
use tracing::Instrument;
use workflow_definition::Fingerprint;

/// What the tasks of one worker share. They run on one thread, and hold no borrow while they wait.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) sender: UnboundedSender<Message>,
    pub(super) index: usize,
    pub(super) count: usize,
    pub(super) gauge: Arc<Gauge>,
    /// When it took its shards over: what was running before that is lost.
    pub(super) since: Timestamp,
    /// Of all shards; those of others are not used.
    pub(super) fences: RefCell<Vec<Fence>>,
    mail: RefCell<HashMap<WorkflowId, VecDeque<Received>>>,
    resident: RefCell<Resident>,
    /// The attempts of its instances. They outlive a worker that is replaced.
    pub(super) running: Attempts,
    /// What is heard of activities that are completed from outside.
    pub(super) outside: RefCell<Outside>,
    watchers: RefCell<HashMap<WorkflowId, Vec<Reply<HowEnded, Unavailable>>>>,
    pub(super) clients: Clients,
    pub(super) timers: RefCell<Timers>,
    pub(super) changed: Notify,
    /// Messages of its instances that are on their way.
    under_way: RefCell<HashMap<WorkflowId, HashSet<u64>>>,
    /// Definitions that are in the store.
    pub(super) definitions: RefCell<HashSet<Fingerprint>>,
    /// Blocked instances that have had their second chance from this engine.
    retried: RefCell<HashSet<WorkflowId>>,
    /// How often in a row an instance has stopped for a reason that may pass.
    pub(super) failing: RefCell<HashMap<WorkflowId, u32>>,
    /// How often a message has come back that no receiver has answered yet.
    pub(super) refused: RefCell<HashMap<(WorkflowId, u64), u32>>,
    pub(super) finishing: Cell<bool>,
    active: Cell<usize>,
    /// Of those at work, the ones that nobody outside is waiting for: they were woken because of a timer, or of what was left to do.
    pub(super) woken: Cell<usize>,
    idle: Notify,
}

/// While it lives, its worker works on an instance.
struct AtWork {
    worker: Rc<Worker>,
    id: WorkflowId,
    woken: bool,
    /// Keeps the clock from moving between the last mail and the last commit.
    _busy: Held,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let AtWork { worker, id, woken, .. } = self;
        // In a simulation a panic is the simulation's to see.
        if std::thread::panicking() && worker.shared.inline.is_none() {
            let e = Unavailable::Panicked { workflow_id: id.to_string() };
            tracing::error!(workflow.id = id.as_str(), error = %e, code = e.code(), "the instance stops here");
            worker.refuse(id, &e);
            worker.look_again(id.clone(), &e);
        }
        worker.active.set(worker.active.get() - 1);
        worker.woken.set(worker.woken.get() - usize::from(*woken));
        worker.idle.notify_waiters();
        // One that was replaced during this step has nobody else to wake it: it ends, and lets go of the store.
        if worker.gauge.is_replaced() {
            worker.changed.notify_one();
        }
    }
}

impl Worker {
    pub(super) fn new(place: &Place, gauge: Arc<Gauge>) -> Self {
        let shared = place.shared.clone();
        let senders = shared.workers.get().map_or(&[][..], Vec::as_slice);
        let since = if place.succeeds { shared.clock.now() } else { shared.opened };
        Worker {
            sender: senders[place.index].clone(),
            index: place.index,
            count: senders.len(),
            gauge,
            since,
            fences: RefCell::new(shared.fences.clone()),
            mail: RefCell::default(),
            resident: RefCell::new(Resident::new(shared.settings.resident)),
            running: place.running.clone(),
            outside: RefCell::default(),
            watchers: RefCell::default(),
            clients: Clients::default(),
            timers: RefCell::new(Timers::new()),
            changed: Notify::new(),
            under_way: RefCell::default(),
            definitions: RefCell::default(),
            retried: RefCell::default(),
            failing: RefCell::default(),
            refused: RefCell::default(),
            finishing: Cell::new(false),
            active: Cell::new(0),
            woken: Cell::new(0),
            idle: Notify::new(),
            shared,
        }
    }

    pub(super) async fn begin(self: Rc<Self>, starting: Held, place: Place) {
        let Place { inlet, succeeds, .. } = place;
        let _served = Served { inlet: inlet.clone(), gauge: self.gauge.clone() };
        if succeeds {
            if let Err(e) = self.take_over().await {
                return self.shared.health.poison(e);
            }
            self.announce();
            self.block_condemned().await;
            if let Some(mend) = self.shared.mending.left_to(self.index) {
                self.spawn(Box::pin(self.clone().mend(mend, self.shared.pulse.hold())));
            }
        }
        let recovery = self.clone();
        self.spawn(Box::pin(async move { recovery.recover(starting).await }));
        self.run(inlet).await;
    }

    /// Blocks the instance whose step the worker before did not return from, before another one of that kind keeps this
    /// worker from it, too. If that fails, the mail about it leads to it again.
    async fn block_condemned(self: &Rc<Self>) {
        for id in self.shared.watch.all_condemned().into_iter().filter(|id| self.owns(id)) {
            if let Ok(actor) = Box::pin(self.load(id)).await {
                self.resident.borrow_mut().park(actor.instance);
            }
        }
    }

    /// Runs a task beside the others of this worker.
    pub(super) fn spawn(&self, mut task: LocalBoxFuture<()>) {
        let Some(inline) = &self.shared.inline else {
            let gauge = self.gauge.clone();
            // A worker that was replaced does nothing more, whatever its tasks were waiting for.
            let task = std::future::poll_fn(move |cx| match gauge.is_replaced() {
                true => Poll::Ready(()),
                false => task.as_mut().poll(cx),
            });
            return drop(tokio::task::spawn_local(task));
        };
        inline.spawn(task);
    }

    /// # Errors
    ///
    /// Why nothing may have an effect any more.
    pub(super) fn alive(&self) -> Result<(), Unavailable> {
        match self.gauge.is_replaced() {
            true => Err(Unavailable::Replaced),
            false => self.shared.health.alive(),
        }
    }

    async fn run(self: Rc<Self>, inlet: Inlet) {
        // Something is due. It waits until there is room for it, and messages do not wait with it.
        let mut fires = None;
        loop {
            let due = self.timers.borrow().next();
            tokio::select! {
                biased;
                () = self.replaced() => return,
                message = inlet.next() => match message {
                    Some(Message::To { id, mail, busy }) => {
                        let at = self.shared.clock.now();
                        self.deliver(id, Received { at, mail, busy });
                    }
                    Some(Message::Returned { from, seq, busy }) => {
                        self.returned(from, seq);
                        drop(busy);
                    }
                    Some(Message::Mend { mend, busy }) => self.spawn(Box::pin(self.clone().mend(mend, busy))),
                    Some(Message::SendAgain) => self.send_again(),
                    Some(Message::Finish(done)) => {
                        self.finishing.set(true);
                        self.keep_all_progress();
                        self.quiet().await;
                        let _ = done.send(());
                        return;
                    }
                    Some(Message::Die) | None => return,
                },
                () = self.changed.notified() => {}
                wake = self.until(due), if fires.is_none() => fires = Some(wake),
                () = self.room(), if fires.is_some() => {
                    self.fire();
                    // The clock stands still up to here.
                    fires = None;
                }
            }
        }
    }

    /// Ready if this worker was replaced. It wakes nobody: the end of the step wakes the worker.
    async fn replaced(&self) {
        std::future::poll_fn(|_| if self.gauge.is_replaced() { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// Whether an instance is one of this worker's.
    pub(super) fn owns(&self, id: &WorkflowId) -> bool {
        self.owns_shard(self.shared.shard(id))
    }

    pub(super) fn owns_shard(&self, shard: ShardId) -> bool {
        usize::from(shard.0) % self.count == self.index
    }

    pub(super) fn deliver(self: &Rc<Self>, id: WorkflowId, received: Received) {
        let mut mail = self.mail.borrow_mut();
        if let Some(queue) = mail.get_mut(&id) {
            queue.push_back(received);
            return;
        }
        let woken = matches!(received.mail, Mail::Due);
        mail.insert(id.clone(), VecDeque::from([received]));
        self.active.set(self.active.get() + 1);
        self.woken.set(self.woken.get() + usize::from(woken));
        let span = tracing::info_span!(
            "workflow.instance",
            workflow.id = id.as_str(),
            workflow.name = tracing::field::Empty,
            workflow.run_id = tracing::field::Empty,
        );
        // Boxed here: tasks are moved several times before they begin.
        self.spawn(Box::pin(self.clone().drive(id, woken).instrument(span)));
    }

    /// A message of an instance is on its way.
    pub(super) fn sent(&self, id: &WorkflowId, seq: u64) {
        self.under_way.borrow_mut().entry(id.clone()).or_default().insert(seq);
    }

    /// It is not any more.
    pub(super) fn arrived(&self, id: &WorkflowId, seq: u64) {
        let mut under_way = self.under_way.borrow_mut();
        let Some(of) = under_way.get_mut(id) else { return };
        of.remove(&seq);
        if of.is_empty() {
            under_way.remove(id);
        }
    }

    /// Nothing is on its way any more. Those whose messages were.
    pub(super) fn forget_under_way(&self) -> Vec<WorkflowId> {
        self.under_way.borrow_mut().drain().map(|(id, _)| id).collect()
    }

    /// The messages of an instance that are on their way.
    pub(super) fn under_way<R>(&self, id: &WorkflowId, look: impl FnOnce(&HashSet<u64>) -> R) -> R {
        match self.under_way.borrow().get(id) {
            Some(of) => look(of),
            None => look(&HashSet::default()),
        }
    }

    /// Waits until no instance is at work.
    async fn quiet(&self) {
        while self.active.get() > 0 {
            self.idle.notified().await;
        }
    }

    /// Waits until another instance may be woken. However many those are that others wait for, they leave room: so neither keeps the other
    /// from its work.
    pub(super) async fn room(&self) {
        while self.woken.get() >= WOKEN {
            self.idle.notified().await;
        }
    }

    /// Works on an instance until it has nothing to do.
    async fn drive(self: Rc<Self>, id: WorkflowId, woken: bool) {
        let _at_work = AtWork { worker: self.clone(), id: id.clone(), woken, _busy: self.shared.pulse.hold() };
        let parked = self.resident.borrow_mut().take(&id);
        let loaded = match parked {
            Some(instance) => Ok(Actor { worker: self.clone(), instance, floor: Timestamp::MIN }),
            None => match Box::pin(self.load(id.clone())).await {
                Err(e) => Box::pin(self.salvage(&id, e)).await,
                loaded => loaded,
            },
        };
        let worked = match loaded {
            Ok(mut actor) => {
                self.tell_again(&id);
                actor.work_again(&self).await.map(|()| actor.instance)
            }
            Err(e) => Err(e),
        };
        match worked {
            Ok(instance) => {
                let mut mail = self.mail.borrow_mut();
                debug_assert!(mail.get(&id).is_none_or(VecDeque::is_empty), "an actor leaves no mail behind");
                mail.remove(&id);
                self.failing.borrow_mut().remove(&id);
                self.resident.borrow_mut().park(instance);
            }
            Err(e) => {
                tracing::warn!(error = %e, code = e.code(), "the instance stops here");
                self.refuse(&id, &e);
                self.look_again(id, &e);
            }
        }
    }

    async fn load(self: &Rc<Self>, id: WorkflowId) -> Result<Actor, Unavailable> {
        let instance = Instance::load(&self.shared, id).await?;
        let mut actor = Actor { worker: self.clone(), instance: Box::new(instance), floor: Timestamp::MIN };
        actor.load_members().await?;
        actor.mark_lost().await?;
        actor.condemn().await?;
        if actor.instance.is_blocked() && self.retried.borrow_mut().insert(actor.instance.id.clone()) {
            actor.second_chance().await?;
        }
        Ok(actor)
    }

    /// Nothing can be done for this mail: its senders are told. How attempts ended is kept, if this may pass.
    fn refuse(&self, id: &WorkflowId, error: &Unavailable) {
        let mail = self.mail.borrow_mut().remove(id);
        for received in mail.into_iter().flatten() {
            if let Mail::Done { run, op, attempt, report } = received.mail {
                self.untold(id, Ended { at: received.at, run, op, attempt, report }, error);
                continue;
            }
            match &received.mail {
                Mail::Letter { from, seq, .. } => self.shared.returned(from, *seq),
                // The answer is lost: whoever asks again gets the same.
                Mail::Answered { seq, .. } => self.arrived(id, *seq),
                _ => {}
            }
            received.mail.refuse(error);
        }
        self.clients.refuse(id, None, |_| error.clone().into());
        if let Some(watchers) = self.watchers.borrow_mut().remove(id) {
            for watcher in watchers {
                let _ = watcher.send(Err(error.clone()));
            }
        }
    }

    pub(super) fn first_mail(&self, id: &WorkflowId) -> Option<Timestamp> {
        self.mail.borrow().get(id)?.front().map(|r| r.at)
    }

    /// Comes before all other mail.
    pub(super) fn put_first(&self, id: &WorkflowId, received: Received) {
        self.mail.borrow_mut().entry(id.clone()).or_default().push_front(received);
    }

    /// Whether there is such a piece of mail.
    pub(super) fn has_mail(&self, id: &WorkflowId, which: fn(&Mail) -> bool) -> bool {
        self.mail.borrow().get(id).is_some_and(|mail| mail.iter().any(|r| which(&r.mail)))
    }

    /// Takes the first such piece of mail, before those that came earlier.
    pub(super) fn take_mail_of(&self, id: &WorkflowId, which: fn(&Mail) -> bool) -> Option<Mail> {
        let mut mail = self.mail.borrow_mut();
        let queue = mail.get_mut(id)?;
        let at = queue.iter().position(|r| which(&r.mail))?;
        Some(queue.remove(at)?.mail)
    }

    pub(super) fn take_mail(&self, id: &WorkflowId) -> Option<Received> {
        self.mail.borrow_mut().get_mut(id)?.pop_front()
    }

    /// Takes the first piece of mail if it is such a one.
    pub(super) fn take_mail_if(&self, id: &WorkflowId, which: &dyn Fn(&Received) -> bool) -> Option<Received> {
        self.mail.borrow_mut().get_mut(id)?.pop_front_if(|r| which(r))
    }

    pub(super) fn watch(&self, id: &WorkflowId, reply: Reply<HowEnded, Unavailable>) {
        let mut watchers = self.watchers.borrow_mut();
        let watchers = watchers.entry(id.clone()).or_default();
        watchers.retain(|w| !w.is_closed());
        watchers.push(reply);
    }

    /// `ended` is how the present run has ended, if it is that which there is to tell.
    pub(super) fn tell_watchers(&self, id: &WorkflowId, ended: Option<&Checkpoint>) {
        for watcher in self.watchers.borrow_mut().remove(id).into_iter().flatten() {
            let _ = watcher.send(Ok(ended.cloned().map(Box::new)));
        }
    }

    /// Moves timers from what was due to what is due now.
    pub(super) fn arm<'a>(
        &self,
        id: &WorkflowId,
        gone: impl Iterator<Item = &'a (i64, OpId)>,
        new: impl Iterator<Item = &'a (i64, OpId)>,
    ) {
        let mut timers = self.timers.borrow_mut();
        let before = timers.next();
        gone.for_each(|(due, op)| timers.unset(*due, id, *op));
        new.for_each(|(due, op)| timers.set(*due, id, *op));
        let after = timers.next();
        drop(timers);
        if before != after {
            self.timers_changed();
        }
    }

    /// Whether something is for an instance to do now.
    pub(super) fn wake(self: &Rc<Self>, id: WorkflowId) {
        self.wake_at(id, self.shared.clock.now());
    }

    /// Something of an instance was found to be due at a time.
    pub(super) fn wake_at(self: &Rc<Self>, id: WorkflowId, at: Timestamp) {
        let received = Received { at, mail: Mail::Due, busy: self.shared.pulse.hold() };
        self.deliver(id, received);
    }
}
