//! Compiled for other platforms by a test, which have no standard library here: what the language itself needs is declared.

#![feature(no_core, lang_items, auto_traits, arbitrary_self_types)]
#![allow(internal_features)]
#![no_core]
#![crate_type = "lib"]

#[lang = "pointee_sized"]
pub trait PointeeSized {}
#[lang = "meta_sized"]
pub trait MetaSized: PointeeSized {}
#[lang = "sized"]
pub trait Sized: MetaSized {}
#[lang = "copy"]
pub trait Copy {}
#[lang = "sync"]
pub unsafe trait Sync {}
#[lang = "freeze"]
unsafe auto trait Freeze {}
#[lang = "legacy_receiver"]
pub trait LegacyReceiver {}
#[lang = "unsize"]
pub trait Unsize<T: PointeeSized>: PointeeSized {}
#[lang = "coerce_unsized"]
pub trait CoerceUnsized<T> {}
#[lang = "dispatch_from_dyn"]
pub trait DispatchFromDyn<T> {}
#[lang = "drop_in_place"]
unsafe fn drop_in_place<T: PointeeSized>(_: *mut T) {}

impl Copy for u8 {}
impl<T: PointeeSized> LegacyReceiver for &T {}
impl<'a, T: PointeeSized + Unsize<U>, U: PointeeSized> CoerceUnsized<&'a U> for &'a T {}
impl<'a, T: PointeeSized + Unsize<U>, U: PointeeSized> DispatchFromDyn<&'a U> for &'a T {}

pub struct Table(fn() -> u8);
unsafe impl Sync for Table {}

pub trait Clock {
    fn read(&self) -> u8;
}

pub struct Wall;

impl Clock for Wall {
    fn read(&self) -> u8 {
        by_table()
    }
}

unsafe extern "C" {
    safe fn outside() -> u8;
}

pub static TABLE: Table = Table(by_table);
pub static mut COUNTER: u8 = 1;

fn by_table() -> u8 {
    outside()
}

fn by_object(clock: &dyn Clock) -> u8 {
    clock.read()
}

pub fn caller() -> u8 {
    by_object(&Wall);
    unsafe { COUNTER = 2 };
    (TABLE.0)()
}
