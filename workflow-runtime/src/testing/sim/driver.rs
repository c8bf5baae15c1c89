//! One run of a scenario: what happens next, decision by decision.

use super::{
    check::{Checker, invariant},
    clients::Clients,
    clock::{SimClock, Time},
    executor::{self, SimExecutor, Work},
    outcomes::Outcomes,
    rng::Rng,
    scenario::Scenario,
    store::{Disk, SimStore},
    tasks::{Spawner, Tasks, at_once},
    trace::Trace,
    world::{Inside, Odds, Violation, World},
};
use crate::{
    activity::States,
    engine::{Bug, Engine, EngineBuilder, inspect},
    registry::Registry,
};
use jiff::{SignedDuration, Timestamp};
use std::{cell::Cell, rc::Rc, sync::Arc};

/// The part of a run that every seed shares.
pub(super) struct Setting<'a> {
    pub(super) registry: Arc<Registry>,
    pub(super) configure: &'a (dyn Fn(EngineBuilder) -> EngineBuilder + Send + Sync),
    pub(super) faults: super::Faults,
    pub(super) bug: Option<Bug>,
    pub(super) recorded: bool,
    pub(super) whole: bool,
}

/// How a run went.
pub(super) struct Ran {
    pub(super) hash: u64,
    pub(super) steps: u64,
    pub(super) commits: u64,
    pub(super) processes: u64,
    pub(super) violation: Option<Violation>,
    pub(super) tail: Vec<String>,
}

pub(super) struct Driver<'a> {
    setting: &'a Setting<'a>,
    world: World,
    rng: Rng,
    states: States,
    tasks: Tasks,
    clients: Clients,
    processes: Vec<Process>,
    started: u64,
    /// Decisions until the weather turns calm.
    chaos: u64,
    calm: bool,
    max_steps: u64,
    resident: usize,
    workers: usize,
}

struct Process {
    id: u64,
    engine: Engine,
    /// Set when an orderly end is over.
    ending: Option<Rc<Cell<bool>>>,
}

/// Client calls and ends of engines belong to no process.
const NOBODY: u64 = 0;

impl<'a> Driver<'a> {
    pub(super) fn new(setting: &'a Setting<'a>, scenario: &mut Scenario) -> Self {
        let mut rng = Rng::new(scenario.seed, 2);
        let chaos = 50 + rng.below(1500);
        let odds = odds(&mut rng, setting.faults);
        let world = World::new(Inside {
            rng: Rng::new(scenario.seed, 3),
            trace: Trace::new(setting.recorded, setting.whole),
            step: 0,
            time: Time::new(),
            disk: Disk::default(),
            work: Work::default(),
            checker: Checker::new(setting.registry.clone()),
            odds,
        });
        let resident = [0, 1, 4, 4096][rng.index(4)];
        let workers = 1 + rng.index(3);
        let clients = Clients::new(&mut rng, scenario, chaos);
        Driver {
            setting,
            world,
            rng,
            states: scenario.states.clone(),
            tasks: Tasks::default(),
            clients,
            processes: vec![],
            started: 0,
            chaos,
            calm: false,
            max_steps: scenario.max_steps,
            resident,
            workers,
        }
    }

    /// Runs the scenario to its end.
    pub(super) fn run(mut self, scenario: &Scenario) -> Ran {
        let missing = self.setting.registry.missing_states(&self.states);
        if let Some(m) = missing.first() {
            let message = format!("activity {} needs a State<{}>: give it with `.state(..)`", m.activity, m.state);
            self.fail(invariant::SETUP, message);
        }
        self.open();
        while self.violation().is_none() && self.decide() {}
        if self.violation().is_none() {
            self.judge(scenario);
        }
        let ids: Vec<_> = self.processes.iter().map(|p| p.id).collect();
        ids.into_iter().for_each(|id| self.kill(id));
        self.tasks.kill(NOBODY);
        let world = self.world.lock();
        let hash = world.trace.hash();
        let violation = world.checker.violation().cloned();
        let (steps, commits, tail) = (world.step, world.disk.commits(), world.trace.tail());
        Ran { hash, steps, commits, processes: self.started, violation, tail }
    }

    fn violation(&self) -> Option<Violation> {
        self.world.lock().checker.violation().cloned()
    }

    fn fail(&self, invariant: &'static str, message: String) {
        self.world.lock().checker.fail(invariant, "", message);
    }

