//! Hosts the services, runs the worker, kills it at moments that nobody chose, and starts it again until all is done.

use crate::{
    audit::{Outcome, audit},
    domain::{Order, OrdersError, read_orders},
    options,
    report::{Numbers, Progress, print},
    rng::Rng,
    services::{
        FromWorker, ToWorker,
        desk::{self, Approval},
        host::{Connection, Event, Host},
        ledger::LedgerError,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{self, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};

/// A run in which nothing happens for so long is given up.
const STALLED: Duration = Duration::from_secs(60);

/// Why the program could not do its job. That the books do not add up is no failure of the program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Orders(#[from] OrdersError),
    #[error("cannot use {path}: {source}")]
    Data { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("cannot run: {0}")]
    Process(#[from] io::Error),
    #[error("the worker ended on its own before its work was done: {status}")]
    WorkerEnded { status: std::process::ExitStatus },
    #[error("nothing has happened for a minute, and these orders have no outcome: {orders:?}")]
    Stalled { orders: Vec<u64> },
}

/// Runs everything; true if every line of the audit adds up.
///
/// # Errors
///
/// See [`Failure`].
pub(crate) fn run(options: &options::Run) -> Result<bool, Failure> {
    let orders = read_orders(&options.orders)?;
    let (dir, temporary) = match &options.data {
        Some(dir) => (dir.clone(), None),
        None => {
            let dir = tempfile::Builder::new().prefix("orders-").tempdir()?;
            (dir.path().to_owned(), Some(dir))
        }
    };
    std::fs::create_dir_all(&dir).map_err(|source| Failure::Data { path: dir.clone(), source })?;
    println!("{} orders, {} kills, --seed {}", orders.len(), options.kills, options.seed);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    let done = runtime.block_on(async {
        let mut supervisor = Supervisor::start(options, &orders, &dir)?;
        supervisor.fulfil().await?;
        supervisor.conclude().await
    });
    if let Some(dir) = temporary
        && (options.keep || !matches!(done, Ok(true)))
    {
        println!("the data is kept in {}", dir.keep().display());
    }
    done
}

/// How the life of a worker ended.
enum End {
    Killed,
    Done,
}

/// One run of the program.
struct Supervisor<'a> {
    options: &'a options::Run,
    orders: &'a [Order],
    data: &'a Path,
    host: Arc<Host>,
    address: SocketAddr,
    events: mpsc::UnboundedReceiver<Event>,
    worker: Option<Connection>,
    /// Decisions of which no worker has said that they are durable.
    outbox: BTreeMap<u64, Approval>,
    delivered: BTreeSet<u64>,
    /// As the workers so far have said.
    outcomes: BTreeMap<u64, Outcome>,
    /// As the present worker says.
    confirmed: BTreeMap<u64, Outcome>,
    /// How many different requests there have been when the worker is killed next, and after that.
    deadly: VecDeque<u64>,
    rng: Rng,
    numbers: Numbers,
    progress: Progress,
}

impl<'a> Supervisor<'a> {
    fn start(options: &'a options::Run, orders: &'a [Order], data: &'a Path) -> Result<Self, Failure> {
        let (host, events) = Host::open(data, options.seed)?;
        let address = host.listen()?;
        host.reopen_the_desk();
        let mut rng = Rng::of(options.seed, "kills");
        // What is asked if all goes well, less what it may fall short, so that every kill finds work under way.
        let requests = orders.iter().map(|o| 2 + o.lines.len() as u64).sum::<u64>() * 9 / 10;
        let mut deadly: Vec<_> = (0..options.kills).map(|_| 1 + rng.below(requests)).collect();
        deadly.sort_unstable();
        Ok(Supervisor {
            options,
            orders,
            data,
            host,
            address,
            events,
            worker: None,
            outbox: BTreeMap::new(),
            delivered: BTreeSet::new(),
            outcomes: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            deadly: deadly.into(),
            rng,
            numbers: Numbers::default(),
            progress: Progress::new(orders.len() as u64),
        })
    }

    /// Runs workers until one has seen every order end.
    async fn fulfil(&mut self) -> Result<(), Failure> {
        let began = Instant::now();
        while let End::Killed = self.live().await? {
            self.numbers.kills += 1;
            self.progress.killed(self.numbers.kills, self.host.requests(), self.outcomes.len());
        }
        self.numbers.took = began.elapsed();
        Ok(())
    }

    /// Runs one worker to its end.
    async fn live(&mut self) -> Result<End, Failure> {
        let (mut worker, mut exited) = self.spawn()?;
        self.confirmed.clear();
        let mut distinct = self.host.distinct();
        let deadly = self.deadly.front().copied();
        let delay = Duration::from_micros(self.rng.below(30_000));
        let moment = async {
            match deadly {
                Some(n) => drop(distinct.wait_for(|seen| *seen >= n).await),
                None => std::future::pending().await,
            }
            tokio::time::sleep(delay).await;
        };
        tokio::pin!(moment);
        loop {
            tokio::select! {
                () = &mut moment => {
                    worker.kill()?;
                    worker.wait()?;
                    self.deadly.pop_front();
                    return Ok(End::Killed);
                }
                _ = &mut exited => {
                    let status = worker.wait()?;
                    // What the worker said last may still be on its way here.
                    while self.confirmed.len() < self.orders.len() {
                        match tokio::time::timeout(Duration::from_secs(1), self.events.recv()).await {
                            Ok(Some(event)) if status.success() => self.handle(event)?,
                            _ => return Err(Failure::WorkerEnded { status }),
                        }
                    }
                    return Ok(End::Done);
                }
                event = tokio::time::timeout(STALLED, self.events.recv()) => match event {
                    Ok(Some(event)) => self.handle(event)?,
                    _ => {
                        worker.kill()?;
                        worker.wait()?;
                        let missing = self.orders.iter().map(|o| o.id).filter(|id| !self.outcomes.contains_key(id));
                        return Err(Failure::Stalled { orders: missing.collect() });
                    }
                }
            }
        }
    }

    /// Starts a worker; the receiver resolves when it has ended, for whatever reason.
    fn spawn(&self) -> Result<(Child, oneshot::Receiver<()>), Failure> {
        let mut worker = Command::new(std::env::current_exe()?)
            .arg("worker")
            .args(["--orders".as_ref(), self.options.orders.as_os_str()])
            .args(["--data".as_ref(), self.data.as_os_str()])
            .args(["--services", &self.address.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let (end, exited) = oneshot::channel();
        let mut stdout = worker.stdout.take();
        std::thread::spawn(move || {
            // The kernel closes the pipe when the process ends.
            let _ = stdout.as_mut().map(|s| s.read_to_end(&mut vec![]));
            let _ = end.send(());
        });
        Ok((worker, exited))
    }

    fn handle(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Connected(worker) => {
                for (order, approval) in &self.outbox {
                    worker.say(&ToWorker::Deliver { order: *order, approval: approval.clone() });
                }
                self.worker = Some(worker);
            }
            Event::Decided { order, approval } if !self.delivered.contains(&order) => {
                if let Some(worker) = &self.worker {
                    worker.say(&ToWorker::Deliver { order, approval: approval.clone() });
                }
                self.outbox.insert(order, approval);
            }
            Event::Decided { .. } => {}
            Event::Broken(ledger) => return Err(ledger.into()),
            Event::Said(FromWorker::Delivered { order }) => {
                self.outbox.remove(&order);
                self.delivered.insert(order);
            }
            Event::Said(FromWorker::Opened { new, millis }) => {
                let attached = self.orders.len() - new;
                self.numbers.opened(attached.saturating_sub(self.outcomes.len()), millis);
            }
            Event::Said(FromWorker::Closed { order, outcome }) => {
                self.confirmed.insert(order, outcome);
                if let Some(before) = self.outcomes.insert(order, outcome).filter(|before| *before != outcome) {
                    let (was, is) = (before.label(), outcome.label());
                    self.numbers.findings.push(format!("order {order} was {was} and, after a restart, is {is}"));
                }
                self.progress.closed(self.outcomes.len());
            }
            Event::Said(FromWorker::Call { .. }) => {}
        }
        Ok(())
    }

    /// Lets a fresh process read every outcome from the store once more, and audits the books; true if all adds up.
    async fn conclude(&mut self) -> Result<bool, Failure> {
        self.host.drained().await;
        self.deadly.clear();
        let requests = self.host.requests();
        self.live().await?;
        let again = self.host.requests() - requests;
        if again > 0 {
            self.numbers.findings.push(format!("{again} requests were made for orders that had ended"));
        }
        self.host.drained().await;
        self.progress.finish();
        let seed = self.options.seed;
        let decision = |order| desk::decision(seed, order).map(|(approval, _)| approval.approved);
        let audit = audit(self.orders, &self.confirmed, &self.host.books(), &decision);
        Ok(print(self.orders.len(), &self.numbers, &self.host.traffic(), &audit))
    }
}
