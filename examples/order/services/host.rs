//! The services' end of the connection: hosts the ledgers, draws the faults, counts every request.

use super::{
    Answer, FromWorker, Request, ToWorker, Unavailable,
    desk::{self, Approval, Desk},
    faults::{Fate, Fault, fate},
    ledger::{Ledger, LedgerError},
    payment::Payment,
    shipping::Shipping,
    stock::Stock,
};
use crate::audit::Books;
use std::{
    collections::{BTreeMap, HashMap},
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
};

/// What happens at the services that the supervisor wants to know.
pub(crate) enum Event {
    /// A worker has connected.
    Connected(Connection),
    /// A worker said something that is no call.
    Said(FromWorker),
    /// Somebody at the desk has decided about an order.
    Decided { order: u64, approval: Approval },
    /// A ledger failed: nothing that follows would mean anything.
    Broken(LedgerError),
}

/// How to reach a worker.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Mutex<TcpStream>>);

impl Connection {
    /// Says something to the worker. A worker that was killed does not hear it.
    pub(crate) fn say(&self, message: &ToWorker) {
        let Ok(mut line) = serde_json::to_vec(message) else { return };
        line.push(b'\n');
        let _ = lock(&self.0).write_all(&line);
    }
}

/// The services of one run of the program.
pub(crate) struct Host {
    seed: u64,
    payment: Ledger<Payment>,
    stock: Ledger<Stock>,
    shipping: Ledger<Shipping>,
    desk: Ledger<Desk>,
    traffic: Mutex<Traffic>,
    requests: AtomicU64,
    distinct: watch::Sender<u64>,
    in_flight: watch::Sender<u64>,
    events: mpsc::UnboundedSender<Event>,
}

/// Requests as they came in, repeated ones included.
#[derive(Default, Clone)]
pub(crate) struct Traffic {
    /// By service and content: how often it came under each idempotency key.
    pub seen: BTreeMap<(&'static str, String), HashMap<String, u64>>,
    /// How often each fault struck.
    pub faults: HashMap<Fault, u64>,
}

impl Host {
    /// Opens the ledgers below `data`.
    ///
    /// # Errors
    ///
    /// A ledger cannot be opened.
    pub(crate) fn open(data: &Path, seed: u64) -> Result<(Arc<Self>, mpsc::UnboundedReceiver<Event>), LedgerError> {
        let (events, received) = mpsc::unbounded_channel();
        let host = Host {
            seed,
            payment: Ledger::open(&data.join("payment"))?,
            stock: Ledger::open(&data.join("stock"))?,
            shipping: Ledger::open(&data.join("shipping"))?,
            desk: Ledger::open(&data.join("approvals"))?,
            traffic: Mutex::default(),
            requests: AtomicU64::new(0),
            distinct: watch::Sender::new(0),
            in_flight: watch::Sender::new(0),
            events,
        };
        Ok((Arc::new(host), received))
    }