    fn judge(&self, scenario: &Scenario) {
        let mut world = self.world.lock();
        let wrong = scenario.checks.iter().find_map(|check| check(&Outcomes(&world.checker)).err());
        if let Some(message) = wrong {
            world.checker.fail(invariant::RESULT, "", message);
        }
    }

    /// Starts a process on the disk as it is.
    fn open(&mut self) {
        self.started += 1;
        let id = self.started;
        let world = || self.world.clone();
        let builder = Engine::builder()
            .store(SimStore { world: world(), process: id })
            .clock(SimClock(world()))
            .executor(SimExecutor { world: world(), process: id })
            .inline(Arc::new(Spawner { process: id }))
            .seed(1)
            .workers(self.workers)
            .resident(self.resident)
            .retention_forever()
            .bug(self.setting.bug);
        let builder = (self.setting.configure)(builder);
        self.world.lock().note(format_args!("p{id} opens"));
        match at_once(builder.build()) {
            Ok(engine) => self.processes.push(Process { id, engine, ending: None }),
            Err(e) => self.fail(invariant::SETUP, format!("the engine does not build: {e}")),
        }
    }

    /// Ends a process where it stands: what is not durable is lost.
    fn kill(&mut self, id: u64) {
        let Some(at) = self.processes.iter().position(|p| p.id == id) else { return };
        let process = self.processes.remove(at);
        let (attempts, _) = {
            let mut world = self.world.lock();
            world.note(format_args!("p{id} is gone"));
            world.lose_writes(id, false);
            (world.work.forget(id), ())
        };
        self.tasks.kill(id);
        drop(attempts);
        process.engine.kill();
    }

    /// Decides what happens next. False when nothing can happen any more.
    fn decide(&mut self) -> bool {
        let (step, now) = {
            let mut world = self.world.lock();
            world.step += 1;
            (world.step, world.time.now)
        };
        if step > self.max_steps {
            self.stuck();
            return false;
        }
        if !self.calm && step >= self.chaos {
            self.turn_calm();
        }
        self.mind_processes();
        self.clients.answers(&self.world);
        if !self.calm && self.something_fails() {
            return true;
        }
        let ready = self.tasks.ready();
        let (unwritten, unanswered, attempts, next) = {
            let world = self.world.lock();
            let (unwritten, unanswered) = world.disk.underway();
            let next = [world.time.next(), world.work.next()].into_iter().flatten().min();
            (unwritten, unanswered, world.work.can_go_on(now), next)
        };
        let calls = if self.current().is_some() { self.clients.due(step, self.calm) } else { 0 };
        let weights = [
            if ready > 0 { 12 } else { 0 },
            if unwritten > 0 { 4 } else { 0 },
            if unanswered > 0 { 4 } else { 0 },
            if attempts > 0 { 3 } else { 0 },
            if calls > 0 { 2 } else { 0 },
        ];
        let total: u64 = weights.iter().sum();
        // Time passes when nothing else happens, and now and then while something does.
        if let Some(next) = next.filter(|_| total == 0 || self.rng.chance(20)) {
            return self.pass(next);
        }
        if total == 0 {
            return self.idle();
        }
        let mut choice = self.rng.below(total);
        let chosen = weights.iter().position(|w| {
            let here = choice < *w;
            choice = choice.saturating_sub(*w);
            here
        });
        match chosen {
            Some(0) => {
                if let Err(message) = self.tasks.poll(&mut self.rng) {
                    self.fail(invariant::PANIC, message);
                }
            }
            Some(1) => self.world.lock().make_durable(),
            Some(2) => self.world.lock().answer_write(),
            Some(3) => self.attempt(),
            _ => self.call(),
        }
        true
    }

    fn attempt(&mut self) {
        let next = self.world.lock().next_of_attempts();
        match next {
            None => {}
            Some(executor::Next::Begin { id, process, request, stop }) => {
                let with = (&*self.setting.registry, &self.states);
                executor::begin(&self.world, with, (id, process), &request, stop);
            }
            Some(executor::Next::Report(on_done, report, body)) => {
                drop(body);
                on_done(report);
            }
        }
    }

    fn call(&mut self) {
        let Some((id, engine)) = self.current().map(|p| (p.id, p.engine.clone())) else { return };
        let step = self.world.lock().step;
        if let Some(call) = self.clients.call(&mut self.rng, &self.world, (step, self.calm), id, engine) {
            super::tasks::spawn(NOBODY, call);
        }
    }

    /// The process that clients talk to: the newest, unless it is about to end.
    fn current(&self) -> Option<&Process> {
        self.processes.last().filter(|p| p.ending.is_none() && !inspect::is_down(&p.engine))
    }

