//! Names that sound like trouble, for things that are none: types, modules, methods and functions of one's own.

use crate::desk;
use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;

pub mod own_instant {
    use super::*;

    /// A day of a game.
    #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
    pub struct Instant(u32);

    impl Instant {
        pub fn now(turn: u32) -> Instant {
            Instant(turn * 6)
        }

        pub fn elapsed(&self, since: Instant) -> u32 {
            self.0 - since.0
        }
    }

    #[workflow]
    pub async fn own_instant(turns: u32) -> Result<u32, WorkflowError> {
        let began = Instant::now(0);
        sleep(minutes(1)).await?;
        Ok(Instant::now(turns).elapsed(began))
    }
}

pub mod own_modules {
    use super::*;

    pub mod fs {
        pub fn read_to_string(shelf: &[String], at: usize) -> String {
            shelf.get(at).cloned().unwrap_or_default()
        }
    }

    pub mod env {
        pub fn var(of: &str) -> Option<&'static str> {
            [("stage", "test"), ("region", "north")].into_iter().find(|(k, _)| *k == of).map(|(_, v)| v)
        }
    }

    pub mod rand {
        pub fn random(seed: u64) -> u64 {
            seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1)
        }
    }

    #[workflow]
    pub async fn own_modules(shelf: Vec<String>) -> Result<String, WorkflowError> {
        let book = fs::read_to_string(&shelf, rand::random(7) as usize % 3);
        desk::ask(env::var("region").unwrap_or("south")).await?;
        Ok(book)
    }
}

pub mod spawn_a_unit {
    use super::*;

    #[derive(Default, Serialize, Deserialize)]
    pub struct Field {
        units: Vec<(String, u8)>,
    }

    impl Field {
        pub fn spawn(&mut self, kind: &str) -> usize {
            self.units.push((kind.to_owned(), 10));
            self.units.len() - 1
        }

        pub fn select(&self, kind: &str) -> Vec<usize> {
            (0..self.units.len()).filter(|i| self.units[*i].0 == kind).collect()
        }

        pub fn join(&self) -> String {
            self.units.iter().map(|(k, _)| k.as_str()).collect::<Vec<_>>().join("+")
        }
    }

    #[workflow]
    pub async fn spawn_a_unit(kinds: Vec<String>) -> Result<String, WorkflowError> {
        let mut field = Field::default();
        for kind in &kinds {
            field.spawn(kind);
            desk::ask(kind).await?;
        }
        Ok(format!("{} {:?}", field.join(), field.select("knight")))
    }
}

pub mod lock_a_door {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
    pub enum Door {
        Open,
        Locked { code: u16 },
    }

    impl Door {
        pub fn lock(self, code: u16) -> Door {
            Door::Locked { code }
        }

        pub fn try_lock(self) -> Option<u16> {
            if let Door::Locked { code } = self { Some(code) } else { None }
        }
    }

    #[workflow]
    pub async fn lock_a_door(code: u16) -> Result<bool, WorkflowError> {
        let mut door = Door::Open;
        sleep(hours(8)).await?;
        door = door.lock(code);
        desk::store("door", &format!("{door:?}")).await?;
        Ok(door.try_lock() == Some(code))
    }
}

pub mod print_a_label {
    use super::*;

    pub struct Printer {
        width: usize,
    }

    impl Printer {
        pub fn print(&self, line: &desk::Line) -> String {
            format!("{:<w$}|{:>5}", line.sku, line.quantity, w = self.width)
        }

        pub fn write(&self, lines: &[desk::Line]) -> String {
            lines.iter().map(|l| self.print(l)).collect::<Vec<_>>().join("\n")
        }
    }

    #[workflow]
    pub async fn print_a_label(id: u64) -> Result<String, WorkflowError> {
        let order = desk::order(id).await?;
        let text = Printer { width: 12 }.write(&order.lines);
        desk::store("label", &text).await?;
        Ok(text)
    }
}

pub mod cache_without_locks {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Default, Serialize, Deserialize)]
    pub struct Cache {
        known: BTreeMap<String, u64>,
        hits: u32,
    }

    impl Cache {
        pub fn find(&mut self, key: &str) -> Option<u64> {
            let value = self.known.get(key).copied();
            self.hits += u32::from(value.is_some());
            value
        }
    }

    #[workflow]
    pub async fn cache_without_locks(questions: Vec<String>) -> Result<(u64, u32), WorkflowError> {
        let mut cache = Cache::default();
        let mut sum = 0;
        for question in questions {
            let n = match cache.find(&question) {
                Some(n) => n,
                None => desk::count(&question).await?,
            };
            cache.known.insert(question, n);
            sum += n;
        }
        Ok((sum, cache.hits))
    }
}

pub mod fields_with_such_names {
    use super::*;

    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Sample {
        now: i64,
        random: u64,
        env: String,
        thread: u8,
        static_mut: bool,
    }

    #[workflow]
    pub async fn fields_with_such_names(sample: Sample) -> Result<i64, WorkflowError> {
        let Sample { now, random, env, thread, static_mut } = sample;
        desk::store(&env, &format!("{thread} {static_mut}")).await?;
        let channel = now + random as i64;
        let sleep = channel / 2;
        Ok(sleep)
    }
}

pub mod a_process_of_ours {
    use super::*;

    /// A process of a plant, not of the computer.
    pub mod process {
        pub fn id(name: &str) -> usize {
            name.len()
        }

        pub fn exit(id: usize) -> usize {
            id + 1
        }
    }

