//! What stands next to trouble in the standard library: traits of I/O over memory, cells within a step, casts by `Any`, lazy patterns.

use crate::desk;
use serde::{Deserialize, Serialize};
use std::{
    any::Any,
    cell::{Cell, OnceCell, RefCell},
    collections::{BTreeMap, HashMap, HashSet},
    io::{self, BufRead as _, Cursor, Read as _, Seek as _, SeekFrom, Write as _},
    rc::Rc,
    sync::{Arc, LazyLock},
};
use workflow_runtime::prelude::*;

pub mod bytes_as_a_file {
    use super::*;

    fn encode(rows: &[(u16, String)]) -> io::Result<Vec<u8>> {
        let mut out = vec![];
        for (n, text) in rows {
            out.write_all(&n.to_be_bytes())?;
            writeln!(out, "{text}")?;
        }
        Ok(out)
    }

    #[workflow]
    pub async fn bytes_as_a_file(rows: Vec<(u16, String)>) -> Result<usize, WorkflowError> {
        let bytes = encode(&rows)?;
        desk::store("file", &String::from_utf8_lossy(&bytes)).await?;
        let mut cursor = Cursor::new(&bytes);
        cursor.seek(SeekFrom::Start(2))?;
        let mut rest = String::new();
        cursor.take(5).read_to_string(&mut rest)?;
        Ok(rest.len())
    }
}

pub mod lines_of_bytes {
    use super::*;

    #[workflow]
    pub async fn lines_of_bytes(body: Vec<u8>) -> Result<u64, WorkflowError> {
        let mut sum = 0;
        let lines = body.lines().collect::<io::Result<Vec<String>>>()?;
        for line in &lines {
            sum += desk::count(line).await?;
        }
        Ok(sum)
    }
}

pub mod cells_within_a_step {
    use super::*;

    #[workflow]
    pub async fn cells_within_a_step(names: Vec<String>) -> Result<(u32, String), WorkflowError> {
        let (n, longest) = {
            let (calls, longest) = (Cell::new(0), RefCell::new(String::new()));
            let look = |name: &String| {
                calls.set(calls.get() + 1);
                if name.len() > longest.borrow().len() {
                    longest.replace(name.clone());
                }
            };
            names.iter().for_each(look);
            (calls.get(), longest.take())
        };
        desk::store("longest", &longest).await?;
        Ok((n, longest))
    }
}

pub mod shared_within_a_step {
    use super::*;

    fn graph(n: u32) -> u32 {
        let root = Rc::new(OnceCell::new());
        let copies: Vec<Rc<OnceCell<u32>>> = (0..n).map(|_| Rc::clone(&root)).collect();
        root.set(7).ok();
        let text: Arc<str> = "seven".into();
        copies.iter().filter_map(|c| c.get()).sum::<u32>() + text.len() as u32
    }

    #[workflow]
    pub async fn shared_within_a_step(n: u32) -> Result<u32, WorkflowError> {
        let sum = graph(n.min(9));
        desk::store("sum", &sum.to_string()).await?;
        Ok(sum)
    }
}

pub mod lazy_pattern {
    use super::*;
    use regex::Regex;

    static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b\w{4,}\b").expect("a pattern"));

    fn words(text: &str) -> usize {
        WORD.find_iter(text).count()
    }

    #[workflow]
    pub async fn lazy_pattern(url: String) -> Result<usize, WorkflowError> {
        let text = desk::fetch(&url).await?;
        Ok(words(&text))
    }
}

pub mod lazy_table {
    use super::*;

    static RATES: LazyLock<BTreeMap<&str, u32>> = LazyLock::new(|| BTreeMap::from([("de", 19), ("fr", 20)]));

    #[workflow]
    pub async fn lazy_table(country: String, cents: u32) -> Result<u32, WorkflowError> {
        let tax = cents * RATES.get(country.as_str()).copied().unwrap_or(0) / 100;
        desk::store("tax", &tax.to_string()).await?;
        Ok(tax)
    }
}

