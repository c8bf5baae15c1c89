//! The worker's end of the connection: many calls at once over one socket.

use super::{Answer, FromWorker, Request, ToWorker, Unavailable, desk, payment, shipping, stock};
use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{mpsc, oneshot};

/// A connection to the services.
#[derive(Clone)]
pub(crate) struct Services(Arc<Shared>);

/// A decision that is to be signalled to an order.
pub(crate) type Decision = (u64, desk::Approval);

struct Shared {
    socket: Mutex<TcpStream>,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Result<Answer, Unavailable>>>>,
    next: AtomicU64,
}

impl Services {
    /// Connects, and gives the decisions that come in over the same connection.
    ///
    /// When the services go away, this process ends: there is nothing left to work for.
    ///
    /// # Errors
    ///
    /// Nobody listens there.
    pub(crate) fn connect(to: SocketAddr) -> io::Result<(Self, mpsc::UnboundedReceiver<Decision>)> {
        let socket = TcpStream::connect(to)?;
        socket.set_nodelay(true)?;
        let lines = BufReader::new(socket.try_clone()?).lines();
        let (decisions, received) = mpsc::unbounded_channel();
        let waiting = Mutex::new(HashMap::new());
        let shared = Arc::new(Shared { socket: Mutex::new(socket), waiting, next: AtomicU64::new(0) });
        let services = Services(shared.clone());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                match serde_json::from_str(&line) {
                    Ok(ToWorker::Answer { id, answer }) => {
                        if let Some(caller) = lock(&shared.waiting).remove(&id) {
                            let _ = caller.send(answer); // the attempt may have timed out
                        }
                    }
                    Ok(ToWorker::Deliver { order, approval }) => {
                        let _ = decisions.send((order, approval));
                    }
                    Err(e) => eprintln!("the services said what this worker does not understand: {e}"),
                }
            }
            std::process::exit(0);
        });
        Ok((services, received))
    }

    /// Tells the supervisor something.
    pub(crate) fn say(&self, message: &FromWorker) {
        let Ok(mut line) = serde_json::to_vec(message) else { return };
        line.push(b'\n');
        // If it cannot be written the connection is gone, and with it, in a moment, this process.
        let _ = lock(&self.0.socket).write_all(&line);
    }

    async fn call(&self, key: String, request: Request) -> Result<Answer, Unavailable> {
        let service = request.service();
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let (caller, answer) = oneshot::channel();
        lock(&self.0.waiting).insert(id, caller);
        self.say(&FromWorker::Call { id, key, request });
        answer.await.unwrap_or_else(|_| Err(Unavailable { service: service.into() }))
    }

    /// Asks the payment service.
    pub(crate) async fn payment(&self, key: String, r: payment::Request) -> Result<payment::Answer, Unavailable> {
        match self.call(key, Request::Payment(r)).await? {
            Answer::Payment(answer) => Ok(answer),
            _ => Err(Unavailable { service: "payment".into() }),
        }
    }

    /// Asks the warehouse.
    pub(crate) async fn stock(&self, key: String, r: stock::Request) -> Result<stock::Answer, Unavailable> {
        match self.call(key, Request::Stock(r)).await? {
            Answer::Stock(answer) => Ok(answer),
            _ => Err(Unavailable { service: "stock".into() }),
        }
    }

    /// Asks the carriers.
    pub(crate) async fn shipping(&self, key: String, r: shipping::Request) -> Result<shipping::Answer, Unavailable> {
        match self.call(key, Request::Shipping(r)).await? {
            Answer::Shipping(answer) => Ok(answer),
            _ => Err(Unavailable { service: "shipping".into() }),
        }
    }

    /// Asks somebody to look at an order.
    pub(crate) async fn desk(&self, key: String, r: desk::Request) -> Result<(), Unavailable> {
        self.call(key, Request::Desk(r)).await.map(|_| ())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
