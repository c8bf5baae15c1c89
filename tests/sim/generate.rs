//! Random programs, and clients for them.

use crate::{
    model,
    program::{Done, Op, SIGNALS, Work, program},
};
use workflow_runtime::testing::sim::Scenario;

/// Some instances, each with a program of its own.
pub(crate) fn world(world: &mut Scenario) {
    world.state(Done::default());
    let instances = world.size(6);
    for n in 0..instances {
        let id = format!("program-{n}");
        let length = world.size(10);
        let ops = Writer { next: n * 1000, left: 40 }.body(world, length, 0);
        world.start(id.clone(), program(ops.clone()));
        let mut payload = n * 100;
        for signal in &SIGNALS {
            for _ in 0..world.random(4) {
                payload += 1;
                // Two that look alike must be told apart all the same.
                let sent = if world.random(10) == 0 { 7 } else { payload };
                world.signal(id.clone(), signal, sent);
            }
        }
        if world.random(8) == 0 {
            world.cancel(id.clone(), "changed their mind");
        }
        if world.random(12) == 0 {
            world.terminate(id.clone(), "enough");
        }
        world.check(move |end| model::judge(end, &id, &ops));
    }
}

/// What decides what is written.
pub(crate) trait Dice {
    /// A number below `n`.
    fn random(&mut self, n: u64) -> u64;
    /// A size from 1 to `most`.
    fn size(&mut self, most: u64) -> u64;
}

impl Dice for Scenario {
    fn random(&mut self, n: u64) -> u64 {
        Scenario::random(self, n)
    }

    fn size(&mut self, most: u64) -> u64 {
        Scenario::size(self, most)
    }
}

/// A program of at most so many operations.
pub(crate) fn ops(dice: &mut impl Dice, length: u64, left: u64) -> Vec<Op> {
    Writer { next: 0, left }.body(dice, length, 0)
}

struct Writer {
    /// The id of the next activity.
    next: u64,
    /// Operations that may still be written.
    left: u64,
}

impl Writer {
    fn body(&mut self, world: &mut impl Dice, length: u64, depth: u64) -> Vec<Op> {
        let mut ops = vec![];
        for _ in 0..length {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            ops.push(self.op(world, depth));
        }
        ops
    }

    fn op(&mut self, world: &mut impl Dice, depth: u64) -> Op {
        let seconds = [0, 1, 60, 86_400][world.random(4) as usize];
        let name = world.random(SIGNALS.len() as u64) as usize;
        match world.random(28) {
            0..=2 => Op::Steady(self.work(world)),
            3..=5 => Op::Flaky(self.work(world)),
            6..=7 => Op::Stubborn(self.work(world)),
            8..=9 => Op::Sleep { seconds },
            10 => Op::Recv { name },
            11..=12 => Op::RecvWithin { name, seconds },
            13..=14 => {
                self.next += 1;
                Op::Undo { id: self.next }
            }
            15 => match world.random(4) {
                0 => Op::Fail { code: self.next as u32 },
                1 => Op::Commit,
                _ => Op::Draw,
            },
            16 => Op::Carry { bytes: world.random(6000), seconds },
            17..=18 if depth < 4 => {
                let length = world.size(4);
                Op::Try { body: self.body(world, length, depth + 1) }
            }
            19 if depth < 4 => {
                let (length, times) = (world.size(3), 1 + world.random(3) as u32);
                Op::Repeat { times, body: self.body(world, length, depth + 1) }
            }
            20 | 21 if depth < 3 => {
                self.next += 1;
                let (id, length) = (self.next, world.size(4));
                Op::Child { id, body: self.body(world, length, depth + 1) }
            }
            22 | 23 if depth < 3 => {
                self.next += 1;
                let (id, length) = (self.next, world.size(4));
                Op::Spawn { id, close: world.random(3), body: self.body(world, length, depth + 1) }
            }
            24 => Op::Await,
            25 => {
                self.next += 1;
                Op::Tell { name, payload: 1_000_000 + self.next }
            }
            26 => {
                self.next += 1;
                Op::Send { to: format!("program-{}", world.random(6)), name, payload: 1_000_000 + self.next }
            }
            27 => match world.random(3) {
                0 => {
                    let (works, limit) = (self.works(world), 1 + world.random(4) as usize);
                    Op::All { works, limit }
                }
                1 => Op::Each { works: self.works(world) },
                _ => Op::First { seconds: (0..world.random(4)).map(|n| seconds * (n + 1)).collect() },
            },
            _ => Op::Draw,
        }
    }

    fn works(&mut self, world: &mut impl Dice) -> Vec<Work> {
        (0..world.random(5)).map(|_| self.work(world)).collect()
    }

    fn work(&mut self, world: &mut impl Dice) -> Work {
        self.next += 1;
        let fails = [0, 0, 0, 1, 2, 6][world.random(6) as usize];
        Work { id: self.next, fails, declines: world.random(12) == 0 }
    }
}
