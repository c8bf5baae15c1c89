//! Where a search ends although there is more: what stands behind these functions does not show in what a step computes.

use super::matches;

/// A path, and why nothing behind it counts.
type Cut = (&'static str, &'static str);

const CUTS: &[Cut] = &[
    // A panic blocks the instance; what the message is made of is called before.
    ("core::panicking::*", PANIC),
    ("std::panicking::begin_panic*", PANIC),
    ("std::panicking::panic_with_hook", PANIC),
    ("std::panicking::rust_panic*", PANIC),
    ("std::panicking::default_hook*", PANIC),
    ("std::panicking::panic_count::*", PANIC),
    ("std::panicking::panic_handler*", PANIC),
    ("std::panicking::catch_unwind::cleanup*", PANIC),
    ("std::panicking::try::cleanup*", PANIC),
    ("std::panic::resume_unwind", PANIC),
    ("std::rt::*", PANIC),
    ("core::result::unwrap_failed", PANIC),
    ("core::result::Result::unwrap", PANIC),
    ("core::result::Result::expect", PANIC),
    ("core::result::Result::unwrap_err", PANIC),
    ("core::result::Result::expect_err", PANIC),
    ("core::option::unwrap_failed", PANIC),
    ("core::option::expect_failed", PANIC),
    ("core::cell::panic_*", PANIC),
    ("core::slice::index::*fail*", PANIC),
    ("core::str::slice_error_fail*", PANIC),
    ("std::thread::local::panic_access_error", PANIC),
    ("std::backtrace::*", BACKTRACE),
    ("<std::backtrace::*", BACKTRACE),
    ("std::sys::backtrace::*", BACKTRACE),
    ("std::backtrace_rs::*", BACKTRACE),
    ("alloc::alloc::handle_alloc_error*", ALLOCATION),
    ("alloc::raw_vec::handle_error*", ALLOCATION),
    ("alloc::raw_vec::capacity_overflow*", ALLOCATION),
    ("std::alloc::*", ALLOCATION),
    ("__rustc::*", ALLOCATION),
    (
        "std::hash::random::RandomState::new*",
        "keyed access does not depend on the keys; going through a map is found by itself",
    ),
    ("<std::hash::random::RandomState as core::default::Default>::default", "as `RandomState::new`"),
    ("std::sys::random::*", "only `RandomState::new` draws from it"),
    ("std::sys::thread_local::destructors::*", THREAD_LOCAL),
    ("std::sys::thread_local::guard::*", THREAD_LOCAL),
    ("std::sys::sync::*", LOCK),
    ("std::sys::pal::unix::futex::*", LOCK),
    ("once_cell::imp::initialize_or_wait", LOCK),
    ("once_cell::imp::wait", LOCK),
    ("parking_lot_core::*", LOCK),
    ("std::thread::panicking", "a step does not run while its thread unwinds"),
    ("std_detect::*", "which instructions there are changes how something is computed, not what"),
    ("regex_automata::meta::regex::Config::get_pool_capacity", "how many caches a regex keeps"),
    ("regex_automata::util::pool::*", "which cache a regex searches with"),
    ("cpufeatures::*", "as `std_detect`"),
    ("memchr::arch::x86_64::*::ifunc*", "as `std_detect`"),
    (
        "jiff::tz::db::*",
        "the time zone database is data that the program comes with; the zone of the system is found by itself",
    ),
    ("workflow_runtime::machine::ambient::side_effect*", "the value is recorded"),
    ("<* as workflow_runtime::activity::def::Activity>::def*", "the body of an activity is not part of a step"),
    ("<* as workflow_runtime::activity::def::Activity>::call*", "the body of an activity is not part of a step"),
    ("<* as workflow_runtime::machine::workflow::InlineWorkflow>::check*", "the check copy never runs"),
    (
        "<* as workflow_runtime::machine::workflow::InlineWorkflow>::def*",
        "the description of a machine, not the machine",
    ),
    ("*::__def", "the description of a machine, not the machine"),
    ("*::__def::DEF", "the description of a machine, not the machine"),
];

const PANIC: &str = "a panic blocks the instance, so nothing of it gets into the state";
const BACKTRACE: &str = "a backtrace is read by people";
const ALLOCATION: &str = "how memory is found, and what happens without it";
const LOCK: &str = "how a lock waits; that there is a lock is found by itself";
const THREAD_LOCAL: &str = "registers what runs when a thread ends";

/// Whether a search ends at a function.
pub(crate) fn is_cut(path: &str) -> bool {
    CUTS.iter().any(|(pattern, _)| matches(path, pattern))
}