    pub mod thread {
        pub fn sleep(pitch: u32) -> u32 {
            pitch * 2
        }

        pub fn current() -> &'static str {
            "M8"
        }
    }

    #[workflow]
    pub async fn a_process_of_ours(name: String) -> Result<usize, WorkflowError> {
        let at = process::exit(process::id(&name));
        desk::ask(thread::current()).await?;
        Ok(at + thread::sleep(3) as usize)
    }
}

pub mod own_uuid {
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Uuid(String);

    impl Uuid {
        pub fn new_v4(from: &str) -> Uuid {
            Uuid(format!("{from}-v4"))
        }
    }

    pub struct OsRng;

    impl OsRng {
        pub fn next(&self, after: u32) -> u32 {
            after + 1
        }
    }

    #[workflow]
    pub async fn own_uuid(name: String) -> Result<Uuid, WorkflowError> {
        let id = Uuid::new_v4(&name);
        desk::count(&format!("{id:?}{}", OsRng.next(1))).await?;
        Ok(id)
    }
}

pub mod queue_and_channel {
    use super::*;
    use std::collections::VecDeque;

    #[derive(Serialize, Deserialize)]
    pub struct Channel<T> {
        waiting: VecDeque<T>,
    }

    impl<T> Channel<T> {
        pub fn send(&mut self, value: T) {
            self.waiting.push_back(value);
        }

        pub fn recv(&mut self) -> Option<T> {
            self.waiting.pop_front()
        }
    }

    #[workflow]
    pub async fn queue_and_channel(first: Vec<String>) -> Result<u32, WorkflowError> {
        let mut channel = Channel { waiting: VecDeque::new() };
        first.into_iter().for_each(|f| channel.send(f));
        let mut n = 0;
        while let Some(next) = channel.recv() {
            n += 1;
            if next.len() > 1 && n < 100 {
                channel.send(desk::ask(&next[1..]).await?);
            }
        }
        Ok(n)
    }
}

pub mod functions_with_such_names {
    use super::*;

    fn getrandom(n: u32) -> u32 {
        n ^ 0x5555
    }

    fn available_parallelism(desks: &[String]) -> usize {
        desks.iter().filter(|d| d.starts_with("open")).count()
    }

    fn type_name(of: u8) -> &'static str {
        ["order", "offer", "bill"][usize::from(of) % 3]
    }

    fn select(all: &[String], of: u32) -> Option<&String> {
        all.get(of as usize)
    }

    #[workflow]
    pub async fn functions_with_such_names(desks: Vec<String>) -> Result<usize, WorkflowError> {
        let name = type_name(2);
        desk::store(name, select(&desks, getrandom(0x5555)).map_or("", |d| d)).await?;
        Ok(available_parallelism(&desks))
    }
}

pub mod log_of_a_ship {
    use super::*;

    #[derive(Default, Serialize, Deserialize)]
    pub struct Log(Vec<String>);

    impl Log {
        pub fn info(&mut self, text: &str) {
            self.0.push(text.to_owned());
        }

        pub fn dbg(&self) -> usize {
            self.0.len()
        }
    }

    macro_rules! entry {
        ($log:expr, $($part:tt)*) => { $log.info(&format!($($part)*)) };
    }

    #[workflow]
    pub async fn log_of_a_ship(watches: u32) -> Result<usize, WorkflowError> {
        let mut log = Log::default();
        for watch in 0..watches {
            entry!(log, "watch {watch}: all's well");
            sleep(hours(4)).await?;
        }
        Ok(log.dbg())
    }
}

/// Methods that pointers have too.
pub mod own_addresses {
    use super::*;

    pub struct Host {
        port: u16,
        columns: usize,
    }

    impl Host {
        fn addr(&self) -> String {
            format!("host:{}", self.port)
        }
        fn is_aligned(&self) -> bool {
            self.columns.is_multiple_of(8)
        }
    }

    fn host(port: u16) -> Host {
        Host { port, columns: usize::from(port) }
    }

    #[workflow]
    pub async fn own_addresses(port: u16) -> Result<String, WorkflowError> {
        let at = host(port);
        let text = format!("{} {} {}", at.addr(), host(port + 1).addr(), at.is_aligned());
        desk::store("host", &text).await?;
        Ok(text)
    }
}

/// A zone of a map, an agreement and a queue, under the names of chrono's clock and of locks.
pub mod own_clocks_and_locks {
    use super::*;

    #[derive(Debug, Clone, Copy)]
    pub struct Utc;

    impl Utc {
        pub fn now() -> i32 {
            0
        }
    }

    pub struct Mutex(u8);

    impl Mutex {
        pub fn new(side: u8) -> Mutex {
            Mutex(side % 2)
        }
    }

    pub struct RwLock<T> {
        pub keys: Vec<T>,
    }

    impl<T> RwLock<T> {
        pub fn new(first: T) -> Self {
            RwLock { keys: vec![first] }
        }
    }

    pub struct Stamp<T>(T);

    impl<T: Default> Stamp<T> {
        pub fn now() -> Stamp<T> {
            Stamp(T::default())
        }
    }

    #[workflow]
    pub async fn own_clocks_and_locks(side: u8) -> Result<i32, WorkflowError> {
        let (zone, mutex, lock) = (Utc::now(), Mutex::new(side), RwLock::new(side));
        let stamp = Stamp::<u8>::now();
        desk::store("keys", &format!("{zone} {} {:?} {}", mutex.0, lock.keys, stamp.0)).await?;
        Ok(zone)
    }
}