    /// Time passes until `to`.
    fn pass(&mut self, to: Timestamp) -> bool {
        let mut world = self.world.lock();
        let to = world.time.now.max(to);
        world.note(format_args!("it is {to}"));
        world.time.set(to);
        true
    }

    /// The faults come to an end: what runs now must finish.
    fn turn_calm(&mut self) {
        self.calm = true;
        let mut world = self.world.lock();
        world.note(format_args!("the weather is calm now"));
        world.odds = Odds::default();
    }

    /// Replaces what has ended.
    fn mind_processes(&mut self) {
        let over: Vec<u64> = {
            let newest = self.processes.last().map(|p| p.id);
            let down = |p: &&Process| match &p.ending {
                Some(over) => over.get(),
                // Clients notice after a while; what is left behind by a takeover ends at some time.
                None if inspect::is_down(&p.engine) => true,
                None => Some(p.id) != newest && self.calm,
            };
            self.processes.iter().filter(down).map(|p| p.id).collect()
        };
        for id in over {
            if self.calm || self.rng.chance(100) {
                self.kill(id);
            }
        }
        if self.processes.is_empty() && (self.calm || self.rng.chance(200)) {
            self.open();
        }
    }

    /// Rolls the dice. True if something went wrong.
    fn something_fails(&mut self) -> bool {
        let odds = self.world.lock().odds;
        let newest = self.processes.last().filter(|p| p.ending.is_none()).map(|p| p.id);
        if self.rng.chance(odds.clock) {
            self.turn_clock();
            return true;
        }
        let Some(newest) = newest else { return false };
        if self.rng.chance(odds.crash) {
            self.kill(newest);
        } else if self.rng.chance(odds.indeterminate) {
            self.world.lock().poison(newest);
        } else if self.rng.chance(odds.takeover) {
            // The one before does not know yet.
            self.open();
        } else if self.rng.chance(odds.shutdown) {
            self.shut_down();
        } else {
            return false;
        }
        true
    }

    fn shut_down(&mut self) {
        let Some(process) = self.processes.last_mut() else { return };
        let over = Rc::new(Cell::new(false));
        process.ending = Some(over.clone());
        let (engine, id) = (process.engine.clone(), process.id);
        self.world.lock().note(format_args!("p{id} is asked to end"));
        let end = async move {
            engine.shutdown().await;
            over.set(true);
        };
        super::tasks::spawn(NOBODY, Box::pin(end));
    }

    /// Somebody sets the clock, forward or back.
    fn turn_clock(&mut self) {
        let seconds = [1, 60, 3600, 86_400, 40 * 86_400][self.rng.index(5)];
        let back = self.rng.chance(500);
        let seconds = if back { -seconds } else { seconds };
        let mut world = self.world.lock();
        let to = world.time.after(SignedDuration::from_secs(seconds));
        world.note(format_args!("the clock is set to {to}"));
        world.time.set(to);
    }

    /// Nothing moves by itself. False if that is the end.
    fn idle(&mut self) -> bool {
        if !self.calm {
            self.turn_calm();
            return true;
        }
        self.clients.stir(&self.world) || {
            self.clients.finish(&self.world);
            false
        }
    }

    fn stuck(&self) {
        let mut world = self.world.lock();
        let open = world.checker.instances().find(|(_, i)| !i.is_closed()).map(|(id, _)| id.clone());
        let hangs = world.work.hangs().map(|r| format!("; attempt {} of {} never ends", r.attempt, r.name));
        let message = format!("not at an end after {} decisions{}", self.max_steps, hangs.unwrap_or_default());
        world.checker.fail(invariant::LIVE, &open.unwrap_or_default(), message);
    }
}

/// How bad the weather of one seed is: not every seed has every kind of fault, so that rare ones meet undisturbed work.
fn odds(rng: &mut Rng, faults: super::Faults) -> Odds {
    let mut roll = |on: bool, most: u64| {
        let (here, odds) = (rng.chance(500), 1 + rng.below(most));
        if on && here { odds } else { 0 }
    };
    Odds {
        crash: roll(faults.crashes, 12),
        indeterminate: roll(faults.writes, 6),
        takeover: roll(faults.takeovers, 6),
        shutdown: roll(faults.shutdowns, 6),
        clock: roll(faults.clock, 15),
        attempt: roll(faults.attempts, 300),
        refused: roll(faults.refusals, 30),
        read: roll(faults.reads, 20),
    }
}
