//! The command line.

use crate::generate;
use std::{fmt::Display, net::SocketAddr, path::PathBuf, str::FromStr};

/// What the program says about itself.
pub(crate) const USAGE: &str = "\
usage: order [--orders FILE] [--kills N] [--seed S] [--data DIR] [--keep]
       order generate [--seed S] [--count N]

  --orders FILE  orders to fulfil, one JSON object per line (default: the 1,200 that come with the example)
  --kills N      how often the worker is killed on the way (default: 40)
  --seed S       decides when the worker is killed, which requests fail and who approves what (default: drawn)
  --data DIR     where workflows and ledgers are kept; a run on the same directory goes on (default: a temporary one)
  --keep         keep the temporary directory also on success";

/// What to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    /// Fulfil the orders, supervising a worker.
    Run(Run),
    /// Be the worker.
    Worker(Worker),
    /// Print a file of orders.
    Generate { seed: u64, count: u64 },
    /// Print the usage.
    Help,
}

/// How to run.
#[derive(Debug, PartialEq)]
pub(crate) struct Run {
    pub orders: PathBuf,
    pub kills: u64,
    pub seed: u64,
    pub data: Option<PathBuf>,
    pub keep: bool,
}

/// What the supervisor tells its worker.
#[derive(Debug, PartialEq)]
pub(crate) struct Worker {
    pub orders: PathBuf,
    pub data: PathBuf,
    pub services: SocketAddr,
}

/// Reads the command line, without the program's name.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut args = args.peekable();
    let mode = args.next_if(|a| !a.starts_with('-'));
    let (mut orders, mut data, mut services) = (None, None, None);
    let (mut kills, mut seed, mut count, mut keep) = (None, None, None, false);
    while let Some(option) = args.next() {
        let o = option.as_str();
        match o {
            "--help" | "-h" => return Ok(Command::Help),
            "--keep" => keep = true,
            "--orders" => orders = Some(value::<PathBuf>(o, args.next())?),
            "--data" => data = Some(value::<PathBuf>(o, args.next())?),
            "--services" => services = Some(value::<SocketAddr>(o, args.next())?),
            "--kills" => kills = Some(value::<u64>(o, args.next())?),
            "--seed" => seed = Some(value::<u64>(o, args.next())?),
            "--count" => count = Some(value::<u64>(o, args.next())?),
            _ => return Err(format!("there is no option `{option}`")),
        }
    }
    let orders = orders.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/order/orders.jsonl").into());
    match mode.as_deref() {
        None => {
            let seed = seed.unwrap_or_else(|| rand::random_range(1..1_000_000));
            Ok(Command::Run(Run { orders, kills: kills.unwrap_or(40), seed, data, keep }))
        }
        Some("generate") => {
            let (seed, count) = (seed.unwrap_or(generate::SEED), count.unwrap_or(generate::COUNT));
            Ok(Command::Generate { seed, count })
        }
        Some("worker") => {
            let data = data.ok_or("a worker needs --data")?;
            let services = services.ok_or("a worker needs --services")?;
            Ok(Command::Worker(Worker { orders, data, services }))
        }
        Some(other) => Err(format!("there is no command `{other}`")),
    }
}

fn value<T: FromStr<Err: Display>>(option: &str, value: Option<String>) -> Result<T, String> {
    let value = value.ok_or_else(|| format!("{option} needs a value"))?;
    value.parse().map_err(|e| format!("{option} {value}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(ToOwned::to_owned))
    }

    #[test]
    fn options_are_read() {
        let Ok(Command::Run(run)) = parsed("--orders few.jsonl --kills 3 --seed 9 --keep") else { panic!("a run") };
        assert_eq!((run.orders, run.kills, run.seed, run.keep), ("few.jsonl".into(), 3, 9, true));
        assert_eq!(parsed("generate --count 5"), Ok(Command::Generate { seed: generate::SEED, count: 5 }));
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(parsed("--kill 3"), Err("there is no option `--kill`".into()));
        assert_eq!(parsed("--kills"), Err("--kills needs a value".into()));
        assert_eq!(parsed("--kills many"), Err("--kills many: invalid digit found in string".into()));
        assert_eq!(parsed("fulfil"), Err("there is no command `fulfil`".into()));
    }
}