    /// Listens on a free loopback port, in the background and until the process ends.
    ///
    /// # Errors
    ///
    /// There is no such port.
    pub(crate) fn listen(self: &Arc<Self>) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (host, runtime) = (self.clone(), Handle::current());
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (host, runtime) = (host.clone(), runtime.clone());
                std::thread::spawn(move || host.converse(socket, &runtime));
            }
        });
        Ok(address)
    }

    /// Hears one worker out.
    fn converse(self: Arc<Self>, socket: TcpStream, runtime: &Handle) {
        let _ = socket.set_nodelay(true);
        let Ok(reader) = socket.try_clone() else { return };
        let connection = Connection(Arc::new(Mutex::new(socket)));
        let _ = self.events.send(Event::Connected(connection.clone()));
        for line in BufReader::new(reader).lines().map_while(Result::ok) {
            // The last line of a killed worker may be cut off anywhere.
            match serde_json::from_str(&line) {
                Ok(FromWorker::Call { id, key, request }) => {
                    self.in_flight.send_modify(|n| *n += 1);
                    runtime.spawn(self.clone().serve(connection.clone(), id, key, request));
                }
                Ok(said) => {
                    let _ = self.events.send(Event::Said(said));
                }
                Err(_) => break,
            }
        }
    }

    /// Serves one request, as badly as the seed says.
    async fn serve(self: Arc<Self>, to: Connection, id: u64, key: String, request: Request) {
        let Fate { fault, latency } = self.count(&key, &request);
        tokio::time::sleep(latency).await;
        let unavailable = Err(Unavailable { service: request.service().into() });
        let answer = if fault == Fault::Before { unavailable.clone() } else { self.clone().decide(key, request).await };
        match fault {
            Fault::None | Fault::Before | Fault::Late => to.say(&ToWorker::Answer { id, answer }),
            Fault::After => to.say(&ToWorker::Answer { id, answer: unavailable }),
            Fault::LostReply => {}
        }
        self.in_flight.send_modify(|n| *n -= 1);
    }

    fn count(&self, key: &str, request: &Request) -> Fate {
        let content = serde_json::to_string(request).unwrap_or_default();
        let mut traffic = lock(&self.traffic);
        let keys = traffic.seen.entry((request.service(), content.clone())).or_default();
        let nth = keys.values().sum();
        let first = !keys.contains_key(key);
        *keys.entry(key.to_owned()).or_default() += 1;
        let fate = fate(self.seed, &content, nth);
        *traffic.faults.entry(fate.fault).or_default() += 1;
        drop(traffic);
        self.requests.fetch_add(1, Ordering::Relaxed);
        if first {
            self.distinct.send_modify(|n| *n += 1);
        }
        fate
    }

    /// Lets the service decide, off the runtime's threads: it writes to disk.
    async fn decide(self: Arc<Self>, key: String, request: Request) -> Result<Answer, Unavailable> {
        let service = request.service();
        let asked = if let Request::Desk(r) = &request { Some(r.order) } else { None };
        let unavailable = || Unavailable { service: service.into() };
        let host = self.clone();
        let decided = tokio::task::spawn_blocking(move || match &request {
            Request::Payment(r) => host.payment.answer(&key, r).map(Answer::Payment),
            Request::Stock(r) => host.stock.answer(&key, r).map(Answer::Stock),
            Request::Shipping(r) => host.shipping.answer(&key, r).map(Answer::Shipping),
            Request::Desk(r) => host.desk.answer(&key, r).map(Answer::Desk),
        });
        let answer = decided.await.map_err(|_| unavailable())?.map_err(|broken| {
            let _ = self.events.send(Event::Broken(broken));
            unavailable()
        })?;
        asked.into_iter().for_each(|order| self.put_on_the_desk(order));
        Ok(answer)
    }

    /// Lets somebody get to the order in their own time, or nobody.
    fn put_on_the_desk(&self, order: u64) {
        let Some((approval, delay)) = desk::decision(self.seed, order) else { return };
        let events = self.events.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let _ = events.send(Event::Decided { order, approval });
        });
    }

    /// Takes up again what lay on the desk when this program last ended.
    pub(crate) fn reopen_the_desk(&self) {
        self.desk.entries().iter().for_each(|e| self.put_on_the_desk(e.order));
    }

    /// Requests that came in so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Requests that came in so far, repeated ones not counted: how far the work has come.
    pub(crate) fn distinct(&self) -> watch::Receiver<u64> {
        self.distinct.subscribe()
    }

    /// Waits until nothing is under way any more, not even what no worker waits for.
    pub(crate) async fn drained(&self) {
        let _ = self.in_flight.subscribe().wait_for(|n| *n == 0).await;
    }

    /// Requests as they came in.
    pub(crate) fn traffic(&self) -> Traffic {
        lock(&self.traffic).clone()
    }

    /// Everything that the services wrote down.
    pub(crate) fn books(&self) -> Books {
        Books {
            payment: self.payment.entries(),
            stock: self.stock.entries(),
            shipping: self.shipping.entries(),
            desk: self.desk.entries(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
