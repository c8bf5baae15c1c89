//! Clocks.

pub use std::time::SystemTime as Moment;
use std::{
    ops::Deref,
    sync::atomic::{AtomicPtr, Ordering},
    time::Instant,
};

pub fn seconds() -> u64 {
    Moment::now().duration_since(Moment::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

pub fn c_time() -> i64 {
    // No memory is passed.
    unsafe { libc::time(std::ptr::null_mut()) }
}

/// What the processor counts.
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        let (low, high): (u32, u32);
        // Reads a counter and nothing else.
        unsafe { std::arch::asm!("rdtsc", out("eax") low, out("edx") high, options(nomem, nostack)) };
        u64::from(high) << 32 | u64::from(low)
    }
    #[cfg(not(target_arch = "x86_64"))]
    0
}

pub trait Clock {
    fn unix(&self) -> u64;
}

pub struct Frozen(pub u64);
pub struct System;

impl Clock for Frozen {
    fn unix(&self) -> u64 {
        self.0
    }
}

impl Clock for System {
    fn unix(&self) -> u64 {
        seconds()
    }
}

pub trait Source {
    fn read() -> u64;
}

pub struct Wall;

impl Source for Wall {
    fn read() -> u64 {
        seconds() / 60
    }
}

impl Source for Frozen {
    fn read() -> u64 {
        12
    }
}

pub fn read<S: Source>() -> u64 {
    S::read() + 1
}

static REGISTERED: AtomicPtr<fn() -> u64> = AtomicPtr::new(std::ptr::null_mut());

/// For the program that has a `main`: no workflow calls it.
pub fn register(source: &'static fn() -> u64) {
    REGISTERED.store(std::ptr::from_ref(source).cast_mut(), Ordering::Release);
}

/// What the registered source says.
pub fn registered() -> u64 {
    // Null, or what `register` was given, which lives for ever.
    unsafe { REGISTERED.load(Ordering::Acquire).as_ref() }.map_or(0, |source| source())
}

/// A text with the time in it, made where it is read.
pub struct Stamp {
    text: String,
    began: Instant,
}

impl Default for Stamp {
    fn default() -> Self {
        Stamp { text: format!("stamp {}", seconds()), began: Instant::now() }
    }
}

impl Deref for Stamp {
    type Target = str;

    fn deref(&self) -> &str {
        if self.began.elapsed().is_zero() { "" } else { &self.text }
    }
}

/// Writes how long it lived.
pub struct Span<'a> {
    began: Instant,
    lines: &'a mut Vec<String>,
}

impl<'a> Span<'a> {
    pub fn enter(lines: &'a mut Vec<String>) -> Span<'a> {
        Span { began: Instant::now(), lines }
    }
}

impl Drop for Span<'_> {
    fn drop(&mut self) {
        self.lines.push(format!("{:?}", self.began.elapsed()));
    }
}

/// Ends when the time is over.
pub struct TimedIter<I> {
    inner: I,
    until: Instant,
}

impl<I: Iterator> Iterator for TimedIter<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        if Instant::now() > self.until { None } else { self.inner.next() }
    }
}

pub trait Timed: Iterator + Sized {
    fn timed(self, millis: u64) -> TimedIter<Self> {
        TimedIter { inner: self, until: Instant::now() + std::time::Duration::from_millis(millis) }
    }
}

impl<I: Iterator> Timed for I {}