pub mod cast_by_any {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("only {0} left")]
    pub struct Short(u64);

    fn check(there: u64, wanted: u64) -> anyhow::Result<()> {
        if there < wanted { Err(Short(there).into()) } else { Ok(()) }
    }

    fn size(thing: &dyn Any) -> u64 {
        thing.downcast_ref::<String>().map_or(0, |s| s.len() as u64)
    }

    #[workflow]
    pub async fn cast_by_any(sku: String, wanted: u64) -> Result<u64, WorkflowError> {
        let there = desk::count(&sku).await? + size(&sku);
        let left = match check(there, wanted) {
            Ok(()) => there - wanted,
            Err(e) => e.downcast_ref::<Short>().map_or(0, |s| s.0),
        };
        desk::store(&sku, &left.to_string()).await?;
        Ok(left)
    }
}

pub mod a_map_by_another_name {
    use super::*;
    use std::collections::BTreeMap as Map;

    type HashMap<K, V> = Map<K, V>;

    #[workflow]
    pub async fn a_map_by_another_name(names: Vec<String>) -> Result<String, WorkflowError> {
        let mut map: HashMap<String, usize> = HashMap::new();
        for name in names {
            let n = name.len();
            map.insert(name, n);
        }
        let mut text = format!("{map:?}");
        for (name, n) in &map {
            desk::store(name, &n.to_string()).await?;
            text.push_str(name);
        }
        Ok(text)
    }
}

pub mod maps_of_maps {
    use super::*;

    #[workflow]
    pub async fn maps_of_maps(mut stock: HashMap<String, u32>, sold: HashSet<String>) -> Result<bool, WorkflowError> {
        stock.retain(|sku, n| *n > 0 && !sold.contains(sku));
        desk::store("stock", &stock.len().to_string()).await?;
        let dear: HashMap<String, u32> = stock.into_iter().filter(|(_, n)| *n > 10).collect();
        let copy = dear.clone();
        Ok(dear == copy && dear.values().any(|n| n % 2 == 0))
    }
}

pub mod braces_in_text {
    use super::*;

    #[workflow]
    pub async fn braces_in_text(name: String) -> Result<String, WorkflowError> {
        let text = format!("{{:p}} is not {name:?}, SystemTime::now() is not called, println!(\"{{}}\") neither");
        desk::mail("ann@example.com", &text).await?;
        Ok(text)
    }
}

pub mod types_that_are_only_named {
    use super::*;
    use std::{marker::PhantomData, process::ExitStatus, time::Instant};

    #[derive(Serialize, Deserialize)]
    pub struct Id<T> {
        n: u64,
        #[serde(skip)]
        of: PhantomData<T>,
    }

    pub enum Never {
        Process(ExitStatus),
        Time(Instant),
    }

    fn parse(text: &str) -> Result<Id<Instant>, Option<Never>> {
        text.parse().map(|n| Id { n, of: PhantomData }).map_err(|_| None)
    }

    #[workflow]
    pub async fn types_that_are_only_named(texts: Vec<String>) -> Result<u64, WorkflowError> {
        let mut sum = 0;
        for text in &texts {
            let answer = desk::ask(text).await?;
            sum += parse(&answer).map_or(0, |id| id.n);
        }
        Ok(sum)
    }
}

pub mod panics_that_say_why {
    use super::*;

    fn share(cents: u64, n: u64) -> u64 {
        assert!(n > 0, "shared by nobody: {cents}");
        debug_assert!(cents < 1_000_000_000);
        cents.checked_div(n).unwrap_or_else(|| unreachable!("{n} is not zero"))
    }

    #[workflow]
    pub async fn panics_that_say_why(cents: u64, names: Vec<String>) -> Result<u64, WorkflowError> {
        let each = share(cents, names.len() as u64);
        for name in &names {
            desk::mail(name, &each.to_string()).await?;
        }
        Ok(names.first().map(|_| each).expect("there is a name"))
    }
}
